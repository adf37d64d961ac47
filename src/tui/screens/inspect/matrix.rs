//! The confusion matrix: rows are the truth, columns what was predicted.

use std::collections::HashSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::mode_words;
use super::{InspectPane, Mode};
use crate::tui::layout::Layout;
use crate::tui::messages::inspect::Judgement;
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::{Pen, rule, width};
use crate::tui::widgets::shade::{self, Meaning};
use crate::tui::widgets::table::first_line;

/// Columns that a class's name takes at most, at the left.
const NAMES: u16 = 12;

/// Columns of names at the left.
fn names(seen: &Judgement) -> u16 {
    seen.inspection.classes().iter().map(|name| width(name)).max().unwrap_or(0).clamp(4, NAMES)
}

/// Columns of a cell: for the largest count and a bracket on both sides, so that no mode moves the matrix.
fn cell_columns(seen: &Judgement) -> u16 {
    let most = seen.confusion.cells().map(|(_, _, images)| images).max().unwrap_or(0);
    width(&most.to_string()).max(3) + 2
}

fn count(seen: &Judgement) -> u16 {
    u16::try_from(seen.confusion.classes()).unwrap_or(u16::MAX)
}

/// Columns that the whole matrix takes.
pub(super) fn columns(seen: &Judgement) -> u16 {
    cell_columns(seen).saturating_mul(count(seen)).saturating_add(names(seen) + 2)
}

/// Rows that the whole matrix takes, with its title and headings.
pub(super) fn rows(seen: &Judgement) -> u16 {
    count(seen).saturating_add(2)
}

/// What a cell says, and how strong it is shaded.
pub(super) fn cell(seen: &Judgement, mode: Mode, truth: usize, said: usize) -> (String, Option<(Meaning, f64)>) {
    let number = seen.confusion.count(truth, said);
    let share = seen.confusion.share(truth, said);
    let right = truth == said;
    let meaning = if right { Meaning::Good } else { Meaning::Bad };
    match (mode, &seen.against) {
        (Mode::Difference, Some(Ok(other))) => {
            let points = (share - other.confusion.share(truth, said)) * 100.0;
            let text = if number == other.confusion.count(truth, said) { "·".into() } else { format!("{points:+.0}") };
            let better = right == (points > 0.0);
            // A fifth of a row gained or lost is much.
            let strength = points.abs() / 20.0;
            (text, (strength >= 0.05).then_some((if better { Meaning::Good } else { Meaning::Bad }, strength)))
        }
        _ if number == 0 => ("·".into(), None),
        (Mode::Counts, _) => (number.to_string(), Some((meaning, share))),
        _ => (format!("{:.0}", share * 100.0), Some((meaning, share))),
    }
}

/// Draws the matrix, scrolled so that the cursor is in sight.
pub(super) fn render(state: &State, seen: &Judgement, buffer: &mut Buffer, layout: &mut Layout, area: Rect) {
    let (theme, inspect) = (&state.theme, &state.inspect);
    let (names, cells, mode) = (names(seen), cell_columns(seen), inspect.mode());
    let classes = seen.inspection.classes();
    let across = usize::from(area.width.saturating_sub(names + 2) / cells);
    let down = usize::from(area.height.saturating_sub(2));
    let (truth, predicted) = inspect.cell;
    let (left, top) = (first_line(predicted, classes.len(), across), first_line(truth, classes.len(), down));
    let focus = if inspect.pane == InspectPane::Matrix { theme.accent() } else { theme.strong() };
    let part = across < classes.len() || down < classes.len();
    let note = if part { format!("of {} classes", classes.len()) } else { String::new() };
    let title = format!("{}: truth ↓ predicted →", mode_words(mode));
    rule(buffer, theme, Rect { height: 1, ..area }, &[(&title, focus)], &note);
    let mut head = Pen::new(buffer, theme, area, 1);
    head.skip(names + 2);
    for (said, name) in headings(classes, cells - 1).iter().enumerate().skip(left).take(across) {
        let style = if said == predicted { theme.strong() } else { theme.dim() };
        head.right(name, cells - 1, style).skip(1);
    }
    for (row, (line, name)) in (2..).zip(classes.iter().enumerate().skip(top).take(down)) {
        let mut pen = Pen::new(buffer, theme, area, row);
        let style = if line == truth { theme.strong() } else { theme.text() };
        pen.skip(1).left(name, names, style).skip(1);
        for said in (left..classes.len()).take(across) {
            let (text, strength) = cell(seen, mode, line, said);
            if said == predicted && inspect.pane != InspectPane::Faces {
                let (x, y) = pen.position();
                layout.add_lines(std::iter::once((line, Rect { x, y, width: cells, height: 1 })), truth);
            }
            let here = (line, said) == inspect.cell;
            draw(theme, &mut pen, &text, cells, style_of(theme, strength, line == said), here);
        }
    }
}

