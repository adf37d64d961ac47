//! The choice of the Train form: one strategy, or all four in order.

use super::{Hyperparameter, Recipe, Strategy};

/// A strategy, or all four in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StrategyChoice {
    /// A single run.
    One(Strategy),
    /// Four runs: `cnn`, `deep`, then `features`, then `finetune` from its best weights.
    All,
}

impl StrategyChoice {
    /// Every choice, in the order of the form.
    pub const EACH: [Self; 5] = [
        Self::One(Strategy::Cnn),
        Self::One(Strategy::Deep),
        Self::One(Strategy::Features),
        Self::One(Strategy::Finetune),
        Self::All,
    ];

    /// Returns the name in forms.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::One(strategy) => strategy.name(),
            Self::All => "all four",
        }
    }

    /// Returns the strategies to train, in order.
    pub fn strategies(self) -> impl Iterator<Item = Strategy> {
        Strategy::ALL.into_iter().filter(move |strategy| self == Self::All || self == Self::One(*strategy))
    }

    /// Returns whether the form offers the setting. With all four strategies, each has its own network, learning rates
    /// and schedule.
    #[must_use]
    pub fn has(self, setting: Hyperparameter) -> bool {
        let own = [
            Hyperparameter::Network,
            Hyperparameter::LearningRate,
            Hyperparameter::BaseLearningRate,
            Hyperparameter::Schedule,
            Hyperparameter::Crop,
            Hyperparameter::Standardize,
        ];
        match self {
            Self::One(strategy) => setting.is_of(strategy),
            Self::All => !own.contains(&setting),
        }
    }

    /// Returns the settings that the form offers, in order.
    pub fn settings(self) -> impl Iterator<Item = Hyperparameter> {
        Hyperparameter::ALL.into_iter().filter(move |setting| self.has(*setting))
    }

    /// Returns a recipe with every setting of the choice, for trying values.
    #[must_use]
    pub fn sample(self) -> Recipe {
        Recipe::sample(match self {
            Self::One(strategy) => strategy,
            Self::All => Strategy::Finetune,
        })
    }

    /// Returns the default of a setting; `None` if each strategy has its own.
    #[must_use]
    pub fn default_of(self, setting: Hyperparameter) -> Option<String> {
        let strategies = self.strategies().filter(|strategy| setting.is_of(*strategy));
        let mut defaults: Vec<String> = strategies.map(|strategy| setting.get(&Recipe::sample(strategy))).collect();
        defaults.dedup();
        if defaults.len() > 1 { None } else { defaults.pop() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_in_a_row_share_all_but_their_learning_rates_and_schedules() {
        let all: Vec<&str> = StrategyChoice::All.settings().map(Hyperparameter::name).collect();
        assert_eq!(all.len(), Hyperparameter::ALL.len() - 6);
        assert!(!all.iter().any(|name| name.contains("learning-rate") || *name == "schedule"));
        for strategy in Strategy::ALL {
            let one: Vec<Hyperparameter> = StrategyChoice::One(strategy).settings().collect();
            assert_eq!(one, Hyperparameter::of(strategy).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_default_is_returned_where_there_is_one() {
        for strategy_choice in StrategyChoice::EACH {
            for setting in strategy_choice.settings() {
                let default = strategy_choice.default_of(setting);
                let defaults: Vec<String> = strategy_choice
                    .strategies()
                    .filter(|one| setting.is_of(*one))
                    .map(|one| setting.get(&Recipe::sample(one)))
                    .collect();
                let differs = defaults.iter().any(|default| *default != defaults[0]);
                assert_eq!(default.is_none(), differs, "{} {}", strategy_choice.name(), setting.name());
                if let Some(text) = default {
                    setting.set(&mut strategy_choice.sample(), &text).expect("accepted");
                }
            }
        }
    }
}
