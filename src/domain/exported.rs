//! The description in the file of every exported network: classes, images, origin and test metrics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Precision, Preprocessing};

/// The name of the entry with the whole description as JSON, in files with named entries.
pub const ENTRY: &str = "mien.export";

/// The endings of files that hold an exported network, in the order of their kinds: ONNX, Keras with and without the
/// architecture, PyTorch's weights.
pub const NETWORK_ENDINGS: [&str; 4] = [".onnx", ".keras", ".weights.h5", ".safetensors"];

/// The description of an exported network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportDescription {
    /// Program and version that wrote the file.
    pub program: String,
    /// The id of the run.
    pub run: String,
    /// The network's name in the catalog.
    pub network: String,
    /// Class names, in the order of outputs.
    pub classes: Vec<String>,
    /// Pixels in a row of an image.
    pub width: usize,
    /// Rows of an image.
    pub height: usize,
    /// 1 for gray, 3 for red, green and blue.
    pub channels: usize,
    /// A sentence about the input, for people.
    pub input: String,
    /// The name of the dataset that the run was trained on.
    pub dataset: String,
    /// The fingerprint of the dataset.
    pub fingerprint: String,
    /// The epoch of the weights.
    pub epoch: u32,
    /// The precision of convolutions during training; the file computes in f32.
    pub precision: Precision,
    /// The preprocessing of the base, on pixels from 0 to 1. The file contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<Preprocessing>,
    /// The licence of the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// The number by which the file divides logits, so that probabilities are calibrated. The last layer contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The metrics of the test split, if these weights were tested. The loss is that of logits without temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<TestMetrics>,
}

/// Metrics of the test split: plain images, one view each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestMetrics {
    /// The share of correct predictions, from 0 to 1.
    pub accuracy: f64,
    /// The mean of the F1 scores of all classes.
    pub macro_f1: f64,
    /// The mean loss.
    pub loss: f64,
    /// The number of images.
    pub images: u64,
}

impl ExportDescription {
    /// Returns the description as JSON on one line.
    #[must_use]
    pub fn json(&self) -> String {
        // Serializing plain values cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the fields as named entries of text, with lists and numbers as JSON.
    #[must_use]
    pub fn entries(&self) -> BTreeMap<String, String> {
        let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(self) else { return BTreeMap::new() };
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        fields.into_iter().map(|(name, value)| (name, text(value))).collect()
    }

    /// Reads the description from an entry that [`Self::json`] wrote.
    ///
    /// # Errors
    /// If the text is not such an entry.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
