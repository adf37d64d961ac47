//! Faces on the Data screen: some below the table, all of a class in pages, one enlarged, or one augmented.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::DataView;
use super::classes;
use crate::tui::layout::Canvas;
use crate::tui::library::DatasetView;
use crate::tui::messages::data::{Sample, VariantRequest};
use crate::tui::state::State;
use crate::tui::widgets::faces::{self, Pictures};
use crate::tui::widgets::number_text::{count, thousands};
use crate::tui::widgets::paint::{Pen, draw_rule, wrap};

/// The fewest rows for faces, with the rule above them. In fewer rows no face is recognizable.
const FACES_ROWS: u16 = 8;

/// Columns of the facts next to an enlarged face.
const FACTS_WIDTH: u16 = 36;

/// Lines below variants, for the settings in force.
const SETTINGS: u16 = 3;

/// Returns the number of empty lines around the fingerprint; 0 where the faces need them.
pub(super) fn gap(below: Rect) -> u16 {
    u16::from(!(FACES_ROWS + 1..FACES_ROWS + 5).contains(&below.height))
}

/// Returns the area of the rule and the faces below it; empty where there is no room.
pub(super) fn faces_area(state: &State, dataset: &DatasetView, area: Rect) -> Rect {
    if state.data.view != DataView::Table {
        return Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    }
    let table = classes::table_area(dataset, area);
    let below = Rect { y: table.bottom(), height: area.bottom().saturating_sub(table.bottom()), ..area };
    let used = 1 + 2 * gap(below);
    if below.height < used + FACES_ROWS {
        return Rect { height: 0, ..below };
    }
    Rect { y: below.y + used, height: below.height - used, ..below }
}

/// Returns the cells for pictures inside an area.
fn cells(state: &State, place: Rect, width: usize) -> Vec<Rect> {
    let inside = Rect {
        x: place.x + 1,
        y: place.y + 1,
        width: place.width.saturating_sub(2),
        height: place.height.saturating_sub(1),
    };
    let inside = match state.data.view {
        DataView::Table | DataView::Faces | DataView::Import => inside,
        DataView::Face => {
            let width = inside.width.saturating_sub(FACTS_WIDTH);
            return vec![Rect { width, ..inside }];
        }
        DataView::Marks => return vec![inside],
        // Each variant has a line below it with its epoch.
        DataView::Variants => Rect { height: inside.height.saturating_sub(SETTINGS + 1), ..inside },
    };
    faces::grid(&state.theme, state.facts.graphics != crate::tui::terminal_facts::Graphics::Blocks, inside, width)
}

/// Draws as many faces as fit.
pub(super) fn render(state: &State, dataset: &DatasetView, canvas: &mut Canvas<'_>, area: Rect) {
    let Canvas { buffer, pictures, layout, .. } = canvas;
    let data = &state.data;
    let Some((class, _)) = dataset.classes.get(data.class).filter(|_| area.height > 0) else { return };
    let places = cells(state, area, dataset.width as usize);
    layout.pictures = places.len();
    layout.pictures_across = places.iter().filter(|place| place.y == places[0].y).count();
    let theme = &state.theme;
    let (filter, all) = (data.filter.name(), data.count(&state.library));
    let page = if matches!(data.view, DataView::Face | DataView::Variants | DataView::Marks) {
        1
    } else {
        places.len().max(1)
    };
    let first = data.face / page * page;
    let last = (first + page).min(all);
    let range = match (all, page) {
        (0, _) => format!(" · no {filter} images"),
        // The list beside it names the image.
        _ if data.view == DataView::Marks => String::new(),
        (_, 1) => format!(" · {filter} {} of {}", thousands(first + 1), thousands(all)),
        _ => format!(" · {filter} {}–{} of {}", thousands(first + 1), thousands(last), thousands(all)),
    };
    // The number by which commands name the image. The position in the class alone would be taken for it.
    let shows_one = matches!(data.view, DataView::Face | DataView::Variants | DataView::Marks | DataView::Faces);
    let image = data.sample(&state.library).filter(|_| shows_one);
    let image = image.map_or_else(String::new, |sample| format!(" · image {}", sample.index));
    let title = [(class.as_str(), theme.strong()), (range.as_str(), theme.dim()), (image.as_str(), theme.text())];
    let note = match data.view {
        DataView::Table if all > page => "[ ] pages",
        DataView::Faces if area.width >= 100 => "[ ] pages · Enter enlarge · Esc back",
        DataView::Faces => "[ ] pages",
        DataView::Face => "← → others · Esc back",
        DataView::Variants => "[ ] epochs · ← → others · Esc back",
        DataView::Table | DataView::Import | DataView::Marks => "",
    };
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &title, note);
    let of_selection = data.faces.as_ref().filter(|faces| data.is_of_selection(&faces.pick, &state.library));
    let samples = match of_selection.map(|faces| (&faces.pick, &faces.samples)) {
        Some((pick, Ok(samples))) => samples.get(first.saturating_sub(pick.first)..).filter(|_| first >= pick.first),
        Some((_, Err(error))) => {
            for (row, line) in (2..).zip(wrap(error, area.width.saturating_sub(4))) {
                Pen::new(buffer, theme, area, row).skip(2).write(&line, theme.bad());
            }
            return;
        }
        None => None,
    };
    let Some(samples) = samples else { return };
    match data.view {
        DataView::Table | DataView::Faces | DataView::Import => {
            for (index, (sample, place)) in samples.iter().zip(&places).enumerate() {
                faces::render_one(buffer, pictures, theme, *place, &sample.face);
                if data.view == DataView::Faces && first + index == data.face {
                    let mark = Rect { x: place.x.saturating_sub(1), width: 1, ..*place };
                    Pen::new(buffer, theme, mark, 0).write(theme.glyphs.focus, theme.accent());
                    let foot = Rect { y: place.bottom(), height: 1, ..*place }.intersection(area);
                    Pen::new(buffer, theme, foot, 0).fill(theme.glyphs.done, theme.accent());
                }
            }
        }
        DataView::Face => {
            if let (Some(sample), Some(place)) = (samples.first(), places.first()) {
                large(state, dataset, sample, buffer, pictures, *place, area);
            }
        }
        DataView::Marks => {
            if let (Some(sample), Some(place)) = (samples.first(), places.first()) {
                faces::render_one(buffer, pictures, theme, *place, &sample.face);
            }
        }
        DataView::Variants => variants(state, buffer, pictures, &places, area),
    }
}

