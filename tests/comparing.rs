//! `compare` and `inspect` as a script uses them. Needs no trainer: predictions are generated.

use std::fs;

use crate::lab::{Lab, begun, epoch, finished, has_keys};
use mien::domain::Split;
use mien::runs::RunFolder;
use mien::runs::inspection::file;
use mien::runs::predictions::Predictions;
use serde_json::{Value, json};

/// Returns predictions that match the test of [`finished`]: three happy images, one of them missed, and one sad.
fn matching_predictions() -> Predictions {
    Predictions {
        classes: 2,
        probabilities: vec![0.9, 0.1, 0.75, 0.25, 0.25, 0.75, 0.125, 0.875],
        truth: vec![0, 0, 0, 1],
    }
}

/// Makes a finished run with a file for its best weights, which allows the advice to test them again.
fn trained(lab: &Lab, id: &str, created_at: u64) -> RunFolder {
    let folder = lab.run(id, created_at, finished());
    fs::write(folder.best_checkpoint(), "").expect("written");
    folder
}

fn tested(lab: &Lab, id: &str, created_at: u64) -> RunFolder {
    let folder = trained(lab, id, created_at);
    matching_predictions().write(&file(&folder, Split::Test, 0)).expect("written");
    folder
}

#[test]
fn compared_runs_have_the_promised_keys() {
    let lab = Lab::new();
    tested(&lab, "calm-heron", 1);
    let folder = tested(&lab, "odd-raven", 2);
    let mut recipe = folder.recipe().expect("a recipe");
    recipe.seed = 7;
    folder.write_recipe(&recipe).expect("written");
    let runs = lab.json(&["compare", "calm", "odd", "--json"]);
    assert_eq!(runs.as_array().map(Vec::len), Some(2));
    has_keys(&runs[0], &["id", "strategy", "state", "best_epoch", "epochs", "test", "reference"]);
    has_keys(&runs[0], &["metrics", "best", "settings", "per_class", "against", "seeds"]);
    assert_eq!((&runs[0]["against"], &runs[0]["metrics"]["accuracy"]), (&Value::Null, &json!(0.75)));
    assert_eq!((&runs[0]["settings"], &runs[1]["settings"]), (&json!({"seed": "42"}), &json!({"seed": "7"})));
    let against = &runs[1]["against"];
    has_keys(against, &["baseline", "reason", "images", "gained", "lost", "p", "accuracy", "f1", "per_class"]);
    assert_eq!((&against["gained"], &against["p"], &against["images"]), (&json!(0), &json!(1.0), &json!(4)));
    assert_eq!(against["f1_interval"], json!({"low": 0.0, "high": 0.0}));
    assert_eq!(runs[0]["seeds"]["seeds"], json!([42, 7]));
    assert_eq!(runs[0]["seeds"]["metrics"]["accuracy"], json!({"mean": 0.75, "deviation": 0.0, "count": 2}));

    let text = lab.text(&["compare", "calm", "odd", "--baseline", "odd"]);
    for part in
        ["TEST", "0.7500     0.7500", "SETTINGS THAT DIFFER", "calm-heron against odd-raven", "differ only in the seed"]
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(!text.contains('▲'), "all are equal: {text}");
    assert!(!text.contains('\u{1b}'), "a class name reached the terminal: {text}");
    let table = lab.text(&["compare", "calm", "odd", "--csv"]);
    assert!(table.starts_with("part,name,calm-heron,odd-raven\nmetric,accuracy,0.75,0.75\n"), "{table}");
    assert!(table.contains("\nsetting,seed,42,7\n") && table.contains("\nagainst_baseline,p,,1\n"), "{table}");
}

