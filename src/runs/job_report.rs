//! The last report of a cluster's scheduler about a run's job: `control/scheduler.json`.
//!
//! Programs that can ask the scheduler write it; all others, on machines without a scheduler, read it. Only together
//! with a placement is it about a job that may still become a worker; otherwise it holds the scheduler's last words.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::RunFolder;
use super::placement::Placement;
use super::summary::Summary;
use crate::domain::Outcome;
use crate::domain::text::printable;
use crate::durable::versioned::{FileError, FileKind};

static KIND: FileKind =
    FileKind { name: "job report", newest: 1, pretty: false, damaged: "is not the report of a scheduler", advice: "" };

/// The word for a job that its own worker gave up.
pub const GIVEN_UP: &str = "GIVEN UP";

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// The job waits for resources, or for other jobs.
    Pending,
    /// The job has a node.
    Running,
    /// The job leaves its node, and may be queued again.
    Leaving,
    /// No worker will come of it.
    Ended,
}

/// The scheduler's report about a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReport {
    /// The scheduler's id of the job.
    pub job: String,
    /// The state.
    pub state: JobState,
    /// The scheduler's own word for the state, such as `NODE_FAIL`.
    pub word: String,
    /// The scheduler's reason, such as `Resources`; empty without one.
    #[serde(default)]
    pub reason: String,
    /// The node; empty before there is one.
    #[serde(default)]
    pub node: String,
    /// The time from which the job has been in this state, in milliseconds since 1970, by the program that saw it
    /// first.
    pub since: u64,
}

impl JobReport {
    /// Returns whether this says the same as another report, at whatever time.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        Self { since: 0, ..self.clone() } == Self { since: 0, ..other.clone() }
    }
}

/// A run's job on a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedJob {
    /// The record of the submission.
    pub placement: Placement,
    /// The scheduler's last report about this job.
    pub report: Option<JobReport>,
}

impl PlacedJob {
    /// Returns whether the scheduler gave the job a node.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.report.as_ref().is_some_and(|report| report.state == JobState::Running)
    }

    /// Describes the job of a run with this summary, safe for a terminal.
    #[must_use]
    pub fn describe(&self, run: &Summary) -> String {
        let place = self.placement.place.as_deref().unwrap_or("a cluster");
        let Some(job) = &self.placement.job else {
            return printable(&format!("being submitted to {place}"));
        };
        let name = format!("Slurm job {job} on {place}");
        let Some(report) = &self.report else {
            return printable(&format!("submitted as {name}"));
        };
        let reason = match report.reason.as_str() {
            "" | "None" => String::new(),
            reason => format!(": {reason}"),
        };
        let words = match (report.state, again(run, self.placement.attempt)) {
            (JobState::Pending, Some(again)) => format!("{again}, again in the queue as {name}{reason}"),
            (JobState::Pending, None) => format!("{name} is pending{reason}"),
            (JobState::Running, _) => format!("{name} runs on {}", report.node),
            (JobState::Leaving, _) => format!("{name} leaves its node ({})", report.word.to_lowercase()),
            (JobState::Ended, _) => format!("{name} has ended ({})", report.word.to_lowercase()),
        };
        printable(&words)
    }
}

/// Returns the reason why the run's job is in the queue once more; `None` if it has had no worker.
fn again(run: &Summary, attempt: u32) -> Option<String> {
    match &run.outcome {
        Some(Outcome::Interrupted { signal }) => Some(format!("interrupted by {signal}")),
        None if run.started => Some("its node failed or its worker was killed".into()),
        _ if attempt > 0 => Some("requeued".into()),
        _ => None,
    }
}

impl RunFolder {
    fn report_file(&self) -> PathBuf {
        self.control().join("scheduler.json")
    }

    /// Returns the scheduler's last report.
    ///
    /// # Errors
    /// If the report cannot be read.
    pub fn job_report(&self) -> Result<Option<JobReport>, FileError> {
        KIND.read(&self.report_file())
    }