/// The diagonal is set in bold and underlined, whatever the colours.
fn style_of(theme: &Theme, strength: Option<(Meaning, f64)>, right: bool) -> Style {
    let style = strength.map_or_else(|| theme.dim(), |(meaning, share)| shade::style(theme, meaning, share));
    if right { style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED) } else { style }
}

/// `  19 `, or ` [19]` under the cursor.
fn draw(theme: &Theme, pen: &mut Pen<'_>, text: &str, columns: u16, style: Style, here: bool) {
    let pad = " ".repeat(usize::from((columns - 2).saturating_sub(width(text))));
    if here {
        let frame = theme.accent();
        pen.write(&pad, theme.text()).write("[", frame);
        pen.write(text, theme.strong().patch(theme.selected())).write("]", frame);
    } else {
        // The shade covers the padding too, the line under a number only that.
        let under = if style.bg.is_some() { style.remove_modifier(Modifier::UNDERLINED) } else { theme.text() };
        pen.skip(1).write(&pad, under).write(text, style).skip(1);
    }
}

/// Says what is under the cursor, where no faces stand beside the matrix.
pub(super) fn words(state: &State, seen: &Judgement, buffer: &mut Buffer, area: Rect) {
    let (truth, said) = state.inspect.cell;
    let (Some(name), Some(other)) = (seen.inspection.classes().get(truth), seen.inspection.classes().get(said)) else {
        return;
    };
    let taken = if truth == said { "recognized".to_owned() } else { format!("taken for {other}") };
    let text = format!(
        "{} of {} {name} {taken}; Tab: classes, faces",
        seen.confusion.count(truth, said),
        seen.confusion.support(truth)
    );
    Pen::new(buffer, &state.theme, area, 1).skip(1).write(&text, state.theme.text());
}

/// Names cut to this many columns: their beginnings, or their ends where those tell more of them apart.
fn headings(names: &[String], columns: u16) -> Vec<String> {
    let cut = |from_end: bool| -> Vec<String> {
        names.iter().map(|name| if from_end { end(name, columns) } else { beginning(name, columns) }).collect()
    };
    let (beginnings, ends) = (cut(false), cut(true));
    let different = |cut: &[String]| cut.iter().collect::<HashSet<_>>().len();
    if different(&ends) > different(&beginnings) { ends } else { beginnings }
}

fn beginning(name: &str, columns: u16) -> String {
    let mut kept = String::new();
    for c in name.chars() {
        if width(&format!("{kept}{c}")) > columns {
            break;
        }
        kept.push(c);
    }
    kept
}

fn end(name: &str, columns: u16) -> String {
    let mut kept = name;
    while width(kept) > columns {
        let mut chars = kept.chars();
        chars.next();
        kept = chars.as_str();
    }
    kept.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_keep_what_tells_classes_apart() {
        let cut = |names: &[&str]| headings(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), 4);
        assert_eq!(cut(&["angry", "disgust", "sad"]), ["angr", "disg", "sad"]);
        assert_eq!(cut(&["class-01", "class-02"]), ["s-01", "s-02"]);
        assert_eq!(cut(&["悲しい", "嬉しい"]), ["悲し", "嬉し"]);
    }
}
