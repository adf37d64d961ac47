//! The bell and the desktop notification of a notice, as escape sequences for the terminal.

use super::multiplexer::Multiplexer;
use crate::config::{Notify, TerminalNotice};
use crate::domain::text::printable;

/// The most characters of a notification. GNU screen passes on sequences of at most 256 bytes.
const LONGEST: usize = 160;

/// The most bytes of a notification.
const LONGEST_BYTES: usize = 200;

/// Returns the bytes that ring the bell and show a notification, as the settings demand.
pub(super) fn sequence(settings: &Notify, text: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let multiplexer = Multiplexer::detect(&variable);
    let kind = match settings.terminal {
        TerminalNotice::Auto => supported(multiplexer, &variable),
        chosen => chosen,
    };
    let bell = if settings.bell { "\x07" } else { "" };
    let notification = match kind {
        // BEL ends both, because ST would end the passthrough of a multiplexer. Without the name before the text,
        // terminals that use OSC 9 for other things would take a leading number as a command.
        TerminalNotice::Osc9 => multiplexer.wrap(&format!("\x1b]9;mien: {}\x07", shortened(text))),
        TerminalNotice::Osc777 => {
            // A semicolon would begin another field.
            let text = shortened(text).replace(';', ",");
            multiplexer.wrap(&format!("\x1b]777;notify;mien;{text}\x07"))
        }
        TerminalNotice::Auto | TerminalNotice::Off => String::new(),
    };
    // The bell is a multiplexer's own matter, too, and is not wrapped.
    bell.to_owned() + &notification
}

/// Returns the kind of notification to send without a setting. It is OSC 777 where the terminal is known to need it,
/// and none where an escape sequence would be shown as text. Otherwise it is OSC 9, which other terminals ignore.
fn supported(multiplexer: Multiplexer, variable: impl Fn(&str) -> Option<String>) -> TerminalNotice {
    let term = variable("TERM").unwrap_or_default();
    if matches!(term.as_str(), "" | "dumb" | "linux") {
        return TerminalNotice::Off;
    }
    // Inside a multiplexer the variables describe the terminal in which it was started.
    let vte = variable("VTE_VERSION").is_some_and(|version| !version.is_empty());
    let needs_777 = vte || term.starts_with("rxvt") || term.starts_with("foot");
    if needs_777 && multiplexer == Multiplexer::None { TerminalNotice::Osc777 } else { TerminalNotice::Osc9 }
}

/// Returns the text without characters that could steer the terminal, cut to the longest notification.
fn shortened(text: &str) -> String {
    let mut short: String = printable(text).chars().take(LONGEST).collect();
    while short.len() > LONGEST_BYTES {
        short.pop();
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(terminal: TerminalNotice, variables: &[(&str, &str)], text: &str) -> String {
        let variable =
            |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        sequence(&Notify { terminal, bell: false, ..Notify::default() }, text, variable)
    }

    #[test]
    fn the_sequence_depends_on_setting_terminal_and_multiplexer() {
        use TerminalNotice::{Auto, Off, Osc9, Osc777};
        let xterm = ("TERM", "xterm-256color");
        let (nine, other) = ("\x1b]9;mien: a; b\x07", "\x1b]777;notify;mien;a, b\x07");
        let table: [(_, &[(&str, &str)], String); 11] = [
            (Auto, &[xterm], nine.into()),
            (Auto, &[("TERM", "rxvt-unicode-256color")], other.into()),
            (Auto, &[("TERM", "foot")], other.into()),
            (Auto, &[xterm, ("VTE_VERSION", "7600")], other.into()),
            (Auto, &[("TERM", "linux")], String::new()),
            (Auto, &[], String::new()),
            (Off, &[xterm], String::new()),
            (Osc777, &[xterm], other.into()),
            (Osc9, &[("TERM", "foot")], nine.into()),
            (
                Auto,
                &[("TERM", "tmux-256color"), ("TMUX", "/tmp/t"), ("VTE_VERSION", "7600")],
                "\x1bPtmux;\x1b\x1b]9;mien: a; b\x07\x1b\\".into(),
            ),
            (Osc777, &[("TERM", "screen"), ("STY", "1")], format!("\x1bP{other}\x1b\\")),
        ];
        for (terminal, variables, expected) in table {
            assert_eq!(sent(terminal, variables, "a; b"), expected, "{terminal:?} {variables:?}");
        }
        let bell = |bell| sequence(&Notify { bell, terminal: Off, ..Notify::default() }, "a", |_| None);
        assert_eq!((bell(true).as_str(), bell(false).as_str()), ("\x07", ""));
    }

    #[test]
    fn text_from_outside_is_short_and_cannot_end_the_sequence() {
        let text = sent(TerminalNotice::Osc9, &[], "x\x07\x1b\\\u{9c}\u{9d}777;");
        assert_eq!(text, "\x1b]9;mien: x··\\··777;\x07");
        for long in ["x".repeat(5_000), "悲".repeat(5_000)] {
            let text = sent(TerminalNotice::Osc777, &[("STY", "1")], &long);
            assert!(text.len() <= 256 && text.ends_with("\x07\x1b\\"), "{}", text.len());
        }
    }
}
