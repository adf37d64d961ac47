//! Whether a run may start: the problems of a recipe with the datasets, weights and runs that there are.
//!
//! The command line, the dashboard's form and the worker supply what they know as a [`Library`], and refuse in the same
//! words.

use super::network::{ResolveError, StageName};
use super::text::printable;
use super::{
    DatasetName, Hyperparameter, LeftOut, Recipe, RecipeError, RunId, Split, SplitCounts, Strategy, Transfer,
    WeightsName,
};

/// How one comes by pretrained weights.
pub const WEIGHTS_ADVICE: &str =
    "`mien weights fetch imagenet` downloads one, `mien weights import FILE --name NAME` takes a file";

/// What lies under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<T> {
    /// It can be read.
    Found(T),
    /// Nothing.
    Missing,
    /// It cannot be read, for this reason in words.
    Unreadable(String),
}

/// What of a dataset decides whether a run can be trained on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFacts {
    /// Hash of its content.
    pub fingerprint: String,
    /// Height, width and channels of every image.
    pub image: [usize; 3],
    /// Classes by label, whose training images lie together in this order.
    pub classes: Vec<(String, SplitCounts)>,
}

/// What of a run decides whether fine-tuning can start from its best weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFacts {
    /// The fingerprint of its dataset.
    pub fingerprint: String,
    /// The hash of its imported weights, if it has any.
    pub base: Option<String>,
    /// The lowest stage of these that it has trained.
    pub trained: Option<StageName>,
    /// Whether it has saved weights, or a worker is at it that may.
    pub saves: bool,
}

/// The datasets, weights and runs that there are.
pub trait Library {
    /// The dataset of this name.
    fn dataset(&self, name: &DatasetName) -> Entry<DatasetFacts>;

    /// The hash of the weights of this name, with their preprocessing.
    fn weights(&self, name: &WeightsName) -> Entry<String>;

    /// The run of this name, from which another is to start.
    fn start(&self, id: &RunId) -> Entry<StartFacts>;
}

/// A part of a recipe that a [`Problem`] is with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The recipe as a whole.
    Recipe,
    /// The dataset.
    Dataset,
    /// The imported weights.
    Weights,
    /// The run that fine-tuning starts from.
    Start,
    /// The training images that are left out.
    LeftOut,
    /// A setting.
    Setting(Hyperparameter),
}

/// Why a run cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The recipe contradicts itself, or a setting is out of its range.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// There is no such dataset.
    #[error(
        "there is no dataset '{name}'{}",
        match start {
            Some(start) => format!(", on which {start} was trained: import it again"),
            None => ": import it, or choose another".into(),
        }
    )]
    NoDataset {
        /// The dataset.
        name: DatasetName,
        /// The run that fine-tuning starts from, to which the dataset belongs.
        start: Option<RunId>,
    },
    /// The dataset cannot be read.
    #[error("{0}")]
    DatasetUnreadable(String),
    /// The name is now that of another dataset.
    #[error(
        "the dataset {name} is another one than when {} was created (fingerprint {found}, then {expected})",
        run_words(start.as_ref())
    )]
    OtherDataset {
        /// The dataset.
        name: DatasetName,
        /// The run that fine-tuning starts from, to which the dataset belongs.
        start: Option<RunId>,
        /// The fingerprint of the dataset that is there.
        found: String,
        /// The fingerprint of the recipe.
        expected: String,
    },
    /// There is nothing to train on, or nothing to validate with.
    #[error("the dataset {name} has no {split} images: import it with a larger --validation, or with more images")]
    NoImages {
        /// The dataset.
        name: DatasetName,
        /// The split without images.
        split: Split,
    },
    /// The network does not take the images.
    #[error(transparent)]
    Network(#[from] ResolveError),
    /// An image that is to be left out is not there.
    #[error("image {image} cannot be left out: there are {count} training images, counted from 0")]
    NotThere {
        /// The image's index.
        image: u32,
        /// How many training images there are.
        count: usize,
    },
    /// A class would have no training images.
    #[error("all {count} training images of the class '{class}' would be left out: keep some")]
    WholeClass {
        /// The class, safe to print.
        class: String,
        /// How many training images it has.
        count: usize,
    },
    /// There are no such weights.
    #[error(
        "there are no weights '{name}'{}: {WEIGHTS_ADVICE}",
        start.as_ref().map_or_else(String::new, |start| format!(", on which {start} is built"))
    )]
    NoWeights {
        /// The weights.
        name: WeightsName,
        /// The run that fine-tuning starts from, which is built on the weights.
        start: Option<RunId>,
    },
    /// The weights cannot be read.
    #[error("{0}")]
    WeightsUnreadable(String),
    /// The name is now that of other weights.
    #[error(
        "the weights {name} are others than when {} was created ({found}, then {expected})", run_words(start.as_ref())
    )]
    OtherWeights {
        /// The weights.
        name: WeightsName,
        /// The run that fine-tuning starts from, which is built on the weights.
        start: Option<RunId>,
        /// The hash of the weights that are there.
        found: String,
        /// The hash in the recipe.
        expected: String,
    },
    /// There is no such run.
    #[error("there is no run {0} to start from: choose another")]
    NoStart(RunId),
    /// The run cannot be read.
    #[error("{0}")]
    StartUnreadable(String),
    /// The run is not built on imported weights.
    #[error("{0} is a {cnn} run: fine-tuning starts from a features run", cnn = Strategy::Cnn)]
    StartWithoutBase(RunId),
    /// The run has no weights to start from.
    #[error("{0} has saved no weights yet: let it train for an epoch at least, or start from another run")]
    StartUnsaved(RunId),
    /// The run was trained on another dataset.
    #[error("{0} was trained on another dataset than this run: start from another run")]
    StartOnOtherDataset(RunId),
    /// The run is built on other weights.
    #[error("{0} was trained on another base than this run: start from another run")]
    StartOnOtherBase(RunId),
    /// A stage that the run has trained would be frozen, and is not in its checkpoint's frozen part.
    #[error("{start} has trained {stage}, which would be frozen here: unfreeze {stage} or a lower one")]
    StageFrozen {
        /// The run.
        start: RunId,
        /// The lowest stage that it has trained.
        stage: StageName,
    },
}

