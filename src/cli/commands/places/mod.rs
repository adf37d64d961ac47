//! `places`: lists the places of the config file and tries them.

mod check;
mod default;
mod probe;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::Output;
use crate::cli::output;
use crate::cli::table::{Side, Table};
use crate::config::{self, entries::none_text};
use crate::domain::Place;

/// List the places on which runs can start with --on, or try them
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Places {
    #[command(subcommand)]
    command: Option<PlacesCommand>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum PlacesCommand {
    /// Run a short job on a place: does it submit, does the node see the home, do locks reach it, is its clock near
    Check(check::Check),
    /// Print the place on which the runs of this home start without --on, or set it; `local` is this machine
    Default(default::Default),
    #[command(hide = true)]
    Probe(probe::Probe),
}

/// The places, for scripts. Keys are stable: none is ever renamed.
#[derive(Debug, Serialize)]
struct Listed {
    places: Vec<Place>,
    problems: Vec<String>,
    /// The default place of the home; `null` for this machine.
    default: Option<String>,
}

impl Places {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        match self.command {
            Some(PlacesCommand::Check(check)) => check.run(invocation),
            Some(PlacesCommand::Default(default)) => default.run(invocation),
            Some(PlacesCommand::Probe(probe)) => probe.run(),
            None => list(invocation, self.output),
        }
    }
}

fn list(invocation: &Invocation, output: Output) -> Result<Exit, CommandError> {
    let config::Places { entries: places, problems } = config::Places::load();
    let default = invocation.open_home()?.home().default_place()?;
    let listed = Listed { places, problems: problems.iter().map(ToString::to_string).collect(), default };
    if listed.places.is_empty() && listed.problems.is_empty() && !output.json {
        output::note(&none_text::<Place>());
        return Ok(Exit::Done);
    }
    output.print(&listed, || {
        let mut table = Table::new([("PLACE", Side::Left), ("SETTINGS", Side::Left)]);
        for place in &listed.places {
            let is_default = listed.default.as_ref() == Some(&place.name);
            let remark = if is_default { ", the default of this home" } else { "" };
            table.row(&[place.name.clone(), format!("{place}{remark}")]);
        }
        if listed.places.is_empty() { String::new() } else { table.render() }
    })?;
    if !output.json {
        listed.problems.iter().for_each(|problem| output::print_error(problem));
    }
    Ok(Exit::done_if(listed.problems.is_empty()))
}
