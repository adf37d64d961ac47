//! `predict` by the real binary: its sources, its output, and agreement with the run's own test.

#![cfg(feature = "trainer")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::lab::Lab;
use crate::server::{Answer, Server, response};
use image::{GrayImage, ImageEncoder, RgbImage, imageops};
use mien::data::Dataset;
use mien::domain::Split;
use mien::runs::Predictions;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const FACES: &[u8] = include_bytes!("fixtures/faces.jpg");

/// Returns a home with short runs on the demo dataset, one for each list of options.
fn trained(options: &[&[&str]]) -> Lab {
    let lab = Lab::new();
    for options in options {
        let short = ["--dataset", "demo", "--epochs", "1", "--device", "cpu"];
        lab.mien(&[&["train"], *options, &short].concat()).assert().success();
    }
    lab
}

/// Runs a command that exits with this code, and returns the printed records.
fn records(lab: &Lab, arguments: &[&str], code: i32) -> Vec<Value> {
    let output = lab.mien(&[arguments, &["--json"]].concat()).assert().code(code).get_output().clone();
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

fn plain(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Writes the first test images of every class as a folder of classes. Returns their indices in the split, in the order
/// of paths.
fn folder_of_classes(lab: &Lab, folder: &Path, each: usize) -> Vec<usize> {
    let dataset = Dataset::open(&lab.home().join("data/demo")).expect("a dataset");
    let names: Vec<String> = dataset.manifest().class_names().into_iter().map(str::to_owned).collect();
    let mut indices = Vec::new();
    for (label, name) in names.iter().enumerate() {
        let of_class = (0..dataset.len(Split::Test)).filter(|index| dataset.label(Split::Test, *index) == label);
        fs::create_dir_all(folder.join(name)).expect("made");
        for (number, index) in of_class.take(each).enumerate() {
            let pixels = dataset.pixels(Split::Test, index).to_vec();
            let image = GrayImage::from_raw(48, 48, pixels).expect("a picture");
            image.save(folder.join(format!("{name}/{number:03}.png"))).expect("written");
            indices.push(index);
        }
    }
    indices
}

fn probabilities(record: &Value, classes: &[&str]) -> Vec<f32> {
    let of = |class: &&str| record["probabilities"][*class].as_f64().expect("a probability");
    #[allow(clippy::cast_possible_truncation)] // they were f32
    classes.iter().map(|class| of(class) as f32).collect()
}

const CLASSES: [&str; 7] = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"];

#[test]
fn stored_images_get_the_predictions_of_the_runs_own_test() {
    let cut = ["cnn", "--crop", "42", "--standardize", "image", "--views", "10", "--name", "cut"];
    let lab = trained(&[&["cnn", "--name", "one"], &["cnn", "--name", "two", "--seed", "7"], &cut]);
    let folder = lab.home().join("faces");
    let indices = folder_of_classes(&lab, &folder, 8);
    let read = |file: &str| Predictions::read(&lab.home().join(file)).expect("predictions").probabilities;
    let stored = read("checkpoints/one/test.safetensors");
    let found = records(&lab, &["predict", "one", plain(&folder), "--faces", "none"], 0);
    assert_eq!(found.len(), indices.len() + 1, "and the metrics");
    let largest_difference = |records: &[Value], stored: &[f32]| {
        let pairs = records.iter().zip(&indices).flat_map(|(record, index)| {
            let row = stored[index * 7..][..7].to_vec();
            probabilities(record, &CLASSES).into_iter().zip(row)
        });
        pairs.map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max)
    };
    assert!(largest_difference(&found, &stored) < 1e-6, "{}", largest_difference(&found, &stored));
    let keys = |record: &Value| record.as_object().expect("a record").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&found[0]), ["box", "class", "probabilities", "source"]);
    assert_eq!((&found[0]["box"], &found[0]["source"]), (&Value::Null, &json!(plain(&folder.join("angry/000.png")))));

    // The metrics are those of the predictions.
    let likeliest = |index: &usize| {
        let row = &stored[index * 7..][..7];
        (0..7).reduce(|best, class| if row[class] > row[best] { class } else { best }).expect("a class")
    };
    let right = indices.iter().enumerate().filter(|(number, index)| likeliest(index) == number / 8).count();
    let metrics = &found[indices.len()]["metrics"];
    #[allow(clippy::cast_precision_loss)] // a few images
    let accuracy = right as f64 / indices.len() as f64;
    assert!((metrics["accuracy"].as_f64().expect("a figure") - accuracy).abs() < 1e-12, "{metrics}");
    assert_eq!((&metrics["pictures"], metrics["confusion"].as_array().map(Vec::len)), (&json!(56), Some(7)));
    assert_eq!(metrics["per_class"][3]["name"], "happy");

    // Crops and views as at the test.
    let cut = records(&lab, &["predict", "cut", plain(&folder), "--faces", "none"], 0);
    assert!(largest_difference(&cut, &read("checkpoints/cut/test.safetensors")) < 1e-6);
    let ten = records(&lab, &["predict", "cut", plain(&folder), "--faces", "none", "--views", "10"], 0);
    assert!(largest_difference(&ten, &read("checkpoints/cut/test-views.safetensors")) < 1e-6);
    // Without the dataset the size of images is unknown for a run with crops, and known for one without.
    fs::rename(lab.home().join("data"), lab.home().join("away")).expect("renamed");
    let unknown = lab.complaint(&["predict", "cut", plain(&folder)], 1);
    assert!(unknown.contains("cut: the size of the run's images is unknown: its dataset's"), "{unknown}");
    assert_eq!(records(&lab, &["predict", "one", plain(&folder), "--faces", "none"], 0), found);
    fs::rename(lab.home().join("away"), lab.home().join("data")).expect("renamed");

    // Several runs: each of them, and the mean.
    let both = records(&lab, &["predict", "one", plain(&folder), "--with", "two", "--faces", "none"], 0);
    let runs = both[0]["runs"].as_array().expect("runs");
    assert_eq!([&runs[0]["run"], &runs[1]["run"]], ["one", "two"]);
    assert_eq!(runs[0]["probabilities"], found[0]["probabilities"]);
    let each: Vec<Vec<f32>> = runs.iter().map(|run| probabilities(run, &CLASSES)).collect();
    let mean = probabilities(&both[0], &CLASSES);
    assert!((0..7).all(|class| (mean[class] - f32::midpoint(each[0][class], each[1][class])).abs() < 1e-6));
    let text = lab.text(&["predict", "one", plain(&folder), "--with", "two", "--faces", "none"]);
    assert!(text.lines().next().is_some_and(|line| line.contains("  whole  ") && line.contains("  | two ")), "{text}");
    for part in ["56 pictures of known class", "RUN   ACCURACY", "macro average", "IMAGES: TRUE ↓ PREDICTED →"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let twice = lab.complaint(&["predict", "one", plain(&folder), "--with", "one"], 2);
    assert!(twice.contains("one is given twice"), "{twice}");
}

