//! All that the dashboard knows and shows, as plain values. Changed by `update` alone.

mod input;
mod overlay;

pub use input::Input;
pub use overlay::{Confirm, Help, Overlay, Palette, Prompt, Report};

use jiff::tz::TimeZone;

use crate::domain::text::printable;

use super::layout::Layout;
use super::terminal_facts::TerminalFacts;
use super::theme::Theme;
use crate::tui::library::Library;
use crate::tui::messages::{self, Context, Keymap};
use crate::tui::screen::Screen;
use crate::tui::screen::screens;

/// One line for the user on the bottom line. It stays until a key is pressed: nothing is missed by who looks away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The line, safe to print.
    pub text: String,
    /// Whether something went wrong.
    pub error: bool,
    /// When it was told, in milliseconds since 1970.
    pub at: u64,
}

macro_rules! declare {
    ($($name:ident: $Screen:ident, $State:ident, $Action:ident, $Effect:ident, $Event:ident;)*) => {
        $(use super::screens::$name::$State;)*

        /// All that the dashboard knows and shows.
        #[derive(Debug, Clone)]
        #[allow(clippy::struct_excessive_bools)] // each answers a question of its own
        pub struct State {
            /// The screen shown.
            pub screen: Screen,
            /// The screen to go back to from Train.
            pub previous_screen: Screen,
            /// Whether a key was pressed yet: until then the first news chooses the screen.
            pub key_pressed: bool,
            /// What lies over it.
            pub overlay: Option<Overlay>,
            /// What the bottom line says in place of hints.
            pub message: Option<Message>,
            /// What was told so far, the newest last.
            pub messages: Vec<Message>,
            /// Whether the first steps are shown.
            pub tour: bool,
            /// The keys in force.
            pub keymap: Keymap,
            /// Whether the mouse works.
            pub mouse: bool,
            /// Milliseconds since 1970.
            pub now: u64,
            /// Columns of the terminal.
            pub columns: u16,
            /// Rows of the terminal.
            pub rows: u16,
            /// For times of day.
            pub zone: TimeZone,
            /// How things look.
            pub theme: Theme,
            /// What the terminal is, as far as it was learnt.
            pub facts: TerminalFacts,
            /// The datasets, weights and runs of the home.
            pub library: Library,
            /// Whether the dashboard is to end.
            pub quit: bool,
            /// Where things lie on the screen as it was drawn last.
            pub layout: Layout,
            $(#[doc = concat!("The ", stringify!($Screen), " screen.")] pub $name: $State,)*
        }

        impl State {
            /// The state at the start, before anything was read.
            #[must_use]
            pub fn new(theme: Theme, zone: TimeZone, now: u64) -> Self {
                Self {
                    screen: Screen::Data,
                    previous_screen: Screen::Runs,
                    key_pressed: false,
                    overlay: None,
                    message: None,
                    messages: Vec::new(),
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
                    quit: false,
                    layout: Layout::default(),
                    $($name: $State::default(),)*
                }
            }

            /// Where the keyboard points while nothing lies over the screen.
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
    /// Goes by what was learnt of the terminal.
    pub fn set_terminal(&mut self, facts: TerminalFacts) {
        self.theme = self.theme.clone().on(facts.background.map(<(u8, u8, u8)>::from));
        self.facts = facts;
    }

    /// Shows a message, safe to print, and keeps it.
    pub fn notify(&mut self, text: String) {
        self.show_message(text, false);
    }

    /// Shows and keeps a message that something went wrong.
    pub fn fail(&mut self, text: &str) {
        self.show_message(printable(text), true);
    }

    fn show_message(&mut self, text: String, error: bool) {
        let message = Message { text, error, at: self.now };
        if self.messages.len() == Self::MAX_MESSAGES {
            self.messages.remove(0);
        }
        self.messages.push(message.clone());
        self.message = Some(message);
    }

    /// How many messages are kept.
    pub const MAX_MESSAGES: usize = 200;

    /// Where the keyboard points.
    #[must_use]
    pub fn context(&self) -> Context {
        match &self.overlay {
            Some(Overlay::Help(help)) if help.filter.is_some() => messages::HELP_FILTER,
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
