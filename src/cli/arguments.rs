//! The commands and their options, as clap reads them.

use std::num::ParseIntError;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::check::Check;
use super::prune::Prune;
use super::queue::{QueueArguments, Turn};
use super::recipe_options::{OfAll, OfCnn, OfDeep, OfFeatures, OfFinetune, Offer, RecipeOptions};
use crate::data::split::Protocol;
use crate::domain::hyperparameter::Patience;
use crate::domain::{DatasetName, Preprocessing, RunId, Split, Tag, WeightsName};
use crate::runs::inspection::Order;
use crate::runs::{Job, SortKey};

const EXIT_CODES: &str = "\
Exit codes:
  0    done; for train, resume, watch and evaluate: the run finished
  1    failed: the run failed, diverged or was lost, or there is no such run or dataset
  2    wrong usage: an unknown command or option, or a value that is not accepted
  130  stopped on request, or left with Ctrl-C

RUN is the id of a run, the beginning of one, or `latest`.
HOME is --home, else $MIEN_HOME, else the current folder if it has data/ or checkpoints/, else your data folder.";

const FILTERS: &str = "\
A filter is words, all of which a run has to fulfil:
  WORD            the word is in its name, strategy, dataset, tags or note
  FIELD:VALUE     the field has the value, or the word in it; also = != < <= > >=
  !WORD           the opposite; A,B means either (quote < > ! | from the shell)
Fields: state strategy dataset name tag device note epoch best val_loss val_acc test_acc f1 rate age
Examples: 'state:running'  'val_acc>0.6'  'age<2h'  '!tag=old'  'strategy:cnn,features'
KEY is one of name state strategy dataset epoch val_loss val_acc test_acc f1 rate age.";

