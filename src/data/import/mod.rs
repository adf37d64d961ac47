//! Importing: from a folder, an archive or a table to a dataset in the packed store.
//!
//! Stages, each a module: what the source holds (`folder`, `archive`, `csv` → `listing`), what goes where
//! (`layout`), how large images are and their pixels (`pack`, `decode`). Single bad files are skipped and named in
//! the `report`; a source that is bad as a whole is an [`ImportError`], and then nothing is left behind.

mod archive;
mod csv;
pub(crate) mod decode;
mod error;
mod folder;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod layout;
mod limits;
mod listing;
mod pack;
mod report;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub use error::ImportError;
pub use report::{ImportProgress, ImportReport, ImportStage, MOST_SKIPS_LISTED};

use self::archive::Archive;
use self::layout::{Groups, Member, Plan, Rule};
use self::limits::{LONGEST_SIDE, Limits};
use self::listing::{Contents, Listing};
use self::pack::Encoding;
use self::report::{Progress, SkipLog};
use super::manifest::ImageShape;
use super::split::Protocol;
use super::writer::{Description, Workshop, Writer};
use crate::domain::DatasetName;
use crate::domain::text::printable;

/// What to import and how.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportRequest {
    /// A folder, an archive or a table.
    pub source: PathBuf,
    /// Where the source came from, if that is not its path: the address that it was fetched from.
    pub origin: Option<String>,
    /// What to call the dataset.
    pub name: DatasetName,
    /// The folder of all datasets.
    pub data_dir: PathBuf,
    /// Refuse the source if anything in it would have to be skipped.
    pub strict: bool,
    /// Replace another dataset of this name.
    pub replace: bool,
    /// By which rule images come to their splits.
    pub protocol: Protocol,
    /// The share of each class's training files that becomes validation, unless the source has a validation split.
    pub validation: f64,
    /// The share of each class's files that becomes test, unless the source has a test split.
    pub test: f64,
    /// Width and height to store images in; `None` for the most frequent size.
    pub image_size: Option<(u32, u32)>,
    /// The time, in milliseconds since 1970.
    pub created_at: u64,
}

impl ImportRequest {
    /// A request with the default options: split as Keras does it, validation and test 0.1, size as found, lenient,
    /// nothing replaced.
    #[must_use]
    pub fn new(source: PathBuf, name: DatasetName, data_dir: PathBuf, created_at: u64) -> Self {
        Self {
            source,
            origin: None,
            name,
            data_dir,
            strict: false,
            replace: false,
            protocol: Protocol::default(),
            validation: 0.1,
            test: 0.1,
            image_size: None,
            created_at,
        }
    }

    fn check(&self) -> Result<(), ImportError> {
        if self.name.as_str() == super::demo::NAME {
            return Err(ImportError::Options(format!(
                "'{}' is the built-in dataset's name: choose another",
                self.name
            )));
        }
        let fraction = |value: f64| (0.0..1.0).contains(&value);
        if !fraction(self.validation) || !fraction(self.test) || self.validation + self.test >= 1.0 {
            let words =
                "the fractions for validation and test must be from 0 to below 1 and leave something to train on";
            return Err(ImportError::Options(words.into()));
        }
        match self.image_size {
            Some((w, h)) if !(1..=LONGEST_SIDE).contains(&w) || !(1..=LONGEST_SIDE).contains(&h) => {
                Err(ImportError::Options(format!("images can be stored with 1 to {LONGEST_SIDE} pixels a side")))
            }
            _ => Ok(()),
        }
    }
}

/// Imports `request.source` as a dataset. `progress` is called several times a second and ends the import by breaking.
///
/// # Errors
/// [`ImportError`]; then the data folder is as it was.
pub fn import(
    request: &ImportRequest,
    progress: &mut dyn FnMut(ImportProgress) -> ControlFlow<()>,
) -> Result<ImportReport, ImportError> {
    import_within(request, &Limits::DEFAULT, progress)
}

