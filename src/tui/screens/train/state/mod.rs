//! The state of the Train form. `check` finds its errors, `sweep` reads several values of a setting, and `launch_plan`
//! derives the runs to launch.

mod check;
mod choices;
mod corrections;
mod launch_plan;
mod preset;
mod sweep;

use std::collections::HashMap;

pub use choices::FormChoices;
pub use corrections::CorrectionChoice;
pub use launch_plan::LaunchPlan;
pub(super) use launch_plan::NOTHING_TO_TRAIN_ON;

use crate::domain::text::printable;
use crate::domain::{DatasetName, Hyperparameter, Place, Recipe, RunId, Strategy, StrategyChoice, WeightsName};
use crate::tui::library::{DatasetView, RunView};
use crate::tui::messages::Context;
use crate::tui::messages::train;
use crate::tui::state::Input;
use crate::tui::widgets::fuzzy;

/// A line of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The strategy, or all four in order.
    Strategy,
    /// The dataset.
    Dataset,
    /// The run whose best weights fine-tuning starts from.
    From,
    /// The base.
    Weights,
    /// The training images to leave out.
    Corrections,
    /// A setting of the recipe.
    Setting(Hyperparameter),
    /// The number of folds.
    Folds,
    /// The place of a cluster, or this machine.
    Place,
    /// The run's name.
    Name,
    /// The line that launches.
    Launch,
}

impl Field {
    /// Returns its name on the form.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Strategy => "strategy",
            Self::Dataset => "dataset",
            Self::From => "from",
            Self::Corrections => "corrections",
            Self::Weights => "weights",
            Self::Setting(setting) => setting.name(),
            Self::Folds => "folds",
            Self::Place => "place",
            Self::Name => "run name",
            Self::Launch => "launch",
        }
    }

    /// Returns whether the field is typed, not chosen.
    #[must_use]
    pub fn takes_text(self) -> bool {
        match self {
            Self::Name => true,
            Self::Setting(setting) => !setting.has_choices(),
            _ => false,
        }
    }
}

/// The Train form.
#[derive(Debug, Clone)]
pub struct Form {
    /// The chosen strategy, or all four.
    pub strategy_choice: StrategyChoice,
    /// The chosen dataset. Fine-tuning takes that of the run it starts from.
    pub dataset: Option<DatasetName>,
    /// The base that the user chose; `None` for the preferred one.
    pub weights: Option<WeightsName>,
    /// The run to start from that the user chose; `None` for the newest.
    pub from: Option<RunId>,
    /// The images to leave out that the user chose; `None` for the default choice.
    pub correction_choice: Option<CorrectionChoice>,
    /// The dataset of the image that the user marked last.
    marked: Option<DatasetName>,
    /// The typed or chosen settings for each strategy choice; a missing one has its default.
    typed: HashMap<(StrategyChoice, Hyperparameter), Input>,
    /// The number of folds, in each of which the settings are trained; `None` for the dataset's own splits.
    pub folds: Option<u32>,
    /// The places of the config file, on which runs may start.
    pub places: Vec<Place>,
    /// The name of the chosen place; `None` for this machine.
    pub on: Option<String>,
    /// The name of the home's default place; `None` for this machine.
    default_place: Option<String>,
    /// The run's name, or the beginning of the names of four runs.
    pub name: Input,
    /// Whether the user typed the name. A suggestion must not replace it then.
    pub named: bool,
    /// The field with the keyboard focus.
    pub focus: Field,
    /// The field that is edited since it has the focus. The first character typed into another one replaces its value.
    pub edited: Option<Field>,
    /// The field with the keyboard focus before another one was looked for by its name.
    pub found_from: Option<Field>,
    /// Whether a launch is being performed.
    pub launching: bool,
    /// The repeated run and its settings.
    pub repeated: Option<(RunId, Box<Recipe>)>,
    /// The form before the last preset, repeat or reset.
    before: Option<Box<Self>>,
}

impl Default for Form {
    fn default() -> Self {
        Self::new()
    }
}

