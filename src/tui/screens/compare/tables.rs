//! The contents of the three tables: metrics, the F1 of each class, the settings that differ.

use ratatui::style::Style;

use super::ComparePane;
use super::grid::{Cell, Grid, Line};
use crate::domain::RunState;
use crate::domain::text::printable;
use crate::runs::Summary;
use crate::runs::comparison::{self, ClassRow, Comparison, MergedRow, Metric, SeedGroup};
use crate::runs::statistics::Spread;
use crate::tui::state::State;
use crate::tui::theme::Theme;

/// The letters of the runs in curves and verdicts.
pub(super) const LETTERS: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

pub(super) fn letter(run: usize) -> &'static str {
    LETTERS.get(run).copied().unwrap_or("?")
}

/// Returns the headings: `A quiet-lynx`, or `A quiet-lynx ×3` for three runs that differ only in the seed.
fn heads(state: &State) -> Vec<Cell> {
    let compare = &state.compare;
    let head = |runs: &Vec<usize>| {
        let first = runs[0];
        let more = if runs.len() > 1 { format!(" ×{}", runs.len()) } else { String::new() };
        let style = state.theme.run_color(first).patch(state.theme.strong());
        (format!("{} {}{more}", letter(first), compare.runs[first].id), style)
    };
    compare.columns().iter().map(head).collect()
}

/// Returns the index of the selected run's column.
fn selected(state: &State) -> usize {
    let here = state.compare.position();
    state.compare.columns().iter().position(|runs| runs.contains(&here)).unwrap_or(0)
}

/// Returns a value, with a sign before the best one. Values are right-aligned in either case.
fn mark(theme: &Theme, text: String, best: bool) -> Cell {
    if best {
        return (format!("{} {text}", theme.glyphs.winner), theme.good().patch(theme.strong()));
    }
    (text, theme.text())
}

fn none(theme: &Theme) -> Cell {
    ("–".into(), theme.dim())
}

/// Returns `✓ finished`, or `▶ 12/50`.
fn state_cell(state: &State, run: &Summary) -> Cell {
    let theme = &state.theme;
    let Some(run_state) = state.library.runs.find(&run.id).and_then(|run| run.state(state.now)) else {
        return none(theme);
    };
    let (sign, style) = theme.state(run_state);
    let epoch = match run.progress.filter(|_| run_state.is_active()) {
        Some(progress) => progress.epoch,
        None => run.epoch(),
    };
    let word = match run_state {
        RunState::Running if run.evaluating.is_some() => "testing".into(),
        RunState::Running => format!("{epoch}/{}", run.last_epoch()),
        run_state => run_state.name().to_owned(),
    };
    (format!("{sign} {word}"), style)
}

/// Returns the difference between the images of the runs, if there is one: none is then marked as the best.
pub(super) fn other_images(state: &State) -> Option<&'static str> {
    let runs: Vec<&Summary> = state.compare.runs.iter().map(AsRef::as_ref).collect();
    let are_same = runs.windows(2).all(|pair| pair[0].recipe.same_images(&pair[1].recipe));
    (!are_same).then(|| comparison::other_images(&runs))
}

/// Returns the table of metrics.
pub(super) fn metrics(state: &State, comparison: &Comparison) -> Grid {
    let (theme, compare) = (&state.theme, &state.compare);
    let folded = compare.folded.as_ref().filter(|_| compare.fold);
    let mut heads = heads(state);
    let columns = compare.columns();
    let state_of = |runs: &Vec<usize>| match runs.as_slice() {
        [run] => state_cell(state, &compare.runs[*run]),
        runs => {
            let differ = comparison.groups.iter().find(|group| group.runs == *runs).map(SeedGroup::noun);
            (format!("{} {}", runs.len(), differ.unwrap_or("runs")), theme.dim())
        }
    };
    let mut fixed = Line { name: "state".into(), cells: columns.iter().map(state_of).collect() };
    let mut lines: Vec<Line> = Vec::new();
    for (index, row) in comparison.metrics.iter().enumerate() {
        let of_run = |(value, best): (&Option<f64>, &bool)| {
            value.map_or_else(|| none(theme), |value| mark(theme, row.metric.text(value), *best))
        };
        let cells = match folded {
            Some(folded) => spreads(theme, &folded.metrics[index], |metric| text_of(row.metric, metric)),
            None => row.values.iter().zip(&row.best).map(of_run).collect(),
        };
        lines.push(Line { name: row.metric.name().into(), cells });
    }
    if compare.references {
        for (column, reference) in comparison.references.iter().enumerate() {
            heads.push((format!("reference {}", reference.strategy), theme.dim()));
            fixed.cells.push(("published".into(), theme.dim()));
            for (line, row) in lines.iter_mut().zip(&comparison.metrics) {
                let value = row.references[column].map(|value| (row.metric.text(value), theme.dim()));
                line.cells.push(value.unwrap_or_else(|| (String::new(), theme.dim())));
            }
        }
    }
    grid(state, ComparePane::Metrics, heads, vec![fixed], lines)
}

