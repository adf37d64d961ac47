//! The job of a worker in its run folder.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The job of one worker process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Job {
    /// Trains from the run folder's state to the run's end and tests the best weights.
    #[default]
    Train,
    /// Tests the best weights again without other changes.
    Evaluate,
}

impl Job {
    /// Returns the name on the worker's command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Evaluate => "evaluate",
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Job {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "train" => Ok(Self::Train),
            "evaluate" => Ok(Self::Evaluate),
            _ => Err(format!("'{}' is not a job: use train or evaluate", crate::domain::text::printable(text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Job;

    #[test]
    fn a_job_reads_back_as_itself() {
        for job in [Job::Train, Job::Evaluate] {
            assert_eq!(job.to_string().parse(), Ok(job));
        }
        assert!("sing".parse::<Job>().is_err());
    }
}
