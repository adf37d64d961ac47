//! The failure of a command of `[notify]`: `notice.json` in the run's folder.
//!
//! The command runs after the worker has released the run's lock, when a later worker may write the log. A line in the
//! log would therefore mix two writers, so the failure has a file of its own.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::RunFolder;
use crate::domain::text::printable;
use crate::durable;
use crate::durable::versioned::{FileError, FileKind};

/// `notice.json`.
static KIND: FileKind =
    FileKind { name: "notice", newest: 1, pretty: true, damaged: "is damaged", advice: "; remove it" };

/// The failure of the command that ran at the run's last end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeFailure {
    /// The time of the failure, in milliseconds since 1970.
    pub at: u64,
    /// The setting with the reason and the last lines of the command's error output.
    pub message: String,
}

impl RunFolder {
    /// Returns the path of the failure of a notice.
    #[must_use]
    pub fn notice_file(&self) -> PathBuf {
        self.path().join("notice.json")
    }

    /// Returns the failure of the command that ran at the run's last end, safe to print; `None` without a failure. For
    /// an unreadable file it is the reason.
    #[must_use]
    pub fn notice_failure(&self) -> Option<String> {
        let found = KIND.read::<NoticeFailure>(&self.notice_file());
        found.map_or_else(|error| Some(error.to_string()), |found| Some(found?.message)).map(|text| printable(&text))
    }

    /// Records a failure.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn record_notice_failure(&self, failure: &NoticeFailure) -> Result<(), FileError> {
        KIND.write(&self.notice_file(), failure)
    }

    /// Removes the failure of an earlier end.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn clear_notice_failure(&self) -> io::Result<()> {
        durable::check_folder(self.path())?;
        match fs::remove_file(self.notice_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_kept_until_it_is_cleared() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::at(folder.path());
        assert_eq!(run.notice_failure(), None);
        let failure = NoticeFailure { at: 3, message: "on_end: \u{1b}[2J".into() };
        run.record_notice_failure(&failure).expect("written");
        assert_eq!(run.notice_failure().as_deref(), Some("on_end: ·[2J"));
        run.clear_notice_failure().and_then(|()| run.clear_notice_failure()).expect("removed");
        assert_eq!(run.notice_failure(), None);
        fs::write(run.notice_file(), "{\"version\":2}").expect("written");
        assert!(run.notice_failure().is_some_and(|words| words.contains("use a newer mien")));
        // A folder that is gone stays gone.
        let gone = RunFolder::at(folder.path().join("gone"));
        assert!(gone.record_notice_failure(&failure).is_err() && !gone.path().exists());
    }
}
