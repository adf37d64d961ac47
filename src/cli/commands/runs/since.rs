//! The time after which runs ended: `--since last`, an age, or a clock time.

use std::str::FromStr;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use crate::cli::exit::CommandError;
use crate::domain::text::printable;
use crate::runs::RunStore;
use crate::runs::query::age;

/// A time in the past.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Since {
    /// The last look at the runs.
    Last,
    /// Seconds before now.
    Age(f64),
    /// A time of day: the latest one.
    TimeOfDay(Time),
    /// A date, perhaps with a time.
    Date(DateTime),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "last" {
            return Ok(Self::Last);
        }
        let time = || Time::strptime("%H:%M", text).ok().map(Self::TimeOfDay);
        let date = || text.parse().ok().map(Self::Date);
        age(text).map(Self::Age).or_else(time).or_else(date).ok_or_else(|| {
            let examples = "last, 12h, 18:00, 2026-11-26 or 2026-11-26T18:00";
            format!("'{}' is not a time: use one such as {examples}", printable(text))
        })
    }
}

impl Since {
    /// Returns the time in milliseconds since 1970; both are of this time zone. `now`: the current time.
    pub(super) fn at(self, store: &RunStore, now: &ZonedDateTime) -> Result<u64, CommandError> {
        let milliseconds = |stamp: Timestamp| u64::try_from(stamp.as_millisecond()).unwrap_or(0);
        let zoned = |time: DateTime, zone: TimeZone| {
            time.to_zoned_datetime(zone).map_err(|error| CommandError::Usage(format!("--since {time}: {error}")))
        };
        match self {
            // Before the first look, everything is new.
            Self::Last => {
                Ok(store.home().last_look().map_err(|error| CommandError::Failure(error.to_string()))?.unwrap_or(0))
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative, and limited
            Self::Age(seconds) => {
                Ok(milliseconds(now.timestamp()).saturating_sub((seconds * 1_000.0).min(1e15) as u64))
            }
            Self::TimeOfDay(time) => {
                let today = zoned(now.date().to_datetime(time), now.time_zone().clone())?;
                let latest = if today > *now { today.checked_sub(1.day()).unwrap_or(today) } else { today };
                Ok(milliseconds(latest.timestamp()))
            }
            Self::Date(date) => Ok(milliseconds(zoned(date, now.time_zone().clone())?.timestamp())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::Home;

    #[test]
    fn a_time_is_an_age_a_time_of_day_a_date_or_the_last_look() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(folder.path()));
        // 2026-01-02, 12:00.
        let now = Timestamp::from_millisecond(1_767_355_200_000).expect("a time").to_zoned_datetime(TimeZone::UTC);
        let hours = |text: &str| {
            let at = text.parse::<Since>().expect(text).at(&store, &now).expect(text);
            (1_767_355_200_000 - at) / 3_600_000
        };
        let table = [("12h", 12), ("11:00", 1), ("18:00", 18), ("2026-01-01", 36), ("2026-01-02T10:00", 2)];
        for (text, expected) in table {
            assert_eq!(hours(text), expected, "{text}");
        }
        assert_eq!(Since::Last.at(&store, &now).expect("none"), 0);
        store.home().record_look(7).expect("written");
        assert_eq!(Since::Last.at(&store, &now).expect("one"), 7);
        assert!("yesterday".parse::<Since>().expect_err("a word").contains("'yesterday' is not a time"));
    }
}
