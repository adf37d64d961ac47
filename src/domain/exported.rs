//! What every exported network says of itself: classes, images, where it comes from, what it scored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Precision, Preprocessing};

/// The entry that holds all of it as JSON, where a kind of file has named entries.
pub const ENTRY: &str = "mien.export";

/// What is said of an exported network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// Program and version that wrote the file.
    pub program: String,
    /// The run.
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
    /// What the input is, in words.
    pub input: String,
    /// The dataset that it was trained on.
    pub dataset: String,
    /// That dataset's fingerprint.
    pub fingerprint: String,
    /// The epoch of the weights.
    pub epoch: u32,
    /// What convolutions computed in as it was trained; the file computes in f32.
    pub precision: Precision,
    /// What the pretrained base expects of pixels from 0 to 1, which the file does itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<Preprocessing>,
    /// Under what terms the pretrained base was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Figures of the test split, where these weights were tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<TestFigures>,
}

/// Figures of the test split: plain images, one view each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestFigures {
    /// Share of images predicted right.
    pub accuracy: f64,
    /// The mean of the F1 scores of all classes.
    pub macro_f1: f64,
    /// Mean loss.
    pub loss: f64,
    /// Images.
    pub images: u64,
}

impl Exported {
    /// All of it as JSON on one line.
    #[must_use]
    pub fn json(&self) -> String {
        // Serializing plain values cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Named entries of text: the fields one by one, lists and figures as JSON.
    #[must_use]
    pub fn entries(&self) -> BTreeMap<String, String> {
        let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(self) else { return BTreeMap::new() };
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        fields.into_iter().map(|(name, value)| (name, text(value))).collect()
    }

    /// What an exported file says of itself, from the entry that it has.
    ///
    /// # Errors
    /// When the text is not what [`Self::json`] writes.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
