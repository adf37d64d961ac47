//! Time that counts: what passes while the run is not paused.

use std::time::{Duration, Instant};

/// A clock that leaves pauses out. It is told how long the run has paused in all, because only the world knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch {
    begun: Instant,
    paused_before: Duration,
}

impl Stopwatch {
    /// Starts now, after this much pause.
    pub(super) fn start(paused: Duration) -> Self {
        Self { begun: Instant::now(), paused_before: paused }
    }

    /// What has passed, where the run has paused this much in all.
    pub(super) fn elapsed(&self, paused: Duration) -> Duration {
        self.begun.elapsed().saturating_sub(paused.saturating_sub(self.paused_before))
    }
}
