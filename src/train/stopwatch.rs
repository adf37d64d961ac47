//! A clock that excludes the pauses of a run.

use std::time::{Duration, Instant};

/// A clock that excludes pauses. Callers pass the total time that the run has paused, which only the
/// [`Reporter`](super::Reporter) measures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch {
    begun: Instant,
    paused_before: Duration,
}

impl Stopwatch {
    /// Starts now, when the run has paused for `paused` in total.
    pub(super) fn start(paused: Duration) -> Self {
        Self { begun: Instant::now(), paused_before: paused }
    }

    /// Returns the time since the start without pauses, when the run has paused for `paused` in total.
    pub(super) fn elapsed(&self, paused: Duration) -> Duration {
        self.begun.elapsed().saturating_sub(paused.saturating_sub(self.paused_before))
    }
}
