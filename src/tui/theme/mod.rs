//! The colours and glyphs of the dashboard. Colour only repeats the meaning of a glyph or a text; with `NO_COLOR`,
//! attributes such as bold remain.
//!
//! The terminal's foreground and background are never replaced. On a known background, colours are chosen to be
//! readable on it; else on both black and white.

mod glyphs;
mod tints;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::BorderType;

pub use glyphs::{ASCII, Glyphs, UNICODE};
pub use tints::{Background, Role};

use crate::domain::RunState;
use crate::domain::ascii::has_unicode;
use crate::tui::key::{self, Key};

/// The number of colours of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// No colours, only attributes.
    Mono,
    /// The 16 colours of the terminal's palette.
    Sixteen,
    /// The 256 colours of xterm.
    Indexed,
    /// Colours of 24 bits.
    True,
}

/// The name of a theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeName {
    /// The theme that fits the terminal.
    #[default]
    Auto,
    /// Colours for a dark background.
    Dark,
    /// Colours for a light background.
    Light,
    /// No colours.
    Mono,
}

impl ThemeName {
    /// All names as the config file has them.
    pub const ALL: [(&'static str, Self); 4] =
        [("auto", Self::Auto), ("dark", Self::Dark), ("light", Self::Light), ("mono", Self::Mono)];
}

/// The styles of the dashboard.
#[derive(Debug, Clone)]
pub struct Theme {
    /// The number of colours in use.
    pub depth: Depth,
    /// The characters for drawing.
    pub glyphs: &'static Glyphs,
    /// The background of the text.
    pub background: Background,
    /// Colours from the config file, by [`Role::position`].
    overrides: [Option<Color>; Role::NAMED.len()],
    /// The detected number of colours and background, which `auto` uses.
    detected: (Depth, Background),
}

impl Theme {
    /// Returns the theme for an environment, given as a lookup of variables.
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
        let background = variable("COLORFGBG").and_then(|value| parse_colorfgbg(&value)).unwrap_or(Background::Unknown);
        let glyphs = if has_unicode(&variable) { &UNICODE } else { &ASCII };
        Self { depth, glyphs, background, overrides: [None; Role::NAMED.len()], detected: (depth, background) }
    }

    /// Sets the background colour that the terminal reported, if it did. A theme named by the user keeps its own.
    #[must_use]
    pub fn on_background(mut self, rgb: Option<(u8, u8, u8)>) -> Self {
        if let Some(rgb) = rgb {
            let follows = self.background == self.detected.1;
            self.detected.1 = Background::of(rgb);
            if follows {
                self.background = self.detected.1;
            }
        }
        self
    }

    /// Switches to a theme by name. A terminal without colours keeps none, so `NO_COLOR` overrides the config file.
    #[must_use]
    pub fn named(mut self, name: ThemeName) -> Self {
        (self.depth, self.background) = match name {
            ThemeName::Auto => self.detected,
            ThemeName::Dark => (self.detected.0, Background::Dark),
            ThemeName::Light => (self.detected.0, Background::Light),
            ThemeName::Mono => (Depth::Mono, self.detected.1),
        };
        self
    }

    /// Sets the colour of a role.
    #[must_use]
    pub fn with_color(mut self, role: Role, color: Color) -> Self {
        self.overrides[role.position()] = Some(color);
        self
    }

    /// Sets the characters for drawing.
    #[must_use]
    pub fn with_glyphs(mut self, glyphs: &'static Glyphs) -> Self {
        self.glyphs = glyphs;
        self
    }

    /// Returns the colour of a role; `None` without colours.
    #[must_use]
    pub fn color(&self, role: Role) -> Option<Color> {
        if let Some(chosen) = self.overrides[role.position()] {
            return self.nearest(chosen);
        }
        let (sixteen, indexed) = tints::colors_of(self.background, role)?;
        match self.depth {
            Depth::Mono => None,
            Depth::Sixteen => Some(sixteen),
            Depth::Indexed | Depth::True => Some(Color::Indexed(indexed)),
        }
    }

    /// Returns the nearest colour of those in use.
    fn nearest(&self, color: Color) -> Option<Color> {
        let rgb = match color {
            Color::Rgb(red, green, blue) => Some((red, green, blue)),
            Color::Indexed(index) => tints::rgb_of_indexed(index),
            _ => None,
        };
        match (self.depth, rgb) {
            (Depth::Mono, _) => None,
            (Depth::Sixteen, Some(rgb)) => Some(tints::nearest_named(rgb)),
            (Depth::Indexed, Some(rgb)) => Some(Color::Indexed(tints::nearest_indexed(rgb))),
            _ => Some(color),
        }
    }

    fn role(&self, role: Role) -> Style {
        self.color(role).map_or_else(Style::new, |color| Style::new().fg(color))
    }

    /// Ordinary text.
    #[must_use]
    pub fn text(&self) -> Style {
        Style::new()
    }

    /// Secondary text: labels, rules, explanations.
    #[must_use]
    pub fn dim(&self) -> Style {
        self.role(Role::Dim)
    }

    /// Headings and important numbers.
    #[must_use]
    pub fn strong(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Titles, keys, the focus.
    #[must_use]
    pub fn accent(&self) -> Style {
        self.role(Role::Accent).add_modifier(Modifier::BOLD)
    }

    /// Returns the style of the selected line: in reverse, or on the user's colour.
    #[must_use]
    pub fn selected(&self) -> Style {
        match self.color(Role::Selected) {
            Some(color) => Style::new().bg(color),
            // The text's own colours are reset; reversed, each would become another background.
            None => Style::new().fg(Color::Reset).add_modifier(Modifier::REVERSED),
        }
    }

    /// Returns whether a cell has the style of the selected line.
    #[must_use]
    pub fn is_selected(&self, cell: &Cell) -> bool {
        match self.color(Role::Selected) {
            Some(color) => cell.bg == color,
            None => cell.modifier.contains(Modifier::REVERSED),
        }
    }

    /// Marked and pinned runs.
    #[must_use]
    pub fn mark(&self) -> Style {
        self.role(Role::Mark).add_modifier(Modifier::BOLD)
    }

    /// Returns the style of the `index`th of several runs side by side. From the seventh run on, colours repeat.
    #[must_use]
    pub fn run_color(&self, index: usize) -> Style {
        self.role(Role::Run(u8::try_from(index % 6).unwrap_or(0)))
    }

    /// Good results and states.
    #[must_use]
    pub fn good(&self) -> Style {
        self.role(Role::Good)
    }

    /// Warnings.
    #[must_use]
    pub fn warning(&self) -> Style {
        self.role(Role::Warning)
    }

    /// Errors and bad results.
    #[must_use]
    pub fn bad(&self) -> Style {
        self.role(Role::Bad)
    }

    /// Returns the style of the training curve and training images.
    #[must_use]
    pub fn train(&self) -> Style {
        self.role(Role::Train)
    }

    /// Returns the style of the training curve between epochs.
    #[must_use]
    pub fn steps(&self) -> Style {
        self.role(Role::Steps)
    }

    /// Returns the style of the validation curve.
    #[must_use]
    pub fn validation(&self) -> Style {
        self.role(Role::Validation)
    }

    /// Returns the style of the border of overlays.
    #[must_use]
    pub fn border(&self) -> BorderType {
        if self.glyphs.ascii { BorderType::Plain } else { BorderType::Rounded }
    }

    /// Returns the name of a key, with arrows spelled out where the terminal has only ASCII.
    #[must_use]
    pub fn key(&self, key: Key) -> String {
        let name = key::name(key);
        if !self.glyphs.ascii {
            return name;
        }
        name.replace('↑', "Up").replace('↓', "Down").replace('←', "Left").replace('→', "Right")
    }

    /// Returns the colour of a gray level from 0 to 255; `None` with at most 16 colours.
    #[must_use]
    pub fn gray(&self, level: u8) -> Option<Color> {
        match self.depth {
            Depth::Mono | Depth::Sixteen => None,
            // Colours 232 to 255 are 24 grays from 8 to 238.
            Depth::Indexed => Some(Color::Indexed(232 + level / 11)),
            Depth::True => Some(Color::Rgb(level, level, level)),
        }
    }

    /// Returns the nearest colour of the terminal, which must have more than 16.
    #[must_use]
    pub fn color_of(&self, [red, green, blue]: [u8; 3]) -> Color {
        if self.depth == Depth::True {
            return Color::Rgb(red, green, blue);
        }
        if red == green && green == blue {
            return Color::Indexed(232 + red / 11);
        }
        // Colours 16 to 231 form a cube with these values on each side: 0, 95, 135, 175, 215, 255.
        let side = |value: u8| if value < 48 { 0 } else { (value.max(75) - 35) / 40 };
        Color::Indexed(16 + 36 * side(red) + 6 * side(green) + side(blue))
    }

    /// Returns the sign and style of a run's state.
    #[must_use]
    pub fn state(&self, state: RunState) -> (&'static str, Style) {
        let [queued, starting, running, paused, finished, stopped, failed, lost] = self.glyphs.states;
        match state {
            RunState::Queued => (queued, self.dim()),
            RunState::Starting => (starting, self.accent()),
            RunState::Running => (running, self.good().add_modifier(Modifier::BOLD)),
            RunState::Paused => (paused, self.warning()),
            RunState::Finished => (finished, self.good()),
            RunState::Stopped => (stopped, self.warning()),
            RunState::Interrupted => (lost, self.warning()),
            RunState::Failed => (failed, self.bad()),
            RunState::Lost => (lost, self.bad()),
        }
    }
}

/// Parses `COLORFGBG`, which rxvt, Konsole and others set to the foreground and background, as numbers of the 16
/// colours.
fn parse_colorfgbg(value: &str) -> Option<Background> {
    match value.rsplit(';').next()?.parse().ok()? {
        0..=6 | 8 => Some(Background::Dark),
        7 | 9..=15 => Some(Background::Light),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
