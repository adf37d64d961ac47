//! When the next frame is drawn. A key is answered at once; news wait until the last frame has stood for a while; and
//! there are never more frames in any second than allowed.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::tui::state::State;

/// The pace of frames. The bound holds in every fifth of a second, so that after a run of keys nobody waits for longer.
#[derive(Debug)]
pub(super) struct Pace {
    /// Frames in any [`Self::span`] at most.
    burst: usize,
    /// How long that many frames take at the bound.
    span: Duration,
    /// Between two frames where no key waits.
    spread: Duration,
    /// When the latest frames were drawn.
    drawn: VecDeque<Instant>,
    /// No frame before this.
    not_before: Instant,
}

impl Pace {
    /// At most this many frames in any second, the first one not before this instant.
    pub(super) fn new(most: u32, not_before: Instant) -> Self {
        // Rounded up, so that the bound holds to the last nanosecond; and spans fit into a second.
        let spread = Duration::from_secs(1) / most.max(1) + Duration::from_nanos(1);
        let burst = if most.is_multiple_of(5) { (most / 5).max(1) } else { 1 };
        let span = spread * burst;
        let burst = usize::try_from(burst).unwrap_or(1);
        Self { burst, span, spread, drawn: VecDeque::with_capacity(burst), not_before }
    }

    /// When the next frame may be drawn; sooner where a key waits for an answer.
    pub(super) fn next(&self, key_waits: bool) -> Instant {
        let full =
            (self.drawn.len() >= self.burst).then(|| self.drawn.front().map(|oldest| *oldest + self.span)).flatten();
        let spread = self.drawn.back().map(|last| *last + self.spread);
        let soonest = if key_waits { full } else { full.max(spread) };
        soonest.map_or(self.not_before, |soonest| soonest.max(self.not_before))
    }

    /// There is something to show: the first frame waits no longer.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.not_before = self.not_before.min(now);
    }

    /// A frame was drawn now. One that changed nothing on the terminal does not count.
    pub(super) fn drew(&mut self, now: Instant) {
        if self.drawn.len() == self.burst {
            self.drawn.pop_front();
        }
        self.drawn.push_back(now);
    }
}

/// Whether anything that is shown changed between `then` and the state's now merely because time passed, both in
/// milliseconds since 1970: how long active runs have been going, how long an answer is outstanding, and the ages of
/// runs, in whole units.
pub(super) fn time_shows(state: &State, then: u64) -> bool {
    let ages = |created: u64| unit(then.saturating_sub(created)) != unit(state.now.saturating_sub(created));
    !state.runs.pending.is_empty()
        || state.library.runs.list.iter().any(|run| {
            run.is_active(then)
                || run.is_active(state.now)
                || run.summary.as_ref().is_ok_and(|summary| ages(summary.recipe.created_at))
        })
}

/// How many of which unit an age is told in; see [`age`](crate::domain::figures::age).
fn unit(milliseconds: u64) -> (u8, u64) {
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
    fn a_key_is_answered_at_once_and_news_wait_their_turn() {
        let start = Instant::now();
        let mut pace = Pace::new(20, start);
        assert_eq!(pace.next(false), start);
        pace.drew(start);
        assert!(pace.next(false) >= start + 50 * MS && pace.next(false) < start + 51 * MS);
        assert!(pace.next(true) <= start + MS, "even right after a frame");
    }

    #[test]
    fn nothing_is_drawn_before_the_first_news() {
        let start = Instant::now();
        let mut pace = Pace::new(20, start + 60 * MS);
        assert_eq!(pace.next(true), start + 60 * MS);
        pace.hurry(start + 20 * MS);
        assert_eq!(pace.next(false), start + 20 * MS, "which may come sooner");
        pace.hurry(start + 500 * MS);
        assert_eq!(pace.next(false), start + 20 * MS);
    }

    proptest! {
        #[test]
        fn an_age_changes_exactly_when_its_unit_does(one in 0_u64..400_000_000, later in 0_u64..400_000_000) {
            use crate::domain::figures::age;
            prop_assert_eq!(age(one) == age(one + later), unit(one) == unit(one + later));
        }

        #[test]
        fn no_second_has_more_frames_than_allowed(
            waits in proptest::collection::vec((any::<bool>(), 0_u32..90), 1..200), most in 1_u32..=20
        ) {
            let mut now = Instant::now();
            let mut pace = Pace::new(most, now);
            let mut frames = Vec::new();
            for (key, wait) in waits {
                now = (now + wait * MS).max(pace.next(key));
                pace.drew(now);
                frames.push(now);
            }
            for (at, frame) in frames.iter().enumerate() {
                let within = frames[at..].iter().filter(|other| **other < *frame + 1000 * MS).count();
                prop_assert!(within <= most as usize, "{within} frames in a second");
            }
        }
    }
}
