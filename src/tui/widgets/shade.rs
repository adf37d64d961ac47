//! Shaded cells: the strength of the background shows a share, green for good and red for bad.

use ratatui::style::{Color, Style};

use crate::tui::theme::{Background, Depth, Theme};

/// The meaning of a shade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Right, or better.
    Good,
    /// Wrong, or worse.
    Bad,
}

/// The number of strengths.
const STEPS: usize = 5;

/// Weak to strong among the 256 colours: first for white text, then for black text on a light background. The weak ones
/// resemble the background.
const GREEN: [[u8; STEPS]; 2] = [[22, 22, 28, 28, 34], [194, 157, 120, 114, 77]];
const RED: [[u8; STEPS]; 2] = [[52, 52, 88, 88, 124], [224, 217, 210, 210, 203]];

/// Returns the style of a cell for a share from 0 to 1. It sets text and background, so that it is readable in every
/// terminal. With 16 colours only the text is coloured; without colours nothing is.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to the steps
pub fn style(theme: &Theme, meaning: Meaning, share: f64) -> Style {
    let step = (share.clamp(0.0, 1.0) * 10.0).round() as usize;
    if step == 0 {
        return theme.dim();
    }
    match theme.depth {
        Depth::Sixteen if meaning == Meaning::Good => theme.good(),
        Depth::Sixteen if step >= 2 => theme.bad(),
        Depth::Mono | Depth::Sixteen => theme.text(),
        Depth::Indexed | Depth::True => {
            // For errors, half of a row is the strongest step. For correct predictions the whole row is.
            let step = if meaning == Meaning::Good { (step - 1) / 2 } else { step - 1 };
            let ramps = if meaning == Meaning::Good { GREEN } else { RED };
            let (text, ramp) = if theme.background == Background::Light { (16, ramps[1]) } else { (255, ramps[0]) };
            Style::new().fg(Color::Indexed(text)).bg(Color::Indexed(ramp[step.min(STEPS - 1)]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::ThemeName;

    #[test]
    fn more_is_stronger_and_nothing_is_not_shaded() {
        let theme = Theme::detect(|name| (name == "TERM").then(|| "xterm-256color".into()));
        let background = |meaning, share| style(&theme, meaning, share).bg;
        assert_eq!(background(Meaning::Bad, 0.0), None);
        assert_eq!(background(Meaning::Bad, f64::NAN), None);
        assert_eq!(background(Meaning::Bad, 0.12), Some(Color::Indexed(52)));
        assert_eq!(background(Meaning::Bad, 0.9), Some(Color::Indexed(124)));
        assert_eq!(background(Meaning::Good, 0.95), Some(Color::Indexed(34)));
        let light = theme.named(ThemeName::Light);
        assert_eq!(style(&light, Meaning::Bad, 0.12), Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(224)));
        let mono = Theme::detect(|name| (name == "NO_COLOR").then(|| "1".into()));
        assert_eq!(style(&mono, Meaning::Bad, 0.9), Style::new());
    }
}
