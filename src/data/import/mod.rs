//! The import of a folder, an archive or a table into the packed store.
//!
//! Stages: list the source (`folder`, `archive`, `csv` → `listing`), assign classes and splits (`layout`), decode and
//! write (`pack`, `decode`). Bad files are skipped and listed in the `report`. A source that fails as a whole gives an
//! [`ImportError`] and leaves no files.

mod archive;
mod csv;
mod decode;
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
use super::writer::{Description, StagingFolder, Writer};
use crate::domain::DatasetName;
use crate::domain::text::printable;

/// The source and the options of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportRequest {
    /// A folder, an archive or a table.
    pub source: PathBuf,
    /// The address from which the source was fetched; `None` if its path names it.
    pub origin: Option<String>,
    /// The dataset's name.
    pub name: DatasetName,
    /// The folder of all datasets.
    pub data_dir: PathBuf,
    /// Whether to reject the source if any file would be skipped.
    pub strict: bool,
    /// Whether to replace another dataset of this name.
    pub replace: bool,
    /// The rule by which images are divided into splits.
    pub protocol: Protocol,
    /// The share of each class's training files that becomes validation, unless the source has a validation split.
    pub validation: f64,
    /// The share of each class's files that becomes test, unless the source has a test split.
    pub test: f64,
    /// Width and height of stored images; `None` for the most frequent size.
    pub image_size: Option<(u32, u32)>,
    /// The time of the import, in milliseconds since 1970.
    pub created_at: u64,
}

impl ImportRequest {
    /// Returns a request with the default options: Keras's protocol, validation and test 0.1, the most frequent size,
    /// not strict, no replacement.
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
            let words = "the fractions for validation and test must be from 0 to below 1 and leave training images";
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

/// Imports `request.source` as a dataset. `progress` is called several times a second; a break cancels the import.
///
/// # Errors
/// [`ImportError`]; the data folder is then unchanged.
pub fn import(
    request: &ImportRequest,
    progress: &mut dyn FnMut(ImportProgress) -> ControlFlow<()>,
) -> Result<ImportReport, ImportError> {
    import_within(request, &Limits::DEFAULT, progress)
}

fn import_within(
    request: &ImportRequest,
    limits: &Limits,
    progress: &mut dyn FnMut(ImportProgress) -> ControlFlow<()>,
) -> Result<ImportReport, ImportError> {
    request.check()?;
    // Checked first. Otherwise a mistyped source would create folders.
    let kind = fs::metadata(&request.source)
        .map_err(|error| ImportError::Source { path: request.source.clone(), error })?
        .file_type();
    let staging = StagingFolder::open(&request.data_dir, &request.name)?;
    let progress = Progress { callback: progress, classes: None };
    let mut state = ImportState { request, limits, work: staging.dir().to_owned(), log: SkipLog::default(), progress };
    let parsed = state.read_source(kind.is_dir())?;
    state.progress.classes = Some(parsed.plan.classes.len());
    state.log.check_strict(request.strict)?;
    let shape = state.shape(&parsed)?;
    let mut writer = Writer::new(staging, shape, &parsed.plan.classes)?;
    let ImportState { mut log, mut progress, .. } = state;
    let images = pack::Images { items: &parsed.plan.items, contents: &parsed.contents, encoding: parsed.encoding };
    let resized = pack::pack(images, shape, limits, &mut writer, &mut log, &mut progress)?;
    log.check_strict(request.strict)?;
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
        split: parsed.plan.split,
    };
    let (manifest, unchanged) = writer.finish(description, request.replace)?;
    Ok(ImportReport { manifest, unchanged, skipped, skipped_count, resized })
}

/// The input of the packing stage.
struct ParsedSource {
    plan: Plan,
    contents: Contents,
    encoding: Encoding,
}

/// The state shared by the stages.
struct ImportState<'a> {
    request: &'a ImportRequest,
    limits: &'a Limits,
    /// The folder for spools.
    work: PathBuf,
    log: SkipLog,
    progress: Progress<'a>,
}

impl ImportState<'_> {
    fn read_source(&mut self, is_folder: bool) -> Result<ParsedSource, ImportError> {
        let source = self.request.source.as_path();
        let failed = |error| ImportError::Source { path: source.to_owned(), error };
        if is_folder {
            let listing = folder::list(source, self.limits, &mut self.log, &mut self.progress)?;
            return self.plan_listing(listing, Contents::default());
        }
        if let Some(kind) = Archive::of(source).map_err(failed)? {
            let (listing, contents) =
                archive::list(kind, source, &self.work, self.limits, &mut self.log, &mut self.progress)?;
            return self.plan_listing(listing, contents);
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

    /// Plans the images of a folder or archive, or reads its table if it has no images.
    fn plan_listing(&mut self, mut listing: Listing, contents: Contents) -> Result<ParsedSource, ImportError> {
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
        Ok(ParsedSource { plan, contents, encoding: Encoding::Files })
    }

    fn table(&mut self, name: &Path, reader: Box<dyn std::io::Read>, size: u64) -> Result<ParsedSource, ImportError> {
        let table = csv::read(name, reader, size, &self.work, self.limits, &mut self.log, &mut self.progress)?;
        let mut groups = Groups::new();
        for row in table.rows {
            // Padded, because sorting by text must keep the order of rows.
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
        Ok(ParsedSource { plan, contents: table.contents, encoding: Encoding::Gray(table.side) })
    }

    fn rule(&self) -> Rule {
        let ImportRequest { protocol, validation, test, .. } = *self.request;
        Rule { protocol, validation, test }
    }

    fn shape(&mut self, parsed: &ParsedSource) -> Result<ImageShape, ImportError> {
        let asked = self.request.image_size;
        match parsed.encoding {
            Encoding::Gray(side) => {
                let (width, height) = asked.unwrap_or((side, side));
                Ok(ImageShape { width, height, channels: 1 })
            }
            Encoding::Files => {
                let (items, contents) = (&parsed.plan.items, &parsed.contents);
                pack::shape(&self.request.source, items, contents, asked, self.limits, &mut self.progress)
            }
        }
    }
}

#[cfg(test)]
mod tests;
