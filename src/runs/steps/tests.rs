//! Properties of the bounded curve: no extreme is lost, its size is bounded, and a restart drops exactly the void
//! epochs.

use proptest::prelude::*;

use super::*;

fn record(at: u64, event: Event) -> Record {
    Record { at, event }
}

fn step(epoch: u32, step: u32, steps: u32, loss: f64) -> Event {
    Event::Step { epoch, step, steps, loss, accuracy: loss / 2.0, learning_rate: 1e-3, images_per_second: 1.0 }
}

/// Returns the curve of epochs of `steps` steps, with these losses and one step a second.
fn fold(epochs: u32, steps: u32, loss: impl Fn(u32, u32) -> f64) -> Steps {
    let mut folded = Steps::default();
    let mut at = 1_000;
    for epoch in 1..=epochs {
        folded.apply(&record(at, Event::EpochStarted { epoch, steps, done: 0, seconds: 0.0 }));
        for number in 1..=steps {
            at += 1_000;
            folded.apply(&record(at, step(epoch, number, steps, loss(epoch, number))));
        }
    }
    folded
}

fn extent(steps: &Steps) -> Option<Extent> {
    steps.buckets().iter().map(|bucket| bucket.loss).fold(None, joined)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_spike_survives_at_its_position(
        epochs in 1..30_u32, steps in 1..1_500_u32, seed in any::<u64>(), spike in any::<prop::sample::Index>()
    ) {
        let noise = |epoch: u32, number: u32| {
            let mixed = seed.wrapping_add(u64::from(epoch) << 32 | u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            f64::from(u32::try_from(mixed >> 40).expect("24 bits")) / f64::from(1 << 24)
        };
        let at = u32::try_from(spike.index((epochs * steps) as usize)).expect("one of them");
        let (spike_epoch, spike_step) = (at / steps + 1, at % steps + 1);
        let loss = |epoch, number| if (epoch, number) == (spike_epoch, spike_step) { 99.0 } else { noise(epoch, number) };
        let folded = fold(epochs, steps, loss);
        prop_assert!(folded.buckets().len() <= CAPACITY);
        prop_assert_eq!(folded.buckets().iter().map(|bucket| bucket.count).sum::<u64>(), u64::from(epochs * steps));
        let holds = folded.buckets().iter().find(|bucket| bucket.loss.is_some_and(|loss| loss.max > 98.0));
        let holds = holds.expect("the spike");
        let at = u64::from((spike_epoch - 1) * steps + spike_step);
        prop_assert!(holds.from.step <= at && at <= holds.to.step && holds.epoch == spike_epoch);
        let drawn = folded.points(Axis::Epochs, StepMetric::Loss).map(|point| point.1).fold(0.0, f64::max);
        prop_assert_eq!(drawn.to_bits(), 99.0_f64.to_bits());
        let along: Vec<f64> = folded.points(Axis::Seconds, StepMetric::Accuracy).map(|point| point.0).collect();
        prop_assert!(along.is_sorted());
    }

    #[test]
    fn a_restart_drops_the_points_after_its_epoch_and_no_more(
        epochs in 1..40_u32, steps in 1..900_u32, resumed in 0..50_u32
    ) {
        let loss = |epoch: u32, _| f64::from(epoch);
        let mut folded = fold(epochs, steps, loss);
        let start = Event::WorkerStarted { pid: 1, host: "here".into(), resumed_from: resumed, resumed_step: 0 };
        folded.apply(&record(u64::MAX / 2, start));
        let points = folded.buckets().iter().map(|bucket| bucket.count).sum::<u64>();
        prop_assert_eq!(points, u64::from(epochs.min(resumed) * steps));
        let last = extent(&folded).map(|loss| loss.max);
        prop_assert_eq!(last, (resumed > 0).then(|| f64::from(epochs.min(resumed))));
        // The clock stood still between the workers.
        folded.apply(&record(u64::MAX / 2 + 5_000, Event::EpochStarted { epoch: resumed + 1, steps, done: 0, seconds: 0.0 }));
        folded.apply(&record(u64::MAX / 2 + 7_000, step(resumed + 1, 1, steps, 0.5)));
        prop_assert_eq!(folded.buckets().last().expect("the step").to.trained, points * 1_000 + 2_000);
    }

    #[test]
    fn a_restart_within_an_epoch_drops_the_points_after_its_step_and_no_more(
        epochs in 1..6_u32, steps in 2..3_000_u32, saved in any::<[prop::sample::Index; 2]>(), newest: bool, after in 0..3_000_u32
    ) {
        // Two checkpoints in the current epoch, and a run that continued after them and merged its buckets.
        let mut saved = saved.map(|at| u32::try_from(at.index(steps as usize - 1)).expect("one of them") + 1);
        saved.sort_unstable();
        let mut folded = fold(epochs - 1, steps, |epoch, _| f64::from(epoch));
        for number in 1..=steps {
            folded.apply(&record(u64::from(number), step(epochs, number, steps, f64::from(number))));
            if saved.contains(&number) {
                folded.apply(&record(0, Event::CheckpointSaved { epoch: epochs - 1, step: number, best: false }));
            }
        }
        for number in 1..=after.min(steps) {
            folded.apply(&record(u64::from(number), step(epochs + 1, number, steps, f64::from(number))));
        }
        let resumed_step = saved[usize::from(newest)];
        let resumed_from = epochs - 1;
        folded.apply(&record(0, Event::WorkerStarted { pid: 1, host: "here".into(), resumed_from, resumed_step }));
        let points = folded.buckets().iter().map(|bucket| bucket.count).sum::<u64>();
        prop_assert_eq!(points, u64::from((epochs - 1) * steps + resumed_step));
        let last = folded.buckets().last().expect("steps");
        prop_assert_eq!((last.epoch, last.step), (epochs, resumed_step));
    }

    #[test]
    fn any_events_fold_within_bounds(
        events in proptest::collection::vec((any::<u32>(), any::<u32>(), any::<u32>(), any::<f64>(), any::<u64>()), 0..300)
    ) {
        let mut folded = Steps::default();
        for (epoch, number, steps, loss, at) in events {
            folded.apply(&record(at, step(epoch, number, steps, loss)));
        }
        for bucket in folded.buckets() {
            if let Some(loss) = bucket.loss {
                prop_assert!(loss.min <= loss.first && loss.last <= loss.max && loss.count <= bucket.count);
            }
        }
    }
}

#[test]
fn more_epochs_than_buckets_still_fit() {
    let folded = fold(20_000, 3, |epoch, _| f64::from(epoch));
    assert!(folded.buckets().len() <= CAPACITY && folded.buckets().len() > CAPACITY / 4);
    assert_eq!(folded.buckets().iter().map(|bucket| bucket.count).sum::<u64>(), 60_000);
    let total = extent(&folded).expect("losses");
    assert_eq!((total.min, total.max, total.count), (1.0, 20_000.0, 60_000));
    assert!((total.mean() - 10_000.5).abs() < 1e-6);
}

#[test]
fn a_nan_counts_as_a_point_and_draws_none() {
    let folded = fold(1, 3, |_, number| if number == 2 { f64::NAN } else { f64::from(number) });
    assert_eq!(folded.points(Axis::Steps, StepMetric::Loss).collect::<Vec<_>>(), [(1.0, 1.0), (3.0, 3.0)]);
    assert_eq!(folded.buckets().len(), 3);
}