/// A training lab for facial-expression classifiers that lives in a terminal. Without a command: the dashboard.
#[derive(Debug, Parser)]
#[command(name = "mien", version, about, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// The folder that holds `data/` and `checkpoints/`
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(super) home: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Import, list and show datasets
    #[command(subcommand)]
    Data(DataCommand),
    /// Import, fetch, list and show pretrained weights
    #[command(subcommand)]
    Weights(WeightsCommand),
    /// Train a model in a worker of its own, and watch it
    Train(Train),
    /// List the runs, newest first: all of them, or those that a filter lets through
    #[command(after_help = FILTERS)]
    Runs(Runs),
    /// Give a run another name; it is still found by the old one
    Rename {
        /// Id, beginning of an id, or `latest`
        run: String,
        /// The new name
        #[arg(value_parser = RunId::of_new_run)]
        name: RunId,
        #[command(flatten)]
        output: Output,
    },
    /// Add tags to a run, take them off, or print them
    Tag {
        /// Id, beginning of an id, or `latest`
        run: String,
        /// +TAG adds a tag, -TAG takes it off
        #[arg(value_name = "+TAG|-TAG", allow_hyphen_values = true)]
        changes: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Write a note about a run, or print it; an empty text removes it
    Note {
        /// Id, beginning of an id, or `latest`
        run: String,
        /// One paragraph
        text: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Delete runs for good, with their weights
    Delete {
        /// Ids, beginnings of ids, or `latest`
        #[arg(required = true)]
        runs: Vec<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Show a run: settings, history, early stopping, test metrics; with --csv, the figures of its epochs
    Show {
        /// Id, beginning of an id, or `latest`
        run: String,
        #[command(flatten)]
        format: Format,
    },
    /// Compare runs: metrics, settings that differ, F1 of each class, and whether a difference could be chance
    ///
    /// Up to six runs stand side by side. The published reference has a column where there is one. Every run is held
    /// against the baseline on the same test images: McNemar's exact test for the accuracy, a paired bootstrap for
    /// macro F1. Runs that differ only in the seed are folded into mean and deviation.
    ///
    /// More runs, and those of a tag, are tabulated by the settings that differ: a row for each combination, with means
    /// and deviations over seeds and the best marked.
    Compare(Compare),
    /// Look into a run's answers: the confusion matrix, each class, the images of a cell, the hardest images
    Inspect(Inspect),
    /// Write a trained network for other programs (onnx, keras, torch), or a run's figures (tensorboard, csv)
    ///
    /// A network's file holds everything from raw pixels to probabilities: scaling, crop, resizing, preprocessing, and the
    /// frozen base of transfer. Its metadata hold the class names in order.
    Export(super::export::Export),
    /// Follow a run until it ends; with --json, print the records of its event log, one a line
    #[command(after_help = EXIT_CODES)]
    Watch {
        /// Id, beginning of an id, or `latest`
        run: String,
        #[command(flatten)]
        output: Output,
    },
    /// Ask a run to end after its current batch; `resume` goes on from there
    Stop {
        /// Id, beginning of an id, or `latest`
        run: String,
        /// Kill the worker, for one that does not answer: it loses what it did since its last checkpoint
        #[arg(long)]
        kill: bool,
        /// With --kill: do not ask first
        #[arg(long, requires = "kill")]
        yes: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Let a run wait after its current batch until `unpause`; it keeps its device's memory and uses nothing else
    ///
    /// A pause ends with a stop, and with the worker: a run that is killed while it is paused resumes unpaused.
    Pause {
        /// Id, beginning of an id, or `latest`
        run: String,
        #[command(flatten)]
        output: Output,
    },
    /// Let a paused run go on
    Unpause {
        /// Id, beginning of an id, or `latest`
        run: String,
        #[command(flatten)]
        output: Output,
    },
    /// Change how long a run at work may go on: in force at once, while its recipe stays as it is
    ///
    /// Fewer epochs than it has begun end it after the epoch under way. Schedules that go by the number of epochs
    /// follow from the next epoch on.
    Set {
        /// Id, beginning of an id, or `latest`
        run: String,
        /// Most epochs to train (1 to 10000)
        #[arg(long, value_name = "N")]
        epochs: Option<u32>,
        /// Epochs in a row without improvement before the run stops (1 to 1000, off)
        #[arg(long, value_name = "N", value_parser = patience)]
        patience: Option<u32>,
        #[command(flatten)]
        output: Output,
    },
    /// Go on with a stopped, interrupted, failed or lost run from its last checkpoint, or with a finished one by other
    /// limits
    Resume {
        /// Id, beginning of an id, or `latest`
        run: String,
        /// Most epochs to train from now on; more than before let a finished run go on
        #[arg(long, value_name = "N")]
        epochs: Option<u32>,
        /// Patience from now on; more than before lets a run go on that had stopped early
        #[arg(long, value_name = "N", value_parser = patience)]
        patience: Option<u32>,
        #[command(flatten)]
        following: Following,
    },
    /// Test a run's best weights again, on the training images too; or take the mean of several runs
    ///
    /// With --average, the probabilities that the runs gave each test image are averaged: accuracy, macro F1 and the
    /// figures of each class are those of the mean. The runs' predictions are read and nothing is computed anew, so no
    /// worker is needed. The runs have to be on the same dataset.
    Evaluate {
        /// Ids, beginnings of ids, or `latest`; several with --average
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
        /// Take the mean of what the runs say of the test images
        #[arg(long, conflicts_with = "now")]
        average: bool,
        #[command(flatten)]
        turn: Turn,
        #[command(flatten)]
        output: Output,
    },
    /// Show who uses each device and who waits for it; change the order, bring back what has lost its worker
    Queue(QueueArguments),
    /// Tell what this machine and this build can do
    Doctor {
        #[command(flatten)]
        output: Output,
    },
    /// Check and measure a device on made-up inputs
    #[cfg(feature = "trainer")]
    #[command(subcommand)]
    Bench(super::bench::BenchCommand),
    /// The dashboard's config file: where it is, whether it is right, what can stand in it
    #[cfg(feature = "dashboard")]
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script
    Completions {
        /// The shell that is to read it
        shell: clap_complete::Shell,
    },
    /// Be the worker of a run; started by `train` and the dashboard
    #[command(hide = true)]
    Worker(Worker),
}

#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// Import a folder, an archive (zip, tar, tar.gz, tar.xz) or a CSV table (emotion, pixels, usage)
    ///
    /// Folders and archives hold train/CLASS/* and test/CLASS/*, or CLASS/* alone; for --protocol official, file names
    /// begin with `Training`, `PublicTest` or `PrivateTest`. What cannot be read is skipped and named. An address
    /// (https://…) is downloaded first; if that breaks off, the same command goes on where it stopped.
    Import(Import),
    /// List the datasets
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show a dataset: images per class and split, what was skipped, and what cached features take
    Show {
        /// The dataset's name
        name: DatasetName,
        #[command(flatten)]
        output: Output,
    },
    /// Delete a dataset for good, with the features kept of it
    ///
    /// Runs trained on it keep their results, but cannot be resumed, tested or looked into without it.
    Delete {
        /// The dataset's name
        name: DatasetName,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Remove what frozen bases made of a dataset's images; runs compute it again when they need it
    ClearFeatures {
        /// The dataset's name
        name: DatasetName,
    },
    /// Mark training images as doubtful, so that `train … --leave-out marked` trains without them
    Mark(Mark),
    /// Take marks back
    Unmark(Unmark),
    /// List the marked training images
    Marked {
        /// The dataset's name
        name: DatasetName,
        #[command(flatten)]
        output: Output,
    },
    /// Draw the built-in demo dataset: faces in seven expressions
    Demo {
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Args)]
pub(super) struct Mark {
    /// The dataset's name
    pub(super) name: DatasetName,
    /// Indices in the training split, from 0
    #[arg(required = true, value_name = "IMAGE")]
    pub(super) images: Vec<u32>,
    /// The run by whose judgement they were found
    #[arg(long, value_name = "RUN")]
    pub(super) found_with: Option<String>,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Unmark {
    /// The dataset's name
    pub(super) name: DatasetName,
    /// Indices in the training split, from 0
    #[arg(required_unless_present = "all", value_name = "IMAGE")]
    pub(super) images: Vec<u32>,
    /// All of them
    #[arg(long, conflicts_with = "images")]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What a run does without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LeaveOut {
    /// Nothing.
    None,
    /// The marked training images, as they are marked now.
    Marked,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// A folder, an archive, a table, or the address of one of the latter two
    pub(super) source: PathBuf,
    /// What to call the dataset
    #[arg(long)]
    pub(super) name: DatasetName,
    /// Refuse the source if anything in it would have to be skipped
    #[arg(long)]
    pub(super) strict: bool,
    /// Replace another dataset of this name
    #[arg(long)]
    pub(super) replace: bool,
    /// How images come to their splits: keras (validation is cut from the training images, all that is called test
    /// tests), or official (FER-2013's own: `Training` trains, `PublicTest` validates, `PrivateTest` tests)
    #[arg(long, value_name = "NAME", default_value_t)]
    pub(super) protocol: Protocol,
    /// The share of each class's training files that becomes validation, unless the source has a validation split
    #[arg(long, value_name = "FRACTION", default_value_t = 0.1, value_parser = fraction)]
    pub(super) validation: f64,
    /// The share of each class's files that becomes test, unless the source has a test split
    #[arg(long, value_name = "FRACTION", default_value_t = 0.1, value_parser = fraction)]
    pub(super) test: f64,
    /// Tell how far it is and what came of it as JSON, one record a line, for a program; it goes on when that one ends
    #[arg(long, conflicts_with = "json", hide_short_help = true)]
    pub(super) progress: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Subcommand)]
pub(super) enum WeightsCommand {
    /// List the imported weights
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show imported weights: where they came from, what they expect of their input
    Show {
        /// The weights' name
        name: WeightsName,
        #[command(flatten)]
        output: Output,
    },
    /// Import the convolutional base of VGG16 from Keras's .h5, .weights.h5 or .keras, torchvision's .pth, or
    /// .safetensors
    Import(ImportWeights),
    /// Download weights and import them: vggface, imagenet, torchvision, or an address
    ///
    /// A download that breaks off goes on where it stopped when the same command is run again.
    Fetch(FetchWeights),
}

#[derive(Debug, Args)]
pub(super) struct ImportWeights {
    /// The file
    pub(super) file: PathBuf,
    /// What to call the weights
    #[arg(long)]
    pub(super) name: WeightsName,
    #[command(flatten)]
    pub(super) options: WeightsOptions,
}

#[derive(Debug, Args)]
pub(super) struct FetchWeights {
    /// vggface, imagenet, torchvision, or an address (https://…)
    pub(super) what: String,
    /// What to call the weights [default: the name that they are known by; an address needs one]
    #[arg(long)]
    pub(super) name: Option<WeightsName>,
    #[command(flatten)]
    pub(super) options: WeightsOptions,
}

/// What imports of weights have in common.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct WeightsOptions {
    /// What the weights expect of their input: keras-imagenet, vggface, torchvision [default: what the file tells]
    #[arg(long, value_name = "NAME")]
    pub(super) preprocessing: Option<Preprocessing>,
    /// Replace other weights of this name
    #[arg(long)]
    pub(super) replace: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[cfg(feature = "dashboard")]
#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print where the file is looked for; `MIEN_CONFIG` names another one
    Path,
    /// Tell what is wrong in the file, with the line; exits with 1 if anything is
    Check {
        #[command(flatten)]
        output: Output,
    },
    /// Print a file that holds every setting and every key, commented out: a place to begin
    Defaults,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Runs {
    #[command(subcommand)]
    pub(super) command: Option<RunsCommand>,
    #[command(flatten)]
    pub(super) check: Check,
    /// What the runs have to fulfil, all of it, such as `state:running val_acc>0.6 !cnn`; with --check: names of runs
    pub(super) filter: Vec<String>,
    /// Order by a column instead of age, the best or the newest first
    #[arg(long, value_name = "KEY")]
    pub(super) sort: Option<SortKey>,
    /// Turn the order around
    #[arg(long)]
    pub(super) reverse: bool,
    /// At most this many
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
    /// Print a table of comma-separated values
    #[arg(long, conflicts_with = "json")]
    pub(super) csv: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Subcommand)]
pub(super) enum RunsCommand {
    /// Delete runs by a rule, after showing which and how much that frees
    #[command(after_help = super::prune::HELP)]
    Prune(Prune),
}

#[derive(Debug, Args)]
pub(super) struct Compare {
    /// Ids, beginnings of ids, or `latest`
    #[arg(required_unless_present = "tag", value_name = "RUN")]
    pub(super) runs: Vec<String>,
    /// All runs with this tag, as `train` puts on several runs
    #[arg(long, conflicts_with = "baseline")]
    pub(super) tag: Option<Tag>,
    /// The run that the others are held against [default: the first]
    #[arg(long, value_name = "RUN")]
    pub(super) baseline: Option<String>,
    /// Also show the mean of what the runs say of the test images, as `evaluate --average` does
    #[arg(long, conflicts_with = "tag")]
    pub(super) average: bool,
    #[command(flatten)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// Id, beginning of an id, or `latest`
    pub(super) run: String,
    /// Which images: test, validation or train
    #[arg(long, default_value = "test", value_parser = split)]
    pub(super) split: Split,
    /// With --split validation: after which epoch [default: the best one]
    #[arg(long, value_name = "N")]
    pub(super) epoch: Option<u32>,
    /// Show what changed from this run's answers to the same images
    #[arg(long, value_name = "RUN")]
    pub(super) against: Option<String>,
    /// List the images of class TRUE that are taken for PREDICTED; names, their beginnings, or labels from 0
    #[arg(long, num_args = 2, value_names = ["TRUE", "PREDICTED"])]
    pub(super) cell: Option<Vec<String>>,
    /// How the images of a cell are sorted: confidence, loss or index
    #[arg(long, default_value = "confidence", value_parser = order)]
    pub(super) sort: Order,
    /// List the N images with the largest loss: with --split train, candidates for wrong labels
    #[arg(long, value_name = "N", conflicts_with = "cell")]
    pub(super) hardest: Option<usize>,
    #[command(flatten)]
    pub(super) format: Format,
}

/// How a command's result is printed that is a table.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Format {
    /// Print JSON for scripts
    #[arg(long)]
    pub(super) json: bool,
    /// Print comma-separated values, with a line of headings
    #[arg(long, conflicts_with = "json")]
    pub(super) csv: bool,
}

impl From<Output> for Format {
    fn from(Output { json }: Output) -> Self {
        Self { json, csv: false }
    }
}

/// How a command's result is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Output {
    /// Print JSON for scripts
    #[arg(long)]
    pub(super) json: bool,
}

