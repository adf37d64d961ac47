//! Requests to a running worker (pause, other limits), left-out images, and predictions.

#![cfg(feature = "trainer")]

use std::fs;

use crate::lab::{Lab, PATIENCE, epochs_done, events, history_of, wait_for, wait_for_epoch, worker_pid};
use mien::checkpoint::Checkpoint;
use mien::events::Event;
use mien::runs::{Predictions, RunFolder};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

/// Returns the arguments of a run on [`Lab::faces`] with this many epochs.
fn train<'a>(epochs: &'a str, name: &'a str) -> Vec<&'a str> {
    let fixed = ["train", "cnn", "--dataset", "faces", "--batch-size", "32", "--patience", "1000", "--device", "cpu"];
    [&fixed[..], &["--epochs", epochs, "--name", name]].concat()
}

/// Returns the processor time of a run's worker so far, in ticks of 10 ms.
fn ticks(folder: &RunFolder) -> u64 {
    let path = format!("/proc/{}/stat", worker_pid(folder).as_raw_nonzero());
    let stat = fs::read_to_string(path).expect("a process");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    // After the name, user time is the 12th field and system time the 13th.
    fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum()
}

/// Returns the number of times that a run's worker slept: once between two polls of its folder while it computes
/// nothing.
fn naps(folder: &RunFolder) -> u64 {
    let path = format!("/proc/{}/status", worker_pid(folder).as_raw_nonzero());
    let status = fs::read_to_string(path).expect("a process");
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.expect("a count").trim().parse().expect("a number")
}

fn state(lab: &Lab, id: &str) -> Value {
    lab.json(&["show", id, "--json"])["state"].clone()
}

#[test]
fn a_paused_run_computes_nothing_and_whatever_follows_ends_with_the_same_bits() {
    let lab = Lab::new();
    lab.faces(350);
    let whole = lab.json(&[&train("40", "whole")[..], &["--json"]].concat());
    lab.text(&[&train("40", "paused")[..], &["--detach"]].concat());
    let paused = lab.folder("paused");
    wait_for_epoch(&paused, 1);

    assert!(lab.text(&["pause", "paused"]).contains("it keeps its slot on cpu"));
    assert_eq!(state(&lab, "paused"), json!("paused"));
    let (before, slept, done) = (ticks(&paused), naps(&paused), epochs_done(&paused));
    wait_for("ten looks at its folder", PATIENCE, || (naps(&paused) >= slept + 10).then_some(()));
    assert!(ticks(&paused) - before <= 10, "more than a tenth of a second of work in a pause");
    assert_eq!(epochs_done(&paused), done);
    let told = lab.json(&["unpause", "paused", "--json"]);
    assert_eq!((&told["state"], &told["paused"]), (&json!("running"), &json!(false)));
    assert!(lab.complaint(&["unpause", "paused"], 1).contains("paused is not paused, it is running"));
    wait_for_epoch(&paused, done + 1);

    // Killed while it is paused, a run is lost, and resuming unpauses it.
    lab.text(&["pause", "paused"]);
    kill_process(worker_pid(&paused), Signal::KILL).expect("sent");
    wait_for("the end of the worker", PATIENCE, || (!paused.worker_alive()).then_some(()));
    assert_eq!(state(&lab, "paused"), json!("lost"));
    let done = epochs_done(&paused);
    lab.text(&["resume", "paused", "--detach"]);
    wait_for_epoch(&paused, done + 1);

    // A paused worker obeys a stop.
    lab.text(&["pause", "paused"]);
    assert!(lab.text(&["stop", "paused"]).contains("paused has stopped"));
    assert!(lab.complaint(&["pause", "paused"], 1).contains("it is stopped: there is nothing to pause"));
    let resumed = lab.json(&["resume", "paused", "--json"]);
    assert_eq!((&resumed["state"], history_of(&resumed)), (&json!("finished"), history_of(&whole)));
    let last = |id| Checkpoint::read(&lab.folder(id).last_checkpoint()).expect("a checkpoint");
    assert!(last("paused") == last("whole"), "the weights are others");
}

/// Returns the accuracy of a file of predictions.
fn accuracy(predictions: &Predictions) -> f64 {
    let rows = predictions.probabilities.chunks_exact(predictions.classes).zip(&predictions.truth);
    let right = rows.filter(|(row, truth)| row.iter().all(|other| *other <= row[usize::from(**truth)])).count();
    f64::from(u32::try_from(right).expect("few")) / f64::from(u32::try_from(predictions.truth.len()).expect("few"))
}

