//! The Inspect screen: a run's confusion matrix and the images behind it.

mod backend;
mod classes;
mod curves;
mod empty;
mod epochs;
mod grid;
mod heat_map;
mod matrix;
mod panel;
mod state;
mod suspects;
mod text;
mod update;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text_selection;
use crate::data::marked::Mark;
use crate::domain::Split;
use crate::runs::inspection::{Order, ScoredImage, images_of};
use crate::tui::layout::{Canvas, Layout};
use crate::tui::library::{DatasetView, RunView};
use crate::tui::messages::inspect::{PredictionReport, SourcedImage};
use crate::tui::messages::{Action, Effect, InspectAction};
use crate::tui::screens::ScreenEntry;
use crate::tui::state::State;
use crate::tui::widgets::faces;
use crate::tui::widgets::number_text::{count, decimal, thousands};
use crate::tui::widgets::paint::{Pen, width};
pub(super) use backend::run_effect;
pub use state::{BLOCK, InspectPane, InspectState, Mode, SUSPECTS};
pub use update::on_event;

/// The fewest columns of faces next to the matrix.
const PANEL: u16 = 26;

/// The fewest rows with matrix and faces side by side.
const TALL: u16 = 18;

/// Pictures with their areas, collected during drawing and drawn at its end.
type Pictures = Vec<(Rect, Arc<SourcedImage>)>;

/// The Inspect screen's entry in the table of screens.
pub(super) struct Inspect;

impl ScreenEntry for Inspect {
    fn draw(&self, state: &State, canvas: &mut Canvas<'_>, area: Rect) {
        draw(state, canvas, area);
    }

    fn apply(&self, state: &mut State, action: Action) -> Vec<Effect> {
        update::apply(state, action)
    }

    fn applies(&self, state: &State, action: Action) -> bool {
        applies(state, action)
    }

    fn on_show(&self, state: &mut State) -> Vec<Effect> {
        update::on_show(state)
    }

    fn on_runs(&self, state: &mut State) -> Vec<Effect> {
        update::on_runs(state)
    }

    fn selection(&self, state: &State) -> Option<(String, String)> {
        text_selection("the matrix", text::as_text(state))
    }
}

/// ```text
///  quiet-lynx · test · 7,178 images · accuracy 0.6231 · loss 1.04
/// ── % of row: truth ↓ predicted → ────────────  ── sad → neutral ── 187 faces ──
///            angry disg fear happy neut  sad surp   1 of 187 · sure 0.94
///  angry        52    1   11     7   12   15    2   (the face)
///  sad          10    0   12     8  [19]  49    2   neutral ███████▌  0.94
/// ── per class ──────────────────────────────────   sad     ▍         0.04 truth
/// ```
fn draw(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let Canvas { buffer, pictures: drawn, layout, .. } = canvas;
    let Some(run) = run(state) else { return empty::draw_no_run(state, buffer, area) };
    header(state, run, buffer, area);
    let below = |rows: u16| Rect { y: area.y + rows, height: area.height.saturating_sub(rows), ..area };
    if !update::has_predictions(run) {
        return empty::draw_no_predictions(state, run, buffer, below(2));
    }
    let report = match state.inspect.shown() {
        None => return empty::reading(state, buffer, below(2)),
        Some((_, Err(reason))) => return empty::draw_unreadable(state, reason, buffer, below(2)),
        Some((_, Ok(report))) => report,
    };
    let strip = epochs::render(state, run, report, buffer, below(1));
    let body = below(1 + strip);
    let mut pictures = Vec::new();
    if state.inspect.pager {
        grid::draw_pager(state, report, buffer, layout, body, &mut pictures);
    } else if state.inspect.suspects {
        suspects::render(state, run, report, buffer, layout, body, &mut pictures);
    } else if state.inspect.curves {
        curves::render(state, report, buffer, layout, body);
    } else {
        panes(state, report, buffer, layout, body, &mut pictures);
    }
    for (place, shown) in pictures {
        faces::render_one(buffer, drawn, &state.theme, place, &shown.face);
    }
}

