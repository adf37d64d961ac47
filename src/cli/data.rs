//! `data`: import, list and show datasets, and draw the demo.

use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::arguments::{DataCommand, Import, Output};
use super::exit::{CommandError, Exit};
use super::interrupt::Interrupts;
use super::meter::Meter;
use super::table::{Side, Table, thousands};
use super::{datasets, fetch, manage, marked, output};
use crate::data::features::{self, Usage};
use crate::data::import::ImportStage;
use crate::data::manifest::{ClassCounts, ImageShape, SplitOptions};
use crate::data::split::Protocol;
use crate::data::{self, Distribution, ImportProgress, ImportReport, ImportRequest, Manifest, Skipped};
use crate::domain::text::printable;
use crate::domain::{DatasetName, Size, figures};
use crate::download;
use crate::runs::{Home, RunStore};
use crate::supervise::{self, ImportLine, Imported, SkippedFile};

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
    /// How its images came to their splits.
    split: SplitEntry,
    /// What frozen bases made of its images, as far as it is kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    features: Vec<FeaturesEntry>,
}

/// By which protocol, and the fractions that it cut; `null` where the source had the split.
#[derive(Debug, Serialize)]
struct SplitEntry {
    protocol: Protocol,
    validation_fraction: Option<f64>,
    test_fraction: Option<f64>,
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

fn entry(manifest: &Manifest) -> DatasetEntry<'_> {
    let SplitOptions { protocol, validation_fraction, test_fraction } = manifest.split;
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
        split: SplitEntry { protocol, validation_fraction, test_fraction },
        features: Vec::new(),
    }
}

/// The same with what is cached.
fn entry_with_features<'a>(home: &Home, manifest: &'a Manifest) -> DatasetEntry<'a> {
    let cached = |Usage { key, sections, bytes }: Usage| FeaturesEntry {
        base: key.base,
        layer: key.layer,
        size: key.size,
        device: key.device,
        sections,
        bytes,
    };
    let features = features::usage(&home.dataset(&manifest.name)).into_iter().map(cached).collect();
    DatasetEntry { features, ..entry(manifest) }
}

pub(super) fn run(home: &Home, command: DataCommand) -> Result<Exit, CommandError> {
    match command {
        DataCommand::Import(request) => import(home, request),
        DataCommand::List { output } => list(home, output),
        DataCommand::Show { name, output: Output { json } } => {
            let manifest = datasets::find(home, &name)?;
            let entry = entry_with_features(home, &manifest);
            if json {
                output::json(&entry)?;
            } else {
                output::print(&(text(&manifest) + &cached(&entry.features)))?;
            }
            Ok(Exit::Done)
        }
        DataCommand::Delete { name, yes, output } => delete(home, &name, yes, output),
        DataCommand::Mark(options) => marked::mark(home, options),
        DataCommand::Unmark(options) => marked::unmark(home, &options),
        DataCommand::Marked { name, output } => marked::list(home, &name, output),
        DataCommand::ClearFeatures { name } => clear_features(home, &name),
        DataCommand::Demo { output } => {
            tell(&datasets::built_in(home)?, output)?;
            Ok(Exit::Done)
        }
    }
}

fn import(home: &Home, options: Import) -> Result<Exit, CommandError> {
    if options.replace {
        // A worker on another client of a network file system would lose the pixels under its map.
        RunStore::new(home.clone()).refuse_in_use(&options.name)?;
    }
    let request = ImportRequest {
        strict: options.strict,
        replace: options.replace,
        protocol: options.protocol,
        validation: options.validation,
        test: options.test,
        ..ImportRequest::new(options.source, options.name, home.data(), supervise::now())
    };
    if options.progress {
        // Out of the session of whoever started it: a terminal that goes takes no import with it. One that leads its
        // session already, as under `setsid`, is out of it.
        let _ = rustix::process::setsid();
    }
    let meter = Meter { lines: options.progress };
    let interrupts = Interrupts::listen()?;
    let address = request.source.to_str().filter(|source| download::is_address(source)).map(ToOwned::to_owned);
    let report = match address {
        None => read(&request, &interrupts, meter)?,
        Some(url) => {
            let name = &request.name;
            let by = if request.protocol.is_keras() { "" } else { " --protocol official" };
            let instead = format!(
                "Without a way to it from here, fetch {url} on another machine, bring the file, and run\n  \
                 mien data import FILE --name {name}{by}"
            );
            let fetched = fetch::fetch(&url, &home.data(), None, &interrupts, meter, instead)?;
            let request = ImportRequest { source: fetched.path().to_owned(), origin: Some(url), ..request };
            read(&request, &interrupts, meter)?
        }
    };
    if meter.lines {
        output::record(&ImportLine::Finished(imported(&report)))?;
        return Ok(Exit::Done);
    }
    if report.unchanged {
        output::note(&format!("{} was imported before and is unchanged", report.manifest.name));
    }
    tell(&report.manifest, options.output)?;
    Ok(Exit::Done)
}

