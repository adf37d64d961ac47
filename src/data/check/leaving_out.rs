//! The training images that a run leaves out because of findings.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Findings;
use crate::data::manifest::Place;
use crate::domain::{LeftOutImages, Split};

/// A kind of training images to leave out. Of equal images, one in the test split stays before one in validation, and
/// that before one in training; of those in training, the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exclusion {
    /// Images with an exact copy in the validation or the test split.
    Leaks,
    /// Images with an exact copy that stays.
    Duplicates,
    /// Images with an exact or near copy in the validation or the test split.
    NearLeaks,
    /// Images with an exact or near copy that stays.
    NearDuplicates,
    /// Images whose exact copies have another label, because nothing decides which label is right.
    Contradictions,
    /// Images of a single value.
    Constant,
}

impl Exclusion {
    /// All kinds in the order of the help.
    pub const ALL: [Self; 6] =
        [Self::Leaks, Self::Duplicates, Self::NearLeaks, Self::NearDuplicates, Self::Contradictions, Self::Constant];

    /// Returns the name in commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leaks => "leaks",
            Self::Duplicates => "duplicates",
            Self::NearLeaks => "near-leaks",
            Self::NearDuplicates => "near-duplicates",
            Self::Contradictions => "contradictions",
            Self::Constant => "constant",
        }
    }
}

/// The copies by which a training image is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CopyKind {
    Exact,
    ExactOrNear,
}

/// The splits whose copies are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SearchedSplits {
    ValidationAndTest,
    All,
}

impl Findings {
    /// Returns the training images to leave out of a dataset whose images have these places, by position.
    #[must_use]
    pub fn left_out(&self, which: Exclusion, places: &[Place]) -> LeftOutImages {
        let found: Vec<u32> = match which {
            Exclusion::Leaks => self.copies(CopyKind::Exact, SearchedSplits::ValidationAndTest, places),
            Exclusion::Duplicates => self.copies(CopyKind::Exact, SearchedSplits::All, places),
            Exclusion::NearLeaks => self.copies(CopyKind::ExactOrNear, SearchedSplits::ValidationAndTest, places),
            Exclusion::NearDuplicates => self.copies(CopyKind::ExactOrNear, SearchedSplits::All, places),
            Exclusion::Contradictions => {
                let label = |at: &u32| places[*at as usize].label;
                let contradicting = |group: &&Vec<u32>| group.iter().any(|at| label(at) != label(&group[0]));
                self.exact.iter().filter(contradicting).flatten().copied().collect()
            }
            Exclusion::Constant => self.constant.clone(),
        };
        let in_training = found.into_iter().map(|at| places[at as usize]).filter(|place| place.split == Split::Train);
        LeftOutImages::new(in_training.map(|place| place.index).collect(), Vec::new())
    }

    /// Returns the positions of the training images with a copy of this kind that stays in one of these splits.
    fn copies(&self, kind: CopyKind, splits: SearchedSplits, places: &[Place]) -> Vec<u32> {
        let groups = self.groups(kind);
        let mut neighbours: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        if kind == CopyKind::ExactOrNear {
            for pair in &self.near {
                neighbours.entry(pair.first).or_default().push(pair.second);
                neighbours.entry(pair.second).or_default().push(pair.first);
            }
        }
        let (mut left_out, mut kept) = (Vec::new(), BTreeSet::new());
        for (picture, own) in ordered(&groups, places) {
            let around = neighbours.get(&picture).into_iter().flatten();
            let pictures: Vec<u32> = std::iter::once(picture).chain(around.copied()).collect();
            let held_out = |at: &u32| places[*at as usize].split != Split::Train;
            let leaks = pictures.iter().any(|picture| groups[picture].iter().any(held_out));
            let repeats = splits == SearchedSplits::All && pictures.iter().any(|picture| kept.contains(picture));
            if leaks || repeats {
                left_out.push(own);
            } else {
                kept.insert(picture);
            }
        }
        left_out
    }

    /// Returns the images by the first position of their picture: those with copies, and of near ones those of pairs.
    fn groups(&self, kind: CopyKind) -> BTreeMap<u32, Vec<u32>> {
        let mut groups: BTreeMap<u32, Vec<u32>> = self.exact.iter().map(|group| (group[0], group.clone())).collect();
        if kind == CopyKind::ExactOrNear {
            for at in self.near.iter().flat_map(|pair| [pair.first, pair.second]) {
                groups.entry(at).or_insert_with(|| vec![at]);
            }
        }
        groups
    }
}

/// Returns the training images of these groups in the order of the training split, each with its picture.
fn ordered(groups: &BTreeMap<u32, Vec<u32>>, places: &[Place]) -> Vec<(u32, u32)> {
    let images = groups.iter().flat_map(|(picture, group)| group.iter().map(|own| (*picture, *own)));
    let mut found: Vec<(u32, u32)> = images.filter(|(_, own)| places[*own as usize].split == Split::Train).collect();
    found.sort_unstable_by_key(|(_, own)| places[*own as usize].index);
    found
}
