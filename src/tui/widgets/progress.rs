//! A progress bar on one line.

use super::paint::Pen;
use crate::tui::theme::Theme;

/// Draws `━━━━╸────` on this many columns for a share from 0 to 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 0 to 2 × columns
pub fn render(pen: &mut Pen<'_>, theme: &Theme, share: f64, columns: u16) {
    let halves = (share.clamp(0.0, 1.0) * f64::from(columns) * 2.0) as u16;
    let (whole, half) = (halves / 2, halves % 2);
    let glyphs = theme.glyphs;
    pen.write(&glyphs.done.repeat(whole.into()), theme.good());
    pen.write(if half == 1 { glyphs.done_end } else { "" }, theme.good());
    pen.write(&glyphs.line.repeat((columns - whole - half).into()), theme.dim());
}
