//! The bytes that may be on their way at a time. Without a bound, seconds of logs would wait in the buffers of a slow
//! line, and the runs that are watched behind them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const LEAST: u64 = 16 << 10;
const MOST: u64 = 4 << 20;

/// The delay between sending and its receipt below which more may be on the way, and above which less.
const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_millis(1500);

/// The bytes on their way, and the most that there may be.
#[derive(Debug)]
pub(super) struct Window {
    received: u64,
    most: u64,
    /// When the stream had which length.
    sent: VecDeque<(u64, Instant)>,
}

impl Default for Window {
    fn default() -> Self {
        Self { received: 0, most: 2 * LEAST, sent: VecDeque::new() }
    }
}

impl Window {
    /// Records that `total` bytes were sent until now.
    pub(super) fn sent(&mut self, total: u64) {
        if self.sent.back().is_none_or(|(before, _)| *before < total) {
            self.sent.push_back((total, Instant::now()));
        }
    }

    /// Records that `total` bytes were received, and changes the bound by the time that they took.
    pub(super) fn received(&mut self, total: u64) {
        let mut delay = None;
        while let Some((_, at)) = self.sent.front().filter(|(sent, _)| *sent <= total) {
            delay = Some(at.elapsed());
            self.sent.pop_front();
        }
        self.received = self.received.max(total);
        match delay {
            Some(delay) if delay < SHORT => self.most = (self.most * 2).min(MOST),
            Some(delay) if delay > LONG => self.most = (self.most / 2).max(LEAST),
            _ => {}
        }
    }

    /// Returns whether more may be sent, after `total` bytes.
    pub(super) fn is_open(&self, total: u64) -> bool {
        total.saturating_sub(self.received) < self.most
    }

    /// Returns whether the line carries little.
    pub(super) fn is_slow(&self) -> bool {
        self.most < 256 << 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_closes_until_bytes_are_received_and_grows_on_a_fast_line() {
        let mut window = Window::default();
        assert!(window.is_open(0) && !window.is_open(2 * LEAST) && window.is_slow());
        for total in 1..=12 {
            window.sent(total * LEAST);
            window.received(total * LEAST);
        }
        assert!(window.is_open(12 * LEAST + MOST - 1) && !window.is_open(12 * LEAST + MOST) && !window.is_slow());
        // A forged receipt of more than was sent opens it, and breaks nothing.
        window.received(u64::MAX);
        assert!(window.is_open(0));
    }
}
