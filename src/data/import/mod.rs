//! The import of a folder, an archive or a table into the packed store.
//!
//! Stages: list the source (`folder`, `archive`, `csv`, `parquet` → `listing`), assign classes and splits (`layout`),
//! decode and write (`pack`, `decode`).
//! Bad files are skipped and listed in the `report`. A source that fails as a whole gives an
//! [`ImportError`] and leaves no files.

mod archive;
mod csv;
pub(crate) mod decode;
mod error;
mod folder;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod labels;
mod layout;
mod limits;
mod listing;
mod merge;
mod names;
mod option_table;
mod options;
mod pack;
mod parquet;
mod preview;
mod reading;
mod report;
mod sizes;
mod source;
mod split_names;

use std::collections::HashSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub use error::ImportError;
pub use labels::Pattern;
pub use names::NameEncoding;
pub use option_table::{IMPORT_OPTIONS, ImportOption};
pub use options::{ClassMap, Fit, ImportOptions};
pub use preview::{ImportPreview, PreviewDepth, preview};
pub use report::{ImportProgress, ImportReport, ImportStage, MOST_SKIPS_LISTED};
pub use sizes::SizeCount;
pub use source::{dropped_path, plain_path};

use self::layout::ImportPlan;
use self::limits::Limits;
use self::listing::SourceBytes;
use self::pack::Encoding;
use self::report::{ImportLog, Progress};
use self::sizes::ImageSizes;
use super::manifest::{ClassCounts, ImageShape, MergedSource};
use super::marked::{self, CarriedMarks, MarkedError, Marks};
use super::store::Dataset;
use super::writer::{Description, StagingFolder, Writer, check_target};
use crate::domain::number_text::count;
use crate::domain::text::printable;
use crate::domain::{DatasetName, Size, Split};
use crate::durable::free_bytes;

/// The source and the options of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportRequest {
    /// A folder, an archive, a table or a Parquet file.
    pub source: PathBuf,
    /// The address from which the source was fetched; `None` if its path names it.
    pub origin: Option<String>,
    /// The dataset's name.
    pub name: DatasetName,
    /// The folder of all datasets.
    pub data_dir: PathBuf,
    /// The options of the import.
    pub options: ImportOptions,
    /// The time of the import, in milliseconds since 1970.
    pub created_at: u64,
}

impl ImportRequest {
    /// Returns a request with the default options and without replacement.
    #[must_use]
    pub fn new(source: PathBuf, name: DatasetName, data_dir: PathBuf, created_at: u64) -> Self {
        Self { source, origin: None, name, data_dir, options: ImportOptions::default(), created_at }
    }

    /// Checks everything that can be wrong before the source is read.
    fn check(&self) -> Result<(), ImportError> {
        if self.name.as_str() == super::demo::NAME {
            return Err(ImportError::Options(format!(
                "'{}' is the built-in dataset's name: choose another",
                self.name
            )));
        }
        self.options.check().map_err(ImportError::Options)?;
        // Otherwise a mistyped source would create folders.
        fs::metadata(&self.source).map_err(|error| ImportError::Source { path: self.source.clone(), error })?;
        if let Some(reason) = source::describe_own_folder(&self.source) {
            return Err(ImportError::Layout { path: self.source.clone(), reason });
        }
        Ok(())
    }

    /// Returns the sources of the dataset as a manifest names them.
    fn whole_source(&self, base: Option<&Dataset>) -> String {
        let own = self.shown_source();
        base.map_or_else(|| own.clone(), |base| format!("{} + {own}", base.manifest().source))
    }

