//! The table of a dataset's classes: the number of images in each split, and their share.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{Split, SplitCounts};
use crate::tui::layout::Layout;
use crate::tui::library::DatasetView;
use crate::tui::messages::data::SplitFilter;
use crate::tui::state::State;
use crate::tui::widgets::bars;
use crate::tui::widgets::number_text::{count, percent, real, share, thousands};
use crate::tui::widgets::paint::{Pen, width};
use crate::tui::widgets::table::first_line;

/// Columns of a number.
const NUMBER: u16 = 9;

/// The fewest columns with bars for each split.
const THREE_BARS: u16 = 150;

/// Returns the area of heading, classes and totals. With many classes, a third of `area` is left for faces.
pub(super) fn table_area(dataset: &DatasetView, area: Rect) -> Rect {
    let classes = u16::try_from(dataset.classes.len()).unwrap_or(u16::MAX);
    // The six further lines are the facts, an empty line, the heading, the totals, and what follows them.
    let most = area.height.saturating_sub(6);
    // The faces below need at least eight lines and one above them.
    let shared = (area.height * 2 / 3).saturating_sub(4).min(area.height.saturating_sub(13)).max(3);
    let rows = if classes > most { shared.min(most) } else { classes };
    Rect { y: area.y + 2, height: (rows + 2).min(area.height.saturating_sub(2)), ..area }
}

/// Returns `48×48 gray · 7 classes · 35,887 images · imbalance 16.5 : 1`.
pub(super) fn facts(state: &State, dataset: &DatasetView) -> String {
    let filter = state.data.filter;
    let counts = || dataset.classes.iter().map(|(_, counts)| filter.of(*counts));
    // The imbalance is a fact of the dataset, as `mien data show` prints it, and does not depend on the split shown.
    let learned = || dataset.classes.iter().map(|(_, counts)| counts.train + counts.validation);
    let (largest, smallest) = (learned().max().unwrap_or(0), learned().min().unwrap_or(0));
    let empty = counts().filter(|count| *count == 0).count();
    let imbalance = match smallest {
        _ if counts().sum::<usize>() == 0 => format!("no {} images", filter.name()),
        _ if empty > 0 => format!("{} without {} images", count(empty, "class", "classes"), filter.name()),
        0 => "imbalance infinite".into(),
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

/// Returns the splits that have bars: the selected one, or each where there is room.
fn shown(state: &State, area: Rect) -> Vec<SplitFilter> {
    match state.data.filter {
        SplitFilter::All if area.width >= THREE_BARS => SplitFilter::EACH.to_vec(),
        _ if area.width >= THREE_BARS => Split::ALL.map(SplitFilter::Of).to_vec(),
        filter => vec![filter],
    }
}

/// Draws the table of classes.
pub(super) fn render(state: &State, dataset: &DatasetView, buffer: &mut Buffer, layout: &mut Layout, area: Rect) {
    let theme = &state.theme;
    let names = dataset.classes.iter().map(|(name, _)| width(name)).max().unwrap_or(0).clamp(6, 20);
    let filters = shown(state, area);
    let bars = (area.width.saturating_sub(2 + names + 3 * NUMBER + 3)) / u16::try_from(filters.len()).unwrap_or(1);
    let style_of = |filter: SplitFilter| if filter == state.data.filter { theme.strong() } else { theme.dim() };
    let mut head = Pen::new(buffer, theme, area, 0);
    head.skip(2).left("CLASS", names, theme.dim());
    for (title, split) in ["TRAIN", "VAL", "TEST"].into_iter().zip(Split::ALL) {
        head.right(title, NUMBER, style_of(SplitFilter::Of(split)));
    }
    head.skip(3);
    for filter in &filters {
        let title =
            if *filter == SplitFilter::All { "share of all".into() } else { format!("share of {}", filter.name()) };
        head.left(&title, bars, style_of(*filter));
    }
    let visible = area.height.saturating_sub(2);
    let first = first_line(state.data.class, dataset.classes.len(), visible.into());
    let rows = (1..=visible).zip(first..dataset.classes.len());
    let rows = rows.map(|(row, class)| (class, Rect { y: area.y + row, height: 1, ..area }));
    layout.add_lines(rows, state.data.class);
    for (row, (index, (name, counts))) in (1..=visible).zip(dataset.classes.iter().enumerate().skip(first)) {
        let mut pen = Pen::new(buffer, theme, area, row);
        let chosen = index == state.data.class;
        let style = if chosen { theme.strong() } else { theme.text() };
        pen.left(if chosen { theme.glyphs.focus } else { "" }, 2, theme.accent()).left(name, names, style);
        numbers(&mut pen, *counts, style);
        for filter in &filters {
            let of = |counts: SplitCounts| filter.of(counts);
            let most = dataset.classes.iter().map(|(_, counts)| of(*counts)).max().unwrap_or(0);
            let columns = bars.saturating_sub(if filters.len() > 1 { 10 } else { 8 });
            pen.left(&bars::bar(share(of(*counts), most), columns, theme), columns, bar_style(state, *filter));
            pen.right(&percent(share(of(*counts), of(dataset.counts())), 1), 7, style);
            pen.skip(if filters.len() > 1 { 3 } else { 0 });
        }
    }
    let mut pen = Pen::new(buffer, theme, area, area.height.saturating_sub(1));
    pen.skip(2).left("total", names, theme.dim());
    numbers(&mut pen, dataset.counts(), theme.strong());
    let below = dataset.classes.len().saturating_sub(first + usize::from(visible));
    if below > 0 {
        pen.write(&format!("{} below", count(below, "more class", "more classes")), theme.dim());
    }
}

fn bar_style(state: &State, filter: SplitFilter) -> Style {
    match filter {
        SplitFilter::Of(Split::Validation) => state.theme.validation(),
        SplitFilter::Of(Split::Test) => state.theme.good(),
        SplitFilter::Of(Split::Train) | SplitFilter::All => state.theme.train(),
    }
}

fn numbers(pen: &mut Pen<'_>, counts: SplitCounts, style: Style) {
    for number in [counts.train, counts.validation, counts.test] {
        pen.right(&thousands(number), NUMBER, style);
    }
    pen.skip(3);
}
