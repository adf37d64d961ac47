//! The problems that prevent the start of a run, with their messages.

use super::WEIGHTS_ADVICE;
use crate::domain::network::{ResolveError, StageName};
use crate::domain::number_text::thousands;
use crate::domain::{DatasetName, Hyperparameter, RecipeError, RunId, Split, Strategy, WeightsName};

/// The part of a recipe that a [`Problem`] concerns.
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
    /// The training images that are left out or relabelled.
    Corrections,
    /// A setting.
    Setting(Hyperparameter),
}

/// The reason why a run cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The recipe contradicts itself, or a setting is out of its range.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The dataset does not exist.
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
        /// The run from which fine-tuning starts, to which the dataset belongs.
        start: Option<RunId>,
    },
    /// The dataset cannot be read.
    #[error("{0}")]
    DatasetUnreadable(String),
    /// Another dataset has the name now.
    #[error(
        "the dataset {name} has changed since {} was created (its fingerprint was {expected} and is {found})",
        run_words(start.as_ref())
    )]
    OtherDataset {
        /// The dataset.
        name: DatasetName,
        /// The run from which fine-tuning starts, to which the dataset belongs.
        start: Option<RunId>,
        /// The fingerprint of the existing dataset.
        found: String,
        /// The fingerprint of the recipe.
        expected: String,
    },
    /// The dataset has no images for training or validation.
    #[error("the dataset {name} has no {split} images: import it with a larger --validation, or with more images")]
    NoImages {
        /// The dataset.
        name: DatasetName,
        /// The split without images.
        split: Split,
    },
    /// A class cannot be divided into the folds.
    #[error("the class '{class}' has {count} images and cannot be divided into {folds} folds: give fewer folds")]
    FewForFolds {
        /// The class, safe to print.
        class: String,
        /// Its images in all splits.
        count: usize,
        /// The number of folds.
        folds: u32,
    },
    /// There are too few groups for the folds.
    #[error("the dataset has {count} groups of images, which cannot be divided into {folds} folds: give fewer folds")]
    FewGroups {
        /// The number of groups.
        count: usize,
        /// The number of folds.
        folds: u32,
    },
    /// The groups of the images are not those that the folds were made of.
    #[error(
        "{}; import the dataset again as it was, or queue the folds again",
        if *.is_known { "the images of the dataset were in other groups when the folds were made" }
        else { "the folds were made of groups of images, which the dataset does not know" }
    )]
    OtherGroups {
        /// Whether the dataset knows groups.
        is_known: bool,
    },
    /// The network cannot take the images.
    #[error(transparent)]
    Network(#[from] ResolveError),
    /// An image to leave out does not exist.
    #[error("image {image} cannot be left out or relabelled: there are {} training images, counted from 0", thousands(*.count))]
    NotThere {
        /// The image's index.
        image: u32,
        /// The number of training images.
        count: usize,
    },
    /// A class would lose all of its training images.
    #[error("all {} training images of the class '{class}' would be left out or relabelled: keep some", thousands(*.count))]
    WholeClass {
        /// The class, safe to print.
        class: String,
        /// The number of the class's training images.
        count: usize,
    },
    /// A training image would get a class that the dataset does not have.
    #[error("training image {image} cannot get class {class}: the dataset has {classes} classes, counted from 0")]
    NoClass {
        /// The image's index.
        image: u32,
        /// The index of the class.
        class: u16,
        /// The number of classes.
        classes: usize,
    },
    /// The weights do not exist.
    #[error(
        "there are no weights '{name}'{}: {WEIGHTS_ADVICE}",
        start.as_ref().map_or_else(String::new, |start| format!(", on which {start} is built"))
    )]
    NoWeights {
        /// The weights.
        name: WeightsName,
        /// The run from which fine-tuning starts, which uses the weights.
        start: Option<RunId>,
    },
    /// The weights cannot be read.
    #[error("{0}")]
    WeightsUnreadable(String),
    /// Other weights have the name now.
    #[error(
        "the weights {name} have changed since {} was created ({found}, then {expected})", run_words(start.as_ref())
    )]
    OtherWeights {
        /// The weights.
        name: WeightsName,
        /// The run from which fine-tuning starts, which uses the weights.
        start: Option<RunId>,
        /// The hash of the existing weights.
        found: String,
        /// The hash in the recipe.
        expected: String,
    },
    /// The run does not exist.
    #[error("there is no run {0} to start from: choose another")]
    NoStart(RunId),
    /// The run cannot be read.
    #[error("{0}")]
    StartUnreadable(String),
    /// The run has no imported weights.
    #[error("{0} is a {cnn} run: fine-tuning starts from a features run", cnn = Strategy::Cnn)]
    StartWithoutBase(RunId),
    /// The run has no weights to start from.
    #[error("{0} has saved no weights yet: let it train for at least one epoch, or start from another run")]
    StartUnsaved(RunId),
    /// The run was trained on another dataset.
    #[error("{0} was trained on another dataset than this run: start from another run")]
    StartOnOtherDataset(RunId),
    /// The run uses other imported weights.
    #[error("{0} was trained on another base than this run: start from another run")]
    StartOnOtherBase(RunId),
    /// A stage that the run has trained would be frozen, but the frozen part of a checkpoint is not saved.
    #[error("{start} has trained {stage}, which would be frozen here: unfreeze {stage} or a lower one")]
    StageFrozen {
        /// The run.
        start: RunId,
        /// The lowest stage that the run has trained.
        stage: StageName,
    },
}

fn run_words(start: Option<&RunId>) -> &str {
    start.map_or("this run", RunId::as_str)
}

impl Problem {
    /// Returns the part of the recipe to change.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Self::Recipe(RecipeError::Setting(error)) => Subject::Setting(error.setting()),
            Self::Recipe(RecipeError::LeftOutOrder | RecipeError::RelabelledOrder)
            | Self::NotThere { .. }
            | Self::WholeClass { .. }
            | Self::NoClass { .. } => Subject::Corrections,
            Self::Recipe(_) | Self::FewForFolds { .. } | Self::FewGroups { .. } => Subject::Recipe,
            Self::NoDataset { .. }
            | Self::DatasetUnreadable(_)
            | Self::OtherDataset { .. }
            | Self::OtherGroups { .. }
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
