//! The queue with real workers: one run per device at a time, in order, even after kills.

#![cfg(feature = "trainer")]

use crate::lab::{Lab, PATIENCE, events, time_of, wait_for, worker_pid};
use mien::events::Event;
use mien::runs::RunFolder;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

const LONG: &str = "10000";
const SHORT: &str = "1";

fn train(lab: &Lab, id: &str, epochs: &str, more: &[&str]) {
    let options = ["--epochs", epochs, "--patience", "1000", "--batch-size", "64", "--device", "cpu", "--detach"];
    let arguments = [&["train", "cnn", "--dataset", "faces", "--name", id][..], &options, more].concat();
    assert_eq!(lab.text(&arguments), format!("{id}\n"));
}

/// Returns id and queue state of each run on the CPU, in the order of the list.
fn queue(lab: &Lab) -> Vec<(String, String)> {
    let listing = lab.json(&["queue", "--json"]);
    let devices = listing["devices"].as_array().expect("devices");
    let cpu = devices.iter().filter(|device| device["device"] == "cpu");
    let runs = cpu.flat_map(|device| device["runs"].as_array().expect("runs").clone());
    runs.map(|run| {
        let state = run["state"].as_str().expect("a state");
        let detail = match (&run["ahead"], &run["begun"]) {
            (Value::Number(ahead), _) => format!(" {ahead}"),
            (_, Value::Bool(begun)) => format!(" {begun}"),
            _ => String::new(),
        };
        (run["id"].as_str().expect("an id").to_owned(), format!("{state}{detail}"))
    })
    .collect()
}

