//! The runs that ended since the last look at this screen.

use std::collections::HashSet;

use crate::domain::RunId;
use crate::runs::Ending;
use crate::runs::endings::describe_counts;
use crate::tui::library::Library;

/// The runs that ended since the last look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct News {
    /// The time of the last look, in milliseconds since 1970; `None` until it is read.
    since: Option<u64>,
    /// The ends after it, the earliest first.
    pub endings: Vec<Ending>,
    /// The ends that were written to the messages.
    reported: HashSet<(RunId, u64)>,
    /// The number of ends that were on the screen when a key was pressed.
    seen: usize,
}

impl News {
    /// Sets the time of the last look.
    pub fn begin(&mut self, since: u64) {
        self.since = Some(since);
    }

    /// Returns the time of the last look, if a run ended after it.
    #[must_use]
    pub fn since(&self) -> Option<u64> {
        self.since.filter(|_| !self.endings.is_empty())
    }

    /// Reads the ends from the library. Returns those that were not reported yet, the earliest first.
    pub fn read(&mut self, library: &Library, now: u64) -> Vec<Ending> {
        let Some(since) = self.since else { return Vec::new() };
        let ending = |run: &crate::tui::library::RunView| {
            Ending::of(run.summary.as_ref().ok()?, run.state(now)?).filter(|ending| ending.at > since)
        };
        self.endings = library.runs.list.iter().filter_map(ending).collect();
        self.endings.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        self.seen = self.seen.min(self.endings.len());
        let reported = &mut self.reported;
        let is_new = |ending: &&Ending| {
            if !reported.insert((ending.id.clone(), ending.at)) {
                return false;
            }
            // A renamed run has not ended again.
            let former = library.runs.find(&ending.id).map(|run| run.annotations.former.as_slice());
            !former.unwrap_or_default().iter().any(|name| reported.contains(&(name.clone(), ending.at)))
        };
        self.endings.iter().filter(is_new).cloned().collect()
    }

    /// Returns the number of ends that nobody has seen on this screen.
    #[must_use]
    pub fn unseen(&self) -> usize {
        self.endings.len() - self.seen
    }

    /// Records that all ends are seen. Returns whether any was not.
    pub fn see(&mut self) -> bool {
        let was_unseen = self.unseen() > 0;
        self.seen = self.endings.len();
        was_unseen
    }

    /// Forgets the ends that were seen, because the screen is left.
    pub fn leave(&mut self, now: u64) {
        if self.since.is_some() && self.unseen() == 0 {
            self.since = Some(now);
            self.endings.clear();
            self.seen = 0;
        }
    }

    /// Returns `3 finished, 1 failed`.
    #[must_use]
    pub fn counts(&self) -> String {
        describe_counts(&self.endings)
    }
}