    /// Returns the source as a manifest names it.
    fn shown_source(&self) -> String {
        printable(&self.origin.clone().unwrap_or_else(|| self.source.to_string_lossy().into_owned()))
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

/// The image files in a folder and its subfolders.
#[cfg(feature = "trainer")]
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    /// The path inside the folder and the whole path of each image file, sorted.
    pub(crate) files: Vec<(String, PathBuf)>,
    /// Entries that were not searched, such as links. Files without an image's ending are not listed.
    pub(crate) skipped: Vec<super::manifest::Skipped>,
}

/// Returns the image files in a folder and its subfolders.
///
/// # Errors
/// If the folder cannot be read, or holds too many files.
#[cfg(feature = "trainer")]
pub(crate) fn pictures_in(folder: &Path) -> Result<Pictures, ImportError> {
    let (mut log, mut callback) = (ImportLog::default(), |_| ControlFlow::Continue(()));
    let mut progress = Progress { callback: &mut callback, classes: None, disk: None };
    let options = ImportOptions::default();
    let listing = folder::list(folder, &options, &Limits::DEFAULT, &mut log, &mut progress)?;
    let file = |file: listing::SourceFile| match file.at {
        Some(listing::Location::File(at)) if file.kind == listing::Kind::Image => Some((file.path, at)),
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
    let base = merge::open_merge_target(request)?;
    let source = request.whole_source(base.as_ref());
    check_target(&request.data_dir, &request.name, &source, request.options.replace)?;
    let staging = StagingFolder::open(&request.data_dir, &request.name)?;
    let work = staging.dir().to_owned();
    let mut state = ImportState::new(request, base, limits, work, progress);
    let result = state.import(staging);
    result.map_err(|error| state.explain(error))
}

/// The input of the packing stage.
struct ParsedSource {
    plan: ImportPlan,
    contents: SourceBytes,
    encoding: Encoding,
    /// Whether the images are files of a folder or an archive.
    is_listed: bool,
}

/// The state shared by the stages.
struct ImportState<'a> {
    request: &'a ImportRequest,
    /// The options, with the shape and the classes of the dataset into which the source is merged.
    options: ImportOptions,
    base: Option<Dataset>,
    limits: &'a Limits,
    /// The folder for spools.
    work: PathBuf,
    log: ImportLog,
    progress: Progress<'a>,
    /// The pictures of a folder or an archive whose headers cannot be read.
    unreadable: HashSet<String>,
}

impl<'a> ImportState<'a> {
    fn new(
        request: &'a ImportRequest,
        base: Option<Dataset>,
        limits: &'a Limits,
        work: PathBuf,
        callback: &'a mut dyn FnMut(ImportProgress) -> ControlFlow<()>,
    ) -> Self {
        let progress = Progress { callback, classes: None, disk: None };
        let options = merge::options_for(&request.options, base.as_ref());
        Self { request, options, base, limits, work, log: ImportLog::default(), progress, unreadable: HashSet::new() }
    }

    /// Adds what was left out to an error, and names a downloaded source by its address.
    fn explain(&self, error: ImportError) -> ImportError {
        let error = self.log.explain(error);
        match &self.request.origin {
            Some(origin) => error.with_path(&self.request.source, Path::new(origin)),
            None => error,
        }
    }

    /// Reads the source, chooses classes, splits and the size of images.
    fn prepare(&mut self) -> Result<(ParsedSource, ImageSizes), ImportError> {
        let mut parsed = self.read_source()?;
        self.progress.classes = Some(parsed.plan.classes.len());
        let mut measured = self.measure(&parsed)?;
        if !measured.unreadable.is_empty() && parsed.is_listed {
            // Otherwise files that cannot be read would take a small class's places for validation and test.
            self.unreadable = measured.unreadable.iter().map(|(source, _)| source.clone()).collect();
            // A source that is merged may have test images only.
            let trains = |item: &&layout::PlannedImage| item.split != Split::Test;
            let trained: HashSet<usize> = parsed.plan.items.iter().filter(trains).map(|item| item.label).collect();
            let is_readable = |item: &&layout::PlannedImage| !self.unreadable.contains(&item.source);
            let readable = parsed.plan.items.iter().filter(trains).filter(is_readable);
            let readable: HashSet<usize> = readable.map(|item| item.label).collect();
            if let Some(lost) = trained.difference(&readable).min() {
                return Err(self.no_readable_images(&parsed.plan.classes[*lost]));
            }
            // Otherwise the bytes of an archive would be on the disk twice.
            drop(parsed);
            self.log = ImportLog::default();
            parsed = self.read_source()?;
            for (source, reason) in std::mem::take(&mut measured.unreadable) {
                self.log.skip(&source, reason);
            }
            measured = self.measure(&parsed)?;
        }
        if let Some(base) = self.base.take() {
            self.note_repeated(&base);
            parsed.plan = merge::merge_plans(parsed.plan, &base);
            parsed.contents.base = Some(base);
        }
        self.progress.disk = Some(disk_bytes(&parsed.plan, measured.shape));
        Ok((parsed, measured))
    }

