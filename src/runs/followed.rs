//! A run whose growing log is followed, from its start or from the end of a saved fold.

use std::sync::Arc;

use super::detail::RunDetail;
use super::job_report::PlacedJob;
use super::layout::RunFolder;
use super::saved_fold::{self, FoldKind, SavedFold};
use super::summary::Summary;
use crate::domain::{RunId, RunState, recipe::RECIPE_VERSION};
use crate::durable::versioned::FileError;
use crate::events::{Damage, EventReader, Progress, ReadError, Record};
use crate::runs::placement::Liveness;

/// The most bytes of log that the saved fold of an inactive run may lack: reading them takes a tenth of a millisecond.
const MAX_LAG_INACTIVE: u64 = 64 << 10;

/// The most bytes of log that the saved fold of an active run may lack. A smaller number would rewrite the fold every
/// few seconds.
const MAX_LAG_ACTIVE: u64 = 4 << 20;

/// A run whose growing log is followed.
#[derive(Debug)]
pub struct FollowedRun {
    folder: RunFolder,
    /// The checksum of the recipe's file.
    recipe: u32,
    reader: EventReader,
    /// The fold of the events read so far.
    pub summary: Arc<Summary>,
    /// The fold up to the same event, once it was requested.
    detail: Option<RunDetail>,
    /// The positions in the log of the saved folds of summary and detail.
    saved: [u64; 2],
    /// Whether a worker held the run's lock at the last poll. If unknown, the last known value, or else the log's.
    pub alive: bool,
    /// Whether no process held the lock, but a worker may begin at any time.
    pub submitted: bool,
    /// The run's job on a cluster, as its scheduler was last seen to have it.
    pub job: Option<PlacedJob>,
    /// The error of reading the lock's state at the last poll.
    pub lock_error: Option<String>,
    /// Whether the lock's state was ever known.
    liveness_known: bool,
}

impl FollowedRun {
    /// Returns the run before its first event.
    pub(super) fn from_first_event(folder: RunFolder, id: RunId) -> Result<Self, FileError> {
        let text = folder.recipe_text()?;
        let summary = Summary::new(id, folder.parse_recipe(&text)?);
        let reader = EventReader::new(&folder.events_file());
        let recipe = crc32fast::hash(&text);
        Ok(Self::with_summary(folder, recipe, reader, summary))
    }

    /// Returns the run at its saved summary. Without one, returns it before its first event, with its detail: a full
    /// read of the log yields both.
    pub(super) fn from_saved_fold(folder: RunFolder, id: RunId) -> Result<Self, FileError> {
        let text = folder.recipe_text()?;
        let (log, recipe) = (folder.events_file(), crc32fast::hash(&text));
        let saved = saved_fold::read::<Summary>(&folder.summary_fold(), FoldKind::Summary, &log, recipe)
            .filter(|saved| saved.value.recipe.version <= RECIPE_VERSION);
        let Some(SavedFold { progress, value: mut summary }) = saved else {
            return Ok(Self { detail: Some(RunDetail::default()), ..Self::from_first_event(folder, id)? });
        };
        let reader = EventReader::at(&log, progress);
        // The folder may have been renamed or copied since.
        summary.id = id;
        let saved = [progress.position, 0];
        Ok(Self { saved, ..Self::with_summary(folder, recipe, reader, summary) })
    }

    /// Returns a run with the events that `summary` includes.
    fn with_summary(folder: RunFolder, recipe: u32, reader: EventReader, summary: Summary) -> Self {
        Self {
            folder,
            recipe,
            reader,
            summary: Arc::new(summary),
            detail: None,
            saved: [0; 2],
            alive: false,
            submitted: false,
            job: None,
            lock_error: None,
            liveness_known: false,
        }
    }

    /// Returns the run's folder.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Returns the damaged lines of the log.
    #[must_use]
    pub fn damage(&self) -> Damage {
        self.reader.damage()
    }