/// What a folder and the folders in it hold, for who looks at pictures without importing them.
#[cfg(feature = "trainer")]
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    /// Image files by their names, sorted: the path inside of the folder, and the path.
    pub(crate) files: Vec<(String, PathBuf)>,
    /// What was not looked into, such as links; clutter is not worth a word.
    pub(crate) skipped: Vec<super::manifest::Skipped>,
}

/// Lists the image files in a folder and the folders in it.
///
/// # Errors
/// When the folder cannot be read, or holds too many files.
#[cfg(feature = "trainer")]
pub(crate) fn pictures_in(folder: &Path) -> Result<Pictures, ImportError> {
    let (mut log, mut callback) = (SkipLog::default(), |_| ControlFlow::Continue(()));
    let mut progress = Progress { callback: &mut callback, classes: None };
    let listing = folder::list(folder, &Limits::DEFAULT, &mut log, &mut progress)?;
    let file = |found: listing::Found| match found.at {
        Some(listing::Location::File(at)) => Some((found.path, at)),
        _ => None,
    };
    let mut files: Vec<_> = listing.files.into_iter().filter_map(file).collect();
    files.sort();
    Ok(Pictures { files, skipped: log.listed })
}

fn import_within(
    request: &ImportRequest,
    limits: &Limits,
    progress: &mut dyn FnMut(ImportProgress) -> ControlFlow<()>,
) -> Result<ImportReport, ImportError> {
    request.check()?;
    // Before anything is made, so that a mistyped source leaves no trace.
    let kind = fs::metadata(&request.source)
        .map_err(|error| ImportError::Source { path: request.source.clone(), error })?
        .file_type();
    let workshop = Workshop::open(&request.data_dir, &request.name)?;
    let progress = Progress { callback: progress, classes: None };
    let mut job = Job { request, limits, work: workshop.dir().to_owned(), log: SkipLog::default(), progress };
    let gathered = job.gather(kind.is_dir())?;
    job.progress.classes = Some(gathered.plan.classes.len());
    job.log.refuse_if(request.strict)?;
    let shape = job.shape(&gathered)?;
    let mut writer = Writer::new(workshop, shape, &gathered.plan.classes)?;
    let Job { mut log, mut progress, .. } = job;
    let images =
        pack::Images { items: &gathered.plan.items, contents: &gathered.contents, encoding: gathered.encoding };
    let resized = pack::pack(images, shape, limits, &mut writer, &mut log, &mut progress)?;
    log.refuse_if(request.strict)?;
    if let Some(empty) = writer.classes().iter().find(|class| class.counts.train == 0) {
        let reason = format!("none of the training images of the class '{}' can be read", printable(&empty.name));
        return Err(ImportError::Layout { path: request.source.clone(), reason });
    }
    let (skipped, skipped_count) = (log.listed, log.count);
    let description = Description {
        skipped: skipped.clone(),
        skipped_count,
        resized,
        source: printable(&request.origin.clone().unwrap_or_else(|| request.source.to_string_lossy().into_owned())),
        created_at: request.created_at,
        split: gathered.plan.split,
    };
    let (manifest, unchanged) = writer.finish(description, request.replace)?;
    Ok(ImportReport { manifest, unchanged, skipped, skipped_count, resized })
}

/// Everything to pack.
struct Gathered {
    plan: Plan,
    contents: Contents,
    encoding: Encoding,
}

/// What the stages share.
struct Job<'a> {
    request: &'a ImportRequest,
    limits: &'a Limits,
    /// Folder for spools.
    work: PathBuf,
    log: SkipLog,
    progress: Progress<'a>,
}

