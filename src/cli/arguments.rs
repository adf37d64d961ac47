//! The commands and their options, as clap reads them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::recipe_options::{OfAll, OfCnn, OfFeatures, OfFinetune, Offer, RecipeOptions};
use crate::domain::{DatasetName, Preprocessing, RunId, WeightsName};
use crate::runs::Job;

const EXIT_CODES: &str = "\
Exit codes:
  0    done; for train, resume, watch and evaluate: the run finished
  1    failed: the run failed, diverged or was lost, or there is no such run or dataset
  2    wrong usage: an unknown command or option, or a value that is not accepted
  130  stopped on request, or left with Ctrl-C

RUN is the id of a run, the beginning of one, or `latest`.
HOME is --home, else $MIEN_HOME, else the current folder if it has data/ or checkpoints/, else your data folder.";

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
    /// List the runs, newest first
    Runs {
        #[command(flatten)]
        output: Output,
    },
    /// Show a run: settings, history, early stopping, test metrics
    Show {
        /// Id, beginning of an id, or `latest`
        run: String,
        #[command(flatten)]
        output: Output,
    },
    /// Compare the test metrics of runs, side by side with the published reference where there is one
    Compare {
        /// Ids, beginnings of ids, or `latest`
        #[arg(required = true)]
        runs: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Follow a run until it ends; with --json, print the records of its event log, one a line
    #[command(after_help = EXIT_CODES)]
    Watch {
        /// Id, beginning of an id, or `latest`
        run: String,
        #[command(flatten)]
        output: Output,
    },
    /// Ask a run to end after its current batch; `resume` goes on after its last completed epoch
    Stop {
        /// Id, beginning of an id, or `latest`
        run: String,
        #[command(flatten)]
        output: Output,
    },
    /// Go on with a stopped, failed or lost run after its last completed epoch
    Resume {
        /// Id, beginning of an id, or `latest`
        run: String,
        #[command(flatten)]
        following: Following,
    },
    /// Test a run's best weights again
    Evaluate {
        /// Id, beginning of an id, or `latest`
        run: String,
        #[command(flatten)]
        output: Output,
    },
    /// Tell what this machine and this build can do
    Doctor {
        #[command(flatten)]
        output: Output,
    },
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
    /// Folders and archives hold train/CLASS/* and test/CLASS/*, or CLASS/* alone. What cannot be read is skipped and
    /// named. An address (https://…) is downloaded first; if that breaks off, the same command goes on where it stopped.
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
    /// Remove what frozen bases made of a dataset's images; runs compute it again when they need it
    ClearFeatures {
        /// The dataset's name
        name: DatasetName,
    },
    /// Draw the built-in demo dataset: faces in seven expressions
    Demo {
        #[command(flatten)]
        output: Output,
    },
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
    /// The share of each class's training files that becomes validation, unless the source has a validation split
    #[arg(long, value_name = "FRACTION", default_value_t = 0.1, value_parser = fraction)]
    pub(super) validation: f64,
    /// The share of each class's files that becomes test, unless the source has a test split
    #[arg(long, value_name = "FRACTION", default_value_t = 0.1, value_parser = fraction)]
    pub(super) test: f64,
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
    /// Import the convolutional base of VGG16 from Keras's .h5, .weights.h5 or .keras, torchvision's .pth, or .safetensors
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
    /// Ctrl-C asks the run to end after its current batch and waits for that; a second Ctrl-C leaves it running. A stopped
    /// run has its last completed epoch on disk, and `resume` goes on from there.
    #[command(after_help = EXIT_CODES)]
    Cnn(TrainCnn),
    /// A small head on what a frozen pretrained VGG16 makes of the images
    ///
    /// With --augment none or --variants K, what the base makes of the images is computed once and kept beside the
    /// dataset, so that every later epoch and run costs only the head. Otherwise images are augmented anew in every epoch
    /// and go through the base each time.
    #[command(after_help = EXIT_CODES)]
    Features(TrainFeatures),
    /// The head and the upper blocks of the base, from the best weights of a features run
    ///
    /// Image size, variants and augmentation are those of the run that it starts from, unless they are given. If that run
    /// is still at work, this one waits for it.
    #[command(after_help = EXIT_CODES)]
    Finetune(TrainFinetune),
    /// All three in order: cnn, features, finetune from features
    ///
    /// Three runs that wait for one another, named NAME-cnn, NAME-features and NAME-finetune. Ctrl-C stops the one that is
    /// followed; the next one then begins.
    #[command(after_help = EXIT_CODES)]
    All(TrainAll),
}

/// The options that every strategy has, with the settings that `O` offers.
#[derive(Debug, Args)]
pub(super) struct RunOptions<O: Offer> {
    /// The run's name; `all` puts the strategies behind it [default: two words that no run has]
    #[arg(long, value_name = "ID", value_parser = RunId::of_new_run)]
    pub(super) name: Option<RunId>,
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
pub(super) struct TrainCnn {
    #[command(flatten)]
    pub(super) on: OnDataset,
    #[command(flatten)]
    pub(super) run: RunOptions<OfCnn>,
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
}

fn fraction(text: &str) -> Result<f64, String> {
    let fraction = text.parse().ok().filter(|value| (0.0..1.0).contains(value));
    fraction.ok_or_else(|| "a fraction is from 0 to below 1, such as 0.1".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
