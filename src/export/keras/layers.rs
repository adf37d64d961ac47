//! From operations of the graph to layers of Keras, which have channels last.

use serde_json::{Map, Value, json};

use crate::domain::network::{Op, ResolvedLayer};
use crate::domain::{Array, Arrays, ChannelOrder, Preprocessing};
use crate::export::graph::{Graph, Node, Operation};

/// A layer and its tensors.
#[derive(Debug)]
pub(super) struct Layer {
    /// The name of the class in `keras.layers`.
    pub(super) class: &'static str,
    pub(super) name: String,
    settings: Map<String, Value>,
    /// The indices of its input layers.
    inputs: Vec<usize>,
    /// The shape of the output without the batch.
    shape: Vec<usize>,
    /// The tensors in Keras's order and layout.
    pub(super) tensors: Vec<Array>,
}

/// Layers in an order of computation, from images to probabilities.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) layers: Vec<Layer>,
    /// The index of the output layer of each operation of the graph.
    output_layers: Vec<usize>,
}

/// Returns a shape `[channels, height, width]` with channels last.
fn last([channels, height, width]: [usize; 3]) -> Vec<usize> {
    vec![height, width, channels]
}

impl Model {
    /// Builds the layers of a network.
    pub(super) fn new(graph: &Graph, arrays: &Arrays) -> Self {
        let mut model = Self::default();
        for (index, node) in graph.nodes.iter().enumerate() {
            let at = model.operation(graph, index, node, arrays);
            model.output_layers.push(at);
        }
        let logits = model.output_layers[graph.last()];
        let logits = model.flat(graph.is_flat(graph.last()), logits, graph.nodes[graph.last()].output, "logits");
        model.add("Softmax", "probabilities", json!({ "axis": -1 }), &[logits], vec![graph.classes()]);
        model
    }

    /// Adds a layer and returns its index.
    fn add(&mut self, class: &'static str, name: &str, settings: Value, inputs: &[usize], shape: Vec<usize>) -> usize {
        let Value::Object(settings) = settings else { unreachable!("settings are objects") };
        // A name with a dot is no valid attribute.
        let (name, inputs) = (name.replace('.', "_"), inputs.to_vec());
        self.layers.push(Layer { class, name, settings, inputs, shape, tensors: Vec::new() });
        self.layers.len() - 1
    }

    /// Adds an operation of the graph and returns the index of its output layer.
    fn operation(&mut self, graph: &Graph, index: usize, node: &Node, arrays: &Arrays) -> usize {
        let (name, output) = (node.name.as_str(), node.output);
        let [_, height, width] = output;
        let inputs: Vec<usize> = node.inputs.iter().map(|input| self.output_layers[*input]).collect();
        let flat = node.inputs.first().is_some_and(|input| graph.is_flat(*input));
        match &node.operation {
            Operation::Pixels => {
                let shape: Vec<Option<usize>> =
                    std::iter::once(None).chain(last(output).into_iter().map(Some)).collect();
                self.add("InputLayer", name, json!({ "batch_shape": shape }), &[], last(output))
            }
            Operation::Crop { row, column } => {
                let [_, rows, columns] = graph.nodes[node.inputs[0]].output;
                let around = [[*row, rows - row - height], [*column, columns - column - width]];
                self.add("Cropping2D", name, json!({ "cropping": around }), &inputs, last(output))
            }
            Operation::Resize => {
                let settings = json!({ "height": height, "width": width, "interpolation": "bilinear" });
                self.add("Resizing", name, settings, &inputs, last(output))
            }
            Operation::Scale(factor) => {
                self.add("Rescaling", name, json!({ "scale": factor, "offset": 0.0 }), &inputs, last(output))
            }
            Operation::Prepare(preprocessing) => {
                self.prepare(name, inputs[0], graph.nodes[node.inputs[0]].output, *preprocessing)
            }
            Operation::Layer(layer) => {
                let at = self.layer(layer, graph.prefix, inputs[0], flat);
                self.layers[at].tensors.extend(tensors(layer, arrays));
                at
            }
            Operation::Add => {
                let shape = if graph.is_flat(index) { vec![output[0]] } else { last(output) };
                let both = node.inputs.iter().zip(&inputs).enumerate();
                let same: Vec<usize> = both
                    .map(|(number, (input, at))| {
                        let flat = graph.is_flat(*input) || !graph.is_flat(index);
                        self.flat(flat, *at, output, &format!("{name}.flat{number}"))
                    })
                    .collect();
                self.add("Add", name, json!({}), &same, shape)
            }
        }
    }