#[test]
fn limits_change_while_a_run_goes_on_and_extend_one_that_has_finished() {
    let lab = Lab::new();
    lab.faces(700);
    lab.text(&[&train("10000", "heron")[..], &["--detach"]].concat());
    let run = lab.folder("heron");
    wait_for_epoch(&run, 2);
    let load = wait_for("a measurement", PATIENCE, || {
        events(&run).into_iter().find_map(|event| if let Event::Load { load } = event { Some(load) } else { None })
    });
    assert!(load.memory > 1 << 20 && load.gpu.is_none(), "{load:?}");
    assert!(lab.complaint(&["set", "heron", "--epochs", "0"], 2).contains("epochs must be 1 to 10000"));
    assert!(lab.complaint(&["set", "heron"], 2).contains("nothing to set"));
    assert!(lab.text(&["set", "heron", "--patience", "900"]).contains("10,000 epochs at most, patience 900"));
    let told = lab.json(&["set", "heron", "--epochs", "1", "--json"]);
    assert_eq!(told["limits"], json!({"epochs": 1, "patience": 900}));
    lab.mien(&["watch", "heron"]).assert().success();

    let short = lab.json(&["show", "heron", "--json"]);
    let done = short["epoch"].as_u64().expect("a number");
    assert_eq!(short["outcome"], json!({"outcome": "finished", "reason": "max_epochs"}));
    assert!((2..10_000).contains(&done), "{done}");
    assert!(lab.complaint(&["set", "heron", "--epochs", "9"], 1).contains("mien resume heron --epochs"));
    let advice = format!("mien resume heron --epochs {}`", done + 1);
    assert!(lab.complaint(&["resume", "heron"], 1).contains(&advice));

    let more = (done + 2).to_string();
    let long = lab.json(&["resume", "heron", "--epochs", &more, "--json"]);
    assert_eq!(
        (&long["state"], &long["epoch"], &long["epochs"]),
        (&json!("finished"), &json!(done + 2), &json!(done + 2))
    );
    assert_eq!(long["recipe"]["epochs"], 10_000, "the recipe stays as it was");
    assert_eq!(history_of(&long)[..usize::try_from(done).expect("few")], history_of(&short)[..]);

    // Predictions of each epoch, and those of the best weights for every image.
    let epochs: Vec<u32> = (1..=u32::try_from(done + 2).expect("few")).collect();
    assert_eq!(run.validation_epochs(), epochs);
    for (epoch, metrics) in epochs.iter().zip(long["history"].as_array().expect("a history")) {
        let predictions = Predictions::read(&run.validation_predictions(*epoch)).expect("predictions");
        let told = metrics["val_accuracy"].as_f64().expect("a number");
        assert!((accuracy(&predictions) - told).abs() < 1e-12, "epoch {epoch}");
    }
    let predictions = Predictions::read(&run.train_predictions()).expect("predictions");
    let told = long["train_scores"]["accuracy"].as_f64().expect("a number");
    assert!((accuracy(&predictions) - told).abs() < 1e-12);
    assert_eq!(predictions.truth.len(), 378);
}

