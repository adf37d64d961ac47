//! The settings in which runs differ, from all fields of each recipe, so that none can be forgotten.
//!
//! Settings of commands and forms have their option's name and format. Every other field of a recipe file, also of a
//! later version, is found by its path.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::domain::hyperparameter::Patience;
use crate::domain::number_text::count;
use crate::domain::{
    DataFold, DeviceRequest, Hyperparameter, LeftOutImages, Limits, Recipe, RelabelledImage, RelabelledImages, Schedule,
};
use crate::runs::Summary;

/// A setting in every column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The name of its option, or its path in the recipe file.
    pub name: String,
    /// Its value in each column, not yet safe for a terminal; `None` if a run has no such setting.
    pub values: Vec<Option<String>>,
}

impl Setting {
    /// Returns the name for people.
    #[must_use]
    pub fn label(&self) -> &str {
        setting_label(&self.name)
    }
}

/// Returns the name of a setting for people: without the field of corrected images.
#[must_use]
pub fn setting_label(name: &str) -> &str {
    name.strip_suffix(".images").unwrap_or(name)
}

/// Fields of a run that do not affect its training.
const NO_SETTINGS: [&str; 3] = ["version", "created_at", "after"];

/// Paths in a recipe file that [`named`] covers under another name, with everything below them.
const NAMED_PATHS: [&str; 34] = [
    "strategy",
    "network",
    "dataset",
    "fingerprint",
    "epochs",
    "batch_size",
    "learning_rate",
    "schedule",
    "weight_decay",
    "label_smoothing",
    "optimizer",
    "warmup",
    "clip_norm",
    "average",
    "fraction",
    "balance",
    "crop",
    "standardize",
    "views",
    "early_stopping.start_from",
    "early_stopping.monitor",
    "early_stopping.patience",
    "early_stopping.min_delta",
    "augmentation",
    "seed",
    "device",
    "precision",
    "left_out",
    "relabelled",
    "transfer.weights",
    "transfer.base",
    "transfer.size",
    "transfer.variants",
    "transfer.fine_tuning",
];

/// Returns the settings in which the runs differ, with the limits in force, in the order of the form.
#[must_use]
pub fn settings(runs: &[&Summary]) -> Vec<Setting> {
    let recipes: Vec<Recipe> = runs.iter().map(|run| run.recipe_in_force()).collect();
    let of_runs: Vec<Vec<(String, Option<String>)>> = recipes.iter().map(named).collect();
    let rest: Vec<BTreeMap<String, String>> = recipes.iter().map(others).collect();
    let mut found: Vec<Setting> = Vec::new();
    for at in 0..of_runs.first().map_or(0, Vec::len) {
        let values = of_runs.iter().map(|settings| settings[at].1.clone()).collect();
        found.push(Setting { name: of_runs[0][at].0.clone(), values });
    }
    if runs.iter().any(|run| run.limits != Limits::of(&run.recipe)) {
        // Epochs before the change had other learning rates.
        let first = |value: fn(&Recipe) -> String| runs.iter().map(|run| Some(value(&run.recipe))).collect();
        found.push(Setting { name: "epochs-at-first".into(), values: first(|recipe| recipe.epochs.to_string()) });
        let patience = first(|recipe| Patience(recipe.early_stopping.patience).to_string());
        found.push(Setting { name: "patience-at-first".into(), values: patience });
    }
    // Of runs with other settings the rates differ anyway.
    found.push(Setting { name: "learning-rates".into(), values: other_rates(runs) });
    let (left_out, relabelled) = (
        runs.iter().map(|run| run.recipe.left_out.images.as_slice()).collect::<Vec<_>>(),
        runs.iter().map(|run| run.recipe.relabelled.images.as_slice()).collect::<Vec<_>>(),
    );
    found.push(Setting { name: "left-out.images".into(), values: corrected_images(&left_out) });
    found.push(Setting { name: "relabelled.images".into(), values: corrected_images(&relabelled) });
    let mut names: Vec<&String> = rest.iter().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let values = rest.iter().map(|settings| settings.get(name).cloned()).collect();
        found.push(Setting { name: name.replace('_', "-"), values });
    }
    found.retain(|setting| setting.values.windows(2).any(|pair| pair[0] != pair[1]));
    // Datasets or bases of different names have different hashes, which add no information.
    let differs = |name: &str| found.iter().any(|setting| setting.name == name);
    let (dataset, weights) = (differs("dataset"), differs("weights"));
    found.retain(|Setting { name, .. }| !(name == "fingerprint" && dataset || name == "base" && weights));
    found
}

/// Formats the corrected images of each run: their number, and a hash if another run corrects as many others.
fn corrected_images<T: PartialEq + Serialize>(of_runs: &[&[T]]) -> Vec<Option<String>> {
    let text = |images: &&[T]| {
        let others = of_runs.iter().any(|other| other.len() == images.len() && other != images);
        // Serialization cannot fail: these are numbers.
        let hash = || crc32fast::hash(&serde_json::to_vec(images).unwrap_or_default());
        let known = if others { format!(" ({:08x})", hash()) } else { String::new() };
        (!images.is_empty()).then(|| count(images.len(), "image", "images") + &known)
    };
    of_runs.iter().map(text).collect()
}

/// Returns the settings of a run without seed and number of the fold: the recipe in force, and the limits with which it
/// began. Runs that differ in nothing else have equal ones.
#[must_use]
pub(super) fn settings_without_seed(run: &Summary) -> (Recipe, Limits) {
    (without_seed(&run.recipe_in_force()), Limits::of(&run.recipe))
}

