//! Summaries of invented logs.

use super::*;
use crate::domain::DatasetName;
use crate::events::{Event, Record};

fn summary() -> Summary {
    let dataset = DatasetName::new("demo").expect("a name");
    Summary::new(RunId::new("calm-heron").expect("an id"), Recipe::cnn(dataset, String::new(), 1_000))
}

fn fold(events: Vec<Event>) -> Summary {
    let mut summary = summary();
    for (at, event) in (2_000..).zip(events) {
        summary.apply(&Record { at, event });
    }
    summary
}

fn started(resumed_from: u32) -> Event {
    Event::WorkerStarted { pid: 1, host: "here".into(), resumed_from, resumed_step: 0 }
}

fn epoch(epoch: u32, val_loss: f64) -> Event {
    Event::EpochFinished {
        metrics: EpochMetrics {
            epoch,
            train_loss: 1.0,
            train_accuracy: 0.5,
            val_loss,
            val_accuracy: 0.5,
            learning_rate: 1e-3,
            seconds: 1.0,
            images_per_second: 1_000.0,
        },
        early_stopping: EarlyStoppingStatus { best_epoch: epoch, best_value: val_loss, waited: 0 },
    }
}

/// Returns a test of the weights of this epoch.
fn tested(epoch: u32) -> Event {
    let mut confusion = Confusion::new(2);
    confusion.add(0, 0);
    Event::Evaluated { split: Split::Test, epoch, loss: 1.0, confusion }
}

#[test]
fn scores_are_kept_until_other_weights_are_the_best() {
    let finished = || vec![started(0), epoch(1, 2.0), epoch(2, 1.0), tested(2)];
    let epoch_without_gain = || {
        let Event::EpochFinished { metrics, .. } = epoch(3, 1.5) else { unreachable!() };
        let early_stopping = EarlyStoppingStatus { best_epoch: 2, best_value: 1.0, waited: 1 };
        Event::EpochFinished { metrics, early_stopping }
    };
    let table = [
        ("extended", vec![started(2)], Some(2)),
        ("extended by an epoch that is not better", vec![started(2), epoch_without_gain()], Some(2)),
        ("extended by a better epoch", vec![started(2), epoch(3, 0.5)], None),
        ("tested again after it", vec![started(2), epoch(3, 0.5), tested(3)], Some(3)),
        ("resumed before the tested epoch", vec![started(1)], None),
        ("begun anew", vec![started(0)], None),
    ];
    for (case, events, expected) in table {
        let mut summary = summary();
        for event in finished().into_iter().chain(events) {
            summary.apply(&Record { at: 0, event });
        }
        assert_eq!(summary.test.map(|test| test.epoch), expected, "{case}");
    }
}

fn waiting() -> Event {
    Event::Waiting { run: RunId::new("other").expect("an id") }
}

fn chosen() -> Event {
    Event::DeviceChosen { device: "cpu".into(), description: String::new(), note: None }
}

#[test]
fn kernels_are_compiled_until_the_device_has_done_something() {
    let mut summary = summary();
    let device = || "cuda:0".to_owned();
    for (event, kernels) in [
        (started(0), None),
        (Event::CompilingKernels { device: device() }, Some(0)),
        (Event::EpochStarted { epoch: 1, steps: 404, done: 0, seconds: 0.0 }, Some(0)),
        (Event::KernelsCompiled { device: device(), count: 120 }, Some(120)),
        (step_of(1, 32), None),
        // The kernels of the evaluation.
        (Event::KernelsCompiled { device: device(), count: 125 }, Some(125)),
        (Event::Ended { outcome: Outcome::Stopped }, None),
    ] {
        summary.apply(&Record { at: 0, event });
        assert_eq!(summary.kernels, kernels);
    }
}

fn computing() -> Event {
    Event::ComputingFeatures { done: 1, total: 2, images_per_second: 3.0 }
}

fn ended(outcome: Outcome) -> Event {
    Event::Ended { outcome }
}

