//! Changed clocks: event times that run backwards, stand still or jump, in every view of a run.

use std::sync::Arc;

use mien::domain::{DatasetName, EarlyStoppingStatus, EpochMetrics, FinishReason, Outcome, Recipe, RunId};
use mien::events::{Event, Record};
use mien::runs::facts::{Field, RunFacts, Value};
use mien::runs::{Annotations, RunDetail, Summary};
use proptest::prelude::*;

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX), 1_700_000_000_000_u64..1_800_000_000_000]
}

fn event() -> impl Strategy<Value = Event> {
    let finished = |epoch: u32| Event::EpochFinished {
        metrics: EpochMetrics {
            epoch,
            train_loss: 1.0,
            train_accuracy: 0.5,
            val_loss: 1.0,
            val_accuracy: 0.5,
            learning_rate: 1e-3,
            seconds: 2.0,
            images_per_second: 100.0,
        },
        early_stopping: EarlyStoppingStatus::default(),
    };
    prop_oneof![
        (0_u32..4, 0_u32..9).prop_map(|(resumed_from, resumed_step)| Event::WorkerStarted {
            pid: 1,
            host: "here".into(),
            resumed_from,
            resumed_step
        }),
        (1_u32..5, 0_u32..9).prop_map(|(epoch, done)| Event::EpochStarted { epoch, steps: 9, done, seconds: 0.1 }),
        (1_u32..5, 0_u32..10).prop_map(|(epoch, step)| Event::Step {
            epoch,
            step,
            steps: 9,
            loss: 1.0,
            accuracy: 0.5,
            learning_rate: 1e-3,
            images_per_second: 100.0,
        }),
        (1_u32..5).prop_map(finished),
        Just(Event::Paused),
        Just(Event::Continued),
        Just(Event::StopRequested),
        Just(Event::Ended { outcome: Outcome::Stopped }),
        Just(Event::Ended { outcome: Outcome::Finished { reason: FinishReason::MaxEpochs } }),
    ]
}

proptest! {
    #[test]
    fn times_in_any_order_change_no_figure_and_make_none_absurd(
        records in proptest::collection::vec((time(), event()), 0..40),
        created in time(),
        now in time(),
        alive: bool,
    ) {
        let fold = |times: &dyn Fn(usize, u64) -> u64| {
            let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), created);
            let mut summary = Summary::new(RunId::new("calm-heron").expect("an id"), recipe);
            let mut detail = RunDetail::default();
            for (index, (at, event)) in records.iter().enumerate() {
                let record = Record { at: times(index, *at), event: event.clone() };
                summary.apply(&record);
                detail.apply(&record);
            }
            (summary, detail)
        };
        let (summary, detail) = fold(&|_, at| at);
        let (even, steady) = fold(&|index, _| 1_700_000_000_000 + index as u64);
        // The learned history does not depend on the time of day.
        prop_assert_eq!(&summary.epochs, &even.epochs);
        prop_assert_eq!(&summary.outcome, &even.outcome);
        prop_assert_eq!(detail.log.len(), steady.log.len());
        let state = summary.state(alive, now);
        prop_assert!(state.is_active() || !alive);
        let facts = RunFacts::new(Arc::new(summary), Arc::new(Annotations::default()), state, now);
        if let Value::Number(age) = facts.value(Field::Age) {
            prop_assert!(age >= 0.0 && (now >= created || age == 0.0), "an age of {} s", age);
        }
    }
}
