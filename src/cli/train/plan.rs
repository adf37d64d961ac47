//! From options to recipes: which dataset, which base, which run to start from, and what that amounts to.

use crate::cli::arguments::{LeaveOut, TrainAll, TrainCnn, TrainFeatures, TrainFinetune};
use crate::cli::exit::CommandError;
use crate::cli::table::{duration, thousands};
use crate::cli::{bases, datasets, output, runs};
use crate::data::{Manifest, marked};
use crate::domain::{DatasetName, LeftOut, Recipe, RunId, Size, Split, Strategy, WeightsName, Work};
use crate::runs::{Home, RunStore, Summary, estimate};
use crate::supervise;

/// The recipe of `train cnn`.
pub(super) fn cnn(store: &RunStore, options: &TrainCnn) -> Result<Recipe, CommandError> {
    let dataset = dataset(store.home(), options.on.dataset.as_ref())?;
    let mut recipe = Recipe::cnn(dataset.name.clone(), dataset.fingerprint.clone(), supervise::now());
    options.run.recipe.apply(&mut recipe)?;
    leave_out(store.home(), options.run.leave_out, &dataset, &mut recipe)?;
    Ok(recipe)
}

/// The recipe of `train features`.
pub(super) fn features(store: &RunStore, options: &TrainFeatures) -> Result<Recipe, CommandError> {
    // The base first: without one nothing is to be made or downloaded.
    let base = base(store.home(), options.base.weights.as_ref())?;
    let dataset = dataset(store.home(), options.on.dataset.as_ref())?;
    let mut recipe = on_base(&dataset, base);
    options.run.recipe.apply(&mut recipe)?;
    leave_out(store.home(), options.run.leave_out, &dataset, &mut recipe)?;
    Ok(recipe)
}

/// The recipe of `train finetune`.
pub(super) fn finetune(store: &RunStore, options: &TrainFinetune) -> Result<Recipe, CommandError> {
    let from = match &options.from {
        Some(query) => store.find(query)?,
        None => newest_features(store)?,
    };
    let start = store.summary(&from)?.summary.recipe.clone();
    let going_on = Recipe::going_on(&start, from.clone(), supervise::now());
    let (Some(transfer), Some(mut recipe)) = (&start.transfer, going_on) else {
        let strategy = start.strategy;
        return Err(CommandError::Usage(format!("{from} is a {strategy} run: fine-tuning starts from a features run")));
    };
    let folder = store.folder(&from);
    if !folder.best_checkpoint().exists() && !folder.worker_alive() {
        let advice = "let it train for an epoch at least, or start from another run";
        return Err(CommandError::Words(format!("{from} has saved no weights yet: {advice}")));
    }
    let dataset = datasets::find(store.home(), &start.dataset)?;
    if dataset.fingerprint != start.fingerprint {
        let name = &start.dataset;
        return Err(CommandError::Words(format!("the dataset {name} is another one than {from} was trained on")));
    }
    let (_, base) = bases::choose(store.home(), Some(&transfer.weights))?;
    if base.identity() != transfer.base {
        let name = &transfer.weights;
        return Err(CommandError::Words(format!("the weights {name} are others than {from} was trained on")));
    }
    options.run.recipe.apply(&mut recipe)?;
    leave_out(store.home(), options.run.leave_out, &dataset, &mut recipe)?;
    if let Some(wanted) = &recipe.transfer {
        wanted.check_start(&from, transfer, &recipe.architecture()).map_err(CommandError::Usage)?;
    }
    Ok(recipe)
}

/// The recipes of `train all`; where the third starts is for the launch to say.
pub(super) fn all(store: &RunStore, options: &TrainAll, stem: &RunId) -> Result<[Recipe; 3], CommandError> {
    let base = base(store.home(), options.base.weights.as_ref())?;
    let dataset = dataset(store.home(), options.on.dataset.as_ref())?;
    let mut cnn = Recipe::cnn(dataset.name.clone(), dataset.fingerprint.clone(), supervise::now());
    let mut features = on_base(&dataset, base);
    options.run.recipe.apply(&mut cnn)?;
    options.run.recipe.apply(&mut features)?;
    let going_on = Recipe::going_on(&features, stem.clone(), supervise::now());
    let mut finetune = going_on.unwrap_or_else(|| unreachable!("features has a base"));
    options.run.recipe.apply(&mut finetune)?;
    for recipe in [&mut cnn, &mut features, &mut finetune] {
        leave_out(store.home(), options.run.leave_out, &dataset, recipe)?;
    }
    Ok([cnn, features, finetune])
}

