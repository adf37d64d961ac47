//! Properties of the log: every written event is read, at any moment of reading or dying.

use std::fs;
use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::domain::{
    Confusion, EarlyStoppingStatus, EpochMetrics, FinishReason, GpuLoad, Load, Outcome, Split, SplitCounts,
};

fn any_event() -> impl Strategy<Value = Event> {
    let number = prop_oneof![any::<f64>().prop_filter("finite", |x| x.is_finite()), 0.0..1.0];
    prop_oneof![
        (any::<u32>(), ".*", any::<u32>(), any::<u32>()).prop_map(|(pid, host, resumed_from, resumed_step)| {
            Event::WorkerStarted { pid, host, resumed_from, resumed_step }
        }),
        (any::<u32>(), any::<u32>(), 0.0..1e6_f64).prop_map(|(epoch, done, seconds)| Event::EpochStarted {
            epoch,
            steps: 9,
            done,
            seconds
        }),
        (any::<u32>(), any::<u32>()).prop_map(|(epoch, step)| Event::CheckpointSaved { epoch, step, best: false }),
        (".*", ".*", proptest::option::of(".*")).prop_map(|(device, description, note)| Event::DeviceChosen {
            device,
            description,
            note
        }),
        proptest::collection::vec(".*", 0..4).prop_map(|classes| Event::DataOpened {
            images: SplitCounts { train: 3, validation: 2, test: 1 },
            classes
        }),
        (any::<u32>(), number.clone(), number.clone()).prop_map(|(epoch, loss, learning_rate)| Event::Step {
            epoch,
            step: 1,
            steps: 2,
            loss,
            accuracy: 0.5,
            learning_rate,
            images_per_second: 1e3
        }),
        (any::<u32>(), number.clone(), number).prop_map(|(epoch, val_loss, best_value)| Event::EpochFinished {
            metrics: EpochMetrics {
                epoch,
                train_loss: 1.0,
                train_accuracy: 0.1,
                val_loss,
                val_accuracy: 0.2,
                learning_rate: 1e-3,
                seconds: 2.5,
                images_per_second: 1400.0
            },
            early_stopping: EarlyStoppingStatus { best_epoch: epoch, best_value, waited: 0 }
        }),
        ".*".prop_map(|cause| Event::Ended {
            outcome: Outcome::Failed { cause, kind: crate::domain::FailureKind::Disk }
        }),
        Just(Event::Ended { outcome: Outcome::Finished { reason: FinishReason::EarlyStop } }),
        Just(Event::StopRequested),
        Just(Event::Paused),
        Just(Event::Continued),
        (any::<u32>(), any::<u32>()).prop_map(|(epochs, patience)| Event::LimitsChanged { epochs, patience }),
        (0.0..1e4_f64, any::<u64>(), proptest::option::of((".*", any::<u64>()))).prop_map(|(cpu, memory, gpu)| {
            let gpu =
                gpu.map(|(name, bytes)| GpuLoad { name, utilization: 7, memory_used: bytes, memory_total: bytes });
            Event::Load { load: Load { cpu, memory, gpu } }
        }),
        any::<u64>().prop_map(|seed| {
            let mut confusion = Confusion::new(3);
            confusion.add((seed % 3) as usize, (seed / 3 % 3) as usize);
            Event::Evaluated { split: Split::Test, epoch: 1, loss: 0.25, confusion }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn events_come_back_as_written_and_a_reader_may_look_at_any_time(
        events in proptest::collection::vec((any::<u64>(), any_event(), any::<bool>()), 0..20)
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE_NAME);
        let mut writer = EventWriter::open(&path, 7).expect("a log");
        let mut reader = EventReader::new(&path);
        let mut seen = Vec::new();
        for (at, event, polls) in &events {
            writer.append(*at, event.clone()).expect("an append");
            if *polls {
                reader.poll(&mut seen).expect("a poll");
            }
        }
        reader.poll(&mut seen).expect("a poll");
        let written: Vec<Record> = events.into_iter().map(|(at, event, _)| Record { at, event }).collect();
        prop_assert_eq!(&seen[1..], &written[..]);
        prop_assert_eq!(reader.damage(), Damage::default());
    }

    #[test]
    fn a_log_cut_at_any_byte_reads_to_the_last_whole_event_and_can_be_appended_to(
        events in proptest::collection::vec(any_event(), 1..6), cut in 0.0..1.0_f64
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE_NAME);
        let mut writer = EventWriter::open(&path, 7).expect("a log");
        for event in events {
            writer.append(1, event).expect("an append");
        }
        let bytes = fs::read(&path).expect("the log");
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let cut = (bytes.len() as f64 * cut) as usize;
        fs::write(&path, &bytes[..cut]).expect("a cut log");
        let whole = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;

        let mut seen = Vec::new();
        let mut reader = EventReader::new(&path);
        reader.poll(&mut seen).expect("a poll");
        prop_assert_eq!(seen.len(), whole);

        EventWriter::open(&path, 8).expect("reopened").append(9, Event::StopRequested).expect("an append");
        reader.poll(&mut seen).expect("a poll");
        prop_assert_eq!(reader.damage(), Damage::default());
        prop_assert_eq!(&seen.last().expect("an event").event, &Event::StopRequested);
    }
}

fn read(text: &str) -> (Result<Vec<Record>, ReadError>, Damage) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("a write");
    let mut reader = EventReader::new(file.path());
    let mut seen = Vec::new();
    let result = reader.poll(&mut seen).map(|_| seen);
    (result, reader.damage())
}

