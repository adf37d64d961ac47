//! Retention rules: the runs or checkpoints that a rule selects for deletion, and their deletion.
//!
//! A rule only narrows a filter. Exempt are runs that are too young, among the newest or the best of their kind, tagged
//! `keep`, active, or needed by an active run. A kind is a strategy and a dataset.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::check;
use super::facts::{Field, RunFacts, Value};
use super::manage::{ManageError, io_error};
use super::store::RunStore;
use crate::domain::{RunId, RunState, Strategy};
use crate::durable::disk_usage;

/// The tag that exempts a run from every rule.
pub const KEEP: &str = "keep";

/// The exemptions from a filter's runs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rule {
    /// The number of newest runs per strategy and dataset to retain.
    pub newest: Option<usize>,
    /// The number of best runs per strategy and dataset to retain, by validation accuracy of the best epoch.
    pub best: Option<usize>,
    /// The age in seconds below which runs are retained.
    pub older_than: Option<f64>,
}

/// A run that a rule selects for deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedRun {
    /// The run.
    pub id: RunId,
    /// Its state.
    pub state: RunState,
    /// Bytes on disk that its deletion frees.
    pub bytes: u64,
}

/// A run that matches the filter and is retained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedRun {
    /// The run.
    pub id: RunId,
    /// The reason.
    pub reason: String,
}

/// The result of applying a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The runs to delete, oldest first.
    pub selected: Vec<SelectedRun>,
    /// The runs to retain, with reasons.
    pub retained: Vec<RetainedRun>,
}

type Kind = (Strategy, String);

fn kind(run: &RunFacts) -> Kind {
    let recipe = &run.summary().recipe;
    (recipe.strategy, recipe.dataset.to_string())
}

/// Describes a kind: `cnn on demo`.
fn describe_kind(run: &RunFacts) -> String {
    let (strategy, dataset) = kind(run);
    format!("{strategy} on {dataset}")
}

/// Returns the first `count` runs of each kind in this order.
fn first_of_each(runs: &[&RunFacts], count: usize) -> BTreeSet<RunId> {
    let mut seen: Vec<(Kind, usize)> = Vec::new();
    let mut first = BTreeSet::new();
    for run in runs {
        let kind = kind(run);
        let index = seen.iter().position(|(other, _)| *other == kind).unwrap_or_else(|| {
            seen.push((kind, 0));
            seen.len() - 1
        });
        seen[index].1 += 1;
        if seen[index].1 <= count {
            first.insert(run.summary().id.clone());
        }
    }
    first
}

fn number(run: &RunFacts, field: Field) -> Option<f64> {
    match run.value(field) {
        Value::Number(number) => Some(number),
        Value::Words(_) | Value::None => None,
    }
}

/// Returns the reason why no rule may select a run: a worker, a dependent run, or the tag.
fn exemption(run: &RunFacts, needed: &BTreeMap<RunId, RunId>) -> Option<String> {
    if run.state().is_active() {
        return Some(format!("is {}", run.state()));
    }
    if let Some(by) = needed.get(&run.summary().id) {
        return Some(format!("{by} needs it"));
    }
    run.annotations().tags.iter().any(|tag| tag.as_str() == KEEP).then(|| format!("is tagged {KEEP}"))
}

/// Returns the runs that a rule retains, with reasons.
fn retained(runs: &[RunFacts], rule: &Rule, needed: &BTreeMap<RunId, RunId>) -> BTreeMap<RunId, String> {
    let mut by_age: Vec<&RunFacts> = runs.iter().collect();
    by_age.sort_by_key(|run| (std::cmp::Reverse(run.summary().recipe.created_at), run.summary().id.clone()));
    let newest = rule.newest.map(|count| first_of_each(&by_age, count)).unwrap_or_default();
    // Newest first among equals; a run without the metric is not among the best.
    let mut by_merit: Vec<&RunFacts> =
        by_age.iter().copied().filter(|run| number(run, Field::ValAcc).is_some()).collect();
    by_merit.sort_by(|one, other| {
        let figure = |run: &RunFacts| number(run, Field::ValAcc).unwrap_or(f64::NEG_INFINITY);
        figure(other).total_cmp(&figure(one))
    });
    let best = rule.best.map(|count| first_of_each(&by_merit, count)).unwrap_or_default();
    let reason = |run: &RunFacts| {
        let id = &run.summary().id;
        let age = number(run, Field::Age).unwrap_or(0.0);
        exemption(run, needed)
            .or_else(|| newest.contains(id).then(|| format!("is among the newest of {}", describe_kind(run))))
            .or_else(|| {
                let words = || format!("is among the best of {} by validation accuracy", describe_kind(run));
                best.contains(id).then(words)
            })
            .or_else(|| rule.older_than.is_some_and(|least| age < least).then(|| "is not that old".into()))
    };
    runs.iter().filter_map(|run| Some((run.summary().id.clone(), reason(run)?))).collect()
}

