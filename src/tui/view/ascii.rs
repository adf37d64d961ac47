//! Converts a frame to ASCII for terminals without Unicode. Screens draw with ASCII glyphs then; this step converts the
//! rest, such as names, so that every cell is ASCII.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Color;

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

/// Returns the ASCII character that looks most similar.
fn to_ascii(c: char) -> char {
    match c {
        '\u{2801}'..='\u{28ff}' => braille(u32::from(c) - 0x2800),
        '─' | '━' | '╌' | '┄' | '–' | '—' | '−' | '‐' | '╴' | '╶' => '-',
        '│' | '┃' | '┆' | '┊' | '╎' => '|',
        '\u{250c}'..='\u{254b}' | '╭' | '╮' | '╯' | '╰' | '\u{2550}'..='\u{256c}' | '±' | '✓' | '✔' => '+',
        '█' | '▉' | '▊' | '▋' | '▇' | '▆' | '▅' | '■' | '▓' | '▒' | '◼' => '#',
        '▌' => ']',
        '▐' => '[',
        '▍' | '▎' | '▏' | '▃' | '▂' | '▁' | '╸' | '╺' => '=',
        '░' | '□' | '·' | '•' | '∙' | '◻' => '.',
        '●' | '◆' | '★' | '⬤' => '*',
        '○' | '◇' | '☆' | '°' => 'o',
        '▶' | '▸' | '▷' | '›' | '→' | '≥' | '»' => '>',
        '◀' | '◂' | '‹' | '←' | '≤' | '«' => '<',
        '▲' | '△' | '▴' | '↑' => '^',
        '▼' | '▽' | '▾' | '↓' | '√' => 'v',
        '✗' | '✘' | '×' | '✕' => 'x',
        '…' | '≈' | '∼' => '~',
        '≠' => '!',
        '÷' | '⁄' => '/',
        '∞' => '8',
        '“' | '”' | '„' => '"',
        '‘' | '’' | '‚' | '′' => '\'',
        '²' => '2',
        '³' => '3',
        'µ' | 'μ' => 'u',
        'σ' => 's',
        'Δ' => 'd',
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{2800}' => ' ',
        _ => '?',
    }
}

/// Returns the ASCII character that looks most like these braille dots. Bits 0, 1, 2 and 6 are the left column from the
/// top, 3, 4, 5 and 7 the right.
fn braille(bits: u32) -> char {
    let rows = [0x09, 0x12, 0x24, 0xc0].map(|row| bits & row != 0);
    let top = |mask: [u32; 4]| mask.iter().position(|bit| bits & bit != 0);
    let (left, right) = (top([0x01, 0x02, 0x04, 0x40]), top([0x08, 0x10, 0x20, 0x80]));
    match rows.iter().filter(|row| **row).count() {
        0 => ' ',
        1 => match rows.iter().position(|row| *row) {
            Some(0) => '\'',
            Some(3) => {
                if left.is_some() && right.is_some() {
                    '_'
                } else {
                    '.'
                }
            }
            _ => '-',
        },
        _ => match (left, right) {
            (Some(left), Some(right)) if left < right => '\\',
            (Some(left), Some(right)) if left > right => '/',
            (Some(_), Some(_)) => {
                if rows == [true; 4] {
                    '#'
                } else {
                    ':'
                }
            }
            _ => '|',
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braille_dots_become_similar_characters() {
        let table = [('⠉', '\''), ('⠒', '-'), ('⣀', '_'), ('⠑', '\\'), ('⠊', '/'), ('⡇', '|'), ('⣿', '#'), ('⢀', '.')];
        for (dots, character) in table {
            assert_eq!(to_ascii(dots), character, "{dots}");
        }
    }

    #[test]
    fn every_character_becomes_ascii() {
        for c in ('\u{80}'..=char::MAX).filter(|c| !c.is_control()) {
            assert!(to_ascii(c).is_ascii_graphic() || to_ascii(c) == ' ', "{c}");
        }
    }
}
