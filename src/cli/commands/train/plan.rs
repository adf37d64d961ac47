//! Turns options into recipes, and estimates their cost.

use super::options::{
    CorrectionOptions, LeaveOutChoice, Relabel, TrainAll, TrainFeatures, TrainFinetune, TrainFromScratch,
};
use crate::cli::exit::CommandError;
use crate::cli::expected_time::{cached_images, clock_in};
use crate::cli::library::{HomeLibrary, fail_on_first};
use crate::cli::options::StrategySettings;
use crate::cli::run_list::read_runs;
use crate::cli::table::{duration, thousands};
use crate::cli::{bases, datasets, gpu, output};
use crate::data::check::Exclusion;
use crate::data::marked::{self, Marks};
use crate::data::{Dataset, Findings, Manifest};
use crate::domain::cost::features_text;
use crate::domain::fraction::is_whole;
use crate::domain::number_text;
use crate::domain::preflight::{self, Library, Problem};
use crate::domain::sweep;
use crate::domain::{
    Corrections, DataFold, LeftOutImages, Recipe, RelabelledImage, RelabelledImages, RunId, Size, Split, Strategy,
    Sweep, TrainingCost, WeightsName,
};
use crate::runs::{Home, Machine, RunStore, Summary, estimate, images_to_compute};
use crate::supervise;

/// Returns the recipe of `train cnn` or `train deep` with default settings.
pub(super) fn from_scratch<O: StrategySettings>(
    store: &RunStore,
    strategy: Strategy,
    options: &TrainFromScratch<O>,
) -> Result<Recipe, CommandError> {
    let dataset = datasets::choose(store.home(), options.on.dataset.as_ref())?;
    let mut recipe = if strategy == Strategy::Deep { deep_recipe(&dataset) } else { cnn_recipe(&dataset) };
    correct(store.home(), &options.run.corrections, &dataset, &mut recipe)?;
    Ok(recipe)
}

/// Returns the recipe of `train features` with default settings.
pub(super) fn features(store: &RunStore, options: &TrainFeatures) -> Result<Recipe, CommandError> {
    // The base comes first. Otherwise the demo dataset would be drawn before a missing base is noticed.
    let base = base(store.home(), options.base.weights.as_ref())?;
    let dataset = datasets::choose(store.home(), options.on.dataset.as_ref())?;
    let mut recipe = base_recipe(&dataset, base);
    correct(store.home(), &options.run.corrections, &dataset, &mut recipe)?;
    Ok(recipe)
}

/// Returns the recipe of `train finetune` with default settings.
pub(super) fn finetune(store: &RunStore, options: &TrainFinetune) -> Result<Recipe, CommandError> {
    if options.dataset.is_some() {
        let words = "finetune trains on the dataset of the run that it starts from: leave --dataset out";
        return Err(CommandError::Usage(words.into()));
    }
    if options.run.folds.is_some() {
        let words = "finetune takes no --folds: on a run of a fold it trains on that fold, as `--from RUN` names it";
        return Err(CommandError::Usage(words.into()));
    }
    let from = match &options.from {
        Some(query) => store.find(query)?,
        None => newest_features(store)?,
    };
    preflight::find_start(&from, HomeLibrary(store).start(&from))?;
    let start = store.folder(&from).recipe()?;
    let fine_tuning = Recipe::fine_tuning_from(&start, from.clone(), supervise::now());
    let mut recipe = fine_tuning.ok_or(Problem::StartWithoutBase(from))?;
    // Otherwise a missing dataset would be reported as missing marks.
    fail_on_first(preflight::check_without_start(&recipe, &HomeLibrary(store)))?;
    let dataset = datasets::find(store.home(), &start.dataset)?;
    correct(store.home(), &options.run.corrections, &dataset, &mut recipe)?;
    Ok(recipe)
}

