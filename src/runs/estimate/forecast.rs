//! The times at which active runs are expected to begin and to end.

use std::collections::BTreeMap;

use super::remaining::run_left;
use crate::domain::{RunId, RunState};
use crate::runs::summary::Summary;

/// The expected times of an active run, in seconds from now. The end is the latest one: early stopping may come before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// The beginning; 0 for a run that has begun.
    pub begins: f64,
    /// The end.
    pub ends: f64,
}

/// Returns the device that a run uses or waits for.
fn device(run: &Summary) -> String {
    let waits = run.slot_wait.as_ref().map(|wait| wait.device.clone());
    waits
        .or_else(|| run.device.as_ref().map(|device| device.name.clone()))
        .unwrap_or_else(|| run.recipe.device.to_string())
}

/// Returns the expected times of the active runs. `queue` holds them with their states, the waiting ones in the order
/// of the queue. `whole` returns the seconds that a run takes that has not begun. A run whose time is unknown is left
/// out, as are the runs behind it.
#[must_use]
pub fn forecast(
    queue: &[(&Summary, RunState)],
    whole: impl Fn(&Summary) -> Option<f64>,
    now: u64,
) -> BTreeMap<RunId, Forecast> {
    let mut ends: BTreeMap<RunId, f64> = BTreeMap::new();
    let mut found = BTreeMap::new();
    // The end of the current run in each slot of each device.
    let mut slots: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let (waiting, begun): (Vec<_>, Vec<_>) = queue.iter().copied().partition(|(run, _)| run.wait().is_some());
    for (run, state) in begun {
        let (_, left) = run_left(run, now);
        let left = if left.is_finite() { left } else { whole(run).unwrap_or(f64::NAN) };
        // Nobody knows when a pause ends.
        let ends_in = if state == RunState::Paused { f64::NAN } else { left };
        ends.insert(run.id.clone(), ends_in);
        slots.entry(device(run)).or_default().push(ends_in);
        if ends_in.is_finite() {
            found.insert(run.id.clone(), Forecast { begins: 0.0, ends: ends_in });
        }
    }
    for (run, state) in waiting {
        let behind = run.waiting_for.as_ref().and_then(|other| ends.get(other)).copied();
        let slots = slots.entry(device(run)).or_default();
        // NaN is the largest: a slot that is never free is used last.
        let first = (0..slots.len()).min_by(|one, other| slots[*one].total_cmp(&slots[*other]));
        let free = first.map_or(0.0, |first| slots[first]);
        let begins = match behind {
            Some(behind) if behind.is_nan() || free.is_nan() => f64::NAN,
            Some(behind) => behind.max(free),
            None => free,
        };
        let begins = if state == RunState::Paused { f64::NAN } else { begins };
        let ends_in = begins + whole(run).unwrap_or(f64::NAN);
        ends.insert(run.id.clone(), ends_in);
        if state != RunState::Paused {
            match first {
                Some(first) => slots[first] = ends_in,
                None => slots.push(ends_in),
            }
        }
        if begins.is_finite() {
            found.insert(run.id.clone(), Forecast { begins, ends: ends_in });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Recipe, Strategy};
    use crate::events::{Event, Record};

    fn run(id: &str, events: Vec<Event>) -> Summary {
        let mut summary = Summary::new(RunId::new(id).expect("an id"), Recipe::sample(Strategy::Cnn));
        for event in events {
            summary.apply(&Record { at: 1_000, event });
        }
        summary
    }

    /// A run of two epochs of 10 seconds each, one of which is done.
    fn begun(id: &str) -> Summary {
        let metrics = crate::domain::EpochMetrics {
            epoch: 1,
            train_loss: 1.0,
            train_accuracy: 0.5,
            val_loss: 1.0,
            val_accuracy: 0.5,
            learning_rate: 1e-3,
            seconds: 10.0,
            images_per_second: 1.0,
        };
        let device = Event::DeviceChosen { device: "cpu".into(), description: String::new(), note: None };
        let limits = Event::LimitsChanged { epochs: 2, patience: 2 };
        let early_stopping = crate::domain::EarlyStoppingStatus::default();
        run(id, vec![device, limits, Event::EpochFinished { metrics, early_stopping }])
    }

    fn waiting(id: &str, ahead: usize) -> Summary {
        run(id, vec![Event::Queued { device: "cpu".into(), ahead }])
    }

    fn times(queue: &[(&Summary, RunState)]) -> Vec<(String, f64, f64)> {
        let whole = |run: &Summary| (run.id.as_str() != "unknown").then_some(100.0);
        forecast(queue, whole, 1_000).into_iter().map(|(id, of)| (id.to_string(), of.begins, of.ends)).collect()
    }

    #[test]
    fn waiting_runs_begin_when_the_slot_before_them_is_free() {
        let (at_work, second) = (begun("a"), begun("b"));
        let (one, two) = (waiting("c", 1), waiting("d", 2));
        let queued = RunState::Queued;
        let one_slot = [(&at_work, RunState::Running), (&one, queued), (&two, queued)];
        let expected = [("a", 0.0, 10.0), ("c", 10.0, 110.0), ("d", 110.0, 210.0)];
        assert_eq!(times(&one_slot), expected.map(|(id, begins, ends)| (id.to_owned(), begins, ends)));
        let two_slots = [(&at_work, RunState::Running), (&second, RunState::Running), (&one, queued), (&two, queued)];
        assert_eq!(times(&two_slots)[3], ("d".to_owned(), 10.0, 110.0), "the second slot");
    }

    #[test]
    fn a_run_behind_another_begins_after_it_and_one_of_unknown_time_hides_those_behind_it() {
        let first = begun("a");
        let after = run("c", vec![Event::Waiting { run: RunId::new("b").expect("an id") }]);
        let (unknown, last) = (waiting("unknown", 1), waiting("z", 2));
        let second = waiting("b", 1);
        let queued = RunState::Queued;
        let chain = [(&first, RunState::Running), (&second, queued), (&after, queued)];
        assert_eq!(times(&chain)[2], ("c".to_owned(), 110.0, 210.0));
        let hidden = [(&first, RunState::Running), (&unknown, queued), (&last, queued)];
        let found = times(&hidden);
        assert_eq!(found.iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>(), ["a", "unknown"]);
        assert_eq!(format!("{:?}", found[1]), r#"("unknown", 10.0, NaN)"#, "its beginning is known, its end is not");
        let paused = [(&first, RunState::Paused), (&second, queued)];
        assert!(times(&paused).is_empty(), "nobody knows when a pause ends");
    }
}
