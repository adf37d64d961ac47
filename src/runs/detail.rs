//! What only a run shown whole needs, as a fold of its events: the curve within epochs and the end of its log in words.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::narrate;
use super::steps::Steps;
use crate::events::Record;

/// Lines of a log that are kept.
pub const LOG_LINES: usize = 200;

/// One line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What, safe to print.
    pub text: String,
}

/// The large part of what a run's events amount to. Cheap to copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detail {
    /// The training curve within epochs.
    pub steps: Arc<Steps>,
    /// The end of the log, at most [`LOG_LINES`] lines.
    pub log: Arc<Vec<LogLine>>,
}

impl Detail {
    /// Takes one event in.
    pub fn apply(&mut self, record: &Record) {
        Arc::make_mut(&mut self.steps).apply(record);
        if let Some(text) = narrate::line(&record.event) {
            let log = Arc::make_mut(&mut self.log);
            log.push(LogLine { at: record.at, text });
            log.drain(..log.len().saturating_sub(LOG_LINES));
        }
    }
}