/// Returns the first epoch in which two runs of the same settings had other learning rates. Limits that were changed at
/// another epoch stretch or shorten a schedule from there on. Rates that follow from validation losses are left out.
pub(super) fn first_other_rate(one: &Summary, other: &Summary) -> Option<u32> {
    /// Far above the difference of folds, whose epochs have other numbers of steps.
    const TOLERANCE: f64 = 1e-3;
    if !one.recipe.schedule.depends_on_epochs() {
        return None;
    }
    let differ = |rates: (f64, f64)| (rates.0 - rates.1).abs() > TOLERANCE * one.recipe.learning_rate;
    let mut pairs = one.epochs.iter().zip(&other.epochs);
    pairs.find(|(one, other)| differ((one.learning_rate, other.learning_rate))).map(|(epoch, _)| epoch.epoch)
}

/// Returns whether runs differ in nothing but seed and fold: neither in settings nor in the rates that they had.
pub(super) fn are_repetitions(one: &Summary, other: &Summary) -> bool {
    settings_without_seed(one) == settings_without_seed(other) && first_other_rate(one, other).is_none()
}

/// Returns for each run the epoch from which its learning rates differ from those of an earlier run with its settings.
fn other_rates(runs: &[&Summary]) -> Vec<Option<String>> {
    let bare: Vec<(Recipe, Limits)> = runs.iter().map(|run| settings_without_seed(run)).collect();
    let of_run = |at: usize| {
        let mut same = (0..at).filter(|earlier| bare[*earlier] == bare[at]).map(|earlier| runs[earlier]);
        let (earlier, epoch) = same.find_map(|earlier| Some((earlier, first_other_rate(earlier, runs[at])?)))?;
        Some(format!("other than {} from epoch {epoch} on", earlier.id))
    };
    (0..runs.len()).map(of_run).collect()
}

/// Returns a recipe without its seed and the number of its fold, and without fields that do not affect its result:
/// creation time, predecessor, device.
fn without_seed(recipe: &Recipe) -> Recipe {
    let fold = recipe.fold.map(|fold| DataFold { number: 1, ..fold });
    let mut same = recipe.clone();
    // The runs that revealed the images do not affect training.
    same.left_out.found_with.clear();
    same.relabelled.found_with.clear();
    // The images that folds leave out or relabel have other indices in each.
    if fold.is_some() && !recipe.left_out.is_empty() {
        same.left_out = LeftOutImages::new(vec![0], Vec::new());
    }
    if fold.is_some() && !recipe.relabelled.is_empty() {
        same.relabelled = RelabelledImages::new(vec![RelabelledImage { index: 0, class: 0 }], Vec::new());
    }
    Recipe { version: 0, created_at: 0, after: None, seed: 0, device: DeviceRequest::Auto, fold, ..same }
}

/// Returns the settings with an option name, the same for every recipe.
fn named(recipe: &Recipe) -> Vec<(String, Option<String>)> {
    let transfer = recipe.transfer.as_ref();
    let from = transfer.and_then(|transfer| transfer.fine_tuning.as_ref()).map(|tuning| tuning.from.to_string());
    let mut settings = vec![
        ("strategy".to_owned(), Some(recipe.strategy.to_string())),
        ("dataset".to_owned(), Some(recipe.dataset.to_string())),
        ("fingerprint".to_owned(), Some(recipe.fingerprint.clone())),
        ("weights".to_owned(), transfer.map(|transfer| transfer.weights.to_string())),
        ("base".to_owned(), transfer.map(|transfer| transfer.base.clone())),
        ("from".to_owned(), from),
    ];
    for field in Hyperparameter::ALL {
        let value = match field {
            // Recipe files may contain schedules that commands do not offer.
            Hyperparameter::Schedule => schedule(recipe.schedule),
            field => field.get(recipe),
        };
        let has = field.is_of(recipe.strategy);
        settings.push((field.name().to_owned(), Some(value).filter(|_| has)));
    }
    settings
}

fn schedule(schedule: Schedule) -> String {
    match schedule {
        Schedule::Plateau { factor, patience } if schedule != Schedule::PLATEAU => {
            format!("{} ×{factor} after {patience}", schedule.name())
        }
        _ => schedule.name().to_owned(),
    }
}

/// Returns the other fields of the recipe file by path.
fn others(recipe: &Recipe) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    // Serialization cannot fail: a recipe is read from JSON.
    if let Ok(value) = serde_json::to_value(recipe) {
        flatten("", &value, &mut found);
    }
    found
}

fn flatten(path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    if NAMED_PATHS.contains(&path) || NO_SETTINGS.contains(&path) {
        return;
    }
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, found);
            }
        }
        Value::Array(entries) => {
            found.insert(path.to_owned(), list(entries));
        }
        Value::String(text) => {
            found.insert(path.to_owned(), text.clone());
        }
        other => {
            found.insert(path.to_owned(), other.to_string());
        }
    }
}

/// Formats a list: a short one in full, a long one by its length and a hash that distinguishes lists.
fn list(entries: &[Value]) -> String {
    let text: Vec<String> = entries.iter().map(ToString::to_string).collect();
    let text = text.join(", ");
    match entries.len() {
        0..=4 if text.len() <= 24 => text,
        count => format!("{count} ({:08x})", crc32fast::hash(text.as_bytes())),
    }
}
