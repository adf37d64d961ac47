//! The choice of training images that a run leaves out or trains with another class.

use super::super::{Form, FormChoices};
use crate::data::check::Exclusion;
use crate::domain::{Corrections, DatasetName, Strategy, StrategyChoice};

/// A choice of corrections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorrectionChoice {
    /// Training uses every image with its label.
    Nothing,
    /// Images marked on the Inspect screen are left out, or trained with the class of their mark.
    Marked,
    /// The images that the dataset's check finds are left out.
    Found(Exclusion),
    /// The corrections of another run: the repeated one, or the one from which fine-tuning starts.
    Earlier {
        /// The fingerprint of the images' dataset.
        fingerprint: String,
        /// The corrections.
        corrections: Corrections,
    },
}

impl Form {
    /// Returns the choices that make different corrections.
    #[must_use]
    pub fn correction_choices(&self, choices: &FormChoices<'_>) -> Vec<CorrectionChoice> {
        let mut found = vec![CorrectionChoice::Nothing];
        let Some(dataset) = self.dataset(choices) else { return found };
        if !dataset.marks.images.is_empty() {
            found.push(CorrectionChoice::Marked);
        }
        found.extend(dataset.found.iter().map(|(kind, _)| CorrectionChoice::Found(*kind)));
        let earlier = self.corrections_of_start(choices).into_iter().chain(self.correction_choice.clone());
        for choice in earlier {
            let CorrectionChoice::Earlier { fingerprint, corrections } = &choice else { continue };
            let marked = dataset.marks.corrections();
            let new = *fingerprint == dataset.fingerprint && !corrections.is_empty() && *corrections != marked;
            if new && !found.contains(&choice) {
                found.push(choice);
            }
        }
        found
    }

    /// Returns the corrections of the run from which fine-tuning starts.
    fn corrections_of_start(&self, choices: &FormChoices<'_>) -> Option<CorrectionChoice> {
        if self.strategy_choice != StrategyChoice::One(Strategy::Finetune) {
            return None;
        }
        let start = &self.start(choices)?.summary.as_ref().ok()?.recipe;
        Some(CorrectionChoice::Earlier { fingerprint: start.fingerprint.clone(), corrections: start.corrections() })
    }

    /// Returns the user's choice. By default, fine-tuning makes the corrections of its start. Other strategies make
    /// none, as in a shell: marks of another day would change a run unasked.
    #[must_use]
    pub fn correction_choice(&self, choices: &FormChoices<'_>) -> CorrectionChoice {
        let known = self.correction_choices(choices);
        let there = |choice: &CorrectionChoice| known.contains(choice);
        match &self.correction_choice {
            Some(chosen) if there(chosen) => chosen.clone(),
            // The corrections of the repeated run are those of the marks by now.
            Some(CorrectionChoice::Earlier { corrections, .. })
                if there(&CorrectionChoice::Marked) && self.are_marked(corrections, choices) =>
            {
                CorrectionChoice::Marked
            }
            _ => self.default_corrections(choices),
        }
    }

    /// Returns the choice that the form makes by itself.
    fn default_corrections(&self, choices: &FormChoices<'_>) -> CorrectionChoice {
        match self.corrections_of_start(choices) {
            Some(start) if self.correction_choices(choices).contains(&start) => start,
            // The corrections of the start may be those of the marks by now.
            Some(CorrectionChoice::Earlier { corrections, .. })
                if !corrections.is_empty() && self.are_marked(&corrections, choices) =>
            {
                CorrectionChoice::Marked
            }
            _ => CorrectionChoice::Nothing,
        }
    }

    /// Returns whether a run of this form corrects other images than by default or, repeated, than the run did.
    #[must_use]
    pub fn changes_corrections(&self, choices: &FormChoices<'_>) -> bool {
        match &self.repeated {
            Some((_, recipe)) => self.corrections(choices) != recipe.corrections(),
            None => self.correction_choice(choices) != self.default_corrections(choices),
        }
    }

    /// Returns whether the marks of the form's dataset make these corrections.
    fn are_marked(&self, corrections: &Corrections, choices: &FormChoices<'_>) -> bool {
        self.dataset(choices).is_some_and(|dataset| dataset.marks.corrections() == *corrections)
    }

    /// Chooses the marks of a dataset, because the user marks an image; later, where the form has another dataset. A
    /// form that repeats a run keeps the corrections of that run.
    pub fn take_up_marks(&mut self, dataset: &DatasetName) {
        self.marked = Some(dataset.clone());
        if self.repeated.is_none() && self.dataset.as_ref() == Some(dataset) {
            self.correction_choice = Some(CorrectionChoice::Marked);
        }
    }

    /// Chooses a dataset. The corrections of another dataset are not those of this one.
    pub fn choose_dataset(&mut self, dataset: Option<DatasetName>) {
        if self.dataset != dataset {
            let marked = dataset.is_some() && self.marked == dataset;
            self.correction_choice = marked.then_some(CorrectionChoice::Marked);
        }
        self.dataset = dataset;
    }

    /// Returns whether a run of this form corrects the marked images of a dataset.
    #[must_use]
    pub fn corrects_marks_of(&self, dataset: &DatasetName, choices: &FormChoices<'_>) -> bool {
        self.dataset(choices).is_some_and(|own| own.name == *dataset)
            && self.correction_choice(choices) == CorrectionChoice::Marked
    }

    /// Returns the corrections that a run of this form makes.
    #[must_use]
    pub fn corrections(&self, choices: &FormChoices<'_>) -> Corrections {
        match self.correction_choice(choices) {
            CorrectionChoice::Nothing => Corrections::default(),
            CorrectionChoice::Marked => {
                self.dataset(choices).map(|dataset| dataset.marks.corrections()).unwrap_or_default()
            }
            CorrectionChoice::Found(kind) => {
                let found = self.dataset(choices).and_then(|one| one.found.iter().find(|(known, _)| *known == kind));
                found.map(|(_, images)| images.clone().into()).unwrap_or_default()
            }
            CorrectionChoice::Earlier { corrections, .. } => corrections,
        }
    }
}
