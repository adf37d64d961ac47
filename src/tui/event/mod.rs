//! Everything that can happen to the dashboard, in one closed enum.

mod compare;
mod data;
mod error;
mod inspect;
mod runs;

pub use compare::CompareEvent;
pub use data::DataEvent;
pub use error::ActionError;
pub use inspect::InspectEvent;
pub use runs::RunsEvent;

use crossterm::event::KeyCode;

use super::probe::Facts;
use super::state::{DatasetEntry, RunView, WeightsEntry};
use crate::data::features::CacheUsage;
use crate::domain::{DatasetName, RunId};

/// A key with the modifiers that matter. Shift is told by the character itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Which key.
    pub code: KeyCode,
    /// Whether Ctrl was held.
    pub ctrl: bool,
    /// Whether Alt was held.
    pub alt: bool,
}

impl Key {
    /// A key without modifiers.
    #[must_use]
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// A character without modifiers.
    #[must_use]
    pub const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// A character with Ctrl.
    #[must_use]
    pub const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), ctrl: true, alt: false }
    }
}

/// One happening.
#[derive(Debug, Clone)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The mouse was clicked.
    Click {
        /// Columns from the left.
        column: u16,
        /// Rows from the top.
        row: u16,
        /// Columns and rows of the terminal.
        size: (u16, u16),
    },
    /// The wheel was turned by this many lines, down if positive.
    Scroll(isize),
    /// The terminal may have lost what it showed.
    Redraw,
    /// The terminal has this size now.
    Resized {
        /// Columns.
        columns: u16,
        /// From the tabs to the bottom line.
        rows: u16,
    },
    /// What the terminal turned out to be.
    Terminal(Facts),
    /// Time has passed.
    Tick,
    /// The runs as they are now.
    Runs(Vec<RunView>),
    /// These of them are new or changed; the others are as they were.
    RunsChanged(Vec<RunView>),
    /// The runs cannot be listed or watched.
    RunsUnreadable(String),
    /// The datasets as they are now, or why they cannot be listed.
    Datasets(Result<Vec<DatasetEntry>, String>),
    /// The pretrained weights as they are now, or why they cannot be listed.
    Weights(Result<Vec<WeightsEntry>, String>),
    /// The demo dataset was drawn, or not.
    DemoFinished(Result<(), String>),
    /// A name for the next run.
    NameSuggested(RunId),
    /// A run was launched under this name, or not.
    LaunchFinished(Result<RunId, ActionError>),
    /// Three runs were launched under these names, or not all of them.
    PracticeFinished(Result<[RunId; 4], ActionError>),
    /// A run goes on, or not.
    ResumeFinished(RunId, Result<(), ActionError>),
    /// A run was asked to stop, or could not be.
    StopFinished(RunId, Result<(), ActionError>),
    /// What the kept features of a dataset take.
    FeaturesMeasured(DatasetName, Vec<CacheUsage>),
    /// A deed ended with a bug of ours.
    Failed(String),
    /// For the Data screen.
    Data(DataEvent),
    /// For the Runs screen.
    Run(RunsEvent),
    /// For the Compare screen.
    Compare(CompareEvent),
    /// For the Inspect screen.
    Inspect(InspectEvent),
}
