//! The first steps, shown once: at most five lines above the bottom line, out of the way of what is read.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Widget};

use crate::tui::state::State;
use crate::tui::widgets::paint::{Pen, width};

pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) {
    if !state.tour {
        return;
    }
    let theme = &state.theme;
    let key = |name: &str| state.keymap.key(name);
    let lines = [
        [key("screen.data"), "Data: look at the faces; the demo dataset is there to try everything".into()],
        [key("screen.train"), "Train: choose, read what it will cost, launch".into()],
        [key("screen.runs"), "Runs: watch them; they go on when you leave".into()],
        [
            format!("{} {}", key("screen.compare"), key("screen.inspect")),
            "Compare marked runs; see what a run gets wrong".into(),
        ],
        [
            format!("{} {}", key("help"), key("palette")),
            "every key; everything by its name. Any key takes this away".into(),
        ],
    ];
    let columns = lines.iter().map(|[_, words]| width(words)).max().unwrap_or(0) + 9;
    let (columns, rows) = (columns.min(area.width), 7.min(area.height));
    let place = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.bottom().saturating_sub(rows),
        width: columns,
        height: rows,
    };
    Clear.render(place, buffer);
    let block = Block::bordered().border_type(theme.border()).border_style(theme.accent()).title(" first steps ");
    let inside = block.inner(place);
    block.render(place, buffer);
    for (row, [key, words]) in (0..).zip(&lines) {
        Pen::new(buffer, theme, inside, row).skip(1).left(key, 5, theme.accent()).write(words, theme.text());
    }
}