impl Form {
    /// Returns the context of the keyboard.
    #[must_use]
    pub fn context(&self) -> Context {
        match self.focus {
            Field::Name => train::NAME,
            field if field.takes_text() => train::NUMBER,
            _ => train::CHOICE,
        }
    }

    /// Returns the form with all defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            strategy_choice: StrategyChoice::One(Strategy::Cnn),
            dataset: None,
            weights: None,
            from: None,
            correction_choice: None,
            marked: None,
            typed: HashMap::new(),
            folds: None,
            places: Vec::new(),
            on: None,
            default_place: None,
            name: Input::default(),
            named: false,
            focus: Field::Strategy,
            edited: None,
            found_from: None,
            launching: false,
            repeated: None,
            before: None,
        }
    }

    /// Moves the focus to the field whose name fits best, or back to where it was for an empty text.
    ///
    /// # Errors
    /// If no name of a field has these letters in this order. The focus then stays.
    pub fn find_field(&mut self, typed: &str) -> Result<(), String> {
        let from = *self.found_from.get_or_insert(self.focus);
        if typed.trim().is_empty() {
            self.focus = from;
            return Ok(());
        }
        let score = |field: &Field| Some((fuzzy::score(typed, field.label())?, *field));
        // Of equally good ones the first on the form.
        let best = self.fields().iter().rev().filter_map(score).max_by_key(|(score, _)| *score);
        let (_, field) = best.ok_or_else(|| format!("no field has the name '{}'", printable(typed.trim())))?;
        self.edited = None;
        self.focus = field;
        Ok(())
    }

    /// Stores the form, so that [`Self::undo`] brings it back.
    pub fn remember(&mut self) {
        self.before = Some(Box::new(Self { before: None, ..self.clone() }));
    }

    /// Brings the stored form back, and stores this one in its place. Returns whether one was stored.
    pub fn undo(&mut self, choices: &FormChoices<'_>) -> bool {
        let Some(before) = self.before.take() else { return false };
        let (launching, focus) = (self.launching, self.focus);
        let now = std::mem::replace(self, *before);
        self.before = Some(Box::new(now));
        (self.launching, self.focus) = (launching, focus);
        if !self.fields().contains(&focus) {
            self.focus = Field::Strategy;
        }
        self.drop_defaults(choices);
        true
    }

    /// Returns whether there is a form to bring back.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        self.before.is_some()
    }

    /// Returns the lines from the top.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let on: &[Field] = match self.strategy_choice {
            StrategyChoice::One(Strategy::Cnn | Strategy::Deep) => &[Field::Dataset],
            StrategyChoice::One(Strategy::Features) | StrategyChoice::All => &[Field::Dataset, Field::Weights],
            StrategyChoice::One(Strategy::Finetune) => &[Field::From],
        };
        // Precision comes last, so that the images to leave out are visible on 24 lines.
        let last = Hyperparameter::Precision;
        let settings = self.strategy_choice.settings().filter(|setting| *setting != last).map(Field::Setting);
        let first = [Field::Strategy].into_iter().chain(on.iter().copied());
        let place = (!self.places.is_empty()).then_some(Field::Place);
        let folds = self.takes_folds().then_some(Field::Folds);
        let then = [Field::Corrections, Field::Setting(last)].into_iter().chain(folds).chain(place);
        first.chain(settings).chain(then).chain([Field::Name, Field::Launch]).collect()
    }

    /// Returns whether the runs may be trained in folds: fine-tuning takes the fold of its start.
    #[must_use]
    pub fn takes_folds(&self) -> bool {
        !matches!(self.strategy_choice, StrategyChoice::All | StrategyChoice::One(Strategy::Finetune))
    }

    /// Sets the places, and chooses the default one of the home; `None` is this machine.
    pub fn set_places(&mut self, places: Vec<Place>, default: Option<String>) {
        self.places = places;
        self.on.clone_from(&default);
        self.default_place = default;
    }

    /// Returns the place on which the runs start; `None` for this machine.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.places.iter().find(|place| Some(&place.name) == self.on.as_ref())
    }

    /// Returns the dataset to train on, if it can be read.
    #[must_use]
    pub fn dataset<'a>(&self, choices: &FormChoices<'a>) -> Option<&'a DatasetView> {
        let name = match self.strategy_choice {
            StrategyChoice::One(Strategy::Finetune) => &self.start(choices)?.summary.as_ref().ok()?.recipe.dataset,
            _ => self.dataset.as_ref()?,
        };
        choices.library.datasets.find(name)
    }

    /// Returns the chosen base, or the preferred one.
    #[must_use]
    pub fn weights<'a>(&'a self, choices: &FormChoices<'a>) -> Option<&'a WeightsName> {
        self.weights.as_ref().or_else(|| choices.library.weights.preferred())
    }

    /// Returns the run from which fine-tuning starts: the chosen one, else the newest features run.
    #[must_use]
    pub fn start<'a>(&self, choices: &FormChoices<'a>) -> Option<&'a RunView> {
        if let Some(chosen) = &self.from {
            return choices.library.runs.list.iter().find(|run| run.id == *chosen);
        }
        let candidates = choices.start_candidates();
        let features =
            |run: &&&RunView| run.summary.as_ref().is_ok_and(|summary| summary.recipe.strategy == Strategy::Features);
        candidates.iter().find(features).or(candidates.first()).copied()
    }

    /// Returns a setting's default; `None` where the four strategies have different ones.
    #[must_use]
    pub fn default_of(&self, setting: Hyperparameter, choices: &FormChoices<'_>) -> Option<String> {
        match self.strategy_choice {
            StrategyChoice::One(Strategy::Finetune) => {
                let going_on = self.start(choices).and_then(|run| {
                    let start = &run.summary.as_ref().ok()?.recipe;
                    Recipe::fine_tuning_from(start, run.id.clone(), 0)
                });
                Some(setting.get(&going_on.unwrap_or_else(|| self.strategy_choice.sample())))
            }
            StrategyChoice::One(Strategy::Deep) => {
                let draft = self.dataset(choices).map(|dataset| {
                    let side = dataset.width.min(dataset.height);
                    Recipe::deep(dataset.name.clone(), dataset.fingerprint.clone(), 0, side)
                });
                Some(setting.get(&draft.unwrap_or_else(|| self.strategy_choice.sample())))
            }
            strategy_choice => strategy_choice.default_of(setting),
        }
    }

    /// Returns the value of a setting; empty where the four strategies have different defaults.
    #[must_use]
    pub fn value(&self, setting: Hyperparameter, choices: &FormChoices<'_>) -> Input {
        let typed = self.typed.get(&(self.strategy_choice, setting)).cloned();
        typed.unwrap_or_else(|| Input::new(self.default_of(setting, choices).unwrap_or_default()))
    }

    /// Returns whether the value of the focused line is selected, so that a typed character replaces it.
    #[must_use]
    pub fn is_selected(&self) -> bool {
        matches!(self.focus, Field::Setting(_)) && self.focus.takes_text() && self.edited != Some(self.focus)
    }

    /// Changes the text of the focused line, if it accepts text.
    pub fn edit(&mut self, choices: &FormChoices<'_>, edit: impl FnOnce(&mut Input)) {
        let is_selected = self.is_selected();
        if let Some(input) = self.input(choices) {
            if is_selected {
                input.select();
            }
            edit(input);
            self.edited = Some(self.focus);
        }
    }

    /// Returns the text of the focused line, if it accepts text.
    fn input(&mut self, choices: &FormChoices<'_>) -> Option<&mut Input> {
        match self.focus {
            Field::Name => Some(&mut self.name),
            Field::Setting(setting) if self.focus.takes_text() => {
                let value = self.value(setting, choices);
                Some(self.typed.entry((self.strategy_choice, setting)).or_insert(value))
            }
            _ => None,
        }
    }

    /// Sets the text of a setting.
    pub fn set_text(&mut self, setting: Hyperparameter, text: impl Into<String>) {
        self.typed.insert((self.strategy_choice, setting), Input::new(text));
    }

    /// Resets the focused line to its default.
    pub fn reset(&mut self) {
        match self.focus {
            Field::Setting(setting) => drop(self.typed.remove(&(self.strategy_choice, setting))),
            Field::Weights => self.weights = None,
            Field::From => self.from = None,
            Field::Corrections => self.correction_choice = None,
            Field::Folds => self.folds = None,
            Field::Place => self.on.clone_from(&self.default_place),
            _ => {}
        }
    }

    /// Removes typed values that equal their defaults. Otherwise they would not follow a default that changes.
    pub fn drop_defaults(&mut self, choices: &FormChoices<'_>) {
        for setting in self.strategy_choice.settings() {
            let default = self.default_of(setting, choices).unwrap_or_default();
            if self.value(setting, choices).text() == default {
                self.typed.remove(&(self.strategy_choice, setting));
            }
        }
    }

    /// Copies the strategy and all settings of a recipe.
    pub fn copy_recipe(&mut self, recipe: &Recipe, choices: &FormChoices<'_>) {
        self.strategy_choice = StrategyChoice::One(recipe.strategy);
        match recipe.transfer.as_ref().and_then(|transfer| transfer.fine_tuning.as_ref()) {
            Some(fine_tuning) => self.from = Some(fine_tuning.from.clone()),
            None => self.dataset = Some(recipe.dataset.clone()),
        }
        if let Some(transfer) = recipe.transfer.as_ref().filter(|transfer| transfer.fine_tuning.is_none()) {
            self.weights = Some(transfer.weights.clone());
        }
        let corrections = recipe.corrections();
        // The images of a fold have other indices.
        self.correction_choice = Some(if corrections.is_empty() || recipe.fold.is_some() {
            CorrectionChoice::Nothing
        } else {
            CorrectionChoice::Earlier { fingerprint: recipe.fingerprint.clone(), corrections }
        });
        for setting in self.strategy_choice.settings() {
            self.set_text(setting, setting.get(recipe));
        }
        self.drop_defaults(choices);
        if !self.fields().contains(&self.focus) {
            self.focus = Field::Strategy;
        }
    }

    /// Copies a run's settings and remembers them, so that later changes are highlighted.
    pub fn copy_run(&mut self, id: RunId, recipe: &Recipe, choices: &FormChoices<'_>) {
        self.remember();
        self.copy_recipe(recipe, choices);
        self.repeated = Some((id, Box::new(recipe.clone())));
    }

    /// Returns the repeated run and its value of a setting, if the form has another value.
    #[must_use]
    pub fn difference_from_repeated(
        &self,
        setting: Hyperparameter,
        choices: &FormChoices<'_>,
    ) -> Option<(&RunId, String)> {
        let (id, recipe) = self.repeated.as_ref()?;
        let theirs = setting.get(recipe);
        let same = self.value(setting, choices).text().trim() == theirs;
        (self.strategy_choice == StrategyChoice::One(recipe.strategy) && !same).then_some((id, theirs))
    }

    /// Returns whether a setting differs from its default, or from the repeated run.
    #[must_use]
    pub fn is_changed(&self, choices: &FormChoices<'_>) -> bool {
        let is_own = |setting: Hyperparameter| match &self.repeated {
            Some(_) => self.difference_from_repeated(setting, choices).is_some(),
            None => self.value(setting, choices).text() != self.default_of(setting, choices).unwrap_or_default(),
        };
        self.strategy_choice.settings().any(is_own)
    }

    /// Moves the focus, wrapping around at both ends.
    pub fn move_focus(&mut self, by: isize) {
        let fields = self.fields();
        let here = fields.iter().position(|field| *field == self.focus).unwrap_or(0);
        let count = fields.len();
        self.focus = fields[here.saturating_add_signed(by.rem_euclid(isize::try_from(count).unwrap_or(1))) % count];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_focus_goes_around() {
        let mut form = Form::new();
        form.move_focus(-1);
        assert_eq!(form.focus, Field::Launch);
        form.move_focus(1);
        assert_eq!(form.focus, Field::Strategy);
    }
}
