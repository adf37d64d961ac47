//! `data import`: imports a dataset.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;

use super::check::note_findings;
use super::options::ImportArguments;
use super::preview;
use super::sheet::print_dataset;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::Output;
use crate::cli::progress::{Progress, Templates};
use crate::cli::{download, output, piped};
use crate::data::import::{ImportStage, dropped_path};
use crate::data::{self, ImportError, ImportReport, ImportRequest, Omission, PreviewDepth, Skipped, StoreError};
use crate::domain::{DatasetName, Size};
use crate::download::is_address;
use crate::runs::{Home, RunStore};
use crate::supervise::{self, ImportLine, ImportProgress, ImportResult, OmissionKind, SkippedFile};

/// Import a folder, an archive (zip, 7z, tar, tar.gz, tar.bz2, tar.xz, tar.zst), Parquet, or a CSV table of pixels
///
/// Folders and archives hold train/CLASS/* and test/CLASS/*, in any usual spelling and nesting, or CLASS/* alone; or
/// --labels and --pattern state the classes. Parquet is read as Hugging Face ships it. What is not taken is counted
/// with its reason. An address (https://…) is downloaded first; after an interruption the same command resumes it.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// A folder, an archive, a table, a Parquet file, or the address of a file
    source: PathBuf,
    /// The dataset's name
    #[arg(long)]
    name: DatasetName,
    /// Show what would be imported, and import nothing: classes, splits, sizes, what is left out and why, disk
    #[arg(long, conflicts_with = "progress")]
    dry_run: bool,
    #[command(flatten)]
    arguments: ImportArguments,
    /// Print progress and result as JSON, one record a line, for a program; the import continues when that program ends
    #[arg(long, conflicts_with = "json", hide_short_help = true)]
    progress: bool,
    #[command(flatten)]
    output: Output,
}

impl Import {
    pub(super) fn run(self, store: &RunStore) -> Result<Exit, CommandError> {
        let home = store.home();
        let ImportArguments { options, words } = self.arguments;
        if options.replace && !self.dry_run {
            // Otherwise a worker on another client of a network file system would lose its memory-mapped pixels.
            store.refuse_in_use(&self.name)?;
        }
        let request = ImportRequest {
            options,
            ..ImportRequest::new(dropped_path(&self.source), self.name, home.data(), supervise::now())
        };
        if self.progress {
            // Otherwise the import would end with the terminal of the program that started it. It fails only for the
            // leader of a process group, which already has a session of its own or was started by hand.
            let _ = rustix::process::setsid();
        }
        let progress = Progress::new(self.progress)?;
        let address = request.source.to_str().filter(|source| is_address(source)).map(ToOwned::to_owned);
        let (is_dry, for_program, output) = (self.dry_run, self.progress, self.output);
        let run = |request: &ImportRequest| {
            if is_dry {
                return preview(request, &progress, output, home);
            }
            let report = import(request, &progress).map_err(|error| explain(error, home))?;
            // Also for a program that started it: screens then show the findings.
            note_findings(home, &report.manifest)?;
            print_report(&report, for_program, output, home)
        };
        match address {
            None => match piped::save(&request.source, &home.data())? {
                None => run(&request),
                Some(saved) => {
                    let (source, path) = (request.source.to_string_lossy().into_owned(), saved.path().to_owned());
                    let request = ImportRequest { source: path.clone(), origin: Some(source.clone()), ..request };
                    run(&request).map_err(|error| CommandError::Of {
                        error: Box::new(error),
                        path,
                        what: source,
                        advice: String::new(),
                    })
                }
            },
            Some(url) => {
                let name = &request.name;
                let instead = format!(
                    "Without network access here, download {url} on another machine, copy the file, and run\n  \
                     mien data import FILE --name {name}{words}"
                );
                let fetched = download::fetch(&url, &home.data(), None, &progress, instead)?;
                let of = |path: &Path| ImportRequest { source: path.to_owned(), origin: Some(url), ..request };
                if is_dry { fetched.open(|path| run(&of(path))) } else { fetched.import(|path| run(&of(path))) }
            }
        }
    }
}