#[test]
fn a_report_is_written_in_each_form_and_replaces_no_file_unasked() {
    let lab = Lab::new();
    tested(&lab, "calm-heron", 1);
    tested(&lab, "odd-raven", 2);
    let path = |name: &str| lab.home().join(name).to_str().expect("a path").to_owned();
    let (page, text, charts) = (path("both.html"), path("one.md"), path("charts"));
    lab.text(&["report", "calm", "odd", "--out", &page]);
    let written = fs::read_to_string(&page).expect("a page");
    for part in ["calm-heron", "odd-raven", "Confusion matrix", "0.7500", "Significance"] {
        assert!(written.contains(part), "{part} is missing in {written}");
    }
    assert!(!written.contains('\u{1b}') && !written.contains("<script"), "text from outside reached the page");
    let complaint = lab.complaint(&["report", "calm", "--out", &page], 1);
    assert!(complaint.contains("both.html exists: --force replaces it"), "{complaint}");
    assert_eq!(fs::read_to_string(&page).expect("a page"), written);
    lab.text(&["report", "calm", "--out", &text]);
    assert!(fs::read_to_string(&text).expect("a text").contains("Test accuracy 0.7500"));
    lab.text(&["report", "calm", "odd", "--to", "svg", "--out", &charts]);
    assert!(fs::read_to_string(format!("{charts}/validation-loss.svg")).expect("a chart").starts_with("<svg "));
    let twice = lab.complaint(&["report", "calm", "calm", "--out", &path("twice.html")], 2);
    assert!(twice.contains("calm-heron is given twice"), "{twice}");
    let complaint = lab.complaint(&["report", "calm", "--out", &path("report.docx")], 2);
    assert!(complaint.contains("--to html, markdown or svg"), "{complaint}");
}

/// Creates tested runs with these seeds and learning rates, and predictions for the images of [`matching_predictions`].
fn swept(lab: &Lab) {
    let runs = [("a-1", 1, 0.1), ("a-2", 2, 0.1), ("b-1", 1, 0.2), ("b-2", 2, 0.2)];
    for (at, (id, seed, learning_rate)) in (1..).zip(runs) {
        let folder = tested(lab, id, at);
        let mut recipe = folder.recipe().expect("a recipe");
        (recipe.seed, recipe.learning_rate) = (seed, learning_rate);
        folder.write_recipe(&recipe).expect("written");
        lab.text(&["tag", id, "+rates"]);
    }
}

