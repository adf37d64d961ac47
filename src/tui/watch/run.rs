//! A watched run: reads new events of its log and its annotations, and reports whether its view changed.

use std::fs;
use std::mem::{replace, take};
use std::sync::Arc;
use std::time::SystemTime;

use super::folders::modified;
use crate::domain::{RunId, RunState};
use crate::events::{Damage, ReadError};
use crate::runs::{FollowedRun, RunStore};
use crate::tui::library::RunView;

/// A run with its view.
pub(super) struct WatchedRun {
    /// The reader of the log; `None` if it cannot be opened, or its format is newer.
    pub(super) run: Option<FollowedRun>,
    pub(super) view: RunView,
    /// The length of the log at the last read, in bytes.
    log_length: u64,
    /// The time when the annotations were last written.
    annotated_at: Option<SystemTime>,
    /// The time when the failure of a notice was last written.
    notice_failed_at: Option<SystemTime>,
    /// Whether the view has curve and log lines.
    has_details: bool,
    /// Whether the next check reads the run again: it was not read yet, or the last error may pass. On a network file
    /// system a read can fail although the one before succeeded.
    pub(super) retry: bool,
    /// Whether the view differs from the one last sent.
    pub(super) changed: bool,
}

impl WatchedRun {
    /// Reads a run for the first time.
    pub(super) fn open(store: &RunStore, id: &RunId, has_details: bool) -> Self {
        let view = RunView {
            id: id.clone(),
            summary: Err("not read yet".into()),
            alive: false,
            submitted: false,
            job: None,
            stop_requested_at: None,
            worker_death: None,
            has_best_weights: false,
            damage: Damage::default(),
            notice_failure: None,
            annotations: Arc::default(),
            curves: None,
            log: Arc::default(),
        };
        let mut watched = Self {
            run: None,
            view,
            log_length: 0,
            annotated_at: None,
            notice_failed_at: None,
            has_details,
            retry: true,
            changed: true,
        };
        watched.read_new_events(store);
        watched.read_annotations(store);
        watched
    }

    /// Returns whether a worker trains the run, or will soon.
    pub(super) fn is_active(&self, now: u64) -> bool {
        self.view.alive || self.view.state(now).is_some_and(RunState::is_active)
    }

    /// Reads the run if its log grew or an earlier read failed, and its annotations if they changed.
    pub(super) fn check(&mut self, store: &RunStore) {
        let length = self.run.as_ref().map(log_length);
        if self.retry || length.is_some_and(|length| length != self.log_length) {
            self.read_new_events(store);
        }
        self.read_annotations(store);
    }

    /// Adds details to the view, or removes them.
    pub(super) fn set_details(&mut self, wanted: bool) {
        if replace(&mut self.has_details, wanted) == wanted && !(wanted && self.view.curves.is_none()) {
            return;
        }
        if let Some(run) = self.run.as_mut() {
            if !wanted {
                run.forget_detail();
            }
            // A failed read is repeated when the log is next checked.
            self.changed |= update_details(&mut self.view, run, wanted).unwrap_or(false);
        }
    }

    /// Reads new events of the log.
    pub(super) fn read_new_events(&mut self, store: &RunStore) {
        if self.run.is_none() && self.retry {
            match store.open(&self.view.id) {
                Ok(run) => self.run = Some(run),
                Err(error) => return self.record_failure(error.to_string(), error.is_io()),
            }
        }
        let Some(run) = &mut self.run else { return };
        self.log_length = log_length(run);
        let has_details = self.has_details;
        let view = &mut self.view;
        let result = run.advance().and_then(|grown| {
            run.save_folds();
            if !has_details {
                run.forget_detail();
            }
            let shown = update_details(view, run, has_details)?;
            Ok(grown || shown)
        });
        match result {
            Ok(grown) => {
                let grown = take(&mut self.retry) || grown;
                if grown {
                    view.summary = Ok(Arc::clone(&run.summary));
                    (view.alive, view.submitted) = (run.alive, run.submitted);
                    view.job = run.job_words();
                    view.damage = run.damage();
                    view.has_best_weights = run.folder().has_best_weights();
                }
                // Another program may have requested the stop, so the folder is checked.
                let stop_requested_at = run.folder().stop_requested_at().filter(|_| run.alive);
                let stop_changed = replace(&mut view.stop_requested_at, stop_requested_at) != stop_requested_at;
                let is_gone = run.summary.outcome.is_none() && !run.alive;
                let death = is_gone.then(|| run.folder().worker_death());
                let died = view.worker_death != death;
                view.worker_death = death;
                self.changed |= grown || stop_changed || died;
            }
            Err(error) => self.record_failure(error.to_string(), matches!(error, ReadError::Io { .. })),
        }
    }

    /// Reads the annotations and the failure of a notice if their files changed. Unreadable annotations count as empty.
    fn read_annotations(&mut self, store: &RunStore) {
        let folder = store.folder(&self.view.id);
        let written_at = modified(&folder.annotations_file());
        if written_at != self.annotated_at {
            self.annotated_at = written_at;
            self.view.annotations = Arc::new(folder.annotations().unwrap_or_default());
            self.changed = true;
        }
        let failed_at = modified(&folder.notice_file());
        if failed_at != self.notice_failed_at {
            self.notice_failed_at = failed_at;
            self.view.notice_failure = folder.notice_failure();
            self.changed = true;
        }
    }

    /// Records why the run cannot be read. With `retry` it is read again, and stays alive so that this happens soon.
    fn record_failure(&mut self, message: String, retry: bool) {
        self.changed |= self.view.summary.as_ref().err() != Some(&message);
        self.view.summary = Err(message);
        self.retry = retry;
        if !retry {
            (self.view.alive, self.view.submitted) = (false, false);
            self.run = None;
        }
    }
}

/// Returns the length of a run's log in bytes; 0 without one.
fn log_length(run: &FollowedRun) -> u64 {
    fs::metadata(run.folder().events_file()).map_or(0, |data| data.len())
}

/// Sets or removes the curve and log lines of a view. Returns whether they changed.
fn update_details(view: &mut RunView, run: &mut FollowedRun, wanted: bool) -> Result<bool, ReadError> {
    if !wanted {
        view.log = Arc::default();
        return Ok(view.curves.take().is_some());
    }
    let detail = run.detail()?;
    let same = view.curves.as_ref().is_some_and(|curves| Arc::ptr_eq(curves, &detail.steps))
        && Arc::ptr_eq(&view.log, &detail.log);
    view.curves = Some(Arc::clone(&detail.steps));
    view.log = Arc::clone(&detail.log);
    Ok(!same)
}
