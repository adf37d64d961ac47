//! The published scores that three strategies reproduce, on the whole test split of FER-2013.

use super::{Recipe, SplitCounts, Strategy};

/// Published accuracy and macro averages.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ReferenceScores {
    /// The share of test images predicted correctly.
    pub accuracy: f64,
    /// Macro-averaged precision.
    pub precision: f64,
    /// Macro-averaged recall.
    pub recall: f64,
    /// Macro-averaged F1.
    pub f1: f64,
}

/// Training, validation and test images of FER-2013 in the reference's split.
const FER_2013: SplitCounts = SplitCounts { train: 25_841, validation: 2_868, test: 7_178 };

/// Returns the published scores of a recipe's strategy. Returns `None` for a network that is not the strategy's own,
/// and for other image counts than those of FER-2013.
#[must_use]
pub fn reference(recipe: &Recipe, images: SplitCounts, classes: usize) -> Option<ReferenceScores> {
    let [accuracy, precision, recall, f1] = match recipe.strategy {
        Strategy::Cnn => [0.5391, 0.5204, 0.4806, 0.4878],
        Strategy::Deep => return None,
        Strategy::Features => [0.6226, 0.6256, 0.5436, 0.5495],
        Strategy::Finetune => [0.6226, 0.6208, 0.5473, 0.5554],
    };
    let same = recipe.network.is_none() && images == FER_2013 && classes == 7;
    same.then_some(ReferenceScores { accuracy, precision, recall, f1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::NetworkName;

    #[test]
    fn only_the_published_network_on_the_published_images_has_published_figures() {
        let mut recipe = Recipe::sample(Strategy::Cnn);
        assert!(reference(&recipe, FER_2013, 7).is_some_and(|scores| scores.accuracy > 0.5));
        assert_eq!(reference(&recipe, SplitCounts { test: 1, ..FER_2013 }, 7), None);
        let other = NetworkName::from_scratch().find(|name| *name != NetworkName::CNN).expect("another");
        recipe.set_network(other);
        assert_eq!(reference(&recipe, FER_2013, 7), None);
    }
}
