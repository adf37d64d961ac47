//! The queue as the list shows it: the runs ahead of each waiting run, and the expected times.

use std::collections::{BTreeMap, HashSet};

use crate::data::features;
use crate::domain::number_text::ready_at;
use crate::domain::{RunId, RunState};
use crate::runs::{Summary, estimate, forecast};
use crate::tui::library::Library;

/// The expected times of an active run, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpectedTimes {
    /// The beginning, if it is known.
    pub begins: Option<u64>,
    /// The latest end, if it is known.
    pub ends: Option<u64>,
}

/// The waiting runs, with the runs ahead of them and their expected times.
#[derive(Debug, Clone, Default)]
pub struct QueueTimes {
    /// The number of runs ahead of each waiting run.
    ahead: BTreeMap<RunId, usize>,
    times: BTreeMap<RunId, ExpectedTimes>,
    /// The latest end of all active runs, in milliseconds since 1970; `None` if one is unknown.
    last: Option<u64>,
    /// The seconds that runs take, and the number of trained runs by which they were estimated.
    whole: BTreeMap<RunId, Option<f64>>,
    judged_by: usize,
}

impl QueueTimes {
    /// Computes the queue from the library, whose list holds waiting runs in the order of the queue.
    pub fn read(&mut self, library: &Library, now: u64) {
        let views = library.runs.list.iter().filter(|run| run.is_active(now));
        let active: Vec<(&Summary, RunState)> =
            views.filter_map(|run| Some((run.summary.as_deref().ok()?, run.state(now)?))).collect();
        self.ahead.clear();
        self.times.clear();
        self.last = None;
        if active.iter().all(|(run, _)| run.wait().is_none()) {
            self.whole.clear();
            return;
        }
        self.count_ahead(&active);
        self.estimate(library, &active);
        let whole = &self.whole;
        let found = forecast(&active, |run| whole.get(&run.id).copied().flatten(), now);
        let ends: Option<Vec<f64>> = active.iter().map(|(run, _)| Some(found.get(&run.id)?.ends)).collect();
        self.last = ends.and_then(|ends| ready_at(now, ends.into_iter().max_by(f64::total_cmp)?));
        let times = |(id, of): (RunId, crate::runs::Forecast)| {
            (id, ExpectedTimes { begins: ready_at(now, of.begins), ends: ready_at(now, of.ends) })
        };
        self.times = found.into_iter().map(times).collect();
    }

    /// Counts the runs ahead of each waiting run. Otherwise two runs of a device could have the same number, because
    /// the reports of their workers may be a second apart.
    fn count_ahead(&mut self, active: &[(&Summary, RunState)]) {
        let mut on: BTreeMap<&str, usize> = BTreeMap::new();
        for (run, _) in active.iter().filter(|(run, _)| run.wait().is_none()) {
            let device = run.device.as_ref().map_or("", |device| device.name.as_str());
            *on.entry(device).or_default() += 1;
        }
        for (run, _) in active {
            if let Some(wait) = &run.slot_wait {
                let before = on.entry(&wait.device).or_default();
                self.ahead.insert(run.id.clone(), *before);
                *before += 1;
            }
        }
    }

    /// Estimates the seconds of the active runs, again only after another run has trained an epoch.
    fn estimate(&mut self, library: &Library, active: &[(&Summary, RunState)]) {
        let summaries: Vec<&Summary> = library.runs.list.iter().filter_map(|run| run.summary.as_deref().ok()).collect();
        let trained = summaries.iter().filter(|run| !run.epochs.is_empty()).count();
        if trained != self.judged_by {
            self.whole.clear();
            self.judged_by = trained;
        }
        let ids: HashSet<&RunId> = active.iter().map(|(run, _)| &run.id).collect();
        self.whole.retain(|id, _| ids.contains(id));
        for (run, _) in active {
            if self.whole.contains_key(&run.id) {
                continue;
            }
            let seconds = library.datasets.find(&run.recipe.dataset).and_then(|dataset| {
                let (recipe, facts) = (run.recipe_in_force(), dataset.facts());
                let cached = features::cached_images(library.cached_features(&dataset.name), &recipe, &facts);
                let estimate = estimate(&summaries, &recipe, &facts, cached, &library.machine)?;
                Some(estimate.total(recipe.epochs.saturating_sub(run.epoch())))
            });
            self.whole.insert(run.id.clone(), seconds);
        }
    }

    /// Returns the number of runs ahead of a run that waits for a device.
    #[must_use]
    pub fn ahead(&self, id: &RunId) -> Option<usize> {
        self.ahead.get(id).copied()
    }

    /// Returns the expected times of a run while others wait.
    #[must_use]
    pub fn of(&self, id: &RunId) -> ExpectedTimes {
        self.times.get(id).copied().unwrap_or_default()
    }

    /// Returns the latest end of all active runs, in milliseconds since 1970; `None` if none waits or one is unknown.
    #[must_use]
    pub fn done_by(&self) -> Option<u64> {
        self.last.filter(|_| !self.ahead.is_empty())
    }
}
