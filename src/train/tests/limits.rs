//! Tests of the end of a run and of its epochs: patience, changed limits, divergence, pauses and left-out images.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{ImageRun, Recorder};
use crate::checkpoint::Checkpoint;
use crate::data::batch::{Pass, Source};
use crate::domain::{FinishReason, LeftOutImages, Limits, Schedule, Split};
use crate::events::Event;
use crate::train::fit::FitEnd;

#[test]
fn patience_ends_a_run_and_the_best_weights_are_saved() {
    let mut training = ImageRun::new();
    training.recipe.epochs = 40;
    training.recipe.early_stopping.patience = 2;
    // No value beats the first by a whole nat, so patience counts epochs 2 and 3.
    training.recipe.early_stopping.min_delta = 1.0;
    let (end, recorder) = training.run("patient", None, None);
    assert_eq!(end, FitEnd::Finished(FinishReason::EarlyStop));
    assert_eq!(recorder.history().len(), 3);
    assert_eq!(Checkpoint::read(&training.files("patient").best).expect("best").state.epoch, 1);
    let last = Checkpoint::read(&training.files("patient").last).expect("last");
    assert_eq!(last.state.epoch, 3);
    assert_eq!(training.run("patient", Some(&last), None).1.history().len(), 0, "a resumed run knows that it is over");
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_as_diverged() {
    let mut training = ImageRun::new();
    training.recipe.learning_rate = 1e30;
    let (end, recorder) = training.run("diverged", None, None);
    assert!(matches!(&end, FitEnd::Diverged(cause) if cause.contains("is not a number")), "{end:?}");
    assert!(recorder.history().len() <= 1);
}

#[test]
fn a_pause_changes_no_bit_and_is_no_part_of_the_time() {
    let mut training = ImageRun::new();
    training.recipe.epochs = 2;
    let (_, whole) = training.run("whole", None, None);
    // 8 steps and 1 validation batch an epoch.
    let pause = Duration::from_millis(40);
    let recorder = Recorder { pause, ..Recorder::default() };
    let begun = Instant::now();
    let (_, slept) = training.run_with("paused", None, recorder, &training.images());
    let passed = begun.elapsed().as_secs_f64();
    assert_eq!(slept.history(), whole.history());
    assert_eq!(training.last("paused"), training.last("whole"));
    let seconds = slept.events.iter().filter_map(|event| match event {
        Event::EpochFinished { metrics, .. } => Some(metrics.seconds),
        _ => None,
    });
    let (seconds, slept) = (seconds.sum::<f64>(), slept.paused.as_secs_f64());
    assert!(slept >= 18.0 * pause.as_secs_f64(), "{slept}");
    assert!(seconds <= passed - slept + 1e-3, "{seconds} s logged of {passed} s, {slept} of them paused");
}

#[test]
fn patience_counts_as_it_is_when_an_epoch_ends() {
    let mut training = ImageRun::new();
    training.recipe.epochs = 40;
    training.recipe.early_stopping.patience = 30;
    // No value beats the first by a whole nat.
    training.recipe.early_stopping.min_delta = 1.0;
    // Within the third epoch; a stop is checked 9 times in each.
    let limits = vec![(22, Limits { epochs: 40, patience: 2 })];
    let (end, recorder) =
        training.run_with("less", None, Recorder { limits, ..Recorder::default() }, &training.images());
    assert_eq!((end, recorder.history().len()), (FitEnd::Finished(FinishReason::EarlyStop), 3));

    // With more patience the same run continues.
    let limits = vec![(0, Limits { epochs: 40, patience: 4 })];
    let last = training.last("less");
    let (end, recorder) =
        training.run_with("less", Some(&last), Recorder { limits, ..Recorder::default() }, &training.images());
    assert_eq!((end, recorder.history().len()), (FitEnd::Finished(FinishReason::EarlyStop), 2));
}

#[test]
fn a_run_with_fewer_epochs_than_started_ends_after_the_current_one() {
    let training = ImageRun::new();
    let limits = vec![(12, Limits { epochs: 1, patience: 10 })];
    let (end, recorder) =
        training.run_with("short", None, Recorder { limits, ..Recorder::default() }, &training.images());
    assert_eq!((end, recorder.history().len()), (FitEnd::Finished(FinishReason::MaxEpochs), 2));
}

#[test]
fn a_run_that_is_extended_is_the_longer_run_where_the_rate_is_constant() {
    let mut training = ImageRun::new();
    training.recipe.schedule = Schedule::Constant;
    let (_, longer) = training.run("longer", None, None);
    training.recipe.epochs = 2;
    let (_, mut recorder) = training.run("extended", None, None);
    let limits = vec![(0, Limits { epochs: 4, patience: 10 })];
    let last = training.last("extended");
    let (end, rest) =
        training.run_with("extended", Some(&last), Recorder { limits, ..Recorder::default() }, &training.images());
    recorder.events.extend(rest.events);
    assert_eq!(end, FitEnd::Finished(FinishReason::MaxEpochs));
    assert_eq!(recorder.history(), longer.history());
    assert_eq!(training.last("extended"), training.last("longer"));
}

#[test]
fn the_validation_of_each_epoch_gives_its_metrics() {
    let training = ImageRun::new();
    let (_, recorder) = training.run("validated", None, None);
    let history = recorder.history();
    assert_eq!(recorder.validated.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for ((_, evaluation), metrics) in recorder.validated.iter().zip(history) {
        let rows = || evaluation.probabilities.chunks_exact(2).zip(&evaluation.truth);
        let right = rows().filter(|(row, truth)| usize::from(row[1] > row[0]) == usize::from(**truth)).count();
        let loss: f64 = rows().map(|(row, truth)| -f64::from(row[usize::from(*truth)]).ln()).sum();
        assert_eq!(evaluation.truth.len(), 40);
        assert!((f64::from(u32::try_from(right).expect("few")) / 40.0 - metrics.val_accuracy).abs() < 1e-12);
        assert!((loss / 40.0 - metrics.val_loss).abs() < 1e-5, "{} against {}", loss / 40.0, metrics.val_loss);
    }
}

/// Images that record the training images that are read.
struct Watched {
    images: Arc<dyn Source>,
    seen: Mutex<Vec<(u64, u32)>>,
}

impl Source for Watched {
    fn shape(&self) -> [usize; 3] {
        self.images.shape()
    }

    fn count(&self, split: Split) -> usize {
        self.images.count(split)
    }

    fn label(&self, split: Split, index: usize) -> usize {
        self.images.label(split, index)
    }

    fn fill(&self, split: Split, indices: &[u32], pass: Pass, out: &mut [f32]) {
        if split == Split::Train {
            let mut seen = self.seen.lock().expect("no panic before");
            let Pass::Training(epoch) = pass else { panic!("training has epochs") };
            seen.extend(indices.iter().map(|index| (epoch, *index)));
        }
        self.images.fill(split, indices, pass, out);
    }
}

#[test]
fn an_image_left_out_is_in_no_batch_and_every_other_in_each_epoch_once() {
    let mut training = ImageRun::new();
    training.recipe.epochs = 2;
    let gone = [0, 17, 60, 119];
    training.recipe.correct(LeftOutImages::new(gone.to_vec(), Vec::new()).into());
    let watched = Arc::new(Watched { images: training.images(), seen: Mutex::default() });
    let source: Arc<dyn Source> = Arc::clone(&watched) as _;
    let (end, recorder) = training.run_with("without", None, Recorder::default(), &source);
    assert_eq!((end, recorder.history().len()), (FitEnd::Finished(FinishReason::MaxEpochs), 2));
    let seen = watched.seen.lock().expect("no panic before");
    for epoch in [1, 2] {
        let of_epoch: Vec<u32> = seen.iter().filter(|(at, _)| *at == epoch).map(|(_, index)| *index).collect();
        let once: HashSet<u32> = of_epoch.iter().copied().collect();
        assert_eq!((of_epoch.len(), once.len()), (116, 116), "epoch {epoch}");
        assert!(gone.iter().all(|index| !once.contains(index)), "epoch {epoch}");
    }
}
