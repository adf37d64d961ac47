//! Keras 3: a `.keras` archive for `load_model`, or only its `.weights.h5`. Input raw pixels `[n, height, width,
//! channels]`, output probabilities, layers only Keras's own.

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

/// The version of Keras whose format is written; later ones read it.
const KERAS: &str = "3.0.0";

/// Returns the `.keras` archive of a network.
///
/// # Errors
/// If a value does not fit the format.
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

/// Returns the `.weights.h5` of a network, for a model that is built already.
///
/// # Errors
/// If a value does not fit the format.
pub fn weights_file(network: &TrainedNetwork) -> Result<Vec<u8>, ExportError> {
    weights::file(&Model::new(&network.graph, &network.arrays), &network.about)
}

/// Returns the model in the format of `Functional.get_config`.
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

/// Returns the present time in Keras's format.
fn date() -> String {
    let now = jiff::Timestamp::from_millisecond(i64::try_from(clock::now()).unwrap_or(0)).unwrap_or_default();
    now.strftime("%Y-%m-%d@%H:%M:%S").to_string()
}

/// Returns a zip archive of these files, uncompressed, because weights hardly shrink.
fn zipped(files: &[(&str, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, options)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}
