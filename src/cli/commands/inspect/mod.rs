//! `inspect`: prints the predictions of a run for the images of a split.

mod json;
mod sheet;
mod text;

use std::sync::Arc;

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::heat_maps::heat_maps;
use crate::cli::invocation::Invocation;
use crate::cli::options::{Format, whole_number};
use crate::cli::output;
use crate::data::store::Dataset;
use crate::domain::similar::suggest;
use crate::domain::text::printable;
use crate::domain::{RunId, Split};
use crate::homes::protocol::RunFile;
use crate::runs::inspection::{self, Difference, Inspection, Order, ScoredImage};
use crate::runs::{Home, ProbabilityMetrics, RunStore, Summary, probabilities};
use crate::supervise::HeatMaps;
use sheet::{InspectionView, Listing, Sources};

/// Inspect a run's predictions: the confusion matrix, each class, the images of a cell, the hardest images
#[derive(Debug, Args)]
pub(in crate::cli) struct Inspect {
    /// Id, beginning of an id, or `latest`
    run: String,
    /// The split of the images: test, validation or train
    #[arg(long, default_value = "test", value_parser = split)]
    split: Split,
    /// With --split validation: the epoch of the weights [default: the best one]
    #[arg(long, value_name = "N", value_parser = whole_number::<u32>(1, u64::MAX))]
    epoch: Option<u32>,
    /// Show the difference from this run's predictions for the same images
    #[arg(long, value_name = "RUN")]
    against: Option<String>,
    /// List the images of class TRUE that are predicted as PREDICTED; names, their beginnings, or labels from 0
    #[arg(long, num_args = 2, value_names = ["TRUE", "PREDICTED"])]
    cell: Option<Vec<String>>,
    /// The order of the images of a cell: confidence, loss or index
    #[arg(long, default_value = "confidence", value_parser = order)]
    sort: Order,
    /// List the N images with the largest loss: with --split train, candidates for wrong labels
    #[arg(long, value_name = "N", conflicts_with = "cell", value_parser = whole_number::<usize>(1, u64::MAX))]
    hardest: Option<usize>,
    /// List the images with these indices, which other lists print
    #[arg(long, value_name = "INDEX", value_delimiter = ',', conflicts_with_all = ["cell", "hardest"], value_parser = whole_number::<usize>(0, u64::MAX))]
    image: Vec<usize>,
    /// With --json: the heat maps (Grad-CAM) of the listed images for the predicted and the true class, by the best
    /// weights
    #[arg(long, requires = "json")]
    heat_maps: bool,
    #[command(flatten)]
    format: Format,
}

fn split(text: &str) -> Result<Split, String> {
    let found = Split::ALL.into_iter().find(|split| split.name() == text);
    found.ok_or_else(|| "use test, validation or train".into())
}

fn order(text: &str) -> Result<Order, String> {
    match text {
        "confidence" => Ok(Order::Confidence),
        "loss" => Ok(Order::Loss),
        "index" => Ok(Order::Index),
        _ => Err("use confidence, loss or index".into()),
    }
}

impl Inspect {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        if self.epoch.is_some() && self.split != Split::Validation {
            let message =
                "--epoch is only for --split validation: other splits have predictions of the best weights alone";
            return Err(CommandError::Usage(message.into()));
        }
        let sheet = sheet(&store, &self, invocation)?;
        self.format.print(|| json::object(&sheet), || json::rows(&sheet), || text::render(&sheet))?;
        Ok(Exit::Done)
    }
}

fn sheet(store: &RunStore, inspect: &Inspect, invocation: &Invocation) -> Result<InspectionView, CommandError> {
    let (run, epoch, predictions) = load(store, &inspect.run, inspect, invocation)?;
    let against = match &inspect.against {
        Some(query) => Some(difference(store, query, inspect, invocation, (&run, &predictions))?),
        None => None,
    };
    let images = match (&inspect.cell, inspect.hardest) {
        (Some(names), _) => {
            let label = |at: usize| class(&predictions, names.get(at).map_or("", String::as_str));
            let cell = (label(0)?, label(1)?);
            Some((Listing::Cell(cell), predictions.cell(cell.0, cell.1, inspect.sort)))
        }
        (None, Some(count)) => Some((Listing::Hardest, predictions.hardest(count))),
        (None, None) if !inspect.image.is_empty() => {
            let scored = |index: &usize| predictions.scored_image(*index).ok_or_else(|| no_image(*index, &predictions));
            Some((Listing::Indices, inspect.image.iter().map(scored).collect::<Result<_, _>>()?))
        }
        (None, None) => None,
    };
    let sources = if images.is_some() {
        sources(&invocation.dataset_home()?, &run, inspect.split, &predictions)
    } else {
        Sources(None)
    };
    let heat_maps = match &images {
        Some((_, images)) if inspect.heat_maps => heat_maps_of(store, &run, inspect.split, epoch, images, &sources)?,
        _ => Vec::new(),
    };
    let temperature = probabilities::temperature(&store.folder(&run.id), &run.id, &run.classes, epoch);
    let probabilities = ProbabilityMetrics::new(&predictions, temperature);
    Ok(InspectionView {
        run,
        split: inspect.split,
        epoch,
        predictions,
        probabilities,
        against,
        images,
        heat_maps,
        sources,
    })
}

