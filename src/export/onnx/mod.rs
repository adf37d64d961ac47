//! ONNX: raw pixels in, logits and probabilities out. Opset 18, by which onnxruntime 1.14 and all later ones compute.

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

/// The version of the format, and of the set of operators.
const IR_VERSION: i64 = 8;
const OPERATORS: i64 = 18;

/// The names of input and outputs.
pub const PIXELS: &str = "pixels";
/// See [`PIXELS`].
pub const LOGITS: &str = "logits";
/// See [`PIXELS`].
pub const PROBABILITIES: &str = "probabilities";

/// The file of a network: f32 N×C×H×W pixels from 0 to 255 as `pixels`, `logits` and `probabilities` f32 N×classes.
#[must_use]
pub fn file(network: &TrainedNetwork) -> Vec<u8> {
    model(network).encode_to_vec()
}

fn model(TrainedNetwork { graph, arrays, about }: &TrainedNetwork) -> Model {
    let mut nodes = Nodes::default();
    for (place, Node { operation, inputs, .. }) in graph.nodes.iter().enumerate() {
        nodes.add(graph, place, operation, inputs, arrays);
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

/// An input or output of this name: f32, any number of images, then these axes.
fn value(name: &str, axes: &[usize], words: &str) -> Value {
    let images = Dimension { length: Some(Length::Any("images".into())) };
    let fixed = axes.iter().map(|axis| Dimension { length: Some(Length::Fixed(signed(*axis))) });
    let dim = std::iter::once(images).chain(fixed).collect();
    let tensor_type = TensorType { elem_type: kind::F32, shape: Some(Shape { dim }) };
    Value { name: name.into(), r#type: Some(Type { tensor_type: Some(tensor_type) }), doc_string: words.into() }
}

/// A constant of 32-bit floats.
fn floats(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Tensor { dims: shape.iter().map(|side| signed(*side)).collect(), data_type: kind::F32, name: name.into(), raw_data }
}

/// A constant list of integers.
fn integers(name: &str, values: &[usize]) -> Tensor {
    let raw_data = values.iter().flat_map(|value| signed(*value).to_le_bytes()).collect();
    Tensor { dims: vec![signed(values.len())], data_type: kind::I64, name: name.into(), raw_data }
}

/// A length as the format has it.
fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
