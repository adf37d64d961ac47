//! The hidden command that starts runs by their recipes for a dashboard elsewhere.

use std::io::{self, Read};

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::library::{HomeLibrary, fail_on_first};
use crate::cli::{gpu, output};
use crate::domain::preflight;
use crate::domain::recipe::RECIPE_VERSION;
use crate::homes::launch_order::{LaunchOrder, Launched};
use crate::supervise::{self, LaunchTime};

/// The most bytes of an order. A recipe lists the images that are left out.
const MAX_ORDER: u64 = 32 << 20;

/// Start runs by recipes on the standard input; started over ssh by `mien --home NAME`
#[derive(Debug, Args)]
#[command(hide = true)]
pub(in crate::cli) struct LaunchRecipes;

impl LaunchRecipes {
    #[allow(clippy::unused_self)] // as every command
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let mut text = Vec::new();
        let read = io::stdin().lock().take(MAX_ORDER).read_to_end(&mut text);
        read.map_err(|error| CommandError::Failure(format!("cannot read the recipes: {error}")))?;
        let order: LaunchOrder = serde_json::from_slice(&text)
            .map_err(|error| CommandError::Usage(format!("the standard input has no recipes: {error}")))?;
        let recipes = order.recipes();
        // Settings that this program does not know would be left out in silence.
        if recipes.iter().any(|recipe| recipe.version > RECIPE_VERSION) {
            return Err(CommandError::Failure(
                "the recipe is of a newer mien than the one here: update this one".into(),
            ));
        }
        let library = HomeLibrary(&store);
        for recipe in &recipes {
            let problems = match &order {
                LaunchOrder::One { .. } | LaunchOrder::Sweep { .. } => preflight::check(recipe, &library),
                // The run that fine-tuning starts from is launched with it.
                LaunchOrder::All { .. } => preflight::check_without_start(recipe, &library),
            };
            fail_on_first(problems)?;
            gpu::check(recipe.device)?;
        }
        let ids = match order {
            LaunchOrder::One { id, recipe } => vec![supervise::launch(&store, &id, &recipe, LaunchTime::Queued)?],
            LaunchOrder::All { ids, recipes } => {
                supervise::launch_all_strategies(&store, ids, *recipes, LaunchTime::Queued)?.to_vec()
            }
            LaunchOrder::Sweep { stem, runs } => {
                let tag = supervise::sweep_tag(&store, &stem);
                let runs = runs.iter().map(|(id, recipe)| (id, recipe));
                supervise::launch_sweep(&store, runs, &tag, &LaunchTime::Queued.into())?
            }
        };
        output::json(&Launched { ids })?;
        Ok(Exit::Done)
    }
}
