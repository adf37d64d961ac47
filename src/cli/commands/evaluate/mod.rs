//! `evaluate`: tests a run's best weights again, or averages the predictions of several runs.

mod average;

use std::sync::Arc;

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::follow::{FollowEnd, FollowMode, follow, print_ending};
use crate::cli::invocation::Invocation;
use crate::cli::library::{HomeLibrary, fail_on_first};
use crate::cli::options::{Output, PlaceOption, QueueOption};
use crate::cli::output;
use crate::cli::run_events::EventPrinter;
use crate::domain::RunId;
use crate::domain::preflight;
use crate::domain::text::printable;
use crate::runs::RunStore;
use crate::supervise::{self, LaunchTarget};

/// Test a run's best weights again, on the training images too; or average the predictions of several runs
///
/// With --average, the runs' probabilities for each test image are averaged. Accuracy, macro F1 and the scores of each
/// class are those of the mean. Saved predictions are read, so no worker is needed. The runs must be trained on the
/// same dataset.
#[derive(Debug, Args)]
pub(in crate::cli) struct Evaluate {
    /// Ids, beginnings of ids, or `latest`; several with --average
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// Average the runs' predictions for the test images
    #[arg(long, conflicts_with = "now")]
    average: bool,
    #[command(flatten)]
    place: PlaceOption,
    #[command(flatten)]
    queue: QueueOption,
    #[command(flatten)]
    output: Output,
}

impl Evaluate {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        match &self.runs[..] {
            runs if self.average => average::print_average(&store, runs, self.output),
            [run] => test_again(&store, &store.find(run)?, self.place.target(self.queue)?, self.output),
            runs => Err(CommandError::Usage(format!(
                "one run is tested at a time, not {}: --average takes the mean of several runs' saved predictions",
                runs.len()
            ))),
        }
    }
}

/// Starts a worker that tests the run, and follows it to its end.
fn test_again(store: &RunStore, id: &RunId, target: LaunchTarget, output: Output) -> Result<Exit, CommandError> {
    let mut run = store.summary(id)?;
    if supervise::can_train() && store.folder(id).has_best_weights() {
        // Otherwise a worker without its dataset would fail with the name of a file.
        fail_on_first(preflight::check_without_start(&run.summary.recipe, &HomeLibrary(store)))?;
    }
    supervise::evaluate(store, id, target)?;
    // Otherwise an earlier test's metrics would be printed as this one's.
    Arc::make_mut(&mut run.summary).test = None;
    let ending = follow(&mut run, &EventPrinter::before_result(output), FollowMode::Launched)?;
    print_ending(&run, ending, output)?;
    match ending {
        FollowEnd::Detached => Ok(Exit::Stopped),
        // A stopped or failed run keeps its state through a test of its weights; the test itself has then succeeded.
        FollowEnd::RunEnded(_) if run.summary.test.is_some() => Ok(Exit::Done),
        FollowEnd::RunEnded(_) if run.summary.stopping => {
            output::note(&format!("mien: {id} was not tested: a stop was requested"));
            Ok(Exit::Stopped)
        }
        FollowEnd::RunEnded(state) => Err(CommandError::Failure(match &run.summary.evaluation_error {
            Some(cause) => format!("{id} was not tested: {}", printable(cause)),
            None => format!("{id} was not tested, it is {state}; see {}", run.folder().worker_log().display()),
        })),
    }
}
