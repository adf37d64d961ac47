//! The mapping of paths to classes and splits.
//!
//! Two layouts are known, both possibly inside wrapping folders. One has `train/CLASS/…` with `test/CLASS/…` and
//! optionally `val/CLASS/…`, the other only class folders. Within a class, files are in Keras's order: by folder, then
//! by name, both as bytes. Fractions are cut from that list before any file is opened, so an unreadable file still
//! counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::ImportError;
use super::listing::{Listing, Location, SourceFile};
use super::report::SkipLog;
use crate::data::manifest::SplitOptions;
use crate::data::split::{Protocol, Usage, split_files};
use crate::domain::Split;
use crate::domain::text::printable;

/// An image to import.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) split: Split,
    pub(super) label: usize,
    pub(super) source: String,
    pub(super) at: Location,
}

/// The items of an import in the store's canonical order.
#[derive(Debug)]
pub(super) struct Plan {
    /// Names by label, sorted.
    pub(super) classes: Vec<String>,
    pub(super) items: Vec<Item>,
    pub(super) split: SplitOptions,
}

/// An image and its sort key within its class.
#[derive(Debug)]
pub(super) struct Member {
    /// The key by which the class's images are sorted.
    pub(super) order: (String, String),
    pub(super) source: String,
    pub(super) at: Location,
}

/// Images by split and class.
pub(super) type Groups = BTreeMap<Split, BTreeMap<String, Vec<Member>>>;

/// The options of the division into splits: the protocol, and the fractions of each class's files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) protocol: Protocol,
    pub(super) validation: f64,
    pub(super) test: f64,
}

/// Returns the split that a folder's name stands for.
fn split_named(folder: &str) -> Option<Split> {
    match folder.to_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "val" | "valid" | "validation" => Some(Split::Validation),
        "test" | "testing" => Some(Split::Test),
        _ => None,
    }
}

/// Assigns a split and a class to every image.
pub(super) fn plan(source: &Path, listing: Listing, rule: Rule, log: &mut SkipLog) -> Result<Plan, ImportError> {
    let wrong = |reason: String| ImportError::Layout { path: source.to_owned(), reason };
    let root = Root::find(&listing.files).map_err(wrong)?;
    let empty: Vec<&String> = listing.folders.iter().filter(|folder| root.class_folder(folder).is_some()).collect();
    let named: BTreeSet<String> = empty.into_iter().filter_map(|folder| root.class_folder(folder)).collect();
    let groups = root.group(listing.files, rule.protocol, log).map_err(wrong)?;
    check_protocol(rule.protocol, &groups).map_err(wrong)?;
    if let Some(empty) =
        named.iter().find(|class| !groups.get(&Split::Train).is_some_and(|train| train.contains_key(*class)))
    {
        let reason = format!("the class '{}' has no training images; add some or remove its folder", printable(empty));
        return Err(wrong(reason));
    }
    arrange(source, groups, rule, log)
}

/// The folder of a source in which the dataset begins.
#[derive(Debug)]
struct Root {
    /// The folders above it.
    prefix: Vec<String>,
    /// Whether the next folders are splits rather than classes.
    splits: bool,
}