fn wait_for_queue(lab: &Lab, expected: &[(&str, &str)]) {
    let expected: Vec<(String, String)> = expected.iter().map(|(id, state)| ((*id).into(), (*state).into())).collect();
    let mut found = Vec::new();
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_secs(PATIENCE) {
        found = queue(lab);
        if found == expected {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
    panic!("{found:?} is not {expected:?}");
}

fn began(folder: &RunFolder) -> u64 {
    time_of(folder, |event| matches!(event, Event::DeviceChosen { .. }))
}

fn ended(folder: &RunFolder) -> u64 {
    time_of(folder, |event| matches!(event, Event::Ended { .. }))
}

fn workers(folder: &RunFolder) -> usize {
    events(folder).iter().filter(|event| matches!(event, Event::WorkerStarted { .. })).count()
}

fn wait_for_state(lab: &Lab, id: &str, state: &str) {
    wait_for(&format!("{id} to be {state}"), PATIENCE, || {
        (lab.json(&["show", id, "--json"])["state"] == state).then_some(())
    });
}

/// Kills the run's worker.
fn kill(folder: &RunFolder) {
    wait_for("the end of the worker", PATIENCE, || {
        if !folder.worker_alive() {
            return Some(());
        }
        // The log may still name a former worker.
        let _ = kill_process(worker_pid(folder), Signal::KILL);
        None
    });
}

#[test]
fn three_runs_are_at_work_one_after_the_other_in_the_order_of_their_launch() {
    let lab = Lab::new();
    lab.faces(700);
    for (id, epochs) in [("first", LONG), ("second", SHORT), ("third", SHORT)] {
        train(&lab, id, epochs, &[]);
    }
    wait_for_queue(&lab, &[("first", "at_work"), ("second", "waiting 1"), ("third", "waiting 2")]);
    let [first, second, third] = ["first", "second", "third"].map(|id| lab.folder(id));
    for waiting in [&second, &third] {
        assert!(
            !events(waiting).iter().any(|event| matches!(event, Event::DeviceChosen { .. })),
            "no device is touched"
        );
    }
    assert_eq!(lab.json(&["show", "third", "--json"])["state"], "queued");
    assert!(lab.text(&["runs", "third"]).contains("waits for cpu, 2 ahead"));
    assert!(lab.text(&["queue"]).contains("cpu: 1 of 1 slots in use"));
    lab.text(&["stop", "first"]);
    for id in ["second", "third"] {
        wait_for_state(&lab, id, "finished");
    }
    assert!(ended(&first) <= began(&second) && ended(&second) <= began(&third), "one at a time, in order");
    wait_for_queue(&lab, &[]);
    let told: Vec<usize> = events(&third)
        .into_iter()
        .filter_map(|event| if let Event::Queued { ahead, .. } = event { Some(ahead) } else { None })
        .collect();
    assert!(told.windows(2).all(|pair| pair[0] != pair[1]) && told.len() <= 3, "told only when it changes: {told:?}");
}

#[test]
fn the_order_and_the_number_of_slots_can_be_changed_and_now_does_not_queue() {
    let lab = Lab::new();
    lab.faces(700);
    for id in ["heron", "lynx", "otter", "wren"] {
        train(&lab, id, LONG, &[]);
    }
    wait_for_queue(&lab, &[("heron", "at_work"), ("lynx", "waiting 1"), ("otter", "waiting 2"), ("wren", "waiting 3")]);
    assert_eq!(lab.text(&["queue", "move", "wren", "--first"]), "wren is number 1 of 3 waiting runs\n");
    assert_eq!(lab.text(&["queue", "move", "lynx", "--after", "otter"]), "lynx is number 3 of 3 waiting runs\n");
    assert!(lab.complaint(&["queue", "move", "heron", "--last"], 1).contains("heron is running already"));
    wait_for_queue(&lab, &[("heron", "at_work"), ("wren", "waiting 1"), ("otter", "waiting 2"), ("lynx", "waiting 3")]);

    assert_eq!(lab.text(&["queue", "slots", "cpu", "2"]), "cpu: 2 runs use it at a time\n");
    wait_for_queue(&lab, &[("heron", "at_work"), ("wren", "at_work"), ("otter", "waiting 2"), ("lynx", "waiting 3")]);
    lab.text(&["queue", "slots", "cpu", "1"]);
    assert!(lab.complaint(&["queue", "slots", "cpu", "0"], 2).contains("1 to 64"));

    // With fewer slots than are in use, no run begins until one is free.
    lab.text(&["stop", "heron"]);
    wait_for_queue(&lab, &[("wren", "at_work"), ("otter", "waiting 1"), ("lynx", "waiting 2")]);

    train(&lab, "hasty", LONG, &["--now"]);
    let hasty = lab.folder("hasty");
    wait_for("its device", PATIENCE, || {
        events(&hasty).iter().any(|event| matches!(event, Event::DeviceChosen { .. })).then_some(())
    });
    assert!(queue(&lab).contains(&("hasty".into(), "beside".into())));

    // A pause gives up the slot and keeps the position.
    lab.text(&["pause", "otter"]);
    lab.text(&["stop", "wren"]);
    wait_for_queue(&lab, &[("lynx", "at_work"), ("hasty", "beside"), ("otter", "paused")]);
    lab.text(&["unpause", "otter"]);
    // A run that is paused at work keeps its slot, and says so.
    lab.text(&["pause", "lynx"]);
    wait_for_queue(&lab, &[("lynx", "paused"), ("hasty", "beside"), ("otter", "waiting 1")]);
    assert!(lab.text(&["queue"]).contains("paused, keeps its slot"));
    lab.text(&["unpause", "lynx"]);
    // A waiting run obeys a stop, and resuming it puts it behind the others.
    assert!(lab.text(&["stop", "otter"]).contains("otter has stopped before its first step"));
    lab.text(&["resume", "otter", "--detach"]);
    wait_for_queue(&lab, &[("lynx", "at_work"), ("hasty", "beside"), ("otter", "waiting 1")]);
}

#[test]
fn whoever_is_killed_holds_up_nobody_and_is_brought_back_once() {
    let lab = Lab::new();
    lab.faces(700);
    for (id, epochs) in [("heron", LONG), ("lynx", LONG), ("otter", SHORT)] {
        train(&lab, id, epochs, &[]);
    }
    wait_for_queue(&lab, &[("heron", "at_work"), ("lynx", "waiting 1"), ("otter", "waiting 2")]);
    let [heron, lynx] = ["heron", "lynx"].map(|id| lab.folder(id));
    kill(&lynx);
    wait_for_queue(&lab, &[("heron", "at_work"), ("otter", "waiting 1"), ("lynx", "lost false")]);
    assert_eq!(lab.json(&["show", "lynx", "--json"])["state"], "lost");
    assert!(lab.text(&["runs", "lynx"]).contains("mien queue restart"));
    kill(&heron);
    wait_for_state(&lab, "otter", "finished");
    wait_for_queue(&lab, &[("heron", "lost true"), ("lynx", "lost false")]);

    // Two restarts at once still start one worker per run.
    let mut starters = [lab.start(&["queue", "restart"]), lab.start(&["queue", "restart"])];
    for starter in &mut starters {
        starter.wait().expect("ended");
    }
    wait_for_queue(&lab, &[("heron", "at_work"), ("lynx", "waiting 1")]);
    assert_eq!((workers(&heron), workers(&lynx)), (2, 2));
    assert_eq!(lab.json(&["queue", "restart", "--json"]), json!({ "restarted": [] }));
    assert!(lab.complaint(&["queue", "forget", "lynx"], 1).contains("lynx has a worker"));
    // Of two workers started for a run, the second may take it when the first is gone.
    wait_for("lynx to be let go of", PATIENCE, || {
        kill(&lynx);
        lab.mien(&["queue", "forget", "lynx"]).output().expect("started").status.success().then_some(())
    });
    wait_for_queue(&lab, &[("heron", "at_work")]);
}

#[test]
fn several_runs_are_resumed_in_the_given_order_and_set_together() {
    let lab = Lab::new();
    lab.faces(350);
    for id in ["first", "second"] {
        train(&lab, id, SHORT, &[]);
        wait_for_state(&lab, id, "finished");
    }
    lab.complaint(&["resume", "second", "nobody", "--epochs", LONG], 1);
    assert_eq!(workers(&lab.folder("second")), 1, "nothing begins if a name is wrong");
    assert_eq!(lab.text(&["resume", "second", "first", "--epochs", LONG]), "second\nfirst\n");
    wait_for_queue(&lab, &[("second", "at_work"), ("first", "waiting 1")]);
    lab.text(&["set", "first", "second", "--epochs", "2"]);
    for id in ["first", "second"] {
        wait_for_state(&lab, id, "finished");
        assert_eq!(lab.json(&["show", id, "--json"])["limits"]["epochs"], 2, "{id}");
    }
    let words = lab.complaint(&["set", "first", "second", "--epochs", "3"], 1);
    assert!(words.contains("mien resume first") && words.contains("mien resume second"), "{words}");
}

#[test]
fn a_test_of_finished_weights_queues_as_well() {
    let lab = Lab::new();
    lab.faces(700);
    train(&lab, "otter", SHORT, &[]);
    wait_for_state(&lab, "otter", "finished");
    train(&lab, "heron", LONG, &[]);
    wait_for_queue(&lab, &[("heron", "at_work")]);
    let mut test = lab.start(&["evaluate", "otter", "--json"]);
    wait_for_queue(&lab, &[("heron", "at_work"), ("otter", "waiting 1")]);
    assert_eq!(lab.json(&["show", "otter", "--json"])["state"], "queued");
    lab.text(&["stop", "heron"]);
    assert!(test.wait().expect("ended").success());
    wait_for_queue(&lab, &[]);
    assert_eq!(lab.json(&["show", "otter", "--json"])["state"], "finished");
}

#[test]
fn a_run_begins_after_another_has_ended_though_there_is_room_before() {
    let lab = Lab::new();
    lab.faces(350);
    lab.text(&["queue", "slots", "cpu", "2"]);
    train(&lab, "first", LONG, &[]);
    train(&lab, "second", SHORT, &["--after", "first"]);
    let [first, second] = ["first", "second"].map(|id| lab.folder(id));
    wait_for("the wait to be told", PATIENCE, || {
        events(&second)
            .iter()
            .any(|event| matches!(event, Event::Waiting { run } if run.as_str() == "first"))
            .then_some(())
    });
    assert_eq!(lab.json(&["show", "second", "--json"])["state"], "queued");
    lab.text(&["stop", "first"]);
    wait_for_state(&lab, "second", "finished");
    assert!(began(&second) >= ended(&first));
    let refused = lab.mien(&["train", "cnn", "--dataset", "faces", "--after", "nobody", "--detach"]).assert().failure();
    let words = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(words.contains("nobody"), "{words}");
}
