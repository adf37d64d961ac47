//! Requests to workers that are not answered yet. A worker reads its requests after every batch.

use crate::domain::hyperparameter::Patience;
use crate::domain::{Limits, RunId, RunState};
use crate::tui::library::RunView;

/// A request to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// End after the current batch.
    Stop,
    /// Wait after the current batch.
    Pause,
    /// Continue after a pause.
    Continue,
    /// Use these limits.
    Limits(Limits),
}

/// A request that was not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRequest {
    /// The run.
    pub id: RunId,
    /// The request.
    pub request: Request,
    /// The time of the request, in milliseconds since 1970.
    pub at: u64,
}

impl PendingRequest {
    /// Returns a message once the run has answered; `None` until then.
    #[must_use]
    pub fn answer(&self, run: &RunView, now: u64) -> Option<String> {
        let (Ok(summary), Some(run_state)) = (&run.summary, run.state(now)) else { return None };
        let id = &self.id;
        if !run_state.is_active() {
            return Some(match (self.request, run_state) {
                (Request::Stop, RunState::Stopped) => match summary.saved {
                    Some(saved) => format!("{id} is stopped {saved}"),
                    None => format!("{id} is stopped before its first step"),
                },
                (_, run_state) => format!("{id} has ended meanwhile: it is {run_state}"),
            });
        }
        match self.request {
            Request::Stop if summary.stopping => Some(format!("{id} is stopping")),
            Request::Pause if run_state == RunState::Paused => {
                Some(format!("{id} is paused {}: p continues it", summary.describe_pause()))
            }
            Request::Continue if run_state != RunState::Paused => Some(format!("{id} continues")),
            Request::Limits(limits) if summary.limits == limits => {
                Some(format!("{id} now has {} epochs and patience {}", limits.epochs, Patience(limits.patience)))
            }
            _ => None,
        }
    }

    /// Returns the request in words, as not answered yet.
    #[must_use]
    pub fn describe(&self, now: u64) -> String {
        let what = match self.request {
            Request::Stop => "asked to stop".into(),
            Request::Pause => "asked to pause".into(),
            Request::Continue => "asked to continue".into(),
            Request::Limits(limits) => {
                format!("asked to change to {} epochs, patience {}", limits.epochs, Patience(limits.patience))
            }
        };
        match now.saturating_sub(self.at) / 1_000 {
            0..=4 => format!("{what}, not answered yet"),
            seconds => format!("{what} {seconds} s ago, not answered yet: a worker answers after its current batch"),
        }
    }
}
