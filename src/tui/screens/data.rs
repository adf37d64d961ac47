//! The Data screen: what is there to train on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::{Size, SplitCounts};
use crate::tui::state::{DatasetView, State};
use crate::tui::widgets::bars;
use crate::tui::widgets::faces::{self, Pictures};
use crate::tui::widgets::figures::{count, percent, real, share, thousands};
use crate::tui::widgets::paint::{Pen, rule, width, wrap};
use crate::tui::widgets::table::first_line;

/// The fewest rows for faces, with the rule over them. Smaller ones show nobody.
const FACES_ROWS: u16 = 8;

/// ```text
///  dataset  demo  ▸fer2013
///  48×48 gray · 7 classes · 35,887 images · largest to smallest class 16.5 : 1
///  CLASS       TRAIN    VAL   TEST   share of train + val
///  angry       3,596    399    958   ██████████▉                          13.9%
/// ```
pub(super) fn render(state: &State, buffer: &mut Buffer, pictures: &mut Pictures, area: Rect) {
    if state.data.entries.is_empty() {
        return empty(state, buffer, area);
    }
    selector(state, buffer, area);
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let theme = &state.theme;
    match state.data.entries.get(state.data.selected).map(|entry| &entry.dataset) {
        Some(Ok(dataset)) => show(state, dataset, buffer, pictures, body),
        Some(Err(reason)) => {
            for (row, line) in (1..).zip(wrap(reason, body.width - 4)) {
                Pen::new(buffer, theme, body, row).skip(2).write(&line, theme.bad());
            }
        }
        None => {}
    }
}

fn empty(state: &State, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    if let Some(error) = &state.data.error {
        for (row, line) in (1..).zip(wrap(error, area.width - 4)) {
            Pen::new(buffer, theme, area, row).skip(2).write(&line, theme.bad());
        }
        return;
    }
    let demo = if !state.data.loaded {
        "reading the datasets …".into()
    } else if state.data.drawing_demo {
        "drawing the demo dataset: seven expressions, a few seconds …".into()
    } else if let Some(error) = &state.data.demo_error {
        format!("the demo dataset was not drawn: {error}")
    } else {
        "d draws the demo dataset: seven expressions, ready to train on".into()
    };
    let lines = [
        ("There is no dataset here yet.", theme.strong()),
        ("", theme.text()),
        (demo.as_str(), theme.accent()),
        ("", theme.text()),
        ("For FER-2013, or your own pictures in train/CLASS and test/CLASS, run", theme.text()),
        ("    mien data import PATH --name fer2013", theme.strong()),
        ("PATH is a folder, a zip or tar archive, or fer2013.csv. The dataset", theme.text()),
        ("appears here by itself.", theme.text()),
    ];
    for (row, (line, style)) in (1..).zip(lines) {
        Pen::new(buffer, theme, area, row).skip(2).write(line, style);
    }
}

/// The names of all datasets on one line, the selected one marked; scrolled where they do not fit.
fn selector(state: &State, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let data = &state.data;
    let mut pen = Pen::new(buffer, theme, area, 0);
    pen.write(" dataset ", theme.dim());
    let room = usize::from(pen.room().saturating_sub(24));
    let before: usize = data.entries[..data.selected].iter().map(|entry| entry.name.as_str().len() + 4).sum();
    let mut skipped = 0;
    let first = data.entries.iter().take_while(|entry| {
        skipped += entry.name.as_str().len() + 4;
        before > room / 2 && skipped < before - room / 2
    });
    let first = first.count();
    for (index, entry) in data.entries.iter().enumerate().skip(first) {
        let style = if index == data.selected { theme.strong().patch(theme.selected()) } else { theme.text() };
        pen.write(&format!(" {} ", entry.name), style).skip(1);
    }
    if data.entries.len() > 1 {
        pen.flush_right("← → other dataset ", theme.dim());
    } else if data.drawing_demo {
        pen.flush_right("drawing the demo dataset … ", theme.dim());
    }
}

fn learned(counts: SplitCounts) -> usize {
    counts.train + counts.validation
}

fn facts(dataset: &DatasetView) -> String {
    let largest = dataset.classes.iter().map(|(_, counts)| learned(*counts)).max().unwrap_or(0);
    let smallest = dataset.classes.iter().map(|(_, counts)| learned(*counts)).min().unwrap_or(0);
    let imbalance = match smallest {
        0 => "a class is empty".into(),
        _ => format!("imbalance {:.1} : 1", real(largest as u64) / real(smallest as u64)),
    };
    format!(
        "{}×{} {} · {} · {} · {imbalance}",
        dataset.width,
        dataset.height,
        if dataset.channels == 1 { "gray" } else { "colour" },
        count(dataset.classes.len(), "class", "classes"),
        count(dataset.counts().total(), "image", "images"),
    )
}