    /// Flattens maps in channel, row, column order, unless they are `flat` already; returns the layer's index.
    fn flat(&mut self, flat: bool, at: usize, [channels, height, width]: [usize; 3], name: &str) -> usize {
        if flat {
            return at;
        }
        let permuted = format!("{name}.channels_first");
        let first = vec![channels, height, width];
        let at = self.add("Permute", &permuted, json!({ "dims": [3, 1, 2] }), &[at], first);
        self.add("Flatten", name, json!({}), &[at], vec![channels * height * width])
    }

    /// Adds the preprocessing of a base as an untrained dense layer on the channels of each pixel. Keras has
    /// no layer that reverses channels.
    fn prepare(&mut self, name: &str, at: usize, input: [usize; 3], preprocessing: Preprocessing) -> usize {
        let Preprocessing { order, scale, mean, deviation } = preprocessing;
        let [channels, height, width] = input;
        let source = |output: usize| match (channels, order) {
            (1, _) => 0,
            (_, ChannelOrder::Rgb) => output,
            (_, ChannelOrder::Bgr) => 2 - output,
        };
        let factor =
            |input: usize, output: usize| if source(output) == input { scale / deviation[output] } else { 0.0 };
        let kernel = (0..channels).flat_map(|input| (0..3).map(move |output| (input, output)));
        let kernel = kernel.map(|(input, output)| factor(input, output)).collect();
        let bias = (0..3).map(|output| -mean[output] / deviation[output]).collect();
        let settings = json!({ "units": 3, "trainable": false });
        let at = self.add("Dense", name, settings, &[at], vec![height, width, 3]);
        self.layers[at].tensors =
            vec![Array { shape: vec![channels, 3], values: kernel }, Array { shape: vec![3], values: bias }];
        at
    }

    /// Adds a layer on the output of the layer at index `at`, which is `flat` or maps; returns its index.
    fn layer(&mut self, layer: &ResolvedLayer, prefix: &str, at: usize, flat: bool) -> usize {
        // Without the prefix, because the import of weights finds pretrained layers by their bare names.
        let name = layer.name.strip_prefix(prefix).unwrap_or(&layer.name);
        let (output, same) = (layer.output, self.layers[at].shape.clone());
        match layer.op {
            Op::Convolution { kernel, stride, outputs, bias } => {
                let at = self.pad(name, at, kernel / 2, stride);
                let padding = if stride == 1 { "same" } else { "valid" };
                let settings = json!({
                    "filters": outputs, "kernel_size": [kernel, kernel], "strides": [stride, stride],
                    "padding": padding, "use_bias": bias,
                });
                self.add("Conv2D", name, settings, &[at], last(output))
            }
            Op::BatchNorm { epsilon, momentum } => {
                // Keras's momentum is the share of the old value, ours that of the new one.
                let settings = json!({ "axis": -1, "epsilon": epsilon, "momentum": 1.0 - f64::from(momentum) });
                self.add("BatchNormalization", name, settings, &[at], last(output))
            }
            Op::Relu => self.add("ReLU", name, json!({}), &[at], same),
            Op::MaxPool { size } => {
                let settings = json!({ "pool_size": [size, size], "strides": [size, size], "padding": "valid" });
                self.add("MaxPooling2D", name, settings, &[at], last(output))
            }
            Op::Standardize => self.standardize(name, at, layer.input),
            Op::GlobalAverage => {
                self.add("GlobalAveragePooling2D", name, json!({ "keepdims": true }), &[at], last(output))
            }
            Op::Flatten => self.flat(flat, at, layer.input, name),
            Op::Dense { .. } => {
                let at = self.flat(flat, at, layer.input, &format!("{name}_flat"));
                self.add("Dense", name, json!({ "units": output[0], "use_bias": true }), &[at], vec![output[0]])
            }
            Op::Dropout { rate } => self.add("Dropout", name, json!({ "rate": rate }), &[at], same),
        }
    }