impl Job<'_> {
    fn gather(&mut self, is_folder: bool) -> Result<Gathered, ImportError> {
        let source = self.request.source.as_path();
        let failed = |error| ImportError::Source { path: source.to_owned(), error };
        if is_folder {
            let listing = folder::list(source, self.limits, &mut self.log, &mut self.progress)?;
            return self.understand(listing, Contents::default());
        }
        if let Some(kind) = Archive::of(source).map_err(failed)? {
            let (listing, contents) =
                archive::list(kind, source, &self.work, self.limits, &mut self.log, &mut self.progress)?;
            return self.understand(listing, contents);
        }
        let mut file = fs::File::open(source).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let is_table = source.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        if !is_table && csv::columns_of(&mut file).is_none() {
            return Err(ImportError::UnknownKind { path: source.to_owned() });
        }
        let file = fs::File::open(source).map_err(failed)?;
        self.table(source, Box::new(file), size)
    }

    /// A folder or archive is its images; one without images may hold a table instead.
    fn understand(&mut self, mut listing: Listing, contents: Contents) -> Result<Gathered, ImportError> {
        let source = self.request.source.as_path();
        let wrong = |reason: String| ImportError::Layout { path: source.to_owned(), reason };
        if listing.files.iter().all(|file| file.at.is_none()) && !listing.tables.is_empty() {
            let (mut whole, lacking): (Vec<_>, Vec<_>) =
                std::mem::take(&mut listing.tables).into_iter().partition(|table| table.at.is_some());
            return match (whole.pop(), whole.is_empty()) {
                (Some(table), true) => {
                    let location = table.at.ok_or_else(|| wrong(csv::NO_USAGE.into()))?;
                    let failed = |error| ImportError::Source { path: source.join(&table.path), error };
                    let size = location.length().map_err(failed)?;
                    let reader = contents.reader(&location).map_err(failed)?;
                    self.table(&source.join(&table.path), reader, size)
                }
                (Some(table), false) => {
                    let (one, other) = (printable(&table.path), printable(&whole[0].path));
                    Err(wrong(format!("it holds several tables, '{other}' and '{one}' among them; import one of them")))
                }
                (None, _) => Err(wrong(format!("in '{}': {}", printable(&lacking[0].path), csv::NO_USAGE))),
            };
        }
        let plan = layout::plan(source, listing, self.rule(), &mut self.log)?;
        Ok(Gathered { plan, contents, encoding: Encoding::Files })
    }

    fn table(&mut self, name: &Path, reader: Box<dyn std::io::Read>, size: u64) -> Result<Gathered, ImportError> {
        let table = csv::read(name, reader, size, &self.work, self.limits, &mut self.log, &mut self.progress)?;
        let mut groups = Groups::new();
        for row in table.rows {
            // Padded, so that sorting keeps the order of the rows.
            let order = (String::new(), format!("{:020}", row.number));
            let member = Member { order, source: format!("row {}", row.number), at: row.at };
            groups
                .entry(row.usage.split(self.request.protocol))
                .or_default()
                .entry(row.class.to_owned())
                .or_default()
                .push(member);
        }
        layout::check_protocol(self.request.protocol, &groups)
            .map_err(|reason| ImportError::Layout { path: name.to_owned(), reason })?;
        let plan = layout::arrange(name, groups, self.rule(), &mut self.log)?;
        Ok(Gathered { plan, contents: table.contents, encoding: Encoding::Gray(table.side) })
    }

    fn rule(&self) -> Rule {
        let ImportRequest { protocol, validation, test, .. } = *self.request;
        Rule { protocol, validation, test }
    }

    fn shape(&mut self, gathered: &Gathered) -> Result<ImageShape, ImportError> {
        let asked = self.request.image_size;
        match gathered.encoding {
            Encoding::Gray(side) => {
                let (width, height) = asked.unwrap_or((side, side));
                Ok(ImageShape { width, height, channels: 1 })
            }
            Encoding::Files => {
                let (items, contents) = (&gathered.plan.items, &gathered.contents);
                pack::shape(&self.request.source, items, contents, asked, self.limits, &mut self.progress)
            }
        }
    }
}

#[cfg(test)]
mod tests;
