//! Tests of the queue with real files and real processes, some of which are killed at random instants.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::domain::{DatasetName, FinishReason, Outcome, Recipe};
use crate::events::{Event, EventReader, EventWriter};
use crate::runs::RunStore;

const NOW: u64 = 1_000_000;

fn id(name: &str) -> RunId {
    RunId::new(name).expect("an id")
}

fn cpu() -> DeviceKey {
    DeviceKey::here("cpu", None)
}

fn store(names: &[&str]) -> (tempfile::TempDir, RunStore, Queue) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(folder.path()));
    let queue = Queue::of(store.home());
    for name in names {
        let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
        store.create(&id(name), &recipe).expect("a run");
        queue.enter(&store.folder(&id(name)), Job::Train).expect("entered");
        queue.record_device(&store.folder(&id(name)), &cpu()).expect("told");
    }
    (folder, store, queue)
}

/// Polls without interference by others.
fn poll(queue: &Queue, run: &RunFolder, ticket: &mut Option<Ticket>) -> Result<Slot, usize> {
    match queue.poll(run, &cpu(), ticket).expect("a look") {
        SlotPoll::Granted(slot) => Ok(slot),
        SlotPoll::Wait { ahead } => Err(ahead),
        SlotPoll::Busy => panic!("nobody else is at it"),
    }
}

#[test]
fn positions_count_up_and_a_queued_run_retains_its_own() {
    let (_home, store, queue) = store(&["one", "two"]);
    let position = |name: &str| store.folder(&id(name)).queue_entry().expect("readable").map(|entry| entry.position);
    assert_eq!((position("one"), position("two")), (Some(1), Some(2)));
    queue.enter(&store.folder(&id("one")), Job::Train).expect("entered again");
    assert_eq!(position("one"), Some(1));
    queue.leave(&store.folder(&id("one"))).expect("left");
    queue.leave(&store.folder(&id("one"))).expect("nothing to leave is fine");
    assert_eq!(position("one"), None);
    queue.enter(&store.folder(&id("one")), Job::Evaluate).expect("entered");
    assert_eq!(position("one"), Some(3));
    assert_eq!(queue.move_run(&id("one"), &QueueMove::First).expect("moved"), (1, 1), "its device is not known yet");
    assert!(matches!(queue.move_run(&id("none"), &QueueMove::First), Err(MoveError::NotWaiting { .. })));
}

#[test]
fn a_slot_is_taken_in_order_and_freed_with_its_holder() {
    let (_home, store, queue) = store(&["one", "two", "three"]);
    let [one, two, three] = ["one", "two", "three"].map(|name| store.folder(&id(name)));
    let (mut first, mut second, mut third) = (None, None, None);
    let slot = poll(&queue, &one, &mut first).expect("free");
    assert!(first.is_none(), "who is at work waits no more");
    // The third run polls before the second has a ticket; it still waits for the slot.
    assert_eq!(poll(&queue, &three, &mut third).expect_err("taken"), 1);
    assert_eq!(poll(&queue, &two, &mut second).expect_err("taken"), 1);
    assert_eq!(poll(&queue, &three, &mut third).expect_err("taken"), 2);
    drop(slot);
    assert_eq!(poll(&queue, &three, &mut third).expect_err("another is before it"), 1);
    queue.set_slots(&cpu(), 2).expect("set");
    let slots = [poll(&queue, &three, &mut third).expect("two fit"), poll(&queue, &two, &mut second).expect("two fit")];
    assert_eq!(queue.in_use(&cpu()), 2);
    queue.set_slots(&cpu(), 1).expect("set");
    drop(slots);
    // A run that no longer waits blocks no run.
    let mut ticket = None;
    let held = poll(&queue, &one, &mut ticket).expect("free");
    assert_eq!(poll(&queue, &two, &mut second).expect_err("taken"), 1);
    drop((held, second));
    drop(poll(&queue, &three, &mut third).expect("the one before it waits no more"));
    assert!(queue.waiting_runs(&cpu()).is_empty());
}

