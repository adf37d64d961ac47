//! A sweep: several runs of one `train` command, by settings or folds, which are queued with one tag.

use std::collections::BTreeMap;

use serde::Serialize;

use super::options::RunOptions;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::StrategySettings;
use crate::cli::output;
use crate::cli::table::{Side, Table};
use crate::domain::{DataFold, Hyperparameter, Recipe, RunId, Sweep, Tag};
use crate::runs::RunStore;
use crate::supervise::{self, LaunchTime};

/// The queued runs, for scripts. Keys are stable: none is ever renamed.
#[derive(Debug, Serialize)]
struct Queued<'a> {
    tag: &'a Tag,
    runs: Vec<QueuedRun<'a>>,
}

#[derive(Debug, Serialize)]
struct QueuedRun<'a> {
    id: &'a RunId,
    /// The settings that differ between the runs.
    settings: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fold: Option<DataFold>,
}

/// Queues the runs and prints their names, and on stderr the command that compares them.
pub(super) fn queue<O: StrategySettings>(
    store: &RunStore,
    sweep: &Sweep,
    recipes: &[Recipe],
    options: RunOptions<O>,
) -> Result<Exit, CommandError> {
    let target = options.place.target(options.launch.queue)?;
    if target.time == LaunchTime::Now {
        return Err(CommandError::Usage(format!(
            "--now would start all {} runs at once: leave it out to queue them; `mien queue slots DEVICE N` lets N runs \
             use a device",
            recipes.len()
        )));
    }
    let is_given = options.name.is_some();
    let stem = options.name.unwrap_or_else(|| supervise::suggest_name(store));
    let names = supervise::sweep_names(&stem, recipes.len());
    names.iter().filter(|_| is_given).try_for_each(|name| store.refuse_taken(name))?;
    let tag = options.tag.unwrap_or_else(|| supervise::sweep_tag(store, &stem));
    let varied: Vec<Hyperparameter> = sweep.varied().collect();
    output::note(&format!("queueing {} runs, tagged {tag}", recipes.len()));
    let ids = supervise::launch_sweep(store, names.iter().zip(recipes), &tag, &target)?;
    if options.launch.output.json {
        let settings = |recipe: &Recipe| varied.iter().map(|setting| (setting.name(), setting.get(recipe))).collect();
        let runs =
            ids.iter().zip(recipes).map(|(id, recipe)| QueuedRun { id, settings: settings(recipe), fold: recipe.fold });
        output::json(&Queued { tag: &tag, runs: runs.collect() })?;
    } else {
        output::print(&table(&ids, recipes, &varied).render())?;
    }
    output::note(&format!(
        "they run in the background: `mien runs tag={tag}` lists them, `mien compare --tag {tag}` compares them"
    ));
    Ok(Exit::Done)
}

fn table(ids: &[RunId], recipes: &[Recipe], varied: &[Hyperparameter]) -> Table {
    let headings: Vec<String> = varied.iter().map(|setting| setting.name().to_uppercase()).collect();
    let in_folds = recipes.iter().any(|recipe| recipe.fold.is_some()).then_some("FOLD");
    let columns = headings.iter().map(String::as_str).chain(in_folds).map(|heading| (heading, Side::Right));
    let mut table = Table::of(&std::iter::once(("RUN", Side::Left)).chain(columns).collect::<Vec<_>>());
    for (id, recipe) in ids.iter().zip(recipes) {
        let fold = recipe.fold.map(|fold| fold.to_string());
        let values = varied.iter().map(|setting| setting.get(recipe)).chain(fold);
        table.row(&std::iter::once(id.to_string()).chain(values).collect::<Vec<_>>());
    }
    table
}
