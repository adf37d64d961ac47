//! Converts a frame to ASCII for terminals without Unicode. Screens draw with ASCII glyphs then; this step converts the
//! rest, such as names, so that every cell is ASCII.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Color;

use crate::domain::ascii::to_ascii;
use crate::tui::theme::Theme;

/// Converts every cell of the buffer to ASCII.
pub(super) fn convert_to_ascii(buffer: &mut Buffer, theme: &Theme) {
    for cell in &mut buffer.content {
        if cell.symbol().is_ascii() {
            continue;
        }
        let mut characters = cell.symbol().chars();
        let (c, is_single) = (characters.next().unwrap_or(' '), characters.next().is_none());
        match c {
            '▀' | '▄' if is_single => convert_pixels(cell, theme),
            _ => {
                cell.set_char(to_ascii(c));
            }
        }
    }
}

/// Converts a cell of two pixels to their mean gray: as background where the terminal has grays, else as a character of
/// that density.
fn convert_pixels(cell: &mut Cell, theme: &Theme) {
    const DENSITY: &[u8] = b" .:-=+*#%@";
    let levels = [level(cell.fg), level(cell.bg)];
    let known: Vec<u16> = levels.into_iter().flatten().map(u16::from).collect();
    let Some(mean) = known.iter().sum::<u16>().checked_div(u16::try_from(known.len()).unwrap_or(0)) else {
        cell.set_char('#');
        return;
    };
    let mean = u8::try_from(mean).unwrap_or(u8::MAX);
    if let Some(gray) = theme.gray(mean) {
        cell.set_char(' ').set_bg(gray);
    } else {
        cell.set_char(char::from(DENSITY[usize::from(mean) * DENSITY.len() / 256]));
    }
}

fn level(color: Color) -> Option<u8> {
    match color {
        Color::Indexed(index @ 232..) => Some(8 + 10 * (index - 232)),
        Color::Rgb(red, green, blue) => u8::try_from((u16::from(red) + u16::from(green) + u16::from(blue)) / 3).ok(),
        _ => None,
    }
}
