//! A trained network from raw pixels to logits, as operations that every framework has.
//!
//! Crop, resizing, scaling and preprocessing are part of the graph. Otherwise every program would have to repeat them,
//! and a difference would give wrong predictions.

use crate::data::images::SCALE;
use crate::domain::Preprocessing;
use crate::domain::network::{Op, ResolvedLayer, ResolvedNetwork};

/// An operation on maps `[channels, height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// The pixels of images, 0 to 255; colours as red, green, blue.
    Pixels,
    /// The part of the image whose upper left corner is at this row and column, of the size of the output.
    Crop {
        /// First row.
        row: usize,
        /// First column.
        column: usize,
    },
    /// Bilinear sampling to the size of the output: half-pixel centres, nearest pixel beyond the edge, no smoothing.
    Resize,
    /// The product of every number and this factor.
    Scale(f32),
    /// Three channels as a base takes them; gray becomes three equal ones first.
    Prepare(Preprocessing),
    /// A layer of the network.
    Layer(ResolvedLayer),
    /// The sum of two inputs.
    Add,
}

/// An operation with its inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The unique name: letters, digits and dots.
    pub name: String,
    /// The operation.
    pub operation: Operation,
    /// The indices of the nodes whose outputs are the inputs.
    pub inputs: Vec<usize>,
    /// Channels, height and width of the output; height and width of flat outputs are 1.
    pub output: [usize; 3],
}

/// Operations in an order in which they can be computed. The first is [`Operation::Pixels`], the last gives the logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// The operations.
    pub nodes: Vec<Node>,
    /// The prefix of the names of pretrained layers; empty where no layer is pretrained.
    pub prefix: &'static str,
}

impl Graph {
    /// Builds the graph for stored images `[channels, height, width]`, with the preparation of images in front.
    ///
    /// Images of another size than the network's input are resized for a base and else cropped.
    #[must_use]
    pub fn new(resolved: &ResolvedNetwork, image: [usize; 3], preprocessing: Option<Preprocessing>) -> Self {
        let pixels = Node { name: "pixels".into(), operation: Operation::Pixels, inputs: Vec::new(), output: image };
        let prefix = resolved.architecture.pretrained.map_or("", |pretrained| pretrained.prefix);
        let mut graph = Self { nodes: vec![pixels], prefix };
        let ([channels, height, width], [_, rows, columns]) = (image, resolved.input);
        let seen = [channels, rows, columns];
        if image != seen {
            let (name, operation) = match preprocessing {
                None => ("crop", Operation::Crop { row: (height - rows) / 2, column: (width - columns) / 2 }),
                Some(_) => ("resize", Operation::Resize),
            };
            graph.push(name, operation, seen);
        }
        graph.push("scale", Operation::Scale(SCALE), seen);
        if let Some(preprocessing) = preprocessing {
            graph.push("preprocessing", Operation::Prepare(preprocessing), resolved.input);
        }
        for unit in &resolved.units {
            let start = graph.last();
            graph.chain(&unit.body);
            if let Some(shortcut) = &unit.shortcut {
                graph.join(start, shortcut);
            }
        }
        graph
    }

    /// Returns channels, height and width of the input images.
    #[must_use]
    pub fn image(&self) -> [usize; 3] {
        self.nodes[0].output
    }

    /// Returns the number of logits.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.nodes[self.last()].output[0]
    }

    /// Returns the index of the last node.
    #[must_use]
    pub fn last(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Returns the layers in the order of nodes.
    pub fn layers(&self) -> impl Iterator<Item = &ResolvedLayer> {
        self.nodes.iter().filter_map(|node| match &node.operation {
            Operation::Layer(layer) => Some(layer),
            _ => None,
        })
    }

    /// Returns whether the output of the node at index `index` is `[n, features]` in frameworks, and not maps.
    #[must_use]
    pub fn is_flat(&self, index: usize) -> bool {
        let Node { operation, inputs, .. } = &self.nodes[index];
        match operation {
            Operation::Layer(layer) => match layer.op {
                Op::Flatten | Op::Dense { .. } => true,
                Op::Relu | Op::Dropout { .. } => inputs.first().is_some_and(|input| self.is_flat(*input)),
                Op::Convolution { .. }
                | Op::BatchNorm { .. }
                | Op::MaxPool { .. }
                | Op::Standardize
                | Op::GlobalAverage => false,
            },
            Operation::Add => inputs.iter().any(|input| self.is_flat(*input)),
            Operation::Pixels
            | Operation::Crop { .. }
            | Operation::Resize
            | Operation::Scale(_)
            | Operation::Prepare(_) => false,
        }
    }

    /// Appends an operation on the last node's output.
    fn push(&mut self, name: &str, operation: Operation, output: [usize; 3]) {
        let inputs = vec![self.last()];
        self.nodes.push(Node { name: name.into(), operation, inputs, output });
    }

    fn chain(&mut self, layers: &[ResolvedLayer]) {
        for layer in layers {
            self.push(&layer.name, Operation::Layer(layer.clone()), layer.output);
        }
    }

    /// Appends the branch `shortcut`, which starts at node `start`, and its sum with the last node's output.
    fn join(&mut self, start: usize, shortcut: &[ResolvedLayer]) {
        let body = self.last();
        let mut beside = start;
        for layer in shortcut {
            let operation = Operation::Layer(layer.clone());
            self.nodes.push(Node { name: layer.name.clone(), operation, inputs: vec![beside], output: layer.output });
            beside = self.last();
        }
        let Node { name, output, .. } = &self.nodes[body];
        let (name, output) = (format!("{name}.sum"), *output);
        self.nodes.push(Node { name, operation: Operation::Add, inputs: vec![body, beside], output });
    }
}
