//! `scripts/gpu-check`, rehearsed on the CPU: every stage at its smallest, a budget that cuts runs, and a missing
//! device.

#![cfg(feature = "trainer")]

use std::path::Path;
use std::process::{Command, Output};

use mien::domain::RunId;
use mien::events::{Event, EventReader};
use mien::runs::{Home, RunStore};
use serde_json::Value;

/// Runs `gpu-check` in this folder.
fn check(out: &Path, arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/gpu-check");
    let mut command = Command::new("python3");
    // Without PyTorch, even if the machine has it.
    command.arg(script).args(["--mien", env!("CARGO_BIN_EXE_mien"), "--quick", "--python", "/nonexistent"]);
    command.arg("--out").arg(out).args(arguments).env_remove("MIEN_RESIDENT_MIB");
    command.output().expect("python3 runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn state(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("state.json")).expect("a state")).expect("JSON")
}

/// Returns the number of workers that a run has had.
fn workers(store: &RunStore, run: &str) -> usize {
    let folder = store.folder(&RunId::new(run).expect("an id"));
    let mut records = Vec::new();
    EventReader::new(&folder.events_file()).poll(&mut records).expect("a log");
    records.iter().filter(|record| matches!(record.event, Event::WorkerStarted { .. })).count()
}

#[test]
#[ignore = "takes minutes: scripts/long-tests"]
fn every_stage_is_rehearsed_on_the_processor_and_what_the_budget_cuts_is_resumed() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let store = RunStore::new(Home::new(out.join("home")));

    let first = check(&out, &["--device", "cpu", "--stages", "doctor,data", "--budget", "300"]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));

    // A budget that leaves almost no time for training.
    let cut = check(&out, &["--device", "cpu", "--stages", "runs", "--budget", "21"]);
    assert_eq!(cut.status.code(), Some(3), "{}", said(&cut));
    assert!(said(&cut).contains("the time is over") && said(&cut).contains("call again"), "{}", said(&cut));
    for run in ["all-cnn", "all-features", "all-finetune"] {
        let folder = store.folder(&RunId::new(run).expect("an id"));
        assert!(!folder.worker_alive(), "{run} was left running");
    }

    let through = check(&out, &["--device", "cpu", "--budget", "600"]);
    assert_eq!(through.status.code(), Some(0), "{}", said(&through));
    assert_eq!(workers(&store, "all-finetune"), 2, "it was stopped, and went on");
    let text = said(&through);
    let table = text.split_once("== gpu-check").expect("a table").1;
    for part in [
        "agree     made-up weights",
        "cnn cached",
        "step      finetune all 4 at 32",
        "a run stops",
        "unfrozen-block4-bf16",
    ] {
        assert!(table.contains(part), "{part}: {text}");
    }
    assert!(!table.contains("FAILED"), "{text}");
    let state = state(&out);
    let agreed = &state["items"]["agree/made-up weights"];
    assert!(agreed["checks"].as_u64() > Some(40) && agreed["failed"].as_array().is_some_and(Vec::is_empty), "{agreed}");
    for run in ["all-cnn", "all-features", "all-finetune", "unfrozen-block4-bf16"] {
        for file in ["events.jsonl", "recipe.json", "show.txt", "epochs.csv"] {
            let path = out.join("runs").join(run).join(file);
            assert!(path.metadata().is_ok_and(|file| file.len() > 0), "{}", path.display());
        }
    }

    // All results exist by now.
    let again = check(&out, &["--device", "cpu", "--budget", "60"]);
    assert_eq!(again.status.code(), Some(0));
    assert!(!said(&again).contains('…'), "nothing is done twice: {}", said(&again));
}

#[test]
fn a_device_that_is_not_there_is_said_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = check(folder.path(), &["--device", "cuda:4096"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("cannot use cuda:4096") && text.contains("FAILED"), "{text}");
    assert!(!folder.path().join("home/data/faces").exists(), "nothing else was tried: {text}");
}
