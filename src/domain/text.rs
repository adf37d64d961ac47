//! Safe printing of text from outside, and bytes as text.

/// Replaces every character that a terminal could interpret with `·`. These are control characters, among them ESC and
/// the C1 range, and the Unicode marks that reorder text. Otherwise a file name, class name or log line could send an
/// escape sequence.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_printable(c) { c } else { '·' }).collect()
}

/// Applies [`printable`] to text of several lines; line ends stay.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    text.chars().map(|c| if c == '\n' || is_printable(c) { c } else { '·' }).collect()
}

/// Returns JSON of the same value in which every character that a terminal could interpret is escaped.
#[must_use]
pub fn printable_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && !is_printable(c) {
            // All of these characters are below U+10000, and JSON has none outside of strings.
            safe.push_str("\\u");
            safe.extend([12, 8, 4, 0].map(|shift| char::from_digit(u32::from(c) >> shift & 0xf, 16).unwrap_or('0')));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Returns whether a terminal displays the character and does nothing else, as control characters do.
#[must_use]
pub fn is_printable(c: char) -> bool {
    let reorders = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    // The line and paragraph separators act as line ends.
    !(c.is_control() || reorders || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Returns bytes as hex digits, two each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value & 0xf)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Returns a word as a POSIX shell reads it unchanged: quoted if it has other characters than those of names and paths.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{hex, printable, printable_json, printable_lines, shell_word};

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }

    #[test]
    fn lines_keep_their_ends_and_json_its_values() {
        assert_eq!(printable_lines("a\u{1b}\n\tb\r\n"), "a·\n·b·\n");
        let value = "a\u{7f}\u{9b}\u{202e}\u{1b}\nü";
        let text = printable_json(&serde_json::to_string_pretty(&[value]).expect("JSON"));
        assert_eq!(printable_lines(&text), text);
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).expect("JSON"), [value]);
    }

    #[test]
    fn escape_sequences_are_defused_and_letters_stay() {
        assert_eq!(printable("ok\u{1b}[31mred\u{9b}2J\u{202e}x\n"), "ok·[31mred·2J·x·");
        assert_eq!(printable("Überraschung 悲しい"), "Überraschung 悲しい");
    }

    #[test]
    fn words_are_quoted_for_a_shell_where_they_need_it() {
        let table = [
            ("happy=joy", "happy=joy"),
            ("", "''"),
            ("very sad=NAME", "'very sad=NAME'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("~", "'~'"),
            ("悲しみ", "'悲しみ'"),
        ];
        for (word, expected) in table {
            assert_eq!(shell_word(word), expected);
        }
    }
}