#[test]
fn states_follow_from_events_liveness_and_time() {
    let failed = || ended(Outcome::Failed { cause: "disk full".into(), kind: FailureKind::Disk });
    let soon = 5_000;
    let late = 100_000;
    let table = [
        ("just created, worker on its way", vec![], false, soon, RunState::Starting),
        ("created long ago, no worker ever", vec![], false, late, RunState::Lost),
        ("worker alive before its first epoch", vec![started(0)], true, late, RunState::Starting),
        ("waits for another run", vec![started(0), waiting()], true, late, RunState::Queued),
        ("was killed while it waited", vec![started(0), waiting()], false, late, RunState::Lost),
        ("it has a slot", vec![started(0), waiting(), chosen()], true, late, RunState::Starting),
        ("paused", vec![started(0), epoch(1, 1.0), Event::Paused], true, late, RunState::Paused),
        ("paused while it waits", vec![started(0), waiting(), Event::Paused], true, late, RunState::Paused),
        ("goes on", vec![started(0), epoch(1, 1.0), Event::Paused, Event::Continued], true, late, RunState::Running),
        (
            "a stop ends a pause",
            vec![started(0), epoch(1, 1.0), Event::Paused, Event::StopRequested],
            true,
            late,
            RunState::Running,
        ),
        ("was killed while it was paused", vec![started(0), Event::Paused], false, late, RunState::Lost),
        (
            "resumed after it was killed while paused",
            vec![started(0), epoch(1, 1.0), Event::Paused, started(1)],
            true,
            late,
            RunState::Running,
        ),
        ("computes features", vec![started(0), computing()], true, late, RunState::Running),
        (
            "in its first epoch",
            vec![started(0), Event::EpochStarted { epoch: 1, steps: 9, done: 0, seconds: 0.0 }],
            true,
            late,
            RunState::Running,
        ),
        (
            "killed in its first epoch",
            vec![started(0), Event::EpochStarted { epoch: 1, steps: 9, done: 0, seconds: 0.0 }],
            false,
            late,
            RunState::Lost,
        ),
        (
            "early stop",
            vec![started(0), epoch(1, 1.0), ended(Outcome::Finished { reason: FinishReason::EarlyStop })],
            false,
            late,
            RunState::Finished,
        ),
        ("stopped", vec![started(0), ended(Outcome::Stopped)], false, late, RunState::Stopped),
        (
            "interrupted",
            vec![started(0), ended(Outcome::Interrupted { signal: "SIGTERM".into() })],
            false,
            late,
            RunState::Interrupted,
        ),
        ("failed", vec![started(0), failed()], false, late, RunState::Failed),
        (
            "resumed after a failure",
            vec![started(0), epoch(1, 1.0), failed(), started(1)],
            true,
            late,
            RunState::Running,
        ),
        (
            "resumed and killed",
            vec![started(0), epoch(1, 1.0), ended(Outcome::Stopped), started(1)],
            false,
            late,
            RunState::Lost,
        ),
    ];
    for (case, events, alive, now, expected) in table {
        assert_eq!(fold(events).state(alive, now), expected, "{case}");
    }
}

#[test]
fn a_pause_is_no_part_of_an_epochs_time() {
    let mut summary = fold(vec![started(0), Event::EpochStarted { epoch: 1, steps: 9, done: 0, seconds: 0.0 }]);
    let begun = summary.progress.expect("an epoch").started_at;
    let mut apply = |at, event| summary.apply(&Record { at, event });
    apply(begun + 1_000, Event::Paused);
    apply(begun + 6_000, Event::Continued);
    apply(begun + 6_500, Event::Load { load: Load { cpu: 99.0, memory: 1, gpu: None } });
    let progress = summary.progress.expect("an epoch");
    assert_eq!((progress.started_at, summary.updated_at), (begun + 5_000, Some(begun + 6_000)));
    assert_eq!(summary.load.as_ref().map(|load| load.memory), Some(1));
}

