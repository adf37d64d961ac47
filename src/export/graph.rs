//! A trained network from raw pixels to logits, as operations that every framework has.
//!
//! What stands before the network's own layers (crop, resizing, scaling, preprocessing) is part of it, so that whoever
//! has the graph needs to know nothing else of the images.

use crate::data::images::SCALE;
use crate::domain::Preprocessing;
use crate::domain::network::{Op, Resolved, ResolvedLayer};

/// What a node computes on maps `[channels, height, width]` of numbers.
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
    /// Bilinear sampling to the size of the output: half-pixel centres, the nearest pixel beyond the edge, no smoothing.
    Resize,
    /// Every number times this.
    Scale(f32),
    /// Three channels as a pretrained base takes them; gray becomes three equal ones first.
    Prepare(Preprocessing),
    /// A layer of the network.
    Layer(ResolvedLayer),
    /// The sum of two inputs.
    Add,
}

/// One operation, and what it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// A name that no other node has: letters, digits and dots.
    pub name: String,
    /// What it computes.
    pub operation: Operation,
    /// The nodes whose outputs it takes, by their places.
    pub inputs: Vec<usize>,
    /// Channels, height and width of its output; of flat ones height and width are 1.
    pub output: [usize; 3],
}

/// Operations in an order in which they can be computed. The first is [`Operation::Pixels`], the last gives the logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// The operations.
    pub nodes: Vec<Node>,
    /// What stands before the names of pretrained layers; empty where nothing is pretrained.
    pub prefix: &'static str,
}

impl Graph {
    /// The network with everything that a run puts before it, for stored images `[channels, height, width]`.
    ///
    /// Images that are larger than the network's input are cropped where nothing is pretrained, and else resized.
    #[must_use]
    pub fn new(resolved: &Resolved, image: [usize; 3], preprocessing: Option<Preprocessing>) -> Self {
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

    /// Channels, height and width of the images that it takes.
    #[must_use]
    pub fn image(&self) -> [usize; 3] {
        self.nodes[0].output
    }

    /// How many logits it gives.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.nodes[self.last()].output[0]
    }

    /// The place of the last node.
    #[must_use]
    pub fn last(&self) -> usize {
        self.nodes.len() - 1
    }

    /// The layers, in the order of nodes.
    pub fn layers(&self) -> impl Iterator<Item = &ResolvedLayer> {
        self.nodes.iter().filter_map(|node| match &node.operation {
            Operation::Layer(layer) => Some(layer),
            _ => None,
        })
    }

    /// Whether the output of a node is `[n, features]` and no maps, as frameworks have it.
    #[must_use]
    pub fn is_flat(&self, place: usize) -> bool {
        let Node { operation, inputs, .. } = &self.nodes[place];
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

    /// Adds the branch `shortcut`, which begins behind node `start`, to the last node's output.
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