impl Root {
    fn find(files: &[SourceFile]) -> Result<Self, String> {
        let images = || files.iter().filter(|file| file.at.is_some()).map(|file| folders(&file.path));
        let mut shared: Option<Vec<&str>> = None;
        let mut roots: BTreeSet<Vec<&str>> = BTreeSet::new();
        for path in images() {
            // A training folder contains class folders, so another folder must follow.
            let train = (0..path.len().saturating_sub(1)).find(|at| split_named(path[*at]) == Some(Split::Train));
            if let Some(at) = train.filter(|at| !roots.contains(&path[..*at])) {
                roots.insert(path[..at].to_vec());
            }
            shared = Some(match shared {
                None => path,
                Some(shared) => {
                    let length = shared.iter().zip(&path).take_while(|(a, b)| a == b).count();
                    shared[..length].to_vec()
                }
            });
        }
        let owned = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect();
        let depth = roots.iter().map(Vec::len).min();
        let mut highest = roots.iter().filter(|root| Some(root.len()) == depth);
        if let Some(root) = highest.next() {
            return match highest.next() {
                None => Ok(Self { prefix: owned(root), splits: true }),
                Some(other) => Err(format!(
                    "it holds several datasets, '{}' and '{}' among them; import one of them",
                    printable(&root.join("/")),
                    printable(&other.join("/"))
                )),
            };
        }
        let Some(prefix) = shared else {
            return Err(format!("it holds no images; {EXPECTED}"));
        };
        let next: BTreeSet<&str> = images().filter_map(|path| path.get(prefix.len()).copied()).collect();
        if prefix.iter().any(|part| split_named(part).is_some()) || next.iter().any(|part| split_named(part).is_some())
        {
            return Err(format!("it has no class folders with training images; {EXPECTED}"));
        }
        Ok(Self { prefix: owned(&prefix), splits: false })
    }

