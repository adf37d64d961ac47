//! Tests of runs on imported weights, with features from images and from the cache.

use burn::backend::Flex;
use burn::tensor::{Tensor, TensorData};

use super::{InputSource, Recorder, SIZE, TransferRun, assert_near, trained_part};
use crate::checkpoint::Checkpoint;
use crate::data::batch::{Pass, Source};
use crate::domain::{Precision, Split, Strategy};
use crate::events::Event;
use crate::train::features::CacheOutcome;
use crate::train::fit::FitEnd;

#[test]
fn variants_from_the_cache_train_as_the_images_do_and_the_second_run_computes_nothing() {
    let mut training = TransferRun::new(Strategy::Features);
    let (end, uncached) = training.run("uncached", InputSource::Images, None, None);
    assert!(matches!(end, FitEnd::Finished(_)));
    // With as many variants as epochs, each epoch sees the same images as without a cache.
    training.recipe.transfer.as_mut().expect("a base").variants = 3;
    assert_near(&training.run("cached", InputSource::Cache, None, None).1, &uncached);
    let before = training.last("cached");
    training.run("again", InputSource::Cache, None, None);
    assert_eq!(training.last("again"), before, "the same seed, the same run");
    let mut recorder = Recorder::default();
    assert!(matches!(training.cache(&mut recorder, 1 << 30), CacheOutcome::Ready(_)));
    // 120 training images in three variants, and 40 validation images.
    let found = |event: &Event| matches!(event, Event::FeaturesReady { images: 400, computed: 0, .. });
    assert!(recorder.events.iter().any(found), "{:?}", recorder.events);
}

#[test]
fn images_on_the_device_give_the_features_and_the_fine_tuning_of_those_that_are_sent() {
    let training = TransferRun::new(Strategy::Finetune);
    let (_, sent) = training.run("sent", InputSource::Images, None, None);
    assert_near(&training.run("kept", InputSource::Device, None, None).1, &sent);

    let mut training = TransferRun::new(Strategy::Features);
    training.recipe.transfer.as_mut().expect("a base").variants = 3;
    let (_, sent) = training.run("sent", InputSource::Images, None, None);
    training.resident = 1 << 20;
    assert_near(&training.run("cached", InputSource::Cache, None, None).1, &sent);
}

#[test]
fn in_bf16_features_from_the_cache_are_those_of_the_images_and_others_than_in_f32() {
    for strategy in [Strategy::Features, Strategy::Finetune] {
        let mut training = TransferRun::new(strategy);
        training.recipe.epochs = 2;
        training.recipe.transfer.as_mut().expect("a base").variants = 2;
        let (_, full) = training.run("full", InputSource::Cache, None, None);
        training.recipe.set_precision(Precision::Bf16);
        let (_, cached) = training.run("cached", InputSource::Cache, None, None);
        assert_ne!(cached.history(), full.history(), "the features of f32 were taken");
        training.recipe.transfer.as_mut().expect("a base").variants = 0;
        assert_near(&training.run("uncached", InputSource::Images, None, None).1, &cached);
    }
}

#[test]
fn features_of_padded_batches_are_those_of_the_images() {
    // 120 training and 40 validation images in batches of 32: both have a smaller last one.
    let padded = |pad_last_batch, resident| {
        let mut training = TransferRun::new(Strategy::Finetune);
        training.recipe.epochs = 2;
        training.recipe.transfer.as_mut().expect("a base").variants = 2;
        TransferRun { resident, pad_last_batch, ..training }
    };
    let (_, unpadded) = padded(false, 0).run("as-it-is", InputSource::Images, None, None);
    for resident in [0, 1 << 20] {
        assert_near(&padded(true, resident).run("filled", InputSource::Cache, None, None).1, &unpadded);
    }
}

