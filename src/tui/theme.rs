//! All colours and glyphs. Colour repeats what a glyph or a word already says; on `NO_COLOR` only attributes remain.
//!
//! The terminal's own foreground and background are never replaced, and every colour here is readable on black and on
//! white.

use ratatui::style::{Color, Modifier, Style};

use crate::domain::RunState;

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None: attributes only.
    Mono,
    /// The 16 of the terminal's own palette.
    Sixteen,
    /// The fixed 256.
    Indexed,
    /// 24 bits.
    True,
}

/// The characters that draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glyphs {
    /// Bars from empty to full in eighths of a cell.
    pub eighths: [&'static str; 9],
    /// A done piece of a progress line.
    pub done: &'static str,
    /// The end of the done piece.
    pub done_end: &'static str,
    /// A piece to do, also the rule between panes.
    pub line: &'static str,
    /// Between panes side by side.
    pub bar: &'static str,
    /// An axis with a tick to its left.
    pub tick_y: &'static str,
    /// An axis with a tick below.
    pub tick_x: &'static str,
    /// Where the axes meet.
    pub corner: &'static str,
    /// The best epoch.
    pub best: &'static str,
    /// The best of several.
    pub winner: &'static str,
    /// Patience used.
    pub used: &'static str,
    /// Patience left.
    pub left: &'static str,
    /// Around a choice.
    pub choice: [&'static str; 2],
    /// What is chosen among a few, and what is not.
    pub radio: [&'static str; 2],
    /// Before what has the focus.
    pub focus: &'static str,
    /// What was cut off.
    pub ellipsis: &'static str,
}

/// Glyphs for a terminal that shows Unicode.
pub static UNICODE: Glyphs = Glyphs {
    eighths: ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    done: "━",
    done_end: "╸",
    line: "─",
    bar: "│",
    tick_y: "┤",
    tick_x: "┬",
    corner: "└",
    best: "●",
    winner: "▲",
    used: "■",
    left: "□",
    choice: ["‹", "›"],
    radio: ["●", "○"],
    focus: "▸",
    ellipsis: "…",
};

/// How things look.
#[derive(Debug, Clone)]
pub struct Theme {
    /// How many colours there are.
    pub depth: Depth,
    /// The characters that draw.
    pub glyphs: &'static Glyphs,
}

impl Theme {
    /// The theme for an environment, given as a look-up of its variables.
    #[must_use]
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name: &str, test: fn(&str) -> bool| variable(name).is_some_and(|value| test(&value));
        let depth = if is("NO_COLOR", |value| !value.is_empty()) || is("TERM", |term| term == "dumb") {
            Depth::Mono
        } else if is("COLORTERM", |value| value.contains("truecolor") || value.contains("24bit")) {
            Depth::True
        } else if is("TERM", |term| term.contains("256") || term.contains("direct")) {
            Depth::Indexed
        } else {
            Depth::Sixteen
        };
        Self { depth, glyphs: &UNICODE }
    }

    fn color(&self, sixteen: Color, indexed: u8) -> Style {
        match self.depth {
            Depth::Mono => Style::new(),
            Depth::Sixteen => Style::new().fg(sixteen),
            Depth::Indexed | Depth::True => Style::new().fg(Color::Indexed(indexed)),
        }
    }

    /// Ordinary text.
    #[must_use]
    pub fn text(&self) -> Style {
        Style::new()
    }

    /// What stands back: labels, rules, explanations.
    #[must_use]
    pub fn dim(&self) -> Style {
        self.color(Color::DarkGray, 244)
    }

    /// Headings and figures that matter.
    #[must_use]
    pub fn strong(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Titles, keys, the focus.
    #[must_use]
    pub fn accent(&self) -> Style {
        self.color(Color::Cyan, 37).add_modifier(Modifier::BOLD)
    }

    /// The selected line.
    #[must_use]
    pub fn selected(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// All is well.
    #[must_use]
    pub fn good(&self) -> Style {
        self.color(Color::Green, 35)
    }

    /// Look here some time.
    #[must_use]
    pub fn warning(&self) -> Style {
        self.color(Color::Magenta, 172)
    }

    /// Something went wrong.
    #[must_use]
    pub fn bad(&self) -> Style {
        self.color(Color::Red, 167)
    }

    /// The training curve and training images.
    #[must_use]
    pub fn train(&self) -> Style {
        self.color(Color::Cyan, 32)
    }

    /// The training curve between epochs.
    #[must_use]
    pub fn steps(&self) -> Style {
        self.color(Color::DarkGray, 67)
    }

    /// The validation curve.
    #[must_use]
    pub fn validation(&self) -> Style {
        self.color(Color::Magenta, 172)
    }

    /// One of up to six runs over one another. Their letters tell them apart where colours do not.
    #[must_use]
    pub fn run(&self, index: usize) -> Style {
        const COLORS: [(Color, u8); 6] = [
            (Color::Cyan, 32),
            (Color::Magenta, 172),
            (Color::Green, 35),
            (Color::Red, 167),
            (Color::Blue, 133),
            (Color::DarkGray, 244),
        ];
        let (sixteen, indexed) = COLORS[index % COLORS.len()];
        self.color(sixteen, indexed)
    }

    /// A level of gray from 0 to 255, where the terminal has enough of them.
    #[must_use]
    pub fn gray(&self, level: u8) -> Option<Color> {
        match self.depth {
            Depth::Mono | Depth::Sixteen => None,
            // 232 to 255 are 24 grays from 8 to 238.
            Depth::Indexed => Some(Color::Indexed(232 + level / 11)),
            Depth::True => Some(Color::Rgb(level, level, level)),
        }
    }

    /// The nearest colour that the terminal has; only where it has more than sixteen.
    #[must_use]
    pub fn color_of(&self, [red, green, blue]: [u8; 3]) -> Color {
        if self.depth == Depth::True {
            return Color::Rgb(red, green, blue);
        }
        if red == green && green == blue {
            return Color::Indexed(232 + red / 11);
        }
        // 16 to 231 are a cube with these values on each side: 0, 95, 135, 175, 215, 255.
        let side = |value: u8| if value < 48 { 0 } else { (value.max(75) - 35) / 40 };
        Color::Indexed(16 + 36 * side(red) + 6 * side(green) + side(blue))
    }

    /// The sign and colour of a run's state.
    #[must_use]
    pub fn state(&self, state: RunState) -> (&'static str, Style) {
        match state {
            RunState::Queued => ("…", self.dim()),
            RunState::Starting => ("▷", self.accent()),
            RunState::Running => ("▶", self.good().add_modifier(Modifier::BOLD)),
            RunState::Paused => ("‖", self.warning()),
            RunState::Finished => ("✓", self.good()),
            RunState::Stopped => ("■", self.warning()),
            RunState::Failed => ("✗", self.bad()),
            RunState::Lost => ("!", self.bad()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_on_colours() {
        let table: [(&[(&str, &str)], Depth); 6] = [
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], Depth::True),
            (&[("TERM", "xterm-256color")], Depth::Indexed),
            (&[("TERM", "linux")], Depth::Sixteen),
            (&[("TERM", "dumb")], Depth::Mono),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Depth::Mono),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Depth::Indexed),
        ];
        for (environment, depth) in table {
            let find = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
            assert_eq!(Theme::detect(find).depth, depth, "{environment:?}");
        }
    }
}
