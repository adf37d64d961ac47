//! Many runs from one command: every combination of the given values of some settings.

use std::ops::RangeInclusive;

use super::text::printable;
use super::{DataFold, Hyperparameter, Recipe, SettingError, StrategyChoice};

/// The most runs of one command: each occupies a waiting process.
pub const MAX_RUNS: usize = 200;

/// The reason why values yield no runs. Every text is safe to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// The text has no `=`.
    #[error("'{0}' sets nothing: give a setting and its values, such as learning-rate=1e-3,2e-3")]
    NoValues(String),
    /// No setting has this name.
    #[error("'{given}' is not a setting here: use {known}")]
    Unknown {
        /// The given name.
        given: String,
        /// The available settings.
        known: String,
    },
    /// A setting rejects one of the values.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A setting rejects a value of a list.
    #[error("{error}, in '{list}': a comma separates values, and decimals have a point")]
    InList {
        /// The rejected value.
        error: SettingError,
        /// The list.
        list: String,
    },
    /// A range has ends that are not whole numbers.
    #[error("'{0}' is not a range of whole numbers: list the values, as in 0.1,0.2")]
    NotWhole(String),
    /// A range descends.
    #[error("'{0}' is not a range: the smaller number comes first, as in 1..5")]
    Range(String),
    /// A setting is given twice.
    #[error("{0} is given twice: give all of its values in one list, such as 1,2,3")]
    Twice(&'static str),
    /// A value is given twice.
    #[error("{setting} has the value {value} twice: give each value once")]
    Repeated {
        /// The setting.
        setting: &'static str,
        /// The value.
        value: String,
    },
    /// The values yield more than [`MAX_RUNS`] runs.
    #[error("{0} runs are more than the {MAX_RUNS} that one command begins: give fewer values")]
    TooMany(u64),
}

/// Settings with their values, of which every combination is one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sweep {
    settings: Vec<(Hyperparameter, Vec<String>)>,
}

impl Sweep {
    /// Returns the sweep over these settings, each with a list of values such as `1,2,3` or `1..3`.
    ///
    /// # Errors
    /// A [`SweepError`] about the first wrong setting, or about all together.
    pub fn new(strategy_choice: StrategyChoice, given: &[(Hyperparameter, String)]) -> Result<Self, SweepError> {
        let mut settings: Vec<(Hyperparameter, Vec<String>)> = Vec::new();
        for (setting, text) in given {
            if settings.iter().any(|(known, _)| known == setting) {
                return Err(SweepError::Twice(setting.name()));
            }
            settings.push((*setting, values(strategy_choice, *setting, text)?));
        }
        // Runs that differ only in the seed are adjacent, because sorting is stable.
        settings.sort_by_key(|(setting, _)| *setting == Hyperparameter::Seed);
        let sweep = Self { settings };
        match sweep.runs() {
            runs if runs > MAX_RUNS as u64 => Err(SweepError::TooMany(runs)),
            _ => Ok(sweep),
        }
    }

    /// Returns the number of runs.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.settings.iter().fold(1, |runs, (_, values)| runs.saturating_mul(values.len() as u64))
    }

    /// Returns the settings with more than one value, the slowest-varying first.
    pub fn varied(&self) -> impl Iterator<Item = Hyperparameter> {
        self.settings.iter().filter(|(_, values)| values.len() > 1).map(|(setting, _)| *setting)
    }

    /// Writes the first value of each setting that the recipe's strategy has into `recipe`.
    ///
    /// # Errors
    /// A [`SettingError`] about the first rejected value.
    pub fn apply_first(&self, recipe: &mut Recipe) -> Result<(), SettingError> {
        let strategy = recipe.strategy;
        let mut settings = self.settings.iter().filter(|(setting, _)| setting.is_of(strategy));
        settings.try_for_each(|(setting, values)| values.first().map_or(Ok(()), |value| setting.set(recipe, value)))
    }

    /// Returns the recipes of all runs: `base` with every combination of values. The values of the last setting change
    /// fastest.
    ///
    /// # Errors
    /// A [`SettingError`] about the first rejected value.
    pub fn recipes(&self, base: &Recipe) -> Result<Vec<Recipe>, SettingError> {
        let mut recipes = vec![base.clone()];
        for (setting, values) in &self.settings {
            let with = |recipe: &Recipe, value: &String| {
                let mut recipe = recipe.clone();
                setting.set(&mut recipe, value).map(|()| recipe)
            };
            let of_each = recipes.iter().flat_map(|recipe| values.iter().map(move |value| with(recipe, value)));
            recipes = of_each.collect::<Result<_, _>>()?;
        }
        Ok(recipes)
    }
}