    fn import(&mut self, staging: StagingFolder) -> Result<ImportReport, ImportError> {
        let request = self.request;
        let (ParsedSource { plan, contents, encoding, .. }, ImageSizes { shape, fit, .. }) = self.prepare()?;
        self.check_space(&plan, shape)?;
        let mut writer = Writer::new(staging, shape, &plan.classes)?;
        let images = pack::PackInput { items: &plan.items, contents: &contents, encoding, shape, fit };
        let write = |item: &layout::PlannedImage, pixels: &[u8]| {
            Ok(writer.push(item.split, item.label, pixels, &item.source)?)
        };
        let packed = pack::pack(images, self.limits, write, &mut self.log, &mut self.progress)?;
        self.log.check_strict(self.options.strict)?;
        self.check_classes(writer.classes())?;
        let (skipped, skipped_count) = (std::mem::take(&mut self.log.listed), self.log.count);
        let (left_out, notes) = (self.log.left_out(), std::mem::take(&mut self.log.notes));
        let base = contents.base.as_ref();
        let resized = packed.resized + base.map_or(0, |base| base.manifest().resized);
        let groups = packed.numbered_groups();
        let description = Description {
            skipped: skipped.clone(),
            skipped_count,
            left_out: left_out.clone(),
            notes: notes.clone(),
            resized,
            source: request.whole_source(base),
            created_at: request.created_at,
            split: base.map_or(plan.split, |base| base.manifest().split),
            fit,
            parts: base.map_or_else(Vec::new, |base| {
                let part = MergedSource {
                    source: request.shown_source(),
                    images: packed.added,
                    created_at: request.created_at,
                    fingerprint: None,
                    split: plan.split,
                    fit,
                };
                merge::parts_of(base.manifest()).into_iter().chain([part]).collect()
            }),
            groups,
        };
        let former = self.marked_former(base);
        let written = writer.write(description)?;
        // Before the dataset is published: a killed import must not leave it without its marks.
        let marks = former.map(|(former, marks)| Self::carry_marks_over((&former, marks), written.dir()));
        let (manifest, unchanged) = written.publish(request.options.replace)?;
        let marks = marks.filter(|_| !unchanged);
        Ok(ImportReport { manifest, unchanged, skipped, skipped_count, left_out, notes, marks, resized })
    }

    fn target(&self) -> PathBuf {
        self.request.data_dir.join(self.request.name.as_str())
    }

    /// Returns the dataset that the import replaces, else the one into which it merges, with its marks. An error is why
    /// these cannot be read. Returns `None` without such a dataset, or without marks.
    fn marked_former(&self, base: Option<&Dataset>) -> Option<(Dataset, Result<Marks, MarkedError>)> {
        let replaced = Dataset::open(&self.target()).ok();
        let dataset = replaced.or_else(|| Dataset::open(base?.dir()).ok())?;
        let marks = marked::read(dataset.dir(), dataset.fingerprint());
        marks.as_ref().map_or(true, |marks| !marks.images.is_empty()).then_some((dataset, marks))
    }