fn no_image(index: usize, predictions: &Inspection) -> CommandError {
    let images = predictions.images();
    CommandError::Usage(format!("there is no image {index}: the split has {images}, numbered from 0"))
}

/// Returns the heat maps of images for the predicted and the true class.
fn heat_maps_of(
    store: &RunStore,
    run: &Summary,
    split: Split,
    epoch: u32,
    images: &[ScoredImage],
    Sources(dataset): &Sources,
) -> Result<Vec<HeatMaps>, CommandError> {
    let best = run.test.as_ref().map_or(run.early_stopping.best_epoch, |test| test.epoch);
    if epoch != best {
        return Err(CommandError::Usage(format!(
            "heat maps are by the best weights, of epoch {best}, and these predictions are of epoch {epoch}"
        )));
    }
    let Some(dataset) = dataset else {
        return Err(CommandError::Failure(format!("{} has no heat maps: its images are not here any more", run.id)));
    };
    let pictures: Vec<Vec<u8>> = images.iter().map(|image| dataset.pixels(split, image.index).to_vec()).collect();
    let maps = |class: fn(&ScoredImage) -> usize| {
        heat_maps(store, &run.id, &pictures, &images.iter().map(class).collect::<Vec<_>>())
    };
    let pairs = maps(|image| image.predicted)?.into_iter().zip(maps(|image| image.truth)?);
    Ok(pairs.map(|(predicted, truth)| HeatMaps { predicted, truth }).collect())
}

/// Returns a run, the epoch of its weights, and their predictions.
fn load(
    store: &RunStore,
    query: &str,
    inspect: &Inspect,
    invocation: &Invocation,
) -> Result<(Arc<Summary>, u32, Inspection), CommandError> {
    let followed = store.summary(&store.find(query)?)?;
    let (folder, run) = (followed.folder().clone(), followed.summary);
    let best = run.test.as_ref().map_or(run.early_stopping.best_epoch, |test| test.epoch);
    let epoch = match (inspect.split, inspect.epoch) {
        (Split::Validation, Some(epoch)) => epoch,
        // Of a home on another machine only the best epoch's predictions are here.
        (Split::Validation, None) if folder.is_mirrored() => best,
        (Split::Validation, None) => {
            let saved = folder.validation_epochs();
            if saved.contains(&best) { best } else { saved.last().copied().unwrap_or(best) }
        }
        _ => best,
    };
    let file = match inspect.split {
        Split::Test => RunFile::Test,
        Split::Train => RunFile::Train,
        Split::Validation => RunFile::Validation(epoch),
    };
    invocation.fetch(&run.id, file);
    let loaded = inspection::load(&folder, &run.id, &run.classes, inspect.split, epoch);
    Ok((run, epoch, loaded?))
}

/// Returns the difference of the predictions from those of another run for the same images.
fn difference(
    store: &RunStore,
    query: &str,
    inspect: &Inspect,
    invocation: &Invocation,
    (run, predictions): (&Summary, &Inspection),
) -> Result<(RunId, Difference), CommandError> {
    let (other, _, others) = load(store, query, inspect, invocation)?;
    let refuse = |reason: &str| CommandError::Failure(format!("{} and {}: {reason}", run.id, other.id));
    if !other.recipe.same_images(&run.recipe) {
        return Err(refuse("they are on different datasets or folds"));
    }
    let difference = inspection::difference(predictions, &others).map_err(|error| refuse(&error.to_string()))?;
    Ok((other.id.clone(), difference))
}

/// Returns the label of a class that is given by its name, the beginning of its name, or its label.
fn class(predictions: &Inspection, text: &str) -> Result<usize, CommandError> {
    let names = predictions.classes();
    let is = |name: &String| name.eq_ignore_ascii_case(text);
    let begins = |name: &String| name.to_lowercase().starts_with(&text.to_lowercase()) && !text.is_empty();
    let label = || text.parse::<usize>().ok().filter(|label| *label < names.len());
    let begun: Vec<usize> = (0..names.len()).filter(|label| begins(&names[*label])).collect();
    let only = || if let [one] = begun.as_slice() { Some(*one) } else { None };
    names.iter().position(is).or_else(only).or_else(label).ok_or_else(|| {
        let all: Vec<String> = names.iter().map(|name| printable(name)).collect();
        let similar = suggest(text, names.iter().map(String::as_str));
        CommandError::Usage(format!("'{}' is not a class{similar}: use one of {}", printable(text), all.join(", ")))
    })
}

/// Returns the names of the images. Without a dataset that fits the predictions, prints a warning and returns no names.
fn sources(home: &Home, run: &Summary, split: Split, predictions: &Inspection) -> Sources {
    let name = &run.recipe.dataset;
    let reason = match Dataset::open(&home.dataset(name)).and_then(|dataset| dataset.in_fold(run.recipe.fold)) {
        Err(error) => error.to_string(),
        Ok(dataset) if dataset.fingerprint() != run.recipe.fingerprint => {
            format!("'{name}' has changed since the training")
        }
        Ok(dataset) if dataset.len(split) != predictions.images() => {
            format!(
                "'{name}' has {} {} and there are {} predictions",
                dataset.len(split),
                inspection::images_of(split),
                predictions.images()
            )
        }
        Ok(dataset) => return Sources(Some(dataset)),
    };
    output::print_error(&format!("images are shown without names: {}", printable(&reason)));
    Sources(None)
}