fn show(state: &State, dataset: &DatasetView, buffer: &mut Buffer, pictures: &mut Pictures, area: Rect) {
    let theme = &state.theme;
    Pen::new(buffer, theme, area, 0).skip(1).write(&facts(dataset), theme.text());
    let classes = u16::try_from(dataset.classes.len()).unwrap_or(u16::MAX);
    // Around the lines of the classes: the facts, an empty line, the heading, the totals, and what follows them.
    let rows = classes.min(area.height.saturating_sub(6));
    let table = Rect { y: area.y + 2, height: rows + 2, ..area };
    distribution(state, dataset, buffer, table);
    let below = Rect { y: table.bottom(), height: area.bottom().saturating_sub(table.bottom()), ..area };
    let skipped = match dataset.skipped {
        0 => "nothing skipped at import".into(),
        n => format!("{} skipped at import", count(usize::try_from(n).unwrap_or(usize::MAX), "file", "files")),
    };
    let print: String = dataset.fingerprint.chars().take(12).collect();
    let drawn = theme.gray(0).is_some();
    // Where they are short, faces get the empty lines around the fingerprint too.
    let tight = drawn && (FACES_ROWS + 1..FACES_ROWS + 5).contains(&below.height);
    let gap = u16::from(!tight);
    let mut pen = Pen::new(buffer, theme, below, gap);
    pen.skip(1).write(&format!("fingerprint {print} · {skipped}"), theme.dim());
    let kept = kept(state, dataset, pen.room());
    pen.write(&kept, theme.dim());
    let used = 1 + 2 * gap;
    if drawn && below.height >= used + FACES_ROWS {
        sample(state, dataset, buffer, pictures, Rect { y: below.y + used, height: below.height - used, ..below });
    }
}

/// What cached features of the dataset take, if there are any, in at most this many columns:
/// ` · cached features 232 MiB (block4 at 96 px)`.
fn kept(state: &State, dataset: &DatasetView, columns: u16) -> String {
    let of_this = state.data.features.as_ref().filter(|(name, usage)| *name == dataset.name && !usage.is_empty());
    let Some((_, usage)) = of_this else { return String::new() };
    let bytes: u64 = usage.iter().map(|usage| usage.bytes).sum();
    let short = format!(" · cached features {}", Size(bytes));
    let of: Vec<String> = usage.iter().map(|usage| format!("{} at {} px", usage.key.layer, usage.key.size)).collect();
    let long = format!("{short} ({})", of.join(", "));
    if width(&long) <= columns { long } else { short }
}

fn distribution(state: &State, dataset: &DatasetView, buffer: &mut Buffer, area: Rect) {
    const NUMBER: u16 = 9;
    let theme = &state.theme;
    let names = dataset.classes.iter().map(|(name, _)| width(name)).max().unwrap_or(0).clamp(6, 20);
    let all = learned(dataset.counts());
    let most = dataset.classes.iter().map(|(_, counts)| learned(*counts)).max().unwrap_or(0);
    let mut head = Pen::new(buffer, theme, area, 0);
    head.skip(2).left("CLASS", names, theme.dim());
    for title in ["TRAIN", "VAL", "TEST"] {
        head.right(title, NUMBER, theme.dim());
    }
    head.skip(3).write("share of train + val", theme.dim());
    let visible = area.height.saturating_sub(2);
    let first = first_line(state.data.class, dataset.classes.len(), visible.into());
    let line = |pen: &mut Pen<'_>, counts: SplitCounts, style| {
        for number in [counts.train, counts.validation, counts.test] {
            pen.right(&thousands(number), NUMBER, style);
        }
        pen.skip(3);
    };
    for (row, (index, (name, counts))) in (1..=visible).zip(dataset.classes.iter().enumerate().skip(first)) {
        let mut pen = Pen::new(buffer, theme, area, row);
        let chosen = index == state.data.class;
        let style = if chosen { theme.strong() } else { theme.text() };
        pen.left(if chosen { theme.glyphs.focus } else { "" }, 2, theme.accent()).left(name, names, style);
        line(&mut pen, *counts, style);
        let columns = pen.room().saturating_sub(8);
        pen.left(&bars::bar(share(learned(*counts), most), columns, theme), columns, theme.train());
        pen.right(&percent(share(learned(*counts), all), 1), 7, style);
    }
    let mut pen = Pen::new(buffer, theme, area, area.height - 1);
    pen.skip(2).left("total", names, theme.dim());
    line(&mut pen, dataset.counts(), theme.strong());
}

fn sample(state: &State, dataset: &DatasetView, buffer: &mut Buffer, pictures: &mut Pictures, area: Rect) {
    let theme = &state.theme;
    let Some((class, _)) = dataset.classes.get(state.data.class) else { return };
    let Some((_, _, images)) = state
        .data
        .samples
        .as_ref()
        .filter(|(name, of, images)| *name == dataset.name && *of == state.data.class && !images.is_empty())
    else {
        return;
    };
    rule(buffer, theme, Rect { height: 1, ..area }, &[(class, theme.strong()), (": training images", theme.dim())], "");
    let place = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 1 };
    faces::render(buffer, pictures, theme, place, images);
}
