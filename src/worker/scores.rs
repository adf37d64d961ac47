//! What the best weights are worth: on the test images, and on the training images as they are.

use burn::module::AutodiffModule;
use burn::tensor::backend::AutodiffBackend;

use crate::checkpoint;
use crate::domain::{Split, View};
use crate::events::Event;
use crate::model::kernels::TrainBackend;
use crate::model::network::Network;
use crate::runs::predictions::Predictions;
use crate::train::Reporter;
use crate::train::evaluate::Evaluation;

use super::checkpoints::best;
use super::error::WorkerError;
use super::job::{Desk, check_identity, nothing_to_score, plan};
use super::setup::Ground;

/// The best weights in a network, and their epoch.
type Best<B> = (Network<<B as AutodiffBackend>::InnerBackend>, u32);

impl<B> Desk<'_, B>
where
    B: TrainBackend,
{
    fn best(&mut self) -> Result<Best<B>, WorkerError> {
        let (best, told) = best(self.files)?;
        told.into_iter().for_each(|message| self.journal.report(Event::Warning { message }));
        check_identity(Some(&best), self.setup.identity())?;
        let network = self.setup.network()?.valid().load_arrays(&checkpoint::evaluated(best.arrays))?;
        Ok((network, best.state.epoch))
    }

    /// Tests the best weights and keeps every prediction. False if a stop was asked for before the end.
    pub(super) fn test_best(&mut self) -> Result<bool, WorkerError> {
        let Ground { recipe, dataset, folder, .. } = self.ground;
        let images = dataset.len(Split::Test);
        if images == 0 {
            return Err(nothing_to_score(recipe));
        }
        let (network, epoch) = self.best()?;
        self.journal.report(Event::EvaluationStarted { split: Split::Test, images });
        let Some(feed) = self.setup.inputs(&[Split::Test], self.journal) else { return Ok(false) };
        let plan = plan::<B>(self.ground, self.files, self.setup.identity(), feed, self.readback);
        let evaluation = plan.evaluate(&network, Split::Test, self.device, self.journal);
        let Some(evaluation) = evaluation? else { return Ok(false) };
        drop(plan);
        if !self.test_views(&network, epoch, &evaluation)? {
            return Ok(false);
        }
        let Evaluation { loss, confusion, probabilities, truth } = evaluation;
        let predictions = Predictions { classes: confusion.classes(), probabilities, truth };
        self.journal.keep(&predictions, &folder.test_predictions());
        self.journal.report(Event::Evaluated { split: Split::Test, epoch, loss, confusion });
        Ok(true)
    }

    /// Tests the views that the recipe wants beside the plain one, whose evaluation is `plain`, and keeps the mean of
    /// their probabilities. False if a stop was asked for before the end.
    fn test_views(
        &mut self,
        network: &Network<B::InnerBackend>,
        epoch: u32,
        plain: &Evaluation,
    ) -> Result<bool, WorkerError> {
        let Ground { recipe, folder, .. } = self.ground;
        let others: Vec<View> = recipe.views.each().into_iter().filter(|view| *view != View::PLAIN).collect();
        if others.is_empty() {
            return Ok(true);
        }
        // Features are cached of the plain view alone.
        let feed = self.setup.images_of(Split::Test);
        let fit = plan::<B>(self.ground, self.files, self.setup.identity(), feed, self.readback);
        let mut of_views = vec![plain.clone()];
        for view in others {
            let found = fit.evaluate_view(network, Split::Test, view, self.device, self.journal)?;
            let Some(evaluation) = found else { return Ok(false) };
            of_views.push(evaluation);
        }
        drop(fit);
        // There is the plain one at least.
        let Some(mean) = Evaluation::mean(&of_views) else { return Ok(true) };
        let Evaluation { loss, confusion, probabilities, truth } = mean;
        let predictions = Predictions { classes: confusion.classes(), probabilities, truth };
        self.journal.keep(&predictions, &folder.test_views_predictions());
        self.journal.report(Event::ViewsEvaluated { views: recipe.views.count(), epoch, loss, confusion });
        Ok(true)
    }

    /// Goes through the training images once, as they are, and keeps every prediction. The run has ended well before
    /// this: whatever goes wrong here, or a request to stop, ends nothing but this.
    pub(super) fn score_training(&mut self) {
        let cause = match self.try_score_training() {
            Ok(true) => return,
            Ok(false) => "the pass over the training images was ended on request".to_owned(),
            Err(cause) => format!("the pass over the training images failed: {cause}"),
        };
        self.journal.report(Event::EvaluationFailed { cause });
    }

    fn try_score_training(&mut self) -> Result<bool, WorkerError> {
        let Ground { recipe, dataset, folder, .. } = self.ground;
        let kept = recipe.left_out.kept_of(dataset.len(Split::Train));
        self.journal.report(Event::EvaluationStarted { split: Split::Train, images: kept.len() });
        let (network, epoch) = self.best()?;
        let feed = self.setup.plain_training_inputs();
        let plan = plan::<B>(self.ground, self.files, self.setup.identity(), feed, self.readback);
        let mut on = |images: &[u32]| {
            plan.evaluate_images(&network, Split::Train, images.to_vec(), View::PLAIN, self.device, self.journal)
        };
        // The figures are of what was trained on; the predictions are of all, in the dataset's order, so that a row is
        // an image whatever a run leaves out.
        let Some(trained) = on(&kept)? else { return Ok(false) };
        let Some(others) = on(&recipe.left_out.images)? else { return Ok(false) };
        drop(plan);
        let classes = trained.confusion.classes();
        let parts = [(kept.as_slice(), &trained), (recipe.left_out.images.as_slice(), &others)];
        self.journal.keep(&in_place(classes, parts), &folder.train_predictions());
        let Evaluation { loss, confusion, .. } = trained;
        self.journal.report(Event::Evaluated { split: Split::Train, epoch, loss, confusion });
        Ok(true)
    }
}

/// The predictions of two parts of a split, each row at its image's place.
fn in_place(classes: usize, parts: [(&[u32], &Evaluation); 2]) -> Predictions {
    let images = parts.iter().map(|(indices, _)| indices.len()).sum();
    let mut whole = Predictions { classes, probabilities: vec![0.0; images * classes], truth: vec![0; images] };
    for (indices, Evaluation { probabilities, truth, .. }) in parts {
        for ((index, row), truth) in indices.iter().zip(probabilities.chunks_exact(classes)).zip(truth) {
            let place = *index as usize;
            whole.probabilities[place * classes..][..classes].copy_from_slice(row);
            whole.truth[place] = *truth;
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Confusion;

    #[test]
    fn rows_are_at_their_images_places() {
        let part = |truth: &[u16]| Evaluation {
            loss: 0.0,
            confusion: Confusion::new(2),
            probabilities: truth.iter().flat_map(|truth| [f32::from(*truth), 0.5]).collect(),
            truth: truth.to_vec(),
        };
        let whole = in_place(2, [(&[0, 2, 3], &part(&[0, 2, 3])), (&[1], &part(&[1]))]);
        assert_eq!(whole.truth, [0, 1, 2, 3]);
        assert_eq!(whole.probabilities, [0.0, 0.5, 1.0, 0.5, 2.0, 0.5, 3.0, 0.5]);
    }
}
