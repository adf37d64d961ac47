//! Draws the first steps, once for each user: five lines above the bottom line, away from the headings.

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
        [key("screen.data"), "Data: see the images; a demo dataset is included".into()],
        [key("screen.train"), "Train: choose settings, see the cost, start a run".into()],
        [key("screen.runs"), "Runs: watch training; it continues after you quit".into()],
        [
            format!("{} {}", key("screen.compare"), key("screen.inspect")),
            "Compare marked runs; Inspect a run's mistakes".into(),
        ],
        [format!("{} {}", key("help"), key("palette")), "list the keys; find commands. Any key closes this".into()],
    ];
    let columns = lines.iter().map(|[_, text]| width(text)).max().unwrap_or(0) + 9;
    let (columns, rows) = (columns.min(area.width), 7.min(area.height));
    let frame = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.bottom().saturating_sub(rows),
        width: columns,
        height: rows,
    };
    Clear.render(frame, buffer);
    let block = Block::bordered().border_type(theme.border()).border_style(theme.accent()).title(" first steps ");
    let inside = block.inner(frame);
    block.render(frame, buffer);
    for (row, [key, text]) in (0..).zip(&lines) {
        Pen::new(buffer, theme, inside, row).skip(1).left(key, 5, theme.accent()).write(text, theme.text());
    }
}
