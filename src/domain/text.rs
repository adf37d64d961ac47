//! Text from outside, made safe for a terminal, and bytes as text.

/// Replaces everything that a terminal could act on (control characters, among them ESC and the C1 range,
/// and the Unicode marks that reorder text) with `·`, so that no file name, class name or log line can send an
/// escape sequence.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { '·' } else { c }).collect()
}

fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Bytes as hex digits, two each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value & 0xf)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::{hex, printable};

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }

    #[test]
    fn escape_sequences_are_defused_and_letters_are_kept() {
        assert_eq!(printable("ok\u{1b}[31mred\u{9b}2J\u{202e}x\n"), "ok·[31mred·2J·x·");
        assert_eq!(printable("Überraschung 悲しい"), "Überraschung 悲しい");
    }
}
