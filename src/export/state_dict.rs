//! The tensors of a network under the names and shapes of a PyTorch module, in one safetensors file.
//!
//! Weights of dense layers are `[out, in]` as in PyTorch; all other tensors are as in checkpoints.

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::error::ExportError;
use super::trained::TrainedNetwork;
use crate::domain::exported::ENTRY;
use crate::domain::network::{Op, TensorKind, TensorSpec};
use crate::domain::{Array, ExportDescription};

/// Returns the file of a network.
///
/// # Errors
/// Never for tensors of a network; the format refuses names that appear twice.
pub fn file(network: &TrainedNetwork) -> Result<Vec<u8>, ExportError> {
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = tensors(network)
        .map(|(name, Array { shape, values })| (name, shape, values.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    let refuse = |error: safetensors::SafeTensorError| ExportError::form("safetensors", &error);
    let mut views = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(refuse)?;
    // PyTorch's batch norm has a count of batches among its tensors.
    let count = 0_i64.to_le_bytes();
    let norms = network.graph.layers().filter(|layer| matches!(layer.op, Op::BatchNorm { .. }));
    for layer in norms {
        let view = TensorView::new(Dtype::I64, Vec::new(), &count).map_err(refuse)?;
        views.push((format!("{}.num_batches_tracked", layer.name), view));
    }
    in_order(&safetensors::serialize(views, Some(metadata(&network.about))).map_err(refuse)?)
}

/// The header of a safetensors file.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "__metadata__")]
    metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<String, serde_json::Value>,
}

/// Returns the file with its header in the order of names. Otherwise equal networks would give different bytes.
fn in_order(file: &[u8]) -> Result<Vec<u8>, ExportError> {
    let (length, _) = SafeTensors::read_metadata(file).map_err(|error| ExportError::form("safetensors", &error))?;
    let (header, data) = file[8..].split_at(length);
    let refuse = |error: serde_json::Error| ExportError::form("safetensors", &error);
    let header: Header = serde_json::from_slice(header).map_err(refuse)?;
    let mut header = serde_json::to_vec(&header).map_err(refuse)?;
    // Tensors begin at a multiple of their width.
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok([&(header.len() as u64).to_le_bytes(), header.as_slice(), data].concat())
}

/// Returns the metadata of the file: each field of the description, and the whole as JSON.
fn metadata(about: &ExportDescription) -> HashMap<String, String> {
    about.entries().into_iter().chain([(ENTRY.to_owned(), about.json()), ("format".into(), "pt".into())]).collect()
}

/// Returns names and tensors in the order of layers.
fn tensors(network: &TrainedNetwork) -> impl Iterator<Item = (String, Array)> {
    let of_layers = network.graph.layers().flat_map(|layer| layer.tensors.iter().map(move |tensor| (layer, tensor)));
    of_layers.filter_map(|(layer, tensor)| {
        let array = network.arrays.get(&tensor.name)?;
        let name = format!("{}.{}", layer.name, part(tensor));
        let transposed = matches!(layer.op, Op::Dense { .. }) && tensor.shape.len() == 2;
        Some((name, if transposed { transpose(array) } else { array.clone() }))
    })
}

/// Returns PyTorch's name for a tensor of a layer.
fn part(tensor: &TensorSpec) -> &'static str {
    match tensor.kind {
        TensorKind::Weight { .. } | TensorKind::Scale => "weight",
        TensorKind::Bias => "bias",
        TensorKind::RunningMean => "running_mean",
        TensorKind::RunningVariance => "running_var",
    }
}

/// Returns a transposed matrix.
fn transpose(Array { shape, values }: &Array) -> Array {
    let (rows, columns) = (shape[0], shape[1]);
    let values = (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect();
    Array { shape: vec![columns, rows], values }
}
