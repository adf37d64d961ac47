//! The visible part of a run's log: its end, or the part to which the user scrolled.

use super::super::LogLine;

/// The visible part of a log, and the search text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogView {
    /// The number of lines between the last visible one and the newest; 0 at the newest.
    pub back: usize,
    /// Whether the view stays where it is although the newest line is visible.
    pub held: bool,
    /// The search text; empty for none.
    pub search: String,
}

/// Returns the number of lines in `after` that follow the last one of `before`.
pub(super) fn count_new_lines(before: &[LogLine], after: &[LogLine]) -> usize {
    let Some(last) = before.last() else { return 0 };
    let index = after.iter().rposition(|line| line == last);
    index.map_or(0, |index| after.len() - index - 1)
}

impl LogView {
    /// Returns whether the view moves with the newest line.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.back == 0 && !self.held
    }

    /// Keeps the visible lines in place after `grown` new lines were added.
    pub(super) fn keep_position(&mut self, grown: usize) {
        if !self.follows() {
            self.back += grown;
        }
    }

    /// Scrolls back by `by` lines, or forward if it is negative, in a log of `count` lines.
    pub fn scroll(&mut self, by: isize, count: usize) {
        self.back = self.back.saturating_add_signed(by).min(count.saturating_sub(1));
        self.held &= self.back > 0;
    }

    /// Follows the newest line, or stops following.
    pub fn toggle_following(&mut self) {
        self.held = self.follows();
        self.back = 0;
    }

    /// Returns whether a line contains the search text, in any case.
    #[must_use]
    pub fn matches(&self, line: &LogLine) -> bool {
        !self.search.is_empty() && line.text.to_lowercase().contains(&self.search.to_lowercase())
    }

    /// Shows the next match towards the beginning or the end, wrapping around. Returns `false` if there is none.
    pub fn find(&mut self, log: &[LogLine], towards_end: bool, from_here: bool) -> bool {
        let count = log.len();
        let here = count.saturating_sub(1 + self.back.min(count.saturating_sub(1)));
        let skip = usize::from(!from_here);
        let index =
            |step: usize| if towards_end { (here + step) % count } else { (here + count - step % count) % count };
        let found = (skip..count + skip).map(index).find(|index| self.matches(&log[*index]));
        if let Some(index) = found {
            self.back = count - 1 - index;
            self.held = true;
        }
        found.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<LogLine> {
        (0..).zip(texts).map(|(at, text)| LogLine { at, text: (*text).into() }).collect()
    }

    #[test]
    fn the_visible_lines_stay_in_place_while_the_log_grows() {
        let (before, after) = (lines(&["a", "b", "c"]), lines(&["a", "b", "c", "d", "e"]));
        let mut view = LogView::default();
        view.keep_position(count_new_lines(&before, &after));
        assert!(view.follows());
        view.scroll(1, 3);
        view.keep_position(count_new_lines(&before, &after));
        assert_eq!(view.back, 3);
        view.toggle_following();
        assert!(view.follows());
        view.toggle_following();
        view.keep_position(2);
        assert_eq!((view.back, view.follows()), (2, false));
    }

    #[test]
    fn a_search_wraps_around() {
        let log = lines(&["epoch 1", "saved", "epoch 2", "tested"]);
        let mut view = LogView { search: "EPOCH".into(), ..LogView::default() };
        let mut found = Vec::new();
        assert!(view.find(&log, false, true));
        found.push(view.back);
        for towards_end in [false, false, true, true] {
            assert!(view.find(&log, towards_end, false));
            found.push(view.back);
        }
        assert_eq!(found, [1, 3, 1, 3, 1]);
        view.search = "no such".into();
        assert!(!view.find(&log, true, false) && !view.find(&[], true, true));
    }
}
