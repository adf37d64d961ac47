//! `data check`: reports what is wrong with a dataset.

use clap::Args;
use serde::Serialize;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::Output;
use crate::cli::table::{Side, Table, thousands};
use crate::cli::{datasets, output};
use crate::data::check::{self, CopyCounts, FindingCounts, MIN_CORRELATION};
use crate::data::{Dataset, Findings, Manifest, Place};
use crate::domain::text::printable;
use crate::domain::{DatasetName, Split, number_text};
use crate::runs::Home;

/// Groups of each kind that the text names; the rest is in `--json`.
const EXAMPLES: usize = 3;

/// Look for what is wrong with a dataset: copies, contradicting labels, constant images, classes without images
///
/// Exact copies have equal pixels. Near copies correlate by 0.95 or more, also mirrored: other cuts, brightness or
/// compression of one photograph. Frames of one film and posed pictures of one person can be as near. The result is
/// cached with the dataset. `train --leave-out leaks` trains without images that are also in validation or test.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The dataset's name
    name: DatasetName,
    #[command(flatten)]
    output: Output,
}

/// The findings for scripts. Keys are a promise: add, never rename.
#[derive(Debug, Serialize)]
struct Report<'a> {
    dataset: &'a DatasetName,
    fingerprint: &'a str,
    images: usize,
    counts: FindingCounts,
    class_findings: Vec<String>,
    min_correlation: f32,
    exact: Vec<Vec<Image>>,
    near: Vec<Pair>,
    constant: Vec<Image>,
}

#[derive(Debug, Serialize)]
struct Pair {
    images: [Image; 2],
    correlation: f32,
    mirrored: bool,
}

#[derive(Debug, Serialize)]
struct Image {
    split: Split,
    index: u32,
    class: String,
    source: String,
}

impl Check {
    pub(super) fn run(self, home: &Home) -> Result<Exit, CommandError> {
        let manifest = datasets::find(home, &self.name)?;
        let dataset = Dataset::open(&home.dataset(&self.name))?;
        let report = Report::of(&manifest, &dataset, &Findings::load_or_compute(&dataset));
        self.output.print(&report, || report.text())?;
        Ok(Exit::Done)
    }
}

impl<'a> Report<'a> {
    fn of(manifest: &'a Manifest, dataset: &Dataset, findings: &Findings) -> Self {
        let places = manifest.places();
        let image = |at: &u32| {
            let Place { split, index, label } = places[*at as usize];
            let class = printable(&manifest.classes[usize::from(label)].name);
            Image { split, index, class, source: dataset.source(split, index as usize) }
        };
        let pair = |pair: &check::NearPair| Pair {
            images: [pair.first, pair.second].map(|at| image(&at)),
            correlation: pair.correlation,
            mirrored: pair.mirrored,
        };
        Self {
            dataset: &manifest.name,
            fingerprint: &manifest.fingerprint,
            images: places.len(),
            counts: FindingCounts::of(findings, &places),
            class_findings: check::class_findings(manifest),
            min_correlation: MIN_CORRELATION,
            exact: findings.exact.iter().map(|group| group.iter().map(image).collect()).collect(),
            near: findings.near.iter().map(pair).collect(),
            constant: findings.constant.iter().map(image).collect(),
        }
    }

    fn text(&self) -> String {
        let mut table = Table::new([("FINDING", Side::Left), ("IMAGES", Side::Right), ("", Side::Left)]);
        let FindingCounts { exact, near, constant } = self.counts;
        let of = |number, one, many| format!("of {}", number_text::count(number, one, many));
        copies(&mut table, "exact copies", exact, &of(exact.pictures, "picture", "pictures"), ("picture", "pictures"));
        let pairs = number_text::count(near.pictures, "pair", "pairs");
        copies(&mut table, "near copies", near, &format!("in {pairs}"), ("pair", "pairs"));
        let splits = Split::ALL.map(|split| format!("{} {split}", constant.get(split))).join(", ");
        row(&mut table, "constant images", constant.total(), if constant.total() > 0 { &splits } else { "" });
        let head = format!("{}: {}\n\n", self.dataset, number_text::count(self.images, "image", "images"));
        let lines = match self.class_findings.join("\n") {
            lines if lines.is_empty() => lines,
            lines => format!("\n{lines}\n"),
        };
        head + &table.render() + &lines + &self.examples() + &self.advice()
    }

