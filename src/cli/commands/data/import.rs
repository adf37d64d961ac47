//! `data import`: imports a dataset.

use std::path::PathBuf;

use clap::Args;

use super::check::note_findings;
use super::sheet::print_dataset;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::Output;
use crate::cli::progress::{Progress, Templates};
use crate::cli::{download, output};
use crate::data::import::ImportStage;
use crate::data::split::Protocol;
use crate::data::{self, ImportReport, ImportRequest, Skipped};
use crate::domain::DatasetName;
use crate::download::is_address;
use crate::runs::RunStore;
use crate::supervise::{self, ImportLine, ImportProgress, Imported, SkippedFile};

/// Import a folder, an archive (zip, tar, tar.gz, tar.xz) or a CSV table (emotion, pixels, usage)
///
/// Folders and archives hold train/CLASS/* and test/CLASS/*, or CLASS/* alone; for --protocol official, file names
/// begin with `Training`, `PublicTest` or `PrivateTest`. What cannot be read is skipped and named. An address
/// (https://…) is downloaded first; if that breaks off, the same command goes on where it stopped.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// A folder, an archive, a table, or the address of one of the latter two
    source: PathBuf,
    /// What to call the dataset
    #[arg(long)]
    name: DatasetName,
    /// Refuse the source if anything in it would have to be skipped
    #[arg(long)]
    strict: bool,
    /// Replace another dataset of this name
    #[arg(long)]
    replace: bool,
    /// How images come to their splits: keras (validation is cut from the training images, all that is called test
    /// tests), or official (FER-2013's own: `Training` trains, `PublicTest` validates, `PrivateTest` tests)
    #[arg(long, value_name = "NAME", default_value_t)]
    protocol: Protocol,
    /// The share of each class's training files that becomes validation, unless the source has a validation split
    #[arg(long, value_name = "FRACTION", default_value_t = 0.1, value_parser = fraction)]
    validation: f64,
    /// The share of each class's files that becomes test, unless the source has a test split
    #[arg(long, value_name = "FRACTION", default_value_t = 0.1, value_parser = fraction)]
    test: f64,
    /// Tell how far it is and what came of it as JSON, one record a line, for a program; it goes on when that one ends
    #[arg(long, conflicts_with = "json", hide_short_help = true)]
    progress: bool,
    #[command(flatten)]
    output: Output,
}

fn fraction(text: &str) -> Result<f64, String> {
    let fraction = text.parse().ok().filter(|value| (0.0..1.0).contains(value));
    fraction.ok_or_else(|| "a fraction is from 0 to below 1, such as 0.1".into())
}

impl Import {
    pub(super) fn run(self, store: &RunStore) -> Result<Exit, CommandError> {
        let home = store.home();
        if self.replace {
            // A worker on another client of a network file system would lose the pixels under its map.
            store.refuse_in_use(&self.name)?;
        }
        let request = ImportRequest {
            strict: self.strict,
            replace: self.replace,
            protocol: self.protocol,
            validation: self.validation,
            test: self.test,
            ..ImportRequest::new(self.source, self.name, home.data(), supervise::now())
        };
        if self.progress {
            // Otherwise the import would end with the terminal of the program that started it. It fails only for the
            // leader of a process group, which already has a session of its own or was started by hand.
            let _ = rustix::process::setsid();
        }
        let progress = Progress::new(self.progress)?;
        let address = request.source.to_str().filter(|source| is_address(source)).map(ToOwned::to_owned);
        let report = match address {
            None => import(&request, &progress)?,
            Some(url) => {
                let name = &request.name;
                let protocol = if request.protocol.is_keras() { "" } else { " --protocol official" };
                let instead = format!(
                    "Without a way to it from here, fetch {url} on another machine, bring the file, and run\n  \
                     mien data import FILE --name {name}{protocol}"
                );
                let fetched = download::fetch(&url, &home.data(), None, &progress, instead)?;
                let request = ImportRequest { source: fetched.path().to_owned(), origin: Some(url), ..request };
                import(&request, &progress)?
            }
        };
        // Also for a program that started it: screens then show what was found.
        note_findings(home, &report.manifest)?;
        if self.progress {
            output::record(&ImportLine::Finished(imported(&report)))?;
            return Ok(Exit::Done);
        }
        if report.unchanged {
            output::note(&format!("{} was imported before and is unchanged", report.manifest.name));
        }
        print_dataset(home, &report.manifest, self.output)?;
        Ok(Exit::Done)
    }
}

/// The result of an import, for the program that started it.
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

const TEMPLATES: Templates = Templates { known: "{msg} {wide_bar} {percent}% {eta}", unknown: "{msg} {human_pos}" };

/// Imports the source of the request, with progress, until Ctrl-C.
fn import(request: &ImportRequest, progress: &Progress) -> Result<ImportReport, CommandError> {
    let report = data::import(request, &mut |data::ImportProgress { stage, done, total, classes }| {
        progress.show(ImportProgress { stage: stage_name(stage).into(), done, total, classes }, &TEMPLATES)
    });
    progress.finish();
    Ok(report?)
}

/// The name of a stage.
fn stage_name(stage: ImportStage) -> &'static str {
    match stage {
        ImportStage::Reading => "reading",
        ImportStage::Measuring => "measuring",
        ImportStage::Packing => "packing",
    }
}
