//! The commands and their options, as clap reads them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::recipe_options::RecipeOptions;
use crate::domain::{DatasetName, RunId};
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
    /// named.
    Import(Import),
    /// List the datasets
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show a dataset: images per class and split, and what was skipped
    Show {
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
pub(super) struct Import {
    /// A folder, an archive or a table
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
}

#[derive(Debug, Args)]
pub(super) struct TrainCnn {
    /// The dataset [default: fer2013, or the only imported one, or the built-in demo]
    #[arg(long, value_name = "NAME")]
    pub(super) dataset: Option<DatasetName>,
    /// The run's name [default: two words that no run has]
    #[arg(long, value_name = "ID", value_parser = run_name)]
    pub(super) name: Option<RunId>,
    #[command(flatten)]
    pub(super) recipe: RecipeOptions,
    #[command(flatten)]
    pub(super) following: Following,
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

/// `latest` means the newest run in every command, so no run may be called that.
fn run_name(text: &str) -> Result<RunId, String> {
    match RunId::new(text) {
        Ok(id) if id.as_str() == "latest" => Err("'latest' always means the newest run: choose another name".into()),
        other => other.map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
