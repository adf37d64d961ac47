//! Copies of runs between the home here and one on another machine, with progress and remarks.

use serde::Serialize;

use super::exit::{CommandError, Exit};
use super::invocation::Invocation;
use super::library::HomeLibrary;
use super::options::{CopyOptions, Output};
use super::output;
use super::progress::{BYTES, Progress};
use crate::domain::RunId;
use crate::domain::preflight::{self, Problem, Subject};
use crate::domain::size::Size;
use crate::homes::run_copy::{self, CopiedRun, CopyError};
use crate::homes::{Conversation, Link};
use crate::runs::RunStore;
use crate::supervise::ImportProgress;

/// The way of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From another machine to this one.
    Pull,
    /// From this machine to another one.
    Push,
}

/// A copied run, for scripts. Keys are stable: none is ever renamed.
#[derive(Debug, Serialize)]
struct Copied {
    /// The name of the copy.
    id: String,
    /// The home on the other machine.
    home: String,
    /// The number of files of the run.
    files: usize,
    /// The bytes of these files.
    bytes: u64,
    /// The bytes that were sent now.
    sent_bytes: u64,
    /// The entries that the run needs, and that the home which got it lacks.
    remarks: Vec<String>,
}

/// Copies runs one after the other. A run that fails does not hold up the next ones.
pub(super) fn copy_all(
    invocation: &Invocation,
    direction: Direction,
    options: &CopyOptions,
    output: Output,
) -> Result<Exit, CommandError> {
    let link = invocation.link.as_ref().ok_or_else(|| {
        let (verb, way) = match direction {
            Direction::Pull => ("pull", "from"),
            Direction::Push => ("push", "to"),
        };
        CommandError::Usage(format!(
            "name the home on another machine {way} which runs are copied, as in `mien --home box2 {verb} RUN`"
        ))
    })?;
    if options.name.is_some() && options.runs.len() > 1 {
        return Err(CommandError::Usage("--name names one copy: give one run".into()));
    }
    let store = invocation.open_home_here()?;
    let mut all = Vec::new();
    let (_, exit) = output::act_on_each(&options.runs, |run| {
        let copied = copy(link, &store, direction, run, options.name.as_ref())?;
        if !output.json {
            let (CopiedRun { id, bytes, sent, files }, remarks) = &copied;
            let (place, sent) = match direction {
                Direction::Pull => ("here".to_owned(), Size(*sent)),
                Direction::Push => (format!("in {}", link.address().name), Size(*sent)),
            };
            output::line(&format!(
                "{id} is {place} now: {files} files of {}, of which {sent} were sent",
                Size(*bytes)
            ))?;
            remarks.iter().for_each(|remark| output::note(remark));
        }
        all.push(copied);
        Ok::<(), CommandError>(())
    });
    if output.json {
        let copied = |(run, remarks): (CopiedRun, Vec<String>)| Copied {
            id: run.id.to_string(),
            home: link.address().name.clone(),
            files: run.files,
            bytes: run.bytes,
            sent_bytes: run.sent,
            remarks,
        };
        output::json(&all.into_iter().map(copied).collect::<Vec<_>>())?;
    }
    Ok(exit)
}

/// Copies a run, and returns the copy with the remarks of the home that has it now.
fn copy(
    link: &Link,
    store: &RunStore,
    direction: Direction,
    run: &str,
    name: Option<&RunId>,
) -> Result<(CopiedRun, Vec<String>), CommandError> {
    let progress = Progress::bar();
    let stage = match direction {
        Direction::Pull => format!("{run} from {}", link.address().name),
        Direction::Push => format!("{run} to {}", link.address().name),
    };
    let mut show = |done, total| {
        let step = ImportProgress { stage: stage.clone(), done, total: Some(total), classes: None };
        // Ctrl-C ends the process, and the next call continues.
        let _ = progress.show(step, &BYTES);
    };
    let failed = |error: &dyn std::fmt::Display| CommandError::Failure(error.to_string());
    let (result, conversation) = match direction {
        Direction::Pull => {
            if let Some(name) = name {
                store.refuse_taken(name).map_err(|_| CopyError::Taken(name.clone()))?;
            }
            let conversation = link.converse(&["copy-run", "send", run]).map_err(|error| failed(&error))?;
            (run_copy::receive(store, name, &conversation, &conversation, &mut show), conversation)
        }
        Direction::Push => {
            let id = store.find(run)?;
            let option = name.map(|name| format!("--name={name}"));
            let arguments: Vec<&str> = ["copy-run", "receive"].into_iter().chain(option.as_deref()).collect();
            let conversation = link.converse(&arguments).map_err(|error| failed(&error))?;
            (run_copy::send(store, &id, &conversation, &conversation, &mut show), conversation)
        }
    };
    progress.finish();
    match result {
        Ok(copied) => {
            let remarks = match direction {
                Direction::Pull => remarks(store, &copied.id),
                Direction::Push => conversation.finish().map_or_else(|_| Vec::new(), |(_, lines)| lines),
            };
            Ok((copied, remarks))
        }
        Err(CopyError::Cut(_)) => Err(failed(&cut_words(conversation, &link.address().name))),
        // The other side is ended, and its words would be about that.
        Err(error) => Err(error.into()),
    }
}

/// Returns why the other side ended before the copy did: its own last words, or that the line was cut.
fn cut_words(conversation: Conversation<'_>, name: &str) -> String {
    match conversation.finish() {
        Err(error) => format!("{error}: the same command continues the copy"),
        Ok((_, lines)) => match lines.iter().rfind(|line| line.starts_with("mien: ")) {
            Some(line) if line.contains("is not run on request") => {
                format!("the mien of {name} cannot copy runs yet: update it there, as with `mien homes install {name}`")
            }
            Some(line) => line.replacen("mien: ", "", 1),
            None => CopyError::Cut(std::io::ErrorKind::UnexpectedEof.into()).to_string(),
        },
    }
}

/// Returns the entries that a run needs and that its home lacks, with the way to get them.
pub(super) fn remarks(store: &RunStore, id: &RunId) -> Vec<String> {
    let Ok(recipe) = store.folder(id).recipe() else { return Vec::new() };
    let remark = |problem: &Problem| {
        let uses = match problem.subject() {
            // Checkpoints of a frozen base hold only what was trained.
            Subject::Weights => "tested, resumed, exported or used for predictions",
            _ => "tested or resumed",
        };
        format!("before {id} can be {uses}: {problem}")
    };
    preflight::check_without_start(&recipe, &HomeLibrary(store)).iter().map(remark).collect()
}
