//! ASCII for terminals whose locale has no Unicode.

/// Returns whether the locale uses UTF-8, from environment variables. As in every C library, the first variable that is
/// set decides, and none means the locale C, which is ASCII.
#[must_use]
pub fn has_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Returns the ASCII character that looks most similar; ASCII itself, with its control characters, stays.
#[must_use]
pub fn to_ascii(c: char) -> char {
    match c {
        '\0'..='\u{7f}' => c,
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