#[test]
fn an_interrupted_computation_of_features_resumes() {
    let mut training = TransferRun::new(Strategy::Features);
    training.recipe.augmentation = None;
    let mut recorder = Recorder { stop_at: Some(7), ..Recorder::default() };
    assert!(matches!(training.cache(&mut recorder, 1 << 30), CacheOutcome::Stopped));
    let mut recorder = Recorder::default();
    assert!(matches!(training.cache(&mut recorder, 1 << 30), CacheOutcome::Ready(_)));
    // The training images were complete before the stop; the validation images are a separate chunk.
    let rest = |event: &Event| matches!(event, Event::FeaturesReady { images: 160, computed: 40, .. });
    assert!(recorder.events.iter().any(rest), "{:?}", recorder.events);
}

#[test]
fn features_above_the_limit_are_not_cached_and_the_reason_is_given() {
    let training = TransferRun::new(Strategy::Features);
    let CacheOutcome::Uncached(reason) = training.cache(&mut Recorder::default(), 1000) else {
        panic!("it was cached")
    };
    assert!(reason.contains("MIEN_FEATURE_CACHE_GIB"), "{reason}");
}

#[test]
fn fine_tuning_trains_and_saves_its_block_and_nothing_below() {
    let mut training = TransferRun::new(Strategy::Finetune);
    training.recipe.augmentation = None;
    let images = training.images();
    let mut batch = vec![0.0; 8 * 3 * 32 * 32];
    images.fill(Split::Train, &[0, 1, 2, 3, 4, 5, 6, 7], Pass::PLAIN, &mut batch);
    let frozen_output = || {
        let batch = Tensor::<Flex, 4>::from_data(TensorData::new(batch.clone(), [8, 3, 32, 32]), &Default::default());
        training.frozen().forward(batch).into_data()
    };
    let before = frozen_output();
    let (_, recorder) = training.run("tuned", InputSource::Cache, None, None);
    assert_eq!(recorder.history().len(), 3);
    assert_eq!(frozen_output(), before, "the frozen part is as it was, to the last bit");

    let Checkpoint { state, arrays } = training.last("tuned");
    assert_eq!(state.identity.base.as_deref(), Some("base"));
    let trained: Vec<&String> = arrays.keys().filter(|name| !name.starts_with("adam.")).collect();
    assert_eq!(trained.len(), 6 + 4, "{trained:?}");
    assert!(trained.iter().all(|name| name.starts_with("base.block5.") || name.starts_with("head.")));
    for number in 1..=3 {
        let name = format!("block5.conv{number}.weight");
        assert_ne!(arrays[&format!("base.{name}")].values, training.weights[&name].values, "{name} was trained");
    }
}

#[test]
fn a_base_with_a_rate_near_zero_stays_where_it_is_while_the_head_learns() {
    let mut training = TransferRun::new(Strategy::Finetune);
    training.recipe.augmentation = None;
    let transfer = training.recipe.transfer.as_mut().expect("a base");
    transfer.fine_tuning.as_mut().expect("fine-tuning").base_learning_rate = 1e-30;
    training.run("slow", InputSource::Cache, None, None);
    let arrays = training.last("slow").arrays;
    let start = trained_part::<Flex>(&training.weights, SIZE as usize, training.unfrozen(), 2, 42).to_arrays();
    assert_eq!(arrays["base.block5.conv1.weight"], start["base.block5.conv1.weight"]);
    assert_ne!(arrays["head.dense_weight"], start["head.dense_weight"]);
}

#[test]
fn a_stopped_run_on_a_base_resumes_as_if_it_had_not_been() {
    let mut training = TransferRun::new(Strategy::Finetune);
    training.recipe.augmentation = None;
    let (_, whole) = training.run("whole", InputSource::Cache, None, None);
    // 4 steps and 1 validation batch an epoch.
    let (end, _) = training.run("stopped", InputSource::Cache, None, Some(8));
    assert_eq!(end, FitEnd::Stopped);
    let checkpoint = training.last("stopped");
    assert_eq!(checkpoint.state.epoch, 1);
    let (_, rest) = training.run("stopped", InputSource::Cache, Some(&checkpoint), None);
    assert_eq!(rest.history()[..], whole.history()[1..]);
    assert_eq!(training.last("stopped"), training.last("whole"));
}
