//! Evaluates the best weights on the test images, on views of them, and on the unaugmented training images.

use burn::module::AutodiffModule;
use burn::tensor::backend::AutodiffBackend;

use crate::checkpoint;
use crate::data::fraction::trained_images;
use crate::domain::{Outcome, Split, View};
use crate::events::Event;
use crate::model::kernels::TrainBackend;
use crate::model::network::Network;
use crate::runs::predictions::Predictions;
use crate::train::Reporter;
use crate::train::evaluate::Evaluation;

use super::checkpoints::best;
use super::error::WorkerError;
use super::job::{JobContext, check_identity, nothing_to_score, plan};
use super::setup::RunInputs;

/// The best weights in a network, and their epoch.
type Best<B> = (Network<<B as AutodiffBackend>::InnerBackend>, u32);

impl<B> JobContext<'_, B>
where
    B: TrainBackend,
{
    /// Loads the best weights.
    fn best(&mut self) -> Result<Best<B>, WorkerError> {
        let (best, warnings) = best(self.files)?;
        warnings.into_iter().for_each(|message| self.reporter.report(Event::Warning { message }));
        check_identity(Some(&best), self.setup.identity())?;
        let network = self.setup.network()?.valid().load_arrays(&checkpoint::evaluated_arrays(best.arrays))?;
        Ok((network, best.state.epoch))
    }

    /// Tests the best weights and saves every prediction. Returns false if a stop was requested before the end.
    pub(super) fn test_best(&mut self) -> Result<bool, WorkerError> {
        let RunInputs { recipe, dataset, folder, .. } = self.run_inputs;
        let images = dataset.len(Split::Test);
        if images == 0 {
            return Err(nothing_to_score(recipe));
        }
        let (network, epoch) = self.best()?;
        self.reporter.report(Event::EvaluationStarted { split: Split::Test, images });
        let Some(loader) = self.setup.inputs(&[Split::Test], self.reporter) else { return Ok(false) };
        let plan = plan::<B>(self.run_inputs, self.files, self.setup.identity(), loader, self.readback);
        let evaluation = plan.evaluate(&network, Split::Test, self.device, self.reporter);
        let Some(evaluation) = evaluation? else { return Ok(false) };
        drop(plan);
        if !self.test_views(&network, epoch, &evaluation)? {
            return Ok(false);
        }
        let Evaluation { loss, confusion, probabilities, truth } = evaluation;
        let predictions = Predictions { classes: confusion.classes(), probabilities, truth };
        self.reporter.write_predictions(&predictions, &folder.test_predictions());
        self.reporter.report(Event::Evaluated { split: Split::Test, epoch, loss, confusion });
        Ok(true)
    }

    /// Tests the views of the recipe other than the plain one, whose evaluation is `plain`, and saves the mean of their
    /// probabilities. Returns false if a stop was requested before the end.
    fn test_views(
        &mut self,
        network: &Network<B::InnerBackend>,
        epoch: u32,
        plain: &Evaluation,
    ) -> Result<bool, WorkerError> {
        let RunInputs { recipe, folder, .. } = self.run_inputs;
        let others: Vec<View> = recipe.views.each().into_iter().filter(|view| *view != View::PLAIN).collect();
        if others.is_empty() {
            return Ok(true);
        }
        // Cached features are of the plain view only.
        let loader = self.setup.images_of(Split::Test);
        let fit = plan::<B>(self.run_inputs, self.files, self.setup.identity(), loader, self.readback);
        let mut of_views = vec![plain.clone()];
        for view in others {
            let found = fit.evaluate_view(network, Split::Test, view, self.device, self.reporter)?;
            let Some(evaluation) = found else { return Ok(false) };
            of_views.push(evaluation);
        }
        drop(fit);
        // The list has at least the plain view.
        let Some(mean) = Evaluation::mean(&of_views) else { return Ok(true) };
        let Evaluation { loss, confusion, probabilities, truth } = mean;
        let predictions = Predictions { classes: confusion.classes(), probabilities, truth };
        self.reporter.write_predictions(&predictions, &folder.test_views_predictions());
        self.reporter.report(Event::ViewsEvaluated { views: recipe.views.count(), epoch, loss, confusion });
        Ok(true)
    }

    /// Evaluates the unaugmented training images and saves every prediction. The run's outcome is decided, so a failure
    /// or a requested stop is only logged. Returns the interruption by a signal, after which the pass is still to be
    /// made.
    pub(super) fn score_training(&mut self) -> Option<Outcome> {
        let cause = match self.try_score_training() {
            Ok(true) => return None,
            Ok(false) => match self.reporter.early_outcome() {
                interrupted @ Outcome::Interrupted { .. } => return Some(interrupted),
                _ => "the pass over the training images was ended on request".to_owned(),
            },
            Err(cause) => format!("the pass over the training images failed: {cause}"),
        };
        self.reporter.report(Event::EvaluationFailed { cause });
        None
    }

    fn try_score_training(&mut self) -> Result<bool, WorkerError> {
        let RunInputs { recipe, dataset, folder, .. } = self.run_inputs;
        let count = dataset.len(Split::Train);
        let kept = trained_images(recipe, count, |index| dataset.label(Split::Train, index));
        let others: Vec<u32> =
            (0..count).zip(0..).map(|(_, index)| index).filter(|index| kept.binary_search(index).is_err()).collect();
        self.reporter.report(Event::EvaluationStarted { split: Split::Train, images: kept.len() });
        let (network, epoch) = self.best()?;
        let loader = self.setup.plain_training_inputs();
        let plan = plan::<B>(self.run_inputs, self.files, self.setup.identity(), loader, self.readback);
        let mut on = |images: &[u32]| {
            plan.evaluate_images(&network, Split::Train, images.to_vec(), View::PLAIN, self.device, self.reporter)
        };
        // Metrics are of the images that were trained on. Predictions are of all images in the dataset's order.
        // Otherwise the rows of runs that leave out different images could not be compared.
        let Some(trained) = on(&kept)? else { return Ok(false) };
        let Some(other_scores) = on(&others)? else { return Ok(false) };
        drop(plan);
        let classes = trained.confusion.classes();
        let parts = [(kept.as_slice(), &trained), (others.as_slice(), &other_scores)];
        self.reporter.write_predictions(&merge_by_index(classes, parts), &folder.train_predictions());
        let Evaluation { loss, confusion, .. } = trained;
        self.reporter.report(Event::Evaluated { split: Split::Train, epoch, loss, confusion });
        Ok(true)
    }
}

