//! The meaning of folders: which state splits and which classes.
//!
//! A split's folder lies outside the classes (`train/CLASS`) or inside (`CLASS/train`), possibly within others. It may
//! be repeated (`train/train/CLASS`), and folders that are no class may lie between (`train/images/CLASS`). A dataset
//! without splits has only folders of classes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::super::split_names::{self, SplitName};
use super::folder_path::{FolderPath, shared_depth};
use crate::domain::text::printable;

/// The expected layout, as errors describe it.
pub(super) const EXPECTED: &str = "expected train/CLASS and test/CLASS folders of images, or class folders alone";

/// The meaning of one folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FolderMeaning<'p> {
    /// A part of the dataset. `class` is `None` where no folder states it. `rest` is the byte at which the path below
    /// the class begins.
    Inside { split: Option<SplitName>, class: Option<&'p str>, rest: usize },
    /// No part of it, for this reason.
    Outside(&'static str),
}

/// The position of classes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Classes {
    /// Below the split, after this many folders that are no class.
    BelowSplit(usize),
    /// Above the split, at this depth.
    AboveSplit(usize),
    /// No folder states a class.
    Nowhere,
}

/// The meaning of a source's folders.
#[derive(Debug)]
pub(super) struct FolderStructure {
    /// The depth from which folders may state splits.
    base: usize,
    /// The folders above the splits, with the splits that count below each.
    roots: BTreeMap<String, BTreeSet<SplitName>>,
    classes: Classes,
    /// Whether class folders beside the split folders hold training images.
    has_training_beside_splits: bool,
    /// Names that state a split only beside others, by the folder above.
    siblings: HashMap<(String, String), SplitName>,
    /// Whether the splits named `eval` are test splits.
    evaluation_tests: bool,
}

impl FolderStructure {
    /// Returns the meaning of the folders that hold images.
    pub(super) fn infer(folders: &[&str]) -> Result<Self, String> {
        let mut all: Vec<FolderPath> = folders.iter().map(|path| FolderPath::new(path)).collect();
        let siblings = name_splits(&mut all);
        let shared = shared_depth(&all);
        // A folder around everything states a split only if no other does.
        let base = if all.iter().any(|folder| folder.first_split(shared).is_some()) { shared } else { 0 };
        let found = |folder: &FolderPath| folder.first_split(base).filter(|(index, _)| !folder.has_conflict(*index));
        let named: BTreeSet<SplitName> =
            all.iter().filter_map(|folder| found(folder).map(|(_, split)| split)).collect();
        let evaluation_tests = named.contains(&SplitName::Validation)
            && ![SplitName::Test, SplitName::PublicTest, SplitName::PrivateTest]
                .iter()
                .any(|test| named.contains(test));
        let mut structure = Self {
            base,
            roots: BTreeMap::new(),
            classes: Classes::BelowSplit(0),
            has_training_beside_splits: false,
            siblings,
            evaluation_tests,
        };
        if named.is_empty() {
            structure.find_classes(&all, shared);
        } else if named.contains(&SplitName::Train) {
            structure.find_roots(&all)?;
        } else if !structure.find_classes_beside_splits(&all) {
            let first = |folder: &FolderPath| found(folder).map(|(index, _)| printable(folder.parts[index]));
            let other = all.iter().find_map(first).unwrap_or_default();
            return Err(format!(
                "it has no class folders with training images beside the split folder '{other}'; {EXPECTED} (if '{other}' \
                 is a class, rename its folder)"
            ));
        }
        Ok(structure)
    }

    /// Returns whether folders state classes.
    pub(super) fn has_classes(&self) -> bool {
        self.classes != Classes::Nowhere
    }

    /// Returns whether folders state splits.
    pub(super) fn has_splits(&self) -> bool {
        !self.roots.is_empty()
    }

    /// Finds the classes of a source without splits: the first folders in which the images differ.
    fn find_classes(&mut self, all: &[FolderPath], shared: usize) {
        let depth = self.class_depth(all.iter().map(|folder| &folder.parts[shared.min(folder.parts.len())..]));
        self.base = shared;
        self.classes = match depth {
            Some(depth) => Classes::BelowSplit(depth),
            None => Classes::Nowhere,
        };
    }

