//! TensorBoard's event files: the values of a run by epoch, its test, and its settings.
//!
//! The three files `train`, `validation` and `test` are Keras's, so that the curves of training and validation share a
//! chart. Each is a sequence of records: length, masked CRC-32C of the length, event, masked CRC-32C of the event.

pub mod messages;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use prost::Message;

use self::messages::{Content, Event as Written, Metadata, Plugin, SessionLog, Shape, Summary, Tensor, Value};
use super::error::ExportError;
use super::write;
use crate::domain::{EpochMetrics, Hyperparameter, Recipe};
use crate::durable;
use crate::events::{Event, Record};

/// Returns milliseconds since 1970 as seconds.
#[allow(clippy::cast_precision_loss)] // exact for hundreds of thousands of years
fn seconds(at: u64) -> f64 {
    at as f64 / 1e3
}

/// TensorBoard's name for this format.
const VERSION: &str = "brain.Event:2";

/// The folders of the files, in the order of [`EventFiles::parts`].
const FILES: [&str; 3] = ["train", "validation", "test"];

/// The event files of a run, built from the records of its log.
#[derive(Debug)]
pub struct EventFiles {
    /// The unwritten bytes of each file.
    parts: [Vec<u8>; 3],
    /// The name of every file.
    name: String,
}

impl EventFiles {
    /// Creates files with the settings of a run and nothing of its log.
    #[must_use]
    pub fn new(recipe: &Recipe) -> Self {
        let at = seconds(recipe.created_at);
        let mut events = Self { parts: Default::default(), name: format!("events.out.tfevents.{at:.0}.mien") };
        for part in 0..FILES.len() {
            events.push(part, at, 0, Content::FileVersion(VERSION.into()));
        }
        events.push(0, at, 0, Content::Summary(Summary { value: vec![text("settings", &settings(recipe))] }));
        events
    }

    /// Adds a record of the log.
    pub fn apply(&mut self, record: &Record) {
        let at = seconds(record.at);
        match &record.event {
            Event::WorkerStarted { resumed_from, .. } => {
                for part in 0..2 {
                    let session = Content::SessionLog(SessionLog { status: 1 });
                    self.push(part, at, i64::from(*resumed_from) + 1, session);
                }
            }
            Event::EpochFinished { metrics, .. } => self.epoch(at, metrics),
            Event::Evaluated { split: crate::domain::Split::Test, epoch, loss, confusion } => {
                let scores = confusion.scores();
                let values = [("accuracy", scores.accuracy), ("macro_f1", scores.f1), ("loss", *loss)];
                self.values(2, at, *epoch, &values.map(|(name, value)| (format!("test/{name}"), value)));
            }
            Event::ViewsEvaluated { views, epoch, loss, confusion } => {
                let scores = confusion.scores();
                let values = [("accuracy", scores.accuracy), ("macro_f1", scores.f1), ("loss", *loss)];
                let values = values.map(|(name, value)| (format!("test_{views}_views/{name}"), value));
                self.values(2, at, *epoch, &values);
            }
            _ => {}
        }
    }

    fn epoch(&mut self, at: f64, metrics: &EpochMetrics) {
        let training = [
            ("epoch_loss", metrics.train_loss),
            ("epoch_accuracy", metrics.train_accuracy),
            ("epoch_learning_rate", metrics.learning_rate),
            ("epoch_seconds", metrics.seconds),
            ("images_per_second", metrics.images_per_second),
        ];
        let validation = [("epoch_loss", metrics.val_loss), ("epoch_accuracy", metrics.val_accuracy)];
        let named = |values: &[(&str, f64)]| -> Vec<(String, f64)> {
            values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
        };
        self.values(0, at, metrics.epoch, &named(&training));
        self.values(1, at, metrics.epoch, &named(&validation));
    }

    /// Adds values of an epoch; TensorBoard shows NaN as such.
    #[allow(clippy::cast_possible_truncation)] // the format has f32
    fn values(&mut self, part: usize, at: f64, epoch: u32, values: &[(String, f64)]) {
        let number = |(name, value): &(String, f64)| Value {
            tag: name.clone(),
            simple_value: Some(*value as f32),
            ..Value::default()
        };
        let value = values.iter().map(number).collect();
        self.push(part, at, i64::from(epoch), Content::Summary(Summary { value }));
    }

    fn push(&mut self, part: usize, wall_time: f64, step: i64, content: Content) {
        let event = Written { wall_time, step, content: Some(content) }.encode_to_vec();
        let bytes = &mut self.parts[part];
        let length = (event.len() as u64).to_le_bytes();
        bytes.extend(length);
        bytes.extend(masked(&length).to_le_bytes());
        bytes.extend(&event);
        bytes.extend(masked(&event).to_le_bytes());
    }

    /// Writes the bytes so far to new files in `folder`.
    ///
    /// # Errors
    /// If `folder` exists and not `force`, or it cannot be written.
    pub fn create(&mut self, folder: &Path, force: bool) -> Result<(), ExportError> {
        let files: Vec<(PathBuf, Vec<u8>)> = FILES
            .iter()
            .zip(&mut self.parts)
            .map(|(file, bytes)| (Path::new(file).join(&self.name), std::mem::take(bytes)))
            .collect();
        write::write_folder(folder, &files, force)
    }

    /// Appends the unwritten bytes to the files in `folder`.
    ///
    /// # Errors
    /// If a file is gone or cannot be written.
    pub fn append(&mut self, folder: &Path) -> Result<(), ExportError> {
        for (file, bytes) in FILES.iter().zip(&mut self.parts) {
            let path = folder.join(file).join(&self.name);
            append(&path, bytes).map_err(|source| ExportError::Write { path, source })?;
            bytes.clear();
        }
        Ok(())
    }
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut file = durable::in_place_options().append(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_data()
}

/// Returns the masked CRC-32C of `TFRecord` files (TensorFlow, `lib/hash/crc32c.h`): rotated, plus a constant.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Returns a text for the text dashboard, which reads Markdown.
fn text(tag: &str, words: &str) -> Value {
    let tensor = Tensor { dtype: 7, tensor_shape: Some(Shape {}), string_val: vec![words.into()] };
    let plugin_data = Some(Plugin { plugin_name: "text".into() });
    Value { tag: tag.into(), tensor: Some(tensor), metadata: Some(Metadata { plugin_data }), simple_value: None }
}

/// Returns the settings of a run as a Markdown table.
fn settings(recipe: &Recipe) -> String {
    let mut table = "| setting | value |\n|---|---|\n".to_owned();
    let mut row = |name: &str, value: String| {
        // Writing to text cannot fail.
        let _ = writeln!(table, "| {name} | {} |", value.replace('|', "\\|"));
    };
    row("strategy", recipe.strategy.to_string());
    row("dataset", recipe.dataset.to_string());
    for setting in Hyperparameter::of(recipe.strategy) {
        row(setting.name(), setting.get(recipe));
    }
    table
}

#[cfg(test)]
mod tests;
