//! Numbers and time spans as text for people.

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

#[cfg(test)]
mod tests {
    use super::*;

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
