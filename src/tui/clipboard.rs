//! Escape sequences that copy a text to the terminal's clipboard (OSC 52), plain and wrapped for tmux.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Returns the sequence that copies a text. Inside tmux it also holds the passthrough form, because tmux accepts one or
/// the other depending on `set-clipboard` and `allow-passthrough`.
#[must_use]
pub(super) fn sequence(text: &str, in_tmux: bool) -> String {
    let mut sequence = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    if in_tmux {
        let inner = sequence.replace('\x1b', "\x1b\x1b");
        let _ = write!(sequence, "\x1bPtmux;{inner}\x1b\\");
    }
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_tmux_both_forms_are_sent() {
        assert_eq!(sequence("foo", false), "\x1b]52;c;Zm9v\x07");
        assert_eq!(sequence("foo", true), "\x1b]52;c;Zm9v\x07\x1bPtmux;\x1b\x1b]52;c;Zm9v\x07\x1b\\");
    }
}
