//! The Train form: what is chosen and typed. Whether it can be launched says `check`, what it amounts to says `order`.

mod check;
mod choices;

mod order;
mod preset;
mod without;

use std::collections::HashMap;

pub use choices::FormChoices;
pub use order::Order;
pub use without::Without;

use crate::domain::{DatasetName, Hyperparameter, Recipe, RunId, Strategy, StrategyChoice, WeightsName};
use crate::tui::library::{DatasetView, RunView};
use crate::tui::messages::Context;
use crate::tui::messages::train;
use crate::tui::state::Input;

/// A line of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// One strategy, or all four.
    Strategy,
    /// Which dataset.
    Dataset,
    /// The run whose best weights fine-tuning starts from.
    From,
    /// Which pretrained base.
    Weights,
    /// Which training images to do without.
    Without,
    /// A setting of the recipe.
    Setting(Hyperparameter),
    /// The run's name.
    Name,
    /// The line that launches.
    Launch,
}

impl Field {
    /// Whether it is typed, not chosen.
    #[must_use]
    pub fn takes_text(self) -> bool {
        match self {
            Self::Name => true,
            Self::Setting(setting) => setting.choices().is_empty(),
            _ => false,
        }
    }
}

/// The form.
#[derive(Debug, Clone)]
pub struct Form {
    /// What is to be trained.
    pub strategy_choice: StrategyChoice,
    /// The chosen dataset. Fine-tuning takes that of the run it starts from.
    pub dataset: Option<DatasetName>,
    /// The base that somebody chose; `None` takes the preferred one.
    pub weights: Option<WeightsName>,
    /// The run to start from that somebody chose; `None` takes the newest.
    pub from: Option<RunId>,
    /// The images to do without that somebody chose; `None` takes the usual ones.
    pub without: Option<Without>,
    /// What was typed or chosen, for each practice of its own; a default where there is nothing.
    typed: HashMap<(StrategyChoice, Hyperparameter), Input>,
    /// The run's name; the beginning of the names of three.
    pub name: Input,
    /// Whether the user typed the name: a suggestion then leaves it alone.
    pub named: bool,
    /// Where the keyboard is.
    pub focus: Field,
    /// Whether a launch is under way.
    pub launching: bool,
    /// The run whose settings were taken over, and those settings.
    pub repeated: Option<(RunId, Box<Recipe>)>,
}

impl Default for Form {
    fn default() -> Self {
        Self::new()
    }
}

impl Form {
    /// Where the keyboard points.
    #[must_use]
    pub fn context(&self) -> Context {
        match self.focus {
            Field::Name => train::NAME,
            field if field.takes_text() => train::NUMBER,
            _ => train::CHOICE,
        }
    }

    /// The form with every default.
    #[must_use]
    pub fn new() -> Self {
        Self {
            strategy_choice: StrategyChoice::One(Strategy::Cnn),
            dataset: None,
            weights: None,
            from: None,
            without: None,
            typed: HashMap::new(),
            name: Input::default(),
            named: false,
            focus: Field::Strategy,
            launching: false,
            repeated: None,
        }
    }

