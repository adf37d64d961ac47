//! The panel of the selected image: picture, probabilities, source.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::InspectPane;
use super::{Pictures, absent_dataset, cells, dataset, heat_map, images, mark, mark_class, order, shown};
use crate::domain::Split;
use crate::runs::inspection::ScoredImage;
use crate::tui::messages::inspect::PredictionReport;
use crate::tui::state::State;
use crate::tui::terminal_facts::Graphics;
use crate::tui::widgets::bars::{self, ProbabilityBar};
use crate::tui::widgets::faces::largest;
use crate::tui::widgets::number_text::{decimal, thousands};
use crate::tui::widgets::paint::{Pen, draw_rule, tail, width, wrap};

/// Rows around the picture: the title, its facts, its source.
const LINES: u16 = 3;

/// The fewest columns of bars next to the picture.
const BARS: u16 = 30;

/// The fewest rows of a picture, for which bars are left out.
const PICTURE: u16 = 9;

/// Draws the selected image. Returns the free area below it.
pub(super) fn render(
    state: &State,
    report: &PredictionReport,
    buffer: &mut Buffer,
    area: Rect,
    pictures: &mut Pictures,
) -> Rect {
    let (theme, inspect) = (&state.theme, &state.inspect);
    let classes = report.inspection.classes();
    let focus = if inspect.pane == InspectPane::Faces { theme.accent() } else { theme.strong() };
    let (truth, predicted) = inspect.picked().map_or(inspect.cell, |picked| (picked.truth, picked.predicted));
    let title = match (classes.get(truth), classes.get(predicted)) {
        (Some(truth), Some(predicted)) if truth == predicted => format!("{truth}, correct"),
        (Some(truth), Some(predicted)) => format!("{truth} → {predicted}"),
        _ => String::new(),
    };
    // The suspects are of all cells.
    let note = if inspect.suspects { String::new() } else { images(state) };
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[(&title, focus)], &note);
    let Some(picked) = inspect.picked() else {
        let words = "There are no images in this cell. Arrows choose another cell.";
        let words = if truth == predicted { "None of this class was recognized." } else { words };
        for (row, line) in (1..).zip(wrap(words, area.width.saturating_sub(2))) {
            Pen::new(buffer, theme, area, row).skip(1).write(&line, theme.dim());
        }
        return Rect { y: area.y + 3, height: area.height.saturating_sub(3), ..area };
    };
    draw_position(state, picked, buffer, area);
    let sharp = state.facts.graphics != Graphics::Blocks;
    let room = area.height.saturating_sub(LINES);
    let all = u16::try_from(classes.len()).unwrap_or(u16::MAX);
    let beneath = all.min(room.saturating_sub(PICTURE).max(3));
    let (across, down) = shown(state, picked).map_or((0, 0), |shown| {
        let own = u16::try_from(shown.face.width).unwrap_or(u16::MAX);
        let columns = area.width.saturating_sub(2);
        cells(shown, columns.min(largest(own, columns, room, sharp)), room)
    });
    // The bars are to the right of the picture if there is room, else below it.
    let beside = area.width >= across + BARS + 3 && across > 0;
    let (across, down) = match shown(state, picked) {
        Some(shown) if !beside => cells(shown, across, room.saturating_sub(beneath)),
        _ => (across, down),
    };
    let top = area.y + 2;
    if let Some(shown) = shown(state, picked) {
        pictures.push((Rect::new(area.x + 1, top, across, down), heat_map::draw_over(state, shown)));
    }
    let down = if across == 0 { no_picture(state, buffer, area) } else { down };
    let bars = if beside {
        Rect {
            x: area.x + across + 3,
            y: top,
            width: (area.width - across - 3).min(60),
            height: down.max(all.min(room)),
        }
    } else {
        Rect { y: top + down, height: beneath.min(area.bottom().saturating_sub(top + down + 1)), ..area }
    };
    probabilities(state, report, picked, buffer, bars);
    let under = bars.bottom().min(if beside { top + down.max(all.min(room)) } else { bars.bottom() });
    let words = heat_map::words(state, picked, classes);
    source(state, picked, &words, buffer, Rect { y: under, height: 1, ..area });
    Rect { y: under + 1, height: area.bottom().saturating_sub(under + 1), ..area }
}

