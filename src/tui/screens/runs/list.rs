//! The list of runs, and the settings of the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::{Hyperparameter, Practice, Recipe, RunState};
use crate::tui::state::{RunView, State};
use crate::tui::widgets::figures::{age, decimal};
use crate::tui::widgets::paint::{Pen, rule};
use crate::tui::widgets::table::{Column, Row, Table};

use super::verdict;

/// `VAL LOSS` and `VAL ACC` are those of the best epoch, `TEST ACC` and `MACRO F1` those of the final test.
const COLUMNS: [Column; 10] = [
    Column::left("STATE", 12, 0),
    Column::left("RUN", 22, 0),
    Column::left("STRATEGY", 10, 5),
    Column::left("DATASET", 14, 8),
    Column::right("EPOCH", 1),
    Column::right("VAL LOSS", 2),
    Column::right("VAL ACC", 6),
    Column::right("TEST ACC", 9),
    Column::right("MACRO F1", 4),
    Column::right("AGE", 7),
];

fn row(state: &State, run: &RunView) -> Row {
    let theme = &state.theme;
    let (word, style) = verdict::word(state, run);
    let mut row: Row = vec![(word, style), (run.id.to_string(), theme.strong())];
    let Ok(summary) = &run.summary else {
        row.resize(COLUMNS.len(), (String::new(), theme.text()));
        return row;
    };
    let stands = run.state(state.now).unwrap_or(RunState::Lost);
    let recipe = &summary.recipe;
    // The epoch under way counts where one is under way; of an ended run only completed ones do.
    let epoch = match summary.progress.filter(|_| stands.is_active()) {
        Some(progress) => progress.epoch,
        None => summary.epoch(),
    };
    let epoch = if stands == RunState::Finished { epoch.to_string() } else { format!("{epoch}/{}", recipe.epochs) };
    if let Some(other) = summary.waiting_for.as_ref().filter(|_| stands == RunState::Queued) {
        row.extend([
            (recipe.strategy.to_string(), theme.text()),
            (recipe.dataset.to_string(), theme.text()),
            (epoch, theme.text()),
            (format!("waits for {other}"), theme.dim()),
        ]);
        return row;
    }
    let best = summary.best();
    let scores = summary.test.as_ref().map(|test| test.confusion.scores());
    let figure = |value: Option<f64>, decimals| value.map_or_else(|| "–".to_owned(), |value| decimal(value, decimals));
    row.extend([
        (recipe.strategy.to_string(), theme.text()),
        (recipe.dataset.to_string(), theme.text()),
        (epoch, theme.text()),
        (figure(best.map(|best| best.val_loss), 4), theme.text()),
        (figure(best.map(|best| best.val_accuracy), 3), theme.text()),
        (figure(scores.as_ref().map(|scores| scores.accuracy), 3), theme.text()),
        (figure(scores.as_ref().map(|scores| scores.f1), 3), theme.text()),
        (age(state.now.saturating_sub(recipe.created_at)), theme.dim()),
    ]);
    row
}

/// Columns that the whole list would like to have.
pub(super) fn wanted(state: &State) -> u16 {
    let rows: Vec<Row> = state.runs.list.iter().map(|run| row(state, run)).collect();
    let table = Table { columns: &COLUMNS, rows: &rows, selected: None, marked: false, gap: 1 };
    let widths = table.widths(u16::MAX);
    widths.iter().sum::<u16>() + u16::try_from(widths.len()).unwrap_or(0) + 2
}

pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) {
    let rows: Vec<Row> = state.runs.list.iter().map(|run| row(state, run)).collect();
    let selected = Some(state.runs.position());
    let wide = Table { columns: &COLUMNS, rows: &rows, selected, marked: true, gap: 2 };
    // Two cells between columns where that costs no column.
    let all = wide.widths(u16::MAX).iter().sum::<u16>() + 20;
    let gap = if all <= area.width { 2 } else { 1 };
    Table { gap, ..wide }.render(buffer, &state.theme, area);
}

/// What a run trains on, by name.
fn origins(recipe: &Recipe) -> Vec<(&'static str, String)> {
    let mut lines = vec![("strategy", recipe.strategy.to_string()), ("dataset", recipe.dataset.to_string())];
    if let Some(transfer) = &recipe.transfer {
        lines.push(("weights", transfer.weights.to_string()));
        lines.extend(transfer.fine_tuning.iter().map(|fine_tuning| ("from", fine_tuning.from.to_string())));
    }
    lines.extend(recipe.after.iter().map(|after| ("after", after.to_string())));
    lines
}

/// Rows that [`settings`] would like to have.
pub(super) fn settings_rows(run: &RunView) -> u16 {
    let rows = |recipe: &Recipe| 1 + origins(recipe).len() + Hyperparameter::of(recipe.strategy).count();
    run.summary.as_ref().map_or(0, |summary| u16::try_from(rows(&summary.recipe)).unwrap_or(0)) + 1
}

/// The settings of a run; those that are not the default stand out.
pub(super) fn settings(state: &State, run: &RunView, buffer: &mut Buffer, area: Rect) {
    const NAME: u16 = 19;
    let theme = &state.theme;
    let Ok(summary) = &run.summary else { return };
    if area.height < 4 {
        return;
    }
    let title = [("settings of ", theme.dim()), (run.id.as_str(), theme.strong())];
    rule(buffer, theme, Rect { height: 1, ..area }, &title, "");
    let recipe = &summary.recipe;
    let mut row = 1;
    for (name, value) in origins(recipe) {
        Pen::new(buffer, theme, area, row).skip(1).left(name, NAME, theme.dim()).write(&value, theme.text());
        row += 1;
    }
    for setting in Hyperparameter::of(recipe.strategy) {
        let value = setting.get(recipe);
        let default = Practice::One(recipe.strategy).default_of(setting).unwrap_or_default();
        let mut pen = Pen::new(buffer, theme, area, row);
        pen.skip(1).left(setting.name(), NAME, theme.dim());
        if value == default {
            pen.write(&value, theme.text());
        } else {
            pen.write(&value, theme.strong()).write(&format!("  (default {default})"), theme.dim());
        }
        row += 1;
    }
}