/// Returns each recipe in every fold, with the corrections of that fold.
pub(super) fn in_folds(
    store: &RunStore,
    recipes: &[Recipe],
    of: u32,
    seed: u64,
    wanted: &CorrectionOptions,
) -> Result<Vec<Recipe>, CommandError> {
    let Some(first) = recipes.first() else { return Ok(Vec::new()) };
    let dataset = datasets::find(store.home(), &first.dataset)?;
    let groups = dataset.groups.as_ref().map(|groups| groups.checksum());
    let mut found = sweep::in_folds(recipes, of, seed, groups)?;
    found.iter_mut().try_for_each(|recipe| correct(store.home(), wanted, &dataset, recipe))?;
    Ok(found)
}

/// Returns the recipes of `train all` with the given settings. The launch sets the start of the fine-tuning.
pub(super) fn all(
    store: &RunStore,
    options: &TrainAll,
    settings: &Sweep,
    stem: &RunId,
) -> Result<[Recipe; 4], CommandError> {
    let base = base(store.home(), options.base.weights.as_ref())?;
    let dataset = datasets::choose(store.home(), options.on.dataset.as_ref())?;
    let (mut cnn, mut deep) = (cnn_recipe(&dataset), deep_recipe(&dataset));
    let mut features = base_recipe(&dataset, base);
    settings.apply_first(&mut cnn)?;
    settings.apply_first(&mut deep)?;
    settings.apply_first(&mut features)?;
    let fine_tuning = Recipe::fine_tuning_from(&features, stem.clone(), supervise::now());
    let mut finetune = fine_tuning.unwrap_or_else(|| unreachable!("features has a base"));
    settings.apply_first(&mut finetune)?;
    for recipe in [&mut cnn, &mut deep, &mut features, &mut finetune] {
        correct(store.home(), &options.run.corrections, &dataset, recipe)?;
    }
    Ok([cnn, deep, features, finetune])
}

/// Copies the corrections into the recipe. Without `--leave-out` and `--relabel` the recipe is unchanged.
fn correct(
    home: &Home,
    wanted: &CorrectionOptions,
    dataset: &Manifest,
    recipe: &mut Recipe,
) -> Result<(), CommandError> {
    let mut corrections = recipe.corrections();
    let relabels = wanted.relabel == Some(Relabel::Marked);
    match wanted.relabel {
        None => {}
        Some(Relabel::None) => corrections.relabelled = RelabelledImages::default(),
        Some(Relabel::Marked) => {
            corrections.relabelled = marks_in_fold(home, dataset, recipe.fold)?.relabelled;
            // A fold may train on none of the marked images.
            if marks(home, dataset)?.corrections().relabelled.is_empty() {
                let name = &dataset.name;
                let advice = format!("`mien data mark {name} IMAGE --class CLASS` gives one");
                let words = format!("no training image of {name} is marked with a class: {advice}");
                return Err(CommandError::Failure(words));
            }
        }
    }
    if !wanted.leave_out.is_empty() {
        let mut all = LeftOutImages::default();
        for kind in &wanted.leave_out {
            let found = match kind {
                LeaveOutChoice::None => LeftOutImages::default(),
                LeaveOutChoice::Marked => marked_images(home, dataset, recipe.fold, relabels)?,
                LeaveOutChoice::Found(kind) => found_by_check(home, dataset, recipe.fold, *kind)?,
            };
            let (images, runs) = ([all.images, found.images].concat(), [all.found_with, found.found_with].concat());
            all = LeftOutImages::new(images, runs);
        }
        corrections.left_out = all;
    }
    recipe.correct(corrections);
    Ok(())
}

/// Returns the marked training images, or only those without a class if the others are `relabelled`. It is an error if
/// no image is marked.
fn marked_images(
    home: &Home,
    dataset: &Manifest,
    fold: Option<DataFold>,
    relabelled: bool,
) -> Result<LeftOutImages, CommandError> {
    let Corrections { left_out, relabelled: with_class } = marks_in_fold(home, dataset, fold)?;
    if left_out.is_empty() && with_class.is_empty() && marks(home, dataset)?.images.is_empty() {
        let name = &dataset.name;
        let advice = format!("`mien data mark {name} IMAGE` marks one");
        return Err(CommandError::Failure(format!("no training image of {name} is marked: {advice}")));
    }
    if relabelled {
        return Ok(left_out);
    }
    let others = with_class.images.iter().map(|image| image.index);
    let runs = [left_out.found_with, with_class.found_with].concat();
    Ok(LeftOutImages::new(left_out.images.into_iter().chain(others).collect(), runs))
}

