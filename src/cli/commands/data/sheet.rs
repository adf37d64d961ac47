//! A dataset as JSON and as text. Keys are stable: none is ever renamed.

use serde::Serialize;

use crate::cli::exit::CommandError;
use crate::cli::options::Output;
use crate::cli::table::{Side, Table, thousands};
use crate::data::check::{self, FindingCounts, Findings};
use crate::data::features::{self, CacheUsage};
use crate::data::import::Fit;
use crate::data::manifest::{ClassCounts, ImageShape, MergedSource, SplitOptions, reasons};
use crate::data::split::{Division, Protocol};
use crate::data::{Distribution, Manifest, Omission, Skipped};
use crate::domain::text::printable;
use crate::domain::{DatasetName, Size, Split, number_text};
use crate::runs::Home;

/// A dataset for scripts.
#[derive(Debug, Serialize)]
pub(super) struct DatasetEntry<'a> {
    name: &'a DatasetName,
    fingerprint: &'a str,
    image: ImageShape,
    classes: &'a [ClassCounts],
    skipped: &'a [Skipped],
    skipped_count: u64,
    left_out: &'a [Omission],
    notes: &'a [String],
    resized: u64,
    source: &'a str,
    created_at: u64,
    split: SplitEntry,
    fit: Fit,
    /// The sources of a merged dataset.
    parts: &'a [MergedSource],
    /// The number of groups of images, such as persons; `null` if they are not known.
    groups: Option<usize>,
    /// The counts of `data check`; left out before the first check.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<FindingCounts>,
    /// Messages on classes without or with few images in a split, and the like.
    class_findings: Vec<String>,
    /// The cached features; left out of the list of datasets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    features: Vec<FeaturesEntry>,
}

/// The protocol of the splits, and the fractions that were cut; `null` for a split of the source.
#[derive(Debug, Serialize)]
pub(super) struct SplitEntry {
    protocol: Protocol,
    validation_fraction: Option<f64>,
    test_fraction: Option<f64>,
    by: Division,
    seed: Option<u64>,
}

impl From<SplitOptions> for SplitEntry {
    fn from(split: SplitOptions) -> Self {
        let SplitOptions { protocol, validation_fraction, test_fraction, by, seed } = split;
        Self { protocol, validation_fraction, test_fraction, by, seed }
    }
}

/// Cached features of one base, layer and image size.
#[derive(Debug, Serialize)]
struct FeaturesEntry {
    base: String,
    layer: String,
    size: u32,
    device: String,
    sections: usize,
    bytes: u64,
}

/// Returns the dataset without its cached features.
pub(super) fn entry<'a>(home: &Home, manifest: &'a Manifest) -> DatasetEntry<'a> {
    DatasetEntry {
        name: &manifest.name,
        fingerprint: &manifest.fingerprint,
        image: manifest.image,
        classes: &manifest.classes,
        skipped: &manifest.skipped,
        skipped_count: manifest.skipped_count,
        left_out: &manifest.left_out,
        notes: &manifest.notes,
        resized: manifest.resized,
        source: &manifest.source,
        created_at: manifest.created_at,
        split: manifest.split.into(),
        fit: manifest.fit,
        parts: &manifest.parts,
        groups: manifest.groups.as_ref().map(|groups| groups.len()),
        findings: findings(home, manifest),
        class_findings: check::class_findings(manifest),
        features: Vec::new(),
    }
}

/// Returns the dataset with its cached features.
fn entry_with_features<'a>(home: &Home, manifest: &'a Manifest) -> DatasetEntry<'a> {
    let cached = |CacheUsage { key, sections, bytes }: CacheUsage| FeaturesEntry {
        base: key.base,
        layer: key.layer,
        size: key.size,
        device: key.device,
        sections: sections.len(),
        bytes,
    };
    let features = features::usage(&home.dataset(&manifest.name)).into_iter().map(cached).collect();
    DatasetEntry { features, ..entry(home, manifest) }
}

/// Returns the counts of the dataset's last check; `None` before the first one.
fn findings(home: &Home, manifest: &Manifest) -> Option<FindingCounts> {
    let places = manifest.places();
    let findings = Findings::cached(&home.dataset(&manifest.name), &manifest.fingerprint, places.len())?;
    Some(FindingCounts::of(&findings, &places))
}

/// Returns the findings of the dataset's check as lines.
fn findings_text(entry: &DatasetEntry<'_>) -> String {
    let name = entry.name;
    let pixels = match entry.findings.as_ref().map(FindingCounts::parts) {
        None => format!("copies and contradicting labels: `mien data check {name}` searches for them"),
        Some(found) if found.is_empty() => "no copies, contradicting labels or constant images".into(),
        Some(found) => format!("{}: `mien data check {name}` lists them", found.join(", ")),
    };
    let lines: Vec<&str> = std::iter::once(&pixels).chain(&entry.class_findings).map(String::as_str).collect();
    format!("\n{}\n", lines.join("\n"))
}

/// Prints the dataset.
pub(super) fn print_dataset(home: &Home, manifest: &Manifest, output: Output) -> Result<(), CommandError> {
    output.print(&entry(home, manifest), || text(manifest))
}

/// Prints the dataset with its cached features.
pub(super) fn print_with_features(home: &Home, manifest: &Manifest, output: Output) -> Result<(), CommandError> {
    let entry = entry_with_features(home, manifest);
    output.print(&entry, || text(manifest) + &findings_text(&entry) + &features_text(&entry.features))
}