/// Draws the facts that fit of `1 of 187 · sure 0.94 · loss 2.81`.
fn draw_position(state: &State, picked: &ScoredImage, buffer: &mut Buffer, area: Rect) {
    let (theme, inspect) = (&state.theme, &state.inspect);
    let mut pen = Pen::new(buffer, theme, area, 1);
    pen.skip(1).write(&format!("{} of {}", thousands(inspect.pick + 1), thousands(inspect.list.len())), theme.strong());
    let mark = match mark(state, picked) {
        None => String::new(),
        Some(mark) => mark_class(state, mark).map_or(" · marked".into(), |class| format!(" · should be {class}")),
    };
    let loss = format!(" · loss {}", decimal(picked.loss, 2));
    let sure = format!(" · sure {}", decimal(picked.confidence.into(), 2));
    let order = format!(" · {}", order(state));
    for (words, style) in
        [(&mark, theme.warning()), (&sure, theme.text()), (&loss, theme.text()), (&order, theme.dim())]
    {
        if width(words) <= pen.room() {
            pen.write(words, style);
        }
    }
}

/// Draws the reason why there is no picture. Returns the number of rows used.
fn no_picture(state: &State, buffer: &mut Buffer, area: Rect) -> u16 {
    let theme = &state.theme;
    let words = if let Some(error) = &state.inspect.faces.error {
        error.clone()
    } else if dataset(state).is_none() {
        absent_dataset(state, "there are no faces to show")
    } else {
        "reading the face …".to_owned()
    };
    let lines = wrap(&words, area.width.saturating_sub(2));
    for (row, line) in (2..).zip(lines.iter().take(4)) {
        Pen::new(buffer, theme, area, row).skip(1).write(line, theme.dim());
    }
    u16::try_from(lines.len().min(4)).unwrap_or(4)
}

/// Draws a bar for each class, the most probable first. Where not all fit, the true class is the last one.
fn probabilities(state: &State, report: &PredictionReport, picked: &ScoredImage, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let Some(row) = report.inspection.probabilities(picked.index) else { return };
    let mut classes: Vec<usize> = (0..row.len()).collect();
    classes.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
    let room = usize::from(area.height);
    let at = classes.iter().position(|class| *class == picked.truth).unwrap_or(0);
    if room > 0 && at >= room {
        classes.swap(room - 1, at);
    }
    let names = report.inspection.classes();
    let truth = if picked.truth == picked.predicted { " correct" } else { " truth" };
    let bar = |class: usize| {
        let right = class == picked.truth;
        let style = match (right, class == picked.predicted) {
            (true, _) => theme.good(),
            (false, true) => theme.bad(),
            (false, false) => theme.dim(),
        };
        ProbabilityBar {
            name: &names[class],
            value: row[class],
            style,
            further: &[],
            note: if right { truth } else { "" },
        }
    };
    bars::render(buffer, theme, area, &classes.into_iter().map(bar).collect::<Vec<_>>(), names);
}

/// Draws the source of the image, or the words about its heat map.
fn source(state: &State, picked: &ScoredImage, heat: &str, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    if !heat.is_empty() {
        Pen::new(buffer, theme, area, 0).skip(1).write(heat, theme.accent());
        return;
    }
    let source = shown(state, picked).map_or("", |shown| shown.source.as_str());
    let number = match state.inspect.split {
        Split::Train => format!("training image {}", picked.index),
        Split::Validation => format!("validation image {}", picked.index),
        Split::Test => format!("test image {}", picked.index),
    };
    let words = if source.is_empty() { number } else { tail(source, area.width.saturating_sub(1), theme) };
    Pen::new(buffer, theme, area, 0).skip(1).write(&words, theme.dim());
}