/// Returns each recipe in every fold of a division by `seed`. `groups` is the checksum of the dataset's groups, if they
/// are known.
///
/// # Errors
/// [`SweepError::TooMany`].
pub fn in_folds(recipes: &[Recipe], folds: u32, seed: u64, groups: Option<u32>) -> Result<Vec<Recipe>, SweepError> {
    let runs = recipes.len() as u64 * u64::from(folds);
    if runs > MAX_RUNS as u64 {
        return Err(SweepError::TooMany(runs));
    }
    let in_fold = |recipe: &Recipe, fold: DataFold| {
        let mut recipe = recipe.clone();
        recipe.set_fold(Some(DataFold { groups, ..fold }));
        recipe
    };
    let in_each = |recipe| DataFold::all(folds, seed).map(move |fold| in_fold(recipe, fold));
    Ok(recipes.iter().flat_map(in_each).collect())
}

/// Parses `NAME=VALUES` into the setting and its values.
///
/// # Errors
/// A [`SweepError`], also about a rejected value.
pub fn named(strategy_choice: StrategyChoice, typed: &str) -> Result<(Hyperparameter, String), SweepError> {
    let (name, text) = typed.split_once('=').ok_or_else(|| SweepError::NoValues(printable(typed)))?;
    let name = name.trim();
    if let Some(setting) = strategy_choice.settings().find(|setting| setting.name() == name) {
        values(strategy_choice, setting, text)?;
        return Ok((setting, text.to_owned()));
    }
    let foreign = Hyperparameter::ALL.into_iter().find(|setting| setting.name() == name);
    if let (Some(setting), StrategyChoice::One(strategy)) = (foreign, strategy_choice) {
        return Err(SettingError::Foreign { setting, strategy }.into());
    }
    let known: Vec<&str> = strategy_choice.settings().map(Hyperparameter::name).collect();
    Err(SweepError::Unknown { given: printable(name), known: known.join(", ") })
}

/// Parses a list such as `1,2,5..8` into distinct values that the setting accepts.
///
/// # Errors
/// A [`SweepError`] about the first wrong value.
pub fn values(strategy_choice: StrategyChoice, setting: Hyperparameter, text: &str) -> Result<Vec<String>, SweepError> {
    let mut found: Vec<String> = Vec::new();
    for part in text.split(',') {
        match range(part)? {
            None => found.push(part.trim().to_owned()),
            Some(numbers) => found.extend(numbers.map(|number| number.to_string())),
        }
        if found.len() > MAX_RUNS {
            return Err(SweepError::TooMany(found.len() as u64));
        }
    }
    let mut accepted: Vec<String> = Vec::new();
    for value in &found {
        let mut recipe = strategy_choice.sample();
        setting.set(&mut recipe, value).map_err(|error| {
            if text.contains(',') { SweepError::InList { error, list: printable(text) } } else { error.into() }
        })?;
        let value = setting.get(&recipe);
        if accepted.contains(&value) {
            return Err(SweepError::Repeated { setting: setting.name(), value });
        }
        accepted.push(value);
    }
    Ok(found)
}