fn run_words(start: Option<&RunId>) -> &str {
    start.map_or("this run", RunId::as_str)
}

impl Problem {
    /// The part of the recipe that has to change.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Self::Recipe(RecipeError::Setting(error)) => Subject::Setting(error.setting()),
            Self::Recipe(RecipeError::LeftOutOrder) | Self::NotThere { .. } | Self::WholeClass { .. } => {
                Subject::LeftOut
            }
            Self::Recipe(_) => Subject::Recipe,
            Self::NoDataset { .. }
            | Self::DatasetUnreadable(_)
            | Self::OtherDataset { .. }
            | Self::NoImages { .. }
            | Self::Network(_) => Subject::Dataset,
            Self::NoWeights { .. } | Self::WeightsUnreadable(_) | Self::OtherWeights { .. } => Subject::Weights,
            Self::NoStart(_)
            | Self::StartUnreadable(_)
            | Self::StartWithoutBase(_)
            | Self::StartUnsaved(_)
            | Self::StartOnOtherDataset(_)
            | Self::StartOnOtherBase(_) => Subject::Start,
            Self::StageFrozen { .. } => Subject::Setting(Hyperparameter::Unfreeze),
        }
    }
}

impl DatasetFacts {
    /// Images of a split, over all classes.
    fn count(&self, split: Split) -> usize {
        self.classes.iter().map(|(_, counts)| counts.get(split)).sum()
    }
}

impl StartFacts {
    /// What a run with this recipe offers; `saves`: whether it has saved weights, or a worker is at it that may.
    #[must_use]
    pub fn of(recipe: &Recipe, saves: bool) -> Self {
        let transfer = recipe.transfer.as_ref();
        Self {
            fingerprint: recipe.fingerprint.clone(),
            base: transfer.map(|transfer| transfer.base.clone()),
            trained: transfer.and_then(Transfer::unfrozen).cloned(),
            saves,
        }
    }
}

/// Every problem of a recipe, those that a person has to see to first in front.
#[must_use]
pub fn check(recipe: &Recipe, library: &impl Library) -> Vec<Problem> {
    let start = start_of(recipe);
    let mut problems = start.map_or_else(Vec::new, |start| check_start(recipe, start, library.start(start)));
    problems.extend(check_without_start(recipe, library));
    problems
}

/// Every problem but those with the run that fine-tuning starts from, which may not be there yet.
#[must_use]
pub fn check_without_start(recipe: &Recipe, library: &impl Library) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Hyperparameter::check(recipe).err().map(Problem::Recipe).into_iter().collect();
    problems.extend(check_dataset(recipe, library.dataset(&recipe.dataset)));
    let transfer = recipe.transfer.as_ref();
    problems.extend(transfer.and_then(|own| check_weights(recipe, own, library.weights(&own.weights))));
    problems
}

/// The problems with the dataset, and with the images that are left out of it.
#[must_use]
pub fn check_dataset(recipe: &Recipe, dataset: Entry<DatasetFacts>) -> Vec<Problem> {
    let start = start_of(recipe).cloned();
    let facts = match find_dataset(&recipe.dataset, start.as_ref(), dataset) {
        Ok(facts) => facts,
        Err(problem) => return vec![problem],
    };
    if facts.fingerprint != recipe.fingerprint {
        let (name, expected) = (recipe.dataset.clone(), recipe.fingerprint.clone());
        return vec![Problem::OtherDataset { name, start, found: facts.fingerprint, expected }];
    }
    let mut problems = Vec::new();
    problems.extend(check_images(&recipe.dataset, &facts).err());
    problems.extend(recipe.resolve(facts.image, facts.classes.len()).err().map(Problem::Network));
    let classes = facts.classes.iter().map(|(name, counts)| (name.as_str(), counts.train));
    problems.extend(check_left_out(&recipe.left_out, classes).err());
    problems
}

