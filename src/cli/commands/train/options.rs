//! The options of each strategy.

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::cli::options::{
    AllSettings, DryRun, FeaturesSettings, FinetuneSettings, LaunchOptions, PlaceOption, QueueOption, RecipeOptions,
    StrategySettings, whole_number,
};
use crate::data::check::Exclusion;
use crate::domain::data_fold::MAX_FOLDS;
use crate::domain::{DatasetName, RunId, Tag, WeightsName};

/// The options that every strategy has, with the settings that `O` offers.
#[derive(Debug, Args)]
pub(super) struct RunOptions<O: StrategySettings> {
    /// The run's name; for several runs, the beginning of their names [default: two random words]
    #[arg(long, value_name = "ID", value_parser = RunId::of_new_run)]
    pub(super) name: Option<RunId>,
    /// A tag for the run [default: none; for several runs sweep-NAME]
    #[arg(long)]
    pub(super) tag: Option<Tag>,
    #[command(flatten)]
    pub(super) corrections: CorrectionOptions,
    /// Cross-validate: K runs, each tested on another K-th of all images, official test images included. A tenth of the
    /// others validates. Classes are divided evenly. Not for finetune and all
    #[arg(long, value_name = "K", value_parser = whole_number::<u32>(2, MAX_FOLDS.into()))]
    pub(super) folds: Option<u32>,
    /// The seed by which --folds divides the images, which is independent of --seed
    #[arg(long, value_name = "N", default_value_t = 0, requires = "folds", value_parser = whole_number::<u64>(0, u64::MAX))]
    pub(super) fold_seed: u64,
    /// Start only when this run has ended, with success or not; then wait for a slot of the device
    #[arg(long, value_name = "RUN")]
    pub(super) after: Option<String>,
    #[command(flatten)]
    pub(super) recipe: RecipeOptions<O>,
    #[command(flatten)]
    pub(super) place: PlaceOption,
    #[command(flatten)]
    pub(super) dry: DryRun,
    #[command(flatten)]
    pub(super) launch: LaunchOptions,
}

impl<O: StrategySettings> RunOptions<O> {
    /// Returns where and when the run starts, and whether only the script of its job is printed.
    pub(super) fn place(&mut self) -> (&mut PlaceOption, QueueOption, DryRun) {
        (&mut self.place, self.launch.queue, self.dry)
    }
}

/// The options that correct training images with wrong labels.
#[derive(Debug, Args)]
pub(super) struct CorrectionOptions {
    /// Training images to leave out: marked, leaks, duplicates, near-leaks, near-duplicates, contradictions, constant;
    /// several with commas [default: none; for finetune: those of its start]
    ///
    /// `marked` are those marked now by `mien data mark`; `mien data check` finds the others. Leaks are copies of
    /// validation or test images. Duplicates are leaks, and all but the first of equal training images. Near ones
    /// include near copies.
    #[arg(long, value_name = "WHICH", value_delimiter = ',', hide_possible_values = true)]
    pub(super) leave_out: Vec<LeaveOutChoice>,
    /// Training images to train with another class: marked, with the class of `mien data mark --class` [default: none;
    /// for finetune: those of its start]
    ///
    /// With `--leave-out marked` only the marked images without such a class are left out.
    #[arg(long, value_name = "WHICH", hide_possible_values = true)]
    pub(super) relabel: Option<Relabel>,
}

/// The training images that a run trains with another class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Relabel {
    /// No image.
    None,
    /// The images that are marked with a class now.
    Marked,
}

/// The training images that a run leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaveOutChoice {
    /// No image.
    None,
    /// The images that are marked now.
    Marked,
    /// The images that the dataset's check finds.
    Found(Exclusion),
}

impl LeaveOutChoice {
    /// All values in the order of the help.
    const ALL: [Self; 2 + Exclusion::ALL.len()] = {
        let mut all = [Self::None; 2 + Exclusion::ALL.len()];
        all[1] = Self::Marked;
        let mut at = 0;
        while at < Exclusion::ALL.len() {
            all[2 + at] = Self::Found(Exclusion::ALL[at]);
            at += 1;
        }
        all
    };
}

impl ValueEnum for LeaveOutChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::None => "none",
            Self::Marked => "marked",
            Self::Found(kind) => kind.name(),
        }))
    }
}

#[derive(Debug, Args)]
pub(super) struct DatasetOption {
    /// The dataset [default: fer2013, or the only imported one, or the built-in demo]
    #[arg(long, value_name = "NAME")]
    pub(super) dataset: Option<DatasetName>,
}

#[derive(Debug, Args)]
pub(super) struct BaseOption {
    /// The imported weights [default: vggface, or imagenet, or the only imported one]
    #[arg(long, value_name = "NAME")]
    pub(super) weights: Option<WeightsName>,
}

#[derive(Debug, Args)]
pub(super) struct TrainFromScratch<O: StrategySettings> {
    #[command(flatten)]
    pub(super) on: DatasetOption,
    #[command(flatten)]
    pub(super) run: RunOptions<O>,
}

#[derive(Debug, Args)]
pub(super) struct TrainFeatures {
    #[command(flatten)]
    pub(super) on: DatasetOption,
    #[command(flatten)]
    pub(super) base: BaseOption,
    #[command(flatten)]
    pub(super) run: RunOptions<FeaturesSettings>,
}

#[derive(Debug, Args)]
pub(super) struct TrainFinetune {
    /// The run whose best weights are the start: features, or an earlier fine-tuning [default: the newest features run]
    #[arg(long, value_name = "RUN")]
    pub(super) from: Option<String>,
    /// Refused: the dataset is that of the start
    #[arg(long, hide = true)]
    pub(super) dataset: Option<String>,
    #[command(flatten)]
    pub(super) run: RunOptions<FinetuneSettings>,
}

#[derive(Debug, Args)]
pub(super) struct TrainAll {
    #[command(flatten)]
    pub(super) on: DatasetOption,
    #[command(flatten)]
    pub(super) base: BaseOption,
    #[command(flatten)]
    pub(super) run: RunOptions<AllSettings>,
}