/// Copies what is to be left out into the recipe; without a word it stays as it is.
fn leave_out(
    home: &Home,
    wanted: Option<LeaveOut>,
    dataset: &Manifest,
    recipe: &mut Recipe,
) -> Result<(), CommandError> {
    match wanted {
        None => {}
        Some(LeaveOut::None) => recipe.leave_out(LeftOut::default()),
        Some(LeaveOut::Marked) => {
            let marked = marked::read(&home.dataset(&dataset.name), &dataset.fingerprint)?;
            if marked.images.is_empty() {
                let name = &dataset.name;
                let advice = format!("`mien data mark {name} IMAGE` marks one");
                return Err(CommandError::Words(format!("no training image of {name} is marked: {advice}")));
            }
            recipe.leave_out(marked.left_out());
        }
    }
    dataset.check_left_out(&recipe.left_out).map_err(CommandError::Words)
}

fn dataset(home: &Home, wanted: Option<&DatasetName>) -> Result<Manifest, CommandError> {
    let dataset = datasets::choose(home, wanted)?;
    for split in [Split::Train, Split::Validation] {
        if dataset.counts().get(split) == 0 {
            let advice = "import it with a larger --validation, or with more images";
            return Err(CommandError::Words(format!("the dataset {} has no {split} images: {advice}", dataset.name)));
        }
    }
    Ok(dataset)
}

fn base(home: &Home, wanted: Option<&WeightsName>) -> Result<(WeightsName, String), CommandError> {
    let (name, manifest) = bases::choose(home, wanted)?;
    Ok((name, manifest.identity()))
}

fn on_base(dataset: &Manifest, (weights, base): (WeightsName, String)) -> Recipe {
    Recipe::features(dataset.name.clone(), dataset.fingerprint.clone(), supervise::now(), weights, base)
}

fn newest_features(store: &RunStore) -> Result<RunId, CommandError> {
    let (runs, _) = runs::read_all(store)?;
    let newest = runs.into_iter().find(|run| run.summary.recipe.strategy == Strategy::Features);
    let advice = "`mien train features` trains one, --from names a run";
    let newest = newest.ok_or_else(|| CommandError::Usage(format!("there is no features run yet: {advice}")))?;
    output::note(&format!("starting from {}; --from takes another run", newest.summary.id));
    Ok(newest.summary.id.clone())
}

/// Says on stderr what a recipe amounts to, before anything is launched.
pub(super) fn tell(store: &RunStore, recipe: &Recipe) -> Result<(), CommandError> {
    let dataset = datasets::find(store.home(), &recipe.dataset)?;
    let image = [dataset.image.height, dataset.image.width, dataset.image.channels].map(|side| side as usize);
    let (classes, images) = (dataset.classes.len(), dataset.counts());
    let work = Work::of(recipe, image, classes, images).map_err(|error| CommandError::Usage(error.to_string()))?;
    let (total, trained) = (thousands(work.parameters), thousands(work.trained));
    let memory = Size(work.memory);
    let mut parts =
        vec![format!("{}: {total} parameters, {trained} trained, about {memory} of memory", recipe.strategy)];
    if !recipe.left_out.is_empty() {
        parts.push(format!("{} training images are left out", thousands(recipe.left_out.len())));
    }
    if work.precomputed > 0 {
        let count = thousands(work.precomputed);
        let disk = Size(work.features_bytes);
        parts.push(format!("features of {count} images are computed once and take {disk} of disk"));
    }
    let (runs, _) = runs::read_all(store)?;
    let summaries: Vec<&Summary> = runs.iter().map(|run| run.summary.as_ref()).collect();
    if let Some(guess) = estimate(summaries.into_iter(), recipe, image, classes, images) {
        let before = if guess.seconds_before >= 1.0 {
            format!(
                "{} before the first epoch, less for features on disk already, then ",
                duration(guess.seconds_before)
            )
        } else {
            String::new()
        };
        let how = if guess.rough { "roughly, " } else { "" };
        let on = guess.elsewhere.map_or_else(String::new, |dataset| format!(" on {dataset}"));
        let epoch = duration(guess.seconds_an_epoch);
        parts.push(format!("{how}{before}{epoch} an epoch, judging by {}{on}", guess.from));
    }
    output::note(&parts.join("; "));
    Ok(())
}