/// What happens after a worker has started.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Following {
    /// Return once the worker runs instead of watching it
    #[arg(long)]
    pub(super) detach: bool,
    #[command(flatten)]
    pub(super) turn: Turn,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Train {
    #[command(subcommand)]
    pub(super) strategy: TrainStrategy,
}

#[derive(Debug, Subcommand)]
pub(super) enum TrainStrategy {
    /// The small convolutional network, from scratch
    ///
    /// Ctrl-C asks the run to end after its current batch and waits for that; a second Ctrl-C leaves it running. A
    /// stopped run has what it did on disk, and `resume` goes on from there.
    ///
    /// Settings with several values (--seed 1..5, --learning-rate 1e-3,2e-3) make a run of every combination, at most
    /// 200: they are queued with one tag, and the command returns. `mien compare --tag TAG` tabulates them.
    #[command(after_help = EXIT_CODES)]
    Cnn(FromScratch<OfCnn>),
    /// A deeper network with batch norm, from scratch: the one to use
    ///
    /// Seven convolutions, gradient descent with momentum over 100 epochs, strong augmentation, and a test by ten views
    /// beside the plain one. On FER-2013 its accuracy is eleven points above that of cnn.
    #[command(after_help = EXIT_CODES)]
    Deep(FromScratch<OfDeep>),
    /// A small head on what a frozen pretrained VGG16 makes of the images
    ///
    /// With --augment none or --variants K, what the base makes of the images is computed once and kept beside the
    /// dataset, so that every later epoch and run costs only the head. Otherwise images are augmented anew in every
    /// epoch and go through the base each time.
    #[command(after_help = EXIT_CODES)]
    Features(TrainFeatures),
    /// The head and the upper blocks of the base, from the best weights of a features run
    ///
    /// Image size, variants and augmentation are those of the run that it starts from, unless they are given. If that
    /// run is still at work, this one waits for it.
    #[command(after_help = EXIT_CODES)]
    Finetune(TrainFinetune),
    /// All four in order: cnn, deep, features, finetune from features
    ///
    /// Four runs that wait for one another, named NAME-cnn, NAME-deep, NAME-features and NAME-finetune. Ctrl-C stops the
    /// one that is followed; the next one then begins.
    #[command(after_help = EXIT_CODES)]
    All(TrainAll),
}

