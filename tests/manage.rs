//! Existing runs as a script manages them: filter, order, rename, tag, note, delete. Needs no trainer.

use crate::lab::{Lab, begun, epoch, finished};
use mien::events::Event;
use serde_json::{Value, json};

fn now() -> u64 {
    mien::supervise::now()
}

/// Returns a lab with two ended runs and a lost one.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.run("calm-heron", now() - 3_600_000, finished());
    lab.run("brisk-otter", now() - 7_200_000, finished());
    lab.run("wise-owl", now() - 10_800_000, [begun(), vec![epoch(1, 9.0, 1)]].concat());
    lab
}

fn listed(lab: &Lab, arguments: &[&str]) -> Vec<String> {
    let list = lab.json(&[&["runs", "--json"], arguments].concat());
    list.as_array().expect("a list").iter().map(|run| run["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn runs_are_filtered_ordered_and_limited() {
    let lab = lab();
    assert_eq!(listed(&lab, &[]), ["calm-heron", "brisk-otter", "wise-owl"]);
    assert_eq!(listed(&lab, &["state:lost"]), ["wise-owl"]);
    assert_eq!(listed(&lab, &["!owl", "age>90m"]), ["brisk-otter"]);
    assert_eq!(listed(&lab, &["--sort", "name", "--limit", "2"]), ["brisk-otter", "calm-heron"]);
    assert_eq!(listed(&lab, &["--sort", "val_loss"]).last().map(String::as_str), Some("wise-owl"));
    assert_eq!(listed(&lab, &["--reverse"])[0], "wise-owl");
    let complaint = lab.complaint(&["runs", "owl", "colour:red"], 2);
    assert!(complaint.contains("`colour:red`") && complaint.contains("use state, strategy"), "{complaint}");
    assert!(lab.complaint(&["runs", "--sort", "note"], 2).contains("use name, state"));
}

#[test]
fn a_list_is_the_same_as_csv() {
    let lab = lab();
    lab.text(&["tag", "calm-heron", "+paper", "+baseline"]);
    let text = lab.text(&["runs", "--csv", "tag:paper"]);
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let row: std::collections::HashMap<String, String> =
        table.deserialize().next().expect("a row").expect("fields of the headings");
    assert_eq!(row["name"], "calm-heron");
    assert_eq!(row["tag"], "baseline paper");
    let json = lab.json(&["runs", "--json", "tag:paper"]);
    assert_eq!(row["val_loss"].parse::<f64>().ok(), json[0]["best"]["val_loss"].as_f64());
    assert_eq!(row["f1"].parse::<f64>().ok(), json[0]["f1"].as_f64());
    assert!(lab.text(&["runs"]).contains("baseline paper"));
}

#[test]
fn what_is_said_about_a_run_stays_with_it() {
    let lab = lab();
    assert_eq!(lab.text(&["tag", "calm-heron", "+paper", "+old", "-old", "plain"]), "paper plain\n");
    lab.text(&["note", "calm-heron", "the first of the table"]);
    for text in [lab.text(&["show", "calm-heron"]), lab.text(&["runs"])] {
        assert!(text.contains("plain") && text.contains("the first of the table"), "{text}");
    }
    let (listed, shown) =
        (lab.json(&["runs", "--json", "tag:paper"])[0].clone(), lab.json(&["show", "calm-heron", "--json"]));
    for (key, value) in listed.as_object().expect("an object") {
        assert_eq!(&shown[key], value, "`show` has `{key}` as `runs` has it");
    }
    assert!(lab.complaint(&["tag", "calm-heron", "+not a tag"], 2).contains("cannot be a name"));
    assert_eq!(lab.text(&["note", "calm-heron", "good\nbut \u{1b}[31mslow"]), "good but ·[31mslow\n");
    assert_eq!(lab.text(&["rename", "calm-heron", "winner"]), "calm-heron is now called winner\n");
    let said = lab.json(&["note", "calm-heron", "--json"]);
    let expected = json!({
        "id": "winner", "tags": ["paper", "plain"], "note": "good but ·[31mslow", "former": ["calm-heron"]
    });
    assert_eq!(said, expected);
    assert!(lab.text(&["show", "calm-heron"]).starts_with("winner"));
    assert!(lab.complaint(&["rename", "winner", "wise-owl"], 1).contains("there is a run wise-owl already"));
    lab.text(&["note", "winner", ""]);
    assert_eq!(lab.json(&["note", "winner", "--json"])["note"], Value::from(""));
}

#[test]
fn tags_and_notes_of_several_programs_at_once_are_all_kept() {
    let lab = lab();
    let begin = |arguments: [&str; 3]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mien"));
        command.arg("--home").arg(lab.home()).args(arguments).stdout(std::process::Stdio::null());
        command.spawn().expect("started")
    };
    let tags: Vec<String> = (0..8).map(|number| format!("tag-{number}")).collect();
    let mut programs: Vec<_> = tags.iter().map(|tag| begin(["tag", "calm-heron", tag])).collect();
    programs.push(begin(["note", "calm-heron", "both"]));
    for program in &mut programs {
        assert!(program.wait().expect("ended").success());
    }
    let about = lab.folder("calm-heron").annotations().expect("said");
    assert_eq!(about.tags.iter().map(ToString::to_string).collect::<Vec<_>>(), tags);
    assert_eq!(about.note.as_str(), "both");
}

#[test]
fn a_dataset_that_a_worker_trains_on_is_not_replaced() {
    let lab = lab();
    let run = lab.folder("wise-owl");
    let dataset = run.recipe().expect("a recipe").dataset;
    let _worker = run.lock().expect("a lock").expect("free");
    let import = ["data", "import", "faces.csv", "--name", dataset.as_str(), "--replace"];
    assert!(lab.complaint(&import, 1).contains(&format!("{dataset} is in use by wise-owl: stop the training first")));
}

#[test]
fn deleting_asks_or_is_told_not_to() {
    let lab = lab();
    assert!(lab.complaint(&["delete", "calm-heron"], 2).contains("--yes deletes calm-heron without asking"));
    assert_eq!(listed(&lab, &[]).len(), 3);
    let owl = lab.folder("wise-owl");
    let lock = owl.lock().expect("a lock").expect("free");
    let complaint = lab.complaint(&["delete", "calm", "wise-owl", "--yes"], 1);
    assert!(complaint.contains("wise-owl has a worker"), "{complaint}");
    drop(lock);
    assert_eq!(listed(&lab, &[]), ["brisk-otter", "wise-owl"]);
    let deleted = lab.json(&["delete", "wise", "brisk", "--yes", "--json"]);
    assert_eq!(deleted, json!({"deleted": ["brisk-otter", "wise-owl"]}));
    assert!(listed(&lab, &[]).is_empty());
    assert_eq!(std::fs::read_dir(lab.store().home().checkpoints()).expect("a folder").count(), 0);
}

#[test]
fn a_long_log_is_read_once() {
    let lab = Lab::new();
    let many = (0..2_000).map(|step| Event::Step {
        epoch: 1,
        step,
        steps: 2_000,
        loss: 1.25,
        accuracy: 0.5,
        learning_rate: 1e-3,
        images_per_second: 900.0,
    });
    let folder = lab.run("calm-heron", now() - 3_600_000, begun().into_iter().chain(many).collect());
    let first = lab.text(&["runs", "--csv"]);
    assert!(folder.summary_fold().exists());
    let but_age = |text: &str| -> Vec<Vec<String>> {
        let age = text.lines().next().and_then(|head| head.split(',').position(|name| name == "age")).expect("an age");
        let row = |line: &str| {
            let cells = line.split(',').enumerate().filter(|(column, _)| *column != age);
            cells.map(|(_, cell)| cell.to_owned()).collect()
        };
        text.lines().map(row).collect()
    };
    assert_eq!(but_age(&lab.text(&["runs", "--csv"])), but_age(&first));
}

#[test]
fn a_dataset_is_deleted_when_somebody_says_so() {
    let lab = Lab::new();
    lab.text(&["data", "demo"]);
    let words = lab.complaint(&["data", "delete", "demo"], 2);
    assert!(words.contains("--yes"), "{words}");
    assert_eq!(lab.json(&["data", "list", "--json"]).as_array().map(Vec::len), Some(1), "it is still there");
    assert_eq!(lab.json(&["data", "delete", "demo", "--yes", "--json"]), json!({ "deleted": "demo" }));
    assert!(!lab.home().join("data/demo").exists());
    let words = lab.complaint(&["data", "delete", "demo", "--yes"], 1);
    assert!(words.contains("demo"), "{words}");
}
