//! Numbers, times and time spans as text for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Returns a whole number with commas: `25,841`.
#[must_use]
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number of things: `1 class`, `7 classes`.
#[must_use]
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// Returns a span of milliseconds in its largest unit: `8m`.
#[must_use]
pub fn age(milliseconds: u64) -> String {
    match milliseconds / 1_000 {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..86_400 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// Returns a span of seconds in its largest unit: `45 s`, `12 min`, `3.5 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    match seconds {
        0.0..0.05 => "<0.1 s".into(),
        ..9.95 => format!("{seconds:.1} s"),
        ..99.5 => format!("{seconds:.0} s"),
        ..5970.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// Returns a span of seconds, exact to the second or minute, for comparison with others: `45 s`, `3m 12s`, `1h 40m`.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a positive number of seconds
pub fn span(seconds: f64) -> String {
    if seconds < 99.5 {
        return duration(seconds);
    }
    let whole = seconds.round() as u64;
    let (hours, minutes) = (whole / 3600, whole / 60 % 60);
    if hours > 0 { format!("{hours}h {minutes:02}m") } else { format!("{minutes}m {:02}s", whole % 60) }
}

/// Returns the time that is this many seconds after `now`, both in milliseconds since 1970; `None` for an unknown
/// number of seconds.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be within 0 to 1e9
pub fn ready_at(now: u64, seconds: f64) -> Option<u64> {
    (0.0..1e9).contains(&seconds).then(|| now + (seconds * 1_000.0) as u64)
}

/// Returns a time as hour and minute: `02:15`, on another day `Fri 02:15`, in another week `2026-12-05 02:15`. Both
/// times are milliseconds since 1970.
#[must_use]
pub fn clock_time(at: u64, now: u64, zone: &TimeZone) -> String {
    let local = |milliseconds: u64| {
        let stamp = i64::try_from(milliseconds).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        stamp.map(|stamp| stamp.to_zoned_datetime(zone.clone()))
    };
    let (Some(there), Some(here)) = (local(at), local(now)) else { return "--:--".into() };
    let format = match at.abs_diff(now) {
        _ if there.date() == here.date() => "%H:%M",
        0..500_000_000 => "%a %H:%M",
        _ => "%Y-%m-%d %H:%M",
    };
    there.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_names_its_day_only_if_it_is_another() {
        // Friday, 2026-01-02, 12:00.
        let now = 1_767_355_200_000;
        let at = |minutes: u64| clock_time(now + minutes * 60_000, now, &TimeZone::UTC);
        assert_eq!([at(15), at(12 * 60), at(20 * 24 * 60)], ["12:15", "Sat 00:00", "2026-01-22 12:00"]);
        assert_eq!(clock_time(now - 13 * 3_600_000, now, &TimeZone::UTC), "Thu 23:00");
        assert_eq!([ready_at(1_000, 2.5), ready_at(1_000, f64::NAN), ready_at(1, -1.0)], [Some(3_500), None, None]);
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1000, 25_841, 1_234_567].map(thousands), ["0", "999", "1,000", "25,841", "1,234,567"]);
        assert_eq!([1, 2_000].map(|number| count(number, "thing", "things")), ["1 thing", "2,000 things"]);
        assert_eq!([5_000, 90_000, 7_200_000, 200_000_000].map(age), ["5s", "1m", "2h", "2d"]);
        let spans = [0.25, 45.0, 130.0, 5900.0, 9000.0].map(duration);
        assert_eq!(spans, ["0.2 s", "45 s", "2 min", "98 min", "2.5 h"]);
        let spans = [45.0, 99.6, 188.4, 3599.6, 6000.0].map(span);
        assert_eq!(spans, ["45 s", "1m 40s", "3m 08s", "1h 00m", "1h 40m"]);
    }
}
