//! Events as text: the log lines of the dashboard and the command line.

use crate::domain::hyperparameter::Patience;
use crate::domain::number_text::{count, thousands};
use crate::domain::{FinishReason, Outcome, Size, Split, text::printable};
use crate::events::Event;

/// Describes an event in one line, safe for a terminal; `None` for events that logs omit.
#[must_use]
pub fn describe_event(event: &Event) -> Option<String> {
    let text = match event {
        Event::LogOpened { .. }
        | Event::Step { .. }
        | Event::EpochStarted { .. }
        | Event::ComputingFeatures { .. }
        | Event::KernelsCompiled { .. }
        | Event::Load { .. }
        | Event::CheckpointSaved { best: false, .. }
        | Event::Unknown => return None,
        Event::WorkerStarted { pid, host, resumed_from: 0, resumed_step: 0 } => {
            format!("worker {pid} started on {host}")
        }
        Event::WorkerStarted { pid, host, resumed_from, resumed_step: 0 } => {
            format!("worker {pid} started on {host}, resuming after epoch {resumed_from}")
        }
        Event::WorkerStarted { pid, host, resumed_from, resumed_step } => {
            let epoch = resumed_from.saturating_add(1);
            format!("worker {pid} started on {host}, resuming after step {resumed_step} of epoch {epoch}")
        }
        Event::DeviceChosen { device, description, note } => {
            let note = note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
            format!("device {device}: {description}{note}")
        }
        Event::CompilingKernels { device } => {
            format!("compiling and tuning kernels for {device}: the first start takes a while, later ones do not")
        }
        Event::DataOpened { images, classes } => format!(
            "{} training, {} validation, {} test images of {} classes",
            thousands(images.train),
            thousands(images.validation),
            thousands(images.test),
            classes.len()
        ),
        Event::NetworkBuilt { total, trainable } => {
            format!("network with {} parameters, {} trained", thousands(*total), thousands(*trainable))
        }
        Event::Waiting { run } => format!("waits for {run} to end"),
        Event::Queued { device, ahead: 0 } => format!("waits for a slot of {device}"),
        Event::Queued { device, ahead: 1 } => format!("waits for a slot of {device}: one run is before it"),
        Event::Queued { device, ahead } => {
            let ahead = count(*ahead, "run is", "runs are");
            format!("waits for a slot of {device}: {ahead} before it")
        }
        Event::FeaturesReady { images, computed: 0, bytes, .. } => {
            format!("features of {} images found on disk ({})", thousands(*images), Size(*bytes))
        }
        Event::FeaturesReady { images, computed, bytes, seconds } => {
            let (computed, images) = (thousands(*computed), thousands(*images));
            format!("features of {computed} of {images} images computed in {seconds:.0} s and saved ({})", Size(*bytes))
        }
        Event::EpochFinished { metrics, early_stopping } => {
            let best = if early_stopping.best_epoch == metrics.epoch {
                "best so far".to_owned()
            } else {
                format!("best is epoch {}", early_stopping.best_epoch)
            };
            format!(
                "epoch {}: train loss {:.4} acc {:.4}, val loss {:.4} acc {:.4}, {:.1} s, {:.0} images/s ({best})",
                metrics.epoch,
                metrics.train_loss,
                metrics.train_accuracy,
                metrics.val_loss,
                metrics.val_accuracy,
                metrics.seconds,
                metrics.images_per_second
            )
        }
        Event::LearningRateReduced { from, to, .. } => {
            format!("learning rate {from:.2e} → {to:.2e}: validation stalled")
        }
        Event::CheckpointSaved { epoch, .. } => format!("saved the weights of epoch {epoch} as best"),
        Event::StopRequested => "stop requested: ending after the current batch".into(),
        Event::Paused => "paused on request".into(),
        Event::Continued => "continues after the pause".into(),
        Event::LimitsChanged { epochs, patience } => {
            format!("limits: {epochs} epochs at most, patience {}", Patience(*patience))
        }
        Event::EvaluationStarted { split, images } => {
            format!("testing the best weights on {} {} images", thousands(*images), split_word(*split))
        }
        Event::Evaluated { split, epoch, loss, confusion } => {
            let scores = confusion.scores();
            format!(
                "{}: accuracy {:.4}, macro F1 {:.4}, loss {loss:.4} (weights of epoch {epoch})",
                if *split == Split::Train { "training images" } else { split.name() },
                scores.accuracy,
                scores.f1
            )
        }
        Event::ViewsEvaluated { views, loss, confusion, .. } => {
            let scores = confusion.scores();
            format!("test, {views} views: accuracy {:.4}, macro F1 {:.4}, loss {loss:.4}", scores.accuracy, scores.f1)
        }
        Event::EvaluationFailed { cause } => format!("the best weights were not tested: {cause}"),
        Event::Warning { message } => format!("warning: {message}"),
        Event::Ended { outcome } => describe_outcome(outcome),
    };
    Some(printable(&text))
}

/// Returns the adjective of a split's images.
fn split_word(split: Split) -> &'static str {
    if split == Split::Train { "training" } else { split.name() }
}

/// Describes an outcome as a part of a sentence.
#[must_use]
pub fn describe_outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Finished { reason: FinishReason::EarlyStop } => "finished: early stop".into(),
        Outcome::Finished { reason: FinishReason::MaxEpochs } => "finished: all epochs done".into(),
        Outcome::Stopped => "stopped on request".into(),
        Outcome::Interrupted { signal } => printable(&format!("interrupted by {signal}, and saved")),
        Outcome::Diverged { cause } => printable(&format!("failed: diverged, {cause}")),
        Outcome::Failed { cause, .. } => printable(&format!("failed: {cause}")),
    }
}