fn marks(home: &Home, dataset: &Manifest) -> Result<Marks, CommandError> {
    Ok(marked::read(&home.dataset(&dataset.name), &dataset.fingerprint)?)
}

/// Returns the corrections that the marks make, in a fold only those of images that it trains on.
fn marks_in_fold(home: &Home, dataset: &Manifest, fold: Option<DataFold>) -> Result<Corrections, CommandError> {
    let Corrections { left_out, relabelled } = marks(home, dataset)?.corrections();
    if fold.is_none() {
        return Ok(Corrections { left_out, relabelled });
    }
    // Training images come first in the files: their indices are positions there.
    let places = Dataset::open(&home.dataset(&dataset.name))?.in_fold(fold)?.places();
    let in_fold = |index: u32| {
        let place = places.get(index as usize).filter(|place| place.split == Split::Train)?;
        Some(place.index)
    };
    let left_out_there = left_out.images.iter().filter_map(|index| in_fold(*index)).collect();
    let relabelled_there =
        relabelled.images.iter().filter_map(|image| Some(RelabelledImage { index: in_fold(image.index)?, ..*image }));
    Ok(Corrections {
        left_out: LeftOutImages::new(left_out_there, left_out.found_with),
        relabelled: RelabelledImages::new(relabelled_there.collect(), relabelled.found_with),
    })
}

/// Returns the training images of this kind by the dataset's check, in a fold by the fold's splits.
fn found_by_check(
    home: &Home,
    dataset: &Manifest,
    fold: Option<DataFold>,
    kind: Exclusion,
) -> Result<LeftOutImages, CommandError> {
    let opened = Dataset::open(&home.dataset(&dataset.name))?;
    let findings = Findings::load_or_compute(&opened);
    Ok(findings.left_out(kind, &opened.in_fold(fold)?.places()))
}

fn base(home: &Home, wanted: Option<&WeightsName>) -> Result<(WeightsName, String), CommandError> {
    let (name, manifest) = bases::choose(home, wanted)?;
    Ok((name, manifest.identity()))
}

fn cnn_recipe(dataset: &Manifest) -> Recipe {
    Recipe::cnn(dataset.name.clone(), dataset.fingerprint.clone(), supervise::now())
}

fn deep_recipe(dataset: &Manifest) -> Recipe {
    let side = dataset.image.width.min(dataset.image.height);
    Recipe::deep(dataset.name.clone(), dataset.fingerprint.clone(), supervise::now(), side)
}

fn base_recipe(dataset: &Manifest, (weights, base): (WeightsName, String)) -> Recipe {
    Recipe::features(dataset.name.clone(), dataset.fingerprint.clone(), supervise::now(), weights, base)
}

fn newest_features(store: &RunStore) -> Result<RunId, CommandError> {
    let (runs, _) = read_runs(store)?;
    let newest = runs.into_iter().find(|run| run.summary.recipe.strategy == Strategy::Features);
    let advice = "`mien train features` trains one, --from names a run";
    let newest = newest.ok_or_else(|| CommandError::Usage(format!("there is no features run yet: {advice}")))?;
    output::note(&format!("starting from {}; --from chooses another run", newest.summary.id));
    Ok(newest.summary.id.clone())
}

/// Refuses a recipe that a worker would refuse.
pub(super) fn check(store: &RunStore, recipe: &Recipe) -> Result<(), CommandError> {
    gpu::check(recipe.device)?;
    Ok(fail_on_first(preflight::check(recipe, &HomeLibrary(store)))?)
}

/// Refuses a recipe of `train all` that a worker would refuse, apart from its start, which is launched later.
pub(super) fn check_without_start(store: &RunStore, recipe: &Recipe) -> Result<(), CommandError> {
    gpu::check(recipe.device)?;
    Ok(fail_on_first(preflight::check_without_start(recipe, &HomeLibrary(store)))?)
}

