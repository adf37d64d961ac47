//! `runs prune`: deletes runs, or checkpoints of finished runs, by a retention rule.

use clap::Args;
use serde::Serialize;

use crate::cli::confirm::{ask, can_ask};
use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::{Output, whole_number};
use crate::cli::output;
use crate::cli::run_list::{facts, parse_filter, read_runs};
use crate::cli::table::{Side, Table};
use crate::domain::{Size, number_text};
use crate::runs::prune::{Plan, Rule, SelectedRun};
use crate::runs::{RunFacts, RunStore, query};
use crate::supervise;

const HELP: &str = "\
Deletes the runs that match the filter, except those that an option keeps. Never deleted are active
runs, runs that an active run starts from or waits for, runs tagged `keep`, and runs that cannot be
read. Without --yes the command asks; without a terminal it deletes nothing.

Examples:
  mien runs prune state:failed                    all failed runs
  mien runs prune --older-than 30d --keep-best 3  old runs except the best three of their kind
  mien runs prune --keep 10                       all but the newest ten of each kind
  mien runs prune --checkpoints --older-than 7d   checkpoints of old finished runs
A kind is a strategy on a dataset. `mien runs -- prune` lists the runs with `prune` in their name.";

/// Delete runs by a rule, after listing them with their sizes
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Prune {
    /// Terms that a run has to match, as in `mien runs FILTER`
    filter: Vec<String>,
    /// Keep this many of the newest runs of each strategy and dataset
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>(0, u64::MAX))]
    keep: Option<usize>,
    /// Keep this many of the best runs of each strategy and dataset, by validation accuracy
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>(0, u64::MAX))]
    keep_best: Option<usize>,
    /// Keep runs that were created less than this long ago, such as 30d, 12h or 2w
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<f64>,
    /// Delete only checkpoints of finished runs, all but the best weights. Such a run can be extended only from its
    /// best epoch, not from its last
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
struct RetainedRunJson<'a> {
    id: &'a str,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    what: &'static str,
    deleted: bool,
    bytes: u64,
    runs: Vec<Item<'a>>,
    kept: Vec<RetainedRunJson<'a>>,
}

impl Prune {
    /// Deletes the runs if the user agrees, else prints the runs that the rule selects.
    pub(super) fn run(&self, store: &RunStore) -> Result<Exit, CommandError> {
        let rule = Rule { newest: self.keep, best: self.keep_best, older_than: self.older_than };
        if self.filter.is_empty() && rule == Rule::default() && !self.checkpoints {
            let message = "no rule is given: give a filter, --older-than, --keep or --keep-best";
            return Err(CommandError::Usage(message.into()));
        }
        let query = parse_filter(&self.filter)?;
        let now = supervise::now();
        let (followed, mut warnings) = read_runs(store)?;
        let mut listed: Vec<RunFacts> = followed.iter().map(|run| facts(run, now, &mut warnings)).collect();
        listed.retain(|run| query.matches(run));
        let plan = store.plan(&listed, &rule, now)?;
        let plan = if self.checkpoints { store.plan_of_checkpoints(plan) } else { plan };
        for warning in warnings {
            output::print_error(&warning);
        }
        let is_agreed = !plan.selected.is_empty() && (self.yes || agree(&plan, self)?);
        let (deleted, exit) = if is_agreed { delete(store, &plan, self.checkpoints) } else { (Vec::new(), Exit::Done) };
        report(&plan, self, is_agreed, &deleted)?;
        Ok(exit)
    }
}

/// Shows the plan on the terminal and returns whether the user agrees; `false` without a terminal.
fn agree(plan: &Plan, arguments: &Prune) -> Result<bool, CommandError> {
    if arguments.output.json || !can_ask() {
        return Ok(false);
    }
    output::note(&table(plan, arguments.checkpoints));
    ask(&format!("Delete {}?", sum(plan.selected.iter(), arguments.checkpoints)))
}

/// Deletes the runs or their checkpoints, and returns the runs without an error.
fn delete<'a>(store: &RunStore, plan: &'a Plan, checkpoints: bool) -> (Vec<&'a SelectedRun>, Exit) {
    store.sweep();
    output::act_on_each(&plan.selected, |run| {
        let now = supervise::now();
        if checkpoints { store.drop_checkpoints(run, now).map(drop) } else { store.delete(&run.id, now) }
    })
}

fn report(plan: &Plan, arguments: &Prune, deleted: bool, done: &[&SelectedRun]) -> Result<(), CommandError> {
    let checkpoints = arguments.checkpoints;
    if arguments.output.json {
        let runs: Vec<&SelectedRun> = if deleted { done.to_vec() } else { plan.selected.iter().collect() };
        return output::json(&Report {
            what: if checkpoints { "checkpoints" } else { "runs" },
            deleted,
            bytes: runs.iter().map(|run| run.bytes).sum(),
            runs: runs
                .iter()
                .map(|run| Item { id: run.id.as_str(), state: run.state.name(), bytes: run.bytes })
                .collect(),
            kept: plan
                .retained
                .iter()
                .map(|run| RetainedRunJson { id: run.id.as_str(), reason: &run.reason })
                .collect(),
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
    let runs = number_text::count(count, "run", "runs");
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