    /// Finds the splits and classes of a source with a training split.
    fn find_roots(&mut self, all: &[FolderPath]) -> Result<(), String> {
        let base = self.base;
        let split = |folder: &FolderPath| folder.first_split(base).filter(|(index, _)| !folder.has_conflict(*index));
        let mut roots: BTreeMap<&str, BTreeSet<SplitName>> = BTreeMap::new();
        let mut has_classes_below = false;
        for folder in all {
            if let Some((index, name)) = split(folder) {
                has_classes_below |= !folder.after(index).is_empty();
                roots.entry(folder.above(index)).or_default().insert(name);
            }
        }
        if !has_classes_below {
            self.classes = depth_above(&roots).map_or(Classes::Nowhere, Classes::AboveSplit);
        }
        if matches!(self.classes, Classes::AboveSplit(_)) {
            self.roots = roots.into_iter().map(|(root, splits)| (root.to_owned(), splits)).collect();
            return Ok(());
        }
        let depth = |root: &str| if root.is_empty() { 0 } else { root.matches('/').count() + 1 };
        let mut by_depth: Vec<_> = roots.into_iter().collect();
        by_depth.sort_by_key(|(root, splits)| (!splits.contains(&SplitName::Train), depth(root), *root));
        let highest = by_depth.first().map(|(root, _)| depth(root));
        for (root, splits) in by_depth {
            let known: BTreeSet<SplitName> = self.roots.values().flatten().copied().collect();
            if splits.is_disjoint(&known) {
                self.roots.insert(root.to_owned(), splits);
            } else if splits.contains(&SplitName::Train) && Some(depth(root)) == highest {
                let first = self.roots.keys().next().map(|first| printable(first)).unwrap_or_default();
                let other = printable(root);
                return Err(format!(
                    "it holds several datasets, '{first}' and '{other}' among them; import one of them"
                ));
            }
        }
        if self.classes != Classes::Nowhere {
            let below = all.iter().filter_map(|folder| {
                let (index, name) = split(folder)?;
                let counts = self.roots.get(folder.above(index)).is_some_and(|splits| splits.contains(&name));
                counts.then(|| &folder.parts[folder.after(index)])
            });
            self.classes = self.class_depth(below).map_or(Classes::Nowhere, Classes::BelowSplit);
        }
        Ok(())
    }

    /// Returns whether class folders with training images stand beside folders of other splits with the same classes.
    fn find_classes_beside_splits(&mut self, all: &[FolderPath]) -> bool {
        let mut roots: BTreeMap<&str, BTreeSet<SplitName>> = BTreeMap::new();
        let (mut other, mut training) = (BTreeSet::new(), BTreeSet::new());
        for folder in all {
            if let Some((index, name)) = folder.first_split(self.base) {
                roots.entry(folder.above(index)).or_default().insert(name);
                other.extend(folder.parts.get(folder.after(index).start).copied());
            } else {
                training.extend(folder.parts.get(self.base).copied());
            }
        }
        let mut keys = roots.keys();
        let one =
            keys.next().is_some_and(|root| FolderPath::new(root).parts.len() == self.base) && keys.next().is_none();
        self.has_training_beside_splits = one && !other.is_empty() && other.is_subset(&training);
        if self.has_training_beside_splits {
            self.roots = roots.into_iter().map(|(root, splits)| (root.to_owned(), splits)).collect();
        }
        self.has_training_beside_splits
    }

    /// Returns the depth of classes below the given folders; `None` if no folder states a class. Folders around all of
    /// them, and folders whose names are no class, are passed.
    #[allow(clippy::unused_self)] // one of the steps of `find`
    fn class_depth<'p>(&self, below: impl Iterator<Item = &'p [&'p str]>) -> Option<usize> {
        let below: Vec<&[&str]> = below.filter(|parts| !parts.is_empty()).collect();
        let mut depth = 0;
        loop {
            let here: HashSet<&str> = below.iter().filter_map(|parts| parts.get(depth).copied()).collect();
            let are_fillers = here.iter().all(|name| split_names::is_filler_name(name));
            let has_more = below.iter().all(|parts| parts.len() > depth + 1);
            match here.len() {
                0 => return None,
                _ if (here.len() == 1 || are_fillers) && has_more => depth += 1,
                _ if are_fillers => return None,
                _ => return Some(depth),
            }
        }
    }

