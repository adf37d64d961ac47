//! The wait for earlier workers on their way to a device's queue.

use std::thread;
use std::time::{Duration, Instant};

use crate::events::{Event, EventReader, Progress};
use crate::runs::queue::Entry;
use crate::runs::{Job, Liveness, Queue, RunFolder};

/// The longest wait for earlier workers: a worker that hangs before it has a ticket must not block others.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The time between two polls of the queue.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Waits until every worker at an earlier position has its ticket, regardless of its starter.
///
/// A worker holds its run's lock for a while before it has a ticket. Without the wait, a worker started later could
/// overtake it.
pub(super) fn wait_for_earlier_workers(folder: &RunFolder) {
    let (Some(home), Ok(Some(own))) = (folder.home(), folder.queue_entry()) else { return };
    let queue = Queue::of(&home);
    let earlier = queue.entries().unwrap_or_default().into_iter().filter(|(_, entry)| entry.position < own.position);
    let mut earlier_workers: Vec<EarlierWorker> =
        earlier.map(|(id, entry)| EarlierWorker::of(home.run(&id), &entry)).collect();
    let begun = Instant::now();
    loop {
        earlier_workers.retain_mut(|worker| worker.is_awaited(&queue));
        if earlier_workers.is_empty() || begun.elapsed() >= TIMEOUT {
            return;
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// The progress of a worker from its run's lock to its ticket.
struct EarlierWorker {
    folder: RunFolder,
    job: Job,
    reader: EventReader,
    /// The worker of the log's latest start.
    worker: Option<u32>,
    /// Whether that worker has logged its position.
    logged: bool,
}

impl EarlierWorker {
    fn of(folder: RunFolder, entry: &Entry) -> Self {
        let since = Progress { position: entry.since, ..Progress::default() };
        let reader = EventReader::at(&folder.events_file(), since);
        Self { folder, job: entry.job, reader, worker: None, logged: false }
    }

    /// Returns whether a worker holds the run's lock and has no ticket yet.
    fn is_awaited(&mut self, queue: &Queue) -> bool {
        // A worker that another system will start may take hours.
        !matches!(self.folder.liveness(), Liveness::Absent | Liveness::Submitted) && !self.is_queued(queue)
    }

    /// Returns whether the run has its slot or ticket, or waits for something other than its device.
    fn is_queued(&mut self, queue: &Queue) -> bool {
        let Ok(Some(entry)) = self.folder.queue_entry() else { return true };
        let line = || entry.device.as_ref().map_or_else(Vec::new, |device| queue.waiting_runs(device));
        // The tickets last: there are as many as waiting runs, and there may be many earlier_workers.
        entry.begun || self.has_logged_position() || line().into_iter().any(|id| self.folder.id() == Some(id))
    }

    /// Returns whether the worker that holds the lock has logged that it waits or has begun.
    ///
    /// A worker that waits for another run or is paused has no ticket and blocks no run.
    fn has_logged_position(&mut self) -> bool {
        let (worker, logged) = (&mut self.worker, &mut self.logged);
        // An unreadable log has no events; the wait is bounded.
        let _ = self.reader.read(|record| match record.event {
            Event::WorkerStarted { pid, .. } => (*worker, *logged) = (Some(pid), false),
            Event::Waiting { .. } | Event::Queued { .. } | Event::Paused | Event::DeviceChosen { .. } => *logged = true,
            _ => {}
        });
        match self.folder.holder() {
            // Devices of another machine are not shared.
            Some(holder) if !holder.is_local() => true,
            // The latest events may belong to an earlier worker, and a worker that tests does not log its id.
            Some(holder) => {
                self.logged && (self.job == Job::Evaluate || (self.worker == Some(holder.pid) && holder.is_running()))
            }
            None => self.logged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Recipe, RunId, Strategy};
    use crate::events::EventWriter;
    use crate::runs::queue::{DeviceKey, SlotPoll};
    use crate::runs::{Holder, Home, RunStore};

    fn id(name: &str) -> RunId {
        RunId::new(name).expect("an id")
    }

    /// Returns two runs in this order.
    fn two() -> (tempfile::TempDir, Queue, [RunFolder; 2]) {
        let home = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(home.path()));
        let queue = Queue::of(store.home());
        let folders = ["heron", "lynx"].map(|name| {
            let run = store.create(&id(name), &Recipe::sample(Strategy::Cnn)).expect("a run");
            queue.enter(&store.folder(&run), Job::Train).expect("entered");
            store.folder(&run)
        });
        (home, queue, folders)
    }

    #[test]
    fn a_worker_that_holds_its_lock_is_awaited_until_it_has_its_ticket() {
        let (_home, queue, [first, second]) = two();
        let _lock = first.lock().expect("locked").expect("free");
        let device = DeviceKey::here("cpu", None);
        let slot = queue.poll(&second, &device, &mut None).expect("a look");
        assert!(matches!(slot, SlotPoll::Granted(_)), "{slot:?}");
        let worker = thread::spawn({
            let (queue, first, device) = (queue.clone(), first.clone(), device.clone());
            move || {
                // The time that a worker may need to read its checkpoints.
                thread::sleep(Duration::from_millis(200));
                queue.record_device(&first, &device).expect("told");
                let mut ticket = None;
                let look = queue.poll(&first, &device, &mut ticket).expect("a look");
                assert!(matches!(look, SlotPoll::Wait { ahead: 1 }), "{look:?}");
                ticket
            }
        });
        wait_for_earlier_workers(&second);
        // The ticket exists until the thread's result is dropped.
        assert_eq!(queue.waiting_runs(&device), [id("heron")], "the second was let go before the first");
        drop(worker.join().expect("a ticket"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn only_a_worker_that_has_not_logged_its_position_is_awaited() {
        let (_home, queue, [first, second]) = two();
        let is_awaited = || {
            let entry = first.queue_entry().expect("readable").expect("an entry");
            EarlierWorker::of(first.clone(), &entry).is_awaited(&queue)
        };
        let mut log = EventWriter::open(&first.events_file(), 1).expect("a log");
        let mut append = |event| log.append(2, event).expect("told");
        let started = |pid| Event::WorkerStarted { pid, host: "here".into(), resumed_from: 0, resumed_step: 0 };
        assert!(!is_awaited(), "nobody is at the run");
        append(started(1));
        append(Event::Queued { device: "cpu".into(), ahead: 1 });
        let lock = first.lock().expect("locked").expect("free");
        let holder = Holder::this_process().expect("Linux tells who a process is");
        Holder { pid: 1, ..holder.clone() }.write(&lock).expect("written");
        assert!(is_awaited(), "a worker before it told that");
        holder.write(&lock).expect("written");
        assert!(is_awaited(), "it has told nothing yet");
        append(started(holder.pid));
        assert!(is_awaited(), "it has begun to read its checkpoints");
        for event in [Event::Waiting { run: id("otter") }, Event::Paused] {
            append(event);
            assert!(!is_awaited(), "it waits for something else");
            append(started(holder.pid));
        }
        let mut ticket = None;
        let device = DeviceKey::here("cpu", None);
        queue.record_device(&first, &device).expect("told");
        queue.set_slots(&device, 1).expect("set");
        let slot = queue.poll(&second, &device, &mut None).expect("a look");
        assert!(matches!(slot, SlotPoll::Granted(_)), "{slot:?}");
        assert!(matches!(queue.poll(&first, &device, &mut ticket), Ok(SlotPoll::Wait { ahead: 1 })));
        assert!(!is_awaited(), "it has its ticket");
        drop(ticket);
        assert!(is_awaited(), "and has given it back");
        Holder { boot: "another machine's".into(), ..holder }.write(&lock).expect("written");
        assert!(!is_awaited(), "another machine has other devices");
        queue.leave(&first).expect("left");
        assert!(
            EarlierWorker::of(first.clone(), &second.queue_entry().expect("readable").expect("an entry"))
                .is_queued(&queue)
        );
    }
}
