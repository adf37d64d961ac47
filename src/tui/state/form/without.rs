//! Which training images a run does without.

use super::{Form, Ground};
use crate::domain::{LeftOutImages, Strategy, StrategyChoice};

/// A choice of training images to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Without {
    /// All are trained on.
    Nothing,
    /// Those that are marked on the Inspect screen as wrongly labelled.
    Marked,
    /// Those that another run did without: the repeated one, or the one that fine-tuning starts from.
    Earlier {
        /// The fingerprint of the dataset that they are of.
        fingerprint: String,
        /// Which.
        images: LeftOutImages,
    },
}

impl Form {
    /// What there is to choose from: only what leaves something else out.
    #[must_use]
    pub fn withouts(&self, ground: &Ground<'_>) -> Vec<Without> {
        let mut choices = vec![Without::Nothing];
        let Some(dataset) = self.dataset(ground) else { return choices };
        if !dataset.marked.is_empty() {
            choices.push(Without::Marked);
        }
        let earlier = self.start_without(ground).into_iter().chain(self.without.clone());
        for choice in earlier {
            let Without::Earlier { fingerprint, images } = &choice else { continue };
            let new = *fingerprint == dataset.fingerprint && !images.is_empty() && *images != dataset.marked;
            if new && !choices.contains(&choice) {
                choices.push(choice);
            }
        }
        choices
    }

    /// What the run did without that fine-tuning starts from.
    fn start_without(&self, ground: &Ground<'_>) -> Option<Without> {
        if self.strategy_choice != StrategyChoice::One(Strategy::Finetune) {
            return None;
        }
        let start = &self.start(ground)?.summary.as_ref().ok()?.recipe;
        Some(Without::Earlier { fingerprint: start.fingerprint.clone(), images: start.left_out.clone() })
    }

    /// The choice made; else fine-tuning does without what its start did without, and others without what is marked.
    #[must_use]
    pub fn without(&self, ground: &Ground<'_>) -> Without {
        let choices = self.withouts(ground);
        let there = |choice: &Without| choices.contains(choice);
        let default = || match self.start_without(ground) {
            Some(start) if there(&start) => start,
            Some(_) => {
                // The same images may be what is marked by now.
                let same = |start: &LeftOutImages| self.dataset(ground).is_some_and(|one| one.marked == *start);
                let start = self.start(ground).and_then(|run| run.summary.as_ref().ok());
                let marked =
                    start.is_some_and(|start| !start.recipe.left_out.is_empty() && same(&start.recipe.left_out));
                if marked { Without::Marked } else { Without::Nothing }
            }
            None if there(&Without::Marked) => Without::Marked,
            None => Without::Nothing,
        };
        match &self.without {
            Some(chosen) if there(chosen) => chosen.clone(),
            // A repeated run's images, which are those that are marked.
            Some(Without::Earlier { images, .. })
                if there(&Without::Marked) && self.dataset(ground).is_some_and(|one| one.marked == *images) =>
            {
                Without::Marked
            }
            _ => default(),
        }
    }

    /// The images that a run of this form does without.
    #[must_use]
    pub fn left_out(&self, ground: &Ground<'_>) -> LeftOutImages {
        match self.without(ground) {
            Without::Nothing => LeftOutImages::default(),
            Without::Marked => self.dataset(ground).map(|dataset| dataset.marked.clone()).unwrap_or_default(),
            Without::Earlier { images, .. } => images,
        }
    }
}
