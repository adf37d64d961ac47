//! The layers of the network that a recipe trains.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::vgg16::{self, Block};
use crate::domain::{Recipe, Transfer};
use crate::tui::state::{DatasetView, State};
use crate::tui::widgets::figures::thousands;
use crate::tui::widgets::paint::{Pen, rule};

/// One layer, or a block of them: what it is, its output, its parameters, and whether they are frozen.
struct Layer {
    name: String,
    output: String,
    parameters: usize,
    frozen: bool,
}

fn layer(name: impl Into<String>, output: String, parameters: usize) -> Layer {
    Layer { name: name.into(), output, parameters, frozen: false }
}

fn layers(dataset: &DatasetView, recipe: &Recipe) -> Vec<Layer> {
    match &recipe.transfer {
        None => cnn(dataset),
        Some(transfer) => on_base(dataset, transfer),
    }
}

/// The layers of the `cnn` strategy on this dataset.
fn cnn(dataset: &DatasetView) -> Vec<Layer> {
    let (width, height) = (dataset.width as usize, dataset.height as usize);
    let (channels, classes) = (dataset.channels as usize, dataset.classes.len());
    let image = |by: usize, channels: usize| format!("{}×{}×{channels}", width / by, height / by);
    let flat = (width / 4) * (height / 4) * 64;
    vec![
        layer("input, 0 to 1", image(1, channels), 0),
        layer("convolution 3×3, ReLU", image(1, 32), 9 * channels * 32 + 32),
        layer("max pool 2×2", image(2, 32), 0),
        layer("convolution 3×3, ReLU", image(2, 64), 9 * 32 * 64 + 64),
        layer("max pool 2×2, flatten", thousands(flat), 0),
        layer("dense, softmax", thousands(classes), flat * classes + classes),
    ]
}

/// The blocks of the pretrained base, then the head.
fn on_base(dataset: &DatasetView, transfer: &Transfer) -> Vec<Layer> {
    let (size, classes) = (transfer.size as usize, dataset.classes.len());
    let output = |side: usize, channels: usize| format!("{side}×{side}×{channels}");
    let mut layers = vec![layer(format!("input, {}", transfer.weights), output(size, vgg16::INPUT_CHANNELS), 0)];
    layers.extend(Block::ALL.map(|block| Layer {
        frozen: transfer.unfrozen().is_none_or(|lowest| block < lowest),
        ..layer(
            format!("{block}, {}× conv 3×3", block.convolutions()),
            output(block.side(size), block.channels()),
            block.parameters(),
        )
    }));
    let hidden = (vgg16::FEATURES + 1) * vgg16::HIDDEN;
    layers.push(layer("global average pool", thousands(vgg16::FEATURES), 0));
    layers.push(layer("dense, ReLU, dropout", thousands(vgg16::HIDDEN), hidden));
    layers.push(layer("dense, softmax", thousands(classes), vgg16::head_parameters(classes) - hidden));
    layers
}

/// Draws the layers, if they fit.
pub(super) fn render(state: &State, dataset: &DatasetView, recipe: &Recipe, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let layers = layers(dataset, recipe);
    // The rule, the heading and the total.
    if usize::from(area.height) < layers.len() + 3 {
        return;
    }
    let name = match &recipe.transfer {
        None => "the network".to_owned(),
        Some(_) => format!("the network of {}", recipe.strategy),
    };
    rule(buffer, theme, Rect { height: 1, ..area }, &[(&name, theme.strong())], "");
    let mut line = |row: u16, cells: [&str; 4], style| {
        Pen::new(buffer, theme, area, row)
            .skip(2)
            .left(cells[0], 21, style)
            .right(cells[1], 12, style)
            .right(cells[2], 12, style)
            .skip(2)
            .write(cells[3], style);
    };
    line(1, ["LAYER", "OUTPUT", "PARAMETERS", ""], theme.dim());
    let mut row = 2;
    for layer in &layers {
        let parameters = if layer.parameters == 0 { "–".into() } else { thousands(layer.parameters) };
        let (word, style) = match (&recipe.transfer, layer.parameters, layer.frozen) {
            (None, ..) | (_, 0, _) => ("", theme.text()),
            (_, _, true) => ("frozen", theme.dim()),
            (_, _, false) => ("trained", theme.text()),
        };
        line(row, [&layer.name, &layer.output, &parameters, word], style);
        row += 1;
    }
    let total: usize = layers.iter().map(|layer| layer.parameters).sum();
    line(row, ["total", "", &thousands(total), ""], theme.strong());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Strategy;
    use crate::tui::tests::fixtures;

    #[test]
    fn the_networks_have_the_references_parameters() {
        let counts = Strategy::ALL.map(|strategy| {
            let layers = layers(&fixtures::fer2013(), &Recipe::sample(strategy));
            let sum = |frozen: bool| -> usize {
                layers.iter().filter(|layer| layer.frozen == frozen).map(|layer| layer.parameters).sum()
            };
            (sum(true), sum(false))
        });
        assert_eq!(counts, [(0, 83_335), (14_714_688, 133_127), (7_635_264, 7_212_551)]);
    }
}
