//! What happens to the dashboard, what its user asks for, and what it asks of the runtime: three closed enums.
//!
//! A file for each screen holds its part of the three and the keys of its actions; `everywhere` holds the keys that
//! work on several screens.

pub mod compare;
pub mod data;
mod everywhere;
pub mod inspect;
mod keymap;
pub mod runs;
pub mod train;

use std::sync::Arc;

use ratatui::layout::Position;

pub use everywhere::{CONFIRM, HELP, HELP_FILTER, MESSAGES, PALETTE, PROMPT, REPORT};
pub use keymap::{Binding, Context, Keymap, Rebinding, all};

use super::key::Key;
use super::layout::Layout;
use super::library::{DatasetEntry, RunView, WeightsEntry};
use super::screen::{Screen, screens};
use super::terminal_facts::TerminalFacts;
use crate::domain::{DatasetName, RunId};
use crate::supervise::{LaunchError, LaunchSeriesError, StopError};

/// What is told of an effect that ended with a bug.
const FAULT: &str = "a bug in mien; please report it";

/// What two effects must not change at the same time: such effects are run one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A run.
    Run(RunId),
    /// A dataset.
    Dataset(DatasetName),
    /// The order of the queue.
    Queue,
}

impl Target {
    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Run(id) => id.as_str(),
            Self::Dataset(name) => name.as_str(),
            Self::Queue => "the queue",
        }
    }
}

/// The effects of one screen.
pub trait ScreenEffect {
    /// The events that answer them.
    type Event;

    /// What the effect changes; nothing for one that only reads.
    fn targets(&self) -> Vec<Target> {
        Vec::new()
    }

    /// The answer where the effect ended with a bug; `None` where a message is enough.
    fn failure(&self) -> Option<Self::Event> {
        None
    }
}

macro_rules! declare {
    ($($name:ident: $Screen:ident, $State:ident, $Action:ident, $Effect:ident, $Event:ident;)*) => {
        $(pub use $name::{$Action, $Effect, $Event};)*

        /// A request of the user.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            /// Leave the dashboard.
            Quit,
            /// Show the keys.
            Help,
            /// Leave the overlay, the detail or the field.
            Back,
            /// Show this screen.
            GoTo(Screen),
            /// Show the screen to the right.
            NextScreen,
            /// Show the screen to the left.
            PreviousScreen,
            /// One line up.
            Up,
            /// One line down.
            Down,
            /// To the first line.
            First,
            /// To the last line.
            Last,
            /// Ten lines up.
            PageUp,
            /// Ten lines down.
            PageDown,
            /// The choice or character to the left.
            Left,
            /// The choice or character to the right.
            Right,
            /// Open what is selected.
            Open,
            /// Type a character.
            Insert(char),
            /// Remove the character before the cursor.
            Backspace,
            /// Remove the character under the cursor.
            Delete,
            /// Remove everything before the cursor.
            ClearLine,
            /// Remove the word before the cursor.
            DeleteWord,
            /// Cursor to the beginning.
            LineStart,
            /// Cursor to the end.
            LineEnd,
            /// Agree to what the overlay asks.
            Yes,
            /// Take what was typed.
            Enter,
            /// Complete what was typed.
            Complete,
            /// Find and do anything by its name.
            Palette,
            /// Type a filter.
            Filter,
            /// Copy what is selected to the terminal's clipboard.
            Yank,
            /// Show what was told so far.
            Messages,
            /// Let the mouse work, or not.
            ToggleMouse,
            /// Show the first steps.
            Tour,
            /// Leave for the shell for a while.
            Suspend,
            $(#[doc = concat!("Of the ", stringify!($Screen), " screen.")] $Screen($Action),)*
        }

        /// What `update` asks the runtime to do.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Effect {
            /// Put a text into the terminal's clipboard. The runtime does it without an answer.
            Copy(String),
            /// Give the terminal back to the shell until that resumes the dashboard. The runtime does it without an
            /// answer.
            Suspend,
            $(#[doc = concat!("Of the ", stringify!($Screen), " screen.")] $Screen($Effect),)*
        }

        impl Effect {
            /// What it changes; nothing for one that only reads.
            #[must_use]
            pub fn targets(&self) -> Vec<Target> {
                match self {
                    Self::Copy(_) | Self::Suspend => Vec::new(),
                    $(Self::$Screen(effect) => effect.targets(),)*
                }
            }

            /// The answer where it ended with a bug.
            #[must_use]
            pub fn failure(&self) -> Event {
                let answer = match self {
                    Self::Copy(_) | Self::Suspend => Some(Event::Tick),
                    $(Self::$Screen(effect) => effect.failure().map(Event::$Screen),)*
                };
                answer.unwrap_or_else(|| Event::Failed(FAULT.into()))
            }
        }

        /// What happened.
        #[derive(Debug, Clone)]
        pub enum Event {
            /// A key was pressed.
            Key(Key),
            /// Text was pasted.
            Paste(String),
            /// The mouse was clicked.
            Click(Position),
            /// The screen was drawn, with this layout.
            Drawn(Layout),
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
            /// The facts that the terminal reported.
            Terminal(TerminalFacts),
            /// Time has passed.
            Tick,
            /// The runs as they are now.
            RunsRead(Vec<RunView>),
            /// These of them are new or changed; the others are as they were.
            RunsChanged(Vec<RunView>),
            /// The runs cannot be listed or watched.
            RunsUnreadable(String),
            /// The datasets as they are now, or why they cannot be listed.
            DatasetsRead(Result<Vec<DatasetEntry>, String>),
            /// The imported weights as they are now, or why they cannot be listed.
            WeightsRead(Result<Vec<WeightsEntry>, String>),
            /// An effect ended with a bug of ours.
            Failed(String),
            $(#[doc = concat!("For the ", stringify!($Screen), " screen.")] $Screen($Event),)*
        }
    };
}
screens!(declare);

/// Why a run was not launched, resumed or stopped. Cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ActionError {
    /// No worker was started.
    #[error(transparent)]
    Launch(Arc<LaunchError>),
    /// Not all runs are on their way.
    #[error(transparent)]
    LaunchSeries(Arc<LaunchSeriesError>),
    /// The worker was not asked to stop.
    #[error(transparent)]
    Stop(Arc<StopError>),
    /// A fault of this program.
    #[error("{0}")]
    Fault(&'static str),
}

impl From<LaunchError> for ActionError {
    fn from(error: LaunchError) -> Self {
        Self::Launch(Arc::new(error))
    }
}

impl From<LaunchSeriesError> for ActionError {
    fn from(error: LaunchSeriesError) -> Self {
        Self::LaunchSeries(Arc::new(error))
    }
}

impl From<StopError> for ActionError {
    fn from(error: StopError) -> Self {
        Self::Stop(Arc::new(error))
    }
}

/// The line that a movement leads to in a list of `count` lines; `from` for an action that is no movement.
#[must_use]
pub fn moved(from: usize, action: Action, count: usize) -> usize {
    let to = match action {
        Action::Up => from.saturating_sub(1),
        Action::Down => from + 1,
        Action::PageUp => from.saturating_sub(10),
        Action::PageDown => from + 10,
        Action::First => 0,
        Action::Last => usize::MAX,
        _ => from,
    };
    to.min(count.saturating_sub(1))
}