    /// Marks the images of the new dataset in folder `dir` that were marked in the one that it replaces. Returns a
    /// sentence on the result.
    fn carry_marks_over((former, marks): (&Dataset, Result<Marks, MarkedError>), dir: &Path) -> String {
        let carried = marks.map_err(|error| error.to_string()).and_then(|marks| {
            let dataset = Dataset::open(dir).map_err(|error| error.to_string())?;
            let from_one_source = former.manifest().source == dataset.manifest().source;
            marked::carry_over((former, &marks), (&dataset, dir), from_one_source).map_err(|error| error.to_string())
        });
        match carried {
            Ok(CarriedMarks { carried, lost }) => {
                let kept = count(carried, "mark is", "marks are");
                let Some(first) = lost.first() else { return format!("{kept} carried over") };
                let gone = count(lost.len(), "mark is", "marks are");
                format!("{kept} carried over, {gone} lost with the images or classes, such as that of {first}")
            }
            Err(error) => format!("the marks of the dataset before are not carried over: {error}"),
        }
    }

    /// Notes that the source was merged into the dataset before: its images are then there twice.
    fn note_repeated(&mut self, base: &Dataset) {
        let source = self.request.shown_source();
        if merge::parts_of(base.manifest()).iter().any(|part| part.source == source) {
            self.log.note(format!(
                "{source} is in the dataset already: `mien data check` finds images that are there twice"
            ));
        }
    }

    /// Refuses a class without readable training images, and notes classes without others.
    fn check_classes(&mut self, classes: &[ClassCounts]) -> Result<(), ImportError> {
        if let Some(empty) = classes.iter().find(|class| class.counts.train == 0) {
            return Err(self.no_readable_images(&empty.name));
        }
        layout::note_empty(classes, &mut self.log);
        Ok(())
    }

    fn no_readable_images(&self, class: &str) -> ImportError {
        let reason = format!("none of the training images of the class '{}' can be read", printable(class));
        ImportError::Layout { path: self.request.source.clone(), reason }
    }

    /// Fails before the work if the disk cannot hold the dataset.
    fn check_space(&self, plan: &ImportPlan, shape: ImageShape) -> Result<(), ImportError> {
        let needed = disk_bytes(plan, shape);
        // A file system that does not state its free space is tried.
        match free_bytes(&self.request.data_dir) {
            Ok(free) if free < needed => Err(ImportError::Layout {
                path: self.request.source.clone(),
                reason: format!(
                    "its images take {} at {}×{}, and the disk has {} left; --size stores smaller ones",
                    Size(needed),
                    shape.width,
                    shape.height,
                    Size(free)
                ),
            }),
            _ => Ok(()),
        }
    }

    fn measure(&mut self, parsed: &ParsedSource) -> Result<ImageSizes, ImportError> {
        let options = &self.options;
        let (items, contents) = (&parsed.plan.items, &parsed.contents);
        match parsed.encoding {
            Encoding::Gray(side) => {
                let (width, height) = options.size.unwrap_or((side, side));
                let channels = if options.gray == Some(false) { 3 } else { 1 };
                let sizes = vec![SizeCount { width: side, height: side, count: items.len() as u64 }];
                let fit = options.fit.unwrap_or(Fit::Squash);
                Ok(ImageSizes { shape: ImageShape { width, height, channels }, fit, sizes, unreadable: Vec::new() })
            }
            Encoding::Files => {
                let (log, progress) = (&mut self.log, &mut self.progress);
                sizes::measure(&self.request.source, items, contents, options, self.limits, log, progress)
            }
        }
    }
}

/// Returns the bytes that a dataset takes on disk, without its manifest.
fn disk_bytes(plan: &ImportPlan, shape: ImageShape) -> u64 {
    let names: usize = plan.items.iter().map(|item| item.source.len() + 8 + 2).sum();
    (plan.items.len() as u64).saturating_mul(shape.bytes() as u64).saturating_add(names as u64)
}

#[cfg(test)]
mod tests;
