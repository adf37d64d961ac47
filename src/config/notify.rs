//! Notices about the end of runs: `[notify]` of the config file.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::{Problem, given, line_of, load_table, unknown_setting};
use crate::domain::run_state::RunState;

/// The accepted seconds that a command may take.
const SECONDS: RangeInclusive<u64> = 1..=3600;

/// The settings, in the order of the default file.
const SETTINGS: [&str; 5] = ["bell", "terminal", "on_end", "on_failure", "time_limit"];

/// The escape sequence by which the dashboard asks its terminal for a desktop notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TerminalNotice {
    /// The one that the terminal is known to support.
    #[default]
    Auto,
    /// OSC 9: iTerm2, `WezTerm`, kitty, Ghostty, foot and others.
    Osc9,
    /// OSC 777: urxvt, foot, Ghostty and terminals of VTE.
    Osc777,
    /// None.
    Off,
}

impl TerminalNotice {
    /// The choices by their names in the config file.
    const NAMED: [(&'static str, Self); 4] =
        [("auto", Self::Auto), ("osc9", Self::Osc9), ("osc777", Self::Osc777), ("off", Self::Off)];
}

/// The settings of notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Whether the dashboard rings the terminal's bell.
    pub bell: bool,
    /// The desktop notification that the dashboard asks its terminal for.
    pub terminal: TerminalNotice,
    /// The shell command that a worker runs when its run has ended.
    pub on_end: Option<String>,
    /// The shell command that a worker runs instead when its run has failed or was interrupted.
    pub on_failure: Option<String>,
    /// The longest time that a command may take.
    pub time_limit: Duration,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            bell: true,
            terminal: TerminalNotice::Auto,
            on_end: None,
            on_failure: None,
            time_limit: Duration::from_mins(1),
        }
    }
}

impl Notify {
    /// Reads the settings of the config file, and the errors in them. Without such a file they are the defaults.
    #[must_use]
    pub fn load() -> (Self, Vec<Problem>) {
        load_table("notify", read)
    }

    /// Returns whether there is a command for any end of a run.
    #[must_use]
    pub fn has_command(&self) -> bool {
        self.on_end.is_some() || self.on_failure.is_some()
    }

    /// Returns the command for the end of a run in this state, with the name of its setting; `None` for an active run.
    #[must_use]
    pub fn command(&self, state: RunState) -> Option<(&'static str, &str)> {
        let end = || self.on_end.as_deref().map(|command| ("on_end", command));
        let failure = || self.on_failure.as_deref().map(|command| ("on_failure", command));
        match state {
            RunState::Finished | RunState::Stopped => end(),
            RunState::Failed | RunState::Interrupted | RunState::Lost => failure().or_else(end),
            RunState::Queued | RunState::Starting | RunState::Running | RunState::Paused => None,
        }
    }
}

/// Returns the settings in the value of `notify`, and the errors with their lines. A setting with an error has its
/// default.
#[must_use]
pub fn read(text: &str, value: &Spanned<DeValue<'_>>) -> (Notify, Vec<(usize, String)>) {
    let (mut notify, mut problems) = (Notify::default(), Vec::new());
    let line = |at: usize| line_of(text, at);
    let Some(table) = value.get_ref().as_table() else {
        let message = "notify cannot be this: write its settings below a line [notify]".to_owned();
        return (notify, vec![(line(value.span().start), message)]);
    };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let found = value.get_ref();
        let accepted = match name {
            "bell" => put(&mut notify.bell, found.as_bool(), "write true or false".into()),
            "terminal" => {
                let choice = TerminalNotice::NAMED.iter().find(|(choice, _)| found.as_str() == Some(*choice));
                let names = "write \"auto\", \"osc9\", \"osc777\" or \"off\"".into();
                put(&mut notify.terminal, choice.map(|(_, choice)| *choice), names)
            }
            "on_end" => shell_command(found).map(|command| notify.on_end = command),
            "on_failure" => shell_command(found).map(|command| notify.on_failure = command),
            "time_limit" => {
                let number = found.as_integer().and_then(|number| {
                    u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| SECONDS.contains(number))
                });
                let accepted = format!("write seconds from {} to {}", SECONDS.start(), SECONDS.end());
                put(&mut notify.time_limit, number.map(Duration::from_secs), accepted)
            }
            _ => {
                problems.push((line(key.span().start), unknown_setting("notify", name, &SETTINGS)));
                continue;
            }
        };
        if let Err(accepted) = accepted {
            let message = format!("notify.{name} cannot be {}: {accepted}", given(text, value));
            problems.push((line(value.span().start), message));
        }
    }
    (notify, problems)
}

