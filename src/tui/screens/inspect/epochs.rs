//! The curves of validation results over the epochs, with the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{EpochMetrics, Split};
use crate::tui::library::RunView;
use crate::tui::messages::inspect::PredictionReport;
use crate::tui::state::State;
use crate::tui::widgets::number_text::decimal;
use crate::tui::widgets::paint::Pen;
use crate::tui::widgets::spark;

/// A function from an epoch to a metric.
type EpochMetric = fn(&EpochMetrics) -> f64;

/// Columns of a line's name.
const NAME: u16 = 10;

/// Columns of the values to the right of a curve.
const NUMBERS: u16 = 27;

/// Draws two curves where validation results are shown. Returns the number of rows used.
///
/// ```text
///  val loss  █▆▅▄▃▃▂▂▁▁▁▁▂▂   1.2190  epoch 9 of 15
///  val acc   ▁▂▃▄▅▆▆▇▇█████   0.541   the best so far
/// ```
pub(super) fn render(state: &State, run: &RunView, report: &PredictionReport, buffer: &mut Buffer, area: Rect) -> u16 {
    let theme = &state.theme;
    let (Split::Validation, Ok(summary), Some(epoch)) = (state.inspect.split, &run.summary, report.epoch) else {
        return 0;
    };
    let epochs = &summary.epochs;
    let at = epochs.iter().position(|metrics| metrics.epoch == epoch);
    let columns = area.width.saturating_sub(NAME + 1 + NUMBERS);
    let number = |value: EpochMetric| at.and_then(|at| epochs.get(at)).map_or(f64::NAN, value);
    let all = epochs.last().map_or(epoch, |last| last.epoch);
    let best = match (epoch == summary.early_stopping.best_epoch, report.epochs.len() < epochs.len()) {
        (true, _) => "the best so far".to_owned(),
        (false, true) => format!("{} of them saved", report.epochs.len()),
        (false, false) => format!("best {}", summary.early_stopping.best_epoch),
    };
    let lines: [(&str, EpochMetric, usize, String); 2] = [
        ("val loss", |metrics| metrics.val_loss, 4, format!("epoch {epoch} of {all}")),
        ("val acc", |metrics| metrics.val_accuracy, 3, best),
    ];
    for (row, (name, value, decimals, words)) in (0..).zip(lines) {
        let values: Vec<f64> = epochs.iter().map(value).collect();
        let mut pen = Pen::new(buffer, theme, area, row);
        pen.skip(1).left(name, NAME, theme.dim());
        let cursor = at.map(|at| spark::column(at, values.len(), columns));
        let drawn = spark::line(&values, columns, theme);
        let shown = u16::try_from(drawn.len()).unwrap_or(columns);
        for (column, glyph) in (0..).zip(&drawn) {
            let style = if Some(column) == cursor { cursor_style(state) } else { theme.validation() };
            pen.write(glyph, style);
        }
        pen.skip(columns.min(40).saturating_sub(shown) + 1).right(&decimal(number(value), decimals), 7, theme.strong());
        pen.skip(2).write(&words, theme.text());
    }
    2
}

fn cursor_style(state: &State) -> Style {
    state.theme.strong().patch(state.theme.selected())
}
