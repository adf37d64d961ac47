//! Follows a run until it ends.

use std::time::{Duration, Instant};

use super::exit::{CommandError, Exit};
use super::interrupt::Interrupts;
use super::options::{LaunchOptions, Output};
use super::run_events::EventPrinter;
use super::{output, run_json, scores};
use crate::domain::RunState;
use crate::runs::layout::SPAWN_GRACE;
use crate::runs::{FollowedRun, RunStore};
use crate::supervise;

/// The time between two reads of the log.
const READ_INTERVAL: Duration = Duration::from_millis(100);

/// The command that follows a run, which decides the effect of Ctrl-C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FollowMode {
    /// The command that started the run: Ctrl-C stops the run, a second Ctrl-C ends the command without waiting.
    Launched,
    /// Another command: Ctrl-C ends only the command.
    Watched,
}

/// The end of following a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FollowEnd {
    /// The run ended in this state.
    RunEnded(RunState),
    /// The command ended before the run, by Ctrl-C or because its output was closed.
    Detached,
}

impl FollowEnd {
    /// Returns the exit of a command that follows a run to its end.
    pub(super) fn exit(self) -> Exit {
        match self {
            Self::RunEnded(RunState::Finished) => Exit::Done,
            Self::RunEnded(RunState::Stopped) | Self::Detached => Exit::Stopped,
            Self::RunEnded(_) => Exit::Failed,
        }
    }
}

/// Follows a run whose worker was just started, or with `--detach` prints its id and returns.
pub(super) fn follow_started(mut run: FollowedRun, launch: LaunchOptions) -> Result<Exit, CommandError> {
    if launch.detach {
        return print_detached(run, launch.output);
    }
    let ending = follow(&mut run, &EventPrinter::before_result(launch.output), FollowMode::Launched)?;
    print_ending(&run, ending, launch.output)?;
    Ok(ending.exit())
}

/// Prints the whole run as JSON, or the metrics of its test if it has ended.
pub(super) fn print_ending(run: &FollowedRun, ending: FollowEnd, Output { json }: Output) -> Result<(), CommandError> {
    match ending {
        _ if json => output::json(&run_json::detail(run, run.state(supervise::now()))),
        FollowEnd::RunEnded(_) => scores::print_test(run),
        FollowEnd::Detached => Ok(()),
    }
}

/// Prints the id for scripts, and on stderr the commands that follow and stop the run.
fn print_detached(mut run: FollowedRun, output: Output) -> Result<Exit, CommandError> {
    run.poll(&mut Vec::new())?;
    let state = run.state(supervise::now());
    let id = &run.summary.id;
    output.print(&run_json::detail(&run, state), || format!("{id}\n"))?;
    if let Some(words) = run.job_words() {
        output::note(&words);
    }
    if let (RunState::Failed, Some(cause)) = (state, run.summary.cause()) {
        return Err(CommandError::Failure(format!("{id} failed: {cause}")));
    }
    output::note(&format!("{id} runs in the background: `mien watch {id}` follows it, `mien stop {id}` ends it"));
    Ok(Exit::Done)
}

/// Prints the new events of a run until the run ends or Ctrl-C ends the command.
pub(super) fn follow(
    run: &mut FollowedRun,
    printer: &EventPrinter,
    mode: FollowMode,
) -> Result<FollowEnd, CommandError> {
    let interrupts = Interrupts::listen()?;
    let ending = follow_with(run, printer, mode, &interrupts);
    printer.finish();
    if mode == FollowMode::Launched && ending.as_ref().is_err_and(CommandError::is_closed_pipe) {
        // Otherwise the run would seem to have ended when the output was closed.
        let id = &run.summary.id;
        printer.note(&format!(
            "the output was closed, and {id} continues: `mien watch {id}` follows it, `mien stop {id}` ends it"
        ));
        return Ok(FollowEnd::Detached);
    }
    if let Ok(FollowEnd::RunEnded(RunState::Lost)) = ending {
        let id = &run.summary.id;
        let loss = run.folder().worker_death();
        printer.note(&format!("mien: {id} is lost, {loss}: `mien resume {id}` continues it"));
    }
    ending
}

fn follow_with(
    run: &mut FollowedRun,
    printer: &EventPrinter,
    mode: FollowMode,
    interrupts: &Interrupts,
) -> Result<FollowEnd, CommandError> {
    let begun = Instant::now();
    let mut records = Vec::new();
    let mut job_words = None;
    if run.folder().placed_job().is_some() {
        run.folder().home().iter().for_each(|home| supervise::slurm::keep_watching(&RunStore::new(home.clone())));
    }
    // A new worker may not have locked its run yet. Without this wait the run's earlier state would pass for its end.
    let mut has_begun = mode == FollowMode::Watched;
    let mut has_asked = false;
    loop {
        records.clear();
        run.poll(&mut records)?;
        has_begun |= run.alive || !records.is_empty() || begun.elapsed() > SPAWN_GRACE;
        records.iter().try_for_each(|record| printer.event(record))?;
        printer.progress(&run.summary);
        let words = run.job_words();
        if words.is_some() && words != job_words {
            words.iter().for_each(|words| printer.note(words));
            job_words = words;
        }
        let state = run.state(supervise::now());
        if has_begun && !state.is_active() {
            return Ok(FollowEnd::RunEnded(state));
        }
        if interrupts.wait(READ_INTERVAL) {
            let id = &run.summary.id;
            if has_asked {
                // A worker may have acted on the request already, so that withdrawing it would promise too much.
                printer.note(&format!("{id} stops after its current batch; `mien resume {id}` continues it"));
                return Ok(FollowEnd::Detached);
            }
            if mode == FollowMode::Watched {
                printer.note(&format!("{id} continues: `mien watch {id}` follows it, `mien stop {id}` ends it"));
                return Ok(FollowEnd::Detached);
            }
            has_asked = true;
            let folder = run.folder();
            folder.request_stop().map_err(|source| {
                CommandError::from(supervise::StopError::Write { folder: folder.path().to_owned(), source })
            })?;
            printer.note(&format!(
                "asked {id} to stop after its current batch; Ctrl-C again ends this command without waiting"
            ));
        }
    }
}
