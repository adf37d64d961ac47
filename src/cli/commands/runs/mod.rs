//! `runs`: lists, checks and prunes runs.

mod check;
mod prune;
mod since;

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::{Args, Subcommand};
use jiff::ZonedDateTime;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::expected_time::clock_at;
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, whole_number};
use crate::cli::run_list::{facts, parse_filter, read_runs};
use crate::cli::table::{Side, Table, age, metric_text};
use crate::cli::{home, privacy, remote};
use crate::cli::{output, run_json};
use crate::config;
use crate::domain::number_text::{count, span};
use crate::domain::{Outcome, RunId, RunState, Tag};
use crate::homes::Link;
use crate::runs::facts::{Field, Value};
use crate::runs::{Ending, FollowedRun, Home, RunFacts, RunStore, SortKey, Summary};
use crate::supervise;
use since::Since;

const FILTERS: &str = "\
A filter consists of terms, all of which a run has to match:
  WORD            the word is in its name, strategy, dataset, tags or note, or is its state
  FIELD:VALUE     the field has the value, or the word in it; also = != < <= > >=
  !WORD           the opposite; A,B means either (quote < > ! | from the shell)
Fields: state strategy dataset name tag device note epoch best val_loss val_acc test_acc f1 rate duration age
        failure (what ended a failed run), corrected (images left out or relabelled), home (with --home all: that
        of this machine is `here`), and each setting by the name of its option
Examples: 'state:running'  'state:early-stop'  'val_acc>0.6'  'age<2h'  '!tag=old'  'learning-rate<=0.001'
KEY is one of name state strategy dataset epoch val_loss val_acc test_acc f1 rate duration age, or a setting.
Settings that the filter or KEY names have columns of their own.";

/// List the runs, newest first: all of them, or those that match a filter
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = FILTERS, visible_alias = "ls", alias = "status")]
pub(in crate::cli) struct Runs {
    #[command(subcommand)]
    command: Option<RunsCommand>,
    #[command(flatten)]
    check: check::Check,
    /// Terms that a run has to match, such as `state:running val_acc>0.6 !cnn`; with --check: names of runs
    filter: Vec<String>,
    /// Only runs that ended after this time, by their end: `last` (when somebody last looked), 12h, 18:00, 2026-11-26
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Order by a column instead of age, the best or the newest first
    #[arg(long, value_name = "KEY")]
    sort: Option<SortKey>,
    /// Reverse the order
    #[arg(long)]
    reverse: bool,
    /// At most this many
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>(1, u64::MAX))]
    limit: Option<usize>,
    /// Print a table of comma-separated values
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    Prune(prune::Prune),
}

impl Runs {
    /// Returns whether the runs are only listed, and neither checked nor pruned.
    pub(super) fn only_lists(&self) -> bool {
        self.command.is_none() && !self.check.is_asked()
    }

    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        if invocation.all_homes {
            return self.list_all();
        }
        let store = invocation.open_home()?;
        match &self.command {
            Some(RunsCommand::Prune(prune)) => prune.run(&store),
            None if self.check.is_asked() => self.check.run(&store, &self.filter, self.output),
            None => list(&[(None, store)], &self, Vec::new()),
        }
    }
}

impl Runs {
    /// Lists the runs of this machine and of every home of the config file.
    fn list_all(&self) -> Result<Exit, CommandError> {
        if !self.only_lists() {
            return Err(CommandError::Usage("--home all only lists runs: name one home".into()));
        }
        privacy::set_umask(None);
        let config::Homes { entries: homes, problems } = config::Homes::load();
        let mut warnings: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let here = RunStore::new(Home::new(home::of_this_machine()?));
        let mut stores: Vec<NamedStore> = vec![(Some(Arc::from(config::homes::THIS_HOME)), here)];
        // All of them at once: the slowest line sets the time.
        let links =
            homes.into_iter().map(|address| Ok((Arc::from(address.name.as_str()), Link::start(address, true, false)?)));
        let links: Vec<(Arc<str>, Link)> = links.collect::<Result<_, CommandError>>()?;
        for (name, link) in &links {
            match remote::finish_mirror(link) {
                Ok(()) => stores.push((Some(Arc::clone(name)), RunStore::new(link.home()))),
                Err(error) => warnings.push(error.to_string()),
            }
        }
        list(&stores, self, warnings)
    }
}

/// The runs of a home, with its name in a list of several.
type NamedStore = (Option<Arc<str>>, RunStore);

