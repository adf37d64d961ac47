//! Tests that a run learns, depends on its seed only, and ends with the same bits after an interruption.

use std::sync::Arc;

use burn::backend::Flex;

use super::{ImageRun, Recorder, SIDE, assert_near, identity};
use crate::checkpoint::{self, Checkpoint};
use crate::data::batch::Pass;
use crate::domain::{Augmentation, FinishReason, Hyperparameter, NetworkName, Precision, Split};
use crate::model::network::tests::drawn;
use crate::train::data_loader::DataLoader;
use crate::train::evaluate::evaluate;
use crate::train::fit::FitEnd;

#[test]
fn it_learns_and_the_same_seed_gives_the_same_run() {
    let training = ImageRun::new();
    let (end, first) = training.run("first", None, None);
    let (_, second) = training.run("second", None, None);
    assert_eq!(end, FitEnd::Finished(FinishReason::MaxEpochs));
    assert_eq!(first.history(), second.history());
    let (before, after) = (first.history()[0], first.history()[3]);
    assert!(after.val_loss < before.val_loss && after.val_accuracy > 0.8, "{before:?} {after:?}");
    let read = |run| Checkpoint::read(&training.files(run).last).expect("a checkpoint");
    assert_eq!(read("first"), read("second"));
}

#[test]
fn another_seed_gives_another_run() {
    let mut training = ImageRun::new();
    let (_, first) = training.run("first", None, None);
    training.recipe.seed += 1;
    assert_ne!(training.run("second", None, None).1.history(), first.history());
}

#[test]
fn a_run_stopped_anywhere_and_resumed_ends_as_if_it_had_not_been() {
    let training = ImageRun::new();
    let (_, whole) = training.run("whole", None, None);
    let expected = Checkpoint::read(&training.files("whole").last).expect("a checkpoint");
    // An epoch has 8 steps and 1 validation batch. Stops in the first epoch, in a later one, and in a validation.
    for stop_at in [3, 13, 18] {
        let run = format!("stopped-{stop_at}");
        let (end, mut recorder) = training.run(&run, None, Some(stop_at));
        assert_eq!(end, FitEnd::Stopped);
        let checkpoint = Checkpoint::read(&training.files(&run).last).ok();
        let completed = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.state.epoch as usize);
        assert_eq!(completed, recorder.history().len());
        let (_, rest) = training.run(&run, checkpoint.as_ref(), None);
        recorder.events.extend(rest.events);
        assert_eq!(recorder.history(), whole.history(), "stopped at {stop_at}");
        assert_eq!(Checkpoint::read(&training.files(&run).last).expect("a checkpoint"), expected);
    }
}

#[test]
fn a_run_with_every_setting_resumes_to_the_same_bits() {
    let mut training = ImageRun::new();
    let settings = [
        (Hyperparameter::Optimizer, "sgd"),
        (Hyperparameter::LearningRate, "0.05"),
        (Hyperparameter::Schedule, "cosine"),
        (Hyperparameter::Warmup, "1"),
        (Hyperparameter::WeightDecay, "0.0005"),
        (Hyperparameter::LabelSmoothing, "0.1"),
        (Hyperparameter::ClipNorm, "1"),
        (Hyperparameter::Average, "0.9"),
        (Hyperparameter::Balance, "sampler-sqrt"),
        (Hyperparameter::Crop, "10"),
        (Hyperparameter::Standardize, "image"),
        (Hyperparameter::Augmentation, "strong+brightness=0.2+contrast=0.2+mixup=0.4"),
    ];
    for (setting, value) in settings {
        setting.set(&mut training.recipe, value).expect("accepted");
    }
    let (end, whole) = training.run("whole", None, None);
    assert_eq!((end, whole.history().len()), (FitEnd::Finished(FinishReason::MaxEpochs), 4));
    let expected = training.last("whole");
    let names = |prefix: &str| expected.arrays.keys().filter(|name| name.starts_with(prefix)).count();
    assert_eq!([names("average."), names("sgd.velocity."), names("adam.")], [6, 6, 0]);
    for stop_at in [3, 13] {
        let run = format!("stopped-{stop_at}");
        let (_, mut recorder) = training.run(&run, None, Some(stop_at));
        let (_, rest) = training.run(&run, Some(&training.last(&run)), None);
        recorder.events.extend(rest.events);
        assert_eq!(recorder.history(), whole.history(), "stopped at {stop_at}");
        assert_eq!(training.last(&run), expected, "stopped at {stop_at}");
    }
    // Validation evaluates the average.
    let evaluated = checkpoint::evaluated_arrays(expected.arrays.clone());
    assert!(evaluated.keys().all(|name| !name.starts_with("average.")));
    assert_eq!(evaluated["dense_weight"], expected.arrays["average.dense_weight"]);
    assert_ne!(evaluated["dense_weight"], expected.arrays["dense_weight"]);
}

#[test]
fn images_that_stay_on_the_device_train_as_those_that_are_sent() {
    let mut training = ImageRun::new();
    // 120 images: the last batch of an epoch has 10.
    training.recipe.batch_size = 22;
    for augmentation in [Some(Augmentation::REFERENCE), None] {
        training.recipe.augmentation = augmentation;
        training.resident = false;
        let (_, sent) = training.run("sent", None, None);
        training.resident = true;
        let (end, kept) = training.run("kept", None, None);
        assert_eq!(end, FitEnd::Finished(FinishReason::MaxEpochs));
        assert_near(&kept, &sent);
        if augmentation.is_none() {
            assert_eq!(kept.history(), sent.history(), "nothing is sampled, so nothing is rounded");
        }
    }
}