#[test]
fn the_runs_of_a_tag_are_tabulated_by_the_settings_that_differ() {
    let lab = Lab::new();
    swept(&lab);
    lab.run("new-otter", 9, begun());
    let rows = lab.json(&["compare", "--tag", "rates", "--json"]);
    has_keys(&rows[0], &["runs", "seeds", "tested", "settings", "metrics", "best"]);
    assert_eq!((&rows[0]["runs"], &rows[0]["seeds"]), (&json!(["a-1", "a-2"]), &json!([1, 2])));
    assert_eq!(rows[1]["settings"], json!({"learning-rate": "0.2"}));
    assert_eq!(rows[1]["metrics"]["accuracy"], json!({"mean": 0.75, "deviation": 0.0, "count": 2}));
    let text = lab.text(&["compare", "--tag", "rates", "new-otter"]);
    assert!(text.contains("0.1            2 of 2") && text.contains("0.7500 ± 0.0000"), "{text}");
    assert!(text.contains("0 of 1") && text.contains("not tested yet: new-otter"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    let csv = lab.text(&["compare", "--tag", "rates", "--csv"]);
    assert!(csv.starts_with("learning-rate,runs,seeds,tested,accuracy_mean,accuracy_deviation,"), "{csv}");
    assert!(csv.contains("\n0.1,a-1 a-2,1 2,2,0.75,0,"), "{csv}");
    // Several untagged runs with one name.
    for (at, id) in (20..).zip(["c-1", "c-2", "c-3"]) {
        tested(&lab, id, at);
    }
    let many = ["a-1", "a-2", "b-1", "b-2", "c-1", "c-2", "c-3"];
    let rows = lab.json(&[&["compare"], &many[..], &["--json"]].concat());
    // The last three are repetitions of one another.
    assert_eq!(rows.as_array().map(Vec::len), Some(5));
    let table: [(&[&str], i32, &str); 6] = [
        (&["--tag", "none"], 1, "no run has the tag 'none'"),
        (&["--tag", "rates", "--baseline", "a-1"], 2, "cannot be used with"),
        (&["--tag", "rates", "--average"], 2, "cannot be used with"),
        (&["--baseline", "a-1"], 2, "two to 6 runs are compared at once, not 7"),
        (&["--average"], 2, "`mien evaluate --average RUN…` takes any number"),
        (&["a-1"], 2, "a-1 is given twice"),
    ];
    for (options, code, expected) in table {
        let runs = if options[0] == "--tag" { &[][..] } else { &many[..] };
        let complaint = lab.complaint(&[&["compare"], runs, options].concat(), code);
        assert!(complaint.contains(expected), "{options:?}: {complaint}");
    }
}

#[test]
fn a_tagged_run_that_cannot_be_read_does_not_hide_the_others() {
    let lab = Lab::new();
    swept(&lab);
    fs::write(lab.home().join("checkpoints/b-2/recipe.json"), "{").expect("written");
    let output = lab.mien(&["compare", "--tag", "rates", "--json"]).assert().code(1).get_output().clone();
    let [told, complaint] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(complaint.starts_with("mien: b-2: ") && told.contains("\"b-1\""), "{complaint}{told}");
}

/// Returns predictions with the second and the third image exchanged.
fn swapped_predictions() -> Predictions {
    Predictions { probabilities: vec![0.9, 0.1, 0.375, 0.625, 0.875, 0.125, 0.125, 0.875], ..matching_predictions() }
}

#[test]
fn several_runs_are_averaged_from_their_predictions_alone() {
    let lab = Lab::new();
    tested(&lab, "calm-heron", 1);
    let other = tested(&lab, "odd-raven", 2);
    swapped_predictions().write(&file(&other, Split::Test, 0)).expect("written");
    let mean = lab.json(&["evaluate", "--average", "calm", "odd", "--json"]);
    has_keys(&mean, &["runs", "dataset", "images", "accuracy", "precision", "recall", "f1", "loss", "confusion"]);
    assert_eq!((&mean["accuracy"], &mean["f1"], &mean["images"]), (&json!(1.0), &json!(1.0), &json!(4)));
    assert_eq!(mean["confusion"], json!([[3, 0], [0, 1]]));
    has_keys(&mean["per_class"][1], &["name", "precision", "recall", "f1", "support"]);
    assert_eq!((&mean["runs"][1]["id"], &mean["runs"][1]["accuracy"]), (&json!("odd-raven"), &json!(0.75)));
    let text = lab.text(&["evaluate", "--average", "calm", "odd"]);
    for part in
        ["4 test images of demo", "calm-heron       0.7500", "ensemble of 2    1.0000", "macro average", "happy"]
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(!text.contains('\u{1b}'), "a class name reached the terminal: {text}");

    let text = lab.text(&["compare", "calm", "odd", "--average"]);
    assert!(text.contains("ensemble of 2") && text.contains("0.7500     0.7500         1.0000"), "{text}");
    let columns = lab.json(&["compare", "calm", "odd", "--average", "--json"]);
    assert_eq!(columns[2]["mean_of"], json!(["calm-heron", "odd-raven"]));
    assert_eq!((&columns[2]["metrics"]["accuracy"], &columns[2]["per_class"][0]["f1"]), (&json!(1.0), &json!(1.0)));
    let csv = lab.text(&["compare", "calm", "odd", "--average", "--csv"]);
    assert!(csv.starts_with("part,name,calm-heron,odd-raven,mean of 2\nmetric,accuracy,0.75,0.75,1\n"), "{csv}");
    assert!(csv.contains("\nclass_f1,happy,") && csv.lines().all(|line| line.matches(',').count() == 4), "{csv}");
    let without = lab.json(&["compare", "calm", "odd", "--json"]);
    assert_eq!(without.as_array().map(Vec::len), Some(2));
}

#[test]
fn what_has_no_mean_is_said() {
    let lab = Lab::new();
    tested(&lab, "calm-heron", 1);
    trained(&lab, "odd-raven", 2);
    let elsewhere = tested(&lab, "new-otter", 3);
    let mut recipe = elsewhere.recipe().expect("a recipe");
    recipe.fingerprint = "1".repeat(32);
    elsewhere.write_recipe(&recipe).expect("written");
    let table: [(&[&str], i32, &str); 6] = [
        (&["--average", "calm"], 2, "a mean needs at least two runs, not 1"),
        (&["--average", "calm", "calm"], 2, "calm-heron is given twice"),
        (&["--average", "calm", "odd"], 1, "odd-raven has no predictions for its test images: `mien evaluate"),
        (&["--average", "calm", "new"], 1, "new-otter on another dataset"),
        (&["--average", "calm", "new", "--now"], 2, "cannot be used with"),
        (&["calm", "odd"], 2, "--average takes the mean"),
    ];
    for (arguments, code, expected) in table {
        let complaint = lab.complaint(&[&["evaluate"], arguments].concat(), code);
        assert!(complaint.contains(expected), "{arguments:?}: {complaint}");
    }
    let complaint = lab.complaint(&["compare", "calm", "odd", "--average"], 1);
    assert!(complaint.contains("odd-raven has no predictions"), "{complaint}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let lab = Lab::new();
    tested(&lab, "calm-heron", 1);
    trained(&lab, "odd-raven", 2);
    lab.run("new-otter", 3, begun());
    assert!(lab.complaint(&["compare", "calm", "calm"], 2).contains("a run is not compared with itself"));
    let beside = lab.json(&["compare", "calm", "--baseline", "odd", "--json"]);
    assert_eq!((beside[0]["id"].as_str(), beside[1]["id"].as_str()), (Some("odd-raven"), Some("calm-heron")));
    assert!(lab.complaint(&["compare", "calm", "odd", "--json", "--csv"], 2).contains("cannot be used with"));
    let text = lab.text(&["compare", "calm", "odd", "new"]);
    assert!(text.contains("`mien evaluate odd-raven` makes them"), "{text}");
    assert!(
        text.contains("new-otter has completed no epoch: if it has ended, `mien resume new-otter` continues it")
            && text.contains("not tested yet: new-otter"),
        "{text}"
    );
    fs::remove_file(lab.store().folder(&"odd-raven".parse().expect("an id")).best_checkpoint()).expect("removed");
    let text = lab.text(&["compare", "calm", "odd"]);
    assert!(
        text.contains("it has no best weights yet; if it has ended, `mien resume odd-raven` continues it"),
        "{text}"
    );
    assert_eq!(lab.json(&["compare", "latest", "--json"])[0]["test"], Value::Null, "one run is looked at by itself");
}

#[test]
fn inspected_answers_have_the_promised_keys() {
    let lab = Lab::new();
    tested(&lab, "calm-heron", 1);
    let shown = lab.json(&["inspect", "calm", "--cell", "happy", "1", "--json"]);
    has_keys(
        &shown,
        &["id", "dataset", "split", "epoch", "images", "classes", "accuracy", "precision", "recall", "f1"],
    );
    has_keys(&shown, &["loss", "confusion", "shares", "per_class", "against", "cell", "hardest"]);
    assert_eq!((&shown["confusion"], &shown["epoch"]), (&json!([[2, 1], [0, 1]]), &json!(1)));
    has_keys(&shown["per_class"][0], &["name", "precision", "recall", "f1", "support", "average_precision"]);
    has_keys(&shown, &["mean_average_precision", "calibration", "precision_recall", "images_listed"]);
    has_keys(&shown["calibration"], &["ece", "mce", "loss", "bins", "temperature", "scaled"]);
    has_keys(&shown["calibration"]["bins"][0], &["low", "high", "images", "confidence", "accuracy"]);
    has_keys(&shown["precision_recall"][0][0], &["threshold", "recall", "precision"]);
    let images = &shown["cell"]["images"];
    assert_eq!((images.as_array().map(Vec::len), &images[0]["index"]), (Some(1), &json!(2)));
    assert_eq!(images[0]["probabilities"], json!([0.25, 0.75]));

    let listed = lab.json(&["inspect", "calm", "--image", "2,0", "--json"]);
    let indices: Vec<_> = (0..2).map(|at| listed["images_listed"][at]["index"].clone()).collect();
    assert_eq!(indices, [json!(2), json!(0)]);
    assert!(lab.complaint(&["inspect", "calm", "--image", "4"], 2).contains("no image 4: the split has 4"));
    assert!(lab.complaint(&["inspect", "calm", "--image", "1", "--heat-maps"], 2).contains("--json"));
    let complaint = lab.complaint(&["inspect", "calm", "--image", "1", "--heat-maps", "--json"], 1);
    assert!(complaint.contains("its images are not here any more"), "{complaint}");

    let text = lab.text(&["inspect", "calm"]);
    let parts = ["no temperature: the run has no predictions of epoch 1", "AVG PRECISION", "ECE 0."];
    for part in ["4 test images of demo, weights of epoch 1", "% OF ROW", "macro average", "accuracy 0.7500"]
        .iter()
        .chain(&parts)
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(!text.contains('\u{1b}'), "a class name reached the terminal: {text}");
    let hardest = lab.text(&["inspect", "calm", "--hardest", "2", "--csv"]);
    let lines: Vec<&str> = hardest.lines().collect();
    assert_eq!(lines[0], "index,source,truth,predicted,confidence,probability_of_truth,loss");
    assert!(lines.len() == 3 && lines[1].starts_with("2,,happy,"), "{hardest}");
    assert!(
        lab.text(&["inspect", "calm", "--csv"]).lines().nth(1).is_some_and(|line| line.starts_with("happy,2,1,1,"))
    );
}

#[test]
fn validation_is_inspected_after_each_epoch() {
    let lab = Lab::new();
    let folder = tested(&lab, "calm-heron", 1);
    std::fs::create_dir_all(folder.path().join("validation")).expect("made");
    for epoch in [1, 2] {
        let truth = if epoch == 1 { vec![0, 0, 0, 0] } else { matching_predictions().truth };
        Predictions { truth, ..matching_predictions() }
            .write(&file(&folder, Split::Validation, epoch))
            .expect("written");
    }
    let epoch_of = |options: &[&str]| {
        let arguments = [&["inspect", "calm", "--split", "validation", "--json"], options].concat();
        let shown = lab.json(&arguments);
        (shown["epoch"].clone(), shown["accuracy"].clone())
    };
    assert_eq!(epoch_of(&[]), (json!(1), json!(0.5)), "the best epoch");
    assert_eq!(epoch_of(&["--epoch", "2"]), (json!(2), json!(0.75)));
    let complaint = lab.complaint(&["inspect", "calm", "--split", "validation", "--epoch", "9"], 1);
    assert!(complaint.contains("no predictions of epoch 9"), "{complaint}");
    assert!(lab.complaint(&["inspect", "calm", "--epoch", "2"], 2).contains("--split validation"));
}

#[test]
fn what_changed_between_two_runs_is_told_cell_by_cell() {
    let lab = Lab::new();
    tested(&lab, "calm-heron", 1);
    let mut events = begun();
    events.push(epoch(1, 1.5, 1));
    let other = lab.run("odd-raven", 2, events);
    let all_happy = Predictions { probabilities: [0.75, 0.25].repeat(4), ..matching_predictions() };
    all_happy.write(&file(&other, Split::Test, 0)).expect("written");
    let shown = lab.json(&["inspect", "calm", "--against", "odd", "--json"]);
    assert_eq!(shown["against"]["id"], "odd-raven");
    assert_eq!(shown["against"]["counts"], json!([[-1, 1], [-1, 1]]));
    assert!(lab.text(&["inspect", "calm", "--against", "odd"]).contains("IMAGES MORE THAN odd-raven"));
    Predictions { truth: vec![1; 4], ..all_happy }.write(&file(&other, Split::Test, 0)).expect("written");
    let complaint = lab.complaint(&["inspect", "calm", "--against", "odd"], 1);
    assert!(complaint.contains("different images"), "{complaint}");
}

#[test]
fn damaged_and_missing_answers_are_said() {
    let lab = Lab::new();
    let folder = tested(&lab, "calm-heron", 1);
    assert!(
        lab.complaint(&["inspect", "calm", "--split", "train"], 1).contains("`mien evaluate calm-heron` makes them")
    );
    assert!(lab.complaint(&["inspect", "calm", "--split", "verify"], 2).contains("use test, validation or train"));
    assert!(lab.complaint(&["inspect", "calm", "--cell", "happy", "x"], 2).contains("'x' is not a class"));
    Predictions { probabilities: vec![f32::NAN; 8], ..matching_predictions() }
        .write(&file(&folder, Split::Test, 0))
        .expect("written");
    let complaint = lab.complaint(&["inspect", "calm"], 1);
    assert!(complaint.contains("test.safetensors cannot be used: the probabilities of image 0"), "{complaint}");
    assert!(lab.text(&["compare", "calm"]).contains("0.7500"), "its test is known all the same");
}
