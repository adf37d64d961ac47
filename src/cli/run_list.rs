//! The runs of a home, and filters for them.

use std::sync::Arc;

use super::exit::CommandError;
use crate::domain::RunId;
use crate::domain::text::printable;
use crate::runs::{Annotations, FollowedRun, Query, RunFacts, RunStore};

/// Returns the ids of all runs.
pub(super) fn ids(store: &RunStore) -> Result<Vec<RunId>, CommandError> {
    store.ids().map_err(|source| CommandError::List { folder: store.home().checkpoints(), source })
}

/// Parses a filter.
///
/// # Errors
/// If a word is invalid; the message names it.
pub(super) fn parse_filter(words: &[String]) -> Result<Query, CommandError> {
    let text = words.join(" ");
    Query::parse(&text).map_err(|error| {
        let word = printable(&text[error.at.clone()]);
        CommandError::Usage(format!("the filter cannot be read at `{word}`: {}", error.reason))
    })
}

/// Returns the facts by which a run is filtered and sorted. Unreadable annotations are left out, with a line in
/// `warnings`.
pub(super) fn facts(run: &FollowedRun, now: u64, warnings: &mut Vec<String>) -> RunFacts {
    let annotations = run.folder().annotations().unwrap_or_else(|error| {
        warnings.push(format!("{}: {error}", run.summary.id));
        Annotations::default()
    });
    if let Some(reason) = &run.lock_error {
        let state = run.state(now);
        warnings.push(format!(
            "{}: cannot find out whether it has a worker: {reason}; shown as {state}, `mien doctor` tests the locks",
            run.summary.id
        ));
    }
    RunFacts::new(Arc::clone(&run.summary), Arc::new(annotations), run.state(now), now)
}

/// Returns the readable runs, newest first, and a line for each unreadable one.
pub(super) fn read_runs(store: &RunStore) -> Result<(Vec<FollowedRun>, Vec<String>), CommandError> {
    let mut ids = ids(store)?;
    ids.sort();
    let mut runs = Vec::new();
    let mut unreadable = Vec::new();
    for (id, run) in ids.iter().zip(store.summaries(&ids)) {
        match run {
            Ok(run) => runs.push(run),
            Err(error) => unreadable.push(format!("{id}: {error}")),
        }
    }
    runs.sort_by_key(|run| std::cmp::Reverse(run.summary.recipe.created_at));
    Ok((runs, unreadable))
}
