//! The commands on datasets as a script uses them: output, JSON keys, exit codes. Needs no trainer.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::lab::{Lab, has_keys};
use serde_json::{Value, json};

/// Returns a table of two classes with eight rows of each usage, after `rows`.
fn table(rows: &[&str]) -> String {
    let pixels = |level: usize| vec![level.to_string(); 16].join(" ");
    let mut text = String::from("emotion,pixels,Usage\n");
    for row in rows {
        text.push_str(row);
        text.push('\n');
    }
    for index in 0..8 {
        for usage in ["Training", "PublicTest", "PrivateTest"] {
            writeln!(text, "{},{},{usage}", index % 2, pixels(index * 20)).expect("memory");
        }
    }
    text
}

#[test]
fn an_imported_dataset_has_the_promised_keys() {
    let lab = Lab::new();
    let source = lab.home().join("faces.csv");
    fs::write(&source, table(&["0,1 2 3,Training"])).expect("written");
    let source = source.to_str().expect("a plain path");
    let imported = lab.json(&["data", "import", source, "--name", "faces", "--json"]);
    let shown = lab.json(&["data", "show", "faces", "--json"]);
    assert_eq!(imported, shown);
    has_keys(&shown, &["name", "fingerprint", "image", "classes", "skipped"]);
    assert_eq!((&shown["name"], &shown["image"]), (&json!("faces"), &json!({"width": 4, "height": 4, "channels": 1})));
    assert_eq!(shown["classes"].as_array().map(Vec::len), Some(2));
    assert_eq!((&shown["classes"][0]["train"], &shown["classes"][0]["test"]), (&json!(3), &json!(8)));
    has_keys(&shown["classes"][0], &["name", "train", "validation", "test"]);
    has_keys(&shown["skipped"][0], &["source", "reason"]);
    assert_eq!(lab.json(&["data", "list", "--json"]), json!([shown]));
    assert!(lab.text(&["data", "list"]).contains("4×4 gray"));
    let text = lab.text(&["data", "show", "faces"]);
    assert!(text.contains("1 item was skipped") && text.contains("50.0%"), "{text}");
}

#[test]
fn a_dataset_tells_by_which_protocol_it_was_split() {
    let lab = Lab::new();
    let source = lab.home().join("fer2013.csv");
    fs::write(&source, table(&[])).expect("written");
    let source = source.to_str().expect("a plain path");
    // (name, options, training, validation and test images of a class, shown description)
    let cases: [(&str, &[&str], [u64; 3], &str); 2] = [
        ("plain", &[], [3, 1, 8], "split: validation is the first 0.1 of each class's training files"),
        ("fer", &["--protocol", "official"], [4, 4, 4], "split: official: Training trains, PublicTest validates"),
    ];
    for (name, options, [train, validation, test], words) in cases {
        lab.text(&[&["data", "import", source, "--name", name], options].concat());
        let shown = lab.json(&["data", "show", name, "--json"]);
        let first = &shown["classes"][0];
        assert_eq!(
            (&first["train"], &first["validation"], &first["test"]),
            (&json!(train), &json!(validation), &json!(test)),
            "{name}"
        );
        assert_eq!(shown["split"]["protocol"], json!(if name == "fer" { "official" } else { "keras" }));
        let text = lab.text(&["data", "show", name]);
        assert!(text.contains(words), "{text}");
    }
    let complaint = lab.complaint(&["data", "import", source, "--name", "x", "--protocol", "kaggle"], 2);
    assert!(complaint.contains("'kaggle' is not a protocol: use keras or official"), "{complaint}");
}

/// Writes a folder of classes with gray pictures of 2×2 pixels in the PGM format.
fn pictures(folder: &Path, classes: &[(&str, usize)]) {
    for (class, count) in classes {
        fs::create_dir_all(folder.join(class)).expect("made");
        for index in 0..*count {
            let level = u8::try_from(index).expect("few");
            let bytes = [b"P5 2 2 255\n".as_slice(), &[level, 1, 2, 3]].concat();
            fs::write(folder.join(class).join(format!("{index:02}.pgm")), bytes).expect("written");
        }
    }
}

