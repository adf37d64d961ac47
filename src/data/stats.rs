//! Statistics of a dataset that follow from its classes' counts.

use super::manifest::ClassCounts;
use crate::domain::Split;

/// The distribution of a dataset's images over its classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// An entry per class, in label order.
    pub classes: Vec<ClassShare>,
    /// Images of the largest class over images of the smallest, in training and validation together; infinite if the
    /// smallest is empty.
    pub imbalance: f64,
}

/// A class's part of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassShare {
    /// The class's name.
    pub name: String,
    /// The number of images in training, validation and test, in the order of [`Split::ALL`].
    pub counts: [usize; 3],
    /// The counts as percentages of their split; 0 in an empty split.
    pub percentages: [f64; 3],
}

impl Distribution {
    /// Returns counts and percentages by class and split, and the imbalance ratio.
    #[must_use]
    pub fn of(classes: &[ClassCounts]) -> Self {
        let totals = Split::ALL.map(|split| classes.iter().map(|class| class.counts.get(split)).sum::<usize>());
        let classes: Vec<ClassShare> = classes
            .iter()
            .map(|class| {
                let counts = Split::ALL.map(|split| class.counts.get(split));
                let percentages = std::array::from_fn(|i| 100.0 * ratio(counts[i], totals[i].max(1)));
                ClassShare { name: class.name.clone(), counts, percentages }
            })
            .collect();
        let learned = classes.iter().map(|class| class.counts[0] + class.counts[1]);
        let (largest, smallest) = (learned.clone().max().unwrap_or(0), learned.min().unwrap_or(0));
        Self { classes, imbalance: if smallest == 0 { f64::INFINITY } else { ratio(largest, smallest) } }
    }
}

#[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::writer::tests::manifest_of;

    #[test]
    fn percentages_are_of_the_split_and_imbalance_is_of_what_is_learned() {
        let manifest = manifest_of(&[("big", [60, 20, 3]), ("small", [20, 0, 1])]);
        let distribution = Distribution::of(&manifest.classes);
        let rounded = distribution.classes[0].percentages.map(|share| format!("{share:.3}"));
        assert_eq!(rounded, ["75.000", "100.000", "75.000"]);
        assert!((distribution.imbalance - 4.0).abs() < 1e-12);
        let empty = manifest_of(&[("big", [60, 20, 0]), ("none", [0, 0, 0])]);
        assert!(Distribution::of(&empty.classes).imbalance.is_infinite());
        assert_eq!(Distribution::of(&empty.classes).classes[0].percentages[2].to_bits(), 0.0_f64.to_bits());
    }
}
