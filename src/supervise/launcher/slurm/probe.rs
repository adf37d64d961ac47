//! A check of a place: a short job, and what its node sees of the home.
//!
//! ```text
//! HOME/check-XXXX/job.sh        the job
//!                /lock          held by the checking program
//!                /answer.json   what the node sees
//! ```

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::commands::{self, QUESTION_TIMEOUT, SUBMISSION_TIMEOUT};
use super::watch::show;
use super::{jobs, script};
use crate::domain::text::printable;
use crate::domain::{Place, now};
use crate::runs::{Holder, Home, JobState};

/// The difference between two clocks, in milliseconds, beyond which ages and times of two hosts cannot be compared.
const CLOCK_LIMIT: u64 = 5_000;

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The time between two questions about the job.
const QUESTION_INTERVAL: Duration = Duration::from_secs(2);

/// The findings of a job on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NodeView {
    host: String,
    /// The node's time, in milliseconds since 1970.
    at: u64,
    /// Whether the lock that the checking program holds was refused; a message if locks do not work.
    lock_refused: Result<bool, String>,
    version: String,
}

/// The result of a check, in sentences.
#[derive(Debug, Default, Serialize)]
pub struct Findings {
    /// A part that works.
    pub good: Vec<String>,
    /// A part that does not work, with advice.
    pub problems: Vec<String>,
}

/// Writes what this host sees into the folder of a check.
///
/// # Errors
/// If the folder cannot be written.
pub fn answer(folder: &Path) -> io::Result<()> {
    let lock_refused =
        File::open(folder.join("lock")).map_err(|error| error.to_string()).and_then(|file| match file.try_lock() {
            Ok(()) => Ok(false),
            Err(fs::TryLockError::WouldBlock) => Ok(true),
            Err(fs::TryLockError::Error(error)) => Err(error.to_string()),
        });
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let view = NodeView { host: Holder::this_host(), at: now(), lock_refused, version };
    let part = folder.join("answer.part");
    fs::write(&part, serde_json::to_vec(&view)?)?;
    fs::rename(part, folder.join("answer.json"))
}

/// Runs a short job on a place, and waits at most `wait` for it to begin.
///
/// # Errors
/// If the home cannot be written.
pub fn check(home: &Home, place: &Place, wait: Duration) -> io::Result<Findings> {
    let mut findings = Findings::default();
    fs::create_dir_all(home.path())?;
    let folder = tempfile::Builder::new().prefix("check-").tempdir_in(home.path())?;
    let held = File::create(folder.path().join("lock"))?;
    held.lock()?;
    let script = folder.path().join("job.sh");
    fs::write(&script, script::probe_script(folder.path(), place, &super::super::program()?)?)?;
    let submitted_at = now();
    let submitted = commands::run("sbatch", &["--parsable", &script.display().to_string()], SUBMISSION_TIMEOUT);
    let submitted = submitted.map(|text| jobs::parse_submitted(&text));
    let job = match submitted {
        Ok(Some((job, _))) => job,
        Ok(None) => {
            findings.problems.push("the answer of sbatch has no job id".into());
            return Ok(findings);
        }
        Err(error) => {
            findings.problems.push(format!("it does not submit: {error}"));
            return Ok(findings);
        }
    };
    findings.good.push(format!("it submits: Slurm took job {job}"));
    match wait_for_answer(folder.path(), &job, wait) {
        Ok(view) => judge(&view, submitted_at, &mut findings),
        Err(problem) => findings.problems.push(problem),
    }
    // A job that has ended cannot be cancelled.
    let _ = commands::run("scancel", &[&job], QUESTION_TIMEOUT);
    drop(held);
    Ok(findings)
}

fn wait_for_answer(folder: &Path, job: &str, wait: Duration) -> Result<NodeView, String> {
    let (begun, mut asked) = (Instant::now(), Instant::now());
    let mut last = "Slurm has not stated the reason".to_owned();
    loop {
        if let Ok(text) = fs::read(folder.join("answer.json")) {
            return serde_json::from_slice(&text).map_err(|error| format!("the node's answer cannot be read: {error}"));
        }
        if asked.elapsed() > QUESTION_INTERVAL {
            asked = Instant::now();
            match show(job) {
                Ok(shown) if shown.state() == JobState::Ended && shown.word != "COMPLETED" => {
                    return Err(format!(
                        "its job ended without an answer ({}, {}): does the node {} see {}, and this program?",
                        shown.word,
                        shown.reason,
                        shown.node,
                        folder.parent().unwrap_or(folder).display()
                    ));
                }
                Ok(shown) => last = format!("it is {}: {}", shown.word.to_lowercase(), shown.reason),
                Err(error) => last = error.to_string(),
            }
        }
        if begun.elapsed() > wait {
            return Err(printable(&format!("no answer in {} s, {last}; --wait SECONDS waits longer", wait.as_secs())));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

fn judge(view: &NodeView, submitted_at: u64, findings: &mut Findings) {
    let Findings { good, problems } = findings;
    let host = printable(&view.host);
    good.push(format!("the node {host} sees the home"));
    match &view.lock_refused {
        Ok(true) => good.push(format!("a lock that is held here is refused on {host}")),
        Ok(false) => problems.push(format!(
            "a lock that is held here is granted on {host}: mien sees workers there only by the scheduler and their logs"
        )),
        Err(error) => problems.push(format!("locks do not work on {host}: {}", printable(error))),
    }
    // The job ran between its submission and now.
    let off = submitted_at.saturating_sub(view.at).max(view.at.saturating_sub(now()));
    if off > CLOCK_LIMIT {
        problems.push(format!("the clock of {host} differs by {} s or more: ages will be wrong", off / 1000));
    } else {
        good.push(format!("the clock of {host} is near"));
    }
    if view.version == env!("CARGO_PKG_VERSION") {
        good.push(format!("mien {} is there", printable(&view.version)));
    } else {
        problems.push(format!("{host} has mien {}, this is {}", printable(&view.version), env!("CARGO_PKG_VERSION")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_sees_a_held_lock_and_its_view_is_judged() {
        let folder = tempfile::tempdir().expect("a folder");
        let held = File::create(folder.path().join("lock")).expect("created");
        held.lock().expect("locked");
        answer(folder.path()).expect("answered");
        let text = fs::read(folder.path().join("answer.json")).expect("an answer");
        let view: NodeView = serde_json::from_slice(&text).expect("a view");
        assert_eq!(view.lock_refused, Ok(true));
        let mut findings = Findings::default();
        judge(&view, view.at, &mut findings);
        assert!(findings.problems.is_empty() && findings.good.len() == 4, "{findings:?}");
        let table = [
            (NodeView { lock_refused: Ok(false), ..view.clone() }, "is granted on"),
            (NodeView { lock_refused: Err("no locks".into()), ..view.clone() }, "locks do not work"),
            (NodeView { at: view.at + 60_000, ..view.clone() }, "differs by"),
            (NodeView { at: view.at - 60_000, ..view.clone() }, "differs by 60 s"),
            (NodeView { version: "0.0.1".into(), ..view.clone() }, "has mien 0.0.1"),
        ];
        for (seen, expected) in table {
            let mut findings = Findings::default();
            judge(&seen, view.at, &mut findings);
            assert!(matches!(&findings.problems[..], [words] if words.contains(expected)), "{findings:?}");
        }
    }
}
