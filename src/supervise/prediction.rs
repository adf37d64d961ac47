//! Predictions for pictures by a child process, `mien predict … --json`, followed through its output.
//!
//! The dashboard may be built without the networks, and a prediction must not end it: the child's lines of JSON are the
//! interface. The child ends when it is cancelled or when its output is closed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::child_lines::{ChildLines, describe_failure};
use super::launcher::command_on;
use super::{LaunchError, can_train};
use crate::domain::RunId;

/// The option of `mien predict` that adds the pixels of each face to its record.
pub const PIXELS_OPTION: &str = "--pixels";

/// The longest wait for one update.
const POLL_TIMEOUT: Duration = Duration::from_millis(250);

/// The most records of an update.
const MAX_RECORDS: usize = 256;

/// The pixels of a face as the first run's network sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacePixels {
    /// The width in pixels.
    pub width: u32,
    /// Bytes per pixel: 1 for gray, 3 for red, green and blue.
    pub channels: u32,
    /// The pixels `[height, width, channels]` in base64.
    pub data: String,
}

/// The prediction of one run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RunPrediction {
    /// The run.
    pub run: String,
    /// The probability of each class.
    pub probabilities: BTreeMap<String, f32>,
}

/// A record of `mien predict --json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum PredictionRecord {
    /// A face with its prediction.
    Face {
        /// The picture.
        source: String,
        /// Left and upper edge, width and height in pixels; `None` if the whole picture was used.
        #[serde(rename = "box")]
        area: Option<[u32; 4]>,
        /// The probability of each class; of several runs the mean.
        probabilities: BTreeMap<String, f32>,
        /// The predictions of each of several runs.
        #[serde(default)]
        runs: Vec<RunPrediction>,
        /// The pixels.
        pixels: Option<FacePixels>,
    },
    /// A picture without a prediction.
    Unpredicted {
        /// The picture.
        source: String,
        /// The reason.
        error: String,
    },
    /// The metrics of a folder of classes.
    Metrics {
        /// The metrics; `None` are used here.
        metrics: serde::de::IgnoredAny,
    },
}

/// The records since the last update, and the end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PredictionUpdate {
    /// The new records.
    pub records: Vec<PredictionRecord>,
    /// The end of the prediction, or the reason why it failed; `None` while it is running.
    pub end: Option<Result<(), String>>,
}

/// A running prediction, which ends when it is dropped.
#[derive(Debug)]
pub struct PredictionProcess {
    child: ChildLines<PredictionRecord>,
}

impl PredictionProcess {
    /// Starts predicting the pictures of these sources by the best weights of one or several runs of the home. With
    /// `watched`, waits for pictures that come into this folder afterwards.
    ///
    /// # Errors
    /// If this program cannot predict, or the process cannot be started.
    pub fn start(
        home: &Path,
        runs: &[RunId],
        sources: &[PathBuf],
        watched: Option<&Path>,
    ) -> Result<Self, std::io::Error> {
        if !can_train() {
            return Err(std::io::Error::other(LaunchError::NoTrainer));
        }
        let mut command = command_on(home)?;
        command.arg("predict");
        let (first, others) = runs.split_first().ok_or_else(|| std::io::Error::other("no run is given"))?;
        command.arg(first.as_str()).args(["--json", PIXELS_OPTION]);
        for other in others {
            command.args(["--with", other.as_str()]);
        }
        if let Some(folder) = watched {
            command.arg("--watch").arg(folder);
        }
        command.arg("--").args(sources);
        Self::of(command)
    }

    fn of(command: Command) -> std::io::Result<Self> {
        Ok(Self { child: ChildLines::start(command)? })
    }

    /// Waits up to a quarter of a second for records or the end.
    pub fn poll(&mut self) -> PredictionUpdate {
        let mut update = PredictionUpdate::default();
        let mut patience = POLL_TIMEOUT;
        while update.records.len() < MAX_RECORDS {
            match self.child.next(patience) {
                Ok(record) => {
                    update.records.push(record);
                    patience = Duration::ZERO;
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    update.end = Some(self.end());
                    break;
                }
            }
        }
        update
    }

    /// Returns whether the child failed. It also exits with 1 where a picture could not be read, without a message.
    fn end(&mut self) -> Result<(), String> {
        match self.child.wait() {
            (Ok(status), error_output) if status.success() || (status.code() == Some(1) && error_output.is_empty()) => {
                Ok(())
            }
            (status, error_output) => Err(describe_failure(status, error_output)),
        }
    }
}

impl Drop for PredictionProcess {
    fn drop(&mut self) {
        self.child.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(script: &str) -> (Vec<PredictionRecord>, Result<(), String>) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut prediction = PredictionProcess::of(command).expect("started");
        let mut records = Vec::new();
        loop {
            let update = prediction.poll();
            records.extend(update.records);
            if let Some(end) = update.end {
                return (records, end);
            }
        }
    }

    #[test]
    fn records_of_every_kind_are_read() {
        let script = r#"echo '{"source":"a.jpg","box":[1,2,3,4],"class":"sad","probabilities":{"happy":0.25,"sad":0.75},
            "pixels":{"width":1,"height":1,"channels":1,"data":"AA=="}}' | tr -d '\n'; echo
            echo noise
            echo '{"source":"b.jpg","error":"is not an image"}'
            echo '{"source":"c.jpg","box":null,"class":"sad","probabilities":{"sad":1.0},"runs":[
                {"run":"x","class":"sad","probabilities":{"sad":1.0}}]}' | tr -d '\n'; echo
            echo '{"metrics":{"accuracy":1.0}}'; exit 1"#;
        let (records, end) = all(script);
        assert_eq!((records.len(), end), (4, Ok(())));
        let PredictionRecord::Face { area, pixels, probabilities, .. } = &records[0] else { panic!("{records:?}") };
        assert_eq!((*area, probabilities["sad"]), (Some([1, 2, 3, 4]), 0.75));
        assert_eq!(pixels.as_ref().map(|pixels| pixels.data.as_str()), Some("AA=="));
        assert!(matches!(&records[1], PredictionRecord::Unpredicted { source, .. } if source == "b.jpg"));
        assert!(matches!(&records[2], PredictionRecord::Face { area: None, runs, .. } if runs[0].run == "x"));
        assert!(matches!(&records[3], PredictionRecord::Metrics { .. }));
    }

    #[test]
    fn a_failure_has_the_message_of_the_child() {
        let failed = all("echo 'mien: there is no run x' >&2; exit 1").1;
        assert_eq!(failed, Err("there is no run x".into()));
        assert!(all("exit 2").1.is_err_and(|error| error.contains("exit status: 2")));
    }
}
