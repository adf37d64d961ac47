//! `weights`: imports, downloads, lists and shows weights of pretrained networks.

mod fetch;
mod import;
mod published;
mod sheet;

use clap::{Args, Subcommand};

use crate::cli::confirm::confirm;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::Output;
use crate::cli::run_list::read_runs;
use crate::cli::table::{Side, Table};
use crate::cli::{bases, output};
use crate::domain::{WeightsName, number_text};
use crate::runs::{FollowedRun, Home, RunStore};
use crate::supervise;
use crate::weights::{self, Manifest, Weights as WeightsFile};
use sheet::{entry, print_weights};

/// Import, fetch, list, show and delete weights of pretrained networks
#[derive(Debug, Args)]
pub(in crate::cli) struct Weights {
    #[command(subcommand)]
    command: WeightsCommand,
}

#[derive(Debug, Subcommand)]
enum WeightsCommand {
    /// List the imported weights
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show imported weights: source, licence, hash and preprocessing
    Show {
        /// The weights' name
        name: WeightsName,
        #[command(flatten)]
        output: Output,
    },
    Import(import::Import),
    Fetch(fetch::Fetch),
    /// Delete imported weights permanently
    ///
    /// Runs on them keep their results, but cannot be resumed or tested without them.
    #[command(visible_alias = "rm")]
    Delete {
        /// The weights' name
        name: WeightsName,
        /// Delete without asking
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: Output,
    },
}

impl Weights {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let home = store.home();
        match self.command {
            WeightsCommand::List { output } => list(home, output),
            WeightsCommand::Show { name, output } => show(home, &name, output),
            WeightsCommand::Import(command) => command.run(home),
            WeightsCommand::Fetch(command) => command.run(home),
            WeightsCommand::Delete { name, yes, output } => delete(&store, &name, yes, output),
        }
    }
}

fn list(home: &Home, Output { json }: Output) -> Result<Exit, CommandError> {
    let listed = weights::list(&home.weights())?;
    let readable: Vec<(&WeightsName, &Manifest)> =
        listed.iter().filter_map(|(name, manifest)| Some((name, manifest.as_ref().ok()?))).collect();
    if json {
        output::json(&readable.iter().map(|(name, manifest)| entry(name, manifest)).collect::<Vec<_>>())?;
    } else if listed.is_empty() {
        output::note(&format!(
            "no weights in {} yet: `mien weights import FILE --name NAME` imports some, `mien weights fetch vggface` \
             downloads some",
            home.weights().display()
        ));
    } else {
        output::table(&table(&readable).render())?;
    }
    for (name, manifest) in &listed {
        if let Err(error) = manifest {
            output::print_error(&format!("{name}: {error}"));
        }
    }
    Ok(Exit::Done)
}

fn table(readable: &[(&WeightsName, &Manifest)]) -> Table {
    let mut table = Table::new([
        ("WEIGHTS", Side::Left),
        ("LAYOUT", Side::Left),
        ("INPUT", Side::Left),
        ("HASH", Side::Left),
        ("SOURCE", Side::Left),
        ("LICENCE", Side::Left),
    ]);
    for (name, manifest) in readable {
        table.row(&[
            name.to_string(),
            manifest.layout.to_string(),
            manifest.preprocessing.to_string(),
            manifest.hash.chars().take(8).collect(),
            manifest.source.clone(),
            manifest.licence.clone(),
        ]);
    }
    table
}

/// Prints the manifest of weights, after reading all tensors to find damage.
fn show(home: &Home, name: &WeightsName, output: Output) -> Result<Exit, CommandError> {
    let path = home.weights_file(name);
    if !path.exists() {
        return Err(bases::missing(home, name));
    }
    print_weights(name, WeightsFile::open(&path)?.manifest(), output)?;
    Ok(Exit::Done)
}

/// Deletes weights, also damaged ones, unless an active run needs them.
fn delete(store: &RunStore, name: &WeightsName, yes: bool, output: Output) -> Result<Exit, CommandError> {
    let home = store.home();
    let path = home.weights_file(name);
    if !path.exists() {
        return Err(bases::missing(home, name));
    }
    let (runs, _) = read_runs(store)?;
    let is_user =
        |run: &&FollowedRun| run.summary.recipe.transfer.as_ref().is_some_and(|transfer| transfer.weights == *name);
    let users: Vec<&FollowedRun> = runs.iter().filter(is_user).collect();
    if let Some(active) = users.iter().find(|run| run.state(supervise::now()).is_active()) {
        let id = &active.summary.id;
        let reason = format!("{id} uses the weights {name}: wait for it, or `mien stop {id}` ends it");
        return Err(CommandError::Failure(reason));
    }
    if !users.is_empty() {
        let number = number_text::count(users.len(), "run", "runs");
        output::note(&format!("{number} trained on {name} cannot be resumed or tested without these weights"));
    }
    if !yes && !confirm(&format!("Delete the weights {name} permanently?"), &format!("deletes {name}"))? {
        output::note("nothing was deleted");
        return Ok(Exit::Stopped);
    }
    std::fs::remove_file(&path)
        .map_err(|error| CommandError::Failure(format!("cannot delete {}: {error}", path.display())))?;
    output.print(&serde_json::json!({ "deleted": name }), || format!("deleted {name}\n"))?;
    Ok(Exit::Done)
}
