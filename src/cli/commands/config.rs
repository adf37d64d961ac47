//! `config`: finds and checks the dashboard's config file, and prints one with every default.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::Output;
use crate::cli::output;
use crate::tui::config;

/// The dashboard's config file: its path, its errors, its defaults
#[derive(Debug, Args)]
pub(in crate::cli) struct Config {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the path of the file; `MIEN_CONFIG` sets another one
    Path,
    /// Print the errors in the file with their lines; exits with 1 if there are any
    Check {
        #[command(flatten)]
        output: Output,
    },
    /// Print a file with every setting and every key, commented out, to begin with
    Defaults,
}

/// The state of the file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The path at which it is expected, lossy if not UTF-8; `None` without a user's config folder.
    pub(super) path: Option<String>,
    /// Whether it exists.
    pub(super) exists: bool,
    /// Its errors, each with file and line.
    pub(super) problems: Vec<String>,
}

/// Reads the file and returns its state.
pub(super) fn examine() -> Report {
    let path = config::path();
    Report {
        exists: path.as_ref().is_some_and(|path| path.exists()),
        path: path.map(|path| path.to_string_lossy().into_owned()),
        problems: config::load().problems.iter().map(ToString::to_string).collect(),
    }
}

impl Config {
    pub(super) fn run(self, _: &Invocation) -> Result<Exit, CommandError> {
        match self.command {
            ConfigCommand::Path => {
                let path = config::path().ok_or(CommandError::NoHome)?;
                output::line(&path.display().to_string())?;
                Ok(Exit::Done)
            }
            ConfigCommand::Defaults => {
                output::print(&config::defaults())?;
                Ok(Exit::Done)
            }
            ConfigCommand::Check { output } => {
                let report = examine();
                output.print(&report, || text(&report))?;
                Ok(Exit::done_if(report.problems.is_empty()))
            }
        }
    }
}

fn text(report: &Report) -> String {
    let lines = report.problems.iter().fold(String::new(), |lines, problem| lines + &format!("{problem}\n"));
    match (&report.path, report.exists) {
        _ if !lines.is_empty() => lines,
        (Some(path), true) => format!("{path}: no errors\n"),
        (Some(path), false) => format!("{path} does not exist: every setting has its default\n"),
        (None, _) => "there is no folder for config files: every setting has its default\n".into(),
    }
}
