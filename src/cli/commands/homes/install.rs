//! `homes install`: brings mien to the machine of a home.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::confirm;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::home;
use crate::cli::options::Output;
use crate::cli::output;
use crate::cli::progress::{BYTES, Progress};
use crate::domain::Size;
use crate::homes::install::{self, Binary, InstallError};
use crate::supervise::ImportProgress;

/// Copy this mien to the machine of a home over ssh, after a question
///
/// The path there is `binary` of [homes.NAME], else ~/.local/bin/mien. System and processor are compared first. The
/// copy is checked by its SHA-256 and tried there before it replaces anything.
#[derive(Debug, Args)]
pub(super) struct Install {
    /// The name, or `ssh://user@box/path`
    #[arg(value_name = "HOME")]
    name: String,
    /// The binary to copy [default: this one]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Copy without asking
    #[arg(long)]
    yes: bool,
    /// Replace also a newer mien, or another program
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    output: Output,
}

/// An installed program, for scripts. Keys are stable: none is ever renamed.
#[derive(Debug, Serialize)]
struct Installed {
    name: String,
    /// The path there.
    path: String,
    /// The system and the processor there.
    system: String,
    /// The version that the program there printed before; `None` where there was none.
    before: Option<String>,
    /// The version that it prints now.
    version: String,
}

impl From<InstallError> for CommandError {
    fn from(error: InstallError) -> Self {
        Self::Failure(error.to_string())
    }
}

impl Install {
    pub(super) fn run(self) -> Result<Exit, CommandError> {
        let address = home::elsewhere(&self.name)?;
        let own = || std::env::current_exe().map_err(|error| CommandError::Failure(format!("no binary: {error}")));
        let path = self.binary.map_or_else(own, Ok)?;
        let mut binary = Binary::open(&path)?;
        let place = install::place(&address)?;
        let machine = install::look(&address)?;
        let name = &address.name;
        let there = match machine.version.as_deref() {
            None => format!("there is no {place} yet"),
            Some("") => format!("{place} does not say its version"),
            Some(version) => format!("{place} is {version}"),
        };
        let question = format!(
            "{name} is {}, and {there}. Copy {} ({}) there?",
            machine.system,
            path.display(),
            Size(binary.bytes)
        );
        if !self.yes && !confirm::confirm(&question, "copies it")? {
            output::note("nothing was copied");
            return Ok(Exit::Stopped);
        }
        let progress = Progress::bar();
        let total = Some(binary.bytes);
        let version = install::install(&address, &machine, &mut binary, self.force, &mut |done| {
            let step = ImportProgress { stage: format!("mien to {name}"), done, total, classes: None };
            let _ = progress.show(step, &BYTES);
        });
        progress.finish();
        let version = version?;
        let installed = Installed {
            name: name.clone(),
            path: place.to_owned(),
            system: machine.system.clone(),
            before: machine.version.clone(),
            version,
        };
        self.output.print(&installed, || format!("{} is at {place} on {name}\n", installed.version))?;
        if address.binary.is_none() && machine.found.is_empty() {
            output::note(&format!("the shell of {name} does not find it: set binary = \"{place}\" in [homes.{name}]"));
        }
        Ok(Exit::Done)
    }
}