    /// The lines, from the top: what is trained on what, then how.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let on: &[Field] = match self.strategy_choice {
            StrategyChoice::One(Strategy::Cnn | Strategy::Deep) => &[Field::Dataset],
            StrategyChoice::One(Strategy::Features) | StrategyChoice::All => &[Field::Dataset, Field::Weights],
            StrategyChoice::One(Strategy::Finetune) => &[Field::From],
        };
        // What is left out stays in sight on 24 lines.
        let last = Hyperparameter::Precision;
        let settings = self.strategy_choice.settings().filter(|setting| *setting != last).map(Field::Setting);
        let first = [Field::Strategy].into_iter().chain(on.iter().copied());
        first.chain(settings).chain([Field::Without, Field::Setting(last), Field::Name, Field::Launch]).collect()
    }

    /// The dataset that would be trained on, if it is there.
    #[must_use]
    pub fn dataset<'a>(&self, choices: &FormChoices<'a>) -> Option<&'a DatasetView> {
        let name = match self.strategy_choice {
            StrategyChoice::One(Strategy::Finetune) => &self.start(choices)?.summary.as_ref().ok()?.recipe.dataset,
            _ => self.dataset.as_ref()?,
        };
        choices.library.datasets.find(name)
    }

    /// The base that is chosen, or preferred where none is.
    #[must_use]
    pub fn weights<'a>(&'a self, choices: &FormChoices<'a>) -> Option<&'a WeightsName> {
        self.weights.as_ref().or_else(|| choices.library.weights.preferred())
    }

    /// The run that fine-tuning would start from: the chosen one, else the newest features run.
    #[must_use]
    pub fn start<'a>(&self, choices: &FormChoices<'a>) -> Option<&'a RunView> {
        if let Some(chosen) = &self.from {
            return choices.library.runs.list.iter().find(|run| run.id == *chosen);
        }
        let starts = choices.starts();
        let features =
            |run: &&&RunView| run.summary.as_ref().is_ok_and(|summary| summary.recipe.strategy == Strategy::Features);
        starts.iter().find(features).or(starts.first()).copied()
    }

    /// A setting's default; `None` where each of the runs has its own.
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

    /// What stands in a setting: nothing where each of the runs has its own default.
    #[must_use]
    pub fn value(&self, setting: Hyperparameter, choices: &FormChoices<'_>) -> Input {
        let typed = self.typed.get(&(self.strategy_choice, setting)).cloned();
        typed.unwrap_or_else(|| Input::new(self.default_of(setting, choices).unwrap_or_default()))
    }

    /// The text under the keyboard, if the focused line takes text.
    pub fn input(&mut self, choices: &FormChoices<'_>) -> Option<&mut Input> {
        match self.focus {
            Field::Name => Some(&mut self.name),
            Field::Setting(setting) if self.focus.takes_text() => {
                let value = self.value(setting, choices);
                Some(self.typed.entry((self.strategy_choice, setting)).or_insert(value))
            }
            _ => None,
        }
    }

    /// Puts text into a setting.
    pub fn put(&mut self, setting: Hyperparameter, text: impl Into<String>) {
        self.typed.insert((self.strategy_choice, setting), Input::new(text));
    }

    /// Puts the focused line back to its default.
    pub fn reset(&mut self) {
        match self.focus {
            Field::Setting(setting) => drop(self.typed.remove(&(self.strategy_choice, setting))),
            Field::Weights => self.weights = None,
            Field::From => self.from = None,
            Field::Without => self.without = None,
            _ => {}
        }
    }

    /// Forgets what was typed where it is the default: that then follows what the default follows.
    pub fn settle(&mut self, choices: &FormChoices<'_>) {
        for setting in self.strategy_choice.settings() {
            let default = self.default_of(setting, choices).unwrap_or_default();
            if self.value(setting, choices).text() == default {
                self.typed.remove(&(self.strategy_choice, setting));
            }
        }
    }

    /// Takes over what a recipe trains, and how.
    pub fn fill(&mut self, recipe: &Recipe, choices: &FormChoices<'_>) {
        self.strategy_choice = StrategyChoice::One(recipe.strategy);
        match recipe.transfer.as_ref().and_then(|transfer| transfer.fine_tuning.as_ref()) {
            Some(fine_tuning) => self.from = Some(fine_tuning.from.clone()),
            None => self.dataset = Some(recipe.dataset.clone()),
        }
        if let Some(transfer) = recipe.transfer.as_ref().filter(|transfer| transfer.fine_tuning.is_none()) {
            self.weights = Some(transfer.weights.clone());
        }
        self.without = Some(match &recipe.left_out {
            // The images of a fold have other indices.
            none if none.is_empty() || recipe.fold.is_some() => Without::Nothing,
            some => Without::Earlier { fingerprint: recipe.fingerprint.clone(), images: some.clone() },
        });
        for setting in self.strategy_choice.settings() {
            self.put(setting, setting.get(recipe));
        }
        self.settle(choices);
        if !self.fields().contains(&self.focus) {
            self.focus = Field::Strategy;
        }
    }

    /// Takes a run's settings over, and remembers them: what is then changed stands out.
    pub fn repeat(&mut self, id: RunId, recipe: &Recipe, choices: &FormChoices<'_>) {
        self.fill(recipe, choices);
        self.repeated = Some((id, Box::new(recipe.clone())));
    }

    /// The run whose settings were taken over, and what it has in a setting, if that is not what the form has.
    #[must_use]
    pub fn differs(&self, setting: Hyperparameter, choices: &FormChoices<'_>) -> Option<(&RunId, String)> {
        let (id, recipe) = self.repeated.as_ref()?;
        let theirs = setting.get(recipe);
        let same = self.value(setting, choices).text().trim() == theirs;
        (self.strategy_choice == StrategyChoice::One(recipe.strategy) && !same).then_some((id, theirs))
    }

    /// Moves the focus, around both ends.
    pub fn step(&mut self, by: isize) {
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
        form.step(-1);
        assert_eq!(form.focus, Field::Launch);
        form.step(1);
        assert_eq!(form.focus, Field::Strategy);
    }
}
