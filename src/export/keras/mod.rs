//! Keras 3: a `.keras` archive that `load_model` takes, or its `.weights.h5` alone. Raw pixels N×H×W×C in, probabilities
//! out, by Keras's own layers only.

mod layers;
mod weights;

use std::io::{Cursor, Write};

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use self::layers::Model;
use super::error::ExportError;
use super::trained::TrainedNetwork;
use crate::domain::clock;

/// The version of Keras whose files these are like; later ones read them.
const KERAS: &str = "3.0.0";

/// The `.keras` archive of a network.
///
/// # Errors
/// When a value does not fit the format.
pub fn archive(network: &TrainedNetwork) -> Result<Vec<u8>, ExportError> {
    let model = Model::new(&network.graph, &network.arrays);
    let about = serde_json::to_value(&network.about).unwrap_or_default();
    let metadata = json!({ "keras_version": KERAS, "date_saved": date(), "mien": about });
    let config = config(&model, &network.about.network);
    let files = [
        ("metadata.json", metadata.to_string().into_bytes()),
        ("config.json", config.to_string().into_bytes()),
        ("model.weights.h5", weights::file(&model, &network.about)?),
    ];
    zipped(&files).map_err(|error| ExportError::form("a Keras archive", &error))
}

/// The `.weights.h5` of a network, for a model that is built already.
///
/// # Errors
/// When a value does not fit the format.
pub fn weights_file(network: &TrainedNetwork) -> Result<Vec<u8>, ExportError> {
    weights::file(&Model::new(&network.graph, &network.arrays), &network.about)
}

/// The model as `Functional.get_config` has it.
fn config(model: &Model, name: &str) -> Value {
    let place = |name: &str| json!([name, 0, 0]);
    let ends = [model.layers.first(), model.layers.last()].map(|layer| layer.map_or("", |layer| &layer.name));
    let layers: Vec<Value> = model.layers.iter().map(|layer| layer.json(model)).collect();
    json!({
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "registered_name": "Functional",
        "config": {
            "name": name,
            "trainable": true,
            "layers": layers,
            "input_layers": [place(ends[0])],
            "output_layers": [place(ends[1])],
        },
    })
}

/// Now, as Keras writes it.
fn date() -> String {
    let now = jiff::Timestamp::from_millisecond(i64::try_from(clock::now()).unwrap_or(0)).unwrap_or_default();
    now.strftime("%Y-%m-%d@%H:%M:%S").to_string()
}

/// A zip archive of these files, not compressed: weights hardly shrink, and Keras seeks in them.
fn zipped(files: &[(&str, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, options)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}