/// Returns the class distribution, the decisions of the import, and the reasons for omitted files.
fn text(manifest: &Manifest) -> String {
    let groups = manifest.groups.as_ref().map_or_else(String::new, |groups| {
        format!("{} groups of images, which --folds keeps together\n", thousands(groups.len()))
    });
    let head = format!(
        "{}  {}, {} classes, {} images, imbalance {:.1} : 1\nfingerprint {}\n{}{}\n",
        manifest.name,
        manifest.image.describe(),
        manifest.classes.len(),
        thousands(manifest.counts().total()),
        Distribution::of(&manifest.classes).imbalance,
        printable(&manifest.fingerprint),
        origin(manifest),
        groups
    );
    head + &class_table(&manifest.classes).render() + &import_notes(manifest)
}

/// Returns a line for each source, with how its images came to their splits.
fn origin(manifest: &Manifest) -> String {
    let fitted = |fit: Fit| if fit.is_squash() { String::new() } else { format!(", other shapes: {}", fit.name()) };
    if manifest.parts.is_empty() {
        let (source, split) = (printable(&manifest.source), manifest.split.describe());
        return format!("from {source}\nsplit: {split}{}\n", fitted(manifest.fit));
    }
    let part = |part: &MergedSource| {
        let count = thousands(usize::try_from(part.images).unwrap_or(usize::MAX));
        let (source, split) = (printable(&part.source), part.split.describe());
        format!("{count} images from {source} (split: {split}{})\n", fitted(part.fit))
    };
    manifest.parts.iter().map(part).collect()
}

/// Returns the images of each class and split with their shares.
pub(super) fn class_table(classes: &[ClassCounts]) -> Table {
    let distribution = Distribution::of(classes);
    let mut table = Table::new([
        ("CLASS", Side::Left),
        ("TRAIN", Side::Right),
        ("", Side::Right),
        ("VALIDATION", Side::Right),
        ("", Side::Right),
        ("TEST", Side::Right),
        ("", Side::Right),
    ]);
    let percent = |share: f64| format!("{share:.1}%");
    for class in &distribution.classes {
        let ([train, validation, test], shares) = (class.counts.map(thousands), class.percentages.map(percent));
        let [of_train, of_validation, of_test] = shares;
        table.row(&[class.name.clone(), train, of_train, validation, of_validation, test, of_test]);
    }
    let all = |split: Split| thousands(classes.iter().map(|class| class.counts.get(split)).sum());
    let [train, validation, test] = Split::ALL.map(all);
    table.row(&["all".into(), train, String::new(), validation, String::new(), test, String::new()]);
    table
}

fn import_notes(manifest: &Manifest) -> String {
    let mut lines = Vec::new();
    if manifest.resized > 0 {
        lines.push(format!("{} resized", counted(manifest.resized, "image was", "images were")));
    }
    if manifest.skipped_count > 0 && manifest.left_out.is_empty() {
        // Imported before reasons were counted.
        lines.push(format!("{} skipped:", counted(manifest.skipped_count, "item was", "items were")));
        lines.extend(manifest.skipped.iter().map(|skip| format!("  {}: {}", skip.source, skip.reason)));
        let listed = manifest.skipped.len() as u64;
        if manifest.skipped_count > listed {
            lines.push(format!("  and {} more", manifest.skipped_count - listed));
        }
    }
    let text: String = lines.iter().map(|line| printable(line) + "\n").collect();
    let reasons = reasons(&manifest.notes, &manifest.left_out);
    let text: String = std::iter::once(text).chain(reasons.into_iter().map(|line| line + "\n")).collect();
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn counted(number: u64, one: &str, many: &str) -> String {
    number_text::count(usize::try_from(number).unwrap_or(usize::MAX), one, many)
}

/// Returns the cached features with their sizes; empty if there are none.
fn features_text(features: &[FeaturesEntry]) -> String {
    let line = |entry: &FeaturesEntry| {
        let FeaturesEntry { base, layer, size, device, sections, bytes } = entry;
        let short: String = base.chars().take(8).collect();
        let [base, layer, device] = [&short, layer, device].map(|text| printable(text));
        let sections = number_text::count(*sections, "section", "sections");
        format!("  {}: {layer} of base {base} at {size}×{size} on {device}, {sections}\n", Size(*bytes))
    };
    if features.is_empty() {
        return String::new();
    }
    let bytes = Size(features.iter().map(|entry| entry.bytes).sum());
    format!("\ncached features, {bytes} in all:\n") + &features.iter().map(line).collect::<String>()
}

/// Returns a table with a row for each dataset.
pub(super) fn table(manifests: &[Manifest]) -> Table {
    let mut table = Table::new([
        ("DATASET", Side::Left),
        ("IMAGE", Side::Left),
        ("CLASSES", Side::Right),
        ("TRAIN", Side::Right),
        ("VALIDATION", Side::Right),
        ("TEST", Side::Right),
        ("SKIPPED", Side::Right),
        ("FINGERPRINT", Side::Left),
    ]);
    for manifest in manifests {
        let counts = manifest.counts();
        table.row(&[
            manifest.name.to_string(),
            manifest.image.describe(),
            manifest.classes.len().to_string(),
            thousands(counts.train),
            thousands(counts.validation),
            thousands(counts.test),
            manifest.skipped_count.to_string(),
            manifest.fingerprint.clone(),
        ]);
    }
    table
}