/// What came of an import, for a program that started it.
fn imported(report: &ImportReport) -> Imported {
    let left_out = |skip: &Skipped| SkippedFile { source: skip.source.clone(), reason: skip.reason.clone() };
    Imported {
        name: report.manifest.name.to_string(),
        images: report.manifest.counts().total(),
        classes: report.manifest.classes.len(),
        skipped: report.skipped.iter().map(left_out).collect(),
        skipped_count: report.skipped_count,
        resized: report.resized,
    }
}

fn read(request: &ImportRequest, interrupts: &Interrupts, meter: Meter) -> Result<ImportReport, CommandError> {
    let bar = meter.bar();
    let report = data::import(request, &mut |progress| {
        if let Some(bar) = &bar {
            draw(bar, progress);
        }
        meter.tell(word(progress.stage), progress.done, progress.total, progress.classes);
        if interrupts.pending() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    Ok(report?)
}

fn word(stage: ImportStage) -> &'static str {
    match stage {
        ImportStage::Reading => "reading",
        ImportStage::Measuring => "measuring",
        ImportStage::Packing => "packing",
    }
}

fn draw(bar: &ProgressBar, progress: ImportProgress) {
    let word = word(progress.stage);
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
        "{}  {}, {} classes, {} images, imbalance {:.1} : 1\nfingerprint {}\nfrom {}\nsplit: {}\n\n",
        manifest.name,
        image(manifest.image),
        manifest.classes.len(),
        thousands(counts.total()),
        distribution.imbalance,
        printable(&manifest.fingerprint),
        printable(&manifest.source),
        manifest.split.words()
    );
    head + &table.render() + &left_out(manifest)
}

fn counted(number: u64, one: &str, many: &str) -> String {
    figures::count(usize::try_from(number).unwrap_or(usize::MAX), one, many)
}

fn cached(features: &[FeaturesEntry]) -> String {
    let line = |entry: &FeaturesEntry| {
        let FeaturesEntry { base, layer, size, device, sections, bytes } = entry;
        let short: String = base.chars().take(8).collect();
        let [base, layer, device] = [&short, layer, device].map(|text| printable(text));
        let sections = figures::count(*sections, "section", "sections");
        format!("  {}: {layer} of base {base} at {size}×{size} on {device}, {sections}\n", Size(*bytes))
    };
    if features.is_empty() {
        return String::new();
    }
    let bytes = Size(features.iter().map(|entry| entry.bytes).sum());
    format!("\ncached features, {bytes} in all:\n") + &features.iter().map(line).collect::<String>()
}

/// `data clear-features`.
#[derive(Serialize)]
struct Deleted<'a> {
    deleted: &'a DatasetName,
}

/// Also one that cannot be read: there is no other way to be rid of it.
fn delete(home: &Home, name: &DatasetName, yes: bool, Output { json }: Output) -> Result<Exit, CommandError> {
    if !home.dataset(name).exists() {
        datasets::find(home, name)?;
    }
    let store = RunStore::new(home.clone());
    store.refuse_in_use(name)?;
    let users = store.trained_on(name).map_or(0, |runs| runs.len());
    if users > 0 {
        let number = figures::count(users, "run", "runs");
        output::note(&format!("{number} trained on {name}: they cannot be resumed, tested or looked into without it"));
    }
    if !yes && !manage::confirmed(&format!("the dataset {name}"), "the features kept of it")? {
        output::note("nothing was deleted");
        return Ok(Exit::Stopped);
    }
    data::remove(&home.data(), name).map_err(|error| CommandError::Words(error.to_string()))?;
    if json {
        output::json(&Deleted { deleted: name })?;
    } else {
        output::line(&format!("deleted {name}"))?;
    }
    Ok(Exit::Done)
}

fn clear_features(home: &Home, name: &DatasetName) -> Result<Exit, CommandError> {
    datasets::find(home, name)?;
    let folder = home.dataset(name);
    let (freed, in_use) = features::clear(&folder).map_err(|error| {
        CommandError::Words(format!("cannot clear {}: {error}", folder.join(features::FOLDER).display()))
    })?;
    output::note(&format!("freed {}", Size(freed)));
    if in_use > 0 {
        output::complain(&format!("{in_use} sections are in use by a run and stay"));
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}

fn left_out(manifest: &Manifest) -> String {
    let mut lines = Vec::new();
    if manifest.resized > 0 {
        lines.push(format!("{} resized", counted(manifest.resized, "image was", "images were")));
    }
    if manifest.skipped_count > 0 {
        lines.push(format!("{} skipped:", counted(manifest.skipped_count, "thing was", "things were")));
        lines.extend(manifest.skipped.iter().map(|skip| format!("  {}: {}", skip.source, skip.reason)));
        let listed = manifest.skipped.len() as u64;
        if manifest.skipped_count > listed {
            lines.push(format!("  and {} more", manifest.skipped_count - listed));
        }
    }
    let text: String = lines.iter().map(|line| printable(line) + "\n").collect();
    if text.is_empty() { text } else { format!("\n{text}") }
}
