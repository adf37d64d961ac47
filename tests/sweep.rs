//! Many runs from one `train` with real workers: queued in order, with one tag, and tabulated by the differing
//! settings.

#![cfg(feature = "trainer")]

use crate::lab::{Lab, PATIENCE, wait_for};
use serde_json::{Value, json};

const SMALL: [&str; 9] = ["train", "cnn", "--dataset", "faces", "--batch-size", "64", "--epochs", "1", "--device=cpu"];

fn sweep(lab: &Lab, options: &[&str]) -> Value {
    lab.json(&[&SMALL[..], options, &["--json"]].concat())
}

#[test]
fn every_combination_is_queued_with_one_tag_and_compared_by_what_differs() {
    let lab = Lab::new();
    lab.faces(140);
    let options = ["--seed", "1..2", "--set", "learning-rate=1e-3,2e-3", "--set", "patience=3", "--name", "lr"];
    let queued = sweep(&lab, &options);
    assert_eq!(queued["tag"], json!("sweep-lr"));
    let ids: Vec<&str> = (0..4).map(|at| queued["runs"][at]["id"].as_str().expect("an id")).collect();
    assert_eq!(ids, ["lr-1", "lr-2", "lr-3", "lr-4"]);
    assert_eq!(queued["runs"][2]["settings"], json!({"learning-rate": "0.002", "seed": "1"}));
    let states = || {
        let runs = lab.json(&["runs", "tag=sweep-lr", "--sort", "name", "--json"]);
        runs.as_array().expect("runs").iter().map(|run| run["state"].as_str().expect("a state").to_owned()).collect()
    };
    wait_for("the end of all", PATIENCE, || {
        let states: Vec<String> = states();
        (states.len() == 4 && states.iter().all(|state| state == "finished")).then_some(())
    });
    let recipe = |id: &str| lab.json(&["show", id, "--json"])["recipe"].clone();
    assert_eq!((&recipe("lr-4")["seed"], &recipe("lr-4")["learning_rate"]), (&json!(2), &json!(0.002)));
    assert_eq!(recipe("lr-1")["early_stopping"]["patience"], json!(3));

    let rows = lab.json(&["compare", "--tag", "sweep-lr", "--json"]);
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
    assert_eq!((&rows[0]["runs"], &rows[0]["seeds"]), (&json!(["lr-1", "lr-2"]), &json!([1, 2])));
    assert_eq!(rows[1]["settings"], json!({"learning-rate": "0.002"}));
    assert_eq!((&rows[1]["tested"], &rows[1]["metrics"]["accuracy"]["count"]), (&json!(2), &json!(2)));
    let text = lab.text(&["compare", "--tag", "sweep-lr"]);
    let head = text.lines().next().expect("a line");
    for part in ["LEARNING-RATE", "TESTED", "ACCURACY", "MACRO F1", "RUNS"] {
        assert!(head.contains(part), "{part} is missing in {text}");
    }
    assert!(text.contains("2 of 2") && text.contains(" ± ") && text.contains("lr-3, lr-4"), "{text}");

    // The mean of all four, which differ in settings too.
    let mean = lab.json(&["evaluate", "--average", "lr-1", "lr-2", "lr-3", "lr-4", "--json"]);
    assert_eq!((mean["runs"].as_array().map(Vec::len), &mean["images"]), (Some(4), &json!(56)));
    // Otherwise a script would watch and delete the runs of the first sweep.
    let again = lab.complaint(&[&SMALL[..], &["--seed", "7,8", "--name", "lr"]].concat(), 1);
    assert!(again.contains("there is a run lr-1 already: choose another name"), "{again}");
    assert_eq!(lab.store().ids().expect("ids").len(), 4);
}

