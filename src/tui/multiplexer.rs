//! Terminal multiplexers, and the form in which they pass an escape sequence to the terminal around them.

/// The multiplexer in which the dashboard runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Multiplexer {
    /// None that is known.
    None,
    /// tmux, which passes sequences on with `allow-passthrough on`.
    Tmux,
    /// GNU screen.
    Screen,
}

impl Multiplexer {
    /// Finds the multiplexer by its environment variable.
    pub(super) fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let has = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        if has("TMUX") {
            Self::Tmux
        } else if has("STY") {
            Self::Screen
        } else {
            Self::None
        }
    }

    /// Returns the form in which the multiplexer passes a sequence on. The sequence must not contain ST (`ESC \`),
    /// which would end the form.
    pub(super) fn wrap(self, sequence: &str) -> String {
        match self {
            Self::None => sequence.to_owned(),
            Self::Tmux => format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")),
            Self::Screen => format!("\x1bP{sequence}\x1b\\"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multiplexer_is_found_by_its_variable() {
        let of = |set: &[&str]| Multiplexer::detect(|name| set.contains(&name).then(|| "x".to_owned()));
        assert_eq!(of(&["TERM"]), Multiplexer::None);
        assert_eq!(of(&["STY"]), Multiplexer::Screen);
        assert_eq!(of(&["STY", "TMUX"]), Multiplexer::Tmux);
        assert_eq!(Multiplexer::detect(|name| (name == "TMUX").then(String::new)), Multiplexer::None);
    }
}
