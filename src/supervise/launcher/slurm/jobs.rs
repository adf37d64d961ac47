//! Jobs as Slurm lists them: the output of `squeue`, `scontrol show job` and `sbatch --parsable`.

use crate::runs::JobState;

/// The beginning of a line of ours. Login scripts and plugins print lines of their own.
const MARK: &str = "mien|";

/// The format for `squeue`. The reason is last, because it may have any characters.
pub(super) const FORMAT: &str = "mien|%i|%T|%N|%j|%r";

/// A job as Slurm shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) word: String,
    pub(super) node: String,
    pub(super) name: String,
    pub(super) reason: String,
}

impl Job {
    /// Returns the state of the job.
    pub(super) fn state(&self) -> JobState {
        match self.word.as_str() {
            "RUNNING" | "SUSPENDED" | "STOPPED" | "RESIZING" | "SIGNALING" => JobState::Running,
            // A preempted job is queued again where the cluster requeues.
            "COMPLETING" | "PREEMPTED" | "STAGE_OUT" => JobState::Leaving,
            "COMPLETED" | "FAILED" | "CANCELLED" | "TIMEOUT" | "NODE_FAIL" | "OUT_OF_MEMORY" | "BOOT_FAIL"
            | "DEADLINE" | "REVOKED" | "LAUNCH_FAILED" => JobState::Ended,
            _ => JobState::Pending,
        }
    }

    /// Returns whether Slurm, or the job's own worker, may queue the job again although its state looks final.
    pub(super) fn may_be_requeued(&self) -> bool {
        matches!(self.word.as_str(), "TIMEOUT" | "NODE_FAIL" | "PREEMPTED" | "COMPLETING" | "STAGE_OUT")
    }
}

/// Returns the jobs in the output of `squeue` in [`FORMAT`].
pub(super) fn parse_listing(text: &str) -> Vec<Job> {
    let job = |line: &str| {
        let mut fields = line.trim_end().strip_prefix(MARK)?.splitn(5, '|').map(str::to_owned);
        let [id, word, node, name, reason] = std::array::from_fn(|_| fields.next());
        Some(Job { id: id?, word: word?, node: node?, name: name?, reason: reason? })
    };
    text.lines().filter_map(job).collect()
}

/// Returns the job in the output of `scontrol --oneliner show job ID`.
pub(super) fn parse_shown(text: &str) -> Option<Job> {
    let line = text.lines().find(|line| line.starts_with("JobId="))?;
    let field = |name: &str| {
        let value = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        value.filter(|value| *value != "(null)").unwrap_or_default().to_owned()
    };
    Some(Job {
        id: field("JobId"),
        word: field("JobState"),
        node: field("NodeList"),
        name: field("JobName"),
        reason: field("Reason"),
    })
}

/// Returns id and cluster in the output of `sbatch --parsable`: `12` or `12;cluster`.
pub(super) fn parse_submitted(text: &str) -> Option<(String, Option<String>)> {
    let parse = |line: &str| {
        let (id, cluster) = line.trim().split_once(';').map_or((line.trim(), None), |(id, rest)| (id, Some(rest)));
        let number = !id.is_empty() && id.chars().all(|c| c.is_ascii_digit());
        number.then(|| (id.to_owned(), cluster.map(str::to_owned)))
    };
    text.lines().rev().find_map(parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_read_past_banners() {
        let text = "Welcome to the cluster | enjoy\nmien|12|PENDING||mien-heron|(Resources, or | so)\nmien|13\n\
                    mien|14_2|RUNNING|n1|mien-otter|None\n";
        let jobs = parse_listing(text);
        let seen: Vec<_> = jobs.iter().map(|job| (job.id.as_str(), job.state(), job.reason.as_str())).collect();
        assert_eq!(seen, [("12", JobState::Pending, "(Resources, or | so)"), ("14_2", JobState::Running, "None")]);
        assert_eq!(parse_listing(""), []);
    }

    #[test]
    fn a_shown_job_has_state_reason_and_node() {
        let text = "banner\nJobId=7 JobName=mien-heron UserId=root(0) JobState=TIMEOUT Reason=TimeLimit NodeList=n2\n";
        let job = parse_shown(text).expect("a job");
        assert_eq!((job.word.as_str(), job.reason.as_str(), job.node.as_str()), ("TIMEOUT", "TimeLimit", "n2"));
        assert!(job.state() == JobState::Ended && job.may_be_requeued());
        assert_eq!(parse_shown("slurm_load_jobs error: Invalid job id specified"), None);
    }

    #[test]
    fn the_id_of_a_submitted_job_is_found_past_banners() {
        let table = [
            ("12\n", Some(("12", None))),
            ("2 nodes are down\n13;lab\n", Some(("13", Some("lab")))),
            ("Submitted batch job twelve\n", None),
            ("", None),
        ];
        for (text, expected) in table {
            let found = parse_submitted(text);
            let found = found.as_ref().map(|(id, cluster)| (id.as_str(), cluster.as_deref()));
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
