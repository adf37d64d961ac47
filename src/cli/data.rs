//! `data`: import, list and show datasets, and draw the demo.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::arguments::{DataCommand, Import, Output};
use super::exit::{CommandError, Exit};
use super::interrupt::Interrupts;
use super::table::{Side, Table, thousands};
use super::{datasets, output};
use crate::data::import::ImportStage;
use crate::data::manifest::{ClassCounts, ImageShape};
use crate::data::{self, Distribution, ImportProgress, ImportRequest, Manifest, Skipped};
use crate::domain::DatasetName;
use crate::domain::text::printable;
use crate::runs::Home;
use crate::supervise;

/// A dataset as scripts see it. Keys are a promise: add, never rename.
#[derive(Debug, Serialize)]
struct DatasetEntry<'a> {
    name: &'a DatasetName,
    fingerprint: &'a str,
    image: ImageShape,
    classes: &'a [ClassCounts],
    skipped: &'a [Skipped],
    skipped_count: u64,
    resized: u64,
    source: &'a str,
    created_at: u64,
}

fn entry(manifest: &Manifest) -> DatasetEntry<'_> {
    DatasetEntry {
        name: &manifest.name,
        fingerprint: &manifest.fingerprint,
        image: manifest.image,
        classes: &manifest.classes,
        skipped: &manifest.skipped,
        skipped_count: manifest.skipped_count,
        resized: manifest.resized,
        source: &manifest.source,
        created_at: manifest.created_at,
    }
}

pub(super) fn run(home: &Home, command: DataCommand) -> Result<Exit, CommandError> {
    match command {
        DataCommand::Import(request) => import(home, request),
        DataCommand::List { output } => list(home, output),
        DataCommand::Show { name, output } => {
            tell(&datasets::find(home, &name)?, output)?;
            Ok(Exit::Done)
        }
        DataCommand::Demo { output } => {
            tell(&datasets::built_in(home)?, output)?;
            Ok(Exit::Done)
        }
    }
}

fn import(home: &Home, options: Import) -> Result<Exit, CommandError> {
    let request = ImportRequest {
        strict: options.strict,
        replace: options.replace,
        validation: options.validation,
        test: options.test,
        ..ImportRequest::new(options.source, options.name, home.data(), supervise::now())
    };
    let interrupts = Interrupts::listen()?;
    let bar = io::stderr().is_terminal().then(|| ProgressBar::new(0));
    let report = data::import(&request, &mut |progress| {
        if let Some(bar) = &bar {
            draw(bar, progress);
        }
        if interrupts.pending() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    let report = report?;
    if report.unchanged {
        output::note(&format!("{} was imported before and is unchanged", report.manifest.name));
    }
    tell(&report.manifest, options.output)?;
    Ok(Exit::Done)
}

fn draw(bar: &ProgressBar, progress: ImportProgress) {
    let word = match progress.stage {
        ImportStage::Reading => "reading",
        ImportStage::Measuring => "measuring",
        ImportStage::Packing => "packing",
    };
    if bar.message() != word {
        let template = if progress.total.is_some() { "{msg} {wide_bar} {percent}% {eta}" } else { "{msg} {human_pos}" };
        bar.reset();
        // The templates are constants; were one refused, the default bar would do.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(word);
    }
    if let Some(total) = progress.total {
        bar.set_length(total);
    }
    bar.set_position(progress.done);
}

fn list(home: &Home, Output { json }: Output) -> Result<Exit, CommandError> {
    let listed = datasets::list(home)?;
    if json {
        output::json(&listed.readable.iter().map(entry).collect::<Vec<_>>())?;
    } else if listed.readable.is_empty() && listed.unreadable.is_empty() {
        let folder = home.data();
        output::note(&format!(
            "no datasets in {} yet: `mien data import SOURCE --name NAME` brings one, `mien data demo` draws one",
            folder.display()
        ));
    } else {
        output::print(&table(&listed.readable).render())?;
    }
    for error in listed.unreadable {
        output::complain(&error);
    }
    Ok(Exit::Done)
}

fn table(manifests: &[Manifest]) -> Table {
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
            image(manifest.image),
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

fn image(shape: ImageShape) -> String {
    let colours = if shape.channels == 1 { "gray" } else { "colour" };
    format!("{}×{} {colours}", shape.width, shape.height)
}

/// Prints a dataset's class distribution and what was left out.
fn tell(manifest: &Manifest, Output { json }: Output) -> Result<(), CommandError> {
    if json { output::json(&entry(manifest)) } else { output::print(&text(manifest)) }
}

fn text(manifest: &Manifest) -> String {
    let distribution = Distribution::of(manifest);
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
    let counts = manifest.counts();
    let [train, validation, test] = [counts.train, counts.validation, counts.test].map(thousands);
    table.row(&["all".into(), train, String::new(), validation, String::new(), test, String::new()]);
    let head = format!(
        "{}  {}, {} classes, {} images, imbalance {:.1} : 1\nfingerprint {}\nfrom {}\n\n",
        manifest.name,
        image(manifest.image),
        manifest.classes.len(),
        thousands(counts.total()),
        distribution.imbalance,
        printable(&manifest.fingerprint),
        printable(&manifest.source)
    );
    head + &table.render() + &left_out(manifest)
}

fn left_out(manifest: &Manifest) -> String {
    let mut lines = Vec::new();
    if manifest.resized > 0 {
        lines.push(format!("{} images were resized", manifest.resized));
    }
    if manifest.skipped_count > 0 {
        lines.push(format!("{} things were skipped:", manifest.skipped_count));
        lines.extend(manifest.skipped.iter().map(|skip| format!("  {}: {}", skip.source, skip.reason)));
        let listed = manifest.skipped.len() as u64;
        if manifest.skipped_count > listed {
            lines.push(format!("  and {} more", manifest.skipped_count - listed));
        }
    }
    let text: String = lines.iter().map(|line| printable(line) + "\n").collect();
    if text.is_empty() { text } else { format!("\n{text}") }
}
