//! The check of whether a run may start: the problems of a recipe with the existing datasets, weights and runs.
//!
//! The command line, the dashboard's form and the worker each supply a [`Library`] and refuse with the same messages.

mod problem;

use std::sync::Arc;

pub use problem::{Problem, Subject};

use super::fraction;
use super::network::StageName;
use super::text::printable;
use super::{
    Corrections, DataFold, DatasetName, GroupSizes, Hyperparameter, Recipe, RelabelledImage, RunId, Split, SplitCounts,
    Transfer, WeightsName,
};

/// The advice where there are no imported weights.
pub const WEIGHTS_ADVICE: &str =
    "`mien weights fetch imagenet` downloads one, `mien weights import FILE --name NAME` takes a file";

/// The result of looking up a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<T> {
    /// The entry is readable.
    Found(T),
    /// No entry has this name.
    Missing,
    /// The entry cannot be read, for this reason.
    Unreadable(String),
}

/// The properties of a dataset that decide whether a run can be trained on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFacts {
    /// Hash of the dataset's content.
    pub fingerprint: String,
    /// Height, width and channels of every image.
    pub image: [usize; 3],
    /// The classes by label. The training images of a class are contiguous, in this order.
    pub classes: Vec<(String, SplitCounts)>,
    /// The groups of the images, if they are known.
    pub groups: Option<Arc<GroupSizes>>,
}

/// The properties of a run that decide whether fine-tuning can start from its best weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFacts {
    /// The fingerprint of the run's dataset.
    pub fingerprint: String,
    /// The hash of the run's imported weights, if any.
    pub base: Option<String>,
    /// The lowest stage of these weights that the run has trained.
    pub trained: Option<StageName>,
    /// Whether the run has saved weights, or has a worker that may save some.
    pub saves: bool,
}

/// The existing datasets, weights and runs.
pub trait Library {
    /// Looks up the dataset of this name.
    fn dataset(&self, name: &DatasetName) -> Entry<DatasetFacts>;

    /// Looks up the hash of the weights of this name, with their preprocessing.
    fn weights(&self, name: &WeightsName) -> Entry<String>;

    /// Looks up the run of this name, from which another one starts.
    fn start(&self, id: &RunId) -> Entry<StartFacts>;
}

impl DatasetFacts {
    /// Returns the facts with the splits of a fold.
    ///
    /// # Errors
    /// [`Problem::Recipe`] if there is no such fold, [`Problem::FewForFolds`] if a class has fewer images than folds.
    /// [`Problem::FewGroups`] or [`Problem::OtherGroups`] if its groups do not fit.
    pub fn in_fold(&self, fold: DataFold) -> Result<Self, Problem> {
        fold.check().map_err(Problem::Recipe)?;
        let few = |(_, counts): &&(String, SplitCounts)| counts.total() < fold.count as usize;
        if let Some((class, counts)) = self.classes.iter().find(few) {
            return Err(Problem::FewForFolds { class: printable(class), count: counts.total(), folds: fold.count });
        }
        let groups = self.groups.as_deref();
        if let Some(expected) = fold.groups {
            let found = groups.map(GroupSizes::checksum);
            if found != Some(expected) {
                return Err(Problem::OtherGroups { is_known: found.is_some() });
            }
            let count = groups.map_or(0, GroupSizes::len);
            // Each fold tests one group at least, and needs one to train on and one to validate.
            if count < (fold.count as usize).max(3) {
                return Err(Problem::FewGroups { count, folds: fold.count });
            }
        }
        let stored: Vec<SplitCounts> = self.classes.iter().map(|(_, counts)| *counts).collect();
        let names = self.classes.iter().map(|(name, _)| name.clone());
        Ok(Self { classes: names.zip(fold.counts(&stored, groups)).collect(), ..self.clone() })
    }

    /// Returns the facts with the splits that a recipe trains on: those of its fold, if it has one.
    ///
    /// # Errors
    /// As [`Self::in_fold`].
    pub fn as_split_by(&self, recipe: &Recipe) -> Result<Self, Problem> {
        recipe.fold.map_or_else(|| Ok(self.clone()), |fold| self.in_fold(fold))
    }

    /// Returns the number of training images that a recipe trains, on these splits.
    #[must_use]
    pub fn trained_images(&self, recipe: &Recipe) -> usize {
        let mut first = 0;
        let of_class = |(_, counts): &(String, SplitCounts)| {
            let left_out_before = |end: usize| recipe.left_out.images.partition_point(|index| (*index as usize) < end);
            let end = first + counts.train;
            let left_out = left_out_before(end).saturating_sub(left_out_before(first));
            first = end;
            fraction::part(counts.train.saturating_sub(left_out), recipe.fraction)
        };
        self.classes.iter().map(of_class).sum()
    }

    /// Returns the number of images in each split, over all classes.
    #[must_use]
    pub fn counts(&self) -> SplitCounts {
        let [train, validation, test] = Split::ALL.map(|split| self.count(split));
        SplitCounts { train, validation, test }
    }

    /// Returns the number of images of a split, over all classes.
    fn count(&self, split: Split) -> usize {
        self.classes.iter().map(|(_, counts)| counts.get(split)).sum()
    }
}

