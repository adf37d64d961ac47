//! The mapping of images to classes and splits.
//!
//! `folder_structure` finds out what the folders mean, or `labels` state the classes. Within a class, files are in
//! Keras's order: by folder, then by name, both as bytes. `divide` then cuts the splits that the source does not have,
//! before any file is opened, so an unreadable file still counts.

mod classes;
mod divide;
mod folder_path;
mod folder_structure;

pub(super) use self::classes::note_empty;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use self::folder_structure::{EXPECTED, FolderMeaning, FolderStructure};
use super::ImportError;
use super::labels::{self, Labels};
use super::listing::{Kind, Listing, Location, SourceBytes, SourceFile};
use super::names;
use super::options::ImportOptions;
use super::report::ImportLog;
use super::split_names::{self, SplitName};
use crate::data::manifest::SplitOptions;
use crate::data::split::{Protocol, Usage};
use crate::domain::Split;
use crate::domain::text::printable;

/// An image to import.
#[derive(Debug)]
pub(super) struct PlannedImage {
    pub(super) split: Split,
    pub(super) label: usize,
    pub(super) source: String,
    pub(super) at: Location,
    /// The number of its group, if groups are known.
    pub(super) group: Option<u32>,
}

/// The items of an import in the store's canonical order.
#[derive(Debug)]
pub(super) struct ImportPlan {
    /// Names by label, sorted.
    pub(super) classes: Vec<String>,
    pub(super) items: Vec<PlannedImage>,
    pub(super) split: SplitOptions,
}

/// An image of a class.
#[derive(Debug)]
pub(super) struct ClassImage {
    /// The path inside the source, or the row of a table.
    pub(super) source: String,
    /// The byte of `source` at which the path below the class begins.
    pub(super) rest: usize,
    /// The row of a table; 0 for a file.
    pub(super) number: u64,
    pub(super) group: Option<String>,
    pub(super) at: Location,
}

impl ClassImage {
    /// Returns the key by which a class's images are sorted: Keras's order, then the whole path.
    fn order(&self) -> (u64, &str, &str, &str) {
        let below = self.source.get(self.rest..).unwrap_or_default();
        let (folder, name) = below.rsplit_once('/').unwrap_or(("", below));
        (self.number, folder, name, &self.source)
    }
}

/// Images of one class by split.
pub(super) type ImagesBySplit = [Vec<ClassImage>; 3];

/// Images by class and split.
pub(super) type ImagesByClass = BTreeMap<String, ImagesBySplit>;

/// Assigns a split and a class to every image.
pub(super) fn plan(
    source: &Path,
    listing: &mut Listing,
    contents: &SourceBytes,
    options: &ImportOptions,
    log: &mut ImportLog,
) -> Result<ImportPlan, ImportError> {
    let wrong = |reason: String| ImportError::Layout { path: source.to_owned(), reason };
    if !listing.files.iter().any(SourceFile::is_image) {
        record_other_files(listing, None, None, log);
        let none_taken = log.count > 0;
        return Err(wrong(if none_taken {
            "all its images were skipped, for the reasons below".into()
        } else {
            format!("it holds no images; {EXPECTED}")
        }));
    }
    let folders: BTreeSet<&str> = listing.files.iter().filter(|file| file.is_image()).map(SourceFile::folder).collect();
    let folders: Vec<&str> = folders.into_iter().collect();
    let structure = FolderStructure::infer(&folders).map_err(wrong)?;
    let labels = Labels::find(source, listing, contents, options, structure.has_classes())?;
    if let Some(labels) = &labels {
        log.note(labels.describe());
    } else {
        if !structure.has_classes() {
            return Err(wrong(labels::describe_missing_classes(listing, contents)));
        }
        if let Some(note) = classes::note_split_like_classes(&structure, &folders) {
            log.note(note);
        }
        let images: Vec<&SourceFile> = listing.files.iter().filter(|file| file.is_image()).collect();
        if let Some(reason) = labels::find_contradicting_names(&images) {
            return Err(wrong(reason));
        }
    }
    record_other_files(listing, Some(&structure), labels.as_ref(), log);
    let named: BTreeSet<String> = match labels {
        Some(_) => BTreeSet::new(),
        None => listing.folders.iter().filter_map(|path| structure.class_folder(path)).map(names::to_nfc).collect(),
    };
    let files = std::mem::take(&mut listing.files);
    let groups = match &labels {
        Some(labels) => assign_by_labels(&files, &structure, labels, contents, options.protocol, log),
        None => assign_by_folders(files, &structure, options.protocol, log),
    };
    let mut groups = groups.map_err(wrong)?;
    if let Some(Labels::Table(rows)) = &labels
        && let Some((count, example)) = rows.unused()
    {
        log.record_ignored(&example, "is named by the labels and is not an image of the source", count);
    }
    let mut empty: Vec<String> = named.into_iter().filter(|class| !groups.contains_key(class)).collect();
    // An empty class that --map leaves out or joins to another one is no fault of the source.
    groups
        .extend(empty.extract_if(.., |class| options.map.names(class)).map(|class| (class, ImagesBySplit::default())));
    if let Some(empty) = empty.first() {
        let (class, map) = (printable(empty), classes::map_option(empty, ""));
        let remedy = format!("add some or remove its folder, or {map} leaves it out");
        return Err(wrong(format!("the class '{class}' has no training images; {remedy}")));
    }
    arrange(source, groups, options, log)
}

