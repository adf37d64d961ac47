//! Watches the home on its own thread, and reports changes only.
//!
//! Logs of active runs are read five times a second. For the others, a part of the list at a time, only the log's
//! length is checked, because a home may hold thousands of runs. Details, that is the curve and the last log lines, are
//! read only for the runs that the dashboard requests, and are dropped afterwards.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem::take;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use rayon::ThreadPool;
use rayon::prelude::*;
use tokio::sync::mpsc::Sender;

mod folders;
mod run;

use folders::{FolderWatch, MarkWatch, modified};
use run::WatchedRun;

use crate::domain::RunId;
use crate::runs::RunStore;
use crate::supervise::{self, now};
use crate::tui::backend::Backend;
use crate::tui::library::{LinkView, RunView};
use crate::tui::messages::{Event, InspectEvent};
use crate::tui::remote;

/// The time between two reads of active runs.
const ACTIVE_INTERVAL: Duration = Duration::from_millis(200);

/// The time between two searches for new runs, datasets and weights.
const LISTING_INTERVAL: Duration = Duration::from_secs(1);

/// The number of ended runs checked at a time.
const RUNS_PER_CHECK: usize = 100;

/// The time that reading new runs takes before the runs read so far are sent. The first is short, so that the first
/// frame shows a screenful of runs.
const READ_BUDGETS: [Duration; 2] = [Duration::from_millis(30), Duration::from_millis(200)];

/// The number of new runs read between two checks of the time.
const BATCH: usize = 16;

/// The number of threads that read logs. They leave cores free, so that drawing stays fluent.
const READERS: usize = 2;

/// A request from the dashboard to the watcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WatchRequest {
    /// An effect changed files: check all runs at once.
    Refresh,
    /// Send the details of these runs and of no others.
    Details(Vec<RunId>),
}

/// Starts the watcher's thread. It ends once the receiver of the events is dropped.
pub(super) fn start(store: RunStore, backend: Arc<Backend>, events: Sender<Event>) -> mpsc::Sender<WatchRequest> {
    let (requests, received) = mpsc::channel();
    // Its own thread: a scheduler that does not answer must not hold up the runs.
    supervise::slurm::keep_watching(&store);
    std::thread::spawn(move || {
        let report = events.clone();
        let watcher = Watcher::new(store, backend, events);
        let work = std::panic::AssertUnwindSafe(move || watcher.run(&received));
        if std::panic::catch_unwind(work).is_err() {
            let message = "a bug stopped the watcher of runs: quit with q, then start `mien` again; runs continue";
            let _ = report.blocking_send(Event::RunsUnreadable(message.into()));
        }
    });
    requests
}

struct Watcher {
    store: RunStore,
    backend: Arc<Backend>,
    events: Sender<Event>,
    runs: BTreeMap<RunId, WatchedRun>,
    /// Runs not read yet, in the order in which they will be read.
    unread: VecDeque<RunId>,
    /// The runs whose details were requested.
    detailed: BTreeSet<RunId>,
    /// Whether the whole list is sent next: the dashboard has none, or runs were deleted.
    sends_all: bool,
    /// The time when the folder of runs last changed.
    runs_changed_at: Option<SystemTime>,
    /// Whether the last listing of runs failed.
    listing_failed: bool,
    /// The folder of datasets.
    datasets: FolderWatch,
    /// The files of marked images.
    marks: MarkWatch,
    /// The folder of imported weights.
    weights: FolderWatch,
    /// The index of the run that the next check begins with.
    next: usize,
    /// The line to the home as it was last sent.
    link: Option<LinkView>,
}

impl Watcher {
    fn new(store: RunStore, backend: Arc<Backend>, events: Sender<Event>) -> Self {
        Self {
            store,
            backend,
            events,
            runs: BTreeMap::new(),
            unread: VecDeque::new(),
            detailed: BTreeSet::new(),
            sends_all: true,
            runs_changed_at: None,
            listing_failed: false,
            datasets: FolderWatch::default(),
            marks: MarkWatch::default(),
            weights: FolderWatch::default(),
            next: 0,
            link: None,
        }
    }

