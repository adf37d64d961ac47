//! Escape sequences that copy a text to the terminal's clipboard (OSC 52), plain and wrapped for tmux.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::multiplexer::Multiplexer;

/// Returns the sequence that copies a text. Inside tmux it also holds the passthrough form, because tmux accepts one or
/// the other depending on `set-clipboard` and `allow-passthrough`.
#[must_use]
pub(super) fn sequence(text: &str, multiplexer: Multiplexer) -> String {
    let sequence = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    if multiplexer == Multiplexer::Tmux { sequence.clone() + &multiplexer.wrap(&sequence) } else { sequence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_tmux_both_forms_are_sent() {
        assert_eq!(sequence("foo", Multiplexer::None), "\x1b]52;c;Zm9v\x07");
        let both = "\x1b]52;c;Zm9v\x07\x1bPtmux;\x1b\x1b]52;c;Zm9v\x07\x1b\\";
        assert_eq!(sequence("foo", Multiplexer::Tmux), both);
    }
}