/// Returns the predictions of two parts of a split, each row at the index of its image.
fn merge_by_index(classes: usize, parts: [(&[u32], &Evaluation); 2]) -> Predictions {
    let images = parts.iter().map(|(indices, _)| indices.len()).sum();
    let mut whole = Predictions { classes, probabilities: vec![0.0; images * classes], truth: vec![0; images] };
    for (indices, Evaluation { probabilities, truth, .. }) in parts {
        for ((index, row), truth) in indices.iter().zip(probabilities.chunks_exact(classes)).zip(truth) {
            let row_index = *index as usize;
            whole.probabilities[row_index * classes..][..classes].copy_from_slice(row);
            whole.truth[row_index] = *truth;
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Confusion;

    #[test]
    fn rows_are_at_the_indices_of_their_images() {
        let part = |truth: &[u16]| Evaluation {
            loss: 0.0,
            confusion: Confusion::new(2),
            probabilities: truth.iter().flat_map(|truth| [f32::from(*truth), 0.5]).collect(),
            truth: truth.to_vec(),
        };
        let whole = merge_by_index(2, [(&[0, 2, 3], &part(&[0, 2, 3])), (&[1], &part(&[1]))]);
        assert_eq!(whole.truth, [0, 1, 2, 3]);
        assert_eq!(whole.probabilities, [0.0, 0.5, 1.0, 0.5, 2.0, 0.5, 3.0, 0.5]);
    }
}