    /// Returns split and class of the images in `folder`, or the reason why it is no part of the dataset.
    pub(super) fn meaning_of<'p>(&self, folder: &'p str) -> FolderMeaning<'p> {
        let mut folder = FolderPath::new(folder);
        for index in 0..folder.parts.len() {
            folder.splits[index] = self.split_of(&folder, index);
        }
        let found = folder.first_split(self.base);
        let split = found.map(|(_, split)| self.resolve_evaluation_split(split));
        match (&self.classes, found) {
            (Classes::Nowhere, _) => FolderMeaning::Inside { split, class: None, rest: 0 },
            (Classes::AboveSplit(depth), Some((index, _))) if index > *depth => {
                let class = Some(folder.parts[*depth]);
                FolderMeaning::Inside { split, class, rest: folder.below(*depth) }
            }
            (Classes::AboveSplit(_), _) => {
                FolderMeaning::Outside("is in no split folder inside a class, as others are")
            }
            (Classes::BelowSplit(_), Some((index, _))) if folder.has_conflict(index) => {
                FolderMeaning::Outside("is in the folders of two different splits")
            }
            (Classes::BelowSplit(skipped), Some((index, name))) if !self.roots.is_empty() => {
                let root = self.roots.get(folder.above(index));
                if !root.is_some_and(|splits| splits.contains(&name)) {
                    return FolderMeaning::Outside("is in another dataset below the first one");
                }
                let mut after = folder.after(index).skip(*skipped);
                let class = after.find(|at| folder.splits[*at] != Some(name));
                class.map_or(FolderMeaning::Outside("is in a split folder but in no class folder"), |class| {
                    FolderMeaning::Inside { split, class: Some(folder.parts[class]), rest: folder.below(class) }
                })
            }
            (Classes::BelowSplit(skipped), _) if self.has_training_beside_splits || self.roots.is_empty() => {
                let class = self.base + skipped;
                let training = self.has_training_beside_splits.then_some(SplitName::Train);
                if class < folder.parts.len() {
                    FolderMeaning::Inside {
                        split: training,
                        class: Some(folder.parts[class]),
                        rest: folder.below(class),
                    }
                } else {
                    FolderMeaning::Outside("is in no class folder, as others are")
                }
            }
            (Classes::BelowSplit(_), _) => FolderMeaning::Outside("is in no split folder, as others are"),
        }
    }

    /// Returns the class whose training folder this is.
    pub(super) fn class_folder<'p>(&self, folder: &'p str) -> Option<&'p str> {
        match self.meaning_of(folder) {
            FolderMeaning::Inside { split: None | Some(SplitName::Train), class: Some(class), rest }
                if rest > folder.len() =>
            {
                Some(class)
            }
            _ => None,
        }
    }

    fn split_of(&self, folder: &FolderPath, index: usize) -> Option<SplitName> {
        let beside = || sibling_split(&self.siblings, folder, index);
        split_names::parse_exactly(folder.parts[index])
            .or_else(|| if self.siblings.is_empty() { None } else { beside() })
    }

    fn resolve_evaluation_split(&self, split: SplitName) -> SplitName {
        if split == SplitName::Evaluation && self.evaluation_tests { SplitName::Test } else { split }
    }
}

/// Returns the depth of classes with the splits inside them; `None` if the folders above the splits are no classes.
fn depth_above(roots: &BTreeMap<&str, BTreeSet<SplitName>>) -> Option<usize> {
    let training = roots.values().filter(|splits| splits.contains(&SplitName::Train)).count();
    let above: Vec<FolderPath> = roots.keys().map(|root| FolderPath::new(root)).collect();
    let depth = shared_depth(&above);
    (training > 1 && above.iter().all(|root| root.parts.len() > depth)).then_some(depth)
}

/// Returns the split that a name states beside others, or within a folder of the same name.
fn sibling_split(
    siblings: &HashMap<(String, String), SplitName>,
    folder: &FolderPath,
    index: usize,
) -> Option<SplitName> {
    let name = folder.parts[index];
    let repeated = || index.checked_sub(1).filter(|above| folder.parts[*above] == name);
    let known = siblings.get(&(folder.above(index).to_owned(), name.to_owned())).copied();
    known.or_else(|| folder.splits[repeated()?])
}

