//! The conversion of the graph's operations to nodes of ONNX.

use super::messages::{Attribute, Node, Tensor, kind};
use super::{PIXELS, floats, integers, signed};
use crate::domain::network::{Op, ResolvedLayer};
use crate::domain::{Array, Arrays, ChannelOrder, Preprocessing};
use crate::export::graph::{Graph, Operation};

/// Nodes and constants so far.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) list: Vec<Node>,
    pub(super) constants: Vec<Tensor>,
    /// The name of the output value of each operation of the graph.
    values: Vec<String>,
}

impl Nodes {
    /// Adds the operation at index `index` of the graph.
    pub(super) fn add(
        &mut self,
        graph: &Graph,
        index: usize,
        operation: &Operation,
        inputs: &[usize],
        arrays: &Arrays,
    ) {
        let node = &graph.nodes[index];
        let (name, [_, height, width]) = (node.name.as_str(), node.output);
        let x: String = inputs.first().map(|input| self.values[*input].clone()).unwrap_or_default();
        let value = match operation {
            Operation::Pixels => PIXELS.to_owned(),
            Operation::Crop { row, column } => {
                let bounds = [("starts", [*row, *column]), ("ends", [row + height, column + width]), ("axes", [2, 3])];
                let bounds = bounds.map(|(part, values)| self.integers(name, part, &values));
                let [starts, ends, axes] = bounds;
                self.node(name, "Slice", &[x, starts, ends, axes], Vec::new())
            }
            Operation::Resize => {
                let sizes = self.integers(name, "sizes", &[height, width]);
                let settings = vec![
                    text("mode", "linear"),
                    text("coordinate_transformation_mode", "half_pixel"),
                    numbers("axes", &[2, 3]),
                ];
                self.node(name, "Resize", &[x, String::new(), String::new(), sizes], settings)
            }
            Operation::Scale(factor) => self.with_constant(name, "Mul", x, &[1], &[*factor]),
            Operation::Prepare(preprocessing) => {
                let gray = graph.nodes[inputs[0]].output[0] == 1;
                self.prepare(name, x, gray, *preprocessing)
            }
            Operation::Layer(layer) => {
                let flat = inputs.first().is_some_and(|input| graph.is_flat(*input));
                self.layer(layer, x, flat, arrays)
            }
            Operation::Add => {
                let both: Vec<String> = inputs.iter().map(|input| self.flattened_as(graph, index, *input)).collect();
                self.node(name, "Add", &both, Vec::new())
            }
        };
        self.values.push(value);
    }

    /// Adds the outputs: the last value as logits, and its softmax.
    pub(super) fn finish(&mut self, graph: &Graph, [logits, probabilities]: [&str; 2]) {
        let last = graph.last();
        let x = self.values[last].clone();
        let operator = if graph.is_flat(last) { "Identity" } else { "Flatten" };
        self.list.push(node(logits, operator, &[x], logits, Vec::new()));
        let axis = vec![integer("axis", 1)];
        self.list.push(node(probabilities, "Softmax", &[logits.to_owned()], probabilities, axis));
    }

    /// Adds the preprocessing of a base and returns the name of its output.
    fn prepare(&mut self, name: &str, x: String, gray: bool, preprocessing: Preprocessing) -> String {
        let Preprocessing { order, scale, mean, deviation } = preprocessing;
        let x = match (gray, order) {
            (true, _) => {
                let three = [x.clone(), x.clone(), x];
                self.node(&format!("{name}.channels"), "Concat", &three, vec![integer("axis", 1)])
            }
            (false, ChannelOrder::Bgr) => {
                let order = self.integers(name, "order", &[2, 1, 0]);
                self.node(&format!("{name}.channels"), "Gather", &[x, order], vec![integer("axis", 1)])
            }
            (false, ChannelOrder::Rgb) => x,
        };
        let x = self.with_constant(&format!("{name}.scale"), "Mul", x, &[1], &[scale]);
        let x = self.with_constant(&format!("{name}.mean"), "Sub", x, &[3, 1, 1], &mean);
        self.with_constant(&format!("{name}.deviation"), "Div", x, &[3, 1, 1], &deviation)
    }