/// The facts of the dataset of this name, whatever its content.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn find_dataset(
    name: &DatasetName,
    start: Option<&RunId>,
    dataset: Entry<DatasetFacts>,
) -> Result<DatasetFacts, Problem> {
    match dataset {
        Entry::Found(facts) => Ok(facts),
        Entry::Missing => Err(Problem::NoDataset { name: name.clone(), start: start.cloned() }),
        Entry::Unreadable(reason) => Err(Problem::DatasetUnreadable(reason)),
    }
}

/// Refuses a dataset without images to train on, or to validate with.
///
/// # Errors
/// [`Problem::NoImages`].
pub fn check_images(name: &DatasetName, facts: &DatasetFacts) -> Result<(), Problem> {
    let empty = [Split::Train, Split::Validation].into_iter().find(|split| facts.count(*split) == 0);
    empty.map_or(Ok(()), |split| Err(Problem::NoImages { name: name.clone(), split }))
}

/// Refuses to leave out images that are not there, and all training images of a class; `classes`: names and numbers of
/// training images, by label.
///
/// # Errors
/// [`Problem::NotThere`] or [`Problem::WholeClass`].
pub fn check_left_out<'a>(
    left_out: &LeftOut,
    classes: impl Iterator<Item = (&'a str, usize)> + Clone,
) -> Result<(), Problem> {
    let count = classes.clone().map(|(_, count)| count).sum();
    if let Some(image) = left_out.images.iter().find(|index| **index as usize >= count) {
        return Err(Problem::NotThere { image: *image, count });
    }
    // Images of a class lie together.
    let mut begin = 0;
    for (class, count) in classes.filter(|(_, count)| *count > 0) {
        let end = begin + count;
        let gone = left_out.images.iter().filter(|index| (begin..end).contains(&(**index as usize))).count();
        if gone == count {
            return Err(Problem::WholeClass { class: printable(class), count });
        }
        begin = end;
    }
    Ok(())
}

/// The problem with the imported weights.
#[must_use]
pub fn check_weights(recipe: &Recipe, transfer: &Transfer, weights: Entry<String>) -> Option<Problem> {
    let start = start_of(recipe).cloned();
    match find_weights(&transfer.weights, start.as_ref(), weights) {
        Ok(found) if found == transfer.base => None,
        Ok(found) => {
            let (name, expected) = (transfer.weights.clone(), transfer.base.clone());
            Some(Problem::OtherWeights { name, start, found, expected })
        }
        Err(problem) => Some(problem),
    }
}

/// The hash of the weights of this name, whatever they are.
///
/// # Errors
/// When there are none, or they cannot be read.
pub fn find_weights(name: &WeightsName, start: Option<&RunId>, weights: Entry<String>) -> Result<String, Problem> {
    match weights {
        Entry::Found(identity) => Ok(identity),
        Entry::Missing => Err(Problem::NoWeights { name: name.clone(), start: start.cloned() }),
        Entry::Unreadable(reason) => Err(Problem::WeightsUnreadable(reason)),
    }
}

/// The problems with the run that fine-tuning starts from.
#[must_use]
pub fn check_start(recipe: &Recipe, start: &RunId, found: Entry<StartFacts>) -> Vec<Problem> {
    let facts = match find_start(start, found) {
        Ok(facts) => facts,
        Err(problem) => return vec![problem],
    };
    let mut problems = Vec::new();
    if facts.fingerprint != recipe.fingerprint {
        problems.push(Problem::StartOnOtherDataset(start.clone()));
    }
    let transfer = recipe.transfer.as_ref();
    if facts.base.as_ref() != transfer.map(|transfer| &transfer.base) {
        problems.push(Problem::StartOnOtherBase(start.clone()));
    }
    let architecture = recipe.architecture();
    let index = |stage| architecture.stage_index(stage);
    // A checkpoint lacks frozen weights, so those that were trained cannot be frozen again.
    match (transfer.and_then(Transfer::unfrozen), facts.trained) {
        (Some(lowest), Some(stage)) if index(lowest) > index(&stage) => {
            problems.push(Problem::StageFrozen { start: start.clone(), stage });
        }
        _ => {}
    }
    problems
}

/// The facts of a run that has weights on a base to start from.
///
/// # Errors
/// When there is none, it cannot be read, it has no base, or no weights.
pub fn find_start(id: &RunId, found: Entry<StartFacts>) -> Result<StartFacts, Problem> {
    match found {
        Entry::Found(facts) if facts.base.is_none() => Err(Problem::StartWithoutBase(id.clone())),
        Entry::Found(facts) if !facts.saves => Err(Problem::StartUnsaved(id.clone())),
        Entry::Found(facts) => Ok(facts),
        Entry::Missing => Err(Problem::NoStart(id.clone())),
        Entry::Unreadable(reason) => Err(Problem::StartUnreadable(reason)),
    }
}

fn start_of(recipe: &Recipe) -> Option<&RunId> {
    Some(&recipe.transfer.as_ref()?.fine_tuning.as_ref()?.from)
}

#[cfg(test)]
#[path = "preflight_tests.rs"]
mod tests;
