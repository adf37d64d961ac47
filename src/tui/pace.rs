//! Limits how often frames are drawn. A key is answered at once, other events after a minimum interval, and no second
//! has more frames than allowed.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::tui::state::State;

/// Decides when the next frame is drawn. The limit also holds in every fifth of a second; otherwise a burst of keys
/// would delay the next answer by up to a second.
#[derive(Debug)]
pub(super) struct FramePacer {
    /// The most frames in any [`Self::burst_span`].
    burst: usize,
    /// The time that `burst` frames take at the limit.
    burst_span: Duration,
    /// The minimum time between two frames that no key caused.
    interval: Duration,
    /// The times of the latest `burst` frames.
    frame_times: VecDeque<Instant>,
    /// The earliest time of the first frame.
    not_before: Instant,
}

impl FramePacer {
    /// Returns a pacer of at most `most` frames a second, the first not before `not_before`.
    pub(super) fn new(most: u32, not_before: Instant) -> Self {
        // Rounded up, so that the limit holds to the nanosecond. A burst span divides a second; otherwise one second
        // could hold more frames than allowed.
        let interval = Duration::from_secs(1) / most.max(1) + Duration::from_nanos(1);
        let burst = if most.is_multiple_of(5) { (most / 5).max(1) } else { 1 };
        let burst_span = interval * burst;
        let burst = usize::try_from(burst).unwrap_or(1);
        Self { burst, burst_span, interval, frame_times: VecDeque::with_capacity(burst), not_before }
    }

    /// Returns the time of the next frame; sooner where a key waits for an answer.
    pub(super) fn next_frame(&self, key_waits: bool) -> Instant {
        let full = (self.frame_times.len() >= self.burst)
            .then(|| self.frame_times.front().map(|oldest| *oldest + self.burst_span))
            .flatten();
        let interval = self.frame_times.back().map(|last| *last + self.interval);
        let soonest = if key_waits { full } else { full.max(interval) };
        soonest.map_or(self.not_before, |soonest| soonest.max(self.not_before))
    }

    /// Ends the wait of the first frame, because data arrived.
    pub(super) fn release_first_frame(&mut self, now: Instant) {
        self.not_before = self.not_before.min(now);
    }

    /// Records a frame. Frames that change nothing on the terminal are not recorded.
    pub(super) fn record_frame(&mut self, now: Instant) {
        if self.frame_times.len() == self.burst {
            self.frame_times.pop_front();
        }
        self.frame_times.push_back(now);
    }
}

/// Returns whether the passing of time alone changed the screen between `then` and the state's time, in milliseconds
/// since 1970. Durations of active runs, pending answers, the ages of runs in whole units and messages show time.
pub(super) fn time_changes_screen(state: &State, then: u64) -> bool {
    let ages = |created: u64| age_unit(then.saturating_sub(created)) != age_unit(state.now.saturating_sub(created));
    let shown = |now: u64| state.message.as_ref().is_some_and(|message| !message.is_expired(now));
    !state.runs.pending.is_empty()
        || shown(then) != shown(state.now)
        || state.library.runs.list.iter().any(|run| {
            run.is_active(then)
                || run.is_active(state.now)
                || run.summary.as_ref().is_ok_and(|summary| ages(summary.recipe.created_at))
        })
}

/// Returns the unit in which an age is shown, and the number of units; see [`age`](crate::domain::number_text::age).
fn age_unit(milliseconds: u64) -> (u8, u64) {
    match milliseconds / 1_000 {
        seconds @ 0..60 => (0, seconds),
        seconds @ 60..3_600 => (1, seconds / 60),
        seconds @ 3_600..86_400 => (2, seconds / 3_600),
        seconds => (3, seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_key_is_answered_at_once_and_other_events_wait() {
        let start = Instant::now();
        let mut pace = FramePacer::new(20, start);
        assert_eq!(pace.next_frame(false), start);
        pace.record_frame(start);
        assert!(pace.next_frame(false) >= start + 50 * MS && pace.next_frame(false) < start + 51 * MS);
        assert!(pace.next_frame(true) <= start + MS, "also right after a frame");
    }

    #[test]
    fn no_frame_is_drawn_before_the_first_data() {
        let start = Instant::now();
        let mut pace = FramePacer::new(20, start + 60 * MS);
        assert_eq!(pace.next_frame(true), start + 60 * MS);
        pace.release_first_frame(start + 20 * MS);
        assert_eq!(pace.next_frame(false), start + 20 * MS, "released early");
        pace.release_first_frame(start + 500 * MS);
        assert_eq!(pace.next_frame(false), start + 20 * MS);
    }

    proptest! {
        #[test]
        fn an_age_changes_exactly_when_its_unit_changes(one in 0_u64..400_000_000, later in 0_u64..400_000_000) {
            use crate::domain::number_text::age;
            prop_assert_eq!(age(one) == age(one + later), age_unit(one) == age_unit(one + later));
        }

        #[test]
        fn no_second_has_more_frames_than_allowed(
            waits in proptest::collection::vec((any::<bool>(), 0_u32..90), 1..200), most in 1_u32..=20
        ) {
            let mut now = Instant::now();
            let mut pace = FramePacer::new(most, now);
            let mut frames = Vec::new();
            for (key, wait) in waits {
                now = (now + wait * MS).max(pace.next_frame(key));
                pace.record_frame(now);
                frames.push(now);
            }
            for (at, frame) in frames.iter().enumerate() {
                let within = frames[at..].iter().filter(|other| **other < *frame + 1000 * MS).count();
                prop_assert!(within <= most as usize, "{within} frames in a second");
            }
        }
    }
}