/// Records the files that are no images: below a class they may be missed, elsewhere they may lie.
fn record_other_files(
    listing: &Listing,
    structure: Option<&FolderStructure>,
    labels: Option<&Labels>,
    log: &mut ImportLog,
) {
    for file in listing.files.iter().filter(|file| !file.is_image()) {
        if file.kind == Kind::Text && labels.is_some_and(|labels| labels.uses(&file.path)) {
            continue;
        }
        let place = structure
            .filter(|structure| labels.is_none() && structure.has_classes())
            .map(|structure| structure.meaning_of(file.folder()));
        match place {
            Some(FolderMeaning::Inside { class: Some(_), .. }) => log.skip(&file.path, "is not an image file"),
            _ => log.record_ignored(&file.path, "is not an image and is outside the class folders", 1),
        }
    }
    for table in listing.tables.iter().filter(|table| !labels.is_some_and(|labels| labels.uses(&table.path))) {
        log.skip(&table.path, "is a table of images beside image files; import the table alone");
    }
}

/// The meaning of a folder of images: its split, the index of its class, and where the path below the class begins.
type ClassPlace = (Option<SplitName>, usize, usize);

/// Groups images by the folders that state split and class; files outside are skipped and logged.
fn assign_by_folders(
    files: Vec<SourceFile>,
    structure: &FolderStructure,
    protocol: Protocol,
    log: &mut ImportLog,
) -> Result<ImagesByClass, String> {
    let mut classes: Vec<(String, ImagesBySplit)> = Vec::new();
    let mut by_name: HashMap<String, usize> = HashMap::new();
    let mut places: HashMap<String, Result<ClassPlace, &'static str>> = HashMap::new();
    for file in files {
        let (true, Some(at)) = (file.is_image(), file.at) else { continue };
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !places.contains_key(folder) {
            let place = match structure.meaning_of(folder) {
                FolderMeaning::Inside { split, class: Some(class), rest } => {
                    let class = names::to_nfc(class);
                    let index = *by_name.entry(class).or_insert_with_key(|class| {
                        classes.push((class.clone(), ImagesBySplit::default()));
                        classes.len() - 1
                    });
                    Ok((split, index, rest))
                }
                FolderMeaning::Inside { class: None, .. } => Err("is in no class folder, as others are"),
                FolderMeaning::Outside(reason) => Err(reason),
            };
            places.insert(folder.to_owned(), place);
        }
        match places[folder] {
            Ok((split, class, rest)) => {
                let split = split_by(protocol, split, &file.path)?;
                let member = ClassImage { source: file.path, rest, number: 0, group: None, at };
                classes[class].1[split as usize].push(member);
            }
            Err(reason) => log.skip(&file.path, reason),
        }
    }
    Ok(classes.into_iter().collect())
}

