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

    /// Returns these limits after changes.
    #[must_use]
    pub fn changed(self, changes: LimitChanges) -> Self {
        let LimitChanges { epochs, patience } = changes;
        Self { epochs: epochs.apply(self.epochs), patience: patience.apply(self.patience) }
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

/// A change of one limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LimitChange {
    /// The limit stays.
    #[default]
    Keep,
    /// The limit is replaced.
    To(u32),
    /// The limit grows by this number, or falls if it is negative.
    By(i64),
}

impl LimitChange {
    /// Parses a change: `80` replaces the limit, `+10` and `-10` change it, `same` keeps it. Returns `None` for
    /// another text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == Self::SAME {
            return Some(Self::Keep);
        }
        let (sign, digits) = match text.split_at_checked(1) {
            Some(("+", digits)) => (Some(1), digits),
            Some(("-", digits)) => (Some(-1), digits),
            _ => (None, text),
        };
        // The parser of numbers accepts a sign of its own.
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = digits.parse::<u32>().ok()?;
        Some(sign.map_or(Self::To(number), |sign| Self::By(sign * i64::from(number))))
    }

    /// The text that keeps a limit.
    pub const SAME: &str = "same";

    /// Returns the limit after this change: at least 0, so that a limit below its range is refused and not bent.
    fn apply(self, limit: u32) -> u32 {
        match self {
            Self::Keep => limit,
            Self::To(number) => number,
            Self::By(number) => u32::try_from((i64::from(limit) + number).max(0)).unwrap_or(u32::MAX),
        }
    }
}

/// Changes of the limits of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitChanges {
    /// The change of the largest number of epochs.
    pub epochs: LimitChange,
    /// The change of the patience in epochs.
    pub patience: LimitChange,
}

impl LimitChanges {
    /// No change.
    pub const NONE: Self = Self { epochs: LimitChange::Keep, patience: LimitChange::Keep };
}

impl From<Limits> for LimitChanges {
    fn from(Limits { epochs, patience }: Limits) -> Self {
        Self { epochs: LimitChange::To(epochs), patience: LimitChange::To(patience) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_held_to_the_ranges_of_the_settings_they_stand_for() {
        let limits = Limits::of(&Recipe::sample(Strategy::Cnn));
        assert_eq!(limits, Limits { epochs: 50, patience: 10 });
        assert_eq!(limits.check(), Ok(()));
        let refused = |epochs, patience| Limits { epochs, patience }.check().expect_err("out of range").setting();
        assert_eq!(refused(0, 10), Hyperparameter::Epochs);
        assert_eq!(refused(50, 1_001), Hyperparameter::Patience);
    }

    #[test]
    fn a_limit_is_replaced_or_changed_by_a_number() {
        let limits = Limits { epochs: 50, patience: 10 };
        let table = [("80", Some(80)), ("+10", Some(60)), ("-5", Some(45)), ("-50", Some(0)), ("-60", Some(0))];
        let words = [("same", Some(50)), ("++5", None), ("-+5", None), ("+", None), ("", None), ("1.5", None)];
        for (text, expected) in table.into_iter().chain(words).chain([("99999999999", None)]) {
            let changed = LimitChange::parse(text)
                .map(|epochs| limits.changed(LimitChanges { epochs, patience: LimitChange::Keep }));
            assert_eq!(changed, expected.map(|epochs| Limits { epochs, patience: 10 }), "{text}");
        }
        assert_eq!(Limits { epochs: 1, patience: 1 }.changed(limits.into()), limits);
        assert_eq!(limits.changed(LimitChanges::NONE), limits);
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
