//! `train all`: one run of each strategy, one after the other.

use super::options::TrainAll;
use super::{dry_run, plan};
use crate::cli::commands::compare::print_side_by_side;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::follow::{FollowEnd, FollowMode, follow};
use crate::cli::options::Output;
use crate::cli::run_events::EventPrinter;
use crate::cli::{output, run_json};
use crate::domain::{RunId, RunState};
use crate::runs::RunStore;
use crate::supervise;

/// Starts one run of each strategy, and follows them in order, or with `--detach` prints their ids and returns.
pub(super) fn start_all(store: &RunStore, options: &TrainAll) -> Result<Exit, CommandError> {
    let launch = options.run.launch;
    let stem = options.run.name.clone().unwrap_or_else(|| supervise::suggest_name(store));
    let names = supervise::strategy_run_names(&stem);
    names.iter().filter(|_| options.run.name.is_some()).try_for_each(|name| store.refuse_taken(name))?;
    let settings = options.run.recipe.sweep()?;
    if let Some(setting) = settings.varied().next() {
        let advice = "train one strategy at a time with several values";
        return Err(CommandError::Usage(format!("train all takes one value of {}: {advice}", setting.name())));
    }
    if options.run.folds.is_some() {
        let words = "train all takes no --folds: `mien train deep --folds 5` trains one strategy in folds";
        return Err(CommandError::Usage(words.into()));
    }
    let mut recipes = plan::all(store, options, &settings, &stem)?;
    // The other runs wait for the first one.
    recipes[0].after = options.run.after.as_ref().map(|query| store.find(query)).transpose()?;
    recipes.iter().try_for_each(|recipe| plan::check_without_start(store, recipe))?;
    plan::print_estimates(store, &recipes)?;
    if let Some(place) = options.run.place.place()?.filter(|_| options.run.dry.dry_run) {
        return dry_run::print_scripts(store, &names, &place);
    }
    let target = options.run.place.target(launch.queue)?;
    let ids = supervise::launch_all_strategies(store, names, recipes, target)?;
    ids.iter().try_for_each(|id| supervise::tag(store, id, options.run.tag.as_ref()))?;
    let names: Vec<&str> = ids.iter().map(RunId::as_str).collect();
    output::note(&format!("{}: trained one after the other", names.join(", ")));
    if launch.detach {
        return print_detached(store, &ids, launch.output);
    }
    let mut exit = Exit::Done;
    for (number, id) in ids.iter().enumerate() {
        let mut run = store.follow(id)?;
        output::note(&format!("── {id} ──"));
        match follow(&mut run, &EventPrinter::before_result(launch.output), FollowMode::Launched)? {
            // The later runs continue as well.
            FollowEnd::Detached => return Ok(Exit::Stopped),
            ending @ FollowEnd::RunEnded(state) => {
                if let (RunState::Stopped, Some(next)) = (state, ids.get(number + 1)) {
                    output::note(&format!(
                        "{id} is stopped, and {next} is next: Ctrl-C stops that too; `mien resume {id}` continues {id}"
                    ));
                }
                exit = exit.and(ending.exit());
            }
        }
    }
    print_side_by_side(store, &ids, 0, false, launch.output.into())?;
    Ok(exit)
}

/// Prints the ids for scripts, and on stderr the command that compares the runs.
fn print_detached(store: &RunStore, ids: &[RunId], Output { json }: Output) -> Result<Exit, CommandError> {
    if json {
        let runs = ids.iter().map(|id| store.summary(id)).collect::<Result<Vec<_>, _>>()?;
        let now = supervise::now();
        output::json(&runs.iter().map(|run| run_json::detail(run, run.state(now))).collect::<Vec<_>>())?;
    } else {
        ids.iter().try_for_each(|id| output::line(id.as_str()))?;
    }
    let names: Vec<&str> = ids.iter().map(RunId::as_str).collect();
    output::note(&format!(
        "they run in the background; `mien compare {}` compares them when they have ended",
        names.join(" ")
    ));
    Ok(Exit::Done)
}
