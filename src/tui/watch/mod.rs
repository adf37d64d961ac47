//! Watches the home on a thread of its own, and reports only what changed.
//!
//! Runs that a worker is at are read on five times a second. For the others it is enough to look, a piece of the list
//! at a time, whether their log grew: a home may hold thousands. What only a run shown whole needs, its curve and its
//! log, is read for the runs that the dashboard asks for, and let go of with them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::mem::take;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use rayon::ThreadPool;
use rayon::prelude::*;
use tokio::sync::mpsc::Sender;

mod folders;

use folders::{Folder, Marks, modified};

use crate::domain::{RunId, RunState};
use crate::events::{Damage, ReadError};
use crate::runs::{FollowedRun, RunStore};
use crate::supervise::now;
use crate::tui::backend::Backend;
use crate::tui::library::RunView;
use crate::tui::messages::{Event, InspectEvent};

/// Between looks at active runs.
const FAST: Duration = Duration::from_millis(200);

/// Between looks for new runs, datasets and weights.
const SLOW: Duration = Duration::from_secs(1);

/// Runs at rest that are looked at each time.
const PIECE: usize = 100;

/// How long the reading of new runs goes on before it shows what it has; at first so shortly that the first frame has a
/// screenful.
const IMPATIENCE: [Duration; 2] = [Duration::from_millis(30), Duration::from_millis(200)];

/// New runs that are read between two looks at the clock.
const BATCH: usize = 16;

/// Threads that read logs. Never all of a machine's: there is a screen to draw.
const READERS: usize = 2;

/// What the dashboard asks of the watcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// Something was done: look at once.
    Check,
    /// These runs are wanted whole, with curve and log, and no others.
    Whole(Vec<RunId>),
}

/// Starts watching. The thread ends by itself when nobody receives any more.
pub(super) fn start(store: RunStore, backend: Arc<Backend>, events: Sender<Event>) -> mpsc::Sender<Ask> {
    let (ask, asked) = mpsc::channel();
    std::thread::spawn(move || {
        let report = events.clone();
        let watch = Watch::new(store, backend, events);
        let work = std::panic::AssertUnwindSafe(move || watch.run(&asked));
        if std::panic::catch_unwind(work).is_err() {
            let words = "watching the runs ended with a bug: quit with q and start `mien` again; runs go on";
            let _ = report.blocking_send(Event::RunsUnreadable(words.into()));
        }
    });
    ask
}

struct Watched {
    /// `None` where its recipe cannot be read, or reading on is pointless.
    run: Option<FollowedRun>,
    view: RunView,
    /// Length of the log when it was last looked at.
    length: u64,
    /// When what is said about it was last written.
    about: Option<SystemTime>,
    /// Whether curve and log are wanted.
    whole: bool,
    /// Whether it is still to be read, or the last attempt failed in a way that may pass: on a network file system even
    /// a read that went well a moment ago can fail.
    again: bool,
    /// Whether the dashboard has another view of it.
    changed: bool,
}

struct Watch {
    store: RunStore,
    backend: Arc<Backend>,
    events: Sender<Event>,
    runs: BTreeMap<RunId, Watched>,
    /// Runs that are to be read for the first time, in this order.
    unread: VecDeque<RunId>,
    /// The runs that are wanted whole.
    whole: BTreeSet<RunId>,
    /// Whether the dashboard has to have all of the list: it has none, or one with runs that are gone.
    anew: bool,
    /// When the folder of runs last changed.
    folders: Option<SystemTime>,
    /// Whether the runs could not be listed.
    failed: bool,
    /// The folder of datasets.
    datasets: Folder,
    /// The lists of doubtful images in them.
    marks: Marks,
    /// The folder of pretrained weights.
    weights: Folder,
    /// The run at rest to look at next.
    next: usize,
}

impl Watch {
    fn new(store: RunStore, backend: Arc<Backend>, events: Sender<Event>) -> Self {
        Self {
            store,
            backend,
            events,
            runs: BTreeMap::new(),
            unread: VecDeque::new(),
            whole: BTreeSet::new(),
            anew: true,
            folders: None,
            failed: false,
            datasets: Folder::default(),
            marks: Marks::default(),
            weights: Folder::default(),
            next: 0,
        }
    }

