//! `runs`: the list of runs, filtered and ordered.

use std::sync::Arc;

use super::arguments::{Output, Runs, RunsCommand};
use super::exit::{CommandError, Exit};
use super::table::{Side, Table, age, figure};
use super::{check, json, output, prune};
use crate::domain::{RunState, Tag};
use crate::runs::facts::{Field, Value};
use crate::runs::{FollowedRun, Query, RunFacts, RunStore, Summary};
use crate::supervise;

pub(super) fn run(store: &RunStore, arguments: &Runs) -> Result<Exit, CommandError> {
    if let Some(RunsCommand::Prune(arguments)) = &arguments.command {
        return prune::run(store, arguments);
    }
    if arguments.check.check {
        return check::run(store, &arguments.filter, arguments.check, arguments.output);
    }
    let query = query(&arguments.filter)?;
    let now = supervise::now();
    let (runs, mut complaints) = read_all(store)?;
    let none = runs.is_empty() && complaints.is_empty();
    let mut listed: Vec<RunFacts> = runs.iter().map(|run| facts(run, now, &mut complaints)).collect();
    listed.retain(|run| query.matches(run));
    if let Some(key) = arguments.sort {
        listed.sort_by(|one, other| key.compare(one, other));
    }
    if arguments.reverse {
        match arguments.sort {
            Some(key) => listed.sort_by(|one, other| key.reversed().compare(one, other)),
            None => listed.reverse(),
        }
    }
    listed.truncate(arguments.limit.unwrap_or(usize::MAX));
    let Output { json } = arguments.output;
    if json {
        output::json(&listed.iter().map(json::listed).collect::<Vec<_>>())?;
    } else if arguments.csv {
        output::print(&csv(&listed)?)?;
    } else if none {
        output::note(&format!("no runs in {} yet: `mien train cnn` starts one", store.home().path().display()));
    } else if listed.is_empty() {
        output::note("no run is like that; `mien runs` lists all of them");
    } else {
        output::print(&table(&listed, now).render())?;
    }
    for complaint in complaints {
        output::complain(&complaint);
    }
    Ok(Exit::Done)
}

/// The filter, or where it goes wrong.
pub(super) fn query(words: &[String]) -> Result<Query, CommandError> {
    let text = words.join(" ");
    Query::parse(&text).map_err(|error| {
        let word = crate::domain::text::printable(&text[error.at.clone()]);
        CommandError::Usage(format!("the filter goes wrong at `{word}`: {}", error.reason))
    })
}

/// What is known of a run; what is said about it and cannot be read is complained of and left out.
pub(super) fn facts(run: &FollowedRun, now: u64, complaints: &mut Vec<String>) -> RunFacts {
    let about = run.folder().annotations().unwrap_or_else(|error| {
        complaints.push(format!("{}: {error}", run.summary.id));
        crate::runs::Annotations::default()
    });
    if let Some(reason) = &run.lock_error {
        let state = run.state(now);
        complaints.push(format!(
            "{}: cannot tell whether a worker is at it: {reason}; shown as {state}, `mien doctor` tests the locks",
            run.summary.id
        ));
    }
    RunFacts::new(Arc::clone(&run.summary), Arc::new(about), run.state(now), now)
}

/// The readable runs, newest first, and a line about each of the others.
pub(super) fn read_all(store: &RunStore) -> Result<(Vec<FollowedRun>, Vec<String>), CommandError> {
    let folder = store.home().checkpoints();
    let mut ids = store.ids().map_err(|source| CommandError::List { folder, source })?;
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

fn number(run: &RunFacts, field: Field) -> Option<f64> {
    match run.value(field) {
        Value::Number(number) => Some(number),
        Value::Words(_) | Value::None => None,
    }
}

fn tags(run: &RunFacts) -> String {
    run.annotations().tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(" ")
}

fn table(runs: &[RunFacts], now: u64) -> Table {
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
        ("TAGS", Side::Left),
        ("NOTE", Side::Left),
    ]);
    for listed in runs {
        let run = listed.summary();
        table.row(&[
            listed.state().to_string(),
            run.id.to_string(),
            run.recipe.strategy.to_string(),
            run.recipe.dataset.to_string(),
            format!("{}/{}", run.epoch(), run.limits.epochs),
            figure(number(listed, Field::ValLoss)),
            figure(number(listed, Field::ValAcc)),
            figure(number(listed, Field::TestAcc)),
            figure(number(listed, Field::F1)),
            age(now.saturating_sub(run.recipe.created_at)),
            tags(listed),
            remark(run, listed.state()),
        ]);
    }
    table
}

/// Every field under its name, as it is compared by filters; empty where there is none.
fn csv(runs: &[RunFacts]) -> Result<String, CommandError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let broken = |error: csv::Error| CommandError::Output(error.into());
    writer.write_record(Field::ALL.map(Field::name)).map_err(broken)?;
    for run in runs {
        let cell = |field| match run.value(field) {
            Value::Words(words) => words.join(" "),
            Value::Number(number) => number.to_string(),
            Value::None => String::new(),
        };
        writer.write_record(Field::ALL.map(cell)).map_err(broken)?;
    }
    let bytes = writer.into_inner().map_err(|error| CommandError::Output(error.into_error()))?;
    String::from_utf8(bytes).map_err(|error| CommandError::Output(std::io::Error::other(error)))
}

/// What a person should know of how it stands.
fn remark(run: &Summary, state: RunState) -> String {
    match (state, run.cause()) {
        (RunState::Lost, _) if run.wait().is_some() => "was waiting, has no worker: `mien queue restart`".into(),
        (RunState::Lost, _) => "its worker is gone: `mien resume` goes on".into(),
        (RunState::Interrupted, _) => "interrupted: `mien queue restart` or `mien resume` goes on".into(),
        (RunState::Failed, Some(cause)) => cause.lines().next().unwrap_or_default().into(),
        (RunState::Queued, _) => run.wait().unwrap_or_default(),
        _ if state.is_active() && !run.recipe.left_out.is_empty() && !run.stopping => {
            format!("{} images left out", run.recipe.left_out.len())
        }
        _ if state.is_active() => if run.stopping { "stopping" } else { "" }.into(),
        _ if run.recipe.left_out.is_empty() => run.ending().into(),
        _ => format!("{}, {} images left out", run.ending(), run.recipe.left_out.len()),
    }
}
