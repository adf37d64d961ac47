//! The command line: reads the arguments, runs the command that they name, and exits with its code.
//!
//! Each command is one file or folder in `commands`. The other files hold parts that several commands share, and use no
//! command. Results go to stdout, progress and remarks to stderr, both through `output`. Only `exit` turns errors into
//! messages and exit codes. May use every module but `durable`.

mod annotations;
mod bases;
mod commands;
mod completion;
mod confirm;
mod datasets;
mod download;
mod exit;
mod expected_time;
mod follow;
mod gpu;
mod heat_maps;
mod home;
mod interrupt;
mod invocation;
mod library;
mod options;
mod output;
mod piped;
mod predictions;
mod privacy;
mod progress;
mod remote;
mod requests;
mod run_copies;
mod run_events;
mod run_json;
mod run_list;
mod scores;
mod table;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser};

use crate::config::homes::ALL_HOMES;
use crate::domain::Strategy;
use crate::domain::text::printable;
use commands::{Command, dashboard};
use exit::{CommandError, Exit};
use home::HomeChoice;
use invocation::Invocation;
use remote::RemoteUse;

/// A training lab for facial-expression classifiers in a terminal. Without a command it opens the dashboard.
#[derive(Debug, Parser)]
#[command(name = "mien", version, about, after_help = exit::HELP)]
struct Arguments {
    /// The folder that holds `data/` and `checkpoints/`, or a home on another machine: a name of the config file, or
    /// `ssh://user@box/path`; with `runs` also `all`
    #[arg(long, global = true, value_name = "HOME")]
    home: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The parsed command line.
#[derive(Debug)]
pub struct CommandLine {
    parsed: Arguments,
    /// The arguments after the program.
    given: Vec<OsString>,
}

/// Parses the command line, and prints help, version or a usage error.
///
/// # Errors
/// The exit code, if something was printed and there is no command to run.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<CommandLine, ExitCode> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let given = arguments.get(1..).unwrap_or_default().to_vec();
    let parsed = match completion::answer(Arguments::command, &arguments) {
        Ok(true) => return Err(ExitCode::SUCCESS),
        Ok(false) => {
            let matches = options::take_negative_numbers(Arguments::command()).try_get_matches_from(&arguments);
            matches.and_then(|mut matches| Arguments::from_arg_matches_mut(&mut matches))
        }
        Err(error) => Err(error),
    };
    parsed.map(|parsed| CommandLine { parsed, given }).map_err(|mut error| {
        suggest_train(&mut error);
        let plain = |argument: &OsString| argument.to_str().is_some_and(|text| printable(text) == text);
        if arguments.iter().all(plain) {
            // Fails only if the output is closed.
            let _ = error.print();
        } else {
            // The parser quotes arguments as they are, and their control characters could steer the terminal.
            output::note(error.render().to_string().trim_end());
        }
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

/// Suggests `train` for the name of a strategy that is given as a command.
fn suggest_train(error: &mut clap::Error) {
    let strategy = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) => Strategy::ALL.into_iter().find(|strategy| strategy.name() == name),
        _ => None,
    };
    if let Some(strategy) = strategy {
        let command = ContextValue::Strings(vec![format!("train {strategy}")]);
        error.insert(ContextKind::SuggestedSubcommand, command);
    }
}

/// Runs the command and returns its exit code.
#[must_use]
pub fn run(CommandLine { parsed, given }: CommandLine) -> ExitCode {
    let result = dispatch(parsed, &given);
    if let Err(error) = &result
        && !error.is_closed_pipe()
    {
        output::print_error(&error.to_string());
    }
    result.map_or_else(|error| error.code(), exit::Exit::code)
}

/// Runs the command on the home that is given: here, on the mirror of a home on another machine, or there.
fn dispatch(Arguments { home, command }: Arguments, given: &[OsString]) -> Result<Exit, CommandError> {
    let mut invocation = Invocation { home: home.clone(), link: None, all_homes: false };
    let on_home = command.as_ref().map_or(RemoteUse::Mirror, Command::remote_use);
    if home.as_deref().is_some_and(|home| home == Path::new(ALL_HOMES)) {
        if !matches!(command, Some(Command::Runs(_))) {
            return Err(CommandError::Usage("--home all is for `mien runs`: name one home".into()));
        }
        invocation.all_homes = true;
    } else if on_home != RemoteUse::None
        && let HomeChoice::There(address) = home::resolve(home)?
    {
        match (on_home, &command) {
            (RemoteUse::RunRemotely, _) => return remote::run_remotely(address, &without_home(given)),
            (RemoteUse::Line, _) => invocation.link = Some(remote::connect(address)?.into()),
            (_, Some(command)) => invocation.link = Some(remote::open_mirror(address, command.is_lasting())?),
            (_, None) => {}
        }
    }
    match command {
        Some(command) => command.run(&invocation),
        None => dashboard::run(&invocation),
    }
}

/// Returns the arguments without `--home` and its value.
fn without_home(given: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut rest = given.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        match text.as_ref() {
            "--" => {
                kept.push(argument.clone());
                kept.extend(rest.by_ref().cloned());
            }
            "--home" => drop(rest.next()),
            text if text.starts_with("--home=") => {}
            _ => kept.push(argument.clone()),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the names that each argument of the whole command line takes, as `command argument`.
    fn all(command: &clap::Command, path: &[String], found: &mut Vec<(String, completion::Names)>) {
        let path = [path, &[command.get_name().to_owned()]].concat();
        for argument in command.get_arguments() {
            if let Some(names) = completion::names_of(argument, &path) {
                found.push((format!("{} {}", path[1..].join(" "), argument.get_id()), names));
            }
        }
        command.get_subcommands().for_each(|command| all(command, &path, found));
    }

    #[test]
    fn arguments_take_the_names_that_exist_and_new_names_none() {
        let mut found = Vec::new();
        let mut command = Arguments::command();
        command.build();
        all(&command, &[], &mut found);
        let names = |argument: &str| found.iter().find(|(known, _)| known == argument).map(|(_, names)| *names);
        let table = [
            ("show run", Some(completion::Names::Runs)),
            ("compare runs", Some(completion::Names::Runs)),
            ("compare baseline", Some(completion::Names::Runs)),
            ("train cnn dataset", Some(completion::Names::Datasets)),
            ("train cnn after", Some(completion::Names::Runs)),
            ("train finetune from", Some(completion::Names::Runs)),
            ("train features weights", Some(completion::Names::Weights)),
            ("compare tag", Some(completion::Names::Tags)),
            ("tag changes", Some(completion::Names::TagChanges)),
            ("runs sort", Some(completion::Names::SortKeys)),
            ("train cnn on", Some(completion::Names::Places)),
            ("data show name", Some(completion::Names::Datasets)),
            ("data mark name", Some(completion::Names::Datasets)),
            ("data import name", None),
            ("weights delete name", Some(completion::Names::Weights)),
            ("weights import name", None),
            ("homes check name", Some(completion::Names::Homes)),
            ("rename name", None),
            ("train cnn name", None),
        ];
        for (argument, expected) in table {
            assert_eq!(names(argument), expected, "{argument}: {found:?}");
        }
    }

    #[test]
    fn the_definitions_are_consistent() {
        options::take_negative_numbers(Arguments::command()).debug_assert();
    }

    #[test]
    fn the_home_is_left_out_wherever_it_is_given() {
        let table: [(&[&str], &[&str]); 4] = [
            (&["--home", "box", "stop", "heron"], &["stop", "heron"]),
            (&["stop", "--home=box", "heron"], &["stop", "heron"]),
            (&["note", "heron", "--home", "box", "--", "--home"], &["note", "heron", "--", "--home"]),
            (&["stop"], &["stop"]),
        ];
        for (given, expected) in table {
            let given: Vec<std::ffi::OsString> = given.iter().map(Into::into).collect();
            assert_eq!(super::without_home(&given), expected);
        }
    }
}
