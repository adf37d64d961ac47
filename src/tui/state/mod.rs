//! All that the dashboard knows and shows, as plain values. Changed by `update` alone.

mod compare;
mod data;
mod form;
mod inspect;
mod overlay;
mod runs;
mod weights;

pub use compare::{CompareCurve, ComparePane, CompareState, CurveView, Pair, Standing, Tested};
pub use data::{DataState, DatasetEntry, DatasetView, Faces, Importing, Look, Part, Pick, Sample, Variants};
pub use form::{Field, Form, Ground, Input, Order, Without};
pub use inspect::{Against, BLOCK, InspectPane, InspectState, Judgement, Mode, SUSPECTS, Shown, Subject};
pub use overlay::{Confirm, Help, ImportPurpose, Overlay, Palette, Prompt, Purpose, Report, RunsPurpose};
pub use runs::{
    Asked, COMPARED, Chart, Curves, Filter, LogLine, LogView, Pane, Places, Request, RunView, RunsState, meaning,
    parse_limits,
};
pub use weights::{WeightsEntry, WeightsState};

use jiff::tz::TimeZone;

use super::config::Config;
pub use super::probe::{Facts, Graphics};
use super::theme::Theme;
use crate::tui::messages::{self, Context, Keymap};
use crate::tui::screen::{Screen, screens};

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

/// Everything.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // each answers a question of its own
pub struct State {
    /// The screen shown.
    pub screen: Screen,
    /// The screen to go back to from Train.
    pub before: Screen,
    /// Whether a key was pressed yet: until then the first news chooses the screen.
    pub touched: bool,
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
    pub facts: Facts,
    /// The Data screen.
    pub data: DataState,
    /// The pretrained weights.
    pub weights: WeightsState,
    /// The Train screen.
    pub train: Form,
    /// The Runs screen.
    pub runs: RunsState,
    /// The Compare screen.
    pub compare: CompareState,
    /// The Inspect screen.
    pub inspect: InspectState,
    /// Whether the dashboard is to end.
    pub quit: bool,
}

impl State {
    /// The state at the start, before anything was read.
    #[must_use]
    pub fn new(theme: Theme, zone: TimeZone, now: u64) -> Self {
        Self {
            screen: Screen::Data,
            before: Screen::Runs,
            touched: false,
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
            facts: Facts::default(),
            data: DataState::default(),
            weights: WeightsState::default(),
            train: Form::new(),
            runs: RunsState::default(),
            compare: CompareState::default(),
            inspect: InspectState::default(),
            quit: false,
        }
    }

    /// Takes over what the config file says, and tells what is wrong in it.
    #[must_use]
    pub fn configured(mut self, config: &Config) -> Self {
        self.theme = config.dress(self.theme);
        self.keymap = config.keymap.clone();
        self.mouse = config.mouse;
        for problem in &config.problems {
            self.tell(problem.to_string(), true);
        }
        if let ([first, _, ..], Some(message)) = (config.problems.as_slice(), &mut self.message) {
            let (more, key) = (config.problems.len() - 1, self.keymap.key("messages"));
            message.text = format!("{first} (and {more} more: {key} shows all)");
        }
        self
    }

    /// Goes by what was learnt of the terminal.
    pub fn learn(&mut self, facts: Facts) {
        self.theme = self.theme.clone().on(facts.background.map(<(u8, u8, u8)>::from));
        self.facts = facts;
    }

    /// Shows a message, safe to print, and keeps it.
    pub fn tell(&mut self, text: String, error: bool) {
        let message = Message { text, error, at: self.now };
        if self.messages.len() == Self::MESSAGES {
            self.messages.remove(0);
        }
        self.messages.push(message.clone());
        self.message = Some(message);
    }

    /// How many messages are kept.
    pub const MESSAGES: usize = 200;

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

    /// What the form stands on.
    #[must_use]
    pub fn ground(&self) -> Ground<'_> {
        Ground { data: &self.data, weights: &self.weights, runs: &self.runs, now: self.now }
    }

    /// The form, to be changed, and what it stands on.
    pub fn form_on_ground(&mut self) -> (&mut Form, Ground<'_>) {
        let Self { train: form, data, weights, runs, now, .. } = self;
        (form, Ground { data, weights, runs, now: *now })
    }

    /// Runs that a worker is at, or about to be.
    #[must_use]
    pub fn active(&self) -> usize {
        self.runs.list.iter().filter(|run| run.state(self.now).is_some_and(crate::domain::RunState::is_active)).count()
    }
}

macro_rules! context {
    ($($name:ident: $Screen:ident, $State:ident, $Action:ident, $Effect:ident, $Event:ident;)*) => {
        impl State {
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
screens!(context);
