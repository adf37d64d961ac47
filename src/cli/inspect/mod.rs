//! `inspect`: what a run says of each image of a split.

mod data;
mod text;

use std::sync::Arc;

pub(super) use text::class_table;
#[cfg(feature = "trainer")]
pub(super) use text::count_table;

use super::arguments::{Format, Inspect};
use super::exit::{CommandError, Exit};
use super::output;
use crate::data::store::Dataset;
use crate::domain::text::printable;
use crate::domain::{RunId, Split};
use crate::runs::inspection::{self, Difference, Inspection, Judged};
use crate::runs::{Home, RunStore, Summary};

/// A cell of the matrix: truth and prediction.
type Cell = (usize, usize);

/// What is printed.
#[derive(Debug)]
struct Sheet {
    run: Arc<Summary>,
    split: Split,
    /// The epoch of the weights, from 1; 0 if that is not known.
    epoch: u32,
    answers: Inspection,
    /// What changed from another run's answers.
    against: Option<(RunId, Difference)>,
    /// The images asked for, and the classes of their cell if it is one.
    images: Option<(Option<Cell>, Vec<Judged>)>,
    sources: Sources,
}

/// Names of a split's images; none where the dataset is not the one that the run has seen.
#[derive(Debug)]
struct Sources(Option<Dataset>);

impl Sources {
    fn name(&self, split: Split, index: usize) -> Option<String> {
        self.0.as_ref().filter(|dataset| index < dataset.len(split)).map(|dataset| dataset.source(split, index))
    }
}

/// `inspect`.
pub(super) fn run(store: &RunStore, inspect: &Inspect) -> Result<Exit, CommandError> {
    if inspect.epoch.is_some() && inspect.split != Split::Validation {
        let words = "--epoch is for --split validation: the other images are kept for the best weights alone";
        return Err(CommandError::Usage(words.into()));
    }
    let sheet = sheet(store, inspect)?;
    match inspect.format {
        Format { json: true, .. } => output::json(&data::object(&sheet))?,
        Format { csv: true, .. } => output::csv(&data::rows(&sheet))?,
        Format { .. } => output::print(&text::render(&sheet))?,
    }
    Ok(Exit::Done)
}

fn sheet(store: &RunStore, inspect: &Inspect) -> Result<Sheet, CommandError> {
    let (run, epoch, answers) = answers(store, &inspect.run, inspect)?;
    let against = match &inspect.against {
        Some(query) => Some(changed_from(store, query, inspect, &run, &answers)?),
        None => None,
    };
    let images = match (&inspect.cell, inspect.hardest) {
        (Some(names), _) => {
            let label = |at: usize| class(&answers, names.get(at).map_or("", String::as_str));
            let cell = (label(0)?, label(1)?);
            Some((Some(cell), answers.cell(cell.0, cell.1, inspect.sort)))
        }
        (None, Some(count)) => Some((None, answers.hardest(count))),
        (None, None) => None,
    };
    let sources = if images.is_some() { sources(store.home(), &run, inspect.split, &answers) } else { Sources(None) };
    Ok(Sheet { run, split: inspect.split, epoch, answers, against, images, sources })
}

/// A run's answers, and the epoch of the weights that gave them.
fn answers(store: &RunStore, query: &str, inspect: &Inspect) -> Result<(Arc<Summary>, u32, Inspection), CommandError> {
    let followed = store.summary(&store.find(query)?)?;
    let (folder, run) = (followed.folder().clone(), followed.summary);
    let best = run.test.as_ref().map_or(run.early_stopping.best_epoch, |test| test.epoch);
    let epoch = match (inspect.split, inspect.epoch) {
        (Split::Validation, Some(epoch)) => epoch,
        (Split::Validation, None) => {
            let kept = folder.validation_epochs();
            if kept.contains(&best) { best } else { kept.last().copied().unwrap_or(best) }
        }
        _ => best,
    };
    let loaded = inspection::load(&folder, &run.id, &run.classes, inspect.split, epoch);
    Ok((run, epoch, loaded.map_err(|error| CommandError::Words(error.to_string()))?))
}

fn changed_from(
    store: &RunStore,
    query: &str,
    inspect: &Inspect,
    run: &Summary,
    mine: &Inspection,
) -> Result<(RunId, Difference), CommandError> {
    let (other, _, theirs) = answers(store, query, inspect)?;
    let refuse = |why: &str| CommandError::Words(format!("{} and {}: {why}", run.id, other.id));
    if other.recipe.fingerprint != run.recipe.fingerprint {
        return Err(refuse("they are on different datasets"));
    }
    let difference = inspection::difference(mine, &theirs).map_err(|error| refuse(&error.to_string()))?;
    Ok((other.id.clone(), difference))
}

/// The class that a person means: its name, the beginning of one, or its label.
fn class(answers: &Inspection, text: &str) -> Result<usize, CommandError> {
    let names = answers.classes();
    let is = |name: &String| name.eq_ignore_ascii_case(text);
    let begins = |name: &String| name.to_lowercase().starts_with(&text.to_lowercase()) && !text.is_empty();
    let label = || text.parse::<usize>().ok().filter(|label| *label < names.len());
    let begun: Vec<usize> = (0..names.len()).filter(|label| begins(&names[*label])).collect();
    let only = || if let [one] = begun.as_slice() { Some(*one) } else { None };
    names.iter().position(is).or_else(only).or_else(label).ok_or_else(|| {
        let all: Vec<String> = names.iter().map(|name| printable(name)).collect();
        CommandError::Usage(format!("'{}' is no class: use one of {}", printable(text), all.join(", ")))
    })
}

/// The dataset, if it is the one that the run has seen and the split is as long as there are answers.
fn sources(home: &Home, run: &Summary, split: Split, answers: &Inspection) -> Sources {
    let name = &run.recipe.dataset;
    let reason = match Dataset::open(&home.dataset(name)) {
        Err(error) => error.to_string(),
        Ok(dataset) if dataset.fingerprint() != run.recipe.fingerprint => format!("'{name}' is another dataset by now"),
        Ok(dataset) if dataset.len(split) != answers.images() => {
            format!(
                "'{name}' has {} {} and there are {} answers",
                dataset.len(split),
                inspection::images_of(split),
                answers.images()
            )
        }
        Ok(dataset) => return Sources(Some(dataset)),
    };
    output::complain(&format!("images are told by index alone: {}", printable(&reason)));
    Sources(None)
}
