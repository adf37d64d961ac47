//! The worker's side of the run folder: writes events and predictions, and reads requests.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::domain::{Limits, Outcome};
use crate::events::{Event, EventWriter};
use crate::model::device;
use crate::runs::generation::Generation;
use crate::runs::layout::RunFolder;
use crate::runs::predictions::Predictions;
use crate::train::Reporter;
use crate::train::evaluate::Evaluation;

use super::kernels::KernelWatch;
use super::load::LoadMeter;
use super::signals::Interruption;

pub(super) use crate::domain::now;

/// Time between two checks of the folder for requests.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A request to a worker that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ControlRequest {
    None,
    Pause,
    Stop,
}

/// Writes a run's events to its log and reads the requests in its folder.
pub(super) struct RunReporter {
    log: SharedLog,
    folder: RunFolder,
    generation: Generation,
    interruption: Interruption,
    stopping: bool,
    polled: Instant,
    lost: usize,
    paused: Duration,
    /// The recipe's limits; `limits` are those in force.
    own_limits: Limits,
    limits: Limits,
    /// The last warning about unreadable limits, so that each is logged once.
    limits_warning: Option<String>,
    load: Option<LoadMeter>,
    kernels: Option<KernelWatch>,
}

/// The event log, shared with the thread that counts compiled kernels.
#[derive(Clone)]
pub(super) struct SharedLog(Arc<Mutex<EventWriter>>);

impl SharedLog {
    pub(super) fn new(log: EventWriter) -> Self {
        Self(Arc::new(Mutex::new(log)))
    }

    /// Returns whether another thread holds the log too.
    #[cfg(test)]
    pub(super) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    pub(super) fn append(&self, event: Event) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(now(), event)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sync()
    }
}

impl RunReporter {
    pub(super) fn new(
        log: EventWriter,
        folder: RunFolder,
        generation: Generation,
        interruption: Interruption,
        own_limits: Limits,
    ) -> Self {
        Self {
            log: SharedLog::new(log),
            folder,
            generation,
            interruption,
            stopping: false,
            polled: Instant::now(),
            lost: 0,
            paused: Duration::ZERO,
            own_limits,
            limits: own_limits,
            limits_warning: None,
            load: None,
            kernels: None,
        }
    }

    /// Logs the load of this process from now on.
    pub(super) fn measure(&mut self, meter: Option<LoadMeter>) {
        self.load = meter;
    }

    /// Logs the number of compiled kernels from now on. Compiling may take minutes, in which training logs nothing
    /// else.
    pub(super) fn watch_kernels(&mut self, device: String, folder: &Path) {
        self.kernels = KernelWatch::start(device, folder.to_owned(), self.log.clone());
    }

    /// Writes predictions to a file of the run. A failure is logged as a warning, because a full disk must not end a
    /// training.
    pub(super) fn write_predictions(&mut self, predictions: &Predictions, path: &Path) {
        self.end_if_superseded();
        if let Err(error) = predictions.write(path) {
            let message = format!("cannot write {}: {error}; its predictions are missing", path.display());
            self.report(Event::Warning { message });
        }
    }

    /// Adopts the requested limits without an event: this worker only tests, and the log has them already.
    pub(super) fn adopt_limits(&mut self) {
        if let Ok(Some(limits)) = self.folder.limits() {
            self.limits = limits;
        }
    }

    /// Adopts the requested limits, and logs a change.
    pub(super) fn update_limits(&mut self) {
        match self.folder.limits() {
            Ok(requested) => {
                self.limits_warning = None;
                let limits = requested.unwrap_or(self.own_limits);
                if limits != self.limits {
                    self.limits = limits;
                    let Limits { epochs, patience } = limits;
                    self.report(Event::LimitsChanged { epochs, patience });
                }
            }
            Err(error) => {
                let message = format!("{error}; the limits stay as they are");
                if self.limits_warning.as_ref() != Some(&message) {
                    self.limits_warning = Some(message.clone());
                    self.report(Event::Warning { message });
                }
            }
        }
    }

    /// Ends this process, without writing anything, where a later worker of the run has begun. It can only have got
    /// the lock on a file system whose locks do not reach other hosts; two workers would mix their epochs.
    fn end_if_superseded(&self) {
        if !self.generation.is_current() {
            let _ = writeln!(io::stderr(), "mien worker: another worker of this run has begun, and this one ends");
            std::process::exit(1);
        }
    }