/// Writes pictures of every kind: a crop, a file that is no picture, a picture without a face, a photograph of two
/// people on its side, and that photograph upright.
fn pictures(folder: &Path) -> [PathBuf; 5] {
    let photograph = image::load_from_memory(FACES).expect("a picture").to_rgb8();
    let paths =
        ["crop.png", "no \u{1b}picture.jpg", "nobody.png", "sideways.png", "two.jpg"].map(|name| folder.join(name));
    GrayImage::from_fn(48, 48, |x, y| image::Luma([u8::try_from(x * y % 256).expect("a byte")]))
        .save(&paths[0])
        .expect("written");
    fs::write(&paths[1], "This is no picture.").expect("written");
    RgbImage::new(300, 200).save(&paths[2]).expect("written");
    // Turned counterclockwise, with an EXIF orientation that turns it back.
    let turned = imageops::rotate270(&photograph);
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder
        .set_exif_metadata(b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec())
        .expect("metadata");
    let (width, height) = turned.dimensions();
    encoder.write_image(&turned, width, height, image::ExtendedColorType::Rgb8).expect("encoded");
    fs::write(&paths[3], bytes).expect("written");
    fs::write(&paths[4], FACES).expect("written");
    paths
}

#[test]
fn pictures_of_every_kind_give_output_and_none_ends_the_batch() {
    let lab = trained(&[&["cnn", "--name", "one"]]);
    let folder = lab.home().join("pictures");
    fs::create_dir(&folder).expect("made");
    let [crop, bad, nobody, sideways, two] = pictures(&folder);
    let found = records(&lab, &["predict", "one", plain(&folder)], 1);
    let of = |path: &Path| -> Vec<&Value> { found.iter().filter(|record| record["source"] == plain(path)).collect() };
    let sources: Vec<&Value> = found.iter().map(|record| &record["source"]).collect();
    assert!(sources.is_sorted_by_key(|source| source.as_str()) && found.len() == 7, "{sources:?}");
    assert_eq!(of(&crop)[0]["box"], Value::Null, "small and nearly square: taken whole");
    assert_eq!(of(&bad), [&json!({ "source": plain(&bad), "error": "is not an image" })]);
    assert!(of(&nobody)[0]["error"].as_str().is_some_and(|why| why.contains("no face was found")));
    let boxes = |path: &Path| of(path).iter().map(|record| record["box"].clone()).collect::<Vec<_>>();
    assert_eq!((boxes(&two).len(), boxes(&two)), (2, boxes(&sideways)), "turned back by EXIF");
    for record in of(&two) {
        let sum: f32 = probabilities(record, &CLASSES).iter().sum();
        assert!((sum - 1.0).abs() < 1e-5 && CLASSES.contains(&record["class"].as_str().expect("a class")), "{record}");
    }

    // The other ways to choose faces.
    let count = |faces: &str| records(&lab, &["predict", "one", plain(&two), "--faces", faces], 0).len();
    assert_eq!(["auto", "all", "largest", "none"].map(count), [2, 2, 1, 1]);
    let only = records(&lab, &["predict", "one", plain(&crop), "--faces", "all"], 0);
    assert!(only[0]["error"].is_string(), "a picture without a face is no failure: {only:?}");

    // As text, as a table, by patterns and by a list.
    let output = lab.mien(&["predict", "one", plain(&folder), "--top", "2"]).assert().code(1).get_output().clone();
    let (text, notes) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(text.lines().filter(|line| line.contains("two.jpg")).count(), 2, "one line a face: {text}");
    assert!(text.lines().all(|line| line.contains("no face") || line.matches("0.").count() == 2), "{text}");
    assert!(text.contains("crop.png  whole  ") && text.contains("nobody.png  no face was found"), "{text}");
    assert!(notes.contains("5 pictures: 4 faces, 1 whole, 1 without a face, 1 unreadable"), "{notes}");
    assert!(notes.contains("is not an image") && !text.contains('\u{1b}') && !notes.contains('\u{1b}'), "{notes}");
    let pattern = folder.join("[ct]*.*");
    let table = lab.text(&["predict", "one", plain(&pattern), "--csv"]);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        rows[0],
        [
            "source", "x", "y", "width", "height", "class", "angry", "disgust", "fear", "happy", "neutral", "sad",
            "surprise", "error"
        ]
    );
    assert!(rows.len() == 4 && rows.iter().all(|row| row.len() == 14), "{table}");
    assert_eq!((rows[1][1], rows[2][0]), ("", plain(&two)));
    let list = format!("{}\n\n{}\n{}\n", plain(&two), plain(&crop), plain(&folder.join("absent.jpg")));
    let output = lab.mien(&["predict", "one", "-", "--json"]).write_stdin(list).assert().code(1).get_output().clone();
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 4, "{output:?}");

    // Errors that end the command.
    assert!(lab.complaint(&["predict", "none", plain(&two)], 1).contains("none"));
    assert!(lab.complaint(&["predict", "one"], 2).contains("SOURCE"));
    assert!(lab.complaint(&["predict", "one", plain(&two), "--views", "3"], 2).contains("views must be 1, 2 or 10"));
    assert!(lab.complaint(&["predict", "one", plain(&two), "--margin", "9"], 2).contains("from 0.5 to 4"));
    let empty = lab.home().join("empty");
    fs::create_dir(&empty).expect("made");
    assert!(lab.complaint(&["predict", "one", plain(&empty)], 1).contains("holds no pictures"));
}