/// Marks the parts that state splits. Returns the names that do so only beside others: `raf_train` is a split beside
/// `raf_test`, and `train station` is none.
fn name_splits(all: &mut [FolderPath]) -> HashMap<(String, String), SplitName> {
    let mut parsed: HashMap<&str, Option<split_names::NamedSplit>> = HashMap::new();
    let mut families: HashMap<(&str, String), BTreeSet<(SplitName, &str)>> = HashMap::new();
    for folder in all.iter_mut() {
        for index in 0..folder.parts.len() {
            let name = folder.parts[index];
            let Some(named) = parsed.entry(name).or_insert_with(|| split_names::parse(name)) else { continue };
            if named.rest.is_empty() {
                folder.splits[index] = Some(named.split);
            } else {
                let family = (folder.above(index), named.rest.clone());
                families.entry(family).or_default().insert((named.split, name));
            }
        }
    }
    let mut siblings = HashMap::new();
    for ((above, _), members) in families {
        let splits: BTreeSet<SplitName> = members.iter().map(|(split, _)| *split).collect();
        if splits.len() > 1 {
            siblings.extend(members.into_iter().map(|(split, name)| ((above.to_owned(), name.to_owned()), split)));
        }
    }
    for folder in all.iter_mut().filter(|_| !siblings.is_empty()) {
        for index in 0..folder.parts.len() {
            folder.splits[index] = folder.splits[index].or_else(|| sibling_split(&siblings, folder, index));
        }
    }
    siblings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the split and the class of each folder, `-` for none and `/` for outside.
    fn places(folders: &[&str]) -> Result<String, String> {
        let structure = FolderStructure::infer(folders)?;
        let word = |folder: &&str| match structure.meaning_of(folder) {
            FolderMeaning::Outside(_) => "/".to_owned(),
            FolderMeaning::Inside { split, class, .. } => {
                let split = split.map_or("-".into(), |split| format!("{split:?}").to_lowercase());
                format!("{split}:{}", class.unwrap_or("-"))
            }
        };
        Ok(folders.iter().map(word).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn folders_get_their_meaning_in_every_nesting() {
        let table: [(&[&str], &str); 25] = [
            (&["train/a", "train/b", "test/a"], "train:a train:b test:a"),
            (&["x/y/train/a", "x/y/test/a"], "train:a test:a"),
            (&["train/train/a", "test/test/a"], "train:a test:a"),
            (&["train/images/a", "train/images/b", "val/images/a"], "train:a train:b validation:a"),
            (&["images/train/a", "images/test/b"], "train:a test:b"),
            (&["train/train_images/a", "test/test_images/b"], "train:a test:b"),
            (&["a/train", "a/test", "b/train", "b/test"], "train:a test:a train:b test:b"),
            (&["x/a/train", "x/b/train", "x/a/val"], "train:a train:b validation:a"),
            (&["a", "b"], "-:a -:b"),
            (&["x/y/a", "x/y/b/c"], "-:a -:b"),
            (&["images/a", "images/b"], "-:a -:b"),
            (&["a/a", "b/b"], "-:a -:b"),
            (&["FER2013Train", "FER2013Valid", "FER2013Test"], "train:- validation:- test:-"),
            (&["raf_train/a", "raf_train/b", "raf_test/a"], "train:a train:b test:a"),
            (&["raf_train/raf_train/a", "raf_test/raf_test/a"], "train:a test:a"),
            (&["train station/1", "test tube/1", "bus"], "-:train station -:test tube -:bus"),
            (&["train/images", "valid/images"], "train:- validation:-"),
            (&["images/train", "images/val"], "train:- validation:-"),
            (&["train/a", "val/a", "eval/a"], "train:a validation:a test:a"),
            (&["train/a", "eval/a"], "train:a evaluation:a"),
            (&["Training/0", "PublicTest/0", "PrivateTest/0"], "train:0 publictest:0 privatetest:0"),
            (&["a", "b", "test/a", "test/b"], "train:a train:b test:a test:b"),
            (&["train/a", "train/b", "test/a", "extra/a", ""], "train:a train:b test:a / /"),
            (&["p/train/a", "q/test/a"], "train:a test:a"),
            (&["train/a", "test/a", "old/test/a"], "train:a test:a /"),
        ];
        for (folders, expected) in table {
            assert_eq!(places(folders).as_deref(), Ok(expected), "{folders:?}");
        }
        assert!(places(&["test/a", "val/a"]).expect_err("no training").contains("training"));
        let several = places(&["a/train/x", "b/train/x"]).expect_err("two");
        assert!(several.contains("'a' and 'b'"), "{several}");
        assert_eq!(places(&[""]).as_deref(), Ok("-:-"));
    }

    #[test]
    fn a_class_folder_without_images_has_its_class() {
        let structure = FolderStructure::infer(&["x/train/a", "x/test/a"]).expect("a dataset");
        let table =
            [("x/train/b", Some("b")), ("x/test/b", None), ("x/train", None), ("x", None), ("x/train/b/c", None)];
        for (folder, expected) in table {
            assert_eq!(structure.class_folder(folder), expected, "{folder}");
        }
    }
}
