//! `runs --check`: finds damage in runs, datasets and weights, with its meaning and a remedy.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::Output;
use crate::cli::run_list;
use crate::data::{self, Dataset};
use crate::domain::text::printable;
use crate::domain::{RunId, number_text};
use crate::runs::check::{DatasetInfo, Datasets, HomeFinding, Severity};
use crate::runs::{Home, RunStore};
use crate::weights::{self, Weights};

/// The options of `runs` that check runs instead of listing them.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Check {
    /// Look for damage instead: in these runs, or in all runs, datasets and weights; exits with 1 if there is any
    #[arg(long, conflicts_with_all = ["sort", "reverse", "limit", "csv"])]
    check: bool,
    /// With --check: also compare every pixel of the datasets with their fingerprints
    #[arg(long, requires = "check")]
    deep: bool,
}

/// A run, dataset or weights file, and the findings in it.
#[derive(Debug, Serialize)]
struct Checked {
    kind: &'static str,
    name: String,
    findings: Vec<HomeFinding>,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    damaged: usize,
    checked: &'a [Checked],
}

impl Checked {
    fn is_damaged(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Damage)
    }
}

impl Check {
    /// Returns whether `--check` is given.
    pub(super) fn is_asked(self) -> bool {
        self.check
    }

    /// Prints the findings in the named runs, or in the whole home. Returns `Failed` if there is any damage.
    pub(super) fn run(self, store: &RunStore, named: &[String], output: Output) -> Result<Exit, CommandError> {
        let (datasets, of_datasets) = check_datasets(store.home(), self.deep)?;
        let mut checked = Vec::new();
        if named.is_empty() {
            checked.extend(of_datasets);
            checked.extend(check_weights(store.home())?);
            let others = store.check_folder();
            if !others.is_empty() {
                checked.push(Checked { kind: "folder", name: "checkpoints".into(), findings: others });
            }
        }
        for id in runs(store, named)? {
            checked.push(Checked { kind: "run", findings: store.check(&id, &datasets), name: id.to_string() });
        }
        let damaged = checked.iter().filter(|checked| checked.is_damaged()).count();
        output.print(&Report { damaged, checked: &checked }, || text(store.home().path(), &checked, damaged))?;
        Ok(Exit::done_if(damaged == 0))
    }
}

/// Returns the named runs, or all runs, sorted by name.
fn runs(store: &RunStore, named: &[String]) -> Result<Vec<RunId>, CommandError> {
    let mut ids = if named.is_empty() {
        run_list::ids(store)?
    } else {
        named.iter().map(|run| store.find(run)).collect::<Result<Vec<_>, _>>()?
    };
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// Returns the readable datasets, with which runs are compared, and the findings in each dataset.
fn check_datasets(home: &Home, deep: bool) -> Result<(Datasets, Vec<Checked>), CommandError> {
    let (mut known, mut checked) = (Datasets::new(), Vec::new());
    for (name, entry) in data::list(&home.data())? {
        let folder = home.dataset(&name);
        let mut findings = Vec::new();
        match entry {
            Ok(manifest) => {
                if let Some(error) = deep.then(|| Dataset::open(&folder).and_then(|set| set.verify()).err()).flatten() {
                    findings.push(HomeFinding::damage(&folder, error.to_string(), ""));
                }
                let classes = manifest.classes.iter().map(|class| class.counts).collect();
                known.insert(
                    name.clone(),
                    DatasetInfo { fingerprint: manifest.fingerprint, classes, groups: manifest.groups },
                );
            }
            Err(error) => findings.push(HomeFinding::damage(&folder, error.to_string(), "")),
        }
        checked.push(Checked { kind: "dataset", name: name.to_string(), findings });
    }
    Ok((known, checked))
}

/// Returns the findings in each weights file, whose tensors are compared with their hash.
fn check_weights(home: &Home) -> Result<Vec<Checked>, CommandError> {
    let mut checked = Vec::new();
    for (name, _) in weights::list(&home.weights())? {
        let file = home.weights_file(&name);
        let wrong = Weights::open(&file).err().map(|error| HomeFinding::damage(&file, error.to_string(), ""));
        checked.push(Checked { kind: "weights", name: name.to_string(), findings: wrong.into_iter().collect() });
    }
    Ok(checked)
}

/// Returns the findings below the name of the run, dataset or weights, and a line with the counts.
fn text(home: &Path, checked: &[Checked], damaged: usize) -> String {
    let mut lines = Vec::new();
    for Checked { kind, name, findings } in checked.iter().filter(|checked| !checked.findings.is_empty()) {
        lines.push(format!("{kind} {name}"));
        for HomeFinding { severity, file, what, advice } in findings {
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
    let count = |kind: &str| checked.iter().filter(|checked| checked.kind == kind).count();
    let [runs, datasets, weights] = ["run", "dataset", "weights"].map(count);
    let mut parts = vec![number_text::count(runs, "run", "runs")];
    if datasets + weights > 0 {
        parts.extend([
            number_text::count(datasets, "dataset", "datasets"),
            number_text::count(weights, "weights file", "weights files"),
        ]);
    }
    let verdict = if damaged == 0 { "no damage".to_owned() } else { format!("{damaged} damaged") };
    lines.push(format!("checked {}: {verdict}", parts.join(", ")));
    lines.iter().map(|line| printable(line) + "\n").collect()
}
