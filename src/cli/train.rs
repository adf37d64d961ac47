//! `train`, `resume` and `evaluate`: start a worker, then watch it or leave it.

use super::arguments::{Following, Output, Train, TrainCnn, TrainStrategy};
use super::datasets;
use super::exit::{CommandError, Exit};
use super::report::{Reporter, Story};
use super::watch::{Ending, Watcher, follow, tell_metrics};
use super::{json, output};
use crate::domain::text::printable;
use crate::domain::{Recipe, RunState, Split};
use crate::runs::{FollowedRun, RunStore};
use crate::supervise::{self, LaunchError};

/// `train`.
pub(super) fn train(store: &RunStore, train: Train) -> Result<Exit, CommandError> {
    let TrainStrategy::Cnn(options) = train.strategy;
    if !supervise::can_train() {
        // Before a dataset is looked for, or made.
        return Err(LaunchError::NoTrainer.into());
    }
    let recipe = recipe(store, &options)?;
    let wanted = options.name.unwrap_or_else(|| supervise::suggest_name(store));
    let id = supervise::launch(store, &wanted, &recipe)?;
    if id != wanted {
        output::note(&format!("there is a {wanted} already: this run is {id}"));
    }
    output::note(&format!("{id}: {} on {}", recipe.strategy, recipe.dataset));
    accompany(store.follow(&id)?, options.following)
}

fn recipe(store: &RunStore, options: &TrainCnn) -> Result<Recipe, CommandError> {
    let dataset = datasets::choose(store.home(), options.dataset.as_ref())?;
    for split in [Split::Train, Split::Validation] {
        if dataset.counts().get(split) == 0 {
            let advice = "import it with a larger --validation, or with more images";
            return Err(CommandError::Words(format!("the dataset {} has no {split} images: {advice}", dataset.name)));
        }
    }
    let mut recipe = Recipe::cnn(dataset.name, dataset.fingerprint, supervise::now());
    options.recipe.apply(&mut recipe).map_err(CommandError::Usage)?;
    Ok(recipe)
}

/// `resume`.
pub(super) fn resume(store: &RunStore, query: &str, following: Following) -> Result<Exit, CommandError> {
    let id = store.find(query)?;
    // Opened before the worker starts: what the log says so far is known, what comes is told.
    let run = store.summary(&id)?;
    // Looked at here too, so that a dataset out of reach leaves the run as it is.
    let Recipe { dataset, fingerprint, .. } = &run.summary.recipe;
    let state = run.state(supervise::now());
    let resumable = supervise::can_train() && !state.is_active() && state != RunState::Finished;
    if resumable && datasets::find(store.home(), dataset)?.fingerprint != *fingerprint {
        return Err(CommandError::Words(format!("the dataset {dataset} is another one than {id} was trained on")));
    }
    supervise::resume(store, &id)?;
    // From which epoch, the worker tells: it knows what is on disk.
    output::note(&format!("{id} goes on"));
    accompany(run, following)
}

/// `evaluate`.
pub(super) fn evaluate(store: &RunStore, query: &str, output: Output) -> Result<Exit, CommandError> {
    let id = store.find(query)?;
    let mut run = store.summary(&id)?;
    supervise::evaluate(store, &id)?;
    // What is told at the end is what this test finds, never an earlier one's figures.
    run.summary.test = None;
    let ending = follow(&mut run, &Reporter::new(story(output)), Watcher::Starter)?;
    conclude(&run, ending, output)?;
    match ending {
        Ending::Left => Ok(Exit::Stopped),
        // A stopped or failed run keeps its state through a test of its weights; the test itself has then succeeded.
        Ending::Over(_) if run.summary.test.is_some() => Ok(Exit::Done),
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