    /// Returns the folders below the root, `None` outside it.
    fn below<'a>(&self, path: &'a [&'a str]) -> Option<&'a [&'a str]> {
        let (above, below) = path.split_at_checked(self.prefix.len())?;
        above.iter().zip(&self.prefix).all(|(a, b)| a == b).then_some(below)
    }

    /// Returns the class whose training folder this is.
    fn class_folder(&self, folder: &str) -> Option<String> {
        let path: Vec<&str> = folder.split('/').collect();
        match (self.below(&path)?, self.splits) {
            ([split, class], true) if split_named(split) == Some(Split::Train) => Some((*class).to_owned()),
            ([class], false) => Some((*class).to_owned()),
            _ => None,
        }
    }

    /// Groups images by split and class; files outside are skipped and logged. Fails if the official protocol finds a
    /// name without a usage.
    fn group(&self, files: Vec<SourceFile>, protocol: Protocol, log: &mut SkipLog) -> Result<Groups, String> {
        let mut groups = Groups::new();
        let mut outside = 0_u64;
        for file in files {
            let path = folders(&file.path);
            let place = self.below(&path).and_then(|below| match (below, self.splits) {
                ([split, class, rest @ ..], true) => Some((split_named(split)?, *class, rest)),
                ([class, rest @ ..], false) => Some((Split::Train, *class, rest)),
                _ => None,
            });
            match (place, file.at) {
                (Some((split, class, rest)), Some(at)) => {
                    let name = file.path.rsplit('/').next().unwrap_or_default();
                    let split = split_by(protocol, split, &file.path, name)?;
                    let order = (rest.join("/"), name.to_owned());
                    let class = class.to_owned();
                    let member = Member { order, source: file.path.clone(), at };
                    groups.entry(split).or_default().entry(class).or_default().push(member);
                }
                (Some(_), None) => log.skip(&file.path, "is not an image file"),
                (None, Some(_)) => {
                    outside += 1;
                    if outside == 1 {
                        log.skip(&file.path, "is in no class folder, as others may be (counted once)");
                    }
                }
                (None, None) => {}
            }
        }
        Ok(groups)
    }
}

/// Returns the split of an image in a split's folder: that split by Keras's protocol, the usage in the name by the
/// official one.
fn split_by(protocol: Protocol, folder: Split, path: &str, name: &str) -> Result<Split, String> {
    match (protocol, Usage::from_file_name(name)) {
        (Protocol::Keras, _) => Ok(folder),
        (Protocol::Official, Some(usage)) => Ok(usage.split(protocol)),
        (Protocol::Official, None) => Err(format!(
            "the name of '{}' does not name its split: by the official protocol names begin with Training, \
             PublicTest or PrivateTest, as Training_3908.jpg; rename the files, or import with --protocol keras",
            printable(path)
        )),
    }
}

/// The expected layout, as errors describe it.
const EXPECTED: &str = "expected train/CLASS and test/CLASS folders of images, or class folders alone";

fn folders(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    parts
}

/// Checks the classes, sorts the images, and cuts the splits that the source does not have.
pub(super) fn arrange(source: &Path, mut groups: Groups, rule: Rule, log: &mut SkipLog) -> Result<Plan, ImportError> {
    let wrong = |reason: String| ImportError::Layout { path: source.to_owned(), reason };
    let train = groups.remove(&Split::Train).unwrap_or_default();
    let classes: Vec<String> = train.keys().cloned().collect();
    check_classes(&classes).map_err(wrong)?;
    for (split, classes_there) in &groups {
        if let Some(stray) = classes_there.keys().find(|class| !train.contains_key(*class)) {
            let stray = printable(stray);
            return Err(wrong(format!("the class '{stray}' is in {split} but not in train; add or remove it")));
        }
    }
    let open = |split: Split, fraction: f64| (!groups.contains_key(&split)).then_some(fraction);
    let split = SplitOptions {
        validation_fraction: open(Split::Validation, rule.validation),
        test_fraction: open(Split::Test, rule.test),
        protocol: rule.protocol,
    };
    let mut items: BTreeMap<Split, Vec<Item>> = BTreeMap::new();
    let mut put = |split: Split, label: usize, members: Vec<Member>| {
        let item = |member: Member| Item { split, label, source: member.source, at: member.at };
        items.entry(split).or_default().extend(members.into_iter().map(item));
    };
    for (label, (class, members)) in train.into_iter().enumerate() {
        let mut members = sorted(members, log);
        let parts =
            split_files(members.len(), split.validation_fraction.unwrap_or(0.0), split.test_fraction.unwrap_or(0.0));
        put(Split::Train, label, members.split_off(parts.train.start));
        put(Split::Test, label, members.split_off(parts.test.start));
        put(Split::Validation, label, members);
        for (split, classes) in &mut groups {
            put(*split, label, sorted(classes.remove(&class).unwrap_or_default(), log));
        }
    }
    Ok(Plan { classes, items: items.into_values().flatten().collect(), split })
}

/// Rejects a source without images for one of the official protocol's splits.
pub(super) fn check_protocol(protocol: Protocol, groups: &Groups) -> Result<(), String> {
    let lacking = Split::ALL.into_iter().find(|split| !groups.contains_key(split));
    match lacking.filter(|_| protocol == Protocol::Official) {
        None => Ok(()),
        Some(split) => {
            let usage = Usage::for_split(split).name();
            let advice = "import the whole of FER-2013, or import it with --protocol keras";
            Err(format!("it holds no {usage} images, the {split} split by the official protocol; {advice}"))
        }
    }
}

fn check_classes(classes: &[String]) -> Result<(), String> {
    if classes.len() < 2 || classes.len() > usize::from(u16::MAX) {
        let found = classes.iter().take(3).map(|class| printable(class)).collect::<Vec<_>>().join(", ");
        return Err(format!(
            "a classifier needs 2 to 65535 classes, and it holds {} ({found}); {EXPECTED}",
            classes.len()
        ));
    }
    match classes.iter().find(|class| printable(class) != **class || class.contains('\u{fffd}')) {
        Some(class) => {
            Err(format!("the class folder '{}' has characters that cannot be shown; rename it", printable(class)))
        }
        None => Ok(()),
    }
}

/// Returns the images in order. Of two with the same path the later one counts, as when an archive is unpacked.
fn sorted(mut members: Vec<Member>, log: &mut SkipLog) -> Vec<Member> {
    members.sort_by(|a, b| a.order.cmp(&b.order));
    let mut unique: Vec<Member> = Vec::with_capacity(members.len());
    for member in members {
        match unique.last_mut() {
            Some(last) if last.order == member.order => {
                log.skip(&member.source, "occurs twice; the last one is taken");
                *last = member;
            }
            _ => unique.push(member),
        }
    }
    unique
}
