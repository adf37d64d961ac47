//! Early stopping by the rule of Keras's `EarlyStopping`, as a pure function of the epochs' values.

use crate::domain::{EarlyStopping, EarlyStoppingStatus};

/// The consequence of an epoch's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoppingDecision {
    /// The value is the best so far.
    Improved,
    /// The value is not better, and patience is left.
    Waiting,
    /// The value is not better, and patience is used up.
    Stop,
}

/// Returns the status after the monitored value of `epoch`, and the decision.
#[must_use]
pub fn observe(
    rule: &EarlyStopping,
    status: EarlyStoppingStatus,
    epoch: u32,
    value: f64,
) -> (EarlyStoppingStatus, StoppingDecision) {
    let first = status.best_epoch == 0;
    if first || rule.monitor.improves(value, status.best_value, rule.min_delta) {
        return (EarlyStoppingStatus { best_epoch: epoch, best_value: value, waited: 0 }, StoppingDecision::Improved);
    }
    let waited = if epoch < rule.start_from { 0 } else { status.waited + 1 };
    let status = EarlyStoppingStatus { waited, ..status };
    (status, if status.waited >= rule.patience { StoppingDecision::Stop } else { StoppingDecision::Waiting })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Monitor;

    #[test]
    fn stops_where_keras_stops() {
        use Monitor::{ValAccuracy, ValLoss};
        // (case, monitor, patience, min delta, values, epoch of the stop, best epoch)
        #[allow(clippy::type_complexity)]
        let table: &[(&str, Monitor, u32, f64, &[f64], Option<usize>, u32)] = &[
            ("continues while the loss falls", ValLoss, 1, 0.0, &[3.0, 2.0, 1.0], None, 3),
            ("stops after patience epochs without a better one", ValLoss, 2, 0.0, &[1.0, 1.1, 1.2, 0.5], Some(3), 1),
            ("an equal loss is no improvement", ValLoss, 2, 0.0, &[1.0, 1.0, 1.0], Some(3), 1),
            ("an improvement resets the wait", ValLoss, 2, 0.0, &[1.0, 1.1, 0.9, 1.0, 1.0], Some(5), 3),
            ("patience 1 stops at the first epoch that is not better", ValLoss, 1, 0.0, &[1.0, 1.0], Some(2), 1),
            ("less than min delta is no improvement", ValLoss, 2, 0.1, &[1.0, 0.95, 0.91], Some(3), 1),
            ("slow gains add up against the best", ValLoss, 3, 0.1, &[1.0, 0.95, 0.89, 0.88], None, 3),
            ("accuracy counts upwards", ValAccuracy, 2, 0.0, &[0.1, 0.3, 0.2, 0.3], Some(4), 2),
        ];
        for (case, monitor, patience, min_delta, values, stop, best) in table {
            let rule = EarlyStopping { monitor: *monitor, patience: *patience, min_delta: *min_delta, start_from: 0 };
            let mut status = EarlyStoppingStatus::default();
            let mut stopped = None;
            for (epoch, value) in (1..).zip(*values) {
                let (next, decision) = observe(&rule, status, epoch, *value);
                status = next;
                if decision == StoppingDecision::Stop {
                    stopped = Some(epoch as usize);
                    break;
                }
            }
            assert_eq!((stopped, status.best_epoch), (*stop, *best), "{case}");
        }
    }

    #[test]
    fn epochs_before_the_first_that_counts_use_up_no_patience() {
        let rule = EarlyStopping { start_from: 4, ..EarlyStopping::with_patience(2) };
        let mut status = EarlyStoppingStatus::default();
        let decisions = [1.0, 2.0, 2.0, 2.0, 2.0].iter().zip(1..).map(|(value, epoch)| {
            let (next, decision) = observe(&rule, status, epoch, *value);
            status = next;
            decision
        });
        let decisions: Vec<StoppingDecision> = decisions.collect();
        assert_eq!(
            decisions[1..],
            [StoppingDecision::Waiting, StoppingDecision::Waiting, StoppingDecision::Waiting, StoppingDecision::Stop]
        );
        assert_eq!(status, EarlyStoppingStatus { best_epoch: 1, best_value: 1.0, waited: 2 });
    }
}
