//! The visible part of a chart's horizontal axis, zoomed and moved within the whole.

/// A range of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The lower end.
    pub from: f64,
    /// The upper end, above `from`.
    pub to: f64,
}

/// The smallest visible share of the whole.
const SMALLEST: f64 = 1e-4;

impl Window {
    /// Returns the range from 0 to `end`; to 1 where `end` is not above 0.
    #[must_use]
    pub fn until(end: f64) -> Self {
        Self { from: 0.0, to: if end.is_finite() && end > 0.0 { end } else { 1.0 } }
    }

    /// Returns the length.
    #[must_use]
    pub fn span(self) -> f64 {
        self.to - self.from
    }

    /// Returns whether the range contains `x`.
    #[must_use]
    pub fn contains(self, x: f64) -> bool {
        (self.from..=self.to).contains(&x)
    }

    /// Moves the range into `whole`; returns `whole` where it is longer.
    #[must_use]
    pub fn within(self, whole: Self) -> Self {
        let span = self.span();
        if span.is_nan() || span >= whole.span() {
            return whole;
        }
        let from = self.from.clamp(whole.from, whole.to - span);
        Self { from, to: from + span }
    }

    /// Scales the range by `factor` around `about`, which stays at its position on the screen. Factors below 1 zoom in.
    #[must_use]
    pub fn zoomed(self, whole: Self, factor: f64, about: f64) -> Self {
        let span = (self.span() * factor).max(whole.span() * SMALLEST);
        let share = ((about - self.from) / self.span()).clamp(0.0, 1.0);
        let from = about.clamp(self.from, self.to) - share * span;
        Self { from, to: from + span }.within(whole)
    }

    /// Moves the range by a share of its length.
    #[must_use]
    pub fn panned(self, whole: Self, by: f64) -> Self {
        let step = self.span() * by;
        Self { from: self.from + step, to: self.to + step }.within(whole)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_window_stays_inside_and_never_closes(
            end in 0.1..1e6_f64, moves in proptest::collection::vec((0.1..8.0_f64, -3.0..3.0_f64, 0.0..1.0_f64), 0..40)
        ) {
            let whole = Window::until(end);
            let mut window = whole;
            for (factor, by, share) in moves {
                let about = window.from + share * window.span();
                window = window.zoomed(whole, factor, about).panned(whole, by);
                prop_assert!(window.from >= 0.0 && window.to <= end * (1.0 + 1e-9), "{window:?}");
                prop_assert!(window.span() >= end * SMALLEST * 0.99, "{window:?}");
            }
        }
    }

    #[test]
    fn zooming_keeps_its_middle_in_place() {
        let whole = Window::until(100.0);
        assert_eq!(whole.zoomed(whole, 0.5, 50.0), Window { from: 25.0, to: 75.0 });
        assert_eq!(whole.zoomed(whole, 0.5, 100.0), Window { from: 50.0, to: 100.0 });
        assert_eq!(Window { from: 25.0, to: 75.0 }.zoomed(whole, 4.0, 50.0), whole);
        assert_eq!(Window { from: 25.0, to: 75.0 }.panned(whole, 2.0), Window { from: 50.0, to: 100.0 });
        assert_eq!(Window::until(f64::NAN), Window::until(1.0));
    }
}
