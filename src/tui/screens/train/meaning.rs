//! What a form amounts to: the network's size, the steps of an epoch, when the run ends.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::{Hyperparameter, Monitor, Recipe};
use crate::tui::state::{DatasetView, State};
use crate::tui::widgets::figures::{count, thousands};
use crate::tui::widgets::paint::{Pen, rule, wrap};

/// One layer of the network: what it is, its output, its parameters.
struct Layer {
    name: &'static str,
    output: String,
    parameters: usize,
}

/// The layers of the `cnn` strategy on this dataset.
fn layers(dataset: &DatasetView) -> Vec<Layer> {
    let (width, height) = (dataset.width as usize, dataset.height as usize);
    let (channels, classes) = (dataset.channels as usize, dataset.classes.len());
    let image = |by: usize, channels: usize| format!("{}×{}×{channels}", width / by, height / by);
    let flat = (width / 4) * (height / 4) * 64;
    let layer = |name, output, parameters| Layer { name, output, parameters };
    vec![
        layer("input, 0 to 1", image(1, channels), 0),
        layer("convolution 3×3, ReLU", image(1, 32), 9 * channels * 32 + 32),
        layer("max pool 2×2", image(2, 32), 0),
        layer("convolution 3×3, ReLU", image(2, 64), 9 * 32 * 64 + 64),
        layer("max pool 2×2, flatten", thousands(flat), 0),
        layer("dense, softmax", thousands(classes), flat * classes + classes),
    ]
}

/// The sentences, for a dataset and settings that are right.
fn sentences(dataset: &DatasetView, recipe: &Recipe) -> Vec<String> {
    let parameters: usize = layers(dataset).iter().map(|layer| layer.parameters).sum();
    let counts = dataset.counts();
    let steps = counts.train.div_ceil(recipe.batch_size.max(1) as usize);
    let better = match recipe.early_stopping.monitor {
        Monitor::ValLoss => "without a lower val loss",
        Monitor::ValAccuracy => "without a higher val accuracy",
    };
    vec![
        format!("{}, all trained; {}", count(parameters, "parameter", "parameters"), classes(dataset)),
        format!(
            "an epoch: {} over {}, then {} to validate on",
            count(steps, "step", "steps"),
            count(counts.train, "image", "images"),
            thousands(counts.validation)
        ),
        format!(
            "ends after {}, or {} in a row {better}",
            count(recipe.epochs as usize, "epoch", "epochs"),
            count(recipe.early_stopping.patience as usize, "epoch", "epochs"),
        ),
        format!("then the best weights are tested on {}", count(counts.test, "image", "images")),
    ]
}

fn classes(dataset: &DatasetView) -> String {
    let kind = if dataset.channels == 1 { "gray" } else { "colour" };
    format!("{}×{} {kind} → {}", dataset.width, dataset.height, count(dataset.classes.len(), "class", "classes"))
}

/// Draws what the form means: sentences, and the layers where there is room.
pub(super) fn render(state: &State, datasets: &[&DatasetView], buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    if area.height < 2 {
        return;
    }
    rule(buffer, theme, Rect { height: 1, ..area }, &[("what this means", theme.strong())], "");
    let Some(dataset) = state.form.chosen(datasets) else {
        Pen::new(buffer, theme, area, 1).skip(2).write("no dataset is chosen", theme.dim());
        return;
    };
    // Settings that are wrong count with their defaults: the error is told elsewhere.
    let mut recipe = Recipe::cnn(dataset.name.clone(), String::new(), 0);
    for setting in Hyperparameter::ALL {
        let _ = setting.set(&mut recipe, state.form.value(setting).text());
    }
    let mut row = 1;
    for sentence in sentences(dataset, &recipe) {
        for line in wrap(&sentence, area.width.saturating_sub(3)) {
            Pen::new(buffer, theme, area, row).skip(2).write(&line, theme.text());
            row += 1;
        }
    }
    let layers = layers(dataset);
    if area.height < row + 4 + u16::try_from(layers.len()).unwrap_or(u16::MAX / 2) {
        return;
    }
    row += 1;
    let at = Rect { y: area.y + row, height: 1, ..area };
    rule(buffer, theme, at, &[("the network", theme.strong())], "");
    row += 1;
    let mut line = |row: u16, cells: [&str; 3], style| {
        Pen::new(buffer, theme, area, row)
            .skip(2)
            .left(cells[0], 24, style)
            .right(cells[1], 12, style)
            .right(cells[2], 14, style);
    };
    line(row, ["LAYER", "OUTPUT", "PARAMETERS"], theme.dim());
    for layer in &layers {
        row += 1;
        let parameters = if layer.parameters == 0 { "–".into() } else { thousands(layer.parameters) };
        line(row, [layer.name, &layer.output, &parameters], theme.text());
    }
    let total: usize = layers.iter().map(|layer| layer.parameters).sum();
    line(row + 1, ["total", "", &thousands(total)], theme.strong());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::tests::fixtures;

    #[test]
    fn the_network_has_the_references_parameters() {
        let layers = layers(&fixtures::fer2013());
        assert_eq!(layers.iter().map(|layer| layer.parameters).sum::<usize>(), 83_335);
    }
}
