//! The predictions of runs for pictures from outside: a list of faces, and the selected face with every probability.
//!
//! ```text
//! ── calm-heron · photos ──────────────────── ───────── 3 faces, 1 without a face ──
//!  ▸ two.jpg       happy    0.84   ── happy 0.84 ─────────── 1 of 4 · 61×77 at 54,39 ──
//!    two.jpg       neutral  0.46    (the face)
//!    nobody.png    no face was found
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{PredictionStatus, Predictions};
use crate::domain::picture_counts::PictureCounts;
use crate::tui::layout::{Canvas, Layout};
use crate::tui::messages::runs::{PredictedFace, PredictedPicture};
use crate::tui::state::State;
use crate::tui::terminal_facts::Graphics;
use crate::tui::widgets::bars::{self, ProbabilityBar};
use crate::tui::widgets::faces::{self, largest};
use crate::tui::widgets::number_text::{decimal, thousands};
use crate::tui::widgets::paint::{Pen, draw_rule, tail, width, wrap};

/// The fewest columns of the selected face to the right of the list.
const PANEL: u16 = 36;

/// The fewest columns for a list beside the selected face.
const NARROW: u16 = 66;

/// The most columns of the list.
const LIST: u16 = 60;

/// The columns of a class and its probability in the list.
const PREDICTION: u16 = 16;

/// The fewest columns of bars next to a picture.
const BARS: u16 = 34;

/// The columns of a run's probabilities.
const RUN: u16 = 5;

/// Draws the predictions on the whole screen.
pub(super) fn render(state: &State, shown: &Predictions, canvas: &mut Canvas<'_>, area: Rect) {
    let theme = &state.theme;
    let runs = match shown.runs() {
        [one] => one.to_string(),
        several => format!("mean of {} runs", several.len()),
    };
    let summary = summary(shown);
    let room = area.width.saturating_sub(width(&runs) + width(&summary) + 14);
    let sources = tail(&shown.order.sources, room, theme);
    let title = [(runs.as_str(), theme.strong()), (" · ", theme.dim()), (sources.as_str(), theme.text())];
    draw_rule(canvas.buffer, theme, Rect { height: 1, ..area }, &title, &summary);
    let mut body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if let PredictionStatus::Failed(error) = &shown.status {
        for line in wrap(error, area.width.saturating_sub(3)).iter().take(4) {
            Pen::new(canvas.buffer, theme, body, 0).skip(1).write(line, theme.bad());
            body = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
        }
    }
    if shown.pictures.is_empty() {
        let words = match (&shown.status, shown.order.watch) {
            (PredictionStatus::Running, true) => "waiting for pictures in the folder …",
            (PredictionStatus::Running, false) => "reading pictures …",
            _ => "There are no pictures. P takes another path, Esc goes back to the runs.",
        };
        Pen::new(canvas.buffer, theme, body, 1).skip(1).write(words, theme.dim());
        return;
    }
    if body.width < NARROW {
        // A list beside the face would have no room for names.
        let rows = u16::try_from(shown.pictures.len()).unwrap_or(u16::MAX).min(body.height / 4).max(1);
        let list = Rect { height: rows.min(body.height), ..body };
        draw_list(state, shown, canvas.buffer, &mut canvas.layout, list);
        body = Rect { y: list.bottom(), height: body.height - list.height, ..body };
        if let Some(picture) = shown.current().filter(|_| body.height > 2) {
            draw_picture(state, shown, picture, canvas, body);
        }
        return;
    }
    let list = Rect { width: (body.width / 2).min(LIST).min(body.width.saturating_sub(PANEL)), ..body };
    let right = Rect { x: list.right() + 1, width: body.width.saturating_sub(list.width + 1), ..body };
    draw_list(state, shown, canvas.buffer, &mut canvas.layout, list);
    if let Some(picture) = shown.current() {
        draw_picture(state, shown, picture, canvas, right);
    }
}

