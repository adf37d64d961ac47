//! Watches the home on a thread of its own, and reports only what changed.
//!
//! Runs that a worker is at are read on five times a second. For the others it is enough to look, a piece of the list at a
//! time, whether their log grew: a home may hold thousands.

use std::collections::BTreeMap;
use std::fs;
use std::mem::take;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::Sender;

use super::backend::Disk;
use super::event::Event;
use super::state::RunView;
use crate::domain::{RunId, RunState};
use crate::events::ReadError;
use crate::runs::layout::RecipeError;
use crate::runs::{Detail, FollowedRun, RunStore};
use crate::supervise::now;

/// Between looks at active runs.
const FAST: Duration = Duration::from_millis(200);

/// Between looks for new runs, datasets and weights.
const SLOW: Duration = Duration::from_secs(1);

/// Runs at rest that are looked at each time.
const PIECE: usize = 100;

/// How long the first reading of a large home goes on before it shows what it has.
const IMPATIENCE: Duration = Duration::from_millis(150);

/// Starts watching. The thread ends by itself when nobody receives any more. A message through the returned sender
/// makes it look at once.
pub(super) fn start(store: RunStore, backend: Arc<Disk>, events: Sender<Event>) -> SyncSender<()> {
    let (poke, poked) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let report = events.clone();
        let watch = Watch::new(store, backend, events);
        let work = std::panic::AssertUnwindSafe(move || watch.run(&poked));
        if std::panic::catch_unwind(work).is_err() {
            let words = "watching the runs ended with a bug: quit with q and start `mien` again; runs go on";
            let _ = report.blocking_send(Event::RunsUnreadable(words.into()));
        }
    });
    poke
}

struct Watched {
    /// `None` where its recipe cannot be read, or reading on is pointless.
    run: Option<FollowedRun>,
    detail: Detail,
    view: RunView,
    /// Length of the log when it was last looked at.
    length: u64,
    /// Whether it is still to be read, or the last attempt failed in a way that may pass: on a network file system even
    /// a read that went well a moment ago can fail.
    again: bool,
}

struct Watch {
    store: RunStore,
    backend: Arc<Disk>,
    events: Sender<Event>,
    runs: BTreeMap<RunId, Watched>,
    /// When the folder of runs last changed.
    folders: Option<SystemTime>,
    /// Whether the runs could not be listed.
    failed: bool,
    /// The folder of datasets.
    datasets: Folder,
    /// The folder of pretrained weights.
    weights: Folder,
    /// The run at rest to look at next.
    next: usize,
}

/// A folder that is listed anew when it changes.
#[derive(Default)]
struct Folder {
    /// When it last changed.
    changed: Option<SystemTime>,
    /// Whether it was listed as it is.
    listed: bool,
}