/// Prints the dataset that an import would make.
fn preview(request: &ImportRequest, progress: &Progress, output: Output, home: &Home) -> Result<Exit, CommandError> {
    let result = data::preview(request, PreviewDepth::Pixels, &mut |step| show(progress, step));
    progress.finish();
    preview::print(&result.map_err(|error| explain(error, home))?, output)?;
    Ok(Exit::Done)
}

/// Prints the dataset, or for a program the result of the import.
fn print_report(report: &ImportReport, for_program: bool, output: Output, home: &Home) -> Result<Exit, CommandError> {
    if for_program {
        output::record(&ImportLine::Finished(imported(report)))?;
        return Ok(Exit::Done);
    }
    if report.unchanged {
        output::note(&format!("{} was imported before and is unchanged", report.manifest.name));
    }
    print_dataset(home, &report.manifest, output)?;
    if let Some(marks) = &report.marks {
        output::note(marks);
    }
    Ok(Exit::Done)
}

/// Adds which folder is the home where the current folder was taken for it, so that a file in the way is understood.
fn explain(error: ImportError, home: &Home) -> CommandError {
    let is_here = std::env::current_dir().is_ok_and(|folder| folder == home.path());
    match error {
        ImportError::Store(StoreError::Foreign { .. }) if is_here => CommandError::Failure(format!(
            "{error}\nthe current folder is the home here, because it has a folder data or checkpoints; --home FOLDER \
             or MIEN_HOME names another"
        )),
        error => error.into(),
    }
}

/// Returns the result of an import for the program that started it.
fn imported(report: &ImportReport) -> ImportResult {
    let left_out = |skip: &Skipped| SkippedFile { source: skip.source.clone(), reason: skip.reason.clone() };
    let kind = |kind: &Omission| OmissionKind {
        reason: kind.reason.clone(),
        count: kind.count,
        example: kind.example.clone(),
        skipped: kind.skipped,
    };
    ImportResult {
        name: report.manifest.name.to_string(),
        images: report.manifest.counts().total(),
        classes: report.manifest.classes.len(),
        skipped: report.skipped.iter().map(left_out).collect(),
        skipped_count: report.skipped_count,
        resized: report.resized,
        notes: report.notes.iter().chain(&report.marks).cloned().collect(),
        left_out: report.left_out.iter().map(kind).collect(),
    }
}

/// The size of a dataset on disk, in bytes, from which it is printed before the work; FER-2013 takes 86 MiB.
const NOTED_DISK: u64 = 1 << 30;

const TEMPLATES: Templates = Templates { known: "{msg} {wide_bar} {percent}% {eta}", unknown: "{msg} {human_pos}" };

/// Imports the source of the request, with progress, until Ctrl-C.
fn import(request: &ImportRequest, progress: &Progress) -> Result<ImportReport, ImportError> {
    let mut is_noted = false;
    let report = data::import(request, &mut |step| {
        // Printed before the work, so that the user can end it.
        if let Some(bytes) = step.disk.filter(|bytes| *bytes >= NOTED_DISK && !std::mem::replace(&mut is_noted, true)) {
            output::note(&format!("it takes {} of disk; --size stores smaller images", Size(bytes)));
        }
        show(progress, step)
    });
    progress.finish();
    report
}

/// Shows the progress of an import.
fn show(progress: &Progress, step: data::ImportProgress) -> ControlFlow<()> {
    let data::ImportProgress { stage, done, total, classes, .. } = step;
    progress.show(ImportProgress { stage: stage_name(stage).into(), done, total, classes }, &TEMPLATES)
}

/// Returns the name of a stage in messages.
fn stage_name(stage: ImportStage) -> &'static str {
    match stage {
        ImportStage::Reading => "reading",
        ImportStage::Measuring => "measuring",
        ImportStage::Packing => "packing",
    }
}
