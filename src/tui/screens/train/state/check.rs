//! The errors of the form, line by line.

use super::super::{Field, Form, FormChoices};
use crate::domain::preflight::{self, DatasetFacts, Entry, Library, Problem, StartFacts, Subject};
use crate::domain::{DatasetName, Hyperparameter, Recipe, RunId, Strategy, StrategyChoice, WeightsName};
use crate::homes::LinkState;
use crate::runs::ManageError;
use crate::supervise::strategy_run_names;
use crate::tui::library;
use crate::weights::ADVICE;

impl Form {
    /// Returns the error of a line, if it has one.
    #[must_use]
    pub fn error(&self, field: Field, choices: &FormChoices<'_>) -> Option<String> {
        let of_recipe = || self.problems(choices).into_iter().find(|problem| self.field_of(problem) == field);
        let of_recipe = || of_recipe().map(|problem| problem.to_string());
        match field {
            Field::Dataset | Field::Weights | Field::From => self.missing(field, choices).or_else(of_recipe),
            Field::Corrections => self.unknown_marks(choices).or_else(of_recipe),
            Field::Setting(setting) => self.refused(setting, choices).or_else(of_recipe),
            Field::Name => self.name_error(choices),
            Field::Folds => self.fold_error(choices),
            Field::Strategy | Field::Place | Field::Launch => None,
        }
    }

    /// Returns why the run or the four runs cannot have their names.
    fn name_error(&self, choices: &FormChoices<'_>) -> Option<String> {
        let name = match RunId::of_new_run(self.name.text()) {
            Ok(name) => name,
            Err(error) => return Some(error.to_string()),
        };
        let names = match self.strategy_choice {
            StrategyChoice::One(_) => self.run_names(&name, choices),
            StrategyChoice::All => strategy_run_names(&name).to_vec(),
        };
        // While a launch is performed, its run may be listed already.
        let taken = names.into_iter().find(|name| choices.library.runs.find(name).is_some() && !self.launching);
        taken.map(|id| ManageError::Taken { id }.to_string())
    }

    /// Returns the first line with an error, and the error.
    #[must_use]
    pub fn first_error(&self, choices: &FormChoices<'_>) -> Option<(Field, String)> {
        self.fields().into_iter().find_map(|field| Some((field, self.error(field, choices)?)))
    }

    /// Returns the problems of the form's recipes; while they are incomplete, the problems of the choices.
    fn problems(&self, choices: &FormChoices<'_>) -> Vec<Problem> {
        if let StrategyChoice::One(Strategy::Finetune) = self.strategy_choice {
            let start = self.start(choices).map(|run| &run.id).or(self.from.as_ref());
            let recipe = self.draft(Strategy::Finetune, choices);
            let found = start.and_then(|start| preflight::find_start(start, Library::start(choices, start)).err());
            return match (found, recipe) {
                (Some(problem), _) => vec![problem],
                (None, Some(recipe)) => preflight::check(&recipe, choices),
                (None, None) => Vec::new(),
            };
        }
        let mut problems = Vec::new();
        problems.extend(
            self.dataset
                .as_ref()
                .and_then(|name| preflight::find_dataset(name, None, Library::dataset(choices, name)).err()),
        );
        if self.fields().contains(&Field::Weights) {
            let weights = self.weights(choices);
            problems.extend(
                weights.and_then(|name| preflight::find_weights(name, None, Library::weights(choices, name)).err()),
            );
        }
        let drafts = self.strategy_choice.strategies().filter_map(|strategy| self.draft(strategy, choices));
        problems.extend(drafts.flat_map(|recipe| preflight::check_without_start(&recipe, choices)));
        problems
    }

    /// Returns the first problem of a recipe, which may start now, and the line in which the user can solve it.
    pub(super) fn problem_of(&self, recipe: &Recipe, choices: &FormChoices<'_>) -> Option<(Field, String)> {
        let problem = preflight::check(recipe, choices).into_iter().next()?;
        Some((self.field_of(&problem), problem.to_string()))
    }

