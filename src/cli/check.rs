//! `runs --check`: what is damaged in runs, datasets and weights, what that means and what to do.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::arguments::Output;
use super::exit::{CommandError, Exit};
use super::output;
use crate::data::{self, Dataset};
use crate::domain::RunId;
use crate::domain::text::printable;
use crate::runs::check::{DatasetInfo, Datasets, Finding, Severity};
use crate::runs::{Home, RunStore};
use crate::weights::{self, Weights};

/// The options of `runs` that check instead of listing.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Check {
    /// Look for damage instead: in these runs, or in all runs, datasets and weights; exits with 1 if there is any
    #[arg(long, conflicts_with_all = ["sort", "reverse", "limit", "csv"])]
    pub(super) check: bool,
    /// With --check: hold every pixel of the datasets against their fingerprints, too
    #[arg(long, requires = "check")]
    pub(super) deep: bool,
}

/// What was looked at and what was found in it.
#[derive(Debug, Serialize)]
struct Looked {
    kind: &'static str,
    name: String,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    damaged: usize,
    checked: &'a [Looked],
}

impl Looked {
    fn is_damaged(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Damage)
    }
}

pub(super) fn run(
    store: &RunStore,
    named: &[String],
    check: Check,
    Output { json }: Output,
) -> Result<Exit, CommandError> {
    let (datasets, of_datasets) = datasets(store.home(), check.deep)?;
    let mut looked = Vec::new();
    if named.is_empty() {
        looked.extend(of_datasets);
        looked.extend(of_weights(store.home())?);
        let beside = store.check_folder();
        if !beside.is_empty() {
            looked.push(Looked { kind: "folder", name: "checkpoints".into(), findings: beside });
        }
    }
    for id in runs(store, named)? {
        looked.push(Looked { kind: "run", findings: store.check(&id, &datasets), name: id.to_string() });
    }
    let damaged = looked.iter().filter(|looked| looked.is_damaged()).count();
    if json {
        output::json(&Report { damaged, checked: &looked })?;
    } else {
        output::print(&text(store.home().path(), &looked, damaged))?;
    }
    Ok(if damaged == 0 { Exit::Done } else { Exit::Failed })
}

/// The runs that are named, or all of them by name.
fn runs(store: &RunStore, named: &[String]) -> Result<Vec<RunId>, CommandError> {
    let mut ids = if named.is_empty() {
        let folder = store.home().checkpoints();
        store.ids().map_err(|source| CommandError::List { folder, source })?
    } else {
        named.iter().map(|run| store.find(run)).collect::<Result<Vec<_>, _>>()?
    };
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// The datasets that can be read, for runs to be held against, and what is wrong with each.
fn datasets(home: &Home, deep: bool) -> Result<(Datasets, Vec<Looked>), CommandError> {
    let (mut known, mut looked) = (Datasets::new(), Vec::new());
    for (name, entry) in data::list(&home.data())? {
        let folder = home.dataset(&name);
        let mut findings = Vec::new();
        match entry {
            Ok(manifest) => {
                if let Some(error) = deep.then(|| Dataset::open(&folder).and_then(|set| set.verify()).err()).flatten() {
                    findings.push(Finding::damage(&folder, error.to_string(), ""));
                }
                let images = manifest.counts();
                let classes = manifest.classes.len();
                known.insert(name.clone(), DatasetInfo { fingerprint: manifest.fingerprint, images, classes });
            }
            Err(error) => findings.push(Finding::damage(&folder, error.to_string(), "")),
        }
        looked.push(Looked { kind: "dataset", name: name.to_string(), findings });
    }
    Ok((known, looked))
}

/// What is wrong with each of the weights; their tensors are held against their hash.
fn of_weights(home: &Home) -> Result<Vec<Looked>, CommandError> {
    let mut looked = Vec::new();
    for (name, _) in weights::list(&home.weights())? {
        let file = home.weights_file(&name);
        let wrong = Weights::open(&file).err().map(|error| Finding::damage(&file, error.to_string(), ""));
        looked.push(Looked { kind: "weights", name: name.to_string(), findings: wrong.into_iter().collect() });
    }
    Ok(looked)
}

/// Findings under what they were found in; a line for all that is as it should be.
fn text(home: &Path, looked: &[Looked], damaged: usize) -> String {
    let mut lines = Vec::new();
    for Looked { kind, name, findings } in looked.iter().filter(|looked| !looked.findings.is_empty()) {
        lines.push(format!("{kind} {name}"));
        for Finding { severity, file, what, advice } in findings {
            let word = match severity {
                Severity::Damage => "DAMAGE",
                Severity::Note => "note  ",
            };
            lines.push(format!("  {word}  {}: {}", file.strip_prefix(home).unwrap_or(file).display(), what));
            if !advice.is_empty() {
                lines.push(format!("          {advice}"));
            }
        }
    }
    let count = |kind: &str| looked.iter().filter(|looked| looked.kind == kind).count();
    let [runs, datasets, weights] = ["run", "dataset", "weights"].map(count);
    let mut parts = vec![counted(runs, "run", "runs")];
    if datasets + weights > 0 {
        parts.extend([
            counted(datasets, "dataset", "datasets"),
            counted(weights, "file of weights", "files of weights"),
        ]);
    }
    let verdict = if damaged == 0 { "no damage".to_owned() } else { format!("{damaged} damaged") };
    lines.push(format!("checked {}: {verdict}", parts.join(", ")));
    lines.iter().map(|line| printable(line) + "\n").collect()
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