#[test]
fn a_dry_run_shows_what_would_come_in_and_imports_nothing() {
    let lab = Lab::new();
    let folder = lab.home().join("my pictures");
    pictures(&folder, &[("train_set/joy", 20), ("train_set/fear", 10), ("val_set/joy", 3), ("val_set/fear", 3)]);
    fs::write(folder.join("train_set/joy/notes.txt"), "x").expect("written");
    let source = folder.to_str().expect("a plain path");
    let import = ["data", "import", source, "--name", "faces"];
    let text = lab.text(&[&import[..], &["--dry-run"]].concat());
    for words in
        ["would import 36 images in 2 classes, 2×2 gray", "36 of 2×2", "test is the first 0.1", "notes.txt: is not"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(lab.json(&["data", "list", "--json"]), json!([]));
    let shown = lab.json(&[&import[..], &["--dry-run", "--json", "--map", "joy=happy"]].concat());
    assert_eq!((&shown["classes"][1]["name"], &shown["classes"][1]["train"]), (&json!("happy"), &json!(18)));
    has_keys(&shown, &["image", "fit", "classes", "split", "sizes", "left_out", "notes", "disk_bytes"]);
}

#[test]
fn a_dropped_path_is_found_and_what_is_left_out_is_counted() {
    let lab = Lab::new();
    let folder = lab.home().join("my pictures");
    pictures(&folder, &[("a", 12), ("b", 12)]);
    fs::write(folder.join(".DS_Store"), "x").expect("written");
    for index in 0..3 {
        fs::write(folder.join(format!("a/{index}.png")), "no picture").expect("written");
    }
    let quoted = format!("'{}'", folder.display());
    let text = lab.text(&["data", "import", &quoted, "--name", "faces", "--size", "4x2", "--colour"]);
    for words in ["4×2 colour", "3 items were skipped:", "3 × is not an image, such as a/", "1 item was ignored:"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let shown = lab.json(&["data", "show", "faces", "--json"]);
    assert_eq!((&shown["left_out"][0]["count"], &shown["left_out"][0]["skipped"]), (&json!(3), &json!(true)));
    let taken = lab.complaint(&["data", "import", "/etc", "--name", "faces"], 1);
    assert!(taken.contains("'faces' is taken"), "{taken}");
}

#[test]
fn a_project_with_a_data_folder_is_named_as_the_home_that_it_was_taken_for() {
    let lab = Lab::new();
    pictures(&lab.home().join("data/fer2013"), &[("a", 12), ("b", 12)]);
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_mien"));
    command.env_remove("MIEN_HOME").current_dir(lab.home());
    let output =
        command.args(["data", "import", "data/fer2013", "--name", "fer2013"]).assert().code(1).get_output().clone();
    let complaint = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        complaint.contains("exists and is not a dataset") && complaint.contains("the current folder is the home"),
        "{complaint}"
    );
}

#[test]
fn an_import_tells_a_program_how_far_it_is() {
    let lab = Lab::new();
    let source = lab.home().join("faces.csv");
    fs::write(&source, table(&["0,1 2 3,Training"])).expect("written");
    let source = source.to_str().expect("a plain path");
    let told = lab.text(&["data", "import", source, "--name", "faces", "--progress"]);
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    let (last, progress) = lines.split_last().expect("lines");
    assert!(progress.iter().all(|line| line["event"] == "progress" && line["stage"].is_string()), "{told}");
    assert!(progress.iter().any(|line| line["stage"] == "packing" && line["classes"] == 2), "{told}");
    assert_eq!(
        (&last["event"], &last["name"], &last["skipped_count"]),
        (&json!("finished"), &json!("faces"), &json!(1))
    );
    has_keys(&last["skipped"][0], &["source", "reason"]);
}

#[test]
fn a_source_that_cannot_be_imported_is_named_and_leaves_nothing_behind() {
    let lab = Lab::new();
    let path = |name: &str| lab.home().join(name).to_str().expect("a plain path").to_owned();
    fs::write(path("skips.csv"), table(&["0,1 2 3,Training"])).expect("written");
    fs::write(path("cut.zip"), b"PK\x03\x04 and no more").expect("written");
    fs::write(path("notes.txt"), "dear diary").expect("written");
    fs::create_dir(path("empty")).expect("made");
    let table: [(&str, &[&str]); 5] =
        [("nothing-there", &[]), ("skips.csv", &["--strict"]), ("cut.zip", &[]), ("notes.txt", &[]), ("empty", &[])];
    for (name, options) in table {
        let source = path(name);
        let complaint = lab.complaint(&[&["data", "import", &source, "--name", "bad"], options].concat(), 1);
        assert!(complaint.starts_with("mien: "), "{name}: {complaint}");
        let named = if name == "skips.csv" { "row 1" } else { name };
        assert!(complaint.contains(named), "{name}: {complaint}");
        assert_eq!(lab.json(&["data", "list", "--json"]), json!([]), "{name}");
    }
    assert!(lab.complaint(&["data", "show", "bad"], 1).contains("there is no dataset 'bad'"));
}

#[test]
fn the_demo_is_drawn_once() {
    let lab = Lab::new();
    let first = lab.mien(&["data", "demo", "--json"]).assert().success().get_output().clone();
    assert!(String::from_utf8_lossy(&first.stderr).contains("drawing the demo"));
    let again = lab.mien(&["data", "demo", "--json"]).assert().success().get_output().clone();
    assert_eq!((&again.stdout, again.stderr.as_slice()), (&first.stdout, &b""[..]));
    let demo: Value = serde_json::from_slice(&first.stdout).expect("JSON");
    assert_eq!((&demo["name"], demo["classes"].as_array().map(Vec::len)), (&json!("demo"), Some(7)));
}

#[test]
fn a_check_counts_copies_and_names_small_classes() {
    let lab = Lab::new();
    let source = lab.home().join("faces.csv");
    // Each picture is in the table three times, under one usage each, and one more time under another label.
    fs::write(&source, table(&[&format!("1,{},PrivateTest", vec!["0"; 16].join(" "))])).expect("written");
    let source = source.to_str().expect("a plain path");
    lab.text(&["data", "import", source, "--name", "faces"]);
    assert!(lab.home().join("data/faces/findings.json").exists(), "an import checks what it brought");
    let found = lab.json(&["data", "check", "faces", "--json"]);
    has_keys(&found, &["dataset", "fingerprint", "images", "counts", "class_findings", "exact", "near", "constant"]);
    let exact = &found["counts"]["exact"];
    assert_eq!((&exact["pictures"], &exact["images"], &exact["copies"]), (&json!(8), &json!(25), &json!(17)));
    // A picture of each class validates.
    assert_eq!(
        (&exact["crossings"]["train_in_test"], &exact["crossings"]["validation_in_test"]),
        (&json!(6), &json!(2))
    );
    assert_eq!((&exact["contradicting_pictures"], &exact["contradicting_images"]), (&json!(1), &json!(4)));
    assert_eq!((&found["counts"]["constant"]["train"], &found["counts"]["near"]["pictures"]), (&json!(6), &json!(0)));
    assert_eq!(found["exact"].as_array().map(Vec::len), Some(8));
    has_keys(&found["exact"][0][0], &["split", "index", "class", "source"]);
    let text = lab.text(&["data", "check", "faces"]);
    for part in ["17  of 8 pictures", "train, also in test", "of 1 picture\n", "4×4"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let shown = lab.text(&["data", "show", "faces"]);
    assert!(shown.contains("6 train images in test, 1 contradicting label, 17 exact copies"), "{shown}");
    // The cache is another dataset's after a replacement.
    fs::write(source, table(&[])).expect("written");
    lab.text(&["data", "import", source, "--name", "faces", "--replace"]);
    assert_eq!(lab.json(&["data", "show", "faces", "--json"])["findings"]["exact"]["contradicting_pictures"], json!(0));
}