#[test]
fn marked_images_are_left_out_of_a_next_run() {
    let lab = Lab::new();
    lab.faces(700);
    let first = lab.json(&[&train("1", "first")[..], &["--json"]].concat());
    assert_eq!((&first["left_out"], &first["recipe"]["version"]), (&json!(0), &json!(2)));
    assert!(
        lab.complaint(&[&train("1", "none")[..], &["--leave-out", "marked"]].concat(), 1).contains("mien data mark")
    );
    assert!(lab.complaint(&["data", "mark", "faces", "378"], 1).contains("there are 378, counted from 0"));
    let marked = lab.json(&["data", "mark", "faces", "7", "3", "100", "--found-with", "first", "--json"]);
    let of = |marked: &Value| -> Vec<u64> {
        let images = marked["images"].as_array().expect("images").iter();
        images.map(|image| image["index"].as_u64().expect("a number")).collect()
    };
    assert_eq!((of(&marked), &marked["images"][0]["run"]), (vec![3, 7, 100], &json!("first")));
    lab.text(&["data", "unmark", "faces", "100"]);
    assert_eq!(of(&lab.json(&["data", "marked", "faces", "--json"])), [3, 7]);
    assert!(lab.complaint(&["data", "unmark", "faces", "100"], 1).contains("image 100 is not marked"));

    let second = lab.json(&[&train("2", "second")[..], &["--leave-out", "marked", "--json"]].concat());
    assert_eq!(second["recipe"]["left_out"], json!({"images": [3, 7], "found_with": ["first"]}));
    assert_eq!((&second["left_out"], &second["recipe"]["version"]), (&json!(2), &json!(3)));
    assert_eq!(
        second["train_scores"]["confusion"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| {
                row.as_array().expect("a row").iter().map(|count| count.as_u64().expect("a count")).sum::<u64>()
            })
            .sum::<u64>(),
        376
    );
    let run = lab.folder("second");
    let opened = events(&run).into_iter().find_map(|event| match event {
        Event::DataOpened { images, .. } => Some(images.train),
        _ => None,
    });
    assert_eq!(opened, Some(376));
    // A left-out image has a row too, because a row's index is the image's index.
    let rows = |id| Predictions::read(&lab.folder(id).train_predictions()).expect("predictions").truth;
    assert_eq!(rows("second"), rows("first"));
    assert!(lab.text(&["show", "second"]).contains("left out    2 training images, found with first"));

    // With a class, images are trained with it.
    assert!(lab.complaint(&[&train("1", "none")[..], &["--relabel", "marked"]].concat(), 1).contains("--class CLASS"));
    let classes = lab.json(&["data", "show", "faces", "--json"])["classes"].clone();
    let name = |class: usize| classes[class]["name"].as_str().expect("a name").to_owned();
    assert!(lab.complaint(&["data", "mark", "faces", "3", "--class", &name(0)], 1).contains("already"));
    assert!(lab.complaint(&["data", "mark", "faces", "3", "--class", "nobody"], 1).contains(&name(1)));
    let marked = lab.json(&["data", "mark", "faces", "3", "--class", &name(2), "--json"]);
    assert_eq!((of(&marked), &marked["images"][0]["correction"]), (vec![3, 7], &json!(name(2))));
    let options = ["--leave-out", "marked", "--relabel", "marked", "--json"];
    let relabelled = lab.json(&[&train("1", "relabelled")[..], &options].concat());
    let images = json!({"images": [{"index": 3, "class": 2}], "found_with": ["first"]});
    assert_eq!((&relabelled["recipe"]["relabelled"], &relabelled["relabelled"]), (&images, &json!(1)));
    assert_eq!(relabelled["recipe"]["left_out"], json!({"images": [7], "found_with": ["first"]}));
    let labels = rows("relabelled");
    assert_eq!((labels[3], labels[7]), (2, rows("first")[7]));
    assert_eq!((&labels[..3], &labels[4..]), (&rows("first")[..3], &rows("first")[4..]));
    let shown = lab.text(&["show", "relabelled"]);
    assert!(shown.contains(&format!("relabelled  1 training image, now 1 {}", name(2))), "{shown}");
    // The list goes out and comes back.
    let table = lab.home().join("marks.csv");
    std::fs::write(&table, lab.text(&["data", "marked", "faces", "--csv"])).expect("written");
    let before = lab.json(&["data", "marked", "faces", "--json"]);
    lab.text(&["data", "unmark", "faces", "--all"]);
    let table = table.to_str().expect("plain");
    let again = lab.json(&["data", "mark", "faces", "--from", table, "--json"]);
    let entries = |marks: &Value| -> Vec<Value> {
        let images = marks["images"].as_array().expect("images").iter();
        images.map(|image| json!([image["index"], image["correction"], image["run"], image["source"]])).collect()
    };
    assert_eq!(entries(&again), entries(&before));
    std::fs::write(table, "source,correction\nnowhere.png,\n").expect("written");
    let refused = lab.complaint(&["data", "mark", "faces", "--from", table], 1);
    assert!(refused.contains("marks.csv, line 2") && refused.contains("nowhere.png"), "{refused}");

    // The first class would lose all its images.
    let all: Vec<String> = (0..54).map(|index| index.to_string()).collect();
    lab.text(&[&["data", "mark", "faces"], &all.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    let told = lab.complaint(&[&train("1", "third")[..], &["--leave-out", "marked"]].concat(), 1);
    assert!(told.contains("all 54 training images of the class"), "{told}");
    lab.text(&["data", "unmark", "faces", "--all"]);
    assert_eq!(of(&lab.json(&["data", "marked", "faces", "--json"])), Vec::<u64>::new());
}
