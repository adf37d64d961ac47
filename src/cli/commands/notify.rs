//! The hidden command that runs the user's command for the end of a run.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::{output, run_json, run_list};
use crate::config::Notify as Settings;
use crate::runs::{Ending, NoticeFailure, Queue, RunFolder, RunStore};
use crate::supervise;

/// Run the command of the config file for the end of a run; started by the run's worker
#[derive(Debug, Args)]
#[command(hide = true)]
pub(in crate::cli) struct Notify {
    /// The run's folder
    folder: PathBuf,
    /// Exit with 1, as the worker would have
    #[arg(long)]
    failed: bool,
}

impl Notify {
    /// Runs the command. Its failure is recorded in the run's folder. The exit code is that of the worker.
    #[allow(clippy::unnecessary_wraps, reason = "as of the other commands")]
    pub(super) fn run(self, _: &Invocation) -> Result<Exit, CommandError> {
        let run = RunFolder::at(&self.folder);
        if let Err(message) = notify(&run) {
            let failure = NoticeFailure { at: supervise::now(), message };
            if let Err(error) = run.record_notice_failure(&failure) {
                output::print_error(&format!("{}; {error}", failure.message));
            }
        }
        Ok(Exit::done_if(!self.failed))
    }
}

/// Runs the command for the state of the run, if there is one. The error is a message for the user.
fn notify(run: &RunFolder) -> Result<(), String> {
    let (settings, problems) = Settings::load();
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let invalid = if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) };
    let (Some(home), Some(id)) = (run.home(), run.id()) else { return invalid };
    let store = RunStore::new(home);
    let found = store.summary(&id).map_err(|error| format!("the notice of its end: {error}"))?;
    let now = supervise::now();
    let state = found.state(now);
    // A run that a scheduler has queued again, or that was resumed meanwhile, has not ended.
    let Some((setting, line)) = settings.command(state) else { return invalid };

    let facts = run_list::facts(&found, now, &mut Vec::new());
    let text = Ending::of_facts(&facts).map(|ending| ending.text).unwrap_or_default();
    let json = output::json_text(&run_json::whole_run(&store, &found, &facts)).map_err(|error| error.to_string())?;
    let remaining = Queue::of(store.home())
        .list(now)
        .as_ref()
        .map_or_else(|_| String::new(), |listing| listing.remaining().to_string());
    let mut command = supervise::shell(line);
    command.env("MIEN_RUN", id.as_str()).env("MIEN_STATE", state.name()).env("MIEN_TEXT", text);
    command.env("MIEN_HOME", store.home().path()).env("MIEN_REMAINING", remaining);
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        flag::register(signal, Arc::clone(&interrupted)).map_err(|error| error.to_string())?;
    }
    let stop = || interrupted.load(Ordering::Relaxed);
    supervise::run_end_command(command, json.into_bytes(), settings.time_limit, stop)
        .map_err(|error| format!("the command of notify.{setting} {error}"))?;
    invalid
}