/// The options that every strategy has, with the settings that `O` offers.
#[derive(Debug, Args)]
pub(super) struct RunOptions<O: Offer> {
    /// The run's name; of several runs, what their names begin with [default: two words that no run has]
    #[arg(long, value_name = "ID", value_parser = RunId::of_new_run)]
    pub(super) name: Option<RunId>,
    /// A tag to find the run by [default: none; of several runs sweep-NAME]
    #[arg(long)]
    pub(super) tag: Option<Tag>,
    /// Training images to leave out: those marked by `mien data mark`, as they are now [default: none; of finetune:
    /// what the run that it starts from left out]
    #[arg(long, value_name = "WHICH")]
    pub(super) leave_out: Option<LeaveOut>,
    /// Begin only when this run has ended, well or not, on whatever device; then the turn on its own device
    #[arg(long, value_name = "RUN")]
    pub(super) after: Option<String>,
    #[command(flatten)]
    pub(super) recipe: RecipeOptions<O>,
    #[command(flatten)]
    pub(super) following: Following,
}

#[derive(Debug, Args)]
pub(super) struct OnDataset {
    /// The dataset [default: fer2013, or the only imported one, or the built-in demo]
    #[arg(long, value_name = "NAME")]
    pub(super) dataset: Option<DatasetName>,
}