#[test]
fn limits_are_the_recipes_until_a_worker_reports_others() {
    let changed = Event::LimitsChanged { epochs: 80, patience: 3 };
    assert_eq!(fold(vec![started(0)]).limits, Limits { epochs: 50, patience: 10 });
    assert_eq!(fold(vec![started(0), changed.clone()]).limits, Limits { epochs: 80, patience: 3 });
    assert_eq!(fold(vec![started(0), changed, started(1)]).limits, Limits { epochs: 50, patience: 10 });
}

#[test]
fn a_test_on_training_images_is_stored_apart() {
    let tested = |split, right: u64| {
        let mut confusion = Confusion::new(2);
        (0..right).for_each(|_| confusion.add(0, 0));
        Event::Evaluated { split, epoch: 1, loss: 0.5, confusion }
    };
    let begins = |split| Event::EvaluationStarted { split, images: 3 };
    let mut events = vec![started(0), begins(Split::Test), tested(Split::Test, 3), begins(Split::Train)];
    assert_eq!(fold(events.clone()).evaluating, Some(Split::Train));
    events.push(tested(Split::Train, 9));
    let summary = fold(events);
    let counted = |result: &Option<TestResult>| result.as_ref().map(|result| result.confusion.total());
    assert_eq!((counted(&summary.test), counted(&summary.train_scores)), (Some(3), Some(9)));
    assert_eq!(summary.evaluating, None);
    let failed = Event::EvaluationFailed { cause: "why".into() };
    let summary = fold(vec![started(0), tested(Split::Test, 3), begins(Split::Train), failed]);
    assert_eq!((summary.evaluation_error, summary.warnings.len(), summary.evaluating), (None, 1, None));
    assert!(summary.test.is_some());
}

fn step_of(epoch: u32, step: u32) -> Event {
    let (loss, accuracy, learning_rate, images_per_second) = (f64::from(step), 0.0, 1e-3, 1.0);
    Event::Step { epoch, step, steps: 9, loss, accuracy, learning_rate, images_per_second }
}

#[test]
fn a_run_resumed_within_an_epoch_retains_the_steps_of_its_checkpoint() {
    let within = |resumed_step| Event::WorkerStarted { pid: 1, host: "here".into(), resumed_from: 1, resumed_step };
    let saved = Event::CheckpointSaved { epoch: 1, step: 4, best: false };
    let logged = vec![started(0), epoch(1, 3.0), step_of(2, 4), saved, step_of(2, 8), epoch(2, 2.0)];
    // The second epoch was logged and not saved; the checkpoint is within it.
    let summary = fold([logged.clone(), vec![within(4)]].concat());
    assert_eq!((summary.epoch(), summary.latest), (1, None), "the point at step 8 is void");
    let summary = fold([logged[..4].to_vec(), vec![within(4)]].concat());
    assert_eq!(summary.latest.map(|point| point.step), Some(4));
    let summary = fold([logged[..4].to_vec(), vec![within(3)]].concat());
    assert_eq!(summary.latest, None);

    let gone_on = Event::EpochStarted { epoch: 2, steps: 9, done: 4, seconds: 1.5 };
    let progress = fold([logged, vec![within(4), gone_on]].concat()).progress.expect("an epoch");
    // The eighth event; events are a millisecond apart from 2,000 on.
    assert_eq!((progress.step, progress.steps, progress.started_at), (4, 9, 2_007 - 1_500));
}

#[test]
fn a_resumed_run_drops_uncompleted_epochs() {
    let step = Event::Step {
        epoch: 3,
        step: 1,
        steps: 4,
        loss: 9.0,
        accuracy: 0.0,
        learning_rate: 1e-3,
        images_per_second: 1.0,
    };
    let killed_before_saving = vec![started(0), epoch(1, 3.0), epoch(2, 2.0), epoch(3, 1.5), step, started(2)];
    let summary = fold(killed_before_saving.clone());
    assert_eq!(summary.best().map(|metrics| metrics.epoch), Some(2), "epoch 3 was told and never saved");
    let summary = fold([killed_before_saving, vec![epoch(3, 1.0)]].concat());
    assert_eq!(summary.epochs.iter().map(|metrics| metrics.epoch).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(summary.latest.is_none());
    assert_eq!(summary.best().map(|metrics| metrics.epoch), Some(3));
}
