//! `data`: imports, lists, shows and deletes datasets, and marks their images.

mod check;
mod import;
mod marks;
mod options;
mod preview;
mod sheet;

use clap::{Args, Subcommand};

use crate::cli::confirm::confirm_deletion;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Format, Output};
use crate::cli::{datasets, output};
use crate::data::{self, features, overview};
use crate::domain::{DatasetName, Size, number_text};
use crate::runs::{Home, RunStore};

/// Import, list, show and delete datasets
#[derive(Debug, Args)]
pub(in crate::cli) struct Data {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    Import(Box<import::Import>),
    /// List the datasets
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show a dataset: images per class and split, skipped files, findings, and the size of cached features
    Show {
        /// The dataset's name
        name: DatasetName,
        #[command(flatten)]
        output: Output,
    },
    Check(check::Check),
    /// Delete a dataset permanently, with its cached features
    ///
    /// Runs trained on it keep results and predictions, but cannot be resumed or tested, and show no images without it.
    #[command(visible_alias = "rm")]
    Delete {
        /// The dataset's name
        name: DatasetName,
        /// Delete without asking
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Delete the cached features of a dataset; runs compute them again when needed
    ClearFeatures {
        /// The dataset's name
        name: DatasetName,
    },
    Mark(marks::Mark),
    Unmark(marks::Unmark),
    /// List the marked training images
    Marked {
        /// The dataset's name
        name: DatasetName,
        #[command(flatten)]
        format: Format,
    },
    /// Draw the built-in demo dataset: faces in seven expressions
    Demo {
        #[command(flatten)]
        output: Output,
    },
}

impl Data {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = &invocation.open_home()?;
        let home = store.home();
        match self.command {
            DataCommand::Import(command) => command.run(store),
            DataCommand::List { output } => list(home, output),
            DataCommand::Show { name, output } => {
                let manifest = datasets::find(home, &name)?;
                sheet::print_with_features(home, &manifest, output)?;
                Ok(Exit::Done)
            }
            DataCommand::Check(command) => command.run(home),
            DataCommand::Delete { name, yes, output } => delete(store, &name, yes, output),
            DataCommand::ClearFeatures { name } => clear_features(home, &name),
            DataCommand::Mark(command) => command.run(store),
            DataCommand::Unmark(command) => command.run(home),
            DataCommand::Marked { name, format } => marks::list(home, &name, format),
            DataCommand::Demo { output } => {
                sheet::print_dataset(home, &datasets::built_in(home)?, output)?;
                Ok(Exit::Done)
            }
        }
    }
}

fn list(home: &Home, Output { json }: Output) -> Result<Exit, CommandError> {
    let listed = datasets::list(home)?;
    if json {
        output::json(&listed.readable.iter().map(|manifest| sheet::entry(home, manifest)).collect::<Vec<_>>())?;
    } else if listed.readable.is_empty() && listed.unreadable.is_empty() {
        let folder = home.data();
        output::note(&format!(
            "no datasets in {} yet: `mien data import SOURCE --name NAME` imports one, `mien data demo` draws one",
            folder.display()
        ));
    } else {
        output::table(&sheet::table(&listed.readable).render())?;
    }
    for error in listed.unreadable {
        output::print_error(&error);
    }
    Ok(Exit::Done)
}

/// Deletes a dataset, also a damaged one, which no other command removes.
fn delete(store: &RunStore, name: &DatasetName, yes: bool, output: Output) -> Result<Exit, CommandError> {
    let home = store.home();
    if !home.dataset(name).exists() {
        datasets::find(home, name)?;
    }
    store.refuse_in_use(name)?;
    let users = store.trained_on(name).map_or(0, |runs| runs.len());
    if users > 0 {
        let number = number_text::count(users, "run", "runs");
        let note = "keep results and predictions, but cannot be resumed or tested, and their images are not shown";
        output::note(&format!("{number} trained on {name}: such runs {note}"));
    }
    let marks = overview::marks(&home.dataset(name)).map_or(0, |marks| marks.images.len());
    if marks > 0 {
        let marks = number_text::count(marks, "mark", "marks");
        output::note(&format!("its {marks} are deleted, too: `mien data marked {name} --csv` prints them to keep"));
    }
    if !yes && !confirm_deletion(&format!("the dataset {name}"), "its cached features")? {
        output::note("nothing was deleted");
        return Ok(Exit::Stopped);
    }
    data::remove(&home.data(), name)?;
    output.print(&serde_json::json!({ "deleted": name }), || format!("deleted {name}\n"))?;
    Ok(Exit::Done)
}

fn clear_features(home: &Home, name: &DatasetName) -> Result<Exit, CommandError> {
    datasets::find(home, name)?;
    let folder = home.dataset(name);
    let (freed, in_use) = features::clear(&folder).map_err(|error| {
        CommandError::Failure(format!("cannot clear {}: {error}", folder.join(features::FOLDER).display()))
    })?;
    output::note(&format!("freed {}", Size(freed)));
    if in_use > 0 {
        output::print_error(&format!("{in_use} sections are in use by a run and were not deleted"));
    }
    Ok(Exit::done_if(in_use == 0))
}
