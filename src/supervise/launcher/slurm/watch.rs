//! Asking Slurm about all jobs of a home at once, and recording its reports in the run folders.
//!
//! A job that a listing lacks is not gone: a controller that restarts lists nothing. Two more sources must agree:
//! Slurm, asked for this job alone, and the event log, which has not grown.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use super::NAME;
use super::commands::{self, CommandError, QUESTION_TIMEOUT};
use super::jobs::{self, Job};
use super::script::job_name;
use crate::domain::now;
use crate::runs::{Home, JobReport, JobState, Liveness, Placement, RunFolder, RunStore};

/// The variable with the seconds between two questions about all jobs.
const INTERVAL: &str = "MIEN_SLURM_INTERVAL";

/// The seconds between two questions. Slurm's controller answers every user's questions one after the other.
const DEFAULT_INTERVAL: u64 = 15;

/// The time in which a job that seems to be over may still be queued again, in milliseconds.
const REQUEUE_GRACE: u64 = 60_000;

/// The time after a submission, and after the last event, in which a missing job is not gone, in milliseconds.
const ABSENCE_GRACE: u64 = 60_000;

/// The longest wait for a cancelled worker to save and end.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(20);

fn interval() -> Duration {
    let seconds = std::env::var(INTERVAL).ok().and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_INTERVAL);
    Duration::from_secs(seconds)
}

/// Asks Slurm about the jobs of this home, unless some program has asked a few seconds ago. Returns the reason why the
/// states are not known, if Slurm does not answer.
#[must_use]
pub fn refresh(store: &RunStore) -> Option<String> {
    let placed = placed(store);
    // The jobs of a home on another machine are those of a cluster that only that home can ask.
    if placed.is_empty() || store.home().is_mirror() {
        return None;
    }
    let asked = QueryStamp::of(store.home());
    if let Some(recent) = asked.recent(interval()) {
        return recent;
    }
    asked.write("");
    let user = rustix::process::getuid().as_raw().to_string();
    let arguments = ["--noheader", "--array", "--states=all", "--user", &user, "--format", jobs::FORMAT];
    match commands::run("squeue", &arguments, QUESTION_TIMEOUT) {
        Ok(text) => {
            let listing = jobs::parse_listing(&text);
            // An unwritable home is shown as it was last seen.
            placed.iter().for_each(|(run, placement)| drop(record_job_state(run, placement, &listing)));
            None
        }
        Err(error) => {
            let words = format!("Slurm's jobs are not known: {error}");
            asked.write(&words);
            Some(words)
        }
    }
}

/// Asks Slurm again and again in a thread, as long as this program runs.
pub fn keep_watching(store: &RunStore) {
    let store = store.clone();
    std::thread::spawn(move || {
        loop {
            // A problem is in the file of the last question.
            let _ = refresh(&store);
            std::thread::sleep(interval().max(Duration::from_secs(1)));
        }
    });
}

/// Returns the runs that were handed to Slurm.
fn placed(store: &RunStore) -> Vec<(RunFolder, Placement)> {
    let placement = |run: RunFolder| {
        let placement = run.placement().ok()??;
        (placement.launcher == NAME).then_some((run, placement))
    };
    store.ids().unwrap_or_default().iter().map(|id| store.folder(id)).filter_map(placement).collect()
}

/// The file whose time is that of the last question in this home, with the error of the answer.
struct QueryStamp(PathBuf);

impl QueryStamp {
    fn of(home: &Home) -> Self {
        Self(home.path().join("devices").join("slurm.asked"))
    }

    /// Returns the result of a question within this time: `None` inside if Slurm answered.
    #[allow(clippy::option_option, reason = "asked or not, answered or not")]
    fn recent(&self, within: Duration) -> Option<Option<String>> {
        let asked_at = std::fs::metadata(&self.0).and_then(|file| file.modified()).ok()?;
        let age = SystemTime::now().duration_since(asked_at).unwrap_or_else(|future| future.duration());
        let words = std::fs::read_to_string(&self.0).ok()?;
        (age < within).then(|| Some(words).filter(|words| !words.is_empty()))
    }