/// Draws an enlarged face, and its source to its right.
fn large(
    state: &State,
    dataset: &DatasetView,
    sample: &Sample,
    buffer: &mut Buffer,
    pictures: &mut Pictures,
    place: Rect,
    area: Rect,
) {
    let theme = &state.theme;
    let drawn = faces::render_one(buffer, pictures, theme, place, &sample.face);
    let x = drawn.right() + 3;
    let facts =
        Rect { x, y: place.y + 1, width: area.right().saturating_sub(x + 1), height: place.height.saturating_sub(1) };
    let colours = if sample.face.channels == 1 { "gray" } else { "colour" };
    let class = dataset.classes.get(state.data.class).map_or("", |(name, _)| name);
    let lines = [
        ("source", sample.source.clone()),
        ("size", format!("{}×{} pixels, {colours}", sample.face.width, sample.face.height())),
        ("class", class.to_owned()),
        // The number by which commands name the image, from 0.
        ("image", format!("{} of {}, from 0", sample.index, sample.split)),
    ];
    let mut row = 0;
    for (label, words) in lines {
        for (index, line) in wrap(&words, facts.width.saturating_sub(8)).iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            Pen::new(buffer, theme, facts, row).left(label, 8, theme.dim()).write(line, theme.text());
            row += 1;
        }
    }
}

/// Draws the original, its augmented versions, and the augmentation's settings.
fn variants(state: &State, buffer: &mut Buffer, pictures: &mut Pictures, places: &[Rect], area: Rect) {
    let theme = &state.theme;
    let Some((wanted, made)) = &state.data.variants else { return };
    let of_this = state.data.sample(&state.library).is_some_and(|sample| sample.index == wanted.index)
        && state.data.dataset(&state.library).is_some_and(|dataset| dataset.name == wanted.dataset);
    if !of_this {
        return;
    }
    match made {
        Ok(made) => {
            for (index, (face, place)) in made.iter().zip(places).enumerate() {
                faces::render_one(buffer, pictures, theme, *place, face);
                let words = match (index as u64).checked_sub(1) {
                    None => "original".into(),
                    Some(later) => format!("epoch {}", wanted.first + later),
                };
                let line = Rect { y: place.bottom(), height: 1, ..*place };
                Pen::new(buffer, theme, line, 0).write(&words, if index == 0 { theme.strong() } else { theme.dim() });
            }
        }
        Err(error) => {
            Pen::new(buffer, theme, area, 2).skip(2).write(error, theme.bad());
        }
    }
    let lines = wrap(&settings(wanted), area.width.saturating_sub(2));
    let row = area.height.saturating_sub(u16::try_from(lines.len()).unwrap_or(SETTINGS).min(SETTINGS));
    for (row, line) in (row..).zip(lines.iter().take(usize::from(SETTINGS))) {
        Pen::new(buffer, theme, area, row).skip(1).write(line, theme.dim());
    }
}

/// Returns the settings in force in words.
fn settings(variants: &VariantRequest) -> String {
    let Some(ranges) = variants.augmentation else {
        return "augment is none on the Train form: every epoch sees the original.".into();
    };
    let (low, high) = (1.0 - ranges.zoom, 1.0 + ranges.zoom);
    let flip = if ranges.horizontal_flip { "half of them mirrored" } else { "none mirrored" };
    let number = match variants.variants {
        0 => "a new one in every epoch".into(),
        variants => format!("{} in turn", count(variants as usize, "variant", "variants")),
    };
    format!(
        "As set on the Train form: rotation ±{}°, zoom {low:.2}–{high:.2} per axis, shift ±{:.0}% per axis, {flip}, edges \
         filled with the nearest pixel; seed {}, {number}.",
        ranges.rotation_degrees,
        ranges.shift * 100.0,
        variants.seed,
    )
}