#[test]
fn pictures_come_from_addresses_and_into_a_watched_folder() {
    let lab = trained(&[&["cnn", "--name", "one"]]);
    let server = Server::start(|asked| {
        let body =
            if asked.path == "/two.jpg" { response("200 OK", &[], FACES) } else { response("404 Not Found", &[], b"") };
        Answer::Send(body)
    });
    let [there, gone] = ["two.jpg", "gone.jpg"].map(|name| server.url(name));
    let found = records(&lab, &["predict", "one", &there, &gone], 1);
    assert_eq!(found.iter().map(|record| record["source"] == there.as_str()).collect::<Vec<_>>(), [true, true, false]);
    assert!(found[2]["error"].as_str().is_some_and(|why| why.contains("404")), "{found:?}");

    let folder = lab.home().join("coming");
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("old.jpg"), FACES).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mien"));
    command.env_remove("MIEN_HOME").arg("--home").arg(lab.home());
    command.args(["predict", "one", "--json", &there, "--watch"]).arg(&folder);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().expect("a line").expect("read")).expect("a record");
    // The sources come first; by then the folder is watched.
    assert_eq!([next()["source"].clone(), next()["source"].clone()], [json!(there), json!(there)]);
    let new = folder.join("new.jpg");
    fs::write(&new, &FACES[..FACES.len() / 2]).expect("written");
    fs::write(&new, FACES).expect("written");
    assert_eq!([next()["source"].clone(), next()["source"].clone()], [json!(plain(&new)), json!(plain(&new))]);
    kill_process(Pid::from_child(&child), Signal::INT).expect("asked");
    assert_eq!(child.wait().expect("ended").code(), Some(130));

    // Without a reader it does not wait for ever.
    let mut command = Command::new(env!("CARGO_BIN_EXE_mien"));
    command.env_remove("MIEN_HOME").arg("--home").arg(lab.home()).args(["predict", "one", "--json", "--watch"]);
    let mut child = command.arg(&folder).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("started");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("ended").code(), Some(130));
}

