//! The command line: reads the arguments, runs the command that they name, and exits with its code.
//!
//! Each command is one file or folder in `commands`. The other files hold parts that several commands share, and use no
//! command. Results go to stdout, progress and remarks to stderr, both through `output`. Only `exit` turns errors into
//! messages and exit codes. May use every module but `durable`.

mod annotations;
mod bases;
mod commands;
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
mod requests;
mod run_events;
mod run_json;
mod run_list;
mod scores;
mod table;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::domain::text::printable;
use commands::{Command, dashboard};
use invocation::Invocation;

/// A training lab for facial-expression classifiers in a terminal. Without a command it opens the dashboard.
#[derive(Debug, Parser)]
#[command(name = "mien", version, about, after_help = exit::HELP)]
struct Arguments {
    /// The folder that holds `data/` and `checkpoints/`
    #[arg(long, global = true, value_name = "FOLDER")]
    home: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The parsed command line.
#[derive(Debug)]
pub struct Parsed(Arguments);

/// Parses the command line, and prints help, version or a usage error.
///
/// # Errors
/// The exit code, if something was printed and there is no command to run.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Parsed, ExitCode> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    Arguments::try_parse_from(&arguments).map(Parsed).map_err(|error| {
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

/// Runs the command and returns its exit code.
#[must_use]
pub fn run(Parsed(Arguments { home, command }): Parsed) -> ExitCode {
    let invocation = Invocation { home, definition: Arguments::command };
    let result = match command {
        Some(command) => command.run(&invocation),
        None => dashboard::run(&invocation),
    };
    if let Err(error) = &result
        && !error.is_closed_pipe()
    {
        output::print_error(&error.to_string());
    }
    result.map_or_else(|error| error.code(), exit::Exit::code)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