    fn examples(&self) -> String {
        let contradicts = |group: &&Vec<Image>| group.iter().any(|image| image.class != group[0].class);
        let leaks = |group: &&Vec<Image>| {
            let held_out = group.iter().filter(|image| image.split != Split::Train).count();
            held_out > 0 && held_out < group.len()
        };
        let groups = |title: &str, found: &mut dyn Iterator<Item = &Vec<Image>>| {
            let lines: Vec<String> =
                found.take(EXAMPLES).map(|group| line(&group.iter().collect::<Vec<_>>())).collect();
            if lines.is_empty() { String::new() } else { format!("\n{title}, such as\n{}", lines.concat()) }
        };
        let near = self.near.iter().filter(|pair| pair.images[0].split != pair.images[1].split).take(EXAMPLES);
        let near: String = near.map(|pair| line(&pair.images.iter().collect::<Vec<_>>())).collect();
        let near = if near.is_empty() { near } else { format!("\nnear copies across splits, such as\n{near}") };
        groups("copies across splits", &mut self.exact.iter().filter(leaks))
            + &groups("one picture with several labels", &mut self.exact.iter().filter(contradicts))
            + &near
    }

    fn advice(&self) -> String {
        let FindingCounts { exact, near, .. } = self.counts;
        if exact.images + near.images == 0 {
            return String::new();
        }
        let name = self.dataset;
        let leaks = match exact.crossings.train_in_either {
            0 => String::new(),
            leaks => format!(
                "; `mien train deep --dataset {name} --leave-out leaks` trains without the {} in validation or test",
                number_text::count(leaks, "training image that is also", "training images that are also")
            ),
        };
        format!("\n`mien data check {name} --json` lists all{leaks}\n")
    }
}

/// Adds the rows of one kind of copies.
fn copies(table: &mut Table, name: &str, counts: CopyCounts, of: &str, (one, many): (&str, &str)) {
    row(table, name, counts.copies, if counts.copies > 0 { of } else { "" });
    if counts.copies == 0 {
        return;
    }
    let crossings = counts.crossings;
    row(table, "  train, also in test", crossings.train_in_test, "");
    row(table, "  train, also in validation", crossings.train_in_validation, "");
    row(table, "  validation, also in test", crossings.validation_in_test, "");
    let of = format!("of {}", number_text::count(counts.contradicting_pictures, one, many));
    row(
        table,
        "  with another label",
        counts.contradicting_images,
        if counts.contradicting_images > 0 { &of } else { "" },
    );
}

fn row(table: &mut Table, name: &str, images: usize, note: &str) {
    table.row(&[name.to_owned(), thousands(images), note.to_owned()]);
}

/// Returns a line for a group of images: `  train 3 sad (a.jpg) = test 9 fear (b.jpg)`.
fn line(group: &[&Image]) -> String {
    let name = |image: &&Image| format!("{} {} {} ({})", image.split, image.index, image.class, image.source);
    let shown: Vec<String> = group.iter().take(EXAMPLES).map(name).collect();
    let more = group.len().saturating_sub(EXAMPLES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("  {}{more}\n", shown.join(" = "))
}

/// The most images of a dataset whose pixels an import checks. Beyond, the check takes more than seconds.
const CHECKED_AT_IMPORT: usize = 100_000;

/// Prints the findings of a dataset that was just imported on stderr.
pub(super) fn note_findings(home: &Home, manifest: &Manifest) -> Result<(), CommandError> {
    let name = &manifest.name;
    if manifest.counts().total() > CHECKED_AT_IMPORT {
        output::note(&format!("`mien data check {name}` searches for copies and contradicting labels"));
    } else {
        let dataset = Dataset::open(&home.dataset(name))?;
        let found = FindingCounts::of(&Findings::load_or_compute(&dataset), &manifest.places()).parts();
        if !found.is_empty() {
            output::note(&format!("{}: `mien data check {name}` lists them", found.join(", ")));
        }
    }
    check::class_findings(manifest).iter().for_each(|finding| output::note(finding));
    Ok(())
}
