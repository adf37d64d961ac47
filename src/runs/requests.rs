//! Requests to a worker, as files in `control/` of the run's folder, which work over a shared file system:
//!
//! ```text
//! control/stop         end after the current batch
//! control/pause        wait until the file is removed
//! control/limits.json  the limits in force instead of the recipe's
//! control/queue.json   the run's entry in the queue: see `queue`
//! control/placed.json  no request: the system that will start the worker: see `placement`
//! control/scheduler.json, place.json, job.sh   no requests: what the scheduler said last: see `job_report`
//! control/generation   no request: the number of the latest worker: see `generation`
//! control/killed       no request: the id of the worker that a person killed, until the run is resumed
//! ```
//! A request remains until it is withdrawn, so that a worker that starts later finds it. The starter of a worker
//! withdraws stop and pause first: otherwise a resumed run would end at once. Limits remain for the next worker.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::layout::RunFolder;
use crate::domain::Limits;
use crate::durable;
use crate::durable::versioned::{FileError, FileKind, Problem};

/// The newest format of `limits.json` that this program writes and reads.
pub const LIMITS_VERSION: u32 = 1;

/// `limits.json`.
static KIND: FileKind =
    FileKind { name: "limits", newest: LIMITS_VERSION, pretty: false, damaged: "holds no limits", advice: "" };

impl RunFolder {
    pub(super) fn control(&self) -> PathBuf {
        self.path().join("control")
    }

    fn stop_file(&self) -> PathBuf {
        self.control().join("stop")
    }

    fn pause_file(&self) -> PathBuf {
        self.control().join("pause")
    }

    /// Returns the path of the requested limits.
    #[must_use]
    pub fn limits_file(&self) -> PathBuf {
        self.control().join("limits.json")
    }

    pub(super) fn request(&self, file: &Path, content: &[u8]) -> io::Result<()> {
        durable::check_folder(self.path())?;
        durable::create_folder(&self.control())?;
        durable::write(file, content)
    }

    pub(super) fn take_back(&self, request: &Path) -> io::Result<()> {
        // Behind a link the file belongs to something else.
        match durable::check_folder(&self.control()).and_then(|()| fs::remove_file(request)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Requests that the worker ends after its current batch; the run can be resumed from there.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn request_stop(&self) -> io::Result<()> {
        self.request(&self.stop_file(), b"")
    }

    /// Returns whether a stop is requested.
    #[must_use]
    pub fn stop_requested(&self) -> bool {
        self.stop_file().exists()
    }

    /// Withdraws a stop request: otherwise a resumed run would stop at once.
    ///
    /// # Errors
    /// If the request exists and cannot be removed.
    pub fn clear_stop(&self) -> io::Result<()> {
        self.take_back(&self.stop_file())
    }

    /// Returns the time of a pending stop request, in milliseconds since 1970 by the file system's clock.
    #[must_use]
    pub fn stop_requested_at(&self) -> Option<u64> {
        let modified = fs::metadata(self.stop_file()).and_then(|data| data.modified()).ok()?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok()
    }

    fn killed_file(&self) -> PathBuf {
        self.control().join("killed")
    }

    /// Records that a person killed the worker of this process id, because a killed worker cannot log its end.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn note_killed(&self, pid: u32) -> io::Result<()> {
        self.request(&self.killed_file(), format!("{pid}\n").as_bytes())
    }

    /// Returns whether a person killed the latest worker.
    #[must_use]
    pub fn killed(&self) -> bool {
        self.killed_file().exists()
    }

    /// Removes the record of a kill, for the next worker.
    ///
    /// # Errors
    /// If the record exists and cannot be removed.
    pub fn clear_killed(&self) -> io::Result<()> {
        self.take_back(&self.killed_file())
    }

    /// Requests that the worker waits after its current batch until [`Self::clear_pause`].
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn request_pause(&self) -> io::Result<()> {
        self.request(&self.pause_file(), b"")
    }

    /// Returns whether a pause is requested.
    #[must_use]
    pub fn pause_requested(&self) -> bool {
        self.pause_file().exists()
    }

    /// Withdraws the pause request, so that the worker continues.
    ///
    /// # Errors
    /// If the request exists and cannot be removed.
    pub fn clear_pause(&self) -> io::Result<()> {
        self.take_back(&self.pause_file())
    }

    /// Returns the requested limits; `None` while the recipe's are in force.
    ///
    /// # Errors
    /// If the request cannot be read, has a newer format, or is out of range.
    pub fn limits(&self) -> Result<Option<Limits>, FileError> {
        let path = self.limits_file();
        let Some(limits) = KIND.read::<Limits>(&path)? else { return Ok(None) };
        limits.check().map_err(|error| KIND.error(&path, Problem::Malformed(error.to_string())))?;
        Ok(Some(limits))
    }

    /// Puts these limits in force, for the current worker and later ones.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn request_limits(&self, limits: Limits) -> io::Result<()> {
        self.request(&self.limits_file(), &KIND.bytes(&limits)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_stays_until_it_is_withdrawn() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::at(folder.path());
        assert!(!run.pause_requested() && !run.stop_requested());
        run.clear_pause().expect("nothing to clear is fine");
        run.request_pause().expect("written");
        run.request_pause().expect("written again");
        assert!(run.pause_requested() && !run.stop_requested());
        run.clear_pause().expect("cleared");
        assert!(!run.pause_requested());
    }

    #[test]
    fn limits_come_back_and_invalid_ones_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::at(folder.path());
        assert_eq!(run.limits().expect("none"), None);
        let limits = Limits { epochs: 80, patience: 12 };
        run.request_limits(limits).expect("written");
        assert_eq!(run.limits().expect("limits"), Some(limits));

        let table = [
            ("{\"version\":1,\"epochs\":0,\"patience\":3}", "epochs must be 1 to 10000"),
            ("{\"version\":1,\"epochs\":4}", "missing field `patience`"),
            ("so many", "holds no limits"),
            ("{\"version\":9}", "use a newer mien"),
        ];
        for (text, expected) in table {
            fs::write(run.limits_file(), text).expect("written");
            let message = run.limits().expect_err(text).to_string();
            assert!(message.contains(expected) && message.contains("limits.json"), "{message}");
        }
    }
}
