//! All colours and glyphs. Colour repeats what a glyph or a word already says; on `NO_COLOR` only attributes remain.
//!
//! The terminal's own foreground and background are never replaced. Where the background is known, the colours are
//! those that can be read on it; where it is not, they can be read on black and on white.

mod glyphs;
mod tints;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::BorderType;

pub use glyphs::{ASCII, Glyphs, UNICODE};
pub use tints::{Background, Role};

use crate::domain::RunState;
use crate::tui::key::Key;
use crate::tui::key::{self};

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

/// A theme by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeName {
    /// What the terminal and its environment call for.
    #[default]
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// Without colours.
    Mono,
}

impl ThemeName {
    /// All of them, as they are written.
    pub const ALL: [(&'static str, Self); 4] =
        [("auto", Self::Auto), ("dark", Self::Dark), ("light", Self::Light), ("mono", Self::Mono)];
}

/// How things look.
#[derive(Debug, Clone)]
pub struct Theme {
    /// How many colours there are.
    pub depth: Depth,
    /// The characters that draw.
    pub glyphs: &'static Glyphs,
    /// What is behind the text.
    pub background: Background,
    /// Colours chosen by the user, by the role's position.
    chosen: [Option<Color>; Role::NAMED.len()],
    /// What the environment and the terminal call for, to come back to.
    found: (Depth, Background),
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
        let background = variable("COLORFGBG").and_then(|value| of_colorfgbg(&value)).unwrap_or(Background::Unknown);
        let glyphs = if shows_unicode(&variable) { &UNICODE } else { &ASCII };
        Self { depth, glyphs, background, chosen: [None; Role::NAMED.len()], found: (depth, background) }
    }

    /// The same on the background that the terminal says it has; `None` if it said nothing. Only `auto` follows it.
    #[must_use]
    pub fn on(mut self, rgb: Option<(u8, u8, u8)>) -> Self {
        if let Some(rgb) = rgb {
            let follows = self.background == self.found.1;
            self.found.1 = Background::of(rgb);
            if follows {
                self.background = self.found.1;
            }
        }
        self
    }

    /// The same as another theme by name. Without colours stays so: `NO_COLOR` outweighs a config file.
    #[must_use]
    pub fn named(mut self, name: ThemeName) -> Self {
        (self.depth, self.background) = match name {
            ThemeName::Auto => self.found,
            ThemeName::Dark => (self.found.0, Background::Dark),
            ThemeName::Light => (self.found.0, Background::Light),
            ThemeName::Mono => (Depth::Mono, self.found.1),
        };
        self
    }

    /// The same with a colour of the user's for a role.
    #[must_use]
    pub fn with(mut self, role: Role, color: Color) -> Self {
        self.chosen[role.position()] = Some(color);
        self
    }

    /// The same with these glyphs.
    #[must_use]
    pub fn with_glyphs(mut self, glyphs: &'static Glyphs) -> Self {
        self.glyphs = glyphs;
        self
    }

    /// The colour of a role, as far as the terminal has colours.
    #[must_use]
    pub fn color(&self, role: Role) -> Option<Color> {
        if let Some(chosen) = self.chosen[role.position()] {
            return self.as_far_as_there_are(chosen);
        }
        let (sixteen, indexed) = tints::tint(self.background, role)?;
        match self.depth {
            Depth::Mono => None,
            Depth::Sixteen => Some(sixteen),
            Depth::Indexed | Depth::True => Some(Color::Indexed(indexed)),
        }
    }

    /// The nearest colour that the terminal has.
    fn as_far_as_there_are(&self, color: Color) -> Option<Color> {
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

    /// What stands back: labels, rules, explanations.
    #[must_use]
    pub fn dim(&self) -> Style {
        self.role(Role::Dim)
    }

    /// Headings and figures that matter.
    #[must_use]
    pub fn strong(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Titles, keys, the focus.
    #[must_use]
    pub fn accent(&self) -> Style {
        self.role(Role::Accent).add_modifier(Modifier::BOLD)
    }

    /// The selected line: in reverse, or on the user's colour.
    #[must_use]
    pub fn selected(&self) -> Style {
        match self.color(Role::Selected) {
            Some(color) => Style::new().bg(color),
            // In one piece: reversed colours of the text would be as many backgrounds.
            None => Style::new().fg(Color::Reset).add_modifier(Modifier::REVERSED),
        }
    }

    /// Whether a cell looks selected.
    #[must_use]
    pub fn is_selected(&self, cell: &Cell) -> bool {
        match self.color(Role::Selected) {
            Some(color) => cell.bg == color,
            None => cell.modifier.contains(Modifier::REVERSED),
        }
    }

    /// A marked run, a pinned one.
    #[must_use]
    pub fn mark(&self) -> Style {
        self.role(Role::Mark).add_modifier(Modifier::BOLD)
    }

    /// One of several runs side by side, by its place among them. From the seventh on colours come again.
    #[must_use]
    pub fn run_color(&self, place: usize) -> Style {
        self.role(Role::Run(u8::try_from(place % 6).unwrap_or(0)))
    }

    /// What tells runs side by side apart where colours do not: a letter.
    #[must_use]
    pub fn run_sign(&self, place: usize) -> &'static str {
        ["A", "B", "C", "D", "E", "F"][place % 6]
    }

    /// All is well.
    #[must_use]
    pub fn good(&self) -> Style {
        self.role(Role::Good)
    }

    /// Something to look at some time.
    #[must_use]
    pub fn warning(&self) -> Style {
        self.role(Role::Warning)
    }

    /// Something went wrong.
    #[must_use]
    pub fn bad(&self) -> Style {
        self.role(Role::Bad)
    }

    /// The training curve and training images.
    #[must_use]
    pub fn train(&self) -> Style {
        self.role(Role::Train)
    }

    /// The training curve between epochs.
    #[must_use]
    pub fn steps(&self) -> Style {
        self.role(Role::Steps)
    }

    /// The validation curve.
    #[must_use]
    pub fn validation(&self) -> Style {
        self.role(Role::Validation)
    }

    /// The border around what lies over a screen.
    #[must_use]
    pub fn border(&self) -> BorderType {
        if self.glyphs.ascii { BorderType::Plain } else { BorderType::Rounded }
    }

    /// A key as people write it, with arrows where the terminal has them.
    #[must_use]
    pub fn key(&self, key: Key) -> String {
        let name = key::name(key);
        if !self.glyphs.ascii {
            return name;
        }
        name.replace('↑', "Up").replace('↓', "Down").replace('←', "Left").replace('→', "Right")
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

/// What rxvt, Konsole and others say of themselves: foreground and background, as numbers of the 16.
fn of_colorfgbg(value: &str) -> Option<Background> {
    match value.rsplit(';').next()?.parse().ok()? {
        0..=6 | 8 => Some(Background::Dark),
        7 | 9..=15 => Some(Background::Light),
        _ => None,
    }
}

/// Whether the locale is one of UTF-8. The first of the variables that is set decides, as in every C library; none set
/// is the locale C, which is ASCII.
fn shows_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
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

    fn theme(environment: &[(&str, &str)]) -> Theme {
        Theme::detect(|name| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into()))
    }

    #[test]
    fn the_locale_decides_on_glyphs() {
        let table: [(&[(&str, &str)], bool); 8] = [
            (&[], true),
            (&[("LANG", "C.UTF-8")], false),
            (&[("LANG", "de_DE.utf8")], false),
            (&[("LANG", "C")], true),
            (&[("LANG", "en_US.ISO-8859-1")], true),
            (&[("LANG", "C.UTF-8"), ("LC_ALL", "POSIX")], true),
            (&[("LANG", "C"), ("LC_CTYPE", "C.UTF-8")], false),
            (&[("LANG", "C.UTF-8"), ("LC_ALL", "")], false),
        ];
        for (environment, ascii) in table {
            assert_eq!(theme(environment).glyphs.ascii, ascii, "{environment:?}");
        }
    }

    #[test]
    fn the_background_is_what_the_terminal_says_unless_the_user_says_otherwise() {
        for (value, background) in [
            ("15;0", Background::Dark),
            ("0;15", Background::Light),
            ("0;default;15", Background::Light),
            ("0;default", Background::Unknown),
        ] {
            assert_eq!(theme(&[("COLORFGBG", value)]).background, background, "{value}");
        }
        let plain = theme(&[("TERM", "xterm-256color"), ("COLORFGBG", "15;0")]);
        assert_eq!(plain.clone().on(Some((255, 255, 240))).background, Background::Light, "the answer is newer");
        assert_eq!(plain.clone().on(None).background, Background::Dark);
        let named = plain.named(ThemeName::Light);
        assert_eq!(named.clone().on(Some((0, 0, 0))).background, Background::Light, "the user outweighs the terminal");
        assert_eq!(named.on(Some((0, 0, 0))).named(ThemeName::Auto).background, Background::Dark);
    }

    #[test]
    fn no_colour_is_no_colour_whatever_is_chosen() {
        let theme = theme(&[("NO_COLOR", "1")]).named(ThemeName::Dark).with(Role::Bad, Color::Rgb(255, 0, 0));
        for (name, role) in Role::NAMED {
            assert_eq!(theme.color(role), None, "{name}");
        }
        assert!(theme.selected().add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn chosen_colours_are_shown_as_far_as_there_are_colours() {
        let chosen = |environment: &[(&str, &str)]| {
            theme(environment).with(Role::Good, Color::Rgb(95, 175, 255)).color(Role::Good)
        };
        assert_eq!(chosen(&[("COLORTERM", "truecolor")]), Some(Color::Rgb(95, 175, 255)));
        assert_eq!(chosen(&[("TERM", "xterm-256color")]), Some(Color::Indexed(75)));
        assert_eq!(chosen(&[("TERM", "linux")]), Some(Color::LightBlue));
        assert_eq!(chosen(&[("TERM", "dumb")]), None);
    }
}