/// Lists the runs of these homes in one list, and then the warnings.
fn list(homes: &[NamedStore], arguments: &Runs, mut warnings: Vec<String>) -> Result<Exit, CommandError> {
    let query = parse_filter(&arguments.filter)?;
    let now = supervise::now();
    let (mut listed, mut jobs, mut none, mut since) = (Vec::new(), BTreeMap::new(), true, None);
    for (name, store) in homes {
        warnings.extend(supervise::slurm::refresh(store));
        let (runs, unreadable) = read_runs(store)?;
        none &= runs.is_empty() && unreadable.is_empty();
        warnings.extend(unreadable);
        jobs.extend(runs.iter().filter_map(job_remark).map(|(id, words)| ((name.clone(), id), words)));
        let in_home = |run: RunFacts| if let Some(name) = name { run.in_home(name) } else { run };
        let mut found: Vec<RunFacts> = runs.iter().map(|run| in_home(facts(run, now, &mut warnings))).collect();
        found.retain(|run| query.matches(run));
        if let Some(given) = arguments.since {
            let at = keep_ended(store, &mut found, given)?;
            since = Some(since.map_or(at, |earlier: u64| earlier.min(at)));
        }
        listed.append(&mut found);
    }
    if homes.len() > 1 {
        match arguments.since {
            Some(_) => listed.sort_by_key(|run| Ending::of_facts(run).map(|ending| ending.at)),
            None => listed.sort_by_key(|run| std::cmp::Reverse(run.summary().recipe.created_at)),
        }
    }
    if let Some(key) = arguments.sort {
        listed.sort_by(|one, other| key.compare(one, other));
    }
    if arguments.reverse {
        match arguments.sort {
            Some(key) => listed.sort_by(|one, other| key.reversed().compare(one, other)),
            None => listed.reverse(),
        }
    }
    let most = arguments.limit.unwrap_or(usize::MAX).min(listed.len());
    if arguments.since.is_some() && arguments.sort.is_none() && !arguments.reverse {
        // The latest end comes last.
        listed.drain(..listed.len() - most);
    }
    listed.truncate(most);
    if arguments.output.json {
        output::json(&listed.iter().map(run_json::listed).collect::<Vec<_>>())?;
    } else if arguments.csv {
        output::csv(&rows(&listed))?;
    } else if none {
        output::note(&format!(
            "no runs in {} yet: `mien train cnn` starts one",
            homes.iter().map(|(_, store)| store.home().path().display().to_string()).collect::<Vec<_>>().join(", ")
        ));
    } else if listed.is_empty() {
        let what = match since {
            None => "no run matches the filter".to_owned(),
            Some(0) => "no run has ended yet".to_owned(),
            Some(at) => format!("no run has ended since {}", clock_at(at)),
        };
        output::note(&format!("{what}; `mien runs` lists all of them"));
    } else {
        let settings = query.settings(arguments.sort);
        let mut table = table(&listed, &jobs, now, arguments.since.is_some(), &settings);
        if let Some(columns) = output::columns() {
            table.fit(columns, &OMITTED_FIRST);
        }
        output::table(&table.render())?;
    }
    for warning in warnings {
        output::print_error(&warning);
    }
    Ok(Exit::Done)
}