impl Folder {
    /// Lists the folder if it changed, was not listed yet, or could not be.
    fn look<T>(&mut self, path: &Path, list: impl FnOnce() -> Result<T, String>) -> Option<Result<T, String>> {
        let changed = modified(path);
        if self.listed && changed == self.changed {
            return None;
        }
        self.changed = changed;
        let found = list();
        self.listed = found.is_ok();
        Some(found)
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

impl Watch {
    fn new(store: RunStore, backend: Arc<Disk>, events: Sender<Event>) -> Self {
        Self {
            store,
            backend,
            events,
            runs: BTreeMap::new(),
            folders: None,
            failed: false,
            datasets: Folder::default(),
            weights: Folder::default(),
            next: 0,
        }
    }

    fn run(mut self, poked: &Receiver<()>) {
        self.look_at_folders();
        let mut first = true;
        let mut slow = Instant::now();
        loop {
            let due = first || slow.elapsed() >= SLOW;
            let mut changed = first;
            if due {
                slow = Instant::now();
                changed |= self.look_for_runs();
                changed |= self.look_at_rest();
                self.look_at_folders();
            }
            changed |= self.look_at_active();
            first = false;
            // A list would put aside what was said about the folder.
            if changed && !self.failed && !self.send() {
                return;
            }
            match poked.recv_timeout(FAST) {
                // Asked to look: a run was launched or told something.
                Ok(()) => slow = Instant::now().checked_sub(SLOW).unwrap_or(slow),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.events.is_closed() {
                return;
            }
        }
    }

    fn send(&self) -> bool {
        let list = self.runs.values().map(|watched| watched.view.clone()).collect();
        self.events.blocking_send(Event::Runs(list)).is_ok()
    }

    fn look_at_folders(&mut self) {
        let home = self.store.home();
        let datasets = self.datasets.look(&home.data(), || self.backend.datasets()).map(Event::Datasets);
        let weights = self.weights.look(&home.weights(), || self.backend.weights()).map(Event::Weights);
        for event in datasets.into_iter().chain(weights) {
            let _ = self.events.blocking_send(event);
        }
    }

    /// Takes new runs in and forgets deleted ones.
    fn look_for_runs(&mut self) -> bool {
        let changed = modified(&self.store.home().checkpoints());
        if changed == self.folders && changed.is_some() {
            return false;
        }
        let ids = match self.store.ids() {
            Ok(ids) => ids,
            Err(error) => {
                let folder = self.store.home().checkpoints();
                let words = format!("cannot list {}: {error}", folder.display());
                let _ = self.events.blocking_send(Event::RunsUnreadable(words));
                self.failed = true;
                self.folders = None;
                return false;
            }
        };
        // A folder that changed this very moment may change again within the clock's resolution: look again.
        let settled = changed.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > SLOW);
        self.folders = if settled { changed } else { None };
        let before = self.runs.len();
        self.runs.retain(|id, _| ids.contains(id));
        let mut news = self.runs.len() != before;
        // A list takes the error off the screen, even one that did not change.
        news |= take(&mut self.failed);
        let begun = Instant::now();
        let mut shown = begun;
        for id in ids {
            if self.runs.contains_key(&id) {
                continue;
            }
            news = true;
            let watched = self.open(&id);
            self.runs.insert(id, watched);
            if shown.elapsed() > IMPATIENCE {
                shown = Instant::now();
                self.send();
            }
        }
        news
    }

    fn open(&self, id: &RunId) -> Watched {
        let view = RunView {
            id: id.clone(),
            summary: Err("not read yet".into()),
            alive: false,
            saved: false,
            about: Arc::default(),
            curves: None,
            log: Arc::default(),
        };
        let mut watched = Watched { run: None, detail: Detail::default(), view, length: 0, again: true };
        poll(&self.store, &mut watched);
        watched
    }

    fn look_at_active(&mut self) -> bool {
        let now = now();
        let mut changed = false;
        for watched in self.runs.values_mut() {
            if watched.view.alive || watched.view.state(now).is_some_and(RunState::is_active) {
                changed |= poll(&self.store, watched);
            }
        }
        changed
    }

    /// Looks whether logs of runs at rest grew, and again where reading failed, a piece of the list each time.
    fn look_at_rest(&mut self) -> bool {
        let count = self.runs.len();
        if count == 0 {
            return false;
        }
        let start = self.next % count;
        self.next = start + PIECE.min(count);
        let mut changed = false;
        let due = |index: usize| (index + count - start) % count < PIECE;
        for (_, watched) in self.runs.values_mut().enumerate().filter(|(index, _)| due(*index)) {
            let length = watched.run.as_ref().map(length);
            if watched.again || length.is_some_and(|length| length != watched.length) {
                changed |= poll(&self.store, watched);
            }
        }
        changed
    }
}

/// The length of a run's log; 0 without one.
fn length(run: &FollowedRun) -> u64 {
    fs::metadata(run.folder().events_file()).map_or(0, |data| data.len())
}

/// Reads what is new in a run's log; tells whether its view changed.
fn poll(store: &RunStore, watched: &mut Watched) -> bool {
    if watched.run.is_none() && watched.again {
        match store.follow(&watched.view.id) {
            Ok(run) => watched.run = Some(run),
            Err(error) => return fail(watched, error.to_string(), matches!(error, RecipeError::Io { .. })),
        }
    }
    let Some(run) = &mut watched.run else { return false };
    watched.length = length(run);
    let mut records = Vec::new();
    let result = run.poll(&mut records);
    records.iter().for_each(|record| watched.detail.apply(record));
    watched.view.curves = Some(Arc::clone(&watched.detail.steps));
    watched.view.log = Arc::clone(&watched.detail.log);
    match result {
        Ok(grown) => {
            let recovered = take(&mut watched.again);
            if grown || recovered {
                watched.view.summary = Ok(Arc::new(run.summary.clone()));
                watched.view.alive = run.alive;
                watched.view.saved = run.folder().best_checkpoint().exists();
            }
            grown || recovered
        }
        Err(error) => fail(watched, error.to_string(), matches!(error, ReadError::Io { .. })),
    }
}

/// Shows why a run cannot be read; tells whether that is news. `again`: whether another attempt may go better. Where it
/// may, `alive` stays, so that a run that was going is soon looked at again.
fn fail(watched: &mut Watched, words: String, again: bool) -> bool {
    let news = watched.view.summary.as_ref().err() != Some(&words);
    watched.view.summary = Err(words);
    watched.again = again;
    if !again {
        watched.view.alive = false;
        watched.run = None;
    }
    news
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tokio::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::domain::{DatasetName, Recipe};
    use crate::runs::Home;

    fn watch() -> (tempfile::TempDir, Watch, Receiver<Event>) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(folder.path()));
        let (events, received) = channel(64);
        let watch = Watch::new(store.clone(), Arc::new(Disk::new(store)), events);
        (folder, watch, received)
    }

