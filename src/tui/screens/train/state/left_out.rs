//! The choice of training images that a run leaves out.

use super::super::{Form, FormChoices};
use crate::data::check::Exclusion;
use crate::domain::{DatasetName, LeftOutImages, Strategy, StrategyChoice};

/// A choice of training images to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftOutChoice {
    /// No image is left out.
    Nothing,
    /// The images that are marked as wrongly labelled on the Inspect screen.
    Marked,
    /// The images that the dataset's check finds.
    Found(Exclusion),
    /// The images that another run left out: the repeated one, or the one from which fine-tuning starts.
    Earlier {
        /// The fingerprint of the images' dataset.
        fingerprint: String,
        /// The images.
        images: LeftOutImages,
    },
}

impl Form {
    /// Returns the choices that leave out different images.
    #[must_use]
    pub fn left_out_choices(&self, choices: &FormChoices<'_>) -> Vec<LeftOutChoice> {
        let mut found = vec![LeftOutChoice::Nothing];
        let Some(dataset) = self.dataset(choices) else { return found };
        if !dataset.marked.is_empty() {
            found.push(LeftOutChoice::Marked);
        }
        found.extend(dataset.found.iter().map(|(kind, _)| LeftOutChoice::Found(*kind)));
        let earlier = self.left_out_by_start(choices).into_iter().chain(self.left_out_choice.clone());
        for choice in earlier {
            let LeftOutChoice::Earlier { fingerprint, images } = &choice else { continue };
            let new = *fingerprint == dataset.fingerprint && !images.is_empty() && *images != dataset.marked;
            if new && !found.contains(&choice) {
                found.push(choice);
            }
        }
        found
    }

    /// Returns the images that were left out by the run from which fine-tuning starts.
    fn left_out_by_start(&self, choices: &FormChoices<'_>) -> Option<LeftOutChoice> {
        if self.strategy_choice != StrategyChoice::One(Strategy::Finetune) {
            return None;
        }
        let start = &self.start(choices)?.summary.as_ref().ok()?.recipe;
        Some(LeftOutChoice::Earlier { fingerprint: start.fingerprint.clone(), images: start.left_out.clone() })
    }

    /// Returns the user's choice. By default, fine-tuning leaves out the images of its start, and other strategies the
    /// marked images.
    #[must_use]
    pub fn left_out_choice(&self, choices: &FormChoices<'_>) -> LeftOutChoice {
        let known = self.left_out_choices(choices);
        let there = |choice: &LeftOutChoice| known.contains(choice);
        let default = || match self.left_out_by_start(choices) {
            Some(start) if there(&start) => start,
            Some(_) => {
                // The images of the start may be the marked ones by now.
                let same = |start: &LeftOutImages| self.dataset(choices).is_some_and(|one| one.marked == *start);
                let start = self.start(choices).and_then(|run| run.summary.as_ref().ok());
                let marked =
                    start.is_some_and(|start| !start.recipe.left_out.is_empty() && same(&start.recipe.left_out));
                if marked { LeftOutChoice::Marked } else { LeftOutChoice::Nothing }
            }
            None if there(&LeftOutChoice::Marked) => LeftOutChoice::Marked,
            None => LeftOutChoice::Nothing,
        };
        match &self.left_out_choice {
            Some(chosen) if there(chosen) => chosen.clone(),
            // The repeated run's images are the marked ones by now.
            Some(LeftOutChoice::Earlier { images, .. })
                if there(&LeftOutChoice::Marked) && self.dataset(choices).is_some_and(|one| one.marked == *images) =>
            {
                LeftOutChoice::Marked
            }
            _ => default(),
        }
    }

    /// Chooses the marked images of a dataset again, after more were marked, if the form is about that dataset. A
    /// choice made or repeated before is about fewer marks.
    pub fn take_up_marks(&mut self, dataset: &DatasetName, choices: &FormChoices<'_>) {
        if self.dataset(choices).is_some_and(|own| own.name == *dataset) {
            self.left_out_choice = None;
        }
    }

    /// Returns whether a run of this form leaves out the marked images of a dataset.
    #[must_use]
    pub fn leaves_out_marks_of(&self, dataset: &DatasetName, choices: &FormChoices<'_>) -> bool {
        self.dataset(choices).is_some_and(|own| own.name == *dataset)
            && self.left_out_choice(choices) == LeftOutChoice::Marked
    }

    /// Returns the images that a run of this form leaves out.
    #[must_use]
    pub fn left_out(&self, choices: &FormChoices<'_>) -> LeftOutImages {
        match self.left_out_choice(choices) {
            LeftOutChoice::Nothing => LeftOutImages::default(),
            LeftOutChoice::Marked => self.dataset(choices).map(|dataset| dataset.marked.clone()).unwrap_or_default(),
            LeftOutChoice::Found(kind) => {
                let found = self.dataset(choices).and_then(|one| one.found.iter().find(|(known, _)| *known == kind));
                found.map(|(_, images)| images.clone()).unwrap_or_default()
            }
            LeftOutChoice::Earlier { images, .. } => images,
        }
    }
}
