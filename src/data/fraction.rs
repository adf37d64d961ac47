//! The training images of a run: those that it does not leave out, and a fraction of each class.

use std::collections::BTreeMap;

use crate::domain::{Recipe, fraction};

/// Returns the indices of the images that a recipe trains, ascending, among `count` training images. `label` returns
/// the class of an image. A smaller fraction is a part of a larger one. It is the same for every seed: otherwise the
/// images of seeds would differ, too.
///
/// # Panics
/// If there are 2³² images or more.
pub fn trained_images(recipe: &Recipe, count: usize, label: impl Fn(usize) -> usize) -> Vec<u32> {
    let kept = recipe.left_out.remaining_indices(count);
    if fraction::is_whole(recipe.fraction) {
        return kept;
    }
    let mut classes: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for index in kept {
        classes.entry(label(index as usize)).or_default().push(index);
    }
    let part = |mut images: Vec<u32>| {
        images.sort_by_key(|index| scattered(u64::from(*index)));
        images.truncate(fraction::part(images.len(), recipe.fraction));
        images
    };
    let mut trained: Vec<u32> = classes.into_values().flat_map(part).collect();
    trained.sort_unstable();
    trained
}

/// Returns a number that looks random and is different for each argument: the finalizer of `SplitMix64` (Steele, Lea &
/// Flood 2014, <https://doi.org/10.1145/2660193.2660195>).
fn scattered(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LeftOutImages, Strategy};

    fn recipe(fraction: f64) -> Recipe {
        Recipe { fraction, ..Recipe::sample(Strategy::Cnn) }
    }

    #[test]
    fn a_fraction_is_of_each_class_nested_and_without_left_out_images() {
        let label = |index: usize| usize::from(index >= 900) + usize::from(index >= 997);
        let of = |fraction: f64| trained_images(&recipe(fraction), 1_000, label);
        assert_eq!(of(1.0).len(), 1_000);
        let per_class = |images: &[u32]| {
            [0, 1, 2].map(|class| images.iter().filter(|index| label(**index as usize) == class).count())
        };
        assert_eq!(per_class(&of(0.1)), [90, 10, 1], "at least one of each class");
        assert_eq!(per_class(&of(0.5)), [450, 49, 2]);
        let (small, large) = (of(0.1), of(0.3));
        assert!(small.iter().all(|index| large.contains(index)) && small.is_sorted());
        // Not the first images of a class, which may be of one person.
        assert!(small.iter().any(|index| *index > 450) && small.iter().any(|index| *index < 450));
        let without = LeftOutImages::new((0..450).collect(), Vec::new());
        let images = trained_images(&Recipe { left_out: without, ..recipe(0.1) }, 1_000, label);
        assert_eq!((per_class(&images), images[0] >= 450), ([45, 10, 1], true));
    }
}
