//! `note`: writes a note about a run, or prints it.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArgument};
use crate::cli::{about, output};
use crate::runs::annotations::{self as run_about, AnnotationChange};

/// Write a note about a run, or print it; an empty text removes it
#[derive(Debug, Args)]
pub(in crate::cli) struct Note {
    #[command(flatten)]
    run: RunArgument,
    /// One paragraph
    text: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl Note {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let id = self.run.find(&store)?;
        let note = self.text.as_deref().map(run_about::Note::new).transpose()?;
        let about = about::change(&store.folder(&id), note.map(AnnotationChange::Note).into_iter().collect())?;
        if self.output.json {
            output::json(&about::entry(&id, &about))?;
        } else if about.note.as_str().is_empty() {
            output::note(&format!("{id} has no note: `mien note {id} TEXT` writes one"));
        } else {
            output::line(about.note.as_str())?;
        }
        Ok(Exit::Done)
    }
}
