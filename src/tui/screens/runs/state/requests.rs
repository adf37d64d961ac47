//! What was asked of a worker, until it answers: it looks at its requests after every batch.

use crate::domain::hyperparameter::Patience;
use crate::domain::{Limits, RunId, RunState};
use crate::tui::library::RunView;

/// What a worker can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// End after the current batch.
    Stop,
    /// Wait after the current batch.
    Pause,
    /// Wait no longer.
    Continue,
    /// Keep to these limits.
    Limits(Limits),
}

/// A request that was not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRequest {
    /// Of the worker of this run.
    pub id: RunId,
    /// For what.
    pub request: Request,
    /// When, in milliseconds since 1970.
    pub at: u64,
}

impl PendingRequest {
    /// What the run has done about it, in words; `None` as long as it has not.
    #[must_use]
    pub fn answer(&self, run: &RunView, now: u64) -> Option<String> {
        let (Ok(summary), Some(stands)) = (&run.summary, run.state(now)) else { return None };
        let id = &self.id;
        if !stands.is_active() {
            return Some(match (self.request, stands) {
                (Request::Stop, RunState::Stopped) => format!("{id} is stopped"),
                (_, stands) => format!("{id} has ended in between: it is {stands}"),
            });
        }
        match self.request {
            Request::Stop if summary.stopping => Some(format!("{id} is stopping")),
            Request::Pause if stands == RunState::Paused => Some(format!("{id} is paused: p lets it go on")),
            Request::Continue if stands != RunState::Paused => Some(format!("{id} goes on")),
            Request::Limits(limits) if summary.limits == limits => {
                Some(format!("{id} now keeps to {} epochs and patience {}", limits.epochs, Patience(limits.patience)))
            }
            _ => None,
        }
    }

    /// What was asked, and that there is no answer yet.
    #[must_use]
    pub fn words(&self, now: u64) -> String {
        let what = match self.request {
            Request::Stop => "asked to stop".into(),
            Request::Pause => "asked to pause".into(),
            Request::Continue => "asked to go on".into(),
            Request::Limits(limits) => {
                format!("asked to keep to {} epochs, patience {}", limits.epochs, Patience(limits.patience))
            }
        };
        match now.saturating_sub(self.at) / 1_000 {
            0..=4 => format!("{what}, not answered yet"),
            seconds => format!("{what} {seconds} s ago, not answered yet: a worker answers after its current batch"),
        }
    }
}
