//! What `update` wants done in the world. Only the runtime does it.

mod compare;
mod data;
mod inspect;
mod runs;
mod subject;

pub use compare::CompareEffect;
pub use data::DataEffect;
pub use inspect::InspectEffect;
pub use runs::RunsEffect;
pub use subject::Subject;

use crate::domain::{DatasetName, Recipe, RunId};

/// One deed.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Draw the demo dataset; answered by `DemoFinished`.
    CreateDemo,
    /// Propose a free name; answered by `NameSuggested`.
    SuggestName,
    /// Create a run and start its worker; answered by `LaunchFinished`.
    Launch {
        /// The name wanted.
        id: RunId,
        /// Its settings.
        recipe: Box<Recipe>,
    },
    /// Create four runs that wait for one another and start their workers; answered by `PracticeFinished`.
    LaunchAll {
        /// The names wanted.
        ids: [RunId; 4],
        /// Their settings.
        recipes: Box<[Recipe; 4]>,
    },
    /// Start a worker that goes on with a run; answered by `ResumeFinished`.
    Resume(RunId),
    /// Ask a run's worker to stop; answered by `StopFinished`.
    Stop(RunId),
    /// Look what the kept features of a dataset take; answered by `FeaturesMeasured`.
    MeasureFeatures(DatasetName),
    /// Put a text into the terminal's clipboard; the runtime does it, and there is no answer.
    Copy(String),
    /// Give the terminal back and wait for the shell to go on with us; likewise.
    Suspend,
    /// Of the Data screen.
    Data(DataEffect),
    /// Of the Runs screen.
    Runs(RunsEffect),
    /// Of the Compare screen.
    Compare(CompareEffect),
    /// Of the Inspect screen.
    Inspect(InspectEffect),
}