    fn with_run() -> (tempfile::TempDir, Watch, RunId) {
        let (folder, watch, _) = watch();
        let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
        let id = watch.store.create(&RunId::new("calm-heron").expect("an id"), &recipe).expect("a run");
        (folder, watch, id)
    }

    /// In the way of any read, also for root: a link to itself.
    fn block(path: &Path) {
        symlink(path, path).expect("a link");
    }

    fn unblock(path: &Path) {
        fs::remove_file(path).expect("no link");
    }

    #[test]
    fn a_log_is_read_again_after_the_file_system_said_no() {
        let (_folder, mut watch, id) = with_run();
        let log = watch.store.folder(&id).events_file();
        block(&log);
        let watched = watch.open(&id);
        assert!(watched.view.summary.as_ref().is_err_and(|words| words.starts_with("cannot read the event log")));
        watch.runs.insert(id.clone(), watched);
        assert!(!watch.look_at_rest(), "the same error is no news");
        unblock(&log);
        assert!(watch.look_at_rest());
        assert!(watch.runs[&id].view.summary.is_ok());
        assert!(!watch.look_at_rest());
    }

    #[test]
    fn a_recipe_is_read_again_after_the_file_system_said_no() {
        let (_folder, mut watch, id) = with_run();
        let recipe = watch.store.folder(&id).recipe_file();
        let text = fs::read(&recipe).expect("a recipe");
        unblock(&recipe);
        block(&recipe);
        let watched = watch.open(&id);
        assert!(watched.view.summary.is_err());
        watch.runs.insert(id.clone(), watched);
        unblock(&recipe);
        fs::write(&recipe, text).expect("written");
        assert!(watch.look_at_rest());
        assert!(watch.runs[&id].view.summary.is_ok());
    }

    #[test]
    fn what_a_newer_mien_wrote_is_given_up() {
        let (_folder, watch, id) = with_run();
        let folder = watch.store.folder(&id);
        let newer = "{\"at\":2,\"event\":\"log_opened\",\"version\":99,\"program\":\"mien 99\"}\n";
        fs::write(folder.events_file(), newer).expect("written");
        let watched = watch.open(&id);
        assert!(watched.view.summary.is_err() && watched.run.is_none() && !watched.again);
        fs::write(folder.recipe_file(), "{\"version\": 99}").expect("written");
        assert!(!watch.open(&id).again);
        fs::write(folder.recipe_file(), "no recipe").expect("written");
        assert!(!watch.open(&id).again);
    }

    #[test]
    fn folders_that_can_be_read_again_are_news() {
        let (folder, mut watch, mut received) = watch();
        let paths = ["data", "weights", "checkpoints"].map(|name| folder.path().join(name));
        for path in &paths {
            block(path);
        }
        watch.look_at_folders();
        assert!(matches!(received.try_recv(), Ok(Event::Datasets(Err(_)))));
        assert!(matches!(received.try_recv(), Ok(Event::Weights(Err(_)))));
        assert!(!watch.look_for_runs());
        assert!(matches!(received.try_recv(), Ok(Event::RunsUnreadable(_))));
        for path in &paths {
            unblock(path);
        }
        watch.look_at_folders();
        assert!(matches!(received.try_recv(), Ok(Event::Datasets(Ok(_)))));
        assert!(matches!(received.try_recv(), Ok(Event::Weights(Ok(_)))));
        assert!(watch.look_for_runs());
        assert!(!watch.look_for_runs());
        watch.look_at_folders();
        assert!(received.try_recv().is_err());
    }
}