    /// Returns the line in which the user can solve a problem.
    fn field_of(&self, problem: &Problem) -> Field {
        let field = match problem.subject() {
            Subject::Dataset => Field::Dataset,
            Subject::Weights => Field::Weights,
            Subject::Start => Field::From,
            Subject::Corrections => Field::Corrections,
            Subject::Setting(setting) => Field::Setting(setting),
            Subject::Recipe => Field::Strategy,
        };
        // Fine-tuning takes the dataset and the weights from the run that it starts from.
        if self.fields().contains(&field) { field } else { Field::From }
    }

    /// Returns the error of a line without a choice, for example because the home has none to offer.
    fn missing(&self, field: Field, choices: &FormChoices<'_>) -> Option<String> {
        let weights = &choices.library.weights;
        match field {
            Field::Dataset if choices.library.link.is_some() => self.refusal_there(choices.library),
            Field::Dataset if self.dataset.is_none() => Some("there is no dataset yet: import one on Data (1)".into()),
            Field::Weights if weights.error.is_some() => weights.error.clone(),
            Field::Weights if !weights.loaded => Some("the weights are still being read".into()),
            Field::Weights if self.weights(choices).is_none() => {
                Some(format!("there are no imported weights yet: {ADVICE}"))
            }
            Field::From if self.from.is_none() && self.start(choices).is_none() => {
                Some("there is no features run to start from: train one first (strategy features)".into())
            }
            _ => None,
        }
    }

    /// Returns why no run can be started on the home of another machine now, if so.
    fn refusal_there(&self, library: &library::Library) -> Option<String> {
        let link = library.link.as_ref()?;
        let name = &link.name;
        match (&link.state, &library.there) {
            (LinkState::Cut { reason, .. }, _) => {
                Some(format!("{name} cannot be reached, so nothing can be started there: {reason}"))
            }
            (_, None) => {
                let asked = || format!("the datasets of {name} are asked for, and did not come yet");
                Some(library.datasets.error.clone().unwrap_or_else(asked))
            }
            (_, Some(there)) if !there.can_train => {
                Some(format!("the mien of {name} was built without the trainer: it shows runs but cannot start them"))
            }
            _ if self.dataset.is_none() => {
                Some(format!("there is no dataset on {name} yet: `mien --home {name} data import` sends one"))
            }
            _ => None,
        }
    }

    /// Returns the error of reading the marks, if the marked images are to be corrected.
    fn unknown_marks(&self, choices: &FormChoices<'_>) -> Option<String> {
        let error = self.dataset(choices)?.marks_error.as_ref()?;
        self.correction_choice.is_none().then(|| format!("{error}; or choose none with ← →"))
    }

    /// Returns the reason why the typed value of a setting is invalid.
    fn refused(&self, setting: Hyperparameter, choices: &FormChoices<'_>) -> Option<String> {
        let wrong = self.values(setting, choices).err().map(|error| error.to_string());
        wrong.or_else(|| self.sweep_error(setting, choices))
    }
}

impl Library for FormChoices<'_> {
    fn dataset(&self, name: &DatasetName) -> Entry<DatasetFacts> {
        match self.library.datasets.list.iter().find(|entry| entry.name == *name).map(|entry| &entry.dataset) {
            None => Entry::Missing,
            Some(Ok(dataset)) => Entry::Found(dataset.facts()),
            Some(Err(reason)) => Entry::Unreadable(reason.clone()),
        }
    }

    fn weights(&self, name: &WeightsName) -> Entry<String> {
        match self.library.weights.find(name) {
            None => Entry::Missing,
            Some(Ok(manifest)) => Entry::Found(manifest.identity()),
            Some(Err(reason)) => Entry::Unreadable(reason.clone()),
        }
    }

    fn start(&self, id: &RunId) -> Entry<StartFacts> {
        let Some(run) = self.library.runs.list.iter().find(|run| run.id == *id) else { return Entry::Missing };
        match &run.summary {
            Ok(summary) => Entry::Found(StartFacts::of(&summary.recipe, run.has_best_weights || self.is_active(run))),
            Err(error) => Entry::Unreadable(format!("{id} cannot be read: {error}")),
        }
    }
}
