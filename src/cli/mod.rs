//! The command line: arguments in, validated commands out, each with plain and `--json` output.
//!
//! One file per group of commands. Progress and remarks go to stderr, results to stdout; `exit` alone turns errors into
//! words and exit codes. May use every room. Commands print through `output`, which a closed pipe ends quietly.

mod arguments;
mod average;
mod bases;
#[cfg(feature = "trainer")]
mod bench;
mod check;
mod compare;
mod completions;
#[cfg(feature = "dashboard")]
mod config;
mod dashboard;
mod data;
mod datasets;
mod doctor;
mod exit;
mod export;
mod fetch;
mod gpu;
mod home;
mod inspect;
mod interrupt;
mod json;
mod known;
mod library;
mod manage;
mod marked;
mod meter;
mod output;
mod privacy;
mod prune;
mod queue;
mod recipe_options;
mod report;
mod request;
mod runs;
mod show;
mod stop;
mod table;
mod train;
mod watch;
mod weights;
mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::domain::text::printable;
use crate::runs::{Home, RunFolder, RunStore};
use arguments::{Arguments, Command};
use exit::{CommandError, Exit};

/// The parsed command line.
#[derive(Debug)]
pub struct Parsed(Arguments);

/// Reads the command line. Help, version and wrong usage are printed here.
///
/// # Errors
/// The exit code, when there is nothing to run.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Parsed, ExitCode> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    Arguments::try_parse_from(&arguments).map(Parsed).map_err(|error| {
        let plain = |argument: &OsString| argument.to_str().is_some_and(|text| printable(text) == text);
        if arguments.iter().all(plain) {
            // A closed pipe is the only way in which this can fail, and nobody is left to tell.
            let _ = error.print();
        } else {
            // The parser quotes what it does not understand, as it is.
            output::note(error.render().to_string().trim_end());
        }
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

/// Runs the command and tells its exit code.
#[must_use]
pub fn run(Parsed(arguments): Parsed) -> ExitCode {
    match dispatch(arguments) {
        Ok(exit) => exit.code(),
        Err(error) => error.report(),
    }
}

fn dispatch(arguments: Arguments) -> Result<Exit, CommandError> {
    let command = match arguments.command {
        // These know no home.
        Some(Command::Worker(worker)) => {
            privacy::keep(RunFolder::at(&worker.folder).home().as_ref().map(Home::path));
            return Ok(worker::run(&worker));
        }
        Some(Command::Completions { shell }) => return completions::run(shell),
        #[cfg(feature = "dashboard")]
        Some(Command::Config(command)) => return config::run(command),
        other => other,
    };
    let home = Home::new(home::resolve(arguments.home)?);
    privacy::keep(Some(home.path()));
    let store = RunStore::new(home.clone());
    match command {
        None => dashboard::run(home),
        Some(Command::Data(command)) => data::run(&home, command),
        Some(Command::Weights(command)) => weights::run(&home, command),
        Some(Command::Train(train)) => train::train(&store, train),
        Some(Command::Runs(arguments)) => runs::run(&store, &arguments),
        Some(Command::Rename { run, name, output }) => manage::rename(&store, &run, &name, output),
        Some(Command::Tag { run, changes, output }) => manage::tag(&store, &run, &changes, output),
        Some(Command::Note { run, text, output }) => manage::note(&store, &run, text.as_deref(), output),
        Some(Command::Delete { runs, yes, output }) => manage::delete(&store, &runs, yes, output),
        Some(Command::Show { run, format }) => show::run(&store, &run, format),
        Some(Command::Compare(compare)) => compare::run(&store, &compare),
        Some(Command::Inspect(inspect)) => inspect::run(&store, &inspect),
        Some(Command::Export(export)) => export::run(&store, &export),
        Some(Command::Watch { run, output }) => watch::run(&store, &run, output),
        Some(Command::Stop { run, kill: true, yes, output }) => stop::kill(&store, &run, yes, output),
        Some(Command::Stop { run, output, .. }) => stop::run(&store, &run, output),
        Some(Command::Pause { run, output }) => request::pause(&store, &run, output),
        Some(Command::Unpause { run, output }) => request::unpause(&store, &run, output),
        Some(Command::Set { run, epochs, patience, output }) => request::set(&store, &run, epochs, patience, output),
        Some(Command::Resume { run, epochs, patience, following }) => {
            train::resume(&store, &run, [epochs, patience], following)
        }
        Some(Command::Evaluate { runs, average: true, output, .. }) => average::run(&store, &runs, output),
        Some(Command::Evaluate { runs, turn, output, .. }) => train::evaluate(&store, &runs, turn, output),
        Some(Command::Queue(command)) => queue::run(&store, &command),
        #[cfg(feature = "trainer")]
        Some(Command::Bench(command)) => bench::run(&home, command),
        Some(Command::Doctor { output }) => doctor::run(&store, output),
        Some(Command::Worker(_) | Command::Completions { .. }) => Ok(Exit::Done),
        #[cfg(feature = "dashboard")]
        Some(Command::Config(_)) => Ok(Exit::Done),
    }
}
