//! The limits of a run's length: the two settings that can change while it runs.

use serde::{Deserialize, Serialize};

use super::hyperparameter::Patience;
use super::{Hyperparameter, Recipe, SettingError, Strategy};

/// The limits in force. A run begins with its recipe's limits; the recipe itself never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The largest number of epochs. Below the current epoch, the run ends after that epoch.
    pub epochs: u32,
    /// The number of epochs in a row without improvement before the run stops.
    pub patience: u32,
}

impl Limits {
    /// Returns the limits that a recipe begins with.
    #[must_use]
    pub fn of(recipe: &Recipe) -> Self {
        Self { epochs: recipe.epochs, patience: recipe.early_stopping.patience }
    }

    /// Returns these limits with the given values replaced.
    #[must_use]
    pub fn with(self, epochs: Option<u32>, patience: Option<u32>) -> Self {
        Self { epochs: epochs.unwrap_or(self.epochs), patience: patience.unwrap_or(self.patience) }
    }

    /// Returns a recipe with these limits in place of its own.
    #[must_use]
    pub fn applied_to(self, recipe: &Recipe) -> Recipe {
        let mut recipe = recipe.clone();
        (recipe.epochs, recipe.early_stopping.patience) = (self.epochs, self.patience);
        recipe
    }

    /// Checks both limits against the ranges of their settings.
    ///
    /// # Errors
    /// A [`SettingError`] about the first limit out of its range.
    pub fn check(self) -> Result<(), SettingError> {
        let mut recipe = Recipe::sample(Strategy::Cnn);
        Hyperparameter::Epochs.set(&mut recipe, &self.epochs.to_string())?;
        Hyperparameter::Patience.set(&mut recipe, &Patience(self.patience).to_string())
    }

    /// Returns whether a run may train another epoch after `epoch` epochs, the last `waited` of them without
    /// improvement.
    #[must_use]
    pub fn allow_another_epoch(self, epoch: u32, waited: u32) -> bool {
        epoch < self.epochs && waited < self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_held_to_the_ranges_of_the_settings_they_stand_for() {
        let limits = Limits::of(&Recipe::sample(Strategy::Cnn));
        assert_eq!(limits, Limits { epochs: 50, patience: 10 });
        assert_eq!(limits.with(Some(7), None), Limits { epochs: 7, patience: 10 });
        assert_eq!(limits.check(), Ok(()));
        assert!(limits.with(Some(0), None).check().is_err_and(|error| error.setting() == Hyperparameter::Epochs));
        assert!(limits.with(None, Some(1_001)).check().is_err_and(|error| error.setting() == Hyperparameter::Patience));
    }

    #[test]
    fn more_is_left_while_neither_limit_is_reached() {
        let limits = Limits { epochs: 5, patience: 2 };
        assert!(limits.allow_another_epoch(4, 1));
        assert!(
            !limits.allow_another_epoch(5, 0) && !limits.allow_another_epoch(3, 2) && !limits.allow_another_epoch(9, 0)
        );
    }
}