/// The accepted values of a command.
const COMMAND: &str = "write a line for the shell such as \"notify-send mien\", or \"\" for none";

/// Returns a command, `None` for an empty one; the error has the accepted values. The system passes no NUL on.
fn shell_command(value: &DeValue<'_>) -> Result<Option<String>, String> {
    let text = value.as_str().filter(|text| !text.contains('\0')).ok_or(COMMAND)?;
    Ok((!text.trim().is_empty()).then(|| text.to_owned()))
}

/// Sets a value that was read; otherwise returns the accepted ones.
fn put<T>(target: &mut T, found: Option<T>, accepted: String) -> Result<(), String> {
    *target = found.ok_or(accepted)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_first;

    fn parse(text: &str) -> (Notify, Vec<(usize, String)>) {
        read_first(text, read)
    }

    #[test]
    fn every_setting_is_read() {
        let (notify, problems) = parse(
            "[notify]\nbell = false\nterminal = 'osc777'\non_end = 'a'\non_failure = \"b 'c'\"\ntime_limit = 3600\n",
        );
        assert_eq!(problems, []);
        let expected = Notify {
            bell: false,
            terminal: TerminalNotice::Osc777,
            on_end: Some("a".into()),
            on_failure: Some("b 'c'".into()),
            time_limit: Duration::from_hours(1),
        };
        assert_eq!(notify, expected);
        assert_eq!(parse("[notify]\non_end = ' '\n"), (Notify::default(), Vec::new()));
    }

    #[test]
    fn an_error_names_line_and_remedy_and_leaves_the_other_settings() {
        let table = [
            ("bell = 'no'", "notify.bell cannot be 'no': write true or false"),
            ("terminal = true", "notify.terminal cannot be true: write \"auto\", \"osc9\""),
            ("on_end = ['a']", "notify.on_end cannot be ['a']: write a line for the shell"),
            ("on_failure = \"a\\u0000b\"", "notify.on_failure cannot be"),
            ("time_limit = 0", "notify.time_limit cannot be 0: write seconds from 1 to 3600"),
            ("time_limit = 3601", "notify.time_limit cannot be 3601"),
            ("on_fail = 'x'", "there is no setting 'notify.on_fail' (did you mean on_failure?): the settings are bell"),
        ];
        for (line, expected) in table {
            let (notify, problems) = parse(&format!("[notify]\n{line}\n[notify.other]\n"));
            let found = problems.iter().any(|(number, words)| *number == 2 && words.starts_with(expected));
            assert!(found, "{line}: {problems:?}");
            assert_eq!((problems.len(), notify), (2, Notify::default()), "{line}");
        }
        assert!(matches!(&parse("notify = 3\n").1[..], [(1, words)] if words.starts_with("notify cannot be this")));
    }

    #[test]
    fn each_end_has_one_command() {
        let both = Notify { on_end: Some("e".into()), on_failure: Some("f".into()), ..Notify::default() };
        let only = |end: Option<&str>, failure: Option<&str>| Notify {
            on_end: end.map(str::to_owned),
            on_failure: failure.map(str::to_owned),
            ..Notify::default()
        };
        let states = [RunState::Finished, RunState::Stopped, RunState::Failed, RunState::Interrupted];
        let of =
            |notify: &Notify| states.map(|state| notify.command(state).map_or("", |(setting, _)| setting).to_owned());
        assert_eq!(of(&both), ["on_end", "on_end", "on_failure", "on_failure"]);
        assert_eq!(of(&only(Some("e"), None)), ["on_end"; 4]);
        assert_eq!(of(&only(None, Some("f"))), ["", "", "on_failure", "on_failure"]);
        assert_eq!(both.command(RunState::Queued), None, "a job that is queued again has not ended");
    }
}