/// Returns the value of one run, or mean and deviation of several.
fn text_of(metric: Metric, Spread { mean, deviation, .. }: Spread) -> String {
    match deviation {
        None => metric.text(mean),
        Some(deviation) => format!("{} ±{}", metric.spread_text(mean), metric.deviation_text(mean, deviation)),
    }
}

fn spreads(theme: &Theme, row: &MergedRow, text: impl Fn(Spread) -> String) -> Vec<Cell> {
    let cell = |(spread, best): (&Option<Spread>, &bool)| {
        spread.map_or_else(|| none(theme), |spread| mark(theme, text(spread), *best))
    };
    row.cells.iter().zip(&row.best).map(cell).collect()
}

/// Returns the F1 of each class in at most `room` columns. Where the differences to the baseline do not all fit, those
/// of the selected run have a column of their own.
pub(super) fn classes(state: &State, comparison: &Comparison, room: u16) -> Grid {
    let all = class_grid(state, comparison, true);
    if all.wanted() <= room || state.compare.columns().len() < 2 {
        return all;
    }
    class_grid(state, comparison, false)
}

fn class_grid(state: &State, comparison: &Comparison, every: bool) -> Grid {
    let (theme, compare) = (&state.theme, &state.compare);
    let folded = compare.folded.as_ref().filter(|_| compare.fold);
    let mut heads = heads(state);
    let mut lines = Vec::new();
    let chosen = selected(state);
    if !every && chosen > 0 {
        heads.push((format!("{} − A", letter(compare.position())), theme.dim()));
    }
    for (index, class) in comparison.classes.iter().enumerate() {
        let (means, mut cells) = class_cells(theme, class, folded.map(|folded| &folded.classes[index]));
        let difference = |column: usize| Some(format!("{:+.3}", means.get(column).copied()?? - means[0]?));
        if every {
            for (column, (text, _)) in cells.iter_mut().enumerate().skip(1) {
                text.extend(difference(column).map(|words| format!(" {words}")));
            }
        } else if chosen > 0 {
            cells.push((difference(chosen).unwrap_or_default(), theme.text()));
        }
        lines.push(Line { name: printable(&class.name), cells });
    }
    grid(state, ComparePane::Classes, heads, Vec::new(), lines)
}

/// Returns the F1s of a class as numbers and as cells.
fn class_cells(theme: &Theme, class: &ClassRow, folded: Option<&MergedRow>) -> (Vec<Option<f64>>, Vec<Cell>) {
    if let Some(row) = folded {
        let text = |spread: Spread| {
            let deviation = spread.deviation.map(|deviation| format!(" ±{deviation:.3}"));
            format!("{:.3}{}", spread.mean, deviation.unwrap_or_default())
        };
        return (row.cells.iter().map(|cell| cell.map(|spread| spread.mean)).collect(), spreads(theme, row, text));
    }
    let cell =
        |(f1, best): (&Option<f64>, &bool)| f1.map_or_else(|| none(theme), |f1| mark(theme, format!("{f1:.3}"), *best));
    (class.f1.clone(), class.f1.iter().zip(&class.best).map(cell).collect())
}

/// Returns the settings that differ. Values of the baseline are dimmed in other columns.
pub(super) fn settings(state: &State, comparison: &Comparison) -> Grid {
    let (theme, compare) = (&state.theme, &state.compare);
    let columns = compare.columns();
    let line = |setting: &crate::runs::comparison::Setting| {
        let cell = |runs: &Vec<usize>| {
            let mut values: Vec<&str> = runs.iter().map(|run| setting.values[*run].as_deref().unwrap_or("–")).collect();
            values.dedup();
            let own = values.join(", ");
            let same = setting.values[runs[0]] == setting.values[0] && runs[0] != 0;
            let style: Style = if same { theme.dim() } else { theme.text() };
            (printable(&own), style)
        };
        Line { name: printable(setting.label()), cells: columns.iter().map(cell).collect() }
    };
    let lines = comparison.settings.iter().map(line).collect();
    grid(state, ComparePane::Settings, heads(state), Vec::new(), lines)
}

fn grid(state: &State, pane: ComparePane, heads: Vec<Cell>, fixed: Vec<Line>, lines: Vec<Line>) -> Grid {
    let compare = &state.compare;
    Grid { heads, fixed, lines, cursor: compare.line(pane), focused: compare.pane == pane, selected: selected(state) }
}