    /// Adds a layer on the value `x`, which is `flat` or maps, and returns the name of its output.
    fn layer(&mut self, layer: &ResolvedLayer, x: String, flat: bool, arrays: &Arrays) -> String {
        let name = layer.name.as_str();
        match layer.op {
            Op::Convolution { kernel, stride, .. } => {
                let settings = vec![
                    numbers("kernel_shape", &[kernel; 2]),
                    numbers("strides", &[stride; 2]),
                    numbers("pads", &[kernel / 2; 4]),
                ];
                let inputs = self.with_tensors(layer, x, arrays);
                self.node(name, "Conv", &inputs, settings)
            }
            Op::BatchNorm { epsilon, .. } => {
                let inputs = self.with_tensors(layer, x, arrays);
                self.node(name, "BatchNormalization", &inputs, vec![float("epsilon", epsilon)])
            }
            Op::Relu => self.node(name, "Relu", &[x], Vec::new()),
            Op::MaxPool { size } => {
                let settings = vec![numbers("kernel_shape", &[size; 2]), numbers("strides", &[size; 2])];
                self.node(name, "MaxPool", &[x], settings)
            }
            Op::Standardize => self.standardize(name, x, layer.input),
            Op::GlobalAverage => self.node(name, "GlobalAveragePool", &[x], Vec::new()),
            Op::Flatten if flat => x,
            Op::Flatten => self.node(name, "Flatten", &[x], Vec::new()),
            Op::Dense { .. } => {
                let x = if flat { x } else { self.node(&format!("{name}.flat"), "Flatten", &[x], Vec::new()) };
                let inputs = self.with_tensors(layer, x, arrays);
                self.node(name, "Gemm", &inputs, Vec::new())
            }
            // Only training drops numbers.
            Op::Dropout { .. } => x,
        }
    }

    /// Adds [`Op::Standardize`], which gives each image mean 0 and variance 1.
    #[allow(clippy::cast_precision_loss)] // of an image
    fn standardize(&mut self, name: &str, x: String, shape: [usize; 3]) -> String {
        let part = |part: &str| format!("{name}.{part}");
        let axes = self.integers(name, "axes", &[1, 2, 3]);
        let mean = self.node(&part("mean"), "ReduceMean", &[x.clone(), axes.clone()], Vec::new());
        let centred = self.node(&part("centred"), "Sub", &[x, mean], Vec::new());
        let squares = self.node(&part("squares"), "Mul", &[centred.clone(), centred.clone()], Vec::new());
        let variance = self.node(&part("variance"), "ReduceMean", &[squares, axes], Vec::new());
        let deviation = self.node(&part("root"), "Sqrt", &[variance], Vec::new());
        let least = (shape.iter().product::<usize>() as f32).sqrt().recip();
        let deviation = self.with_constant(&part("deviation"), "Max", deviation, &[1], &[least]);
        self.node(name, "Div", &[centred, deviation], Vec::new())
    }

    /// Returns the output value of node `input`, flattened where the output of node `index` is flat.
    fn flattened_as(&mut self, graph: &Graph, index: usize, input: usize) -> String {
        let x = self.values[input].clone();
        if graph.is_flat(index) == graph.is_flat(input) {
            return x;
        }
        self.node(&format!("{}.flat{input}", graph.nodes[index].name), "Flatten", &[x], Vec::new())
    }

    /// Returns the inputs of a layer with tensors: `x`, then the tensors, which become constants.
    fn with_tensors(&mut self, layer: &ResolvedLayer, x: String, arrays: &Arrays) -> Vec<String> {
        let mut inputs = vec![x];
        for tensor in &layer.tensors {
            // A trained network has all tensors of its layers.
            if let Some(Array { shape, values }) = arrays.get(&tensor.name) {
                self.constants.push(floats(&tensor.name, shape, values));
                inputs.push(tensor.name.clone());
            }
        }
        inputs
    }

    /// Adds a node that combines `x` with a new constant, and returns the name of its output.
    fn with_constant(&mut self, name: &str, operator: &str, x: String, shape: &[usize], values: &[f32]) -> String {
        let constant = format!("{name}.constant");
        self.constants.push(floats(&constant, shape, values));
        self.node(name, operator, &[x, constant], Vec::new())
    }

    /// Adds a constant list of integers and returns its name.
    fn integers(&mut self, name: &str, part: &str, values: &[usize]) -> String {
        let constant = format!("{name}.{part}");
        self.constants.push(integers(&constant, values));
        constant
    }

    /// Adds a node and returns the name of its output.
    fn node(&mut self, name: &str, operator: &str, inputs: &[String], settings: Vec<Attribute>) -> String {
        let output = format!("{name}.out");
        self.list.push(node(name, operator, inputs, &output, settings));
        output
    }
}

fn node(name: &str, operator: &str, inputs: &[String], output: &str, attribute: Vec<Attribute>) -> Node {
    let (input, output) = (inputs.to_vec(), vec![output.to_owned()]);
    Node { input, output, name: name.to_owned(), op_type: operator.to_owned(), attribute }
}

fn float(name: &str, value: f32) -> Attribute {
    Attribute { name: name.into(), f: Some(value), r#type: kind::FLOAT, ..Attribute::default() }
}

fn integer(name: &str, value: i64) -> Attribute {
    Attribute { name: name.into(), i: Some(value), r#type: kind::INT, ..Attribute::default() }
}

fn text(name: &str, value: &str) -> Attribute {
    Attribute { name: name.into(), s: Some(value.into()), r#type: kind::STRING, ..Attribute::default() }
}

fn numbers(name: &str, values: &[usize]) -> Attribute {
    let ints = values.iter().map(|value| signed(*value)).collect();
    Attribute { name: name.into(), ints, r#type: kind::INTS, ..Attribute::default() }
}
