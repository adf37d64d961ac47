//! Named sets of settings that fill the form.

use super::super::{Form, FormChoices};
use crate::domain::{Hyperparameter, Strategy, StrategyChoice};

/// The settings that presets leave unchanged.
const UNCHANGED: [Hyperparameter; 2] = [Hyperparameter::Seed, Hyperparameter::Device];

/// A named set of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// The defaults.
    Default,
    /// The settings of the published scores: Adam at a constant rate, patience 6.
    Reference,
    /// A few epochs, to check that everything works.
    Quick,
}

impl Preset {
    /// Returns the presets of a strategy choice. All four strategies have no published settings in common.
    #[must_use]
    pub fn of(strategy_choice: StrategyChoice) -> &'static [Self] {
        match strategy_choice {
            // There are no published scores of the deeper network.
            StrategyChoice::One(Strategy::Deep) | StrategyChoice::All => &[Self::Default, Self::Quick],
            StrategyChoice::One(_) => &[Self::Default, Self::Reference, Self::Quick],
        }
    }

    /// Returns the name on the screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Reference => "reference",
            Self::Quick => "quick",
        }
    }

    /// Returns the purpose in words.
    #[must_use]
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Default => "the default settings",
            Self::Reference => "as for the published scores",
            Self::Quick => "a few epochs, to check that everything works",
        }
    }

    /// Returns the preset's settings that are not defaults.
    fn settings(self, strategy_choice: StrategyChoice) -> Vec<(Hyperparameter, &'static str)> {
        use Hyperparameter as H;
        let published =
            [(H::Epochs, "50"), (H::Schedule, "constant"), (H::Patience, "6"), (H::Augmentation, "reference")];
        let own: &[(H, &'static str)] = match (self, strategy_choice) {
            (Self::Default, _) => return Vec::new(),
            (Self::Quick, _) => return vec![(H::Epochs, "3"), (H::Patience, "3")],
            (Self::Reference, StrategyChoice::One(Strategy::Cnn)) => {
                &[(H::BatchSize, "32"), (H::LearningRate, "0.001")]
            }
            (Self::Reference, StrategyChoice::One(Strategy::Features)) => {
                &[(H::Size, "224"), (H::Variants, "0"), (H::BatchSize, "64"), (H::LearningRate, "0.001")]
            }
            (Self::Reference, _) => &[(H::Unfreeze, "block5"), (H::BatchSize, "64"), (H::LearningRate, "0.00001")],
        };
        published.iter().chain(own).copied().filter(|(setting, _)| strategy_choice.has(*setting)).collect()
    }
}

impl Form {
    /// Fills the form with a preset; seed and device stay as they are, and for a quick check the corrections, too.
    pub fn apply_preset(&mut self, preset: Preset, choices: &FormChoices<'_>) {
        for setting in self.strategy_choice.settings().filter(|setting| !UNCHANGED.contains(setting)) {
            self.typed.remove(&(self.strategy_choice, setting));
        }
        for (setting, value) in preset.settings(self.strategy_choice) {
            self.set_text(setting, value);
        }
        self.drop_defaults(choices);
        self.repeated = None;
        if preset != Preset::Quick {
            self.correction_choice = None;
        }
    }

    /// Returns the preset after that of the form; the first where it has none.
    #[must_use]
    pub fn next_preset(&self, choices: &FormChoices<'_>) -> Preset {
        let presets = Preset::of(self.strategy_choice);
        let here = presets.iter().position(|preset| self.matches_preset(*preset, choices));
        presets[here.map_or(0, |here| (here + 1) % presets.len())]
    }

    /// Returns whether the form has exactly the settings of a preset.
    fn matches_preset(&self, preset: Preset, choices: &FormChoices<'_>) -> bool {
        let own = preset.settings(self.strategy_choice);
        self.strategy_choice.settings().filter(|setting| !UNCHANGED.contains(setting)).all(|setting| {
            let wanted = own.iter().find(|(known, _)| *known == setting).map(|(_, value)| (*value).to_owned());
            let wanted = wanted.or_else(|| self.default_of(setting, choices)).unwrap_or_default();
            self.value(setting, choices).text().trim() == wanted
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_accepted_by_its_settings() {
        for strategy_choice in StrategyChoice::EACH {
            for preset in Preset::of(strategy_choice) {
                for (setting, value) in preset.settings(strategy_choice) {
                    let mut recipe = strategy_choice.sample();
                    setting.set(&mut recipe, value).unwrap_or_else(|error| panic!("{error}"));
                    assert_eq!(setting.get(&recipe), value, "written as the form reads it back");
                }
            }
        }
    }
}
