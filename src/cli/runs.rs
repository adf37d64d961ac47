//! `runs`: the list of runs, newest first.

use super::arguments::Output;
use super::exit::{CommandError, Exit};
use super::table::{Side, Table, age, figure};
use super::{json, output};
use crate::domain::RunState;
use crate::runs::{FollowedRun, RunStore, Summary};
use crate::supervise;

pub(super) fn run(store: &RunStore, Output { json }: Output) -> Result<Exit, CommandError> {
    let now = supervise::now();
    let (runs, unreadable) = read_all(store)?;
    let listed: Vec<(&Summary, RunState)> = runs.iter().map(|run| (&run.summary, run.state(now))).collect();
    if json {
        let entries: Vec<_> = listed.iter().map(|(summary, state)| json::entry(summary, *state)).collect();
        output::json(&entries)?;
    } else if listed.is_empty() && unreadable.is_empty() {
        output::note(&format!("no runs in {} yet: `mien train cnn` starts one", store.home().path().display()));
    } else {
        output::print(&table(&listed, now).render())?;
    }
    for error in unreadable {
        output::complain(&error);
    }
    Ok(Exit::Done)
}

/// The readable runs, newest first, and a line about each of the others.
pub(super) fn read_all(store: &RunStore) -> Result<(Vec<FollowedRun>, Vec<String>), CommandError> {
    let folder = store.home().checkpoints();
    let mut ids = store.ids().map_err(|source| CommandError::List { folder, source })?;
    ids.sort();
    let mut runs = Vec::new();
    let mut unreadable = Vec::new();
    for id in ids {
        match store.summary(&id) {
            Ok(run) => runs.push(run),
            Err(error) => unreadable.push(format!("{id}: {error}")),
        }
    }
    runs.sort_by_key(|run| std::cmp::Reverse(run.summary.recipe.created_at));
    Ok((runs, unreadable))
}

fn table(runs: &[(&Summary, RunState)], now: u64) -> Table {
    let mut table = Table::new([
        ("STATE", Side::Left),
        ("RUN", Side::Left),
        ("STRATEGY", Side::Left),
        ("DATASET", Side::Left),
        ("EPOCH", Side::Right),
        ("VAL LOSS", Side::Right),
        ("VAL ACC", Side::Right),
        ("TEST ACC", Side::Right),
        ("MACRO F1", Side::Right),
        ("AGE", Side::Right),
        ("NOTE", Side::Left),
    ]);
    for (run, state) in runs {
        let best = run.best();
        let scores = run.test.as_ref().map(|test| test.confusion.scores());
        table.row(&[
            state.to_string(),
            run.id.to_string(),
            run.recipe.strategy.to_string(),
            run.recipe.dataset.to_string(),
            format!("{}/{}", run.epoch(), run.limits.epochs),
            figure(best.map(|epoch| epoch.val_loss)),
            figure(best.map(|epoch| epoch.val_accuracy)),
            figure(scores.as_ref().map(|scores| scores.accuracy)),
            figure(scores.as_ref().map(|scores| scores.f1)),
            age(now.saturating_sub(run.recipe.created_at)),
            note(run, *state),
        ]);
    }
    table
}

fn note(run: &Summary, state: RunState) -> String {
    match (state, run.cause()) {
        (RunState::Lost, _) => "its worker is gone: `mien resume` goes on".into(),
        (RunState::Failed, Some(cause)) => cause.lines().next().unwrap_or_default().into(),
        (RunState::Queued, _) => {
            run.waiting_for.as_ref().map_or_else(String::new, |other| format!("waits for {other}"))
        }
        _ if state.is_active() && !run.recipe.left_out.is_empty() && !run.stopping => {
            format!("{} images left out", run.recipe.left_out.len())
        }
        _ if state.is_active() => if run.stopping { "stopping" } else { "" }.into(),
        _ if run.recipe.left_out.is_empty() => run.ending().into(),
        _ => format!("{}, {} images left out", run.ending(), run.recipe.left_out.len()),
    }
}