#[test]
fn a_damaged_file_is_named_and_gives_no_slot() {
    let (_home, store, queue) = store(&["one"]);
    let run = store.folder(&id("one"));
    let entries = [
        ("{\"version\":9}", "use a newer mien"),
        ("so many", "not an entry of the queue"),
        (
            "{\"version\":1,\"place\":1,\"job\":\"train\",\"since\":0,\"begun\":false,\
             \"device\":{\"host\":\"..\",\"key\":\"x\",\"name\":\"x\"}}",
            "not a valid folder name",
        ),
    ];
    for (text, expected) in entries {
        fs::write(run.queue_file(), text).expect("written");
        let message = run.queue_entry().expect_err(text).to_string();
        assert!(message.contains(expected) && message.contains("queue.json"), "{message}");
        assert_eq!(queue.list(NOW).expect("a list").complaints.len(), 1);
    }
    queue.set_slots(&cpu(), 3).expect("set");
    assert_eq!(queue.slots(&cpu()).expect("slots"), 3);
    let file = store.home().path().join("devices").join(cpu().host).join("cpu/slots.json");
    for text in ["{\"version\":9}", "{\"version\":1,\"slots\":0}", "{\"version\":1,\"slots\":65}", "many"] {
        fs::write(&file, text).expect("written");
        assert!(queue.slots(&cpu()).expect_err(text).to_string().contains("slots.json"));
        assert!(queue.poll(&run, &cpu(), &mut None).is_err(), "{text}");
    }
    assert!(matches!(queue.set_slots(&cpu(), 0), Err(SlotsError::Range(0))));
}

#[test]
fn a_job_is_over_when_its_end_was_logged_after_it_was_entered() {
    let (_home, store, queue) = store(&["one"]);
    let run = store.folder(&id("one"));
    let over = || run.job_is_over(&run.queue_entry().expect("readable").expect("an entry"));
    let log = |event: Event| {
        EventWriter::open(&run.events_file(), NOW).expect("a log").append(NOW, event).expect("an append");
    };
    let end = || Event::Ended { outcome: Outcome::Finished { reason: FinishReason::MaxEpochs } };
    assert!(!over());
    log(Event::WorkerStarted { pid: 1, host: "here".into(), resumed_from: 0, resumed_step: 0 });
    assert!(!over());
    log(end());
    // A worker killed between this and removing the entry: not lost, and not to be repeated.
    assert!(over());
    assert!(queue.list(NOW).expect("a list").devices.is_empty());
    // Entered again, as by `resume --epochs`, whose starter died before there was a worker.
    queue.enter(&run, Job::Train).expect("entered");
    assert!(!over());
    assert_eq!(queue.list(NOW).expect("a list").lost().len(), 1);
}

#[test]
fn an_unreadable_lock_frees_no_slot_and_costs_no_ticket() {
    let (_home, store, queue) = store(&["one", "two"]);
    let folder = queue.folder_of(&cpu());
    let (slot, ticket) = (folder.join("slot-1.lock"), folder.join("waiting/two"));
    fs::create_dir_all(folder.join("waiting")).expect("made");
    for lock in [&slot, &ticket] {
        // Opening it fails for every user, even root.
        std::os::unix::fs::symlink(lock, lock).expect("linked");
    }
    let ahead = poll(&queue, &store.folder(&id("one")), &mut None).expect_err("the slot may be in use");
    assert_eq!((ahead, queue.in_use(&cpu())), (1, 1));
    assert!(ticket.symlink_metadata().is_ok() && queue.waiting_runs(&cpu()).contains(&id("two")));
}

#[test]
fn an_end_is_found_where_the_log_had_an_unfinished_line() {
    let (_home, store, queue) = store(&["one"]);
    let run = store.folder(&id("one"));
    queue.leave(&run).expect("left");
    let mut log = EventWriter::open(&run.events_file(), NOW).expect("a log");
    log.append(NOW, Event::Warning { message: "hot".into() }).expect("an append");
    let mut killed = fs::OpenOptions::new().append(true).open(run.events_file()).expect("opened");
    std::io::Write::write_all(&mut killed, &[b'x'; 1000]).expect("written");
    let entry = queue.enter(&run, Job::Train).expect("entered");
    let mut log = EventWriter::open(&run.events_file(), NOW).expect("a log");
    let outcome = Outcome::Finished { reason: FinishReason::MaxEpochs };
    log.append(NOW, Event::Ended { outcome }).expect("an append");
    assert!(run.job_is_over(&entry));
}