#[derive(Debug, Args)]
pub(super) struct OnBase {
    /// The pretrained base [default: vggface, or imagenet, or the only imported one]
    #[arg(long, value_name = "NAME")]
    pub(super) weights: Option<WeightsName>,
}

#[derive(Debug, Args)]
pub(super) struct FromScratch<O: Offer> {
    #[command(flatten)]
    pub(super) on: OnDataset,
    #[command(flatten)]
    pub(super) run: RunOptions<O>,
}

#[derive(Debug, Args)]
pub(super) struct TrainFeatures {
    #[command(flatten)]
    pub(super) on: OnDataset,
    #[command(flatten)]
    pub(super) base: OnBase,
    #[command(flatten)]
    pub(super) run: RunOptions<OfFeatures>,
}

#[derive(Debug, Args)]
pub(super) struct TrainFinetune {
    /// The run whose best weights are the start: features, or an earlier fine-tuning [default: the newest features run]
    #[arg(long, value_name = "RUN")]
    pub(super) from: Option<String>,
    #[command(flatten)]
    pub(super) run: RunOptions<OfFinetune>,
}

#[derive(Debug, Args)]
pub(super) struct TrainAll {
    #[command(flatten)]
    pub(super) on: OnDataset,
    #[command(flatten)]
    pub(super) base: OnBase,
    #[command(flatten)]
    pub(super) run: RunOptions<OfAll>,
}

#[derive(Debug, Args)]
pub(super) struct Worker {
    /// The run's folder
    pub(super) folder: PathBuf,
    /// What to do with it
    #[arg(long, default_value_t)]
    pub(super) job: Job,
    /// Not in its turn, but at once
    #[arg(long)]
    pub(super) now: bool,
}

fn fraction(text: &str) -> Result<f64, String> {
    let fraction = text.parse().ok().filter(|value| (0.0..1.0).contains(value));
    fraction.ok_or_else(|| "a fraction is from 0 to below 1, such as 0.1".into())
}

fn split(text: &str) -> Result<Split, String> {
    let found = Split::ALL.into_iter().find(|split| split.name() == text);
    found.ok_or_else(|| "use test, validation or train".into())
}

fn order(text: &str) -> Result<Order, String> {
    match text {
        "confidence" => Ok(Order::Confidence),
        "loss" => Ok(Order::Loss),
        "index" => Ok(Order::Index),
        _ => Err("use confidence, loss or index".into()),
    }
}

/// A number of epochs without improvement, or `off`.
fn patience(text: &str) -> Result<u32, ParseIntError> {
    text.parse::<Patience>().map(|patience| patience.0)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
