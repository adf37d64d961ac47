//! The number of images and pictures that each finding concerns.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Findings;
use crate::data::manifest::{ClassCounts, Manifest, Place};
use crate::domain::number_text::{count, thousands};
use crate::domain::text::printable;
use crate::domain::{Split, SplitCounts};

/// The fewest images of a class in a split that are not reported as few. With fewer, one image is over a tenth of it.
pub const MIN_CLASS_IMAGES: usize = 10;

/// The shortest side in pixels that is not reported as tiny.
pub const SMALLEST_SIDE: u32 = 24;

/// Images that have a copy in another split, which training or the choice of an epoch then knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CrossSplitCopies {
    /// Training images with a copy in the test split.
    pub train_in_test: usize,
    /// Training images with a copy in the validation split.
    pub train_in_validation: usize,
    /// Training images with a copy in either: fewer than both together, where an image is in both.
    pub train_in_either: usize,
    /// Validation images with a copy in the test split.
    pub validation_in_test: usize,
}

/// The copies of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CopyCounts {
    /// Pictures that several images show; of near copies, pairs of pictures.
    pub pictures: usize,
    /// Images that show one of these pictures; of near copies, one image of each picture, here and below.
    pub images: usize,
    /// Images beyond the first of each picture; of near copies, images with a near copy before them.
    pub copies: usize,
    /// Images with a copy in another split.
    pub crossings: CrossSplitCopies,
    /// Pictures of which two images have different labels.
    pub contradicting_pictures: usize,
    /// Images of these pictures.
    pub contradicting_images: usize,
}

/// The counts of all findings about the pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FindingCounts {
    /// Images with equal pixels.
    pub exact: CopyCounts,
    /// Images that are near copies of others.
    pub near: CopyCounts,
    /// Images of a single value, by split.
    pub constant: SplitCounts,
}

impl FindingCounts {
    /// Returns the counts of the findings, with the split and the class of each image by its position in the dataset.
    #[must_use]
    pub fn of(findings: &Findings, places: &[Place]) -> Self {
        let place = |at: &u32| places[*at as usize];
        let mut constant = SplitCounts::default();
        for split in findings.constant.iter().map(|at| place(at).split) {
            *constant.get_mut(split) += 1;
        }
        Self { exact: exact(findings, places), near: near(findings, places), constant }
    }

    /// Returns each finding in few words, the gravest first: `636 train images in test`. Empty without any.
    #[must_use]
    pub fn parts(&self) -> Vec<String> {
        let Self { exact, near, constant } = self;
        let parts = [
            (exact.crossings.train_in_test, "train image in test", "train images in test"),
            (exact.contradicting_pictures, "contradicting label", "contradicting labels"),
            (exact.copies, "exact copy", "exact copies"),
            (near.pictures, "near pair", "near pairs"),
            (constant.total(), "constant image", "constant images"),
        ];
        let found = parts.into_iter().filter(|(number, ..)| *number > 0);
        found.map(|(number, one, many)| count(number, one, many)).collect()
    }
}

fn exact(findings: &Findings, places: &[Place]) -> CopyCounts {
    let mut counts = CopyCounts { pictures: findings.exact.len(), ..CopyCounts::default() };
    for group in &findings.exact {
        let group: Vec<Place> = group.iter().map(|at| places[*at as usize]).collect();
        counts.images += group.len();
        counts.copies += group.len() - 1;
        if group.iter().any(|place| place.label != group[0].label) {
            counts.contradicting_pictures += 1;
            counts.contradicting_images += group.len();
        }
        let splits: BTreeSet<Split> = group.iter().map(|place| place.split).collect();
        group.iter().for_each(|place| count_cross_split(&mut counts.crossings, place.split, &splits));
    }
    counts
}

fn near(findings: &Findings, places: &[Place]) -> CopyCounts {
    let mut others: BTreeMap<u32, BTreeSet<Split>> = BTreeMap::new();
    let mut counts = CopyCounts { pictures: findings.near.len(), ..CopyCounts::default() };
    let (mut later, mut contradicting) = (BTreeSet::new(), BTreeSet::new());
    for pair in &findings.near {
        let (first, second) = (places[pair.first as usize], places[pair.second as usize]);
        others.entry(pair.first).or_default().insert(second.split);
        others.entry(pair.second).or_default().insert(first.split);
        later.insert(pair.second);
        if first.label != second.label {
            counts.contradicting_pictures += 1;
            contradicting.extend([pair.first, pair.second]);
        }
    }
    (counts.images, counts.copies, counts.contradicting_images) = (others.len(), later.len(), contradicting.len());
    for (at, splits) in &others {
        count_cross_split(&mut counts.crossings, places[*at as usize].split, splits);
    }
    counts
}

/// Counts an image of this split with copies in these splits.
fn count_cross_split(crossings: &mut CrossSplitCopies, split: Split, copies: &BTreeSet<Split>) {
    let (validation, test) = (copies.contains(&Split::Validation), copies.contains(&Split::Test));
    match split {
        Split::Train => {
            crossings.train_in_test += usize::from(test);
            crossings.train_in_validation += usize::from(validation);
            crossings.train_in_either += usize::from(test || validation);
        }
        Split::Validation => crossings.validation_in_test += usize::from(test),
        Split::Test => {}
    }
}

/// Classes that are each named in a line of their own; more are counted.
const MAX_NAMED_CLASSES: usize = 3;

/// Returns the findings about a dataset's classes and sizes, as sentences that are safe to print. They name splits
/// without images, classes without or with few images in a split, and tiny images.
#[must_use]
pub fn class_findings(manifest: &Manifest) -> Vec<String> {
    let mut found = Vec::new();
    let counts = manifest.counts();
    for split in Split::ALL {
        if counts.get(split) == 0 {
            found.push(format!("there are no {split} images"));
            continue;
        }
        let of = |class: &ClassCounts| (printable(&class.name), class.counts.get(split));
        let all = || manifest.classes.iter().map(of);
        let none: Vec<(String, usize)> = all().filter(|(_, images)| *images == 0).collect();
        let few: Vec<(String, usize)> = all().filter(|(_, images)| (1..MIN_CLASS_IMAGES).contains(images)).collect();
        let many = |number: usize| format!("{split} {}", if number == 1 { "image" } else { "images" });
        found.extend(name_or_count(&none, |_| format!("no {split} images"), &format!("no {split} images")));
        let each = |images| format!("only {} {}", thousands(images), many(images));
        found.extend(name_or_count(&few, each, &format!("fewer than {MIN_CLASS_IMAGES} {split} images")));
    }
    let image = manifest.image;
    if image.width.min(image.height) < SMALLEST_SIDE {
        found.push(format!("the images are tiny: {}×{} pixels", image.width, image.height));
    }
    found
}

/// Returns a sentence for each of a few classes, or one for many: `12 classes have no test images, such as fear`.
fn name_or_count(classes: &[(String, usize)], each: impl Fn(usize) -> String, all: &str) -> Vec<String> {
    match classes {
        [(first, _), ..] if classes.len() > MAX_NAMED_CLASSES => {
            vec![format!("{} classes have {all}, such as {first}", thousands(classes.len()))]
        }
        _ => classes.iter().map(|(name, images)| format!("{name} has {}", each(*images))).collect(),
    }
}