/// The worker process of the test below: takes the run's lock, queues, uses the device exclusively for a moment, logs
/// the end.
#[test]
#[ignore = "a process of another test"]
fn a_worker_of_the_test_below() {
    let home = Home::new(std::env::var_os("MIEN_TEST_HOME").expect("a home"));
    let run = home.run(&id(&std::env::var("MIEN_TEST_RUN").expect("a run")));
    let Some(_lock) = run.lock().expect("a lock") else { return };
    let queue = Queue::of(&home);
    if !queue.is_pending(&run, Job::Train).expect("readable") {
        return;
    }
    let mut ticket = None;
    let _slot = loop {
        match queue.poll(&run, &cpu(), &mut ticket).expect("a look") {
            SlotPoll::Granted(slot) => break slot,
            _ => std::thread::sleep(Duration::from_millis(3)),
        }
    };
    let device = fs::OpenOptions::new().create(true).append(true).open(home.path().join("device")).expect("a file");
    device.try_lock().expect("another process is on the device");
    std::thread::sleep(Duration::from_millis(15));
    let mut log = EventWriter::open(&run.events_file(), NOW).expect("a log");
    let outcome = Outcome::Finished { reason: FinishReason::MaxEpochs };
    log.append(NOW, Event::Ended { outcome }).expect("an append");
    queue.leave(&run).expect("left");
}

fn worker(home: &Home, run: &RunId) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "runs::queue::tests::a_worker_of_the_test_below", "--ignored", "--nocapture"]);
    command.env("MIEN_TEST_HOME", home.path()).env("MIEN_TEST_RUN", run.as_str());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started")
}

#[test]
fn processes_killed_at_random_instants_lose_no_job_and_do_none_twice() {
    let names: Vec<String> = (0..8).map(|number| format!("run-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (_home, store, queue) = store(&names);
    let mut random = StdRng::seed_from_u64(7);
    let mut alive: Vec<(RunId, Child)> = names.iter().map(|name| (id(name), worker(store.home(), &id(name)))).collect();
    let (begun, mut kills) = (Instant::now(), 0);
    while !queue.entries().expect("entries").is_empty() {
        assert!(begun.elapsed() < Duration::from_mins(2), "{:?}", queue.list(NOW));
        std::thread::sleep(Duration::from_millis(random.random_range(1..12)));
        // The first kills come at every turn: on a fast machine the jobs would end before the dice fell for a dozen.
        if kills < 40 && !alive.is_empty() && (kills < 12 || random.random_bool(0.5)) {
            let victim = random.random_range(0..alive.len());
            alive[victim].1.kill().expect("killed");
            kills += 1;
        }
        alive.retain_mut(|(run, child)| {
            let Some(status) = child.try_wait().expect("a child") else { return true };
            if !status.success() && status.code().is_some() {
                let mut words = String::new();
                let _ = std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut words);
                panic!("{run}: {words}");
            }
            false
        });
        // As `restart` does; the run's lock admits one of two workers.
        for run in queue.list(NOW).expect("a list").lost() {
            if alive.iter().all(|(other, _)| *other != run.id) || random.random_bool(0.05) {
                alive.push((run.id.clone(), worker(store.home(), &run.id)));
            }
        }
        // A worker may have died between logging its end and removing its entry.
        for (run, entry) in queue.entries().expect("entries") {
            let run = store.folder(&run);
            if run.job_is_over(&entry) && !run.worker_alive() {
                queue.leave(&run).expect("left");
            }
        }
    }
    for (_, mut child) in alive {
        child.wait().expect("ended");
    }
    assert!(kills > 10, "{kills} kills");
    for name in names {
        let mut records = Vec::new();
        EventReader::new(&store.folder(&id(name)).events_file()).poll(&mut records).expect("a log");
        let ends = records.iter().filter(|record| matches!(record.event, Event::Ended { .. })).count();
        assert_eq!(ends, 1, "{name}");
    }
}