impl StartFacts {
    /// Returns the facts of a run with this recipe; `saves` is whether it has or may get saved weights.
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

/// Returns every problem of a recipe, the most urgent first.
#[must_use]
pub fn check(recipe: &Recipe, library: &impl Library) -> Vec<Problem> {
    let start = start_of(recipe);
    let mut problems = start.map_or_else(Vec::new, |start| check_start(recipe, start, library.start(start)));
    problems.extend(check_without_start(recipe, library));
    problems
}

/// Returns every problem except those of the run from which fine-tuning starts, which may not exist yet.
#[must_use]
pub fn check_without_start(recipe: &Recipe, library: &impl Library) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Hyperparameter::check(recipe).err().map(Problem::Recipe).into_iter().collect();
    problems.extend(check_dataset(recipe, library.dataset(&recipe.dataset)));
    let transfer = recipe.transfer.as_ref();
    problems.extend(transfer.and_then(|own| check_weights(recipe, own, library.weights(&own.weights))));
    problems
}

/// Returns the problems of the dataset and of its corrected images.
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
    let facts = match recipe.fold.map(|fold| facts.in_fold(fold)) {
        None => facts,
        Some(Ok(facts)) => facts,
        Some(Err(problem)) => return vec![problem],
    };
    let mut problems = Vec::new();
    problems.extend(check_images(&recipe.dataset, &facts).err());
    problems.extend(recipe.resolve(facts.image, facts.classes.len()).err().map(Problem::Network));
    let classes = facts.classes.iter().map(|(name, counts)| (name.as_str(), counts.train));
    problems.extend(check_corrections(&recipe.corrections(), classes).err());
    problems
}

/// Returns the facts of the dataset of this name, with any content.
///
/// # Errors
/// If the dataset does not exist or cannot be read.
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

/// Checks that a dataset has images for training and validation.
///
/// # Errors
/// [`Problem::NoImages`].
pub fn check_images(name: &DatasetName, facts: &DatasetFacts) -> Result<(), Problem> {
    let empty = [Split::Train, Split::Validation].into_iter().find(|split| facts.count(*split) == 0);
    empty.map_or(Ok(()), |split| Err(Problem::NoImages { name: name.clone(), split }))
}

/// Checks that the corrected images and their new classes exist, and that every class retains a training image.
/// `classes` has names and numbers of training images, by label.
///
/// # Errors
/// [`Problem::NotThere`], [`Problem::NoClass`] or [`Problem::WholeClass`].
pub fn check_corrections<'a>(
    corrections: &Corrections,
    classes: impl Iterator<Item = (&'a str, usize)> + Clone,
) -> Result<(), Problem> {
    let Corrections { left_out, relabelled } = corrections;
    // The images of a class are contiguous.
    let ends: Vec<usize> = classes
        .clone()
        .scan(0, |end, (_, count)| {
            *end += count;
            Some(*end)
        })
        .collect();
    let count = ends.last().copied().unwrap_or(0);
    let label = |image: u32| match ends.partition_point(|end| *end <= image as usize) {
        label if label < ends.len() => Ok(label),
        _ => Err(Problem::NotThere { image, count }),
    };
    let mut remaining: Vec<usize> = classes.clone().map(|(_, count)| count).collect();
    for image in &left_out.images {
        remaining[label(*image)?] -= 1;
    }
    for RelabelledImage { index, class } in relabelled.images.iter().copied() {
        let before = label(index)?;
        let no_class = Problem::NoClass { image: index, class, classes: ends.len() };
        let after = remaining.get(usize::from(class)).ok_or(no_class).map(|_| usize::from(class))?;
        // An image that is left out, too, is in no class.
        if !left_out.contains(index) {
            remaining[before] -= 1;
            remaining[after] += 1;
        }
    }
    let empty = classes.zip(remaining).find(|((_, count), remaining)| *count > 0 && *remaining == 0);
    empty.map_or(Ok(()), |((class, count), _)| Err(Problem::WholeClass { class: printable(class), count }))
}

/// Returns the problem of the imported weights, if any.
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

/// Returns the hash of the weights of this name, with any content.
///
/// # Errors
/// If the weights do not exist or cannot be read.
pub fn find_weights(name: &WeightsName, start: Option<&RunId>, weights: Entry<String>) -> Result<String, Problem> {
    match weights {
        Entry::Found(identity) => Ok(identity),
        Entry::Missing => Err(Problem::NoWeights { name: name.clone(), start: start.cloned() }),
        Entry::Unreadable(reason) => Err(Problem::WeightsUnreadable(reason)),
    }
}

/// Returns the problems of the run from which fine-tuning starts.
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
    // A checkpoint has no frozen weights, so a stage that was trained cannot be frozen again.
    match (transfer.and_then(Transfer::unfrozen), facts.trained) {
        (Some(lowest), Some(stage)) if index(lowest) > index(&stage) => {
            problems.push(Problem::StageFrozen { start: start.clone(), stage });
        }
        _ => {}
    }
    problems
}

/// Returns the facts of a run with weights on a base.
///
/// # Errors
/// If the run does not exist, cannot be read, or has no base or no weights.
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
mod tests;
