//! The state of the dashboard as plain values. Only `update` changes it.

mod input;
mod notices;
mod overlay;

pub use input::Input;
pub use notices::Notices;
pub use overlay::{Confirm, Help, Overlay, Palette, Prompt, Report};

use jiff::tz::TimeZone;

use crate::domain::RunId;
use crate::domain::text::printable;

use super::layout::Layout;
use super::terminal_facts::TerminalFacts;
use super::theme::Theme;
use crate::tui::library::Library;
use crate::tui::messages::{self, Context, Keymap};
use crate::tui::screen::Screen;
use crate::tui::screen::screens;

/// A message on the bottom line. It stays until a key is pressed, until the time to read it is over, or as long as it
/// is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The text, safe to print.
    pub text: String,
    /// Whether it reports an error.
    pub error: bool,
    /// The time of the message, in milliseconds since 1970.
    pub at: u64,
    /// The run that it says is active; the message is untrue once that run has ended.
    pub active: Option<RunId>,
}

impl Message {
    /// Returns whether the message gives its line back to the hints at `now`, in milliseconds since 1970. An error
    /// waits for a key: otherwise somebody who looked away would miss that an effect failed.
    #[must_use]
    pub fn is_expired(&self, now: u64) -> bool {
        let reading = 6_000 + 50 * self.text.chars().count() as u64;
        !self.error && now >= self.at + reading
    }
}

macro_rules! declare {
    ($($name:ident: $Screen:ident, $State:ident, $Action:ident, $Effect:ident, $Event:ident;)*) => {
        $(use super::screens::$name::$State;)*

        /// The state of the dashboard.
        #[derive(Debug, Clone)]
        #[allow(clippy::struct_excessive_bools)] // each answers a question of its own
        pub struct State {
            /// The screen shown.
            pub screen: Screen,
            /// The screen to return to from Train.
            pub previous_screen: Screen,
            /// Whether a key was pressed yet. Until then the first data chooses the screen.
            pub key_pressed: bool,
            /// The overlay over the screen.
            pub overlay: Option<Overlay>,
            /// The message on the bottom line, which replaces the key hints.
            pub message: Option<Message>,
            /// The messages so far, newest last.
            pub messages: Vec<Message>,
            /// The ends of runs that the terminal is to report.
            pub notices: Notices,
            /// Whether the first steps are shown.
            pub tour: bool,
            /// The keys in force.
            pub keymap: Keymap,
            /// Whether mouse events are used.
            pub mouse: bool,
            /// The current time, in milliseconds since 1970.
            pub now: u64,
            /// Columns of the terminal.
            pub columns: u16,
            /// Rows of the terminal.
            pub rows: u16,
            /// The time zone of displayed times.
            pub zone: TimeZone,
            /// The theme.
            pub theme: Theme,
            /// The known properties of the terminal.
            pub facts: TerminalFacts,
            /// The datasets, weights and runs of the home.
            pub library: Library,
            /// Whether the line to the home was cut and does not work again.
            pub link_lost: bool,
            /// The time of a request to quit that would have lost a changed form, in milliseconds since 1970.
            pub quit_asked_at: Option<u64>,
            /// Whether the dashboard ends after this event.
            pub quit: bool,
            /// The layout of the last frame.
            pub layout: Layout,
            $(#[doc = concat!("The ", stringify!($Screen), " screen.")] pub $name: $State,)*
        }

        impl State {
            /// Returns the state at the start, before anything was read.
            #[must_use]
            pub fn new(theme: Theme, zone: TimeZone, now: u64) -> Self {
                Self {
                    screen: Screen::Data,
                    previous_screen: Screen::Runs,
                    key_pressed: false,
                    overlay: None,
                    message: None,
                    messages: Vec::new(),
                    notices: Notices::new(now),
                    tour: false,
                    keymap: Keymap::default(),
                    mouse: false,
                    now,
                    columns: 80,
                    rows: 24,
                    zone,
                    theme,
                    facts: TerminalFacts::default(),
                    library: Library::default(),
                    link_lost: false,
                    quit_asked_at: None,
                    quit: false,
                    layout: Layout::default(),
                    $($name: $State::default(),)*
                }
            }

            /// Returns the key context of the screen without an overlay.
            #[must_use]
            pub fn screen_context(&self) -> Context {
                match self.screen {
                    $(Screen::$Screen => self.$name.context(),)*
                }
            }
        }
    };
}
screens!(declare);

impl State {
    /// Stores the properties of the terminal, and adapts the theme to its background.
    pub fn set_terminal(&mut self, facts: TerminalFacts) {
        self.theme = self.theme.clone().on_background(facts.background.map(<(u8, u8, u8)>::from));
        self.facts = facts;
    }

    /// Shows and stores a message that is safe to print.
    pub fn notify(&mut self, text: String) {
        self.show_message(text, false);
    }

    /// Shows and stores a message that holds only while a run is active.
    pub fn notify_of_active(&mut self, run: RunId, text: String) {
        self.notify(text);
        if let Some(message) = &mut self.message {
            message.active = Some(run);
        }
    }

    /// Shows and stores an error message.
    pub fn fail(&mut self, text: &str) {
        self.show_message(printable(text), true);
    }

    /// Returns the message to show, unless it is too old.
    #[must_use]
    pub fn shown_message(&self) -> Option<&Message> {
        self.message.as_ref().filter(|message| !message.is_expired(self.now))
    }

    /// Removes the message if it says that a run is active which has ended.
    pub fn drop_untrue_message(&mut self) {
        let runs = &self.library.runs;
        let ended = |id: &RunId| runs.find(id).is_some_and(|run| !run.is_active(self.now));
        if self.message.as_ref().and_then(|message| message.active.as_ref()).is_some_and(ended) {
            self.message = None;
        }
    }

    fn show_message(&mut self, text: String, error: bool) {
        self.message = Some(Message { text: text.clone(), error, at: self.now, active: None });
        self.record(text, error, self.now);
    }

    /// Stores a message about something that happened at this time, without showing it on the bottom line.
    pub fn record(&mut self, text: String, error: bool, at: u64) {
        if self.messages.len() == Self::MAX_MESSAGES {
            self.messages.remove(0);
        }
        self.messages.push(Message { text, error, at, active: None });
    }

    /// The number of messages stored; older ones are dropped.
    pub const MAX_MESSAGES: usize = 200;

    /// Returns the key context of the overlay, else of the screen.
    #[must_use]
    pub fn context(&self) -> Context {
        match &self.overlay {
            Some(Overlay::Help(_)) => messages::HELP,
            Some(Overlay::Report(_)) => messages::REPORT,
            Some(Overlay::Palette(_)) => messages::PALETTE,
            Some(Overlay::Messages(_)) => messages::MESSAGES,
            Some(Overlay::Confirm(_)) => messages::CONFIRM,
            Some(Overlay::Prompt(_)) => messages::PROMPT,
            None => self.screen_context(),
        }
    }
}