#[test]
fn a_newer_log_is_refused_in_words() {
    let (result, _) = read("{\"at\":1,\"event\":\"log_opened\",\"version\":3,\"program\":\"mien 9\"}\n");
    let message = result.expect_err("refused").to_string();
    assert!(message.contains("format 3") && message.contains("use a newer mien"), "{message}");
}

#[test]
fn unknown_kinds_and_fields_are_skipped_and_damage_is_counted() {
    let (result, damaged) = read(
        "{\"at\":1,\"event\":\"coffee_brewed\",\"cups\":3}\nnot json\n{\"at\":2,\"event\":\"stop_requested\",\"by\":\"me\"}\n{\"at\":3,\"ev",
    );
    let events: Vec<Event> = result.expect("readable").into_iter().map(|record| record.event).collect();
    assert_eq!(events, [Event::Unknown, Event::StopRequested]);
    assert_eq!(damaged.lines(), [2]);
}

#[test]
fn a_loss_that_is_no_number_survives() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(FILE_NAME);
    let event = Event::Evaluated { split: Split::Test, epoch: 1, loss: f64::INFINITY, confusion: Confusion::new(1) };
    EventWriter::open(&path, 1).expect("a log").append(2, event).expect("an append");
    let mut seen = Vec::new();
    EventReader::new(&path).poll(&mut seen).expect("a poll");
    assert!(matches!(seen[1].event, Event::Evaluated { loss, .. } if loss.is_nan()));
}

/// Returns a log of these events, the starts of its lines and the end of the last one.
fn log_of(events: &[Event]) -> (Vec<u8>, Vec<usize>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(FILE_NAME);
    let mut writer = EventWriter::open(&path, 7).expect("a log");
    for (at, event) in (0..).zip(events) {
        writer.append(at, event.clone()).expect("an append");
    }
    let bytes = fs::read(path).expect("the log");
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index + 1);
    let bounds = std::iter::once(0).chain(ends).collect();
    (bytes, bounds)
}