    /// Records the scheduler's report.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn record_job_report(&self, report: &JobReport) -> io::Result<()> {
        self.request(&self.report_file(), &KIND.bytes(report)?)
    }

    /// Removes the report, for the next job.
    ///
    /// # Errors
    /// If the report exists and cannot be removed.
    pub fn clear_job_report(&self) -> io::Result<()> {
        self.take_back(&self.report_file())
    }

    /// Returns the run's job on a cluster; `None` if it has none that may still become a worker.
    #[must_use]
    pub fn placed_job(&self) -> Option<PlacedJob> {
        let placement = self.placement().ok()??;
        let report = self.job_report().ok().flatten().filter(|report| placement.job.as_ref() == Some(&report.job));
        Some(PlacedJob { placement, report })
    }

    /// Describes the end of the run's last job by the scheduler's words. `None` without such a job, or while another
    /// may still become a worker.
    #[must_use]
    pub fn job_end(&self) -> Option<String> {
        let report = self.job_report().ok()??;
        if report.state != JobState::Ended || !matches!(self.placement(), Ok(None)) {
            return None;
        }
        let JobReport { job, word, reason, node, .. } = report;
        if word == GIVEN_UP {
            return Some(printable(&format!("given up: {reason}")));
        }
        let on = if node.is_empty() { String::new() } else { format!(" on {node}") };
        let reason = if reason.is_empty() || reason == "None" { String::new() } else { format!(": {reason}") };
        Some(printable(&format!("Slurm ended its job {job}{on} ({word}){reason}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Recipe, RunId, Strategy};

    fn report(state: JobState, word: &str, reason: &str) -> JobReport {
        JobReport { job: "12".into(), state, word: word.into(), reason: reason.into(), node: "n1".into(), since: 1 }
    }

    #[test]
    fn a_job_is_described_by_its_state_and_by_what_the_run_has_been_through() {
        let fresh = Summary::new(RunId::new("heron").expect("an id"), Recipe::sample(Strategy::Cnn));
        let mut killed = fresh.clone();
        killed.started = true;
        let mut interrupted = killed.clone();
        interrupted.outcome = Some(Outcome::Interrupted { signal: "SIGUSR2".into() });
        let pending = || Some(report(JobState::Pending, "PENDING", "Resources"));
        let table = [
            (&fresh, None, "submitted as Slurm job 12 on gpu"),
            (&fresh, pending(), "Slurm job 12 on gpu is pending: Resources"),
            (
                &killed,
                pending(),
                "its node failed or its worker was killed, again in the queue as Slurm job 12 on gpu: Resources",
            ),
            (&interrupted, pending(), "interrupted by SIGUSR2, again in the queue as Slurm job 12 on gpu: Resources"),
            (&fresh, Some(report(JobState::Running, "RUNNING", "None")), "Slurm job 12 on gpu runs on n1"),
            (
                &fresh,
                Some(report(JobState::Leaving, "COMPLETING", "")),
                "Slurm job 12 on gpu leaves its node (completing)",
            ),
        ];
        let placement = Placement { job: Some("12".into()), place: Some("gpu".into()), ..Placement::default() };
        for (run, report, expected) in table {
            assert_eq!(PlacedJob { placement: placement.clone(), report }.describe(run), expected);
        }
    }

    #[test]
    fn the_schedulers_last_words_count_only_without_another_job() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::at(folder.path());
        assert_eq!(run.job_end(), None);
        run.record_job_report(&report(JobState::Ended, "OUT_OF_MEMORY", "OutOfMemory")).expect("written");
        assert_eq!(run.job_end().expect("words"), "Slurm ended its job 12 on n1 (OUT_OF_MEMORY): OutOfMemory");
        run.record_placement(&Placement { job: Some("13".into()), ..Placement::default() }).expect("written");
        assert_eq!(run.job_end(), None);
        assert_eq!(run.placed_job().expect("a job").report, None, "it is about another job");
    }
}
