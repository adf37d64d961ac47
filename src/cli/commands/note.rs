//! `note`: writes a note about a run, or prints it.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArgument};
use crate::cli::{annotations, output};
use crate::runs::annotations::{AnnotationChange, Note as NoteText};

/// Write a note about a run, or print it; an empty text removes it
#[derive(Debug, Args)]
pub(in crate::cli) struct Note {
    #[command(flatten)]
    run: RunArgument,
    /// The note, one paragraph
    text: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl Note {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let id = self.run.find(&store)?;
        let note = self.text.as_deref().map(NoteText::new).transpose()?;
        let annotations =
            annotations::change(&store.folder(&id), note.map(AnnotationChange::Note).into_iter().collect())?;
        if self.output.json {
            output::json(&annotations::entry(&id, &annotations))?;
        } else if annotations.note.as_str().is_empty() {
            output::note(&format!("{id} has no note: `mien note {id} TEXT` writes one"));
        } else {
            output::line(annotations.note.as_str())?;
        }
        Ok(Exit::Done)
    }
}