#[test]
fn a_run_in_bf16_learns_with_weights_in_f32_and_resumes_to_the_last_bit() {
    let mut training = ImageRun::new();
    let (_, full) = training.run("full", None, None);
    training.recipe.set_precision(Precision::Bf16);
    let (end, whole) = training.run("whole", None, None);
    assert_eq!(end, FitEnd::Finished(FinishReason::MaxEpochs));
    assert_ne!(whole.history(), full.history(), "nothing was computed in bf16");
    for (short, full) in whole.history().iter().zip(full.history()) {
        assert!((short.val_loss - full.val_loss).abs() < 0.1 * full.val_loss.max(0.1), "{short:?} {full:?}");
    }
    let (end, mut recorder) = training.run("stopped", None, Some(13));
    assert_eq!(end, FitEnd::Stopped);
    recorder.events.extend(training.run("stopped", Some(&training.last("stopped")), None).1.events);
    assert_eq!(recorder.history(), whole.history());
    assert_eq!(training.last("stopped"), training.last("whole"));
    // Weights that were cast to bf16 would have no more bits than bf16.
    let short = |value: f32| value.to_bits().trailing_zeros() >= 16;
    let weights = &training.last("whole").arrays["block2.weight"].values;
    assert!(weights.iter().filter(|value| !short(**value)).count() > weights.len() / 2);
}

#[test]
fn a_padded_last_batch_trains_as_an_unpadded_one() {
    for network in NetworkName::from_scratch() {
        let mut training = ImageRun::new();
        training.recipe.set_network(network);
        training.recipe.epochs = 2;
        // 120 images: the last batch of an epoch has 10. All validation images are fewer than a batch.
        training.recipe.batch_size = 22;
        for resident in [false, true] {
            training.resident = resident;
            training.pad_last_batch = false;
            let (_, unpadded) = training.run("as-it-is", None, None);
            training.pad_last_batch = true;
            let (end, padded) = training.run("padded", None, None);
            assert_eq!(end, FitEnd::Finished(FinishReason::MaxEpochs));
            assert_near(&padded, &unpadded);
            let accuracies =
                |recorder: &Recorder| -> Vec<f64> { recorder.history().iter().map(|m| m.val_accuracy).collect() };
            assert_eq!(accuracies(&padded), accuracies(&unpadded), "{network}");
        }
    }
}

#[test]
fn every_network_from_scratch_learns_and_is_resumed_to_the_last_bit_within_an_epoch() {
    for network in NetworkName::from_scratch() {
        let mut training = ImageRun::new();
        training.recipe.set_network(network);
        let (_, whole) = training.run("whole", None, None);
        let (before, after) = (whole.history()[0], whole.history()[3]);
        assert!(after.train_loss < before.train_loss, "{network}: {before:?} {after:?}");
        // 8 steps and 1 validation batch an epoch.
        let (end, mut recorder) = training.run("stopped", None, Some(13));
        assert_eq!(end, FitEnd::Stopped);
        let checkpoint = training.last("stopped");
        assert_eq!(checkpoint.state.position().0, 1, "within the second epoch");
        let (_, rest) = training.run("stopped", Some(&checkpoint), None);
        recorder.events.extend(rest.events);
        assert_eq!(recorder.history(), whole.history(), "{network}");
        assert_eq!(training.last("stopped"), training.last("whole"), "{network}");
    }
}

#[test]
fn every_padded_batch_is_as_large_as_the_first() {
    let training = ImageRun { resident: true, ..ImageRun::new() };
    let (images, device) = (training.images(), Default::default());
    for loader in [
        training.loader(&images).padding_last_batch(true),
        DataLoader::from_source(Arc::clone(&images)).padding_last_batch(true),
    ] {
        let batches = loader.start(Split::Train, (0..120).collect(), 22, Pass::Training(1)).expect("a thread");
        let sizes: Vec<[usize; 2]> = batches
            .map(|batch| {
                let on_device = loader.to_device(batch, &device);
                [on_device.inputs.dims()[0], on_device.labels.dims()[0]]
            })
            .collect();
        assert_eq!(sizes, [[22, 22], [22, 22], [22, 22], [22, 22], [22, 22], [22, 10]]);
    }
}

#[test]
fn a_run_with_images_on_the_device_and_rare_reads_is_resumed_to_the_last_bit() {
    let training = ImageRun { resident: true, readback: 3, ..ImageRun::new() };
    let (_, whole) = training.run("whole", None, None);
    // 8 steps and 1 validation batch an epoch.
    for stop_at in [3, 14] {
        let run = format!("stopped-{stop_at}");
        let (end, mut recorder) = training.run(&run, None, Some(stop_at));
        assert_eq!(end, FitEnd::Stopped);
        let (_, rest) = training.run(&run, Some(&training.last(&run)), None);
        recorder.events.extend(rest.events);
        assert_eq!(recorder.history(), whole.history(), "stopped at {stop_at}");
        assert_eq!(training.last(&run), training.last("whole"));
    }
}

#[test]
fn how_often_an_evaluation_is_read_changes_nothing() {
    let mut training = ImageRun::new();
    let network = drawn::<Flex>(NetworkName::CNN, [1, SIDE as usize, SIDE as usize], 2, 3);
    let identity = identity(&training.dataset, [SIDE as usize, SIDE as usize, 1], None);
    training.resident = true;
    let loader = training.loader(&training.images());
    let evaluated = |readback| {
        // 7 batches, the last of 6 images.
        let batches = loader.start(Split::Train, (0..120).collect(), 19, Pass::PLAIN).expect("a thread");
        let classes = identity.classes.len();
        evaluate(&network, &loader, batches, classes, readback, &Default::default(), || false).expect("to the end")
    };
    let each = evaluated(1);
    assert_eq!(each.truth.len(), 120);
    for readback in [2, 3, 7, 100] {
        assert_eq!(evaluated(readback), each, "every {readback}");
    }
}