    fn run(mut self, asked: &Receiver<Ask>) {
        self.check_folders();
        let mut slow: Option<Instant> = None;
        let mut readers = None;
        loop {
            if slow.is_none_or(|at| at.elapsed() >= SLOW) {
                slow = Some(Instant::now());
                self.list_runs();
                self.check_ended(PIECE);
                self.check_folders();
            }
            self.read_unread(&mut readers);
            self.check_active();
            if !self.send() {
                return;
            }
            // There is no time to wait while there is something to read.
            let wait = if self.unread.is_empty() { FAST } else { Duration::ZERO };
            let mut next = asked.recv_timeout(wait);
            loop {
                match next {
                    Ok(Ask::Check) => {
                        slow = None;
                        self.check_ended(usize::MAX);
                    }
                    Ok(Ask::Whole(runs)) => self.want(runs),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                next = asked.recv_timeout(Duration::ZERO);
            }
            self.make_whole();
            if self.events.is_closed() {
                return;
            }
        }
    }

    /// Sends the views that changed, or all of them; tells whether somebody received them.
    fn send(&mut self) -> bool {
        // A list would put aside what was said about the folder.
        if self.failed {
            return true;
        }
        let all = take(&mut self.anew);
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

    fn check_folders(&mut self) {
        let home = self.store.home();
        let datasets = self.datasets.look(&home.data(), || self.backend.datasets()).map(Event::DatasetsRead);
        let weights = self.weights.look(&home.weights(), || self.backend.weights()).map(Event::WeightsRead);
        if let Some(Event::DatasetsRead(Ok(entries))) = &datasets {
            self.marks.follow(entries.iter().map(|entry| entry.name.clone()));
        }
        let changed = self.marks.changed(home).into_iter();
        let marks = changed.map(|name| {
            let marked = self.backend.marked(&name);
            Event::Inspect(InspectEvent::Marked(name, marked))
        });
        for event in datasets.into_iter().chain(marks).chain(weights) {
            let _ = self.events.blocking_send(event);
        }
    }

    /// Puts new runs on the list of those to be read, and forgets deleted ones.
    fn list_runs(&mut self) {
        let changed = modified(&self.store.home().checkpoints());
        if changed == self.folders && changed.is_some() {
            return;
        }
        let ids = match self.store.ids() {
            Ok(ids) => ids,
            Err(error) => {
                let folder = self.store.home().checkpoints();
                let words = format!("cannot list {}: {error}", folder.display());
                let _ = self.events.blocking_send(Event::RunsUnreadable(words));
                self.failed = true;
                self.folders = None;
                return;
            }
        };
        // A folder that changed this very moment may change again within the clock's resolution: look again.
        let settled = changed.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > SLOW);
        self.folders = if settled { changed } else { None };
        // A list takes the error off the screen, even one that did not change.
        self.anew |= take(&mut self.failed);
        let ids: BTreeSet<RunId> = ids.into_iter().collect();
        let before = self.runs.len();
        self.runs.retain(|id, _| ids.contains(id));
        self.anew |= self.runs.len() != before;
        let new = ids.into_iter().filter(|id| !self.runs.contains_key(id));
        // Those that changed last are looked at first.
        let mut new: Vec<(Option<SystemTime>, RunId)> =
            new.map(|id| (modified(self.store.folder(&id).path()), id)).collect();
        new.sort_by(|one, other| other.cmp(one));
        self.unread = new.into_iter().map(|(_, id)| id).collect();
        self.hurry();
    }

    /// Reads new runs until it is time to show some.
    fn read_unread(&mut self, readers: &mut Option<ThreadPool>) {
        let begun = Instant::now();
        let patience = IMPATIENCE[usize::from(!self.runs.is_empty())];
        while !self.unread.is_empty() && begun.elapsed() < patience {
            let count = self.unread.len().min(BATCH);
            let batch: Vec<RunId> = self.unread.drain(..count).collect();
            if readers.is_none() && !self.unread.is_empty() {
                *readers = pool();
            }
            let read: Vec<Watched> = match readers {
                Some(pool) => pool.install(|| batch.par_iter().map(|id| self.open(id)).collect()),
                None => batch.iter().map(|id| self.open(id)).collect(),
            };
            self.runs.extend(batch.into_iter().zip(read));
        }
        if self.unread.is_empty() {
            *readers = None;
        }
    }

    /// What is wanted whole is read before the rest.
    fn hurry(&mut self) {
        let (first, rest): (VecDeque<RunId>, VecDeque<RunId>) =
            take(&mut self.unread).into_iter().partition(|id| self.whole.contains(id));
        self.unread = first;
        self.unread.extend(rest);
    }

    fn open(&self, id: &RunId) -> Watched {
        let view = RunView {
            id: id.clone(),
            summary: Err("not read yet".into()),
            alive: false,
            submitted: false,
            stop_requested_at: None,
            worker_death: None,
            has_best_weights: false,
            damage: Damage::default(),
            annotations: Arc::default(),
            curves: None,
            log: Arc::default(),
        };
        let whole = self.whole.contains(id);
        let mut watched = Watched { run: None, view, length: 0, about: None, whole, again: true, changed: true };
        poll(&self.store, &mut watched);
        read_about(&self.store, &mut watched);
        watched
    }

    fn want(&mut self, runs: Vec<RunId>) {
        self.whole = runs.into_iter().collect();
        self.hurry();
    }

    /// Gives the runs that are wanted whole their curves and logs, and takes them from the others.
    fn make_whole(&mut self) {
        for (id, watched) in &mut self.runs {
            let whole = self.whole.contains(id);
            if take(&mut watched.whole) == whole && !(whole && watched.view.curves.is_none()) {
                watched.whole = whole;
                continue;
            }
            watched.whole = whole;
            if let Some(run) = watched.run.as_mut() {
                if !whole {
                    run.forget_detail();
                }
                // What cannot be read now is tried again with the next look at the log.
                watched.changed |= show_detail(&mut watched.view, run, whole).unwrap_or(false);
            }
        }
    }

    fn check_active(&mut self) {
        let now = now();
        for watched in self.runs.values_mut() {
            if watched.view.alive || watched.view.state(now).is_some_and(RunState::is_active) {
                watched.changed |= poll(&self.store, watched);
            }
        }
    }

    /// Looks at this many runs at rest, another piece of the list each time: whether their logs or what is said about
    /// them changed, and again where reading failed.
    fn check_ended(&mut self, piece: usize) {
        let count = self.runs.len();
        if count == 0 {
            return;
        }
        let start = self.next % count;
        self.next = start + piece.min(count);
        let due = |index: usize| (index + count - start) % count < piece;
        for (_, watched) in self.runs.values_mut().enumerate().filter(|(index, _)| due(*index)) {
            let length = watched.run.as_ref().map(length);
            if watched.again || length.is_some_and(|length| length != watched.length) {
                watched.changed |= poll(&self.store, watched);
            }
            watched.changed |= read_about(&self.store, watched);
        }
    }
}

/// Threads that read logs and give way to the one that draws; `None` where there can be none.
fn pool() -> Option<ThreadPool> {
    let give_way = |_| {
        let _ = rustix::process::nice(5);
    };
    rayon::ThreadPoolBuilder::new().num_threads(READERS).start_handler(give_way).build().ok()
}

/// The length of a run's log; 0 without one.
fn length(run: &FollowedRun) -> u64 {
    fs::metadata(run.folder().events_file()).map_or(0, |data| data.len())
}

/// Reads what is new in a run's log; tells whether its view changed.
fn poll(store: &RunStore, watched: &mut Watched) -> bool {
    if watched.run.is_none() && watched.again {
        match store.open(&watched.view.id) {
            Ok(run) => watched.run = Some(run),
            Err(error) => return fail(watched, error.to_string(), error.is_io()),
        }
    }
    let Some(run) = &mut watched.run else { return false };
    watched.length = length(run);
    let result = run.advance().and_then(|grown| {
        run.save_folds();
        if !watched.whole {
            run.forget_detail();
        }
        let shown = show_detail(&mut watched.view, run, watched.whole)?;
        Ok(grown || shown)
    });
    match result {
        Ok(grown) => {
            let recovered = take(&mut watched.again);
            if grown || recovered {
                watched.view.summary = Ok(Arc::clone(&run.summary));
                (watched.view.alive, watched.view.submitted) = (run.alive, run.submitted);
                watched.view.damage = run.damage();
                watched.view.has_best_weights = run.folder().best_checkpoint().exists();
            }
            // Another dashboard may have asked: the folder knows.
            let stop_requested_at = run.folder().stop_requested_at().filter(|_| run.alive);
            let asked = std::mem::replace(&mut watched.view.stop_requested_at, stop_requested_at) != stop_requested_at;
            let unfinished = run.summary.outcome.is_none();
            let loss = (unfinished && !run.alive).then(|| run.folder().worker_death());
            let noted = watched.view.worker_death != loss;
            watched.view.worker_death = loss;
            grown || recovered || asked || noted
        }
        Err(error) => fail(watched, error.to_string(), matches!(error, ReadError::Io { .. })),
    }
}

/// Brings curve and log of a view to where its run stands, or takes them away; tells whether they are others now.
fn show_detail(view: &mut RunView, run: &mut FollowedRun, whole: bool) -> Result<bool, ReadError> {
    if !whole {
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

/// Reads what is said about a run, if that changed; tells whether it did. What cannot be read counts as nothing said.
fn read_about(store: &RunStore, watched: &mut Watched) -> bool {
    let folder = store.folder(&watched.view.id);
    let changed = modified(&folder.annotations_file());
    if changed == watched.about {
        return false;
    }
    watched.about = changed;
    watched.view.annotations = Arc::new(folder.annotations().unwrap_or_default());
    true
}

/// Shows why a run cannot be read; tells whether that is news. `again`: whether another attempt may go better. Where it
/// may, `alive` stays, so that a run that was going is soon looked at again.
fn fail(watched: &mut Watched, words: String, again: bool) -> bool {
    let news = watched.view.summary.as_ref().err() != Some(&words);
    watched.view.summary = Err(words);
    watched.again = again;
    if !again {
        (watched.view.alive, watched.view.submitted) = (false, false);
        watched.run = None;
    }
    news
}

#[cfg(test)]
mod tests;
