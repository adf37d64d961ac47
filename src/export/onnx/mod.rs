//! ONNX: raw pixels in, logits and probabilities out. Opset 18 needs onnxruntime 1.14 or later.

pub mod messages;
mod nodes;

use prost::Message;

use self::messages::{
    Dimension, Entry, Graph, Length, Model, OperatorSet, Shape, Tensor, TensorType, Type, Value, kind,
};
use self::nodes::Nodes;
use super::graph::Node;
use super::trained::TrainedNetwork;
use crate::domain::exported::ENTRY;

/// The versions of the format and of the set of operators.
const IR_VERSION: i64 = 8;
const OPERATORS: i64 = 18;

/// The name of the input.
pub const PIXELS: &str = "pixels";
/// The name of the output with logits.
pub const LOGITS: &str = "logits";
/// The name of the output with probabilities.
pub const PROBABILITIES: &str = "probabilities";

/// Returns the file of a network. Input `pixels` f32 `[n, channels, height, width]` from 0 to 255, outputs `logits` and
/// `probabilities` f32 `[n, classes]`.
#[must_use]
pub fn file(network: &TrainedNetwork) -> Vec<u8> {
    model(network).encode_to_vec()
}

fn model(TrainedNetwork { graph, arrays, about }: &TrainedNetwork) -> Model {
    let mut nodes = Nodes::default();
    for (index, Node { operation, inputs, .. }) in graph.nodes.iter().enumerate() {
        nodes.add(graph, index, operation, inputs, arrays);
    }
    nodes.finish(graph, [LOGITS, PROBABILITIES]);
    let words = format!("{} of run {}, trained on {}", about.network, about.run, about.dataset);
    let [channels, height, width] = graph.image();
    let classes = format!("one of each class, in this order: {}", about.classes.join(", "));
    let input = value(PIXELS, &[channels, height, width], &about.input);
    let output = |name: &str| value(name, &[graph.classes()], &classes);
    let entry = |(key, value): (String, String)| Entry { key, value };
    let whole = Entry { key: ENTRY.into(), value: about.json() };
    Model {
        ir_version: IR_VERSION,
        producer_name: "mien".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: words,
        graph: Some(Graph {
            node: nodes.list,
            name: about.network.clone(),
            initializer: nodes.constants,
            input: vec![input],
            output: vec![output(LOGITS), output(PROBABILITIES)],
        }),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPERATORS }],
        metadata_props: about.entries().into_iter().map(entry).chain([whole]).collect(),
    }
}

/// Returns an input or output: f32, any number of images, then these axes.
fn value(name: &str, axes: &[usize], words: &str) -> Value {
    let images = Dimension { length: Some(Length::Any("images".into())) };
    let fixed = axes.iter().map(|axis| Dimension { length: Some(Length::Fixed(signed(*axis))) });
    let dim = std::iter::once(images).chain(fixed).collect();
    let tensor_type = TensorType { elem_type: kind::F32, shape: Some(Shape { dim }) };
    Value { name: name.into(), r#type: Some(Type { tensor_type: Some(tensor_type) }), doc_string: words.into() }
}

/// Returns a constant of 32-bit floats.
fn floats(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Tensor { dims: shape.iter().map(|side| signed(*side)).collect(), data_type: kind::F32, name: name.into(), raw_data }
}

/// Returns a constant list of integers.
fn integers(name: &str, values: &[usize]) -> Tensor {
    let raw_data = values.iter().flat_map(|value| signed(*value).to_le_bytes()).collect();
    Tensor { dims: vec![signed(values.len())], data_type: kind::I64, name: name.into(), raw_data }
}

/// Returns a length as the signed integer of the format.
fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
