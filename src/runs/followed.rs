//! A run whose log is read on as it grows, from its start or from where a kept fold ends.

use std::sync::Arc;

use super::detail::Detail;
use super::kept::{self, Kept, Of};
use super::layout::RunFolder;
use super::summary::Summary;
use crate::domain::{RunId, RunState, recipe::RECIPE_VERSION};
use crate::durable::versioned::FileError;
use crate::events::{Damage, EventReader, Progress, ReadError, Record};
use crate::runs::placement::Liveness;

/// How far behind, in bytes of log, the kept fold of a run at rest may be: reading that much takes a tenth of a
/// millisecond.
const BEHIND_AT_REST: u64 = 64 << 10;

/// The same while a worker writes: a fold must not be written anew every few seconds.
const BEHIND_AT_WORK: u64 = 4 << 20;

/// A run whose log is read on as it grows.
#[derive(Debug)]
pub struct FollowedRun {
    folder: RunFolder,
    /// Of the recipe as it was read.
    recipe: u32,
    reader: EventReader,
    /// What the events read so far amount to.
    pub summary: Arc<Summary>,
    /// Folded as far as the summary, once it was asked for.
    detail: Option<Detail>,
    /// How much of the log the kept folds of summary and detail stand for.
    kept: [u64; 2],
    /// Whether a worker held the run's lock at the last poll; where that cannot be told, what was known before or the
    /// log says.
    pub alive: bool,
    /// Whether nobody held it, but a worker may begin at any time.
    pub submitted: bool,
    /// Why it could not be told at the last poll.
    pub doubt: Option<String>,
    /// Whether it was ever told.
    certain: bool,
}

impl FollowedRun {
    /// The run before its first event.
    pub(super) fn from_the_start(folder: RunFolder, id: RunId) -> Result<Self, FileError> {
        let text = folder.recipe_text()?;
        let summary = Summary::new(id, folder.parse_recipe(&text)?);
        let reader = EventReader::new(&folder.events_file());
        let recipe = crc32fast::hash(&text);
        Ok(Self::unread(folder, recipe, reader, summary))
    }

    /// The run as its kept summary has it; without one, before its first event, and then with its detail: whoever reads
    /// all of a log has it for nothing.
    pub(super) fn from_kept(folder: RunFolder, id: RunId) -> Result<Self, FileError> {
        let text = folder.recipe_text()?;
        let (log, recipe) = (folder.events_file(), crc32fast::hash(&text));
        let kept = kept::read::<Summary>(&folder.summary_fold(), Of::Summary, &log, recipe)
            .filter(|kept| kept.value.recipe.version <= RECIPE_VERSION);
        let Some(Kept { progress, value: mut summary }) = kept else {
            return Ok(Self { detail: Some(Detail::default()), ..Self::from_the_start(folder, id)? });
        };
        let reader = EventReader::at(&log, progress);
        // The folder may have been renamed or copied since.
        summary.id = id;
        let kept = [progress.position, 0];
        Ok(Self { kept, ..Self::unread(folder, recipe, reader, summary) })
    }

    /// A run of which nothing has been read but what `summary` holds.
    fn unread(folder: RunFolder, recipe: u32, reader: EventReader, summary: Summary) -> Self {
        Self {
            folder,
            recipe,
            reader,
            summary: Arc::new(summary),
            detail: None,
            kept: [0; 2],
            alive: false,
            submitted: false,
            doubt: None,
            certain: false,
        }
    }

    /// The run's folder.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The lines of the log that could not be taken in.
    #[must_use]
    pub fn damage(&self) -> Damage {
        self.reader.damage()
    }

    /// Bytes of the log that the summary stands for.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// How far the log was read, and what was found.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.reader.progress()
    }

    /// Reads what is new into the summary and appends it to `records`, also what was read before an error; tells
    /// whether anything changed.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn poll(&mut self, records: &mut Vec<Record>) -> Result<bool, ReadError> {
        self.read(|record| records.push(record))
    }

    /// Reads what is new into the summary; tells whether anything changed.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn advance(&mut self) -> Result<bool, ReadError> {
        self.read(drop)
    }

    fn read(&mut self, mut take: impl FnMut(Record)) -> Result<bool, ReadError> {
        // Liveness first: a worker that ends in between has then written its last event before we read.
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
            // A run is never lost because its lock could not be looked at.
            Liveness::Unknown(_) => (self.alive || !self.certain) && self.summary.looks_alive(),
            known => known.may_be_alive(),
        };
        self.certain |= !matches!(liveness, Liveness::Unknown(_));
        self.doubt = if let Liveness::Unknown(error) = &liveness { Some(error.to_string()) } else { None };
        let submitted = matches!(liveness, Liveness::Submitted);
        let changed = grown || alive != self.alive || submitted != self.submitted;
        (self.alive, self.submitted) = (alive, submitted);
        Ok(changed)
    }

    /// The curve and the end of the log, as far as the summary goes. The first call reads them: from the kept fold and
    /// what the log has behind it.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn detail(&mut self) -> Result<&Detail, ReadError> {
        let detail = match self.detail.take() {
            Some(detail) => detail,
            None => self.read_detail()?,
        };
        Ok(self.detail.insert(detail))
    }

    fn read_detail(&mut self) -> Result<Detail, ReadError> {
        let (log, end) = (self.folder.events_file(), self.reader.position());
        let kept = kept::read::<Detail>(&self.folder.detail_fold(), Of::Detail, &log, self.recipe)
            .filter(|kept| kept.progress.position <= end);
        let (progress, mut detail) =
            kept.map_or_else(|| (Progress::default(), Detail::default()), |kept| (kept.progress, kept.value));
        let position = progress.position;
        EventReader::at(&log, progress).until(end).read(|record| detail.apply(&record))?;
        self.kept[1] = position;
        Ok(detail)
    }

    /// Lets go of the curve and the end of the log.
    pub fn forget_detail(&mut self) {
        self.detail = None;
    }

    /// Writes what was folded beside the log, where that saves a later reader work worth it. A home that cannot be
    /// written goes without.
    pub fn keep(&mut self) {
        let behind = if self.alive { BEHIND_AT_WORK } else { BEHIND_AT_REST };
        let progress = self.reader.progress();
        let position = progress.position;
        let due = self.kept.map(|kept| position.saturating_sub(kept) >= behind);
        let (log, recipe) = (self.folder.events_file(), self.recipe);
        // The detail first: with a summary beside it, it is never newer than what a reader folds anyway.
        if let Some(detail) = self.detail.as_ref().filter(|_| due[1]) {
            let kept = Kept { progress, value: detail };
            let _ = kept::write(&self.folder.detail_fold(), Of::Detail, &log, recipe, &kept);
            self.kept[1] = position;
        }
        if due[0] {
            let kept = Kept { progress, value: self.summary.as_ref() };
            let _ = kept::write(&self.folder.summary_fold(), Of::Summary, &log, recipe, &kept);
            self.kept[0] = position;
        }
    }

    /// The run's state at `now`, in milliseconds since 1970.
    #[must_use]
    pub fn state(&self, now: u64) -> RunState {
        if self.submitted { RunState::Queued } else { self.summary.state(self.alive, now) }
    }
}