/// Keeps the runs that ended after a time, the earliest first, and returns that time in milliseconds since 1970. A look
/// since the last one becomes the last one.
fn keep_ended(store: &RunStore, listed: &mut Vec<RunFacts>, since: Since) -> Result<u64, CommandError> {
    let at = since.at(store, &ZonedDateTime::now())?;
    let ended = |run: &RunFacts| Ending::of_facts(run).map(|ending| ending.at).filter(|ended| *ended > at);
    listed.retain(|run| ended(run).is_some());
    listed.sort_by_key(|run| ended(run));
    if since == Since::Last {
        // In a home that cannot be written, the next look begins with the same runs.
        let _ = store.home().record_look(supervise::now());
    }
    Ok(at)
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

/// Returns a run's name with the words on its job on a cluster; `None` without such words.
fn job_remark(run: &FollowedRun) -> Option<(RunId, String)> {
    let words = run.job_words().or_else(|| run.folder().job_end().filter(|_| !run.alive))?;
    let over = matches!(run.summary.outcome, Some(Outcome::Finished { .. } | Outcome::Stopped));
    (!over || run.job.is_some()).then(|| (run.summary.id.clone(), words))
}

/// The columns that a narrow terminal omits, the first one first. The others decide between runs.
const OMITTED_FIRST: [&str; 9] =
    ["AGE", "VAL LOSS", "TAGS", "TIME", "NOTE", "VAL ACC", "STRATEGY", "TEST ACC", "DATASET"];

/// Returns the table of the runs, with a column for each of `settings`; `with_end`: with the time of the end as its
/// first column.
fn table(
    runs: &[RunFacts],
    jobs: &BTreeMap<(Option<Arc<str>>, RunId), String>,
    now: u64,
    with_end: bool,
    settings: &[Field],
) -> Table {
    let with_home = runs.iter().any(|run| run.home().is_some());
    let before = [("HOME", with_home), ("ENDED", with_end), ("STATE", true), ("RUN", true), ("STRATEGY", true)];
    let before = before.into_iter().filter(|(_, shown)| *shown).map(|(title, _)| (title, Side::Left));
    let settings_columns = settings.iter().map(|field| (field.name(), Side::Right));
    let numbers = ["EPOCH", "VAL LOSS", "VAL ACC", "TEST ACC", "MACRO F1", "TIME", "AGE"];
    let columns: Vec<(&str, Side)> = before
        .chain([("DATASET", Side::Left)])
        .chain(settings_columns)
        .chain(numbers.map(|title| (title, Side::Right)))
        .chain(["TAGS", "NOTE", "DETAILS"].map(|title| (title, Side::Left)))
        .collect();
    let mut table = Table::of(&columns);
    for listed in runs {
        let run = listed.summary();
        let job = (listed.home().map(Arc::from), run.id.clone());
        let mut cells = Vec::new();
        if with_home {
            cells.push(listed.home().unwrap_or_default().to_owned());
        }
        if with_end {
            cells.push(Ending::of_facts(listed).map_or_else(String::new, |ending| clock_at(ending.at)));
        }
        cells.extend([
            listed.state().to_string(),
            run.id.to_string(),
            run.recipe.strategy.to_string(),
            run.recipe.dataset.to_string(),
        ]);
        cells.extend(settings.iter().map(|field| text(listed, *field).unwrap_or_else(|| "–".into())));
        cells.extend([
            run.epoch_text(listed.state()),
            metric_text(number(listed, Field::ValLoss)),
            metric_text(number(listed, Field::ValAcc)),
            metric_text(number(listed, Field::TestAcc)),
            metric_text(number(listed, Field::F1)),
            number(listed, Field::Duration).map_or_else(|| "–".into(), span),
            age(now.saturating_sub(run.recipe.created_at)),
            tags(listed),
            listed.annotations().note.as_str().to_owned(),
            jobs.get(&job).cloned().unwrap_or_else(|| remark(run, listed.state())),
        ]);
        table.row(&cells);
    }
    table
}

/// Returns the value of a field as text; `None` if there is none.
fn text(run: &RunFacts, field: Field) -> Option<String> {
    match run.value(field) {
        Value::Words(words) => Some(words.join(" ")),
        Value::Number(number) => Some(number.to_string()),
        Value::None => None,
    }
}

/// Returns every field of these runs under its name, as filters compare it; empty for missing values.
fn rows(runs: &[RunFacts]) -> Vec<Vec<String>> {
    let fields: Vec<Field> = Field::ALL.into_iter().chain(Field::settings()).collect();
    let headings = fields.iter().map(|field| field.name().to_owned()).collect();
    let rows = runs.iter().map(|run| fields.iter().map(|field| text(run, *field).unwrap_or_default()).collect());
    std::iter::once(headings).chain(rows).collect()
}

/// Returns a remark on the run's state, such as the command that resumes it.
fn remark(run: &Summary, state: RunState) -> String {
    match (state, run.cause()) {
        (RunState::Lost, _) if run.wait().is_some() => {
            "was waiting, has no worker: `mien queue restart` restarts it".into()
        }
        (RunState::Lost, _) => "its worker is gone: `mien resume` continues it".into(),
        (RunState::Interrupted, _) => "interrupted: `mien queue restart` or `mien resume` continues it".into(),
        (RunState::Failed, Some(cause)) => cause.lines().next().unwrap_or_default().into(),
        (RunState::Queued, _) => run.wait().unwrap_or_default(),
        _ if state.is_active() && run.stopping => "stopping".into(),
        _ if state.is_active() => corrections(run).join(", "),
        _ => [vec![run.ending().to_string()], corrections(run)].concat().join(", "),
    }
}

/// Returns the numbers of images left out and of images with another class, where there are any.
fn corrections(run: &Summary) -> Vec<String> {
    let left_out = format!("{} left out", count(run.recipe.left_out.len(), "image", "images"));
    let relabelled = format!("{} relabelled", run.recipe.relabelled.len());
    let parts = [(run.recipe.left_out.is_empty(), left_out), (run.recipe.relabelled.is_empty(), relabelled)];
    parts.into_iter().filter(|(none, _)| !none).map(|(_, words)| words).collect()
}
