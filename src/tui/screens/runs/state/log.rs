//! Which part of a run's log is shown: its end, or what somebody scrolled to.

use super::super::LogLine;

/// Which part of a log is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogView {
    /// Lines between the last one shown and the newest; 0 follows the newest.
    pub back: usize,
    /// Whether new lines are held off although the newest is shown.
    pub held: bool,
    /// What is searched for; empty for nothing.
    pub search: String,
}

/// Lines that a log has behind the last one of `before`.
pub(super) fn grown(before: &[LogLine], after: &[LogLine]) -> usize {
    let Some(last) = before.last() else { return 0 };
    let place = after.iter().rposition(|line| line == last);
    place.map_or(0, |place| after.len() - place - 1)
}

impl LogView {
    /// Whether it moves with the newest line.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.back == 0 && !self.held
    }

    /// Keeps what is shown in place when so many lines come behind it.
    pub(super) fn hold(&mut self, grown: usize) {
        if !self.follows() {
            self.back += grown;
        }
    }

    /// Shows lines further back (above 0) or nearer to the end, among `count`.
    pub fn scroll(&mut self, by: isize, count: usize) {
        self.back = self.back.saturating_add_signed(by).min(count.saturating_sub(1));
        self.held &= self.back > 0;
    }

    /// Follows the newest line, or stops to.
    pub fn toggle(&mut self) {
        self.held = self.follows();
        self.back = 0;
    }

    /// Whether a line is one that is searched for.
    #[must_use]
    pub fn hits(&self, line: &LogLine) -> bool {
        !self.search.is_empty() && line.text.to_lowercase().contains(&self.search.to_lowercase())
    }

    /// Shows the next hit towards the beginning, or towards the end, around both; `false` where there is none.
    pub fn find(&mut self, log: &[LogLine], towards_end: bool, from_here: bool) -> bool {
        let count = log.len();
        let here = count.saturating_sub(1 + self.back.min(count.saturating_sub(1)));
        let skip = usize::from(!from_here);
        let place =
            |step: usize| if towards_end { (here + step) % count } else { (here + count - step % count) % count };
        let found = (skip..count + skip).map(place).find(|place| self.hits(&log[*place]));
        if let Some(place) = found {
            self.back = count - 1 - place;
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
    fn what_is_scrolled_to_stays_in_place() {
        let (before, after) = (lines(&["a", "b", "c"]), lines(&["a", "b", "c", "d", "e"]));
        let mut view = LogView::default();
        view.hold(grown(&before, &after));
        assert!(view.follows());
        view.scroll(1, 3);
        view.hold(grown(&before, &after));
        assert_eq!(view.back, 3);
        view.toggle();
        assert!(view.follows());
        view.toggle();
        view.hold(2);
        assert_eq!((view.back, view.follows()), (2, false));
    }

    #[test]
    fn a_search_goes_around() {
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