/// Parses `A..B`, both ends included; returns `None` for text of another form.
fn range(text: &str) -> Result<Option<RangeInclusive<u64>>, SweepError> {
    let ends = text.split_once("..").and_then(|(first, last)| {
        Some((first.trim().parse::<u64>().ok()?, last.trim_start_matches('=').trim().parse::<u64>().ok()?))
    });
    match ends {
        None if text.contains("..") => Err(SweepError::NotWhole(printable(text.trim()))),
        None => Ok(None),
        Some((first, last)) if first > last => Err(SweepError::Range(printable(text))),
        Some((first, last)) if last - first >= MAX_RUNS as u64 => {
            Err(SweepError::TooMany((last - first).saturating_add(1)))
        }
        Some((first, last)) => Ok(Some(first..=last)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Strategy;

    const CNN: StrategyChoice = StrategyChoice::One(Strategy::Cnn);

    fn sweep(given: &[(Hyperparameter, &str)]) -> Result<Sweep, SweepError> {
        let given: Vec<_> = given.iter().map(|(setting, text)| (*setting, (*text).to_owned())).collect();
        Sweep::new(CNN, &given)
    }

    #[test]
    fn lists_and_ranges_are_values() {
        let table = [
            ("7", vec!["7"]),
            ("1,2,3", vec!["1", "2", "3"]),
            ("1..4", vec!["1", "2", "3", "4"]),
            ("1..=2", vec!["1", "2"]),
            ("5..5", vec!["5"]),
            ("1..2, 9 ,20..21", vec!["1", "2", "9", "20", "21"]),
        ];
        for (text, expected) in table {
            assert_eq!(values(CNN, Hyperparameter::Seed, text), Ok(expected.iter().map(ToString::to_string).collect()));
        }
    }

    #[test]
    fn values_that_make_no_runs_are_refused() {
        let table = [
            (Hyperparameter::Seed, "1,x", "seed must be 0 to 9007199254740991, not 'x', in '1,x': a comma separates"),
            (Hyperparameter::LearningRate, "0,001", "not '0', in '0,001': a comma separates values, and decimals have"),
            (Hyperparameter::Seed, "1,,2", "seed must be 0 to 9007199254740991, not ''"),
            (Hyperparameter::Seed, "a..b\u{1b}", "'a..b·' is not a range of whole numbers"),
            (Hyperparameter::Seed, "5..1", "'5..1' is not a range"),
            (Hyperparameter::Seed, "1..9007199254740991", "9007199254740991 runs are more than the 200"),
            (Hyperparameter::Seed, "0..18446744073709551615", "18446744073709551615 runs are more"),
            (Hyperparameter::Seed, "1..100,201..301", "201 runs are more than the 200"),
            (Hyperparameter::Seed, "1..3,2", "seed has the value 2 twice"),
            (Hyperparameter::LearningRate, "1e-3,0.001", "learning-rate has the value 0.001 twice"),
            (Hyperparameter::Epochs, "0..2", "epochs must be 1 to 10000, not '0'"),
            (Hyperparameter::Network, "cnn,dense", "network must be cnn"),
        ];
        for (setting, text, expected) in table {
            let error = values(CNN, setting, text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let both = [(Hyperparameter::Seed, "1..20"), (Hyperparameter::Epochs, "1..20")];
        assert_eq!(sweep(&both), Err(SweepError::TooMany(400)));
        assert_eq!(sweep(&[both[0], both[0]]), Err(SweepError::Twice("seed")));
    }

    #[test]
    fn a_setting_is_named_before_its_values() {
        let given = named(CNN, "learning-rate=1e-3,2e-3").expect("understood");
        assert_eq!(given, (Hyperparameter::LearningRate, "1e-3,2e-3".into()));
        let table = [
            ("seed", "'seed' sets nothing"),
            ("lr=1", "'lr' is not a setting here: use network, epochs, batch-size"),
            ("size=48", "the strategy cnn has no size"),
            ("seed=", "seed must be"),
            ("\u{1b}=1", "'·' is not a setting"),
        ];
        for (typed, expected) in table {
            let error = named(CNN, typed).expect_err(typed).to_string();
            assert!(error.contains(expected), "{typed}: {error}");
        }
        assert!(matches!(named(StrategyChoice::All, "learning-rate=1"), Err(SweepError::Unknown { .. })));
        // The loop covers every present and future setting.
        for setting in CNN.settings() {
            let value = setting.get(&CNN.sample());
            assert_eq!(named(CNN, &format!("{}={value}", setting.name())), Ok((setting, value)));
        }
    }

    #[test]
    fn seeds_vary_fastest() {
        let sweep = sweep(&[(Hyperparameter::Seed, "1,2"), (Hyperparameter::LearningRate, "0.1,0.2")]).expect("four");
        let recipes = sweep.recipes(&Recipe::sample(Strategy::Cnn)).expect("accepted");
        let seen: Vec<(u64, String)> =
            recipes.iter().map(|recipe| (recipe.seed, recipe.learning_rate.to_string())).collect();
        assert_eq!(seen, [(1, "0.1".into()), (2, "0.1".into()), (1, "0.2".into()), (2, "0.2".into())]);
        assert_eq!(sweep.varied().collect::<Vec<_>>(), [Hyperparameter::LearningRate, Hyperparameter::Seed]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_combination_is_one_recipe(seeds in 1_u64..6, epochs in 1_u64..6, batches in 1_u64..6) {
            let upto = |last: u64| format!("1..{last}");
            let (seed, epoch, batch) = (upto(seeds), upto(epochs), upto(batches));
            let given = [
                (Hyperparameter::Seed, &*seed),
                (Hyperparameter::Epochs, &*epoch),
                (Hyperparameter::BatchSize, &*batch),
            ];
            let sweep = sweep(&given).expect("few");
            let recipes = sweep.recipes(&Recipe::sample(Strategy::Cnn)).expect("accepted");
            prop_assert_eq!(recipes.len() as u64, seeds * epochs * batches);
            prop_assert_eq!(sweep.runs(), recipes.len() as u64);
            for (at, recipe) in recipes.iter().enumerate() {
                prop_assert!(!recipes[..at].contains(recipe));
            }
            let mut first = Recipe::sample(Strategy::Cnn);
            sweep.apply_first(&mut first).expect("accepted");
            prop_assert_eq!(&first, &recipes[0]);
        }
    }
}
