//! Following a run until it ends: `watch`, and the second half of `train`, `resume` and `evaluate`.

use std::time::{Duration, Instant};

use super::arguments::Output;
use super::exit::{CommandError, Exit};
use super::interrupt::Interrupts;
use super::report::{Reporter, Story};
use super::{output, show};
use crate::domain::RunState;
use crate::runs::layout::SPAWN_GRACE;
use crate::runs::{FollowedRun, RunStore};
use crate::supervise;

/// Between two looks at the run.
const GLANCE: Duration = Duration::from_millis(100);

/// Whose run it is that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watcher {
    /// This command's: Ctrl-C stops it, a second one leaves it running.
    Starter,
    /// Somebody else's: Ctrl-C ends the watching.
    Onlooker,
}

/// How following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The run is over; this is its state.
    Over(RunState),
    /// Ctrl-C; the run goes on.
    Left,
}

impl Ending {
    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Over(RunState::Finished) => Exit::Done,
            Self::Over(RunState::Stopped) | Self::Left => Exit::Stopped,
            Self::Over(_) => Exit::Failed,
        }
    }
}

/// `watch`.
pub(super) fn run(store: &RunStore, query: &str, Output { json }: Output) -> Result<Exit, CommandError> {
    let mut run = store.follow(&store.find(query)?)?;
    let ending =
        follow(&mut run, &Reporter::new(if json { Story::Records } else { Story::Stdout }), Watcher::Onlooker)?;
    if !json && ending != Ending::Left {
        tell_metrics(&run)?;
    }
    Ok(ending.exit())
}

/// Prints the final metrics table, if there is one.
pub(super) fn tell_metrics(run: &FollowedRun) -> Result<(), CommandError> {
    show::metrics(&run.summary).map_or(Ok(()), |text| output::print(&format!("\n{text}")))
}

/// Tells what happens in a run until it is over or Ctrl-C says enough. Events that `run` has read before are not told.
pub(super) fn follow(run: &mut FollowedRun, reporter: &Reporter, watcher: Watcher) -> Result<Ending, CommandError> {
    let interrupts = Interrupts::listen()?;
    let ending = follow_with(run, reporter, watcher, &interrupts);
    reporter.finish();
    if let (Err(CommandError::Output(error)), Watcher::Starter) = (&ending, watcher)
        && error.kind() == std::io::ErrorKind::BrokenPipe
    {
        // Who closed the pipe may not know that the run needs no reader.
        let id = &run.summary.id;
        reporter.note(&format!(
            "nobody reads the output any more, and {id} goes on: `mien watch {id}` follows it, `mien stop {id}` ends it"
        ));
        return Ok(Ending::Left);
    }
    if let Ok(Ending::Over(RunState::Lost)) = ending {
        let id = &run.summary.id;
        let loss = run.folder().worker_death();
        reporter.note(&format!("mien: {id} is lost, {loss}: `mien resume {id}` goes on"));
    }
    ending
}

fn follow_with(
    run: &mut FollowedRun,
    reporter: &Reporter,
    watcher: Watcher,
    interrupts: &Interrupts,
) -> Result<Ending, CommandError> {
    let begun = Instant::now();
    let mut records = Vec::new();
    // A worker that was just started may not have taken its run yet: what the run was before is not its end.
    let mut shown = watcher == Watcher::Onlooker;
    let mut asked = false;
    loop {
        records.clear();
        run.poll(&mut records)?;
        shown |= run.alive || !records.is_empty() || begun.elapsed() > SPAWN_GRACE;
        records.iter().try_for_each(|record| reporter.event(record))?;
        reporter.progress(&run.summary);
        let state = run.state(supervise::now());
        if shown && !state.is_active() {
            return Ok(Ending::Over(state));
        }
        if interrupts.wait(GLANCE) {
            let id = &run.summary.id;
            if asked || watcher == Watcher::Onlooker {
                reporter.note(&format!("{id} goes on: `mien watch {id}` follows it, `mien stop {id}` ends it"));
                return Ok(Ending::Left);
            }
            asked = true;
            let folder = run.folder();
            folder.request_stop().map_err(|source| {
                CommandError::from(supervise::StopError::Write { folder: folder.path().to_owned(), source })
            })?;
            reporter.note(&format!("asked {id} to stop, waiting for its end; Ctrl-C again leaves it running"));
        }
    }
}