impl RunStore {
    /// Applies a rule to these runs at `now`, in milliseconds since 1970, without deleting anything.
    ///
    /// # Errors
    /// If the folder of runs cannot be listed.
    pub fn plan(&self, runs: &[RunFacts], rule: &Rule, now: u64) -> Result<Plan, ManageError> {
        let retained = retained(runs, rule, &self.needed(now)?);
        let mut selected_runs: Vec<&RunFacts> =
            runs.iter().filter(|run| !retained.contains_key(&run.summary().id)).collect();
        selected_runs.sort_by_key(|run| (run.summary().recipe.created_at, run.summary().id.clone()));
        let selected = |run: &RunFacts| {
            let id = run.summary().id.clone();
            let bytes = disk_usage(self.folder(&id).path());
            SelectedRun { id, state: run.state(), bytes }
        };
        let selected = selected_runs.into_iter().map(selected).collect();
        Ok(Plan { selected, retained: retained.into_iter().map(|(id, reason)| RetainedRun { id, reason }).collect() })
    }

    /// Narrows a plan to checkpoints. A finished run with intact best weights loses everything except these and the
    /// weights from which fine-tuning started; other runs are retained.
    #[must_use]
    pub fn plan_of_checkpoints(&self, plan: Plan) -> Plan {
        let Plan { selected, mut retained } = plan;
        let mut narrowed = Vec::new();
        for run in selected {
            match self.removable_files(&run) {
                Ok(files) => {
                    narrowed.push(SelectedRun { bytes: files.iter().map(|file| disk_usage(file)).sum(), ..run });
                }
                Err(reason) => retained.push(RetainedRun { id: run.id, reason }),
            }
        }
        Plan { selected: narrowed, retained }
    }

    fn removable_files(&self, run: &SelectedRun) -> Result<Vec<PathBuf>, String> {
        if run.state != RunState::Finished {
            return Err(format!("is {}: it needs them to resume", run.state));
        }
        let folder = self.folder(&run.id);
        let best = folder.best_checkpoint();
        match check::verify_checkpoint(&best) {
            Ok(true) => {}
            Ok(false) => return Err("has no best.ckpt".into()),
            Err(fault) => return Err(format!("its best.ckpt {fault}")),
        }
        let needed = [best, folder.start_checkpoint()];
        let files: Vec<PathBuf> =
            check::checkpoint_files(&folder).into_iter().filter(|file| !needed.contains(file)).collect();
        if files.is_empty() { Err("has nothing but its best weights".into()) } else { Ok(files) }
    }

    /// Deletes a finished run's checkpoints except the best one; returns the freed bytes. The run can still be tested,
    /// inspected and fine-tuned from, but resumes only from its best epoch.
    ///
    /// # Errors
    /// If a worker is running, the run is needed, or a file cannot be removed.
    pub fn drop_checkpoints(&self, run: &SelectedRun, now: u64) -> Result<u64, ManageError> {
        let folder = self.folder(&run.id);
        let _lock = self.lock_inactive(&run.id, now)?;
        let mut freed = 0;
        let state = self.summary(&run.id).map_or(RunState::Lost, |followed| followed.summary.state(false, now));
        let run = &SelectedRun { state, ..run.clone() };
        // Checked again under the lock: a worker may have run since the plan was made.
        for file in self.removable_files(run).map_err(|reason| io_error(&folder, std::io::Error::other(reason)))? {
            let bytes = disk_usage(&file);
            fs::remove_file(&file).map_err(|source| ManageError::Io { path: file, source })?;
            freed += bytes;
        }
        Ok(freed)
    }
}
