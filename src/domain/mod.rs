//! Plain values that every module uses: names, recipes, states and metrics.
//!
//! Depends on the standard library, serde and thiserror. Uses no file, clock or random source.

pub mod augmentation;
pub mod clock;
pub mod cost;
pub mod device;
pub mod figures;
pub mod hyperparameter;
pub mod left_out;
pub mod limits;
pub mod load;
pub mod metrics;
pub mod name;
pub mod nan;
pub mod network;
pub mod optimization;
pub mod precision;
pub mod preflight;
pub mod preprocessing;
pub mod recipe;
pub mod reference;
pub mod run_state;
pub mod size;
pub mod split;
pub mod strategy_choice;
pub mod sweep;
pub mod text;
pub mod transfer;
pub mod views;

pub use augmentation::Augmentation;
pub use clock::now;
pub use cost::TrainingCost;
pub use device::DeviceRequest;
pub use hyperparameter::{Hyperparameter, SettingError};
pub use left_out::LeftOutImages;
pub use limits::Limits;
pub use load::{GpuLoad, Load};
pub use metrics::{ClassScores, Confusion, EpochMetrics, MATRIX_CLASSES, Scores};
pub use name::{DatasetName, NameError, RunId, Tag, UnknownName, WeightsName};
pub use network::catalog::NetworkName;
pub use network::{Architecture, StageName, TrainedStages};
pub use optimization::{Balance, Optimizer};
pub use precision::Precision;
pub use preprocessing::{ChannelOrder, Preprocessing};
pub use recipe::{EarlyStopping, Monitor, Recipe, RecipeError, Schedule, Strategy};
pub use run_state::{EarlyStoppingStatus, FailureKind, FinishReason, Outcome, RunState};
pub use size::Size;
pub use split::{Split, SplitCounts};
pub use strategy_choice::StrategyChoice;
pub use sweep::{Sweep, SweepError};
pub use transfer::{FineTuning, Transfer};
pub use views::{CropPosition, View, Views};
