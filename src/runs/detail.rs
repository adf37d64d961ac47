//! The fold of a run's events for the view of one run: the curve within epochs and the end of its log as text.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event_text;
use super::steps::Steps;
use crate::events::Record;

/// The number of log lines in a detail.
pub const LOG_LINES: usize = 200;

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The time, in milliseconds since 1970.
    pub at: u64,
    /// The text, safe to print.
    pub text: String,
}

/// The curve within epochs and the end of the log in words, as a fold of the log. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunDetail {
    /// The training curve within epochs.
    pub steps: Arc<Steps>,
    /// The end of the log, at most [`LOG_LINES`] lines.
    pub log: Arc<Vec<LogLine>>,
}

impl RunDetail {
    /// Applies one event.
    pub fn apply(&mut self, record: &Record) {
        Arc::make_mut(&mut self.steps).apply(record);
        if let Some(text) = event_text::describe_event(&record.event) {
            let log = Arc::make_mut(&mut self.log);
            log.push(LogLine { at: record.at, text });
            log.drain(..log.len().saturating_sub(LOG_LINES));
        }
    }
}