    fn write(&self, words: &str) {
        // A home that may only be read is asked about each time.
        let _ =
            std::fs::create_dir_all(self.0.parent().unwrap_or(&self.0)).and_then(|()| std::fs::write(&self.0, words));
    }
}

/// Records Slurm's report about a run's job; removes the placement if no worker will come.
fn record_job_state(run: &RunFolder, placement: &Placement, listing: &[Job]) -> io::Result<()> {
    let Some(id) = &placement.job else { return complete_placement(run, placement, listing) };
    let listed = listing.iter().find(|job| job.id == *id).cloned();
    let found = match listed {
        Some(job) => Some(job),
        None => match show(id) {
            Ok(job) => Some(job),
            Err(CommandError::Refused(_, words)) if words.contains("Invalid job id") => None,
            // It does not answer: nothing is known.
            Err(_) => return Ok(()),
        },
    };
    let report = match &found {
        Some(job) => report(run, job),
        None if is_quiet(run, placement) => JobReport {
            job: id.clone(),
            state: JobState::Ended,
            word: "UNKNOWN".into(),
            reason: "Slurm does not know it any more".into(),
            node: String::new(),
            since: now(),
        },
        None => return Ok(()),
    };
    record(run, &report)?;
    let may_return = found.is_some_and(|job| job.may_be_requeued());
    let over = match report.state {
        JobState::Ended | JobState::Leaving if may_return => now().saturating_sub(report.since) > REQUEUE_GRACE,
        JobState::Ended => true,
        _ => false,
    };
    // The lock is the second witness: a worker that holds it will log its end and remove the placement.
    if over
        && matches!(run.liveness(), Liveness::Submitted)
        && run.placement().ok().flatten().as_ref() == Some(placement)
    {
        record(run, &JobReport { state: JobState::Ended, ..report })?;
        run.clear_placement()?;
    }
    Ok(())
}

/// Completes the record of a submission whose answer was lost, by the job's name.
fn complete_placement(run: &RunFolder, placement: &Placement, listing: &[Job]) -> io::Result<()> {
    let name = job_name(run);
    let job = listing.iter().find(|job| job.name == name && job.state() != JobState::Ended);
    match job {
        Some(job) => run.record_placement(&Placement { job: Some(job.id.clone()), ..placement.clone() }),
        None if is_quiet(run, placement) && matches!(run.liveness(), Liveness::Submitted) => run.clear_placement(),
        None => Ok(()),
    }
}

/// Returns the job as Slurm shows it alone.
pub(super) fn show(id: &str) -> Result<Job, CommandError> {
    let text = commands::run("scontrol", &["--oneliner", "show", "job", id], QUESTION_TIMEOUT)?;
    jobs::parse_shown(&text).ok_or_else(|| CommandError::Refused("scontrol".into(), "it shows no job".into()))
}

/// Returns whether submission and last event are so long ago that a running worker would have logged an event.
fn is_quiet(run: &RunFolder, placement: &Placement) -> bool {
    let grown = std::fs::metadata(run.events_file()).and_then(|log| log.modified()).ok();
    let age = grown.and_then(|at| SystemTime::now().duration_since(at).ok());
    let silent = age.is_none_or(|age| age.as_millis() > u128::from(ABSENCE_GRACE));
    silent && now().abs_diff(placement.at) > ABSENCE_GRACE
}

/// Returns the report on a job, with the time since which it says the same.
fn report(run: &RunFolder, job: &Job) -> JobReport {
    let Job { id, word, node, reason, .. } = job.clone();
    let report = JobReport { job: id, state: job.state(), word, reason, node, since: now() };
    let before = run.job_report().ok().flatten().filter(|before| before.says_the_same(&report));
    before.unwrap_or(report)
}

fn record(run: &RunFolder, report: &JobReport) -> io::Result<()> {
    if run.job_report().ok().flatten().as_ref() == Some(report) { Ok(()) } else { run.record_job_report(report) }
}

/// Waits until a cancelled worker has ended, but not for long.
pub(super) fn wait_for_end(run: &RunFolder) {
    let begun = Instant::now();
    while matches!(run.liveness(), Liveness::Alive) && begun.elapsed() < CANCEL_TIMEOUT {
        std::thread::sleep(Duration::from_millis(50));
    }
}
