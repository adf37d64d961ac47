//! `rename`, `tag`, `note` and `delete`: what a person does with runs that exist.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::arguments::Output;
use super::exit::{CommandError, Exit};
use super::{json, output};
use crate::domain::{RunId, Tag};
use crate::runs::annotations::{AnnotationChange, Note};
use crate::runs::{Annotations, FileError, RunFolder, RunStore};
use crate::supervise;

/// `rename`.
pub(super) fn rename(store: &RunStore, run: &str, name: &RunId, Output { json }: Output) -> Result<Exit, CommandError> {
    let id = store.find(run)?;
    store.rename(&id, name, supervise::now())?;
    let about = store.folder(name).annotations()?;
    if json {
        output::json(&json::said(name, &about))?;
    } else {
        output::line(&format!("{id} is now called {name}"))?;
    }
    Ok(Exit::Done)
}

/// `tag`.
pub(super) fn tag(
    store: &RunStore,
    run: &str,
    changes: &[String],
    Output { json }: Output,
) -> Result<Exit, CommandError> {
    let id = store.find(run)?;
    let changes = changes.iter().map(|change| AnnotationChange::of_tag(change)).collect::<Result<Vec<_>, _>>();
    let about = change(&store.folder(&id), changes.map_err(|error| CommandError::Usage(error.to_string()))?)?;
    if json {
        output::json(&json::said(&id, &about))?;
    } else if about.tags.is_empty() {
        output::note(&format!("{id} has no tags: `mien tag {id} +baseline` adds one"));
    } else {
        output::line(&about.tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(" "))?;
    }
    Ok(Exit::Done)
}

/// What is said about a run after these changes; without any, a home that may only be read is enough.
fn change(folder: &RunFolder, changes: Vec<AnnotationChange>) -> Result<Annotations, FileError> {
    if changes.is_empty() { folder.annotations() } else { folder.change_annotations(|about| about.apply(changes)) }
}

/// `note`.
pub(super) fn note(
    store: &RunStore,
    run: &str,
    text: Option<&str>,
    Output { json }: Output,
) -> Result<Exit, CommandError> {
    let id = store.find(run)?;
    let note = text.map(Note::new).transpose().map_err(|error| CommandError::Usage(error.to_string()))?;
    let about = change(&store.folder(&id), note.map(AnnotationChange::Note).into_iter().collect())?;
    if json {
        output::json(&json::said(&id, &about))?;
    } else if about.note.as_str().is_empty() {
        output::note(&format!("{id} has no note: `mien note {id} TEXT` writes one"));
    } else {
        output::line(about.note.as_str())?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Deleted<'a> {
    deleted: Vec<&'a str>,
}

/// `delete`.
pub(super) fn delete(
    store: &RunStore,
    runs: &[String],
    yes: bool,
    Output { json }: Output,
) -> Result<Exit, CommandError> {
    let mut ids = runs.iter().map(|run| store.find(run)).collect::<Result<Vec<RunId>, _>>()?;
    ids.sort();
    ids.dedup();
    let names = ids.iter().map(RunId::as_str).collect::<Vec<_>>().join(", ");
    if !yes && !confirmed(&names, "weights and log")? {
        output::note("nothing was deleted");
        return Ok(Exit::Stopped);
    }
    store.sweep();
    let (mut deleted, mut exit) = (Vec::new(), Exit::Done);
    for id in &ids {
        // One that cannot be deleted must not keep the others.
        match store.delete(id, supervise::now()) {
            Ok(()) => deleted.push(id.as_str()),
            Err(error) => {
                output::complain(&error.to_string());
                exit = Exit::Failed;
            }
        }
    }
    if json {
        output::json(&Deleted { deleted })?;
    } else if !deleted.is_empty() {
        output::line(&format!("deleted {}", deleted.join(", ")))?;
    }
    Ok(exit)
}

/// Asks on the terminal; without one only `--yes` says so.
pub(super) fn confirmed(names: &str, with: &str) -> Result<bool, CommandError> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(CommandError::Usage(format!("nobody can be asked here: --yes deletes {names} without asking")));
    }
    asked(&format!("Delete {names} for good, with {with}?"))
}

/// Asks a question that only `y` answers with yes.
pub(super) fn asked(question: &str) -> Result<bool, CommandError> {
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(CommandError::Output)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
