//! Horizontal bars with a resolution of an eighth of a cell.

use crate::tui::theme::Theme;

/// Returns a bar that fills a share of `columns`, at most all. A share above 0 has at least an eighth.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 0 to 8 × columns
pub fn bar(share: f64, columns: u16, theme: &Theme) -> String {
    let all = f64::from(columns) * 8.0;
    let filled = (share * all).clamp(0.0, all).round() as usize;
    let eighths = if share > 0.0 { filled.max(1) } else { 0 };
    let glyphs = &theme.glyphs.eighths;
    format!("{}{}", glyphs[8].repeat(eighths / 8), glyphs[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_longer() {
        let theme = Theme::detect(|_| None).with_glyphs(&crate::tui::theme::UNICODE);
        let table = [(0.0, ""), (0.001, "▏"), (0.5, "██"), (0.53, "██▏"), (1.0, "████"), (7.0, "████"), (f64::NAN, "")];
        for (share, expected) in table {
            assert_eq!(bar(share, 4, &theme), expected, "{share}");
        }
    }
}
