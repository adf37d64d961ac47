//! `train`: starts runs, then follows them unless they are detached.

mod all;
mod dry_run;
mod options;
mod plan;
mod sweep;

use clap::{Args, Subcommand};

use crate::cli::exit::{self, CommandError, Exit};
use crate::cli::follow::follow_started;
use crate::cli::invocation::Invocation;
use crate::cli::options::{CnnSettings, DeepSettings, DryRun, PlaceOption, QueueOption, StrategySettings};
use crate::cli::output;
use crate::domain::{Recipe, Strategy, Sweep};
use crate::runs::RunStore;
use crate::supervise::{self, LaunchError};
use options::{RunOptions, TrainAll, TrainFeatures, TrainFinetune, TrainFromScratch};

/// Train a network in a worker process, and follow it
#[derive(Debug, Args)]
pub(in crate::cli) struct Train {
    #[command(subcommand)]
    strategy: TrainStrategy,
}

#[derive(Debug, Subcommand)]
enum TrainStrategy {
    /// The small convolutional network, from scratch
    ///
    /// Ctrl-C asks the run to end after its current batch and waits for that; a second Ctrl-C does not wait. A
    /// stopped run is saved, and `resume` continues it from there.
    ///
    /// Settings with several values (--seed 1..5, --learning-rate 1e-3,2e-3) make a run of every combination, at most
    /// 200. They are queued with one tag, and the command returns. `mien compare --tag TAG` tabulates them. The runs of
    /// --folds are queued in the same way.
    #[command(after_help = exit::HELP)]
    Cnn(TrainFromScratch<CnnSettings>),
    /// A deeper network with batch norm, from scratch: the recommended one
    ///
    /// Seven convolutions, gradient descent with momentum over 100 epochs, strong augmentation, and a test by ten views
    /// after the plain one. On FER-2013 its accuracy is eleven points above that of cnn.
    #[command(after_help = exit::HELP)]
    Deep(TrainFromScratch<DeepSettings>),
    /// A small head on the features of a frozen, pretrained VGG16
    ///
    /// With --augment none or --variants K, the base's features are computed once and cached with the dataset. Later
    /// epochs and runs compute only the head. Otherwise images are augmented and pass through the base in every epoch.
    #[command(after_help = exit::HELP)]
    Features(TrainFeatures),
    /// The head and the upper blocks of the base, from the best weights of a features run
    ///
    /// Image size, variants and augmentation are those of the run that it starts from, unless they are given. If that
    /// run has not ended, this one waits for it.
    #[command(after_help = exit::HELP)]
    Finetune(TrainFinetune),
    /// All four in order: cnn, deep, features, finetune from features
    ///
    /// Four runs that wait for one another, named NAME-cnn, NAME-deep, NAME-features and NAME-finetune. Ctrl-C stops
    /// the one that is followed; the next one then begins.
    #[command(after_help = exit::HELP)]
    All(TrainAll),
}

impl TrainStrategy {
    /// Returns where and when the run starts, and whether only the script of its job is printed.
    fn place(&mut self) -> (&mut PlaceOption, QueueOption, DryRun) {
        match self {
            Self::Cnn(options) => options.run.place(),
            Self::Deep(options) => options.run.place(),
            Self::Features(options) => options.run.place(),
            Self::Finetune(options) => options.run.place(),
            Self::All(options) => options.run.place(),
        }
    }
}

impl Train {
    pub(super) fn run(mut self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = &invocation.open_home()?;
        let (place, queue, dry) = self.strategy.place();
        *place = place.clone().or_default(store.home(), queue)?;
        if dry.dry_run && place.place()?.is_none() {
            let words = "--dry-run prints the script of a job: name a place of the config file with --on";
            return Err(CommandError::Usage(words.into()));
        }
        if !supervise::can_train() && place.on.is_none() {
            // Otherwise the demo dataset would be drawn in vain.
            return Err(LaunchError::NoTrainer.into());
        }
        match self.strategy {
            TrainStrategy::Cnn(options) => {
                let sweep = options.run.recipe.sweep()?;
                start(store, &sweep, plan::from_scratch(store, Strategy::Cnn, &options)?, options.run)
            }
            TrainStrategy::Deep(options) => {
                let sweep = options.run.recipe.sweep()?;
                start(store, &sweep, plan::from_scratch(store, Strategy::Deep, &options)?, options.run)
            }
            TrainStrategy::Features(options) => {
                let sweep = options.run.recipe.sweep()?;
                start(store, &sweep, plan::features(store, &options)?, options.run)
            }
            TrainStrategy::Finetune(options) => {
                let sweep = options.run.recipe.sweep()?;
                start(store, &sweep, plan::finetune(store, &options)?, options.run)
            }
            TrainStrategy::All(options) => all::start_all(store, &options),
        }
    }
}

/// Starts the run of this recipe with the given settings, or all runs of a sweep.
fn start<O: StrategySettings>(
    store: &RunStore,
    sweep: &Sweep,
    mut recipe: Recipe,
    options: RunOptions<O>,
) -> Result<Exit, CommandError> {
    recipe.after = options.after.as_ref().map(|query| store.find(query)).transpose()?;
    let mut recipes = sweep.recipes(&recipe)?;
    if let Some(folds) = options.folds {
        recipes = plan::in_folds(store, &recipes, folds, options.fold_seed, &options.corrections)?;
    }
    recipes.iter().try_for_each(|recipe| plan::check(store, recipe))?;
    plan::print_estimates(store, &recipes)?;
    if let Some(place) = options.place.place()?.filter(|_| options.dry.dry_run) {
        let stem = options.name.unwrap_or_else(|| supervise::suggest_name(store));
        let names = if recipes.len() == 1 { vec![stem] } else { supervise::sweep_names(&stem, recipes.len()) };
        return dry_run::print_scripts(store, &names, &place);
    }
    match &recipes[..] {
        [recipe] => start_one(store, recipe, options),
        recipes => sweep::queue(store, sweep, recipes, options),
    }
}

/// Starts one run, and follows it or prints its id.
fn start_one<O: StrategySettings>(
    store: &RunStore,
    recipe: &Recipe,
    options: RunOptions<O>,
) -> Result<Exit, CommandError> {
    options.name.iter().try_for_each(|name| store.refuse_taken(name))?;
    let wanted = options.name.unwrap_or_else(|| supervise::suggest_name(store));
    let id = supervise::launch(store, &wanted, recipe, options.place.target(options.launch.queue)?)?;
    supervise::tag(store, &id, options.tag.as_ref())?;
    output::note(&format!("{id}: {} on {}", recipe.strategy, recipe.dataset));
    follow_started(store.follow(&id)?, options.launch)
}
