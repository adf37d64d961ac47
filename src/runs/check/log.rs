//! Checks of the event log: its lines, its end, and missing events.

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;

use super::{HomeFinding, Subject};
use crate::domain::RunState;
use crate::events::{Event, EventReader, ReadError};
use crate::runs::summary::Summary;

/// Folds the readable part of the log and reports the rest; returns `None` without a usable log.
pub(super) fn check(subject: &Subject<'_>) -> (Option<Summary>, Vec<HomeFinding>) {
    let file = subject.folder.events_file();
    let length = match fs::metadata(&file) {
        Ok(metadata) => metadata.len(),
        Err(_) if subject.alive => return (None, Vec::new()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let advice = format!("`mien resume {}` starts it", subject.id);
            return (None, vec![HomeFinding::note(&file, "there is no event log: no worker has ever started", advice)]);
        }
        Err(error) => return (None, vec![HomeFinding::damage(&file, error.to_string(), "check the permissions")]),
    };
    let mut summary = Summary::new(subject.id.clone(), subject.recipe.clone());
    let mut ended = false;
    let mut ends_twice = false;
    let mut reader = EventReader::new(&file);
    let read = reader.read(|record| {
        match record.event {
            Event::Ended { .. } => ends_twice |= std::mem::replace(&mut ended, true),
            Event::WorkerStarted { .. } => ended = false,
            _ => {}
        }
        summary.apply(&record);
    });
    let mut findings = Vec::new();
    if let Err(error) = read {
        let advice = match error {
            ReadError::Newer { .. } => "use the mien that wrote it",
            ReadError::Io { .. } => "check the disk and the permissions",
        };
        findings.push(HomeFinding::damage(&file, error.to_string(), advice));
        return (None, findings);
    }
    if !reader.damage().is_none() {
        let what = format!("{}: the events of those lines are lost, all others are read", reader.damage());
        findings.push(HomeFinding::damage(&file, what, advice(subject, &summary)));
    }
    let unfinished = length.saturating_sub(reader.position());
    if unfinished > 0 && !subject.alive {
        let what = format!(
            "its last line is unfinished ({unfinished} bytes): its worker was killed while writing, or the end was damaged"
        );
        findings.push(HomeFinding::note(&file, what, "the next worker removes it"));
    }
    if ends_twice {
        findings.push(HomeFinding::note(
            &file,
            "records two ends without a worker between them",
            "the last one counts",
        ));
    }
    let missing = missing_epochs(&summary);
    if !missing.is_empty() {
        let what = format!("lacks the metrics of {}; the weights do not depend on them", epochs(&missing));
        findings.push(HomeFinding::damage(&file, what, ""));
    }
    (Some(summary), findings)
}

fn advice(subject: &Subject<'_>, summary: &Summary) -> String {
    if subject.alive {
        return String::new();
    }
    match summary.state(false, u64::MAX) {
        RunState::Lost if summary.epoch() >= summary.limits.epochs => {
            format!("`mien resume {}` if its end is missing", subject.id)
        }
        RunState::Lost | RunState::Stopped | RunState::Interrupted | RunState::Failed => {
            format!("`mien resume {}` continues from its checkpoint", subject.id)
        }
        _ if summary.test.is_none() => format!("`mien evaluate {}` if the test is missing", subject.id),
        _ => "nothing needs to be done".into(),
    }
}

/// Returns the epochs before the last one whose metrics are missing, as ranges: a damaged number may imply billions.
fn missing_epochs(summary: &Summary) -> Vec<RangeInclusive<u32>> {
    let logged: BTreeSet<u32> = summary.epochs.iter().map(|metrics| metrics.epoch).collect();
    let before = std::iter::once(0).chain(logged.iter().copied());
    let gaps = before.zip(logged.iter().copied()).filter(|(before, epoch)| epoch - before > 1);
    gaps.map(|(before, epoch)| before + 1..=epoch - 1).collect()
}

fn epochs(missing: &[RangeInclusive<u32>]) -> String {
    const SHOWN: usize = 5;
    let count: u64 = missing.iter().map(|range| u64::from(range.end() - range.start()) + 1).sum();
    let first: Vec<String> = missing.iter().cloned().flatten().take(SHOWN).map(|epoch| epoch.to_string()).collect();
    match count {
        1 => format!("epoch {}", first.join("")),
        2..=5 => format!("epochs {}", first.join(", ")),
        count => format!("{count} epochs (the first: {})", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EarlyStoppingStatus, EpochMetrics, Recipe, RunId, Strategy};
    use crate::events::Record;

    #[test]
    fn missing_epochs_are_counted_however_many_there_are() {
        let words = |logged: &[u32]| {
            let id = RunId::new("gaps").expect("an id");
            let mut summary = Summary::new(id, Recipe::sample(Strategy::Cnn));
            for epoch in logged {
                let (train_loss, train_accuracy, val_loss, val_accuracy) = (1.0, 0.5, 1.0, 0.5);
                let (epoch, learning_rate, seconds, images_per_second) = (*epoch, 1e-3, 1.0, 1.0);
                let metrics = EpochMetrics {
                    epoch,
                    train_loss,
                    train_accuracy,
                    val_loss,
                    val_accuracy,
                    learning_rate,
                    seconds,
                    images_per_second,
                };
                let event = Event::EpochFinished { metrics, early_stopping: EarlyStoppingStatus::default() };
                summary.apply(&Record { at: 1, event });
            }
            let missing = missing_epochs(&summary);
            if missing.is_empty() { String::new() } else { epochs(&missing) }
        };
        assert_eq!(words(&[]), "");
        assert_eq!(words(&[1, 2, 3]), "");
        assert_eq!(words(&[1, 3]), "epoch 2");
        assert_eq!(words(&[2, 5]), "epochs 1, 3, 4");
        assert_eq!(words(&[1, u32::MAX]), "4294967293 epochs (the first: 2, 3, 4, 5, 6)");
    }
}
