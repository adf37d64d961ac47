//! Formats numbers, durations and sizes for people; the general formats are in [`crate::domain::number_text`].

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use crate::domain::number_text::{age, count, duration, thousands};

/// Formats a number with this many decimals; a dash for NaN and infinity.
#[must_use]
pub fn decimal(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:.decimals$}") } else { "–".into() }
}

/// Formats a learning rate: `1.0e-3`.
#[must_use]
pub fn rate(value: f64) -> String {
    format!("{value:.1e}")
}

/// Formats a share as percent; a dash for NaN and infinity.
#[must_use]
pub fn percent(share: f64, decimals: usize) -> String {
    if share.is_finite() { format!("{:.decimals$}%", share * 100.0) } else { "–".into() }
}

/// Formats seconds as `0:07`, `12:30` or `1:02:03`; a dash for NaN and negative values.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be within 0 to 1e9
pub fn clock(seconds: f64) -> String {
    if !(0.0..1e9).contains(&seconds) {
        return "–".into();
    }
    let all = seconds.round() as u64;
    let (hours, minutes, seconds) = (all / 3_600, all / 60 % 60, all % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Formats milliseconds since 1970 as the local time of day.
#[must_use]
pub fn time_of_day(milliseconds: u64, zone: &TimeZone) -> String {
    let stamp = i64::try_from(milliseconds).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    stamp.map_or_else(
        || "--:--:--".into(),
        |stamp| stamp.to_zoned_datetime(zone.clone()).strftime("%H:%M:%S").to_string(),
    )
}

/// Converts a count to a float.
#[must_use]
#[allow(clippy::cast_precision_loss)] // counts of images and milliseconds are far below 2^52
pub fn real(number: u64) -> f64 {
    number as f64
}

/// Returns `part` / `whole`; 0 where `whole` is 0.
#[must_use]
pub fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { real(part as u64) / real(whole as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(
            ["0:07", "12:30", "1:02:03", "–"],
            [7.2, 750.0, 3723.0, f64::NAN].map(clock).each_ref().map(String::as_str)
        );
        assert_eq!(decimal(f64::NAN, 3), "–");
        assert_eq!(rate(0.001), "1.0e-3");
        assert_eq!(time_of_day(1_000 * 3_661, &TimeZone::UTC), "01:01:01");
    }
}
