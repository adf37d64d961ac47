//! The hidden command with which this machine is the home of a program elsewhere.

use std::io;

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::homes::{self, Program};

/// Serve this home to a mien elsewhere; started over ssh by `mien --home ssh://user@box`
#[derive(Debug, Args)]
#[command(hide = true)]
pub(in crate::cli) struct Serve {
    /// Talk over the standard input and output, the only way there is
    #[arg(long, required = true)]
    stdio: bool,
}

/// The commands that run on request: those that act in the home.
const ACCEPTED: [&str; 23] = [
    "data",
    "weights",
    "train",
    "runs",
    "rename",
    "tag",
    "note",
    "delete",
    "export",
    "stop",
    "pause",
    "unpause",
    "set",
    "resume",
    "evaluate",
    "predict",
    "queue",
    "places",
    "doctor",
    "bench",
    "copy-run",
    "entries",
    "launch-recipes",
];

/// Accepts the arguments of a command in this home.
fn accepts(arguments: &[String]) -> Result<(), String> {
    let first = arguments.first().map_or("", String::as_str);
    if !ACCEPTED.contains(&first) {
        return Err(format!("'{first}' is not run on request: {} are", ACCEPTED.join(", ")));
    }
    if arguments.iter().any(|argument| argument == "--home" || argument.starts_with("--home=")) {
        return Err("another home is not served: connect to it by its own address".into());
    }
    Ok(())
}

impl Serve {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        debug_assert!(self.stdio, "clap requires it");
        let store = invocation.open_home()?;
        let failed = |error: io::Error| CommandError::Failure(format!("cannot serve this home: {error}"));
        let path = std::env::current_exe().map_err(failed)?;
        let arguments = vec!["--home".into(), store.home().path().into()];
        let program = Program { path, arguments, accepts };
        match homes::serve(store, program, io::stdin(), io::stdout()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
            other => other.map(|()| Exit::Done).map_err(failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::accepts;

    #[test]
    fn only_commands_in_this_home_are_accepted() {
        let table: [(&[&str], bool); 8] = [
            (&["stop", "heron"], true),
            (&["train", "cnn", "--json"], true),
            (&[], false),
            (&["serve", "--stdio"], false),
            (&["worker", "/x"], false),
            (&["--home", "/x", "runs"], false),
            (&["runs", "--home", "/x"], false),
            (&["runs", "--home=/x"], false),
        ];
        for (arguments, expected) in table {
            let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
            assert_eq!(accepts(&arguments).is_ok(), expected, "{arguments:?}");
        }
    }
}
