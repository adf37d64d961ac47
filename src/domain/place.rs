//! A place: a part of a cluster on which workers start, and the resources that each of them gets.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name that stands for this machine, so that no place has it.
pub const THIS_MACHINE: &str = "local";

/// The longest time between the warning of a time limit and the limit, in seconds.
const LONGEST_WARNING: u64 = 120;

/// The program that schedules the jobs of a place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Slurm.
    #[default]
    Slurm,
}

/// A place with its settings, as the config file has them. A setting that is `None` is the cluster's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The name.
    pub name: String,
    /// The scheduler.
    pub engine: Engine,
    /// The partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The quality of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// The time limit, such as `2:00:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The generic resources, such as `gpu:a100:1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gres: Option<String>,
    /// The GPUs, such as `1` or `a100:1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<String>,
    /// The number of CPU cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<String>,
    /// The memory, such as `16G`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// The path of mien on the nodes, if it is another one than here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Lines of the shell before the worker starts, such as `module load cuda`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<String>,
    /// Further options of the scheduler, such as `--exclusive`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<String>,
}

impl Place {
    /// The settings with one value, apart from the engine.
    pub const VALUES: [&'static str; 9] =
        ["partition", "account", "qos", "time", "gres", "gpus", "cpus", "memory", "program"];

    /// The settings with a list of lines.
    pub const LISTS: [&'static str; 2] = ["setup", "extra"];

    /// Returns the value of one of [`Self::VALUES`].
    #[must_use]
    pub fn value(&self, setting: &str) -> Option<&str> {
        let value = match setting {
            "partition" => &self.partition,
            "account" => &self.account,
            "qos" => &self.qos,
            "time" => &self.time,
            "gres" => &self.gres,
            "gpus" => &self.gpus,
            "cpus" => &self.cpus,
            "memory" => &self.memory,
            "program" => &self.program,
            _ => return None,
        };
        value.as_deref()
    }

    /// Returns one of [`Self::VALUES`] for writing.
    fn value_mut(&mut self, setting: &str) -> Option<&mut Option<String>> {
        Some(match setting {
            "partition" => &mut self.partition,
            "account" => &mut self.account,
            "qos" => &mut self.qos,
            "time" => &mut self.time,
            "gres" => &mut self.gres,
            "gpus" => &mut self.gpus,
            "cpus" => &mut self.cpus,
            "memory" => &mut self.memory,
            "program" => &mut self.program,
            _ => return None,
        })
    }

    /// Sets one of [`Self::VALUES`].
    ///
    /// # Errors
    /// The accepted values, if this is none of them.
    pub fn set(&mut self, setting: &str, value: &str) -> Result<(), &'static str> {
        const ONE_LINE: &str = "write text of one line that is not empty";
        if value.trim().is_empty() || value.chars().any(char::is_control) {
            return Err(ONE_LINE);
        }
        if setting == "time" && seconds(value).is_none() {
            return Err("write minutes, or hours:minutes:seconds, or days-hours, such as \"2:00:00\"");
        }
        if setting == "cpus" && !value.parse::<u32>().is_ok_and(|cpus| cpus > 0) {
            return Err("write a number from 1");
        }
        // Elsewhere a value of several words would become several options.
        if setting != "program" && value.contains(char::is_whitespace) {
            return Err("write one word");
        }
        if let Some(place) = self.value_mut(setting) {
            *place = Some(value.to_owned());
        }
        Ok(())
    }

    /// Returns the time between the warning of a time limit and the limit, in seconds: a quarter of a short limit.
    #[must_use]
    pub fn warning_seconds(&self) -> u64 {
        let quarter = self.time.as_deref().and_then(seconds).map_or(LONGEST_WARNING, |seconds| seconds / 4);
        quarter.clamp(1, LONGEST_WARNING)
    }
}

impl fmt::Display for Place {
    /// Writes the settings as `slurm, partition gpu, time 2:00:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("slurm")?;
        for setting in Self::VALUES {
            if let Some(value) = self.value(setting) {
                write!(f, ", {setting} {value}")?;
            }
        }
        self.extra.iter().try_for_each(|option| write!(f, ", {option}"))
    }
}

/// Returns the seconds of a time limit in one of Slurm's forms; `None` for anything else, and for no limit.
fn seconds(text: &str) -> Option<u64> {
    let numbers = |text: &str| text.split(':').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>();
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(days.parse::<u64>().ok()?), rest),
        None => (None, text),
    };
    let total = match (days, numbers(rest)?.as_slice()) {
        (None, [minutes]) => minutes.checked_mul(60)?,
        (None, [minutes, seconds]) => minutes.checked_mul(60)?.checked_add(*seconds)?,
        (days, [hours, rest @ ..]) if rest.len() < 3 => {
            let minutes = rest.first().copied().unwrap_or(0);
            let hours = days.unwrap_or(0).checked_mul(24)?.checked_add(*hours)?;
            let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
            minutes.checked_mul(60)?.checked_add(rest.get(1).copied().unwrap_or(0))?
        }
        _ => return None,
    };
    (total > 0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_has_slurms_forms_and_the_warning_leaves_most_of_it() {
        let table = [
            ("2", Some(120), 30),
            ("2:30", Some(150), 37),
            ("1:00:00", Some(3600), 120),
            ("1-0", Some(86_400), 120),
            ("1-2:30", Some(95_400), 120),
            ("0:10", Some(10), 2),
            ("UNLIMITED", None, 120),
            ("0", None, 120),
            ("1:2:3:4", None, 120),
            ("99999999999999999999", None, 120),
        ];
        for (text, expected, warning) in table {
            assert_eq!(seconds(text), expected, "{text}");
            let place = Place { time: Some(text.into()), ..Place::default() };
            assert_eq!(place.warning_seconds(), warning, "{text}");
        }
        assert_eq!(Place::default().warning_seconds(), 120);
    }

    #[test]
    fn every_setting_is_set_and_read_and_a_wrong_value_is_refused() {
        let mut place = Place::default();
        for setting in Place::VALUES {
            assert_eq!(place.value(setting), None, "{setting}");
            place.set(setting, "7").expect(setting);
            assert_eq!(place.value(setting), Some("7"), "{setting}");
        }
        let written = place.to_string();
        assert!(written.starts_with("slurm, partition 7, account 7"), "{written}");
        let table =
            [("time", "soon"), ("cpus", "0"), ("cpus", "two"), ("partition", "a b"), ("qos", ""), ("gres", "a\nb")];
        for (setting, value) in table {
            assert!(place.set(setting, value).is_err(), "{setting} {value}");
        }
    }
}
