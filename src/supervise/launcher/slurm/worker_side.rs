//! The part of a job that is not the worker: its arrival on a node, and its return to the queue after an interruption.

use std::io;
use std::thread;
use std::time::Duration;

use super::NAME;
use super::commands::{self, CommandError, QUESTION_TIMEOUT};
use super::watch::show;
use crate::domain::{Outcome, now};
use crate::events::{Event, EventReader};
use crate::runs::job_report::GIVEN_UP;
use crate::runs::{JobReport, JobState, Placement, Queue, RunFolder};

/// The number of starts in a row from the same checkpoint after which a run is given up.
const MAX_FRUITLESS_STARTS: usize = 3;

/// The most tries to reach the controller.
const MAX_TRIES: usize = 4;

/// The time between two tries.
const RETRY_INTERVAL: Duration = Duration::from_secs(3);

fn own_job() -> Option<String> {
    // A job of an array has an id of its own as well, which is the one in listings.
    let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    match (variable("SLURM_ARRAY_JOB_ID"), variable("SLURM_ARRAY_TASK_ID")) {
        (Some(array), Some(task)) => Some(format!("{array}_{task}")),
        _ => variable("SLURM_JOB_ID"),
    }
}

/// Records that this process's job has arrived on a node. Returns whether the run was handed to this job; otherwise
/// another one is responsible for it, or none any more.
///
/// # Errors
/// If the placement cannot be read or written.
pub fn claim_job(run: &RunFolder) -> io::Result<bool> {
    let Some(placement) = run.placement().map_err(io::Error::other)? else { return Ok(false) };
    let Some(own) = own_job() else { return Ok(true) };
    if placement.launcher != NAME || placement.job.as_ref().is_some_and(|job| *job != own) {
        return Ok(false);
    }
    let attempt = std::env::var("SLURM_RESTART_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    run.record_placement(&Placement { job: Some(own), attempt, ..placement })?;
    Ok(true)
}

/// Puts this process's job into the queue again if its worker was interrupted; returns what happened in words. A run
/// that its last starts have not brought forward is given up.
///
/// # Errors
/// If Slurm or the file system refuses. The run is then shown as interrupted.
pub fn requeue_interrupted(run: &RunFolder) -> io::Result<Option<String>> {
    let placement = run.placement().map_err(io::Error::other)?;
    let (Some(placement), Some(own)) = (placement, own_job()) else { return Ok(None) };
    // The worker removes the placement where its work is over.
    if placement.job.as_ref() != Some(&own) {
        return Ok(None);
    }
    if fruitless_starts(run) >= MAX_FRUITLESS_STARTS {
        return give_up(run, own).map(Some);
    }
    let mut tries = 1;
    loop {
        match requeue(&own) {
            Ok(words) => return Ok(Some(words)),
            Err(_) if tries < MAX_TRIES => thread::sleep(RETRY_INTERVAL),
            Err(error) => return Err(error.into()),
        }
        tries += 1;
    }
}

/// Asks Slurm to queue the job again, unless it does so by itself or a person has cancelled the job.
fn requeue(job: &str) -> Result<String, CommandError> {
    let state = show(job)?;
    match state.word.as_str() {
        "RUNNING" | "TIMEOUT" | "COMPLETING" | "SIGNALING" => {
            match commands::run("scontrol", &["requeue", job], QUESTION_TIMEOUT) {
                Ok(_) => Ok(format!("asked Slurm to queue job {job} again")),
                // Slurm does so by itself after a preemption, which it shows only when the job has left its node.
                Err(CommandError::Refused(_, words)) if words.contains("pending execution") => {
                    Ok(format!("Slurm queues job {job} again"))
                }
                Err(error) => Err(error),
            }
        }
        word => Ok(format!("job {job} is left to Slurm, which has it as {word}")),
    }
}

/// Gives the run up: no job is left, and none is pending.
fn give_up(run: &RunFolder, job: String) -> io::Result<String> {
    let reason = format!("{MAX_FRUITLESS_STARTS} starts in a row have saved nothing new; a longer time limit may help");
    let (word, node) = (GIVEN_UP.to_owned(), String::new());
    run.record_job_report(&JobReport {
        job,
        state: JobState::Ended,
        word,
        reason: reason.clone(),
        node,
        since: now(),
    })?;
    run.clear_placement()?;
    if let Some(home) = run.home() {
        Queue::of(&home).leave(run)?;
    }
    Ok(format!("given up: {reason}"))
}

/// Returns the number of latest starts in a row that the time limit ended at the position where they began. Preemptions
/// are not counted: they may come at any rate.
fn fruitless_starts(run: &RunFolder) -> usize {
    let mut records = Vec::new();
    // An unreadable log counts nothing.
    let _ = EventReader::new(&run.events_file()).poll(&mut records);
    count_fruitless(records.into_iter().map(|record| record.event))
}

fn count_fruitless(events: impl Iterator<Item = Event>) -> usize {
    let mut count = 0;
    for event in events {
        match event {
            Event::Ended { outcome: Outcome::Interrupted { signal } } if signal == "SIGUSR2" => count += 1,
            Event::CheckpointSaved { .. } | Event::EpochFinished { .. } | Event::ComputingFeatures { .. } => count = 0,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_warned_starts_without_anything_saved_count_as_fruitless() {
        let started = || Event::WorkerStarted { pid: 1, host: "n1".into(), resumed_from: 0, resumed_step: 0 };
        let ended = |signal: &str| Event::Ended { outcome: Outcome::Interrupted { signal: signal.into() } };
        let saved = || Event::CheckpointSaved { epoch: 1, step: 3, best: false };
        let table = [
            (vec![started(), ended("SIGUSR2")], 1),
            (vec![started(), ended("SIGUSR2"), started(), ended("SIGTERM"), started(), ended("SIGUSR2")], 2),
            (vec![started(), ended("SIGUSR2"), started(), saved(), ended("SIGUSR2")], 1),
            (vec![started(), ended("SIGUSR2"), started(), saved(), ended("SIGTERM")], 0),
            (vec![started(), ended("SIGUSR2"), started(), ended("SIGUSR2"), started(), ended("SIGUSR2")], 3),
        ];
        for (events, expected) in table {
            assert_eq!(count_fruitless(events.clone().into_iter()), expected, "{events:?}");
        }
    }
}
