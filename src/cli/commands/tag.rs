//! `tag`: adds tags to a run, removes or prints them.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArgument};
use crate::cli::{annotations, output};
use crate::domain::Tag as RunTag;
use crate::runs::annotations::AnnotationChange;

/// Add tags to a run, remove them, or print them
#[derive(Debug, Args)]
pub(in crate::cli) struct Tag {
    #[command(flatten)]
    run: RunArgument,
    /// +TAG adds a tag, -TAG removes it
    #[arg(value_name = "+TAG|-TAG", allow_hyphen_values = true)]
    changes: Vec<String>,
    #[command(flatten)]
    output: Output,
}

impl Tag {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let id = self.run.find(&store)?;
        let changes: Vec<AnnotationChange> =
            self.changes.iter().map(|change| AnnotationChange::of_tag(change)).collect::<Result<_, _>>()?;
        for change in &changes {
            if let AnnotationChange::Untag(tag) = change
                && !store.folder(&id).annotations()?.tags.contains(tag)
                && !changes.contains(&AnnotationChange::Tag(tag.clone()))
            {
                output::note(&format!("{id} has no tag {tag}"));
            }
        }
        let annotations = annotations::change(&store.folder(&id), changes)?;
        if self.output.json {
            output::json(&annotations::entry(&id, &annotations))?;
        } else if annotations.tags.is_empty() {
            output::note(&format!("{id} has no tags: `mien tag {id} +baseline` adds one"));
        } else {
            output::line(&annotations.tags.iter().map(RunTag::as_str).collect::<Vec<_>>().join(" "))?;
        }
        Ok(Exit::Done)
    }
}