fn panes(
    state: &State,
    report: &PredictionReport,
    buffer: &mut Buffer,
    layout: &mut Layout,
    area: Rect,
    pictures: &mut Pictures,
) {
    let pane = state.inspect.pane;
    let wanted = matrix::columns(report).max(if area.width >= 120 { 62 } else { 46 });
    if area.width < 76 || area.height < TALL {
        return match pane {
            InspectPane::Matrix => {
                let rows = matrix::rows(report).min(area.height);
                matrix::render(state, report, buffer, layout, Rect { height: rows, ..area });
                matrix::draw_cell_sentence(
                    state,
                    report,
                    buffer,
                    Rect { y: area.y + rows, height: area.height - rows, ..area },
                );
            }
            InspectPane::Table => classes::render(state, report, buffer, layout, area),
            InspectPane::Faces => drop(panel::render(state, report, buffer, area, pictures)),
        };
    }
    let left = Rect { width: wanted.min(area.width - PANEL - 1), ..area };
    let right = Rect { x: left.right() + 1, width: area.width - left.width - 1, ..area };
    let under = panel::render(state, report, buffer, right, pictures);
    let (tall, table) = (matrix::rows(report), classes::rows(report));
    if tall + table <= left.height {
        matrix::render(state, report, buffer, layout, Rect { height: tall, ..left });
        classes::render(state, report, buffer, layout, Rect { y: left.y + tall, height: table, ..left });
        let rest = Rect { y: left.y + tall + table, height: left.height - tall - table, ..left };
        grid::draw_next_images(state, report, buffer, if under.height >= rest.height { under } else { rest }, pictures);
    } else if pane == InspectPane::Table {
        classes::render(state, report, buffer, layout, left);
    } else {
        matrix::render(state, report, buffer, layout, left);
    }
}

/// Draws the run, the split, and the scores.
fn header(state: &State, run: &RunView, buffer: &mut Buffer, area: Rect) {
    let (theme, inspect) = (&state.theme, &state.inspect);
    let mut pen = Pen::new(buffer, theme, area, 0);
    pen.skip(1).write(run.id.as_str(), theme.strong());
    if let Some(against) = &inspect.against {
        pen.write(" against ", theme.dim()).write(against.as_str(), theme.strong());
    }
    pen.write(" · ", theme.dim()).write(split_name(inspect.split), theme.accent());
    let Some(report) = inspect.report() else { return };
    let epoch = report.epoch.map(|epoch| format!(", epoch {epoch}")).unwrap_or_default();
    let (change, style) = match &report.against {
        Some(Ok(other)) => {
            (format!(" ({:+.1} points)", (report.scores.accuracy - other.scores.accuracy) * 100.0), theme.strong())
        }
        Some(Err(_)) => (" (not comparable)".into(), theme.warning()),
        None => (String::new(), theme.text()),
    };
    let facts = [
        (epoch, theme.text()),
        (format!(" · accuracy {}", decimal(report.scores.accuracy, 4)), theme.text()),
        (change, style),
        (format!(" · {} images", thousands(report.inspection.images())), theme.text()),
        (format!(" · loss {}", decimal(report.loss.unwrap_or(f64::NAN), 3)), theme.text()),
    ];
    for (words, style) in &facts {
        if width(words) <= pen.room() {
            pen.write(words, *style);
        }
    }
}

fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "training",
        Split::Validation => "validation",
        Split::Test => "test",
    }
}

fn run(state: &State) -> Option<&RunView> {
    state.library.runs.find(state.inspect.run.as_ref()?)
}

/// Returns the dataset of the run, if it is unchanged.
fn dataset(state: &State) -> Option<&DatasetView> {
    let recipe = &run(state)?.summary.as_ref().ok()?.recipe;
    state.library.datasets.find(&recipe.dataset).filter(|dataset| dataset.fingerprint == recipe.fingerprint)
}

