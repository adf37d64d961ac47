//! `weights`: imports, downloads, lists and shows weights of pretrained networks.

mod fetch;
mod import;
mod published;
mod sheet;

use clap::{Args, Subcommand};

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::Output;
use crate::cli::output;
use crate::cli::table::{Side, Table};
use crate::domain::WeightsName;
use crate::runs::Home;
use crate::weights::{self, Manifest, Weights as WeightsFile};
use sheet::{entry, print_weights};

/// Import, fetch, list and show weights of pretrained networks
#[derive(Debug, Args)]
pub(in crate::cli) struct Weights {
    #[command(subcommand)]
    command: WeightsCommand,
}

#[derive(Debug, Subcommand)]
enum WeightsCommand {
    /// List the imported weights
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
        return Err(CommandError::NoWeights { name: name.clone(), folder: home.weights() });
    }
    print_weights(name, WeightsFile::open(&path)?.manifest(), output)?;
    Ok(Exit::Done)
}
