//! The event log: its lines, its end, and whether it tells a whole story.

use std::fs;

use super::{Finding, Subject};
use crate::domain::RunState;
use crate::events::{Event, EventReader, ReadError};
use crate::runs::summary::Summary;

/// Folds the log, whatever of it can be read, and tells what cannot; `None` where there is nothing to go by.
pub(super) fn check(subject: &Subject<'_>) -> (Option<Summary>, Vec<Finding>) {
    let file = subject.folder.events_file();
    let length = match fs::metadata(&file) {
        Ok(metadata) => metadata.len(),
        Err(_) if subject.alive => return (None, Vec::new()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let advice = format!("`mien resume {}` starts it", subject.id);
            return (None, vec![Finding::note(&file, "there is no event log: no worker ever began", advice)]);
        }
        Err(error) => return (None, vec![Finding::damage(&file, error.to_string(), "check the permissions")]),
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
        findings.push(Finding::damage(&file, error.to_string(), advice));
        return (None, findings);
    }
    if !reader.damage().is_none() {
        let what = format!("{}: what those lines told is lost, everything else is read", reader.damage());
        findings.push(Finding::damage(&file, what, advice(subject, &summary)));
    }
    let unfinished = length.saturating_sub(reader.position());
    if unfinished > 0 && !subject.alive {
        let what = format!(
            "its last line is unfinished ({unfinished} bytes): its worker was killed while writing, or the end was damaged"
        );
        findings.push(Finding::note(&file, what, "the next worker cuts it off"));
    }
    if ends_twice {
        findings.push(Finding::note(&file, "tells of two ends without a worker between them", "the last one counts"));
    }
    let missing = missing_epochs(&summary);
    if !missing.is_empty() {
        let what = format!("lacks the figures of {}; the weights do not depend on them", epochs(&missing));
        findings.push(Finding::damage(&file, what, ""));
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
        RunState::Lost | RunState::Stopped | RunState::Failed => {
            format!("`mien resume {}` goes on from its checkpoint", subject.id)
        }
        _ if summary.test.is_none() => format!("`mien evaluate {}` if the test is missing", subject.id),
        _ => "nothing needs to be done".into(),
    }
}

/// The epochs up to the last one that nothing is told of.
fn missing_epochs(summary: &Summary) -> Vec<u32> {
    let told: std::collections::BTreeSet<u32> = summary.history.iter().map(|metrics| metrics.epoch).collect();
    (1..=summary.epoch()).filter(|epoch| !told.contains(epoch)).collect()
}

fn epochs(missing: &[u32]) -> String {
    const SHOWN: usize = 5;
    let first: Vec<String> = missing.iter().take(SHOWN).map(u32::to_string).collect();
    match missing.len() {
        1 => format!("epoch {}", first.join("")),
        2..=SHOWN => format!("epochs {}", first.join(", ")),
        count => format!("{count} epochs (the first: {})", first.join(", ")),
    }
}
