//! Several values of a setting in the form: every combination is one run.

use super::super::{Field, Form, FormChoices};
use crate::domain::sweep::{self, SweepError};
use crate::domain::{Hyperparameter, Recipe, StrategyChoice, Sweep};

/// The seed by which images are divided into folds, that of the command.
const FOLD_SEED: u64 = 0;

/// The separator of the values in the text of a setting.
const SEPARATOR: char = ',';

impl Form {
    /// Returns the values of a setting, in the order of the text. Only an empty text has none.
    ///
    /// # Errors
    /// A [`SweepError`] about the first wrong value.
    pub fn values(&self, setting: Hyperparameter, choices: &FormChoices<'_>) -> Result<Vec<String>, SweepError> {
        let value = self.value(setting, choices);
        let text = value.text().trim();
        if text.is_empty() && self.default_of(setting, choices).is_none() {
            return Ok(Vec::new());
        }
        sweep::values(self.strategy_choice, setting, text)
    }

    /// Returns whether a setting has several values. Reads no values, because every frame asks it of every setting.
    #[must_use]
    pub fn is_varied(&self, setting: Hyperparameter, choices: &FormChoices<'_>) -> bool {
        let value = self.value(setting, choices);
        value.text().contains(SEPARATOR) || value.text().contains("..")
    }

    /// Returns the first value of a setting, or its text if a value is wrong.
    pub(super) fn first_value(&self, setting: Hyperparameter, choices: &FormChoices<'_>) -> String {
        let values = self.is_varied(setting, choices).then(|| self.values(setting, choices).ok()).flatten();
        let first = values.and_then(|values| values.into_iter().next());
        first.unwrap_or_else(|| self.value(setting, choices).text().to_owned())
    }

    /// Returns the settings with several values and all combinations of these.
    ///
    /// # Errors
    /// A [`SweepError`] about the first wrong value, or about the number of runs.
    pub fn sweep(&self, choices: &FormChoices<'_>) -> Result<Sweep, SweepError> {
        let varied = self.strategy_choice.settings().filter(|setting| self.is_varied(*setting, choices));
        let given = varied.map(|setting| (setting, self.value(setting, choices).text().to_owned()));
        Sweep::new(self.strategy_choice, &given.collect::<Vec<_>>())
    }

    /// Returns the number of folds in which the settings are trained; `None` for the dataset's own splits.
    #[must_use]
    pub fn fold_count(&self) -> Option<u32> {
        self.folds.filter(|_| self.takes_folds())
    }

    /// Returns the recipes of all runs: those of the sweep, in every fold.
    ///
    /// # Errors
    /// A [`SweepError`] about the first wrong value, or about the number of runs.
    pub fn recipes(&self, first: &Recipe, choices: &FormChoices<'_>) -> Result<Vec<Recipe>, SweepError> {
        let recipes = self.sweep(choices)?.recipes(first)?;
        let Some(folds) = self.fold_count() else { return Ok(recipes) };
        let groups = self.dataset(choices).and_then(|dataset| dataset.groups.as_ref()).map(|groups| groups.checksum());
        sweep::in_folds(&recipes, folds, FOLD_SEED, groups)
    }

    /// Returns the error of the number of folds, if there is one.
    pub(super) fn fold_error(&self, choices: &FormChoices<'_>) -> Option<String> {
        let folds = self.fold_count()?;
        if !self.corrections(choices).is_empty() {
            // The images of a fold have other indices.
            let command = format!("mien train … --folds {folds} --leave-out WHICH");
            return Some(format!(
                "with folds the form corrects no images: choose corrections none, or use `{command}`"
            ));
        }
        let first = self.draft(self.strategy_choice.strategies().last()?, choices)?;
        self.sweep(choices).ok()?;
        self.recipes(&first, choices).err().map(|error| error.to_string())
    }

    /// Returns the error of several values of a setting, if there is one.
    pub(super) fn sweep_error(&self, setting: Hyperparameter, choices: &FormChoices<'_>) -> Option<String> {
        if !self.is_varied(setting, choices) {
            return None;
        }
        if self.strategy_choice == StrategyChoice::All {
            let words = "four strategies take one value of each setting: choose one strategy for several values";
            return Some(words.into());
        }
        let varied = || self.strategy_choice.settings().filter(|known| self.is_varied(*known, choices));
        // A wrong value is an error of its own line alone.
        if varied().last() != Some(setting) || varied().any(|known| self.values(known, choices).is_err()) {
            return None;
        }
        // Too many runs are an error of the setting that changes fastest.
        self.sweep(choices).err().map(|error| error.to_string())
    }

    /// Returns the choices of the focused setting that a further value may be, in their order after the last value.
    #[must_use]
    pub fn further_choices(&self, choices: &FormChoices<'_>) -> Vec<String> {
        let Field::Setting(setting) = self.focus else { return Vec::new() };
        if !setting.has_choices() || self.strategy_choice == StrategyChoice::All {
            return Vec::new();
        }
        let known = setting.choices(&self.sample(choices));
        let value = self.value(setting, choices);
        let values: Vec<&str> = value.text().split(SEPARATOR).collect();
        let last = known.iter().position(|choice| values.last() == Some(&choice.as_str())).map_or(0, |at| at + 1);
        let in_order = known.iter().cycle().skip(last).take(known.len());
        in_order.filter(|choice| !values.contains(&choice.as_str())).cloned().collect()
    }

    /// Gives the focused setting one more value, if it has a further choice.
    pub fn add_value(&mut self, choices: &FormChoices<'_>) {
        let further = self.further_choices(choices).into_iter().next();
        if let (Field::Setting(setting), Some(choice)) = (self.focus, further) {
            let text = format!("{}{SEPARATOR}{choice}", self.value(setting, choices).text());
            self.set_text(setting, text);
        }
    }

    /// Removes the last value of the focused setting, but for the only one.
    pub fn remove_value(&mut self, choices: &FormChoices<'_>) {
        let Field::Setting(setting) = self.focus else { return };
        let value = self.value(setting, choices);
        if let Some((earlier, _)) = value.text().rsplit_once(SEPARATOR) {
            self.set_text(setting, earlier);
        }
    }

    /// Returns the last value of a setting, and the choices that its earlier values leave.
    #[must_use]
    pub fn last_value(&self, setting: Hyperparameter, choices: &FormChoices<'_>) -> (String, Vec<String>) {
        let value = self.value(setting, choices);
        let (earlier, last) = value.text().rsplit_once(SEPARATOR).unwrap_or(("", value.text()));
        let taken: Vec<&str> = earlier.split(SEPARATOR).collect();
        let known = setting.choices(&self.sample(choices)).into_iter();
        (last.to_owned(), known.filter(|choice| !taken.contains(&choice.as_str())).collect())
    }

    /// Replaces the last value of a setting.
    pub fn set_last_value(&mut self, setting: Hyperparameter, choice: &str, choices: &FormChoices<'_>) {
        let value = self.value(setting, choices);
        let earlier = value.text().rsplit_once(SEPARATOR).map(|(earlier, _)| format!("{earlier}{SEPARATOR}"));
        self.set_text(setting, earlier.unwrap_or_default() + choice);
    }
}
