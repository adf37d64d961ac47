//! PyTorch: a folder with the tensors, the source text of their module, and the class names, without a pickle.

use std::collections::BTreeSet;

use super::error::ExportError;
use super::graph::{Graph, Node, Operation};
use super::state_dict;
use super::trained::TrainedNetwork;
use crate::domain::network::{Op, ResolvedLayer};
use crate::domain::{ChannelOrder, ExportDescription, Preprocessing};

/// Returns the files of the folder by name.
///
/// # Errors
/// As for [`state_dict::file`].
pub fn files(network: &TrainedNetwork) -> Result<Vec<(&'static str, Vec<u8>)>, ExportError> {
    // Serializing text cannot fail.
    let labels = serde_json::to_string_pretty(&network.about.classes).unwrap_or_default() + "\n";
    Ok(vec![
        ("model.safetensors", state_dict::file(network)?),
        ("model.py", source(&network.graph, &network.about).into_bytes()),
        ("labels.json", labels.into_bytes()),
    ])
}

/// Returns the source text of the module.
fn source(graph: &Graph, about: &ExportDescription) -> String {
    let [channels, height, width] = graph.image();
    let (program, run, network) = (&about.program, &about.run, &about.network);
    let block = |statements: Vec<String>| statements.join("\n        ");
    let (helper, inits, forward) = (helper(graph), block(inits(graph)), block(forward(graph)));
    format!(
        r#""""{network} of run {run}, written by {program}.

    network = load()
    probabilities = network(pixels).softmax(1)  # pixels: float32 [n, {channels}, {height}, {width}], 0 to 255
"""
from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn
{helper}

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        {inits}

    def forward(self, x):
        {forward}


def load(folder=Path(__file__).parent):
    network = Network()
    network.load_state_dict(load_file(Path(folder) / "model.safetensors"))
    return network.eval()
"#
    )
}

/// Returns statements that create the layers with tensors, and the modules that contain them.
fn inits(graph: &Graph) -> Vec<String> {
    let mut made = BTreeSet::new();
    let mut inits = Vec::new();
    for layer in graph.layers() {
        let Some(module) = module(layer) else { continue };
        for (at, _) in layer.name.match_indices('.') {
            let outer = &layer.name[..at];
            if made.insert(outer.to_owned()) {
                inits.push(format!("self.{outer} = nn.Module()"));
            }
        }
        made.insert(layer.name.clone());
        inits.push(format!("self.{} = {module}", layer.name));
    }
    inits
}

/// Returns the expression that creates a layer with tensors; `None` for others.
fn module(layer: &ResolvedLayer) -> Option<String> {
    let [inputs, ..] = layer.input;
    match layer.op {
        Op::Convolution { kernel, stride, outputs, bias } => {
            let stride = if stride == 1 { String::new() } else { format!(", stride={stride}") };
            let bias = if bias { "" } else { ", bias=False" };
            Some(format!("nn.Conv2d({inputs}, {outputs}, {kernel}{stride}, padding={}{bias})", kernel / 2))
        }
        Op::BatchNorm { epsilon, momentum } => {
            Some(format!("nn.BatchNorm2d({inputs}, eps={epsilon:?}, momentum={momentum:?})"))
        }
        Op::Dense { .. } => Some(format!("nn.Linear({inputs}, {})", layer.output[0])),
        Op::Relu | Op::MaxPool { .. } | Op::Standardize | Op::GlobalAverage | Op::Flatten | Op::Dropout { .. } => None,
    }
}

/// Returns the statements of the forward pass, about one for each layer with tensors.
fn forward(graph: &Graph) -> Vec<String> {
    let mut lines =
        Lines { branches: graph.nodes.iter().any(|node| node.operation == Operation::Add), statements: Vec::new() };
    let mut values: Vec<String> = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let mut taken: Vec<String> = node.inputs.iter().map(|input| values[*input].clone()).collect();
        if begins_a_line(&node.operation) {
            for (input, value) in node.inputs.iter().zip(&mut taken) {
                *value = lines.name(*input, value);
            }
        }
        let flat = node.inputs.first().is_some_and(|input| graph.is_flat(*input));
        let mut value = expression(node, graph, &taken, flat);
        let used = graph.nodes.iter().filter(|other| other.inputs.contains(&index)).count();
        if used > 1 {
            value = lines.name(index, &value);
        }
        values.push(value);
    }
    let last = values.pop().unwrap_or_default();
    let flatten = if graph.is_flat(graph.last()) { "" } else { ".flatten(1)" };
    lines.statements.push(format!("return {last}{flatten}"));
    lines.statements
}

/// The statements so far.
struct Lines {
    /// Whether later statements use values again, so that each needs its own name.
    branches: bool,
    statements: Vec<String>,
}

impl Lines {
    /// Returns a name for the value of the node at index `index`; adds a statement unless the value is a name.
    fn name(&mut self, index: usize, value: &str) -> String {
        if value.chars().all(|c| c.is_ascii_alphanumeric()) {
            return value.to_owned();
        }
        let name = if self.branches { format!("x{index}") } else { "x".to_owned() };
        self.statements.push(format!("{name} = {value}"));
        name
    }
}

/// Returns whether a statement begins with the operation.
fn begins_a_line(operation: &Operation) -> bool {
    match operation {
        Operation::Layer(layer) => module(layer).is_some() || layer.op == Op::Standardize,
        Operation::Prepare(_) | Operation::Add => true,
        Operation::Pixels | Operation::Crop { .. } | Operation::Resize | Operation::Scale(_) => false,
    }
}

/// Returns the expression of a node from the expressions of its inputs.
fn expression(node: &Node, graph: &Graph, taken: &[String], flat: bool) -> String {
    let [_, height, width] = node.output;
    let x = taken.first().map_or("x", String::as_str);
    match &node.operation {
        Operation::Pixels => "x".into(),
        Operation::Crop { row, column } => format!("{x}[:, :, {row}:{}, {column}:{}]", row + height, column + width),
        Operation::Resize => format!("F.interpolate({x}, ({height}, {width}), mode=\"bilinear\", align_corners=False)"),
        // mien also multiplies by this rounded quotient.
        Operation::Scale(factor) => format!("{x} * {factor:?}"),
        Operation::Prepare(preprocessing) => prepare(x, graph.image()[0] == 1, *preprocessing),
        Operation::Add => taken.join(" + "),
        Operation::Layer(layer) => match layer.op {
            Op::Convolution { .. } | Op::BatchNorm { .. } => format!("self.{}({x})", layer.name),
            Op::Dense { .. } if flat => format!("self.{}({x})", layer.name),
            Op::Dense { .. } => format!("self.{}({x}.flatten(1))", layer.name),
            Op::Relu => format!("F.relu({x})"),
            Op::MaxPool { size } => format!("F.max_pool2d({x}, {size})"),
            Op::Standardize => format!("standardize({x})"),
            Op::GlobalAverage => format!("{x}.mean((2, 3), keepdim=True)"),
            Op::Flatten if flat => x.to_owned(),
            Op::Flatten => format!("{x}.flatten(1)"),
            Op::Dropout { rate } => format!("F.dropout({x}, {rate:?}, self.training)"),
        },
    }
}

/// Returns the expression of the preprocessing of a base.
fn prepare(x: &str, gray: bool, Preprocessing { order, scale, mean, deviation }: Preprocessing) -> String {
    let channels = match (gray, order) {
        (true, _) => ".expand(-1, 3, -1, -1)",
        (false, ChannelOrder::Bgr) => ".flip(1)",
        (false, ChannelOrder::Rgb) => "",
    };
    let tensor = |values: [f32; 3]| format!("x.new_tensor({values:?}).view(3, 1, 1)").replace("x.", &format!("{x}."));
    format!("({x}{channels} * {scale:?} - {}) / {}", tensor(mean), tensor(deviation))
}

/// Returns the source of `standardize`, or nothing where no layer needs it.
fn helper(graph: &Graph) -> &'static str {
    if graph.layers().all(|layer| layer.op != Op::Standardize) {
        return "";
    }
    r"

def standardize(x):
    x = x - x.mean((1, 2, 3), keepdim=True)
    deviation = x.square().mean((1, 2, 3), keepdim=True).sqrt()
    return x / deviation.clamp(min=x[0].numel() ** -0.5)
"
}