/// Returns the sentence about a run whose dataset is not in this home, or has other images now.
fn absent_dataset(state: &State, consequence: &str) -> String {
    let recipe = run(state).and_then(|run| run.summary.as_ref().ok()).map(|summary| &summary.recipe);
    if let Some(other) = recipe.and_then(|recipe| state.library.datasets.find(&recipe.dataset)) {
        return format!("{} has other images than when the run was created: {consequence}.", other.name);
    }
    match &state.library.link {
        // It never was here, so importing it here helps.
        Some(link) => {
            format!("The images are on {}: import the same dataset here too. Until then {consequence}.", link.name)
        }
        None => format!("The run's dataset is not here any more: {consequence}."),
    }
}

/// Returns the image, if it was read.
fn shown<'a>(state: &'a State, judged: &ScoredImage) -> Option<&'a Arc<SourcedImage>> {
    state.inspect.faces.known.get(&(state.inspect.split, judged.index))
}

/// Returns the mark of a training image that may be wrongly labelled.
fn mark<'a>(state: &'a State, judged: &ScoredImage) -> Option<&'a Mark> {
    // Marks number the images of the dataset's own training split.
    let in_fold = run(state).and_then(|run| run.summary.as_ref().ok()).is_some_and(|run| run.recipe.fold.is_some());
    if in_fold || state.inspect.split != Split::Train {
        return None;
    }
    dataset(state)?.marks.get(u32::try_from(judged.index).ok()?)
}

/// Returns the name of the class that a marked image should have, if its mark has one.
fn mark_class<'a>(state: &'a State, mark: &Mark) -> Option<&'a str> {
    let (name, _) = dataset(state)?.classes.get(usize::from(mark.class?))?;
    Some(name)
}

fn order(state: &State) -> &'static str {
    match state.inspect.order {
        _ if state.inspect.suspects => "largest loss first",
        Order::Confidence => "most confident first",
        Order::Loss => "largest loss first",
        Order::Index => "as in the dataset",
    }
}

/// Returns the columns and rows of a picture that is as large as the given ones allow.
fn cells(shown: &SourcedImage, columns: u16, rows: u16) -> (u16, u16) {
    let width = shown.face.width.max(1);
    let height = shown.face.height().max(1);
    let across = usize::from(columns).min(usize::from(rows) * 2 * width / height);
    let down = (across * height / width).div_ceil(2);
    (u16::try_from(across).unwrap_or(columns), u16::try_from(down).unwrap_or(rows).min(rows))
}

/// Returns whether an action would have an effect now.
fn applies(state: &State, action: Action) -> bool {
    let inspect = &state.inspect;
    let faces = !inspect.list.is_empty();
    let readable = inspect.report().is_some();
    match action {
        Action::Back => inspect.pager || inspect.suspects || inspect.curves || inspect.pane != InspectPane::Matrix,
        Action::Open => faces && !inspect.pager,
        Action::Inspect(action) => match action {
            InspectAction::Mark | InspectAction::Relabel => inspect.split == Split::Train && faces,
            InspectAction::NextFace | InspectAction::PreviousFace => {
                faces && !inspect.pager && !inspect.suspects && !inspect.curves
            }
            InspectAction::Order => faces && !inspect.suspects,
            InspectAction::Mode => readable && !inspect.pager && !inspect.suspects && !inspect.curves,
            InspectAction::NextPane => readable && !inspect.pager && !inspect.suspects,
            InspectAction::Curves => readable,
            InspectAction::HeatMap => faces && !inspect.pager && !inspect.curves,
            InspectAction::Evaluate => {
                let has_weights = run(state).is_some_and(|run| run.has_best_weights);
                has_weights && inspect.split != Split::Validation && inspect.shown().is_some() && !readable
            }
            InspectAction::EpochBack => inspect.split == Split::Validation && readable,
            InspectAction::Suspects => !inspect.suspects && inspect.run.is_some(),
            _ => inspect.run.is_some(),
        },
        _ => true,
    }
}

/// Returns the name of a mode on the screen.
fn mode_words(mode: Mode) -> &'static str {
    match mode {
        Mode::Counts => "counts",
        Mode::Shares => "% of row",
        Mode::Difference => "± points of row",
    }
}

/// Returns `187 test images`.
fn images(state: &State) -> String {
    let many = images_of(state.inspect.split);
    count(state.inspect.list.len(), many.trim_end_matches('s'), many)
}