#[test]
fn what_cannot_be_queued_is_refused_before_anything_is() {
    let lab = Lab::new();
    lab.faces(140);
    let table: [(&[&str], i32, &str); 7] = [
        (&["--set", "lr=1"], 2, "'lr' is not a setting here: use network, epochs, batch-size"),
        (&["--set", "size=48"], 2, "the strategy cnn has no size"),
        (&["--seed", "1,2", "--set", "label-smoothing=0.1,0.9"], 2, "label-smoothing must be 0 to 0.5, not '0.9'"),
        (&["--seed", "1,2", "--set", "seed=3"], 2, "seed is given twice"),
        (&["--seed", "1..20", "--set", "patience=1..20"], 2, "400 runs are more than the 200"),
        (&["--seed", "1,2", "--now"], 2, "leave it out to queue them"),
        (&["--seed", "1,2", "--tag", "a b"], 2, "cannot be a name"),
    ];
    for (options, code, expected) in table {
        let complaint = lab.complaint(&[&SMALL[..], options].concat(), code);
        assert!(complaint.contains(expected), "{options:?}: {complaint}");
    }
    let complaint = lab.complaint(&["train", "all", "--seed", "1,2"], 2);
    assert!(complaint.contains("train all takes one value of seed"), "{complaint}");
    assert_eq!(lab.json(&["runs", "--json"]), json!([]));
}