/// Returns the counts of pictures and faces, and the progress.
fn summary(shown: &Predictions) -> String {
    let mut counts = PictureCounts::default();
    for picture in &shown.pictures {
        match &picture.face {
            Ok(face) => counts.add_face(face.area),
            Err(reason) => counts.add_unpredicted(reason),
        }
    }
    let progress = match (&shown.status, shown.order.watch) {
        (PredictionStatus::Running, true) => " · watching",
        (PredictionStatus::Running, false) => " …",
        (PredictionStatus::Full, _) => " · the list is full",
        (PredictionStatus::Done | PredictionStatus::Failed(_), _) => "",
    };
    counts.parts() + progress
}

fn draw_list(state: &State, shown: &Predictions, buffer: &mut Buffer, layout: &mut Layout, area: Rect) {
    let theme = &state.theme;
    let rows = usize::from(area.height).max(1);
    let first = shown.selected.saturating_sub(rows / 2).min(shown.pictures.len().saturating_sub(rows));
    let visible = shown.pictures.iter().enumerate().skip(first).take(rows);
    let mut lines = Vec::new();
    let common = common_folder(shown.pictures.iter().map(|picture| picture.source.as_str())).len();
    for (row, (index, picture)) in (0..).zip(visible) {
        let here = index == shown.selected;
        let mark = |style: ratatui::style::Style| if here { style.patch(theme.selected()) } else { style };
        let line = Rect { y: area.y + row, height: 1, ..area };
        lines.push((index, line));
        let mut pen = Pen::new(buffer, theme, line, 0);
        pen.skip(1).write(if here { theme.glyphs.focus } else { " " }, theme.accent()).skip(1);
        match &picture.face {
            Ok(face) => {
                let name = pen.room().saturating_sub(PREDICTION + 1);
                pen.left(&tail(&picture.source[common..], name, theme), name, mark(theme.text())).skip(1);
                let (class, share) = face.classes.first().map_or(("", f32::NAN), |(class, share)| (class, *share));
                pen.left(class, PREDICTION - 5, mark(theme.text()));
                pen.right(&decimal(share.into(), 2), 5, mark(theme.text()));
            }
            Err(reason) => {
                let name = pen.room() / 2;
                pen.left(&tail(&picture.source[common..], name, theme), name, mark(theme.dim())).skip(1);
                pen.write(reason, theme.warning());
            }
        }
    }
    layout.add_lines(lines.into_iter(), shown.selected);
}

/// Returns the folder that contains all sources, with its slash. Sources differ only in the rest of their paths.
fn common_folder<'a>(mut sources: impl Iterator<Item = &'a str>) -> &'a str {
    let folder = |path: &'a str| path.rfind('/').map_or("", |slash| &path[..=slash]);
    let mut common = sources.next().map_or("", folder);
    for source in sources {
        while !source.starts_with(common) {
            common = folder(&common[..common.len() - 1]);
        }
    }
    common
}

fn draw_picture(state: &State, shown: &Predictions, picture: &PredictedPicture, canvas: &mut Canvas<'_>, area: Rect) {
    let theme = &state.theme;
    let position = format!("{} of {}", thousands(shown.selected + 1), thousands(shown.pictures.len()));
    let title = match &picture.face {
        Ok(face) => face
            .classes
            .first()
            .map_or_else(String::new, |(class, share)| format!("{class} {}", decimal((*share).into(), 2))),
        Err(_) => "no prediction".into(),
    };
    draw_rule(canvas.buffer, theme, Rect { height: 1, ..area }, &[(&title, theme.accent())], &position);
    let last = Rect { y: area.bottom() - 1, height: 1, ..area };
    Pen::new(canvas.buffer, theme, last, 0)
        .skip(1)
        .write(&tail(&picture.source, area.width.saturating_sub(1), theme), theme.dim());
    let inside = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
    match &picture.face {
        Ok(face) => draw_face(state, face, canvas, inside),
        Err(reason) => {
            for (row, line) in (1..).zip(wrap(reason, area.width.saturating_sub(2))) {
                Pen::new(canvas.buffer, theme, inside, row).skip(1).write(&line, theme.warning());
            }
        }
    }
}