/// Returns a log's records as text, in which NaN equals itself, and the progress.
fn read_log(bytes: &[u8]) -> (Vec<String>, Progress) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("a write");
    let mut reader = EventReader::new(file.path());
    let mut seen = Vec::new();
    reader.poll(&mut seen).expect("a poll");
    (seen.iter().map(|record| format!("{record:?}")).collect(), reader.progress())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_flipped_bit_is_found_and_costs_only_its_line(
        events in proptest::collection::vec(any_event(), 1..8), index in any::<prop::sample::Index>(), bit in 0..8_u32
    ) {
        let (mut bytes, bounds) = log_of(&events);
        let (all, _) = read_log(&bytes);
        let index = index.index(bytes.len());
        let line = bounds.iter().rposition(|start| *start <= index).expect("the first line begins at 0");
        let ends_line = bytes[index] == b'\n';
        bytes[index] ^= 1 << bit;
        let (left, progress) = read_log(&bytes);

        let lost = if ends_line { line..(line + 2).min(all.len()) } else { line..line + 1 };
        let rest: Vec<String> = [&all[..lost.start], &all[lost.end..]].concat();
        prop_assert_eq!(left, rest);
        if ends_line && line + 1 == all.len() {
            // The last line is unfinished here, so the reader leaves it.
            prop_assert!(progress.damage.is_none() && progress.position < bytes.len() as u64);
        } else {
            // A flip that splits a line makes two damaged lines.
            prop_assert!((1..=2).contains(&progress.damage.count()));
            prop_assert_eq!(progress.damage.lines()[0], line as u64 + 1);
        }
    }

    #[test]
    fn reading_continues_anywhere_as_if_it_had_never_stopped(
        events in proptest::collection::vec(any_event(), 1..8), index in any::<prop::sample::Index>(), stop in any::<prop::sample::Index>()
    ) {
        let (mut bytes, bounds) = log_of(&events);
        let index = index.index(bytes.len());
        bytes[index] ^= 1;
        let stop = bounds[stop.index(bounds.len())];
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&bytes).expect("a write");
        let mut first = EventReader::new(file.path()).with_end(stop as u64);
        let mut seen = Vec::new();
        first.poll(&mut seen).expect("a poll");
        let mut second = EventReader::at(file.path(), first.progress());
        second.poll(&mut seen).expect("a poll");
        let (all, progress) = read_log(&bytes);
        prop_assert_eq!(seen.iter().map(|record| format!("{record:?}")).collect::<Vec<_>>(), all);
        prop_assert_eq!(second.progress(), progress);
    }
}

#[test]
fn a_log_without_checksums_is_read_and_has_them_once_it_is_resumed() {
    let old = "{\"at\":1,\"event\":\"log_opened\",\"version\":1,\"program\":\"mien 0.1.0\"}\n\
               {\"at\":2,\"event\":\"stop_requested\"}\n";
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(old.as_bytes()).expect("a write");
    let (seen, progress) = read_log(old.as_bytes());
    assert_eq!((seen.len(), progress.checksummed, progress.damage.count()), (2, false, 0));

    for at in [3, 4] {
        EventWriter::open(file.path(), at).expect("opened").append(at, Event::Paused).expect("an append");
    }
    let text = fs::read_to_string(file.path()).expect("the log");
    let (seen, progress) = read_log(text.as_bytes());
    // The new format is announced once.
    assert_eq!((seen.len(), progress.checksummed, progress.damage.count()), (5, true, 0));
    assert!(text.starts_with(old) && text.lines().nth(2).is_some_and(|line| line.contains("\"version\":2")));

    let unsealed = text + "{\"at\":5,\"event\":\"continued\"}\n";
    assert_eq!(read_log(unsealed.as_bytes()).1.damage.lines(), [6]);
    let steps = "{\"at\":5,\"event\":\"step\",\"epoch\":1,\"step\":1,\"steps\":2,\"loss\":1.0,\"accuracy\":0.5,\
                 \"learning_rate\":0.1,\"images_per_second\":9.0}\n";
    assert_eq!(read_log((unsealed + steps).as_bytes()).1.damage.lines(), [6, 7]);
}

#[test]
fn a_line_is_still_json_that_other_programs_read() {
    let (bytes, _) = log_of(&[Event::StopRequested]);
    for line in String::from_utf8(bytes).expect("text").lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(value["crc32"].as_str().map(str::len), Some(8));
    }
}
