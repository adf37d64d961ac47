//! The layer table for people.

use serde::Serialize;

use super::{Cut, Op, ResolvedLayer, ResolvedNetwork};

/// A row of the layer table: one or more layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerRow {
    /// The operations, as text.
    pub name: String,
    /// The output shape `[channels, height, width]`; flat outputs have height and width 1.
    pub output: [usize; 3],
    /// The number of parameters.
    pub parameters: usize,
    /// Multiply-adds for one image.
    pub multiply_adds: u64,
    /// Whether the layers stay as imported.
    pub frozen: bool,
}

impl ResolvedNetwork {
    /// Returns the layer table. Activations and dropout share the row of the layer before them; a stage of several
    /// convolutions is one row.
    #[must_use]
    pub fn table(&self, cut: Cut) -> Vec<LayerRow> {
        let mut rows: Vec<LayerRow> = Vec::new();
        let mut done = 0;
        for (stage, described) in self.architecture.stages.iter().enumerate() {
            let count = self.units[done..].iter().take_while(|unit| unit.stage == stage).count();
            let units = done..done + count;
            done += count;
            let frozen = cut.frozen().contains(&units.start) && stage + 1 < self.architecture.stages.len();
            let layers: Vec<&ResolvedLayer> = self.layers_of(units.clone()).collect();
            let convolutions = layers.iter().filter(|layer| matches!(layer.op, Op::Convolution { .. })).count();
            if convolutions > 1 {
                let output = self.units[units.end - 1].output();
                let parameters = layers.iter().map(|layer| layer.parameters()).sum();
                let multiply_adds = layers.iter().map(|layer| layer.multiply_adds).sum();
                let name = format!("{}, {convolutions}× {}", described.name, kernels(&layers));
                rows.push(LayerRow { name, output, parameters, multiply_adds, frozen });
                continue;
            }
            layers.into_iter().for_each(|layer| add(&mut rows, layer, frozen));
        }
        if let Some(last) = rows.last_mut() {
            last.name.push_str(", softmax");
        }
        rows
    }
}

/// Returns the kernels of a stage's convolutions as text.
fn kernels(layers: &[&ResolvedLayer]) -> String {
    let sides = layers.iter().filter_map(|layer| match layer.op {
        Op::Convolution { kernel, .. } => Some(kernel),
        _ => None,
    });
    let (mut least, mut most) = (usize::MAX, 0);
    sides.for_each(|side| (least, most) = (least.min(side), most.max(side)));
    if least == most { format!("conv {most}×{most}") } else { format!("conv {least}×{least} to {most}×{most}") }
}

fn add(rows: &mut Vec<LayerRow>, layer: &ResolvedLayer, frozen: bool) {
    let row = |name: String| LayerRow {
        name,
        output: layer.output,
        parameters: layer.parameters(),
        multiply_adds: layer.multiply_adds,
        frozen: frozen && !layer.tensors.is_empty(),
    };
    let name = match layer.op {
        Op::Convolution { kernel, .. } => format!("convolution {kernel}×{kernel}"),
        Op::MaxPool { size } => format!("max pool {size}×{size}"),
        Op::GlobalAverage => "global average pool".into(),
        Op::Dense { .. } => "dense".into(),
        Op::BatchNorm { .. } => "BN".into(),
        Op::Relu => "ReLU".into(),
        Op::Standardize => "standardize".into(),
        Op::Flatten => "flatten".into(),
        Op::Dropout { .. } => "dropout".into(),
    };
    let after_dense = rows.last().is_some_and(|row| row.name.starts_with("dense"));
    let stands_alone = match layer.op {
        Op::Convolution { .. } | Op::MaxPool { .. } | Op::Standardize | Op::GlobalAverage | Op::Dense { .. } => true,
        Op::Dropout { .. } => !after_dense,
        Op::BatchNorm { .. } | Op::Relu | Op::Flatten => false,
    };
    // A trained layer in the row of a frozen one would be shown as frozen.
    match rows.last_mut().filter(|before| !stands_alone && (frozen || !before.frozen)) {
        Some(before) => {
            before.name = format!("{}, {name}", before.name);
            before.output = layer.output;
            before.parameters += layer.parameters();
        }
        None => rows.push(row(name)),
    }
}