    /// Returns the bytes of log that the summary includes.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// Returns the progress of reading the log.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.reader.progress()
    }

    /// Reads new events into the summary and appends them to `records`, also those read before an error. Returns
    /// whether anything changed.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn poll(&mut self, records: &mut Vec<Record>) -> Result<bool, ReadError> {
        self.read(|record| records.push(record))
    }

    /// Reads new events into the summary; returns whether anything changed.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn advance(&mut self) -> Result<bool, ReadError> {
        self.read(drop)
    }

    fn read(&mut self, mut take: impl FnMut(Record)) -> Result<bool, ReadError> {
        // Liveness first. Otherwise a worker that ends in between would seem lost before its last event is read.
        let liveness = self.folder.liveness();
        let Self { reader, summary, detail, .. } = self;
        let grown = reader.read(|record| {
            Arc::make_mut(summary).apply(&record);
            if let Some(detail) = detail {
                detail.apply(&record);
            }
            take(record);
        })?;
        let alive = match &liveness {
            // An unreadable lock must not make a run lost.
            Liveness::Unknown(_) => (self.alive || !self.liveness_known) && self.summary.is_alive_by_log(),
            known => known.may_be_alive(),
        };
        self.liveness_known |= !matches!(liveness, Liveness::Unknown(_));
        self.lock_error = if let Liveness::Unknown(error) = &liveness { Some(error.to_string()) } else { None };
        let job = self.folder.placed_job();
        // Locks that do not reach other hosts would hide a worker that the scheduler and the log both show.
        let seen = job.as_ref().is_some_and(PlacedJob::is_running) && self.summary.has_worker_by_log();
        let submitted = matches!(liveness, Liveness::Submitted) && !seen;
        let changed = grown || alive != self.alive || submitted != self.submitted || job != self.job;
        (self.alive, self.submitted, self.job) = (alive, submitted, job);
        Ok(changed)
    }

    /// Returns the curve and the end of the log, up to the summary's event. The first call reads the saved fold and the
    /// rest of the log.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn detail(&mut self) -> Result<&RunDetail, ReadError> {
        let detail = match self.detail.take() {
            Some(detail) => detail,
            None => self.read_detail()?,
        };
        Ok(self.detail.insert(detail))
    }

    fn read_detail(&mut self) -> Result<RunDetail, ReadError> {
        let (log, end) = (self.folder.events_file(), self.reader.position());
        let saved = saved_fold::read::<RunDetail>(&self.folder.detail_fold(), FoldKind::Detail, &log, self.recipe)
            .filter(|saved| saved.progress.position <= end);
        let (progress, mut detail) =
            saved.map_or_else(|| (Progress::default(), RunDetail::default()), |saved| (saved.progress, saved.value));
        let position = progress.position;
        EventReader::at(&log, progress).with_end(end).read(|record| detail.apply(&record))?;
        self.saved[1] = position;
        Ok(detail)
    }

    /// Drops the curve and the end of the log.
    pub fn forget_detail(&mut self) {
        self.detail = None;
    }

    /// Saves the folds next to the log if that spares later readers enough work. Errors are ignored, because folds are
    /// optional in a read-only home.
    pub fn save_folds(&mut self) {
        let behind = if self.alive { MAX_LAG_ACTIVE } else { MAX_LAG_INACTIVE };
        let progress = self.reader.progress();
        let position = progress.position;
        let due = self.saved.map(|saved| position.saturating_sub(saved) >= behind);
        let (log, recipe) = (self.folder.events_file(), self.recipe);
        // The detail first: otherwise it could be newer than the summary of a later reader.
        if let Some(detail) = self.detail.as_ref().filter(|_| due[1]) {
            let saved = SavedFold { progress, value: detail };
            let _ = saved_fold::write(&self.folder.detail_fold(), FoldKind::Detail, &log, recipe, &saved);
            self.saved[1] = position;
        }
        if due[0] {
            let saved = SavedFold { progress, value: self.summary.as_ref() };
            let _ = saved_fold::write(&self.folder.summary_fold(), FoldKind::Summary, &log, recipe, &saved);
            self.saved[0] = position;
        }
    }

    /// Describes the run's job on a cluster: `Slurm job 12 on gpu is pending: Resources`; `None` without one.
    #[must_use]
    pub fn job_words(&self) -> Option<String> {
        Some(self.job.as_ref()?.describe(&self.summary))
    }

    /// Returns the run's state at `now`, in milliseconds since 1970.
    #[must_use]
    pub fn state(&self, now: u64) -> RunState {
        if self.submitted {
            return RunState::Queued;
        }
        match self.summary.state(self.alive, now) {
            // On a cluster a worker comes only of a job, and there is none.
            RunState::Starting if !self.alive && !matches!(self.folder.place(), Ok(None)) => RunState::Lost,
            state => state,
        }
    }
}
