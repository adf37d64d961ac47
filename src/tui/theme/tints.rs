//! The colour of each role on a dark, a light and an unknown background, as numbers of xterm's 256 colours.
//!
//! Terminals show the first 16 colours as their users choose. The others are fixed, so a test checks their contrast.

use ratatui::style::Color;

/// The meaning of a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Secondary text: labels, rules, explanations.
    Dim,
    /// Titles, keys, the focus.
    Accent,
    /// Good results and states.
    Good,
    /// Warnings.
    Warning,
    /// Errors and bad results.
    Bad,
    /// The training curve and training images.
    Train,
    /// The training curve between epochs.
    Steps,
    /// The validation curve.
    Validation,
    /// Marked and pinned runs.
    Mark,
    /// The background of the selected line, which is reversed by default.
    Selected,
    /// A run among six side by side, by its index.
    Run(u8),
}

impl Role {
    /// All roles with their names in the config file.
    pub const NAMED: [(&'static str, Self); 16] = [
        ("dim", Self::Dim),
        ("accent", Self::Accent),
        ("good", Self::Good),
        ("warning", Self::Warning),
        ("bad", Self::Bad),
        ("train", Self::Train),
        ("steps", Self::Steps),
        ("validation", Self::Validation),
        ("mark", Self::Mark),
        ("selected", Self::Selected),
        ("run1", Self::Run(0)),
        ("run2", Self::Run(1)),
        ("run3", Self::Run(2)),
        ("run4", Self::Run(3)),
        ("run5", Self::Run(4)),
        ("run6", Self::Run(5)),
    ];

    /// Returns the index in [`Self::NAMED`].
    #[must_use]
    pub(super) fn position(self) -> usize {
        Self::NAMED.iter().position(|(_, role)| *role == self).unwrap_or(0)
    }
}

/// The background of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Unknown: colours must be readable on black and on white.
    Unknown,
    /// Nearly black.
    Dark,
    /// Nearly white.
    Light,
}

impl Background {
    /// Returns the kind of a background colour.
    #[must_use]
    pub fn of(rgb: (u8, u8, u8)) -> Self {
        // At this luminance black and white text have equal contrast.
        if luminance(rgb) < 0.179 { Self::Dark } else { Self::Light }
    }
}

/// Returns the colours of a role among 16 and among 256; `None` where reversed text is used.
#[must_use]
pub(super) fn colors_of(background: Background, role: Role) -> Option<(Color, u8)> {
    let by_background = |dark: u8, light: u8, unknown: u8| match background {
        Background::Dark => dark,
        Background::Light => light,
        Background::Unknown => unknown,
    };
    let (sixteen, indexed) = match role {
        Role::Selected => return None,
        Role::Dim => (Color::DarkGray, by_background(246, 241, 243)),
        Role::Accent => (unless_light(background, Color::Cyan, Color::Blue), by_background(44, 24, 30)),
        Role::Good => (Color::Green, by_background(78, 22, 28)),
        Role::Warning | Role::Validation => (Color::Magenta, by_background(215, 94, 130)),
        Role::Bad => (Color::Red, by_background(203, 160, 161)),
        Role::Train => (unless_light(background, Color::Cyan, Color::Blue), by_background(75, 25, 31)),
        Role::Steps => (Color::DarkGray, by_background(103, 60, 97)),
        Role::Mark => (unless_light(background, Color::Yellow, Color::Magenta), by_background(221, 127, 163)),
        Role::Run(number) => match number % 6 {
            0 => (unless_light(background, Color::Cyan, Color::Blue), by_background(75, 25, 31)),
            1 => (Color::Magenta, by_background(215, 94, 130)),
            2 => (Color::Green, by_background(114, 22, 28)),
            3 => (Color::Red, by_background(212, 127, 163)),
            4 => (unless_light(background, Color::Yellow, Color::Cyan), by_background(186, 160, 161)),
            _ => (unless_light(background, Color::LightBlue, Color::DarkGray), by_background(141, 61, 98)),
        },
    };
    Some((sixteen, indexed))
}

fn unless_light(background: Background, color: Color, light: Color) -> Color {
    if background == Background::Light { light } else { color }
}

/// Returns red, green and blue of one of the fixed 240 colours; `None` for the first 16.
#[must_use]
pub(super) fn rgb_of_indexed(index: u8) -> Option<(u8, u8, u8)> {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    if index >= 232 {
        let level = 8 + 10 * (index - 232);
        return Some((level, level, level));
    }
    let cube = usize::from(index.checked_sub(16)?);
    Some((LEVELS[cube / 36], LEVELS[cube / 6 % 6], LEVELS[cube % 6]))
}

