//! `train`, `resume` and `evaluate`: start a worker, then watch it or leave it.

mod plan;
mod several;

use std::sync::Arc;

use super::arguments::{Following, Output, RunOptions, Train, TrainAll, TrainStrategy};
use super::exit::{CommandError, Exit};
use super::library::{Files, refuse};
use super::queue::Turn;
use super::recipe_options::Offer;
use super::report::{Reporter, Story};
use super::watch::{Ending, Watcher, follow, tell_metrics};
use super::{compare, json, output};
use crate::domain::preflight::{self, Library};
use crate::domain::text::printable;
use crate::domain::{Recipe, RunId, RunState, Strategy, Sweep};
use crate::runs::{FollowedRun, RunStore};
use crate::supervise::{self, LaunchError};

/// `train`.
pub(super) fn train(store: &RunStore, train: Train) -> Result<Exit, CommandError> {
    if !supervise::can_train() {
        // Before a dataset is looked for, or made.
        return Err(LaunchError::NoTrainer.into());
    }
    match train.strategy {
        TrainStrategy::Cnn(options) => {
            let sweep = options.run.recipe.sweep()?;
            begin(store, &sweep, plan::from_scratch(store, Strategy::Cnn, &options)?, options.run)
        }
        TrainStrategy::Deep(options) => {
            let sweep = options.run.recipe.sweep()?;
            begin(store, &sweep, plan::from_scratch(store, Strategy::Deep, &options)?, options.run)
        }
        TrainStrategy::Features(options) => {
            let sweep = options.run.recipe.sweep()?;
            begin(store, &sweep, plan::features(store, &options)?, options.run)
        }
        TrainStrategy::Finetune(options) => {
            let sweep = options.run.recipe.sweep()?;
            begin(store, &sweep, plan::finetune(store, &options)?, options.run)
        }
        TrainStrategy::All(options) => all(store, &options),
    }
}

/// Begins the run that `base` with the given settings is, or all runs where settings have several values.
fn begin<O: Offer>(
    store: &RunStore,
    sweep: &Sweep,
    mut base: Recipe,
    options: RunOptions<O>,
) -> Result<Exit, CommandError> {
    base.after = options.after.as_ref().map(|query| store.find(query)).transpose()?;
    let recipes = sweep.recipes(&base)?;
    recipes.iter().try_for_each(|recipe| plan::check(store, recipe))?;
    plan::tell(store, &recipes)?;
    match &recipes[..] {
        [recipe] => one(store, recipe, options),
        recipes => several::queue(store, sweep, recipes, options),
    }
}

fn one<O: Offer>(store: &RunStore, recipe: &Recipe, options: RunOptions<O>) -> Result<Exit, CommandError> {
    let wanted = options.name.unwrap_or_else(|| supervise::suggest_name(store));
    let id = supervise::launch(store, &wanted, recipe, options.following.turn.when())?;
    supervise::tag(store, &id, options.tag.as_ref())?;
    if id != wanted {
        output::note(&format!("there is a {wanted} already: this run is {id}"));
    }
    output::note(&format!("{id}: {} on {}", recipe.strategy, recipe.dataset));
    accompany(store.follow(&id)?, options.following)
}

fn all(store: &RunStore, options: &TrainAll) -> Result<Exit, CommandError> {
    let following = options.run.following;
    let stem = options.run.name.clone().unwrap_or_else(|| supervise::suggest_name(store));
    let settings = options.run.recipe.sweep()?;
    if let Some(setting) = settings.varied().next() {
        let advice = "train one strategy at a time with several values";
        return Err(CommandError::Usage(format!("train all takes one value of {}: {advice}", setting.name())));
    }
    let mut recipes = plan::all(store, options, &settings, &stem)?;
    // The others wait for the first.
    recipes[0].after = options.run.after.as_ref().map(|query| store.find(query)).transpose()?;
    recipes.iter().try_for_each(|recipe| plan::check_without_start(store, recipe))?;
    plan::tell(store, &recipes)?;
    let ids =
        supervise::launch_all_strategies(store, supervise::strategy_run_names(&stem), recipes, following.turn.when())?;
    ids.iter().try_for_each(|id| supervise::tag(store, id, options.run.tag.as_ref()))?;
    let names: Vec<&str> = ids.iter().map(RunId::as_str).collect();
    output::note(&format!("{}: one after the other", names.join(", ")));
    if following.detach {
        return leave_all(store, &ids, following.output);
    }
    let mut exit = Exit::Done;
    for id in &ids {
        let mut run = store.follow(id)?;
        output::note(&format!("── {id} ──"));
        match follow(&mut run, &Reporter::new(story(following.output)), Watcher::Starter)? {
            // The others go on as well.
            Ending::Left => return Ok(Exit::Stopped),
            ending @ Ending::Over(_) => exit = exit.and(ending.exit()),
        }
    }
    compare::tell(store, &ids, following.output.into())?;
    Ok(exit)
}