    /// Adds zeros around maps, because Keras's own padding is uneven for strides above 1.
    fn pad(&mut self, name: &str, at: usize, border: usize, stride: usize) -> usize {
        if stride == 1 || border == 0 {
            return at;
        }
        let [height, width, channels] = self.layers[at].shape[..] else { unreachable!("convolutions are of maps") };
        let shape = vec![height + 2 * border, width + 2 * border, channels];
        self.add("ZeroPadding2D", &format!("{name}.pad"), json!({ "padding": border }), &[at], shape)
    }

    /// Adds layers that compute [`Op::Standardize`] for each image. The centred numbers are divided by their length,
    /// then multiplied by that length but at most 1, and by the root of their count.
    #[allow(clippy::cast_precision_loss)] // of an image
    fn standardize(&mut self, name: &str, at: usize, shape: [usize; 3]) -> usize {
        let count: usize = shape.iter().product();
        let part = |part: &str| format!("{name}.{part}");
        let (column, one) = (vec![count, 1], vec![1, 1]);
        let all = self.add("Reshape", &part("numbers"), json!({ "target_shape": column }), &[at], column.clone());
        let mean = self.add("GlobalAveragePooling1D", &part("mean"), json!({ "keepdims": true }), &[all], one.clone());
        let centred = self.add("Subtract", &part("centred"), json!({}), &[all, mean], column.clone());
        let unit = self.add("UnitNormalization", &part("unit"), json!({ "axis": 1 }), &[centred], column.clone());
        let length = self.add("Dot", &part("length"), json!({ "axes": 1 }), &[unit, centred], one.clone());
        let length = self.add("ReLU", &part("length_below_1"), json!({ "max_value": 1.0 }), &[length], one);
        let scaled = self.add("Multiply", &part("scaled"), json!({}), &[unit, length], column.clone());
        let root = (count as f64).sqrt();
        let whole =
            self.add("Rescaling", &part("deviations"), json!({ "scale": root, "offset": 0.0 }), &[scaled], column);
        self.add("Reshape", name, json!({ "target_shape": last(shape) }), &[whole], last(shape))
    }
}

/// Returns the tensors of a layer in Keras's layout.
fn tensors(layer: &ResolvedLayer, arrays: &Arrays) -> Vec<Array> {
    let tensors = layer.tensors.iter().filter_map(|tensor| arrays.get(&tensor.name));
    match layer.op {
        Op::Convolution { .. } => tensors.map(channels_last).collect(),
        _ => tensors.cloned().collect(),
    }
}

/// Returns a kernel `[out, in, height, width]` as `[height, width, in, out]`, and any other array unchanged.
fn channels_last(array: &Array) -> Array {
    let [outputs, inputs, height, width] = array.shape[..] else { return array.clone() };
    let positions = (0..height * width).flat_map(|at| (0..inputs).map(move |input| (at, input)));
    let offset = |(at, input): (usize, usize), output: usize| (output * inputs + input) * height * width + at;
    let values =
        positions.flat_map(|position| (0..outputs).map(move |output| array.values[offset(position, output)])).collect();
    Array { shape: vec![height, width, inputs, outputs], values }
}

impl Layer {
    /// The indices of its input layers.
    pub(super) fn inputs(&self) -> &[usize] {
        &self.inputs
    }

    /// Returns the layer in the format of Keras's config.
    pub(super) fn json(&self, model: &Model) -> Value {
        let tensor = |index: &usize| {
            let Self { name, shape, .. } = &model.layers[*index];
            let shape: Vec<Option<usize>> = std::iter::once(None).chain(shape.iter().copied().map(Some)).collect();
            let config = json!({ "shape": shape, "dtype": "float32", "keras_history": [name, 0, 0] });
            json!({ "class_name": "__keras_tensor__", "config": config })
        };
        let inputs: Vec<Value> = self.inputs.iter().map(tensor).collect();
        let nodes = match inputs.as_slice() {
            [] => json!([]),
            [one] => json!([{ "args": [one], "kwargs": {} }]),
            several => json!([{ "args": [several], "kwargs": {} }]),
        };
        let mut config = json!({ "name": self.name, "dtype": "float32" });
        if let Some(config) = config.as_object_mut() {
            config.extend(self.settings.clone());
        }
        json!({
            "module": "keras.layers", "class_name": self.class, "registered_name": null,
            "name": self.name, "config": config, "inbound_nodes": nodes,
        })
    }
}