#[test]
fn folds_test_every_image_once_and_are_averaged() {
    let lab = Lab::new();
    lab.faces(140);
    let queued = sweep(&lab, &["--folds", "3", "--name", "part"]);
    assert_eq!(queued["runs"][1], json!({"id": "part-2", "settings": {}, "fold": {"number": 2, "of": 3, "seed": 0}}));
    wait_for("the end of all", PATIENCE, || {
        let runs = lab.json(&["runs", "tag=sweep-part", "--json"]);
        let runs = runs.as_array().expect("runs");
        (runs.len() == 3 && runs.iter().all(|run| run["state"] == "finished")).then_some(())
    });
    // Each image by its name, from all three tests.
    let mut tested: Vec<String> = Vec::new();
    for id in ["part-1", "part-2", "part-3"] {
        let shown = lab.json(&["show", id, "--json"]);
        assert_eq!(shown["recipe"]["version"], json!(8));
        let inspected = lab.json(&["inspect", id, "--hardest", "140", "--json"]);
        let hardest = inspected["hardest"].as_array().expect("images");
        let opened = shown["test"]["confusion"]
            .as_array()
            .expect("rows")
            .iter()
            .flat_map(|row| row.as_array().expect("a row").iter().map(|count| count.as_u64().expect("a count")));
        assert_eq!(hardest.len() as u64, opened.sum::<u64>());
        tested.extend(hardest.iter().map(|image| image["source"].as_str().expect("a name").to_owned()));
    }
    tested.sort();
    let all = tested.len();
    tested.dedup();
    assert_eq!((all, tested.len()), (140, 140), "every image is tested once");

    let rows = lab.json(&["compare", "--tag", "sweep-part", "--json"]);
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    assert_eq!(rows[0]["folds"], json!(["1 of 3", "2 of 3", "3 of 3"]));
    assert_eq!((&rows[0]["tested"], &rows[0]["metrics"]["accuracy"]["count"]), (&json!(3), &json!(3)));
    let text = lab.text(&["compare", "part-1", "part-2", "part-3"]);
    for part in ["differ only in the fold (1, 2, 3 of 3)", "OVER FOLDS", "tested on different images of faces"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(lab.text(&["show", "part-2"]).contains("fold        2 of 3, divided by seed 0"));
    assert!(lab.text(&["runs", "--check"]).contains("checked 3 runs, 1 dataset, 0 weights files: no damage"));
}

#[test]
fn a_fold_relabels_the_marked_images_that_it_trains() {
    let lab = Lab::new();
    lab.faces(140);
    let classes = lab.json(&["data", "show", "faces", "--json"])["classes"].clone();
    lab.text(&["data", "mark", "faces", "3", "--class", classes[1]["name"].as_str().expect("a name")]);
    sweep(&lab, &["--folds", "3", "--name", "part", "--relabel", "marked"]);
    let relabelled = ["part-1", "part-2", "part-3"].map(|id| lab.json(&["show", id, "--json"])["relabelled"].clone());
    // One fold tests the image, and another may validate with it.
    assert!(relabelled.contains(&json!(0)) && relabelled.contains(&json!(1)), "{relabelled:?}");
    wait_for("the end of all", PATIENCE, || {
        let runs = lab.json(&["runs", "tag=sweep-part", "--json"]);
        let runs = runs.as_array().expect("runs");
        (runs.len() == 3 && runs.iter().all(|run| run["state"] == "finished")).then_some(())
    });
}

#[test]
fn folds_that_cannot_be_made_are_refused() {
    let lab = Lab::new();
    lab.faces(140);
    let table: [(&[&str], i32, &str); 4] = [
        (&["--folds", "1"], 2, "use a whole number from 2 to 100"),
        (&["--folds", "30"], 1, "has 20 images and cannot be divided into 30 folds"),
        (&["--folds", "50", "--seed", "1..5"], 2, "250 runs are more than the 200"),
        (&["--fold-seed", "1"], 2, "--folds"),
    ];
    for (options, code, expected) in table {
        let complaint = lab.complaint(&[&SMALL[..], options].concat(), code);
        assert!(complaint.contains(expected), "{options:?}: {complaint}");
    }
    assert!(lab.complaint(&["train", "all", "--folds", "5"], 2).contains("train all takes no --folds"));
    assert!(lab.complaint(&["train", "finetune", "--folds", "5"], 2).contains("finetune takes no --folds"));
    assert!(lab.complaint(&["train", "finetune", "--dataset", "faces"], 2).contains("leave --dataset out"));
    assert_eq!(lab.json(&["runs", "--json"]), json!([]));
}

#[test]
fn a_single_run_is_tagged_too() {
    let lab = Lab::new();
    lab.faces(140);
    lab.text(&[&SMALL[..], &["--name", "one", "--tag", "first"]].concat());
    assert_eq!(lab.text(&["tag", "one"]), "first\n");
}

#[cfg(feature = "dashboard")]
#[test]
fn the_form_queues_a_sweep_by_keys() {
    use crate::terminal::{Dashboard, mien};
    use mien::domain::Hyperparameter;

    let lab = Lab::new();
    lab.faces(140);
    // High enough for every line of the form.
    let mut dashboard = Dashboard::run((60, 80), mien(lab.home()));
    dashboard.wait("the dataset", |text| text.contains("faces"));
    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]"));
    dashboard.fill(Hyperparameter::Epochs, "1");
    dashboard.fill(Hyperparameter::Seed, "1..2");
    dashboard.press("\u{1b}[B");
    dashboard.wait("the field of the device", |text| text.contains("‹ auto ›"));
    dashboard.press("+");
    dashboard.wait("a second device", |text| text.contains("auto,‹ cpu ›") && text.contains("4 runs of cnn"));
    dashboard.press("-");
    dashboard.wait("one device", |text| text.contains("‹ auto ›") && text.contains("2 runs of cnn on faces"));
    dashboard.launch("G");
    dashboard.wait("the list", |text| text.contains("queued with one tag"));
    let tagged = || {
        let runs = lab.json(&["runs", "--sort", "name", "--json"]);
        runs.as_array().expect("runs").iter().map(|run| run["tags"].clone()).collect::<Vec<_>>()
    };
    let both = || Some(tagged()).filter(|tags| tags.len() == 2 && tags[0] == tags[1] && tags[0] != json!([]));
    let tags = wait_for("two runs with one tag", PATIENCE, both);
    assert!(tags[0][0].as_str().is_some_and(|tag| tag.starts_with("sweep-")), "{tags:?}");
    wait_for("the end of both", PATIENCE, || {
        let runs = lab.json(&["runs", "state=finished", "--json"]);
        (runs.as_array().map(Vec::len) == Some(2)).then_some(())
    });
    let mut seeds: Vec<_> =
        lab.store().ids().expect("ids").iter().map(|id| recipe(&lab, id.as_str())["seed"].clone()).collect();
    seeds.sort_by_key(Value::to_string);
    assert_eq!(seeds, [json!(1), json!(2)]);
    dashboard.quit();
}

#[cfg(feature = "dashboard")]
fn recipe(lab: &Lab, id: &str) -> Value {
    lab.json(&["show", id, "--json"])["recipe"].clone()
}
