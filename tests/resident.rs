//! Runs with resident images, from the command line; an environment variable makes the CPU play the device.

#![cfg(feature = "trainer")]

use crate::lab::{Lab, events};
use mien::events::Event;
use serde_json::Value;

/// Trains a run of this name with this bound on resident images, in MiB.
fn train(lab: &Lab, name: &str, strategy: &[&str], bound: &str) -> Value {
    let common = ["--epochs", "2", "--device", "cpu", "--name", name, "--json"];
    let arguments = [&["train"], strategy, &common[..]].concat();
    let output = lab.mien(&arguments).env("MIEN_RESIDENT_MIB", bound).assert().success().get_output().clone();
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Returns the losses of every epoch and of the test.
fn losses(run: &Value) -> Vec<f64> {
    let history = run["history"].as_array().expect("a history");
    let number = |value: &Value| value.as_f64().expect("a number");
    let figures = |epoch: &Value| [number(&epoch["train_loss"]), number(&epoch["val_loss"])];
    history.iter().flat_map(figures).chain([number(&run["test"]["loss"])]).collect()
}

fn warnings(lab: &Lab, name: &str) -> Vec<String> {
    let folder = lab.folder(name);
    let warning = |event| if let Event::Warning { message } = event { Some(message) } else { None };
    events(&folder).into_iter().filter_map(warning).collect()
}

#[test]
fn a_run_is_the_same_up_to_rounding_wherever_its_batches_are_made() {
    let lab = Lab::new();
    lab.faces(140);
    lab.weights("imagenet");
    let cnn = ["cnn", "--dataset", "faces"];
    let anew = ["finetune", "--from", "imagenet-base", "--variants", "0"];
    train(&lab, "imagenet-base", &["features", "--dataset", "faces", "--size", "32", "--variants", "1"], "0");
    for (strategy, arguments) in [("cnn", &cnn[..]), ("finetune", &anew)] {
        let [sent, kept] = [("sent", "0"), ("kept", "64")]
            .map(|(way, bound)| losses(&train(&lab, &format!("{strategy}-{way}"), arguments, bound)));
        assert_eq!((sent.len(), kept.len()), (5, 5), "{strategy}");
        for (sent, kept) in sent.iter().zip(&kept) {
            assert!((sent - kept).abs() < 1e-3 * sent.max(0.1), "{strategy}: {sent} against {kept}");
        }
        assert_ne!(sent, kept, "{strategy}: rounding tells one way from the other");
        for way in ["sent", "kept"] {
            let about_room = |message: &String| message.contains("MIEN_RESIDENT_MIB");
            assert!(!warnings(&lab, &format!("{strategy}-{way}")).iter().any(about_room));
        }
    }
}

#[test]
fn a_dataset_without_room_is_trained_on_all_the_same_and_it_is_said_once() {
    let lab = Lab::new();
    // 900 of these images are for training or validation, with 2,308 bytes each.
    lab.faces(1_500);
    let [sent, kept] = [("sent", "0"), ("kept", "1")]
        .map(|(name, bound)| losses(&train(&lab, name, &["cnn", "--dataset", "faces"], bound)));
    assert_eq!(sent, kept, "the same way, to the last bit");
    let said: Vec<String> = warnings(&lab, "kept").into_iter().filter(|m| m.contains("on the device")).collect();
    assert_eq!(
        said,
        [
            "the images would take 2 MiB on the device, and may take 1 (MIEN_RESIDENT_MIB sets it): batches are made on the \
          CPU"
        ]
    );
}
