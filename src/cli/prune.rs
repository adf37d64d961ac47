//! `runs prune`: deletes runs, or checkpoints of finished runs, by a retention rule.

use std::io::{self, IsTerminal};

use clap::Args;
use serde::Serialize;

use super::arguments::Output;
use super::exit::{CommandError, Exit};
use super::table::{Side, Table};
use super::{manage, output, runs};
use crate::domain::Size;
use crate::runs::prune::{Plan, Rule, SelectedRun};
use crate::runs::{RunFacts, RunStore, query};
use crate::supervise;

pub(super) const HELP: &str = "\
Of the runs that the filter lets through, those stay that any option speaks for. Never deleted are runs that are going,
waiting or paused, runs that such a run starts from or waits for, runs tagged `keep`, and runs that cannot be read.
Without --yes nothing is deleted, unless somebody at a terminal says so.

Examples:
  mien runs prune state:failed                   all failed runs
  mien runs prune --older-than 30d --keep-best 3  what is old and not among the best three of its kind
  mien runs prune --keep 10                      all but the newest ten of each strategy and dataset
  mien runs prune --checkpoints --older-than 7d  of old finished runs all but the best weights
`mien runs -- prune` lists the runs that have `prune` in their name.";

/// The arguments of `runs prune`.
#[derive(Debug, Args)]
pub(super) struct Prune {
    /// What the runs have to fulfil, as in `mien runs FILTER`
    filter: Vec<String>,
    /// Keep this many of the newest runs of each strategy and dataset
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Keep this many of the best runs of each strategy and dataset, by validation accuracy
    #[arg(long, value_name = "N")]
    keep_best: Option<usize>,
    /// Keep what was created less than this long ago, such as 30d, 12h or 2w
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<f64>,
    /// Delete only checkpoints, of finished runs: all but the best weights. Such a run can no longer be extended from
    /// its last epoch, only from its best one
    #[arg(long)]
    checkpoints: bool,
    /// Delete without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

fn age(text: &str) -> Result<f64, String> {
    query::age(text).ok_or_else(|| "use a number with s, m, h, d or w, such as 30d".into())
}

#[derive(Debug, Serialize)]
struct Item<'a> {
    id: &'a str,
    state: &'static str,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Kept<'a> {
    id: &'a str,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    what: &'static str,
    deleted: bool,
    bytes: u64,
    runs: Vec<Item<'a>>,
    kept: Vec<Kept<'a>>,
}

pub(super) fn run(store: &RunStore, arguments: &Prune) -> Result<Exit, CommandError> {
    let rule = Rule { newest: arguments.keep, best: arguments.keep_best, older_than: arguments.older_than };
    if arguments.filter.is_empty() && rule == Rule::default() && !arguments.checkpoints {
        let words = "nothing says which runs may go: give a filter, --older-than, --keep or --keep-best";
        return Err(CommandError::Usage(words.into()));
    }
    let query = runs::query(&arguments.filter)?;
    let now = supervise::now();
    let (followed, mut complaints) = runs::read_all(store)?;
    let mut listed: Vec<RunFacts> = followed.iter().map(|run| runs::facts(run, now, &mut complaints)).collect();
    listed.retain(|run| query.matches(run));
    let plan = store.plan(&listed, &rule, now)?;
    let plan = if arguments.checkpoints { store.plan_of_checkpoints(plan) } else { plan };
    for complaint in complaints {
        output::complain(&complaint);
    }
    let go = !plan.selected.is_empty() && (arguments.yes || agreed(&plan, arguments)?);
    let (done, exit) = if go { delete(store, &plan, arguments.checkpoints) } else { (Vec::new(), Exit::Done) };
    report(&plan, arguments, go, &done)?;
    Ok(exit)
}

/// Shows the plan to whoever is there to be asked, and asks; without a terminal, nothing is agreed to.
fn agreed(plan: &Plan, arguments: &Prune) -> Result<bool, CommandError> {
    if arguments.output.json || !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Ok(false);
    }
    output::note(&table(plan, arguments.checkpoints));
    manage::asked(&format!("Delete {}?", sum(plan.selected.iter(), arguments.checkpoints)))
}

/// Deletes what can be; one that cannot must not keep the others.
fn delete<'a>(store: &RunStore, plan: &'a Plan, checkpoints: bool) -> (Vec<&'a SelectedRun>, Exit) {
    let (mut done, mut exit) = (Vec::new(), Exit::Done);
    store.sweep();
    for run in &plan.selected {
        let now = supervise::now();
        let result = if checkpoints { store.drop_checkpoints(run, now).map(drop) } else { store.delete(&run.id, now) };
        match result {
            Ok(()) => done.push(run),
            Err(error) => {
                output::complain(&error.to_string());
                exit = Exit::Failed;
            }
        }
    }
    (done, exit)
}

fn report(plan: &Plan, arguments: &Prune, deleted: bool, done: &[&SelectedRun]) -> Result<(), CommandError> {
    let checkpoints = arguments.checkpoints;
    if arguments.output.json {
        let item =
            |run: &SelectedRun| -> (String, &'static str, u64) { (run.id.to_string(), run.state.name(), run.bytes) };
        let items: Vec<_> =
            if deleted { done.iter().map(|run| item(run)).collect() } else { plan.selected.iter().map(item).collect() };
        return output::json(&Report {
            what: if checkpoints { "checkpoints" } else { "runs" },
            deleted,
            bytes: items.iter().map(|item| item.2).sum(),
            runs: items.iter().map(|(id, state, bytes)| Item { id, state, bytes: *bytes }).collect(),
            kept: plan.retained.iter().map(|run| Kept { id: run.id.as_str(), reason: &run.reason }).collect(),
        });
    }
    if plan.selected.is_empty() {
        if !plan.retained.is_empty() {
            output::print(&table(plan, checkpoints))?;
        }
        return output::line("nothing to delete");
    }
    if deleted {
        return output::line(&format!("deleted {}", sum(done.iter().copied(), checkpoints)));
    }
    output::print(&table(plan, checkpoints))?;
    let would = sum(plan.selected.iter(), checkpoints);
    output::line(&format!("nothing was deleted: --yes deletes {would}"))
}

fn sum<'a>(runs: impl Iterator<Item = &'a SelectedRun>, checkpoints: bool) -> String {
    let (count, bytes) = runs.fold((0, 0), |(count, bytes), run| (count + 1, bytes + run.bytes));
    let runs = if count == 1 { "1 run".to_owned() } else { format!("{count} runs") };
    let what = if checkpoints { format!("checkpoints of {runs}") } else { runs };
    format!("{what}, {}", Size(bytes))
}

fn table(plan: &Plan, checkpoints: bool) -> String {
    let mut table = Table::new([("", Side::Left), ("RUN", Side::Left), ("SIZE", Side::Right), ("WHY", Side::Left)]);
    let what = if checkpoints { ", checkpoints but the best" } else { "" };
    for run in &plan.selected {
        let why = format!("{}{what}", run.state);
        table.row(&["delete".into(), run.id.to_string(), Size(run.bytes).to_string(), why]);
    }
    for run in &plan.retained {
        table.row(&["keep".into(), run.id.to_string(), String::new(), run.reason.clone()]);
    }
    table.render()
}