/// Draws the picture of a face, its place in the source, and a bar for each class.
fn draw_face(state: &State, face: &PredictedFace, canvas: &mut Canvas<'_>, area: Rect) {
    let theme = &state.theme;
    let place = match face.area {
        Some([x, y, width, height]) => format!("{width}×{height} pixels at {x},{y}"),
        None => "the whole picture".into(),
    };
    Pen::new(canvas.buffer, theme, area, 0).skip(1).write(&place, theme.text());
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let classes = u16::try_from(face.classes.len()).unwrap_or(u16::MAX);
    let heading = u16::from(!face.by_run.is_empty());
    let beneath = (classes + heading).min(body.height / 2);
    let sharp = state.facts.graphics != Graphics::Blocks;
    let size = |rows: u16| {
        face.picture.as_ref().map_or((0, 0), |picture| {
            let own = u16::try_from(picture.width).unwrap_or(u16::MAX);
            let columns = body.width.saturating_sub(2);
            picture.cells(columns.min(largest(own, columns, rows, sharp)), rows)
        })
    };
    let beside = body.width >= size(body.height).0 + BARS + 3;
    let (across, down) = size(if beside { body.height } else { body.height.saturating_sub(beneath) });
    if let Some(picture) = face.picture.as_ref().filter(|_| across > 0 && down > 0) {
        let at = Rect::new(body.x + 1, body.y, across, down);
        faces::render_one(canvas.buffer, canvas.pictures, theme, at, picture);
    }
    let place = if beside {
        Rect { x: body.x + across + 2, width: (body.width - across - 2).min(60), ..body }
    } else {
        Rect { y: body.y + down, height: body.height.saturating_sub(down), ..body }
    };
    draw_probabilities(state, face, canvas.buffer, place);
}

/// Draws a bar for each class. Of several runs it is that of the mean, with a column for each run that fits.
fn draw_probabilities(state: &State, face: &PredictedFace, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let names: Vec<String> = face.classes.iter().map(|(class, _)| class.clone()).collect();
    let fixed = bars::name_columns(&names) + 2 + RUN + 6;
    let fitting = usize::from(area.width.saturating_sub(fixed) / RUN).min(face.by_run.len());
    let by_run: Vec<Vec<f32>> = (0..face.classes.len())
        .map(|class| {
            face.by_run[..fitting].iter().map(|(_, shares)| shares.get(class).copied().unwrap_or(f32::NAN)).collect()
        })
        .collect();
    let style = |index| if index == 0 { theme.accent() } else { theme.dim() };
    let lines: Vec<ProbabilityBar<'_>> = face
        .classes
        .iter()
        .zip(&by_run)
        .enumerate()
        .map(|(index, ((name, value), further))| ProbabilityBar {
            name,
            value: *value,
            style: style(index),
            further,
            note: "",
        })
        .collect();
    let mut rest = area;
    if fitting > 0 {
        let columns = RUN * u16::try_from(fitting + 1).unwrap_or(0);
        let mut pen = Pen::new(buffer, theme, rest, 0);
        let room = pen.room().saturating_sub(columns);
        pen.skip(room).right("mean", RUN, theme.strong());
        for (run, _) in &face.by_run[..fitting] {
            let short: String = run.chars().take(usize::from(RUN) - 1).collect();
            pen.right(&short, RUN, theme.dim());
        }
        rest = Rect { y: rest.y + 1, height: rest.height.saturating_sub(1), ..rest };
    }
    bars::render(buffer, theme, rest, &lines, &names);
}

/// Returns the selected face as a line of text.
pub(super) fn as_text(shown: &Predictions) -> Option<String> {
    let picture = shown.current()?;
    let words = match &picture.face {
        Ok(face) => {
            let share = |(class, share): &(String, f32)| format!("{class} {share:.3}");
            face.classes.iter().map(share).collect::<Vec<_>>().join(", ")
        }
        Err(reason) => reason.clone(),
    };
    Some(format!("{}  {words}", picture.source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_a_common_folder() {
        let table: [(&[&str], &str); 7] = [
            (&[], ""),
            (&["a.png"], ""),
            (&["/p/a.png"], "/p/"),
            (&["/p/happy/1.png", "/p/sad/1.png"], "/p/"),
            (&["/p/happy/1.png", "/p/happier/1.png"], "/p/"),
            (&["/p/a.png", "/q/a.png"], "/"),
            (&["p/a.png", "b.png"], ""),
        ];
        for (sources, expected) in table {
            assert_eq!(common_folder(sources.iter().copied()), expected, "{sources:?}");
        }
    }
}