/// Prints parameters, memory and expected time of the recipes on stderr, and equal lines only once; of several recipes
/// also the time of all.
pub(super) fn print_estimates(store: &RunStore, recipes: &[Recipe]) -> Result<(), CommandError> {
    let (runs, _) = read_runs(store)?;
    let summaries: Vec<&Summary> = runs.iter().map(|run| run.summary.as_ref()).collect();
    let mut printed = Vec::new();
    let mut total = Some(0.0);
    for recipe in recipes {
        let (text, seconds) = describe(store, &summaries, recipe)?;
        total = total.zip(seconds).map(|(total, seconds)| total + seconds);
        if !printed.contains(&text) {
            output::note(&text);
            printed.push(text);
        }
    }
    if let (Some(seconds), true) = (total, recipes.len() > 1) {
        let runs = recipes.len();
        output::note(&format!("all {runs} runs take at most {}", describe_ready_time(seconds)));
    }
    Ok(())
}

/// Returns `12 min, ready 02:15 if training begins now`.
fn describe_ready_time(seconds: f64) -> String {
    let ready = clock_in(seconds).map_or_else(String::new, |clock| format!(", ready {clock} if training begins now"));
    format!("{}{ready}", duration(seconds))
}

/// Returns parameters, memory and expected time of a recipe, judging by these runs, and the seconds of all its epochs.
fn describe(store: &RunStore, summaries: &[&Summary], recipe: &Recipe) -> Result<(String, Option<f64>), CommandError> {
    let dataset = datasets::find(store.home(), &recipe.dataset)?;
    let facts = dataset.facts();
    let split = facts.as_split_by(recipe)?;
    let cost = TrainingCost::of(recipe, split.image, split.classes.len(), split.counts())?;
    let (cached, machine) = (cached_images(store, recipe, &facts), Machine::this());
    let (total, trained) = (thousands(cost.parameters), thousands(cost.trained));
    let memory = Size(cost.memory);
    let mut parts =
        vec![format!("{}: {total} parameters, {trained} trained, about {memory} of memory", recipe.strategy)];
    if !recipe.left_out.is_empty() {
        parts.push(format!(
            "{} left out",
            number_text::count(recipe.left_out.len(), "training image is", "training images are")
        ));
    }
    if !is_whole(recipe.fraction) {
        let (trained, all) = (thousands(split.trained_images(recipe)), thousands(split.counts().train));
        parts.push(format!("{trained} of {all} training images are trained"));
    }
    if !recipe.relabelled.is_empty() {
        let images = number_text::count(recipe.relabelled.len(), "training image gets", "training images get");
        parts.push(format!("{images} another class"));
    }
    if cost.precomputed > 0 {
        let to_compute = images_to_compute(summaries, recipe, &cost, cached, &machine);
        parts.push(features_text(cost.precomputed, to_compute, Size(cost.features_bytes)));
    }
    let mut seconds = None;
    if let Some(estimated) = estimate(summaries, recipe, &facts, cached, &machine) {
        let before = if estimated.feature_seconds >= 1.0 {
            format!("{} before the first epoch, then ", duration(estimated.feature_seconds))
        } else {
            String::new()
        };
        let how = if estimated.rough { "roughly, " } else { "" };
        let on = estimated.other_dataset.as_ref().map_or_else(String::new, |dataset| format!(" on {dataset}"));
        let epoch = duration(estimated.seconds_per_epoch);
        let total = estimated.total(recipe.epochs);
        let all = format!("at most {}", describe_ready_time(total));
        parts.push(format!("{how}{before}{epoch} an epoch, judging by {}{on}; {all}", estimated.source_run));
        seconds = Some(total);
    } else {
        parts.push(format!("the time is not known yet: no similar run on device {} before, and `mien watch` shows it from the first batches", recipe.device));
    }
    if let Some(twin) = summaries.iter().find(|run| run.is_twin_of(recipe)) {
        parts.push(format!("{} had the same settings and seed", twin.id));
    }
    Ok((parts.join("; "), seconds))
}
