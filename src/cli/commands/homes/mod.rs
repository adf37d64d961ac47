//! `homes`: lists the homes on other machines, tries them, brings mien there, and deletes mirrors.

mod install;

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::home;
use crate::cli::invocation::Invocation;
use crate::cli::options::Output;
use crate::cli::output;
use crate::cli::table::{Side, Table, age};
use crate::config::{self, entries::none_text};
use crate::domain::HomeAddress;
use crate::domain::size::Size;
use crate::homes::{Link, LinkState, MirrorFolder};
use crate::runs::RunStore;
use crate::supervise::now;

/// List the homes on other machines of the config file, try them, or delete their mirrors here
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Homes {
    #[command(subcommand)]
    command: Option<HomesCommand>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum HomesCommand {
    /// Connect to a home: does ssh reach it, is there a fitting mien, how far away is it
    Check {
        /// The name, or `ssh://user@box/path` [default: all homes of the config file]
        #[arg(value_name = "HOME")]
        name: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    Install(install::Install),
    /// Delete the mirror of a home here; the home itself stays as it is
    Forget {
        /// The name, or `ssh://user@box/path`
        #[arg(value_name = "HOME")]
        name: String,
    },
}

/// A home, for scripts. Keys are stable: none is ever renamed.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    address: String,
    /// When it last answered, in milliseconds since 1970.
    contact_at: Option<u64>,
    /// The runs in its mirror.
    runs: usize,
    /// The bytes of its mirror.
    mirror_bytes: u64,
}

/// The result of a check, for scripts. Keys are stable: none is ever renamed.
#[derive(Debug, Serialize)]
struct Checked {
    name: String,
    address: String,
    /// The version of mien there.
    version: Option<String>,
    /// The folder there.
    home: Option<String>,
    /// The milliseconds until it answered.
    milliseconds: Option<u64>,
    problem: Option<String>,
}

impl Homes {
    pub(super) fn run(self, _: &Invocation) -> Result<Exit, CommandError> {
        match self.command {
            None => list(self.output),
            Some(HomesCommand::Check { name, output }) => check(name.as_deref(), output),
            Some(HomesCommand::Install(install)) => install.run(),
            Some(HomesCommand::Forget { name }) => forget(&name),
        }
    }
}

fn list(output: Output) -> Result<Exit, CommandError> {
    let config::Homes { entries: homes, problems } = config::Homes::load();
    if homes.is_empty() && problems.is_empty() && !output.json {
        output::note(&none_text::<HomeAddress>());
        return Ok(Exit::Done);
    }
    let listed = |address: &HomeAddress| -> Result<Listed, CommandError> {
        let folder = MirrorFolder::of(address)?;
        Ok(Listed {
            name: address.name.clone(),
            address: address.to_string(),
            contact_at: folder.contact().map(|contact| contact.at),
            runs: RunStore::new(folder.home()).ids().map_or(0, |ids| ids.len()),
            mirror_bytes: folder.disk_usage(),
        })
    };
    let listed: Vec<Listed> = homes.iter().map(listed).collect::<Result<_, _>>()?;
    output.print(&listed, || {
        let columns = [
            ("HOME", Side::Left),
            ("ADDRESS", Side::Left),
            ("LAST SEEN", Side::Right),
            ("RUNS", Side::Right),
            ("MIRROR", Side::Right),
        ];
        let mut table = Table::new(columns);
        for home in &listed {
            let seen =
                home.contact_at.map_or_else(|| "never".into(), |at| format!("{} ago", age(now().saturating_sub(at))));
            let cells = [
                home.name.clone(),
                home.address.clone(),
                seen,
                home.runs.to_string(),
                Size(home.mirror_bytes).to_string(),
            ];
            table.row(&cells);
        }
        if listed.is_empty() { String::new() } else { table.render() }
    })?;
    if !output.json {
        problems.iter().for_each(|problem| output::print_error(&problem.to_string()));
    }
    Ok(Exit::done_if(problems.is_empty()))
}

fn check(home: Option<&str>, output: Output) -> Result<Exit, CommandError> {
    let config::Homes { entries: wanted, problems } = match home {
        Some(home) => config::Homes { entries: vec![home::elsewhere(home)?], problems: Vec::new() },
        None => config::Homes::load(),
    };
    if wanted.is_empty() && problems.is_empty() && !output.json {
        output::note(&none_text::<HomeAddress>());
    }
    problems.iter().for_each(|problem| output::print_error(&problem.to_string()));
    let mut all = Vec::new();
    for address in wanted {
        let checked = try_home(&address)?;
        if !output.json {
            let line = match (&checked.problem, &checked.version, &checked.home, checked.milliseconds) {
                (None, Some(version), Some(home), Some(time)) => {
                    format!("✓ {}: mien {version}, {home}, answers after {time} ms", checked.name)
                }
                (problem, ..) => format!("✗ {}: {}", checked.name, problem.as_deref().unwrap_or("no answer")),
            };
            output::line(&line)?;
        }
        all.push(checked);
    }
    if output.json {
        output::json(&all)?;
    }
    Ok(Exit::done_if(problems.is_empty() && all.iter().all(|checked| checked.problem.is_none())))
}

fn try_home(address: &HomeAddress) -> Result<Checked, CommandError> {
    let begun = Instant::now();
    let link = Link::start(address.clone(), false, io::stdin().is_terminal())?;
    let state = link.wait(Duration::from_mins(1), |state| !matches!(state, LinkState::Connecting));
    let time = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let live = matches!(state, LinkState::Live { .. });
    let contact = link.contact();
    Ok(Checked {
        name: address.name.clone(),
        address: address.to_string(),
        version: live.then_some(contact.program),
        home: live.then_some(contact.home),
        milliseconds: live.then_some(time),
        problem: match state {
            LinkState::Live { .. } => None,
            LinkState::Cut { reason, .. } => Some(reason.to_string()),
            LinkState::Connecting => Some("no answer within a minute".into()),
        },
    })
}

fn forget(home: &str) -> Result<Exit, CommandError> {
    let address = home::elsewhere(home)?;
    if !MirrorFolder::of(&address)?.delete()? {
        output::note(&format!("there is no mirror of {}", address.name));
    }
    Ok(Exit::Done)
}
