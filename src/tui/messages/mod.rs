//! The messages of the dashboard as three enums: events that happen to it, actions of its user, and effects that it
//! requests of the runtime.
//!
//! Each screen has a file with its variants of the three enums and the keys of its actions. `everywhere` holds the keys
//! that work on several screens.

pub mod compare;
pub mod data;
mod everywhere;
pub mod inspect;
mod keymap;
pub mod runs;
pub mod train;

use std::sync::Arc;

use ratatui::layout::Position;

pub use everywhere::{CONFIRM, HELP, MESSAGES, PALETTE, PROMPT, REPORT};
pub use keymap::{Binding, Context, Keymap, Rebinding, all};

use super::key::Key;
use super::layout::Layout;
use super::library::{DatasetEntry, LinkView, RunView, WeightsEntry};
use super::screen::{Screen, screens};
use super::terminal_facts::TerminalFacts;
use crate::domain::{DatasetName, RunId};
use crate::homes::entries::HomeEntries;
use crate::supervise::{LaunchError, LaunchSeriesError, StopError};

/// The error message of an effect that ended with a bug.
const BUG_MESSAGE: &str = "a bug in mien; please report it";

/// A thing that two effects must not change at the same time. Effects with a common target run one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A run.
    Run(RunId),
    /// A dataset.
    Dataset(DatasetName),
    /// The order of the queue.
    Queue,
    /// The time of the last look at the runs, and the columns of their list.
    LastLook,
}

impl Target {
    /// Returns the name that messages show.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Run(id) => id.as_str(),
            Self::Dataset(name) => name.as_str(),
            Self::Queue => "the queue",
            Self::LastLook => "the time of the last look",
        }
    }
}

/// The effects of one screen.
pub trait ScreenEffect {
    /// The events that answer the effects.
    type Event;

    /// Returns the things that the effect changes; none for an effect that only reads.
    fn targets(&self) -> Vec<Target> {
        Vec::new()
    }

    /// Returns the answer to an effect that ended with a bug; `None` where a message is enough.
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
            /// Go one line up.
            Up,
            /// Go one line down.
            Down,
            /// Go to the first line.
            First,
            /// Go to the last line.
            Last,
            /// Go ten lines up.
            PageUp,
            /// Go ten lines down.
            PageDown,
            /// Go to the choice or character to the left.
            Left,
            /// Go to the choice or character to the right.
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
            /// Answer the overlay's question with yes.
            Yes,
            /// Accept the typed line.
            Enter,
            /// Complete the typed path.
            Complete,
            /// Open the command palette.
            Palette,
            /// Copy what is selected to the terminal's clipboard.
            Yank,
            /// Show the earlier messages.
            Messages,
            /// Turn the mouse on or off.
            ToggleMouse,
            /// Show the first steps.
            Tour,
            /// Suspend the dashboard and return to the shell.
            Suspend,
            $(#[doc = concat!("Of the ", stringify!($Screen), " screen.")] $Screen($Action),)*
        }

        /// A request of `update` to the runtime.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Effect {
            /// Put a text into the terminal's clipboard. The runtime does it without an answer.
            Copy(String),
            /// Give the terminal back to the shell until that resumes the dashboard. The runtime does it without an
            /// answer.
            Suspend,
            /// Ring the bell and show a desktop notification of this text, as configured. The runtime does it without
            /// an answer.
            Notify(String),
            /// Ask a home on another machine for its datasets, weights and devices; answered by `EntriesRead`.
            ReadEntries,
            $(#[doc = concat!("Of the ", stringify!($Screen), " screen.")] $Screen($Effect),)*
        }

        impl Effect {
            /// Returns the things that the effect changes; none for an effect that only reads.
            #[must_use]
            pub fn targets(&self) -> Vec<Target> {
                match self {
                    Self::Copy(_) | Self::Suspend | Self::Notify(_) | Self::ReadEntries => Vec::new(),
                    $(Self::$Screen(effect) => effect.targets(),)*
                }
            }

            /// Returns the answer to the effect in case it ended with a bug.
            #[must_use]
            pub fn failure(&self) -> Event {
                let answer = match self {
                    Self::Copy(_) | Self::Suspend | Self::Notify(_) => Some(Event::Tick),
                    Self::ReadEntries => Some(Event::EntriesRead(Err(BUG_MESSAGE.into()))),
                    $(Self::$Screen(effect) => effect.failure().map(Event::$Screen),)*
                };
                answer.unwrap_or_else(|| Event::Failed(BUG_MESSAGE.into()))
            }
        }

        /// Something that happened, as `update` receives it.
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
            /// All runs as they are now.
            RunsRead(Vec<RunView>),
            /// The runs that are new or have changed; all others are as before.
            RunsChanged(Vec<RunView>),
            /// The runs cannot be listed or watched.
            RunsUnreadable(String),
            /// The datasets as they are now, or the reason why they cannot be listed.
            DatasetsRead(Result<Vec<DatasetEntry>, String>),
            /// The imported weights as they are now, or the reason why they cannot be listed.
            WeightsRead(Result<Vec<WeightsEntry>, String>),
            /// The datasets, weights and devices of a home on another machine, or the reason why they are not known.
            EntriesRead(Result<Arc<HomeEntries>, String>),
            /// The line to a home on another machine is like this now.
            Link(LinkView),
            /// An effect ended with a bug of ours, or cannot be had in this home.
            Failed(String),
            $(#[doc = concat!("For the ", stringify!($Screen), " screen.")] $Screen($Event),)*
        }
    };
}
screens!(declare);

/// The completion of a typed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The path as it was typed.
    pub typed: String,
    /// The path with the common beginning of all fitting files.
    pub completed: String,
    /// The names of the fitting files in alphabetical order, folders with a slash.
    pub fitting: Vec<String>,
    /// Whether the completed path is there.
    pub exists: bool,
}

impl Completion {
    /// Returns a sentence about a path to which no letter could be added: the fitting files if there are several, or
    /// that there is none.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        const SHOWN: usize = 8;
        if self.completed == self.typed && self.fitting.is_empty() && !self.exists {
            return Some("there is no such file, and none whose name begins so".into());
        }
        let is_stuck = self.completed == self.typed && self.fitting.len() > 1;
        let further = self.fitting.len().saturating_sub(SHOWN);
        let end = if further > 0 { format!(" and {further} more") } else { String::new() };
        is_stuck.then(|| format!("fitting: {}{end}", self.fitting[..self.fitting.len().min(SHOWN)].join(", ")))
    }
}

/// The reason why a run was not launched, resumed or stopped. Cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ActionError {
    /// No worker was started.
    #[error(transparent)]
    Launch(Arc<LaunchError>),
    /// Not all runs of a series were launched.
    #[error(transparent)]
    LaunchSeries(Arc<LaunchSeriesError>),
    /// The request to stop was not written.
    #[error(transparent)]
    Stop(Arc<StopError>),
    /// A home on another machine refused, or was not asked.
    #[error("{0}")]
    Remote(String),
    /// A bug in this program.
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

/// Returns the index of the line to which a movement leads in a list of `count` lines. An action that is no movement
/// leads to `from`.
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