/// Returns the nearest of the fixed 240 colours.
#[must_use]
pub(super) fn nearest_indexed(rgb: (u8, u8, u8)) -> u8 {
    (16..=255).min_by_key(|index| rgb_of_indexed(*index).map_or(u32::MAX, |other| distance(rgb, other))).unwrap_or(16)
}

/// Returns the nearest of the 16 colours, as most terminals show them.
#[must_use]
pub(super) fn nearest_named(rgb: (u8, u8, u8)) -> Color {
    const NAMED: [(Color, (u8, u8, u8)); 16] = [
        (Color::Black, (0, 0, 0)),
        (Color::Red, (205, 0, 0)),
        (Color::Green, (0, 205, 0)),
        (Color::Yellow, (205, 205, 0)),
        (Color::Blue, (0, 0, 238)),
        (Color::Magenta, (205, 0, 205)),
        (Color::Cyan, (0, 205, 205)),
        (Color::Gray, (229, 229, 229)),
        (Color::DarkGray, (127, 127, 127)),
        (Color::LightRed, (255, 0, 0)),
        (Color::LightGreen, (0, 255, 0)),
        (Color::LightYellow, (255, 255, 0)),
        (Color::LightBlue, (92, 92, 255)),
        (Color::LightMagenta, (255, 0, 255)),
        (Color::LightCyan, (0, 255, 255)),
        (Color::White, (255, 255, 255)),
    ];
    NAMED.iter().min_by_key(|(_, other)| distance(rgb, *other)).map_or(Color::Reset, |(color, _)| *color)
}

fn distance(one: (u8, u8, u8), other: (u8, u8, u8)) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    square(one.0, other.0) + square(one.1, other.1) + square(one.2, other.2)
}

/// Returns the relative luminance, from 0 to 1, as WCAG 2 defines it.
#[must_use]
pub(super) fn luminance((red, green, blue): (u8, u8, u8)) -> f64 {
    let linear = |level: u8| {
        let share = f64::from(level) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contrast(one: (u8, u8, u8), other: (u8, u8, u8)) -> f64 {
        let (a, b) = (luminance(one), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn contrast_matches_examples_of_wcag() {
        assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 1e-9);
        assert!((contrast((0x76, 0x76, 0x76), (255, 255, 255)) - 4.54).abs() < 0.01);
    }

    #[test]
    fn every_role_has_enough_contrast_on_its_background() {
        let black = [(0, 0, 0), (0x1e, 0x1e, 0x1e), (0x1d, 0x1f, 0x21)];
        let white = [(255, 255, 255), (0xfd, 0xf6, 0xe3), (0xf5, 0xf5, 0xf5)];
        let unknown = [(0, 0, 0), (255, 255, 255)];
        for (background, grounds, least) in [
            (Background::Dark, black.as_slice(), 4.5),
            (Background::Light, white.as_slice(), 4.5),
            // No colour has a contrast far above 4.5 on both, and few of the 256 come near it.
            (Background::Unknown, unknown.as_slice(), 4.0),
        ] {
            for (name, role) in Role::NAMED {
                let Some((_, index)) = colors_of(background, role) else { continue };
                let color = rgb_of_indexed(index).expect("a fixed colour");
                for choices in grounds {
                    let contrast = contrast(color, *choices);
                    assert!(contrast >= least, "{name} ({index}) on {choices:?}, {background:?}: {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn six_runs_have_six_colours() {
        for background in [Background::Dark, Background::Light, Background::Unknown] {
            let tints: std::collections::HashSet<_> =
                (0..6).filter_map(|run| colors_of(background, Role::Run(run))).collect();
            let sixteen: std::collections::HashSet<_> = tints.iter().map(|(sixteen, _)| sixteen).collect();
            let indexed: std::collections::HashSet<_> = tints.iter().map(|(_, indexed)| indexed).collect();
            assert_eq!((sixteen.len(), indexed.len()), (6, 6), "{background:?}");
        }
    }

    #[test]
    fn colours_become_the_nearest_available() {
        assert_eq!(nearest_indexed((0x5f, 0xaf, 0xff)), 75);
        assert_eq!(nearest_indexed((8, 8, 9)), 232);
        assert_eq!(nearest_named((250, 10, 10)), Color::LightRed);
        assert_eq!(Background::of((0xfd, 0xf6, 0xe3)), Background::Light);
        assert_eq!(Background::of((0x28, 0x2c, 0x34)), Background::Dark);
    }
}
