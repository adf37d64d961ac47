//! Reports of runs for people without a terminal: one HTML file, Markdown, and charts as SVG.
//!
//! May know: `domain`, `durable`, `events`, `runs`, `data`. A [`Report`] is collected from run folders and
//! datasets once and then written in any form, so that all forms show the same numbers.

mod chart;
mod faces;
mod html;
mod markdown;
mod plots;

use std::io;
use std::path::Path;

use crate::domain::{RunId, Split};
use crate::durable;
use crate::runs::comparison::{Candidate, ComparisonError};
use crate::runs::inspection::{self, InspectionError};
use crate::runs::store::LoadError;
use crate::runs::{Comparison, Inspection, ProbabilityMetrics, RunStore, Summary, probabilities};

pub use faces::{Face, HeatMapSource};

/// The faces with the largest loss that a report shows of each run.
pub const FACES: usize = 24;

/// The file format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// An HTML file without script and network.
    Html,
    /// A Markdown file without pictures.
    Markdown,
    /// A folder of charts.
    Svg,
}

/// Why no report was made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A run that cannot be read.
    #[error(transparent)]
    Run(#[from] LoadError),
    /// Runs that cannot be put side by side.
    #[error(transparent)]
    Comparison(#[from] ComparisonError),
    /// A file that is there already.
    #[error("{} exists: --force replaces it, --out names another", .0.display())]
    Exists(std::path::PathBuf),
    /// A file that cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file.
        path: std::path::PathBuf,
        /// The reason.
        error: io::Error,
    },
}

/// A run of a report.
#[derive(Debug)]
pub struct RunPart {
    /// The run.
    pub run: Summary,
    /// Its probabilities for the test images, or the reason why there are none.
    pub test: Result<Inspection, InspectionError>,
    /// The metrics of these probabilities; `None` without them.
    pub probabilities: Option<ProbabilityMetrics>,
    /// The test images with the largest loss, the largest first; empty without the dataset.
    pub faces: Vec<Face>,
}

/// The content of a report.
#[derive(Debug)]
pub struct Report {
    /// The runs, in the order in which they were given.
    pub runs: Vec<RunPart>,
    /// The runs side by side, of two and more.
    pub comparison: Option<Comparison>,
    /// When it was made, in words: `2026-11-26 18:40`.
    pub made_at: String,
}

impl Report {
    /// Reads these runs, with at most `faces` faces of each, and heat maps of these from `heat_maps`.
    ///
    /// # Errors
    /// [`ReportError::Run`] when a run cannot be read, [`ReportError::Comparison`] when there are too many.
    pub fn collect(
        store: &RunStore,
        ids: &[RunId],
        faces: usize,
        heat_maps: HeatMapSource<'_>,
    ) -> Result<Self, ReportError> {
        let mut runs = Vec::new();
        for id in ids {
            let followed = store.summary(id)?;
            let run = Summary::clone(&followed.summary);
            let test = inspection::load(followed.folder(), id, &run.classes, Split::Test, 0);
            let faces = match &test {
                Ok(test) => faces::hardest(store.home(), &run, test, faces, heat_maps),
                Err(_) => Vec::new(),
            };
            let epoch = run.test.as_ref().map_or(run.early_stopping.best_epoch, |test| test.epoch);
            let temperature = || probabilities::temperature(followed.folder(), id, &run.classes, epoch);
            let probabilities = test.as_ref().ok().map(|test| ProbabilityMetrics::new(test, temperature()));
            runs.push(RunPart { run, test, probabilities, faces });
        }
        let comparison = if runs.len() > 1 { Some(compare(&runs)?) } else { None };
        let made_at = jiff::Timestamp::now()
            .to_zoned_datetime(jiff::tz::TimeZone::system())
            .strftime("%Y-%m-%d %H:%M")
            .to_string();
        Ok(Self { runs, comparison, made_at })
    }

    /// Returns the title: the runs' names.
    #[must_use]
    pub fn title(&self) -> String {
        let names: Vec<&str> = self.runs.iter().map(|part| part.run.id.as_str()).collect();
        names.join(", ")
    }

    /// Writes the report to `path`: a file, or of charts a folder. Returns the number of bytes.
    ///
    /// # Errors
    /// [`ReportError::Exists`] without `replace`, and [`ReportError::Write`].
    pub fn write(&self, form: ReportFormat, path: &Path, replace: bool) -> Result<u64, ReportError> {
        if path.exists() && !replace {
            return Err(ReportError::Exists(path.to_owned()));
        }
        match form {
            ReportFormat::Html => write_file(path, &html::render(self)),
            ReportFormat::Markdown => write_file(path, &markdown::render(self)),
            ReportFormat::Svg => {
                std::fs::create_dir_all(path).map_err(|error| ReportError::Write { path: path.to_owned(), error })?;
                let charts = plots::all(self);
                charts.iter().map(|(name, chart)| write_file(&path.join(format!("{name}.svg")), &chart.file())).sum()
            }
        }
    }
}

fn write_file(path: &Path, text: &str) -> Result<u64, ReportError> {
    durable::write(path, text.as_bytes()).map_err(|error| ReportError::Write { path: path.to_owned(), error })?;
    Ok(text.len() as u64)
}

fn compare(runs: &[RunPart]) -> Result<Comparison, ComparisonError> {
    let candidates: Vec<Candidate<'_>> = runs
        .iter()
        .map(|RunPart { run, test, .. }| Candidate { run, test: test.as_ref().map_err(Clone::clone) })
        .collect();
    Comparison::new(&candidates, 0)
}

#[cfg(test)]
mod tests;