    fn append(&mut self, event: Event) -> io::Result<()> {
        self.end_if_superseded();
        if self.lost > 0 {
            let message = format!("{} events before this could not be recorded", self.lost);
            self.log.append(Event::Warning { message })?;
            self.lost = 0;
        }
        let durable = matches!(event, Event::EpochFinished { .. } | Event::Evaluated { .. } | Event::Ended { .. });
        self.log.append(event)?;
        if durable { self.log.sync() } else { Ok(()) }
    }

    /// Returns whether the run should stop: on a signal or, with `read_folder`, on a request.
    fn stop_pending(&self, read_folder: bool) -> bool {
        self.interruption.signal().is_some() || (read_folder && self.folder.stop_requested())
    }

    /// Returns the outcome of a run that ends early: stopped where that was requested, else interrupted by a signal.
    pub(super) fn early_outcome(&self) -> Outcome {
        match self.interruption.signal() {
            Some(signal) if !self.folder.stop_requested() => Outcome::Interrupted { signal: signal.into() },
            _ => Outcome::Stopped,
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        // A signal without a request logs no event; the run's outcome names it.
        if self.interruption.signal().is_none() || self.folder.stop_requested() {
            self.report(Event::StopRequested);
        }
    }

    /// Returns the pending request without waiting; for a worker that is not training yet.
    pub(super) fn poll_requests(&mut self) -> ControlRequest {
        self.update_limits();
        if !self.stopping && self.stop_pending(true) {
            self.stop();
        }
        if self.stopping {
            ControlRequest::Stop
        } else if self.folder.pause_requested() {
            ControlRequest::Pause
        } else {
            ControlRequest::None
        }
    }

    /// Waits until the request to pause is withdrawn or a stop is requested.
    pub(super) fn pause(&mut self) {
        self.report(Event::Paused);
        let begun = Instant::now();
        while self.folder.pause_requested() && !self.stop_pending(true) {
            thread::sleep(POLL_INTERVAL);
            self.update_limits();
        }
        self.paused += begun.elapsed();
        // Dropped, because a load measured during the pause would be logged as the load of training.
        self.load.as_ref().map(LoadMeter::take);
        if self.stop_pending(true) {
            self.stop();
        } else {
            self.report(Event::Continued);
        }
    }

    /// Ends the threads that write to the log; nothing may follow the run's last event.
    pub(super) fn finish(&mut self) {
        self.kernels = None;
        self.report_refusal();
    }

    /// Logs a warning where cuDNN was found but does not run a block.
    fn report_refusal(&mut self) {
        if let Some(message) = device::take_refusal() {
            self.report(Event::Warning { message });
        }
    }

    /// Handles requests in the folder, and logs load and warnings.
    fn poll(&mut self) {
        self.polled = Instant::now();
        // Checkpoints follow an event or a poll.
        self.end_if_superseded();
        self.report_refusal();
        self.update_limits();
        if let Some(load) = self.load.as_ref().and_then(LoadMeter::take) {
            self.report(Event::Load { load });
        }
        if self.folder.pause_requested() && !self.stop_pending(true) {
            self.pause();
        }
    }
}

impl Reporter for RunReporter {
    /// Appends an event to the log. A full disk must not end a training, so lost events are counted and reported later.
    fn report(&mut self, event: Event) {
        if let Err(error) = self.append(event) {
            if self.lost == 0 {
                let _ = writeln!(io::stderr(), "mien worker: cannot write the event log: {error}");
            }
            self.lost += 1;
        }
    }

    fn stop_requested(&mut self) -> bool {
        if self.stopping {
            return true;
        }
        let due = self.polled.elapsed() >= POLL_INTERVAL;
        if due {
            self.poll();
        }
        if !self.stopping && self.stop_pending(due) {
            self.stop();
        }
        self.stopping
    }

    fn paused(&self) -> Duration {
        self.paused
    }

    fn limits(&mut self, _own: Limits) -> Limits {
        self.update_limits();
        self.limits
    }

    fn validated(&mut self, epoch: u32, evaluation: &Evaluation) {
        let Evaluation { confusion, probabilities, truth, .. } = evaluation;
        let (probabilities, truth) = (probabilities.clone(), truth.clone());
        let predictions = Predictions { classes: confusion.classes(), probabilities, truth };
        self.write_predictions(&predictions, &self.folder.validation_predictions(epoch));
    }
}
