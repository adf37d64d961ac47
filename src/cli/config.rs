//! `config`: where the dashboard's config file is, whether it is right, and what can stand in it.

use serde::Serialize;

use super::arguments::{ConfigCommand, Output};
use super::exit::{CommandError, Exit};
use super::output;
use crate::tui::config;

/// What is said of the file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Where it is looked for.
    pub(super) path: Option<std::path::PathBuf>,
    /// Whether it is there.
    pub(super) exists: bool,
    /// What is wrong in it, with file and line.
    pub(super) problems: Vec<String>,
}

/// Reads the file.
pub(super) fn examine() -> Report {
    let path = config::path();
    Report {
        exists: path.as_ref().is_some_and(|path| path.exists()),
        path,
        problems: config::load().problems.iter().map(ToString::to_string).collect(),
    }
}

pub(super) fn run(command: ConfigCommand) -> Result<Exit, CommandError> {
    match command {
        ConfigCommand::Path => {
            let path = config::path().ok_or(CommandError::NoHome)?;
            output::print(&format!("{}\n", path.display()))?;
        }
        ConfigCommand::Defaults => output::print(&config::defaults())?,
        ConfigCommand::Check { output: Output { json } } => {
            let report = examine();
            if json {
                output::json(&report)?;
            } else {
                output::print(&text(&report))?;
            }
            return Ok(if report.problems.is_empty() { Exit::Done } else { Exit::Failed });
        }
    }
    Ok(Exit::Done)
}

fn text(report: &Report) -> String {
    let lines = report.problems.iter().fold(String::new(), |lines, problem| lines + &format!("{problem}\n"));
    match (&report.path, report.exists) {
        _ if !lines.is_empty() => lines,
        (Some(path), true) => format!("{}: nothing is wrong\n", path.display()),
        (Some(path), false) => format!("{} is not there: everything is at its default\n", path.display()),
        (None, _) => "there is no folder for settings: everything is at its default\n".into(),
    }
}