/// The pixels of a record are those of the stored image that it comes from.
#[test]
fn records_hold_the_pixels_that_the_network_sees() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let lab = trained(&[&["cnn", "--name", "one"]]);
    let folder = lab.home().join("faces");
    let indices = folder_of_classes(&lab, &folder, 1);
    let found = records(&lab, &["predict", "one", plain(&folder), "--faces", "none", "--pixels"], 0);
    let dataset = Dataset::open(&lab.home().join("data/demo")).expect("a dataset");
    for (record, index) in found.iter().zip(&indices) {
        let pixels = &record["pixels"];
        assert_eq!((&pixels["width"], &pixels["channels"]), (&json!(48), &json!(1)));
        let bytes = STANDARD.decode(pixels["data"].as_str().expect("text")).expect("base64");
        assert_eq!(bytes, dataset.pixels(Split::Test, *index));
    }
}

/// Pictures of every kind on the screen of the dashboard.
#[cfg(feature = "dashboard")]
#[test]
fn the_dashboard_predicts_a_folder_and_a_dropped_path() {
    use crate::terminal::Dashboard;

    let lab = trained(&[&["cnn", "--name", "one"]]);
    let folder = lab.home().join("my pictures");
    fs::create_dir(&folder).expect("made");
    let [.., two] = pictures(&folder);
    let mut dashboard = Dashboard::run((40, 120), crate::terminal::mien(lab.home()));
    dashboard.press("3");
    dashboard.wait("the run", |text| text.contains("one") && text.contains("all epochs"));
    dashboard.press("P");
    dashboard.wait("the prompt", |text| text.contains("predict by one"));
    dashboard.paste(&format!("'{}'", plain(&folder)));
    dashboard.wait("the path", |text| text.contains("my pictures'"));
    dashboard.press("\r");
    dashboard.wait("the faces", |text| text.contains("4 faces, 1 whole, 1 without a face, 1 unreadable ──"));
    let text = dashboard.text();
    for part in ["crop.png", "the whole picture", "is not an image", "no face was found", "1 of 7", "surprise"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    dashboard.press("G");
    dashboard.wait("the last face", |text| text.contains("7 of 7") && text.contains("pixels at "));
    // Half blocks of the face, which a line of text does not have.
    assert!(dashboard.text().contains('▀') || dashboard.text().contains('▄'));
    // The pane of another picture, because the path of this one is typed next.
    for place in ["6 of 7", "5 of 7"] {
        dashboard.press("k");
        dashboard.wait("the face before", |text| text.contains(place));
    }
    // Another path from here: one picture, typed with its spaces.
    dashboard.press("P");
    dashboard.wait("the prompt", |text| text.contains("predict by one"));
    dashboard.enter_line(plain(&two));
    dashboard.wait("two faces", |text| text.contains("2 faces ──"));
    dashboard.press("\u{1b}");
    dashboard.wait("the runs", |text| text.contains("all epochs") && !text.contains("2 faces"));
    dashboard.quit();
}

#[test]
fn calibrated_probabilities_are_scaled_by_the_temperature_that_show_prints() {
    let lab = trained(&[&["cnn", "--name", "small"]]);
    let folder = lab.home().join("pictures");
    folder_of_classes(&lab, &folder, 1);
    let source = plain(&folder);
    let temperature = lab.json(&["show", "small", "--json"])["test"]["calibration"]["temperature"]["value"].clone();
    let temperature = temperature.as_f64().expect("a temperature");
    let plain_rows = records(&lab, &["predict", "small", source, "--faces", "none"], 0);
    let scaled_rows = records(&lab, &["predict", "small", source, "--faces", "none", "--calibrated"], 0);
    for (before, after) in plain_rows.iter().zip(&scaled_rows).filter(|(row, _)| row["probabilities"].is_object()) {
        assert_eq!(before["class"], after["class"]);
        let values = |row: &Value| -> Vec<f64> {
            let map = row["probabilities"].as_object().expect("probabilities");
            map.values().map(|value| value.as_f64().expect("a number")).collect()
        };
        let powers: Vec<f64> = values(before).iter().map(|value| value.powf(temperature.recip())).collect();
        let total: f64 = powers.iter().sum();
        for (power, scaled) in powers.iter().zip(values(after)) {
            assert!((power / total - scaled).abs() < 1e-5, "{before} {after}");
        }
    }
    assert_eq!(plain_rows.len(), 8, "seven pictures and the metrics");
    let refused = lab.complaint(&["predict", "small", source, "--calibrated", "--views", "2"], 2);
    assert!(refused.contains("one view"), "{refused}");
}

#[test]
fn heat_maps_come_with_images_and_reports() {
    let lab = Lab::new();
    lab.faces(140);
    for [network, name] in [["cnn", "small"], ["deep", "deep"]] {
        let arguments = ["train", network, "--name", name, "--dataset", "faces", "--epochs", "1", "--device", "cpu"];
        lab.mien(&arguments).assert().success();
    }
    for (run, side) in [("small", 24), ("deep", 5)] {
        let shown = lab.json(&["inspect", run, "--image", "0,5", "--heat-maps", "--json"]);
        for image in shown["images_listed"].as_array().expect("images") {
            let map = &image["heat_maps"]["predicted"];
            assert_eq!((&map["width"], &map["height"]), (&json!(side), &json!(side)), "{run}");
            let values: Vec<f64> = map["values"].as_array().expect("values").iter().filter_map(Value::as_f64).collect();
            assert_eq!(values.len(), side * side);
            assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
        }
    }
    let page = lab.home().join("report.html");
    let write = |options: &[&str]| {
        lab.mien(&[&["report", "small", "--out", plain(&page), "--force"], options].concat()).assert().success();
        fs::read_to_string(&page).expect("a page")
    };
    let count = |page: &str| page.matches("alt=\"Heat map").count();
    let (with, without) = (write(&[]), write(&["--no-heat-maps"]));
    assert_eq!((count(&with), count(&without)), (24, 0));
    assert!(with.len() < 2 << 20, "{} bytes", with.len());
}
