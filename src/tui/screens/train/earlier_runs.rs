//! The newest earlier runs with the form's strategies and their results, shown where the form leaves room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::runs::Summary;
use crate::tui::library::RunView;
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::widgets::number_text::{age, decimal};
use crate::tui::widgets::paint::draw_rule;
use crate::tui::widgets::table::{Column, Row, Table};

/// The columns. `VAL LOSS` is of the best epoch, `TEST ACC` of the final test.
const COLUMNS: [Column; 6] = [
    Column::left("RUN", 24, 0),
    Column::left("DATASET", 14, 2),
    Column::right("EPOCHS", 3),
    Column::right("VAL LOSS", 4),
    Column::right("TEST ACC", 5),
    Column::right("AGE", 1),
];

/// The minimum number of rows: a title, headings and two runs.
const FEWEST: u16 = 4;

/// Draws as many runs as fit, the newest first; nothing where there are none.
pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let strategies: Vec<_> = state.train.strategy_choice.strategies().collect();
    let mut found: Vec<(&RunView, &Summary)> = (state.library.runs.list.iter())
        .filter_map(|run| Some((run, &**run.summary.as_ref().ok()?)))
        .filter(|(_, summary)| strategies.contains(&summary.recipe.strategy))
        .collect();
    if area.height < FEWEST || found.is_empty() {
        return;
    }
    found.sort_by_key(|(_, summary)| std::cmp::Reverse(summary.recipe.created_at));
    let shown = usize::from(area.height) - 2;
    let rows: Vec<Row> = found.iter().take(shown).map(|(run, summary)| row(theme, state.now, run, summary)).collect();
    let note =
        if found.len() > shown { format!("{shown} of {}, newest first", found.len()) } else { "newest first".into() };
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[("earlier runs like this", theme.strong())], &note);
    let table = Table { columns: &COLUMNS, rows: &rows, selected: None, marked: false, gap: 2 };
    table.render(buffer, theme, Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height: area.height - 1 });
}

fn row(theme: &Theme, now: u64, run: &RunView, summary: &Summary) -> Row {
    let recipe = &summary.recipe;
    let accuracy = summary.test.as_ref().map(|test| test.confusion.scores().accuracy);
    let number = |value: Option<f64>, decimals| value.map_or_else(|| "–".to_owned(), |value| decimal(value, decimals));
    let text = |text: String| (text, theme.text());
    vec![
        text(run.id.to_string()),
        text(recipe.dataset.to_string()),
        text(summary.epoch().to_string()),
        text(number(summary.best().map(|best| best.val_loss), 4)),
        text(number(accuracy, 3)),
        (age(now.saturating_sub(recipe.created_at)), theme.dim()),
    ]
}
