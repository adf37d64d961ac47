//! The ends of runs that happen while the dashboard is open, collected for notices of the terminal.

use std::collections::HashMap;

use crate::domain::number_text::count;
use crate::domain::{RunId, RunState};
use crate::runs::endings::describe_counts;
use crate::runs::{Ending, WorkerDeath};
use crate::tui::library::{Library, RunView};

/// The time in milliseconds for which a notice waits for further ends.
const COLLECTING: u64 = 1_000;

/// The shortest time in milliseconds between two notices. The ends in between have one notice.
const INTERVAL: u64 = 10_000;

/// The ends without a notice yet.
#[derive(Debug, Clone)]
pub struct Notices {
    /// The start of the dashboard, in milliseconds since 1970.
    opened_at: u64,
    /// Whether the runs were read once.
    loaded: bool,
    /// The known runs, as they were last seen.
    runs: HashMap<RunId, SeenRun>,
    /// The ends to report, the earliest first.
    pending: Vec<Ending>,
    /// The time of the first of them.
    pending_since: u64,
    /// The time of the last notice; 0 before the first.
    noticed_at: u64,
}

/// A run as it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SeenRun {
    active: bool,
    /// The time of its end. A finished run that is tested again keeps it.
    ended_at: Option<u64>,
}

impl Notices {
    /// Returns the state of a dashboard that starts at this time.
    #[must_use]
    pub fn new(opened_at: u64) -> Self {
        let (runs, pending) = (HashMap::new(), Vec::new());
        Self { opened_at, loaded: false, runs, pending, pending_since: 0, noticed_at: 0 }
    }

    /// Compares the runs with those seen before, and collects the ends that happened since the previous call.
    pub fn read(&mut self, library: &Library, now: u64) {
        let before = std::mem::take(&mut self.runs);
        for run in &library.runs.list {
            // A run that cannot be read now keeps its earlier state.
            let Some(state) = run.state(now) else {
                self.runs.extend(before.get(&run.id).map(|seen| (run.id.clone(), *seen)));
                continue;
            };
            let ended_at = run.summary.as_ref().ok().and_then(|summary| summary.ended_at);
            let seen = SeenRun { active: state.is_active(), ended_at };
            let earlier = before.get(&run.id);
            if !seen.active && self.is_news(earlier.copied(), seen) && !is_intended(run, state) {
                self.collect(run, state, now);
            }
            self.runs.insert(run.id.clone(), seen);
        }
        self.loaded = true;
    }

    /// Returns whether the run ended since it was last seen. A run that was never seen may have ended between two
    /// looks.
    fn is_news(&self, earlier: Option<SeenRun>, seen: SeenRun) -> bool {
        match earlier {
            Some(SeenRun { active: true, ended_at }) => ended_at.is_none() || ended_at != seen.ended_at,
            Some(SeenRun { active: false, ended_at }) => ended_at != seen.ended_at && seen.ended_at.is_some(),
            None => self.loaded && seen.ended_at.is_some_and(|at| at >= self.opened_at),
        }
    }

    fn collect(&mut self, run: &RunView, state: RunState, now: u64) {
        let Some(ending) = run.summary.as_ref().ok().and_then(|summary| Ending::of(summary, state)) else { return };
        if self.pending.is_empty() {
            self.pending_since = now;
        }
        self.pending.push(ending);
    }

    /// Returns the text of the notice that is due, if there is one: about one run, or the number of several.
    pub fn take_due(&mut self, library: &Library, now: u64) -> Option<String> {
        let waited = now.saturating_sub(self.pending_since) >= COLLECTING;
        let rested = self.noticed_at == 0 || now.abs_diff(self.noticed_at) >= INTERVAL;
        if self.pending.is_empty() || !waited || !rested {
            return None;
        }
        self.noticed_at = now;
        let endings = std::mem::take(&mut self.pending);
        let text = match &endings[..] {
            [one] => one.text.clone(),
            several => format!("{}: {}", count(several.len(), "run ended", "runs ended"), describe_counts(several)),
        };
        let rest = if library.runs.active(now) == 0 { "; no run is running or waiting" } else { "" };
        Some(text + rest)
    }
}

/// Returns whether the user requested the end, by a stop or a kill.
fn is_intended(run: &RunView, state: RunState) -> bool {
    state == RunState::Stopped || run.worker_death == Some(WorkerDeath::Killed)
}