fn leave_all(store: &RunStore, ids: &[RunId], Output { json }: Output) -> Result<Exit, CommandError> {
    if json {
        let runs = ids.iter().map(|id| store.summary(id)).collect::<Result<Vec<_>, _>>()?;
        let now = supervise::now();
        output::json(&runs.iter().map(|run| json::detail(&run.summary, run.state(now))).collect::<Vec<_>>())?;
    } else {
        ids.iter().try_for_each(|id| output::line(id.as_str()))?;
    }
    let names: Vec<&str> = ids.iter().map(RunId::as_str).collect();
    output::note(&format!("they go on by themselves; `mien compare {}` shows how they ended", names.join(" ")));
    Ok(Exit::Done)
}

/// `resume`.
pub(super) fn resume(
    store: &RunStore,
    query: &str,
    [epochs, patience]: [Option<u32>; 2],
    following: Following,
) -> Result<Exit, CommandError> {
    let id = store.find(query)?;
    // Opened before the worker starts: what the log says so far is known, what comes is told.
    let run = store.summary(&id)?;
    // Looked at here too, so that a dataset out of reach leaves the run as it is.
    let state = run.state(supervise::now());
    let changed = epochs.is_some() || patience.is_some();
    let resumable = supervise::can_train() && !state.is_active() && (changed || state != RunState::Finished);
    if resumable {
        let recipe = &run.summary.recipe;
        refuse(preflight::check_dataset(recipe, Files(store).dataset(&recipe.dataset)))?;
    }
    supervise::resume_with_limits(store, &id, epochs, patience, following.turn.when())?;
    // From which epoch, the worker tells: it knows what is on disk.
    output::note(&format!("{id} goes on"));
    accompany(run, following)
}

/// `evaluate`.
pub(super) fn evaluate(store: &RunStore, queries: &[String], turn: Turn, output: Output) -> Result<Exit, CommandError> {
    let [query] = queries else {
        let words = "one run is tested at a time; --average takes the mean of what several said when they were tested";
        return Err(CommandError::Usage(words.into()));
    };
    let id = store.find(query)?;
    let mut run = store.summary(&id)?;
    supervise::evaluate(store, &id, turn.when())?;
    // What is told at the end is what this test finds, never an earlier one's figures.
    Arc::make_mut(&mut run.summary).test = None;
    let ending = follow(&mut run, &Reporter::new(story(output)), Watcher::Starter)?;
    conclude(&run, ending, output)?;
    match ending {
        Ending::Left => Ok(Exit::Stopped),
        // A stopped or failed run keeps its state through a test of its weights; the test itself has then succeeded.
        Ending::Over(_) if run.summary.test.is_some() => Ok(Exit::Done),
        Ending::Over(_) if run.summary.stopping => {
            output::note(&format!("mien: {id} was not tested: a stop was requested"));
            Ok(Exit::Stopped)
        }
        Ending::Over(state) => Err(CommandError::Words(match &run.summary.evaluation_error {
            Some(cause) => format!("{id} was not tested: {}", printable(cause)),
            None => format!("{id} was not tested, it is {state}; see {}", run.folder().worker_log().display()),
        })),
    }
}

fn story(Output { json }: Output) -> Story {
    if json { Story::Stderr } else { Story::Stdout }
}

/// Watches a run whose worker was just started to its end, or leaves it.
fn accompany(mut run: FollowedRun, following: Following) -> Result<Exit, CommandError> {
    if following.detach {
        return leave(run, following.output);
    }
    let ending = follow(&mut run, &Reporter::new(story(following.output)), Watcher::Starter)?;
    conclude(&run, ending, following.output)?;
    Ok(ending.exit())
}

fn conclude(run: &FollowedRun, ending: Ending, Output { json }: Output) -> Result<(), CommandError> {
    match ending {
        _ if json => output::json(&json::detail(&run.summary, run.state(supervise::now()))),
        Ending::Over(_) => tell_metrics(run),
        Ending::Left => Ok(()),
    }
}

/// Tells the id on stdout for scripts, and how to see more on stderr.
fn leave(mut run: FollowedRun, Output { json }: Output) -> Result<Exit, CommandError> {
    run.poll(&mut Vec::new())?;
    let state = run.state(supervise::now());
    if json {
        output::json(&json::detail(&run.summary, state))?;
    } else {
        output::line(run.summary.id.as_str())?;
    }
    let id = &run.summary.id;
    if let (RunState::Failed, Some(cause)) = (state, run.summary.cause()) {
        return Err(CommandError::Words(format!("{id} failed: {cause}")));
    }
    output::note(&format!("{id} goes on by itself: `mien watch {id}` follows it, `mien stop {id}` ends it"));
    Ok(Exit::Done)
}
