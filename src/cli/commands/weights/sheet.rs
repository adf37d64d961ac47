//! Imported weights as JSON and as text. Keys are stable: none is ever renamed.

use serde::Serialize;

use crate::cli::exit::CommandError;
use crate::cli::options::Output;
use crate::cli::table::thousands;
use crate::domain::text::printable;
use crate::domain::{ChannelOrder, Preprocessing, WeightsName};
use crate::weights::{IgnoredTensors, Layout, Manifest};

/// Imported weights for scripts.
#[derive(Debug, Serialize)]
pub(super) struct WeightsEntry<'a> {
    name: &'a WeightsName,
    hash: &'a str,
    layout: Layout,
    parameters: usize,
    preprocessing: PreprocessingEntry<'a>,
    source: &'a str,
    source_hash: &'a str,
    licence: &'a str,
    imported_at: u64,
    not_taken: &'a IgnoredTensors,
}

/// The preprocessing of the input.
#[derive(Debug, Serialize)]
struct PreprocessingEntry<'a> {
    /// A name that `--preprocessing` accepts, or `custom`.
    name: String,
    order: ChannelOrder,
    scale: f32,
    mean: [f32; 3],
    deviation: [f32; 3],
    /// The reason for it; empty for weights of earlier versions.
    reason: &'a str,
}

/// Returns these weights for scripts.
pub(super) fn entry<'a>(name: &'a WeightsName, manifest: &'a Manifest) -> WeightsEntry<'a> {
    let Preprocessing { order, scale, mean, deviation } = manifest.preprocessing;
    WeightsEntry {
        name,
        hash: &manifest.hash,
        layout: manifest.layout,
        parameters: manifest.parameters,
        preprocessing: PreprocessingEntry {
            name: manifest.preprocessing.to_string(),
            order,
            scale,
            mean,
            deviation,
            reason: &manifest.reason,
        },
        source: &manifest.source,
        source_hash: &manifest.source_hash,
        licence: &manifest.licence,
        imported_at: manifest.imported_at,
        not_taken: &manifest.not_taken,
    }
}

/// Prints the weights.
pub(super) fn print_weights(name: &WeightsName, manifest: &Manifest, output: Output) -> Result<(), CommandError> {
    output.print(&entry(name, manifest), || text(name, manifest))
}

fn text(name: &WeightsName, manifest: &Manifest) -> String {
    let Preprocessing { order, scale, mean, deviation } = manifest.preprocessing;
    let mut lines = vec![
        format!("{name}  the convolutional base of VGG16, {} parameters", thousands(manifest.parameters)),
        format!("hash     {}", manifest.hash),
        format!("input    {}: {order}, (pixel × {scale} − {mean:?}) / {deviation:?}", manifest.preprocessing),
    ];
    if !manifest.reason.is_empty() {
        lines.push(format!("         because {}", manifest.reason));
    }
    lines.extend([
        format!("from     {}", manifest.source),
        format!("         {}, SHA-256 {}", manifest.layout, manifest.source_hash),
    ]);
    if !manifest.not_taken.is_empty() {
        lines.push(format!("         not taken: {}", manifest.not_taken));
    }
    lines.push(format!("licence  {}", manifest.licence));
    lines.iter().map(|line| printable(line) + "\n").collect()
}