/// Groups images by their labels and by the folders that state splits.
fn assign_by_labels(
    files: &[SourceFile],
    structure: &FolderStructure,
    labels: &Labels,
    contents: &SourceBytes,
    protocol: Protocol,
    log: &mut ImportLog,
) -> Result<ImagesByClass, String> {
    let images: Vec<&SourceFile> = files.iter().filter(|file| file.is_image()).collect();
    let by_beginning = !structure.has_splits() && labels::split_by_beginning(&images);
    let mut groups = ImagesByClass::new();
    for file in files.iter().filter(|file| file.is_image()) {
        let Some(at) = file.at.clone() else { continue };
        let label = match labels.of(file, contents) {
            Ok(label) => label,
            Err(reason) => {
                log.skip(&file.path, reason);
                continue;
            }
        };
        let folder = match structure.meaning_of(file.folder()) {
            FolderMeaning::Inside { split, .. } => split,
            FolderMeaning::Outside(_) => None,
        };
        let beginning = || by_beginning.then(|| split_names::parse_beginning(file.name())).flatten();
        let split = split_by(protocol, label.split.or(folder).or_else(beginning), &file.path)?;
        let member = ClassImage { source: file.path.clone(), rest: 0, number: 0, group: label.group, at };
        groups.entry(names::to_nfc(&label.class)).or_default()[split as usize].push(member);
    }
    Ok(groups)
}

/// Returns the split of an image whose folder states this one, training if it states none. By the official protocol
/// its name or a folder states a usage.
fn split_by(protocol: Protocol, stated: Option<SplitName>, path: &str) -> Result<Split, String> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let in_usage_folder = || path.split('/').any(|part| Usage::from_name(part.as_bytes()).is_some());
    match (protocol, Usage::from_file_name(name)) {
        (Protocol::Keras, _) => Ok(stated.unwrap_or(SplitName::Train).split(protocol)),
        (Protocol::Official, Some(usage)) => Ok(usage.split(protocol)),
        (Protocol::Official, None) if in_usage_folder() => Ok(stated.unwrap_or(SplitName::Train).split(protocol)),
        (Protocol::Official, None) => Err(format!(
            "the name of '{}' does not name its split: by the official protocol names begin with Training, \
             PublicTest or PrivateTest, as Training_3908.jpg; rename the files, or import with --protocol keras",
            printable(path)
        )),
    }
}

/// Changes and checks the classes, sorts the images, and cuts the splits that the source does not have.
pub(super) fn arrange(
    source: &Path,
    mut groups: ImagesByClass,
    options: &ImportOptions,
    log: &mut ImportLog,
) -> Result<ImportPlan, ImportError> {
    let wrong = |reason: String| ImportError::Layout { path: source.to_owned(), reason };
    check_protocol(options.protocol, &groups).map_err(wrong)?;
    classes::note_numbers(groups.keys(), options, log);
    classes::change(&mut groups, &options.map, log).map_err(wrong)?;
    for members in groups.values_mut() {
        for members in members {
            sort(members, log);
        }
    }
    if options.pooled {
        divide::move_all_to_training(&mut groups, log);
    }
    classes::check(&groups, options).map_err(wrong)?;
    let split = divide::divide(&mut groups, options, log).map_err(wrong)?;
    let classes: Vec<String> = groups.keys().cloned().collect();
    let mut items = Vec::with_capacity(groups.values().flatten().map(Vec::len).sum());
    let mut numbers = divide::GroupNumbers::of(&groups, options);
    let mut members: Vec<ImagesBySplit> = groups.into_values().collect();
    for split in Split::ALL {
        for (label, members) in members.iter_mut().enumerate() {
            let members = std::mem::take(&mut members[split as usize]);
            items.extend(members.into_iter().map(|member| {
                let group = numbers.number(&member);
                PlannedImage { split, label, source: member.source, at: member.at, group }
            }));
        }
    }
    Ok(ImportPlan { classes, items, split })
}

/// Rejects a source without images for one of the official protocol's splits.
fn check_protocol(protocol: Protocol, groups: &ImagesByClass) -> Result<(), String> {
    let has = |split: Split| groups.values().any(|members| !members[split as usize].is_empty());
    let lacking = Split::ALL.into_iter().find(|split| !has(*split));
    match lacking.filter(|_| protocol == Protocol::Official) {
        None => Ok(()),
        Some(split) => {
            let usage = Usage::for_split(split).name();
            let advice = "import the whole of FER-2013, or import it with --protocol keras";
            Err(format!("it holds no {usage} images, the {split} split by the official protocol; {advice}"))
        }
    }
}

/// Sorts the images. Of two with the same path the later one counts, as when an archive is unpacked.
fn sort(members: &mut Vec<ClassImage>, log: &mut ImportLog) {
    members.sort_by(|a, b| a.order().cmp(&b.order()));
    members.dedup_by(|later, kept| {
        let same = later.number == kept.number && later.source == kept.source;
        if same {
            log.skip(&later.source, "occurs twice; the last one is taken");
            std::mem::swap(&mut later.at, &mut kept.at);
        }
        same
    });
}
