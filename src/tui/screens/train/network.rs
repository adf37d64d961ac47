//! The table of the layers of the network that a recipe trains.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::Recipe;
use crate::domain::network::LayerRow;
use crate::tui::library::DatasetView;
use crate::tui::state::State;
use crate::tui::widgets::number_text::thousands;
use crate::tui::widgets::paint::{Pen, draw_rule};

/// Returns the input and the layers; none where the images are too small for the network.
fn rows(dataset: &DatasetView, recipe: &Recipe) -> Vec<LayerRow> {
    let image = [dataset.height, dataset.width, dataset.channels].map(|side| side as usize);
    let Ok(network) = recipe.resolve(image, dataset.classes.len()) else { return Vec::new() };
    let Ok(cut) = network.cut(recipe.trained_stages()) else { return Vec::new() };
    let kind = recipe.transfer.as_ref().map_or_else(|| "0 to 1".to_owned(), |transfer| transfer.weights.to_string());
    let (name, output) = (format!("input, {kind}"), network.input);
    let input = LayerRow { name, output, parameters: 0, multiply_adds: 0, frozen: false };
    std::iter::once(input).chain(network.table(cut)).collect()
}

/// Returns `24×24×32`, or the width of a flat output.
fn shape([channels, height, width]: [usize; 3]) -> String {
    if height * width == 1 { thousands(channels) } else { format!("{width}×{height}×{channels}") }
}

/// Draws the layers if they fit.
pub(super) fn render(state: &State, dataset: &DatasetView, recipe: &Recipe, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let layers = rows(dataset, recipe);
    // The three further lines are the rule, the heading and the total.
    if layers.is_empty() || usize::from(area.height) < layers.len() + 3 {
        return;
    }
    let name = match &recipe.transfer {
        None => format!("the network {}", recipe.network_name()),
        Some(_) => format!("the network of {}", recipe.strategy),
    };
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[(&name, theme.strong())], "");
    let mut line = |row: u16, cells: [&str; 4], style| {
        Pen::new(buffer, theme, area, row)
            .skip(2)
            .left(cells[0], 23, style)
            .right(cells[1], 11, style)
            .right(cells[2], 11, style)
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
        line(row, [&layer.name, &shape(layer.output), &parameters, word], style);
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
            let layers = rows(&fixtures::fer2013(), &Recipe::sample(strategy));
            let sum = |frozen: bool| -> usize {
                layers.iter().filter(|layer| layer.frozen == frozen).map(|layer| layer.parameters).sum()
            };
            (sum(true), sum(false))
        });
        assert_eq!(counts, [(0, 83_335), (0, 1_165_159), (14_714_688, 133_127), (7_635_264, 7_212_551)]);
    }
}
