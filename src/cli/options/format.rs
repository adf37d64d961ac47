//! The options `--json` and `--csv`.

use clap::Args;
use serde::Serialize;

use crate::cli::exit::CommandError;
use crate::cli::output;

/// The option of commands that print text or JSON.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct Output {
    /// Print JSON for scripts
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

impl Output {
    /// Prints the value as JSON, or the lines as text.
    pub(in crate::cli) fn print(
        self,
        value: &impl Serialize,
        lines: impl FnOnce() -> String,
    ) -> Result<(), CommandError> {
        if self.json { output::json(value) } else { output::print(&lines()) }
    }
}

/// The options of commands that print a table, JSON or comma-separated values.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct Format {
    /// Print JSON for scripts
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Print comma-separated values below a line of headings
    #[arg(long, conflicts_with = "json")]
    pub(in crate::cli) csv: bool,
}

impl Format {
    /// Prints the value as JSON, the rows as comma-separated values, or the lines as text.
    pub(in crate::cli) fn print<J: Serialize>(
        self,
        value: impl FnOnce() -> J,
        rows: impl FnOnce() -> Vec<Vec<String>>,
        lines: impl FnOnce() -> String,
    ) -> Result<(), CommandError> {
        match self {
            Self { json: true, .. } => output::json(&value()),
            Self { csv: true, .. } => output::csv(&rows()),
            Self { .. } => output::print(&lines()),
        }
    }
}

impl From<Output> for Format {
    fn from(Output { json }: Output) -> Self {
        Self { json, csv: false }
    }
}
