//! Tests that the bytes of event files are complete records with the figures of the log.

use super::*;
use crate::domain::{Confusion, DatasetName, EarlyStoppingStatus, Split};

/// Returns the events in the bytes of a file, after a check of all checksums.
fn read(mut bytes: &[u8]) -> Vec<Written> {
    let mut events = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<8>() {
        let (sum, rest) = rest.split_first_chunk::<4>().expect("a checksum of the length");
        assert_eq!(u32::from_le_bytes(*sum), masked(length));
        let (event, rest) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).expect("small"));
        let (sum, rest) = rest.split_first_chunk::<4>().expect("a checksum of the event");
        assert_eq!(u32::from_le_bytes(*sum), masked(event));
        events.push(Written::decode(event).expect("an event"));
        bytes = rest;
    }
    assert!(bytes.is_empty());
    events
}

/// Returns tag, step and number of every scalar.
fn scalars(bytes: &[u8]) -> Vec<(String, i64, f32)> {
    let values = read(bytes).into_iter().flat_map(|event| match event.content {
        Some(Content::Summary(summary)) => summary.value.into_iter().map(|value| (event.step, value)).collect(),
        _ => Vec::new(),
    });
    values.filter_map(|(step, value)| Some((value.tag, step, value.simple_value?))).collect()
}

fn epoch(epoch: u32) -> Event {
    let metrics = EpochMetrics {
        epoch,
        train_loss: 1.5,
        train_accuracy: 0.25,
        val_loss: f64::NAN,
        val_accuracy: 0.5,
        learning_rate: 0.125,
        seconds: 3.0,
        images_per_second: 64.0,
    };
    Event::EpochFinished { metrics, early_stopping: EarlyStoppingStatus::default() }
}

#[test]
fn checksums_are_those_of_a_file_that_tensorboard_wrote() {
    // The length of the first record of a file by TensorBoard 2.21, and its checksum.
    assert_eq!(masked(&72_u64.to_le_bytes()), 0x9d48_92fe);
    assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
}

#[test]
fn figures_are_those_of_the_log_and_a_restart_voids_what_follows_it() {
    let mut events = EventFiles::new(&Recipe::cnn(DatasetName::new("d").unwrap(), String::new(), 5000));
    let mut confusion = Confusion::new(2);
    confusion.add(0, 0);
    confusion.add(1, 0);
    let started = |resumed_from| Event::WorkerStarted { pid: 1, host: "h".into(), resumed_from, resumed_step: 0 };
    let tested = Event::Evaluated { split: Split::Test, epoch: 2, loss: 0.75, confusion: confusion.clone() };
    let training = Event::Evaluated { split: Split::Train, epoch: 2, loss: 9.0, confusion };
    for (at, event) in [started(0), epoch(1), epoch(2), started(1), epoch(2), tested, training].into_iter().enumerate()
    {
        events.apply(&Record { at: 6000 + at as u64, event });
    }
    let [train, validation, test] = &events.parts;
    let losses: Vec<_> = scalars(train).into_iter().filter(|(tag, ..)| tag == "epoch_loss").collect();
    assert_eq!(losses, [1, 2, 2].map(|step| ("epoch_loss".to_owned(), step, 1.5)));
    assert!(scalars(train).contains(&("epoch_learning_rate".into(), 2, 0.125)));
    assert!(scalars(train).contains(&("epoch_seconds".into(), 1, 3.0)));
    let [loss, accuracy] = &scalars(validation)[..2] else { panic!("two figures") };
    assert!(loss.2.is_nan() && *accuracy == ("epoch_accuracy".into(), 1, 0.5));
    assert_eq!(scalars(test)[0], ("test/accuracy".into(), 2, 0.5));
    assert_eq!(scalars(test).len(), 3, "the training images are no test");
    let begun: Vec<i64> = read(validation)
        .into_iter()
        .filter_map(|event| matches!(event.content, Some(Content::SessionLog(_))).then_some(event.step))
        .collect();
    assert_eq!(begun, [1, 2]);
    let first = &read(train)[0];
    assert_eq!((first.wall_time, &first.content), (5.0, &Some(Content::FileVersion(VERSION.into()))));
}

#[test]
fn files_are_made_once_and_grow() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("events");
    let mut events = EventFiles::new(&Recipe::cnn(DatasetName::new("d").unwrap(), String::new(), 5000));
    events.create(&out, false).expect("written");
    let file = out.join("train").join("events.out.tfevents.5.mien");
    let before = std::fs::read(&file).expect("read");
    events.apply(&Record { at: 6000, event: epoch(1) });
    events.append(&out).expect("written");
    let after = std::fs::read(&file).expect("read");
    assert!(after.starts_with(&before) && scalars(&after).len() == 5);
    assert!(matches!(events.create(&out, false), Err(ExportError::Exists(_))));
}