    fn run(mut self, requests: &Receiver<WatchRequest>) {
        self.check_folders();
        let mut slow: Option<Instant> = None;
        let mut readers = None;
        loop {
            if slow.is_none_or(|at| at.elapsed() >= LISTING_INTERVAL) {
                slow = Some(Instant::now());
                self.list_runs();
                self.check_some(RUNS_PER_CHECK);
                self.check_folders();
            }
            self.check_link();
            self.read_unread(&mut readers);
            self.check_active();
            if !self.send_changes() {
                return;
            }
            // While runs are unread, requests are handled without waiting.
            let wait = if self.unread.is_empty() { ACTIVE_INTERVAL } else { Duration::ZERO };
            let mut next = requests.recv_timeout(wait);
            loop {
                match next {
                    Ok(WatchRequest::Refresh) => {
                        slow = None;
                        self.check_some(usize::MAX);
                    }
                    Ok(WatchRequest::Details(runs)) => self.request_details(runs),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                next = requests.recv_timeout(Duration::ZERO);
            }
            self.update_details();
            if self.events.is_closed() {
                return;
            }
        }
    }

    /// Sends the changed views, or all of them. Returns false once the receiver is dropped.
    fn send_changes(&mut self) -> bool {
        // A list would clear the error message about the folder.
        if self.listing_failed {
            return true;
        }
        let all = take(&mut self.sends_all);
        let due = self.runs.values_mut().filter_map(|watched| {
            let due = take(&mut watched.changed) || all;
            due.then(|| watched.view.clone())
        });
        let views: Vec<RunView> = due.collect();
        let event = if all { Event::RunsRead(views) } else { Event::RunsChanged(views) };
        match &event {
            Event::RunsChanged(views) if views.is_empty() => true,
            _ => self.events.blocking_send(event).is_ok(),
        }
    }

    /// Sends the state of the line to the home if it changed.
    fn check_link(&mut self) {
        let Some(link) = &self.backend.link else { return };
        let now = remote::view(link);
        if self.link.as_ref() != Some(&now) {
            self.link = Some(now.clone());
            let _ = self.events.blocking_send(Event::Link(now));
        }
    }

    fn check_folders(&mut self) {
        // The mirror has no datasets: they are asked for when a screen shows them.
        if self.backend.link.is_some() {
            return;
        }
        let home = self.store.home();
        let datasets = self.datasets.list_if_changed(&home.data(), || self.backend.datasets()).map(Event::DatasetsRead);
        let weights = self.weights.list_if_changed(&home.weights(), || self.backend.weights()).map(Event::WeightsRead);
        if let Some(Event::DatasetsRead(Ok(entries))) = &datasets {
            self.marks.set_datasets(entries.iter().map(|entry| entry.name.clone()));
        }
        let changed = self.marks.changed(home).into_iter();
        let marks = changed.map(|name| {
            let marks = self.backend.marks(&name);
            Event::Inspect(InspectEvent::Marked(name, marks))
        });
        for event in datasets.into_iter().chain(marks).chain(weights) {
            let _ = self.events.blocking_send(event);
        }
    }

    /// Queues new runs for reading, and removes deleted ones.
    fn list_runs(&mut self) {
        let changed = modified(&self.store.home().checkpoints());
        if changed == self.runs_changed_at && changed.is_some() {
            return;
        }
        let ids = match self.store.ids() {
            Ok(ids) => ids,
            Err(error) => {
                let folder = self.store.home().checkpoints();
                let message = format!("cannot list {}: {error}", folder.display());
                let _ = self.events.blocking_send(Event::RunsUnreadable(message));
                self.listing_failed = true;
                self.runs_changed_at = None;
                return;
            }
        };
        // A folder that changed just now may change again within the resolution of the clock, so it is listed again
        // next time.
        let settled = changed.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > LISTING_INTERVAL);
        self.runs_changed_at = if settled { changed } else { None };
        // A list clears the error message, so it is sent even if no run changed.
        self.sends_all |= take(&mut self.listing_failed);
        let ids: BTreeSet<RunId> = ids.into_iter().collect();
        let before = self.runs.len();
        self.runs.retain(|id, _| ids.contains(id));
        self.sends_all |= self.runs.len() != before;
        let new = ids.into_iter().filter(|id| !self.runs.contains_key(id));
        // Recently changed runs are read first.
        let mut new: Vec<(Option<SystemTime>, RunId)> =
            new.map(|id| (modified(self.store.folder(&id).path()), id)).collect();
        new.sort_by(|one, other| other.cmp(one));
        self.unread = new.into_iter().map(|(_, id)| id).collect();
        self.read_requested_first();
    }

    /// Reads new runs until the time is up.
    fn read_unread(&mut self, readers: &mut Option<ThreadPool>) {
        let start = Instant::now();
        let budget = READ_BUDGETS[usize::from(!self.runs.is_empty())];
        while !self.unread.is_empty() && start.elapsed() < budget {
            let count = self.unread.len().min(BATCH);
            let batch: Vec<RunId> = self.unread.drain(..count).collect();
            if readers.is_none() && !self.unread.is_empty() {
                *readers = start_readers();
            }
            let open = |id: &RunId| WatchedRun::open(&self.store, id, self.detailed.contains(id));
            let read: Vec<WatchedRun> = match readers {
                Some(pool) => pool.install(|| batch.par_iter().map(open).collect()),
                None => batch.iter().map(open).collect(),
            };
            self.runs.extend(batch.into_iter().zip(read));
        }
        if self.unread.is_empty() {
            *readers = None;
        }
    }

    /// Moves the runs with requested details to the front of the unread ones.
    fn read_requested_first(&mut self) {
        let (first, rest): (VecDeque<RunId>, VecDeque<RunId>) =
            take(&mut self.unread).into_iter().partition(|id| self.detailed.contains(id));
        self.unread = first;
        self.unread.extend(rest);
    }

    fn request_details(&mut self, runs: Vec<RunId>) {
        self.detailed = runs.into_iter().collect();
        self.read_requested_first();
    }

    /// Adds details to the views of the requested runs, and removes them from the others.
    fn update_details(&mut self) {
        for (id, watched) in &mut self.runs {
            watched.set_details(self.detailed.contains(id));
        }
    }

    fn check_active(&mut self) {
        let now = now();
        for watched in self.runs.values_mut().filter(|watched| watched.is_active(now)) {
            watched.read_new_events(&self.store);
        }
    }

    /// Checks `count` runs, continuing where the last check ended: whether the log or the annotations changed, or an
    /// earlier read failed.
    fn check_some(&mut self, count: usize) {
        let all = self.runs.len();
        if all == 0 {
            return;
        }
        let start = self.next % all;
        self.next = start + count.min(all);
        let due = |index: usize| (index + all - start) % all < count;
        for (_, watched) in self.runs.values_mut().enumerate().filter(|(index, _)| due(*index)) {
            watched.check(&self.store);
        }
    }
}

/// Returns threads of low priority that read logs; `None` if they cannot be started.
fn start_readers() -> Option<ThreadPool> {
    let lower_priority = |_| {
        let _ = rustix::process::nice(5);
    };
    rayon::ThreadPoolBuilder::new().num_threads(READERS).start_handler(lower_priority).build().ok()
}

#[cfg(test)]
mod tests;
