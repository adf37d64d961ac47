//! Plain values that every room speaks: names, recipes, states and metrics.
//!
//! May know: the standard library and serde. Touches no file, clock or random source.

pub mod augmentation;
pub mod device;
pub mod hyperparameter;
pub mod metrics;
pub mod name;
pub mod nan;
pub mod recipe;
pub mod run_state;
pub mod split;
pub mod text;

pub use augmentation::Augmentation;
pub use device::DeviceRequest;
pub use hyperparameter::Hyperparameter;
pub use metrics::{ClassScores, Confusion, EpochMetrics, Scores};
pub use name::{DatasetName, NameError, RunId};
pub use recipe::{EarlyStopping, Monitor, Recipe, Schedule, Strategy};
pub use run_state::{EarlyStoppingStatus, FinishReason, Outcome, RunState};
pub use split::{Split, SplitCounts};
