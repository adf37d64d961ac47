//! The screens: a folder each, with its state, its part of `update`, its drawing and its effects; and the table through
//! which everything else reaches them.

pub mod compare;
pub mod data;
pub mod inspect;
pub mod prompt;
pub mod runs;
pub mod train;

use ratatui::layout::Rect;

use super::backend::Backend;
use super::layout::Canvas;
use super::messages::{Action, Effect, Event};
use super::screen::{Screen, screens};
use super::state::State;

/// The entry of a screen in the table: what the dashboard needs of it.
pub(super) trait ScreenEntry: Sync {
    /// Draws the screen into an area.
    fn draw(&self, state: &State, canvas: &mut Canvas<'_>, area: Rect);

    /// Does what the user asked for.
    fn apply(&self, state: &mut State, action: Action) -> Vec<Effect>;

    /// Whether an action would do anything now. Keys that would not are not offered.
    fn applies(&self, _state: &State, _action: Action) -> bool {
        true
    }

    /// Effects that are wanted when the screen comes to the front.
    fn on_show(&self, _state: &mut State) -> Vec<Effect> {
        Vec::new()
    }

    /// Effects that are wanted after the screen was drawn, when its layout is known.
    fn on_drawn(&self, _state: &mut State) -> Vec<Effect> {
        Vec::new()
    }

    /// Effects that are wanted because the runs changed.
    fn on_runs(&self, _state: &mut State) -> Vec<Effect> {
        Vec::new()
    }

    /// Takes a pasted text, and returns whether the focused field takes text at all.
    fn paste(&self, _state: &mut State, _text: &str) -> bool {
        false
    }

    /// What would be copied: its name, and its text.
    fn selection(&self, _state: &State) -> Option<(String, String)> {
        None
    }

    /// Checks a line of a prompt after each change, and does what the change does at once, such as filtering.
    ///
    /// # Errors
    /// What is wrong with the line.
    fn typed(&self, _state: &mut State, _line: &str) -> Result<(), String> {
        Ok(())
    }

    /// Takes the line of a prompt.
    ///
    /// # Errors
    /// Why it is not taken.
    fn entered(&self, _state: &mut State, _line: &str) -> Result<Vec<Effect>, String> {
        Ok(Vec::new())
    }

    /// Undoes what typing did, because the prompt was left.
    fn left(&self, _state: &mut State) {}

    /// Effects that complete the line of a prompt.
    fn complete(&self, _state: &State, _line: &str) -> Vec<Effect> {
        Vec::new()
    }
}

macro_rules! table {
    ($($name:ident: $Screen:ident, $State:ident, $Action:ident, $Effect:ident, $Event:ident;)*) => {
        /// The entry of a screen.
        pub(super) fn entry(screen: Screen) -> &'static dyn ScreenEntry {
            match screen {
                $(Screen::$Screen => &$name::$Screen,)*
            }
        }

        /// Takes in an event that is for one screen.
        #[allow(unreachable_code)] // a screen may have no events
        pub(super) fn on_event(state: &mut State, event: Event) -> Vec<Effect> {
            match event {
                $(Event::$Screen(event) => $name::on_event(state, event),)*
                _ => Vec::new(),
            }
        }

        /// Runs an effect and returns its answer.
        #[allow(unreachable_code)] // a screen may have no effects
        pub(super) fn run_effect(backend: &Backend, effect: Effect) -> Event {
            match effect {
                // The runtime has done it.
                Effect::Copy(_) | Effect::Suspend => Event::Tick,
                $(Effect::$Screen(effect) => Event::$Screen($name::run_effect(backend, effect)),)*
            }
        }
    };
}
screens!(table);

/// Brings a screen to the front. Returns what it then needs.
pub(super) fn go_to(state: &mut State, screen: Screen) -> Vec<Effect> {
    if state.screen != screen {
        state.previous_screen = state.screen;
        state.screen = screen;
    }
    state.runs.whole = false;
    entry(screen).on_show(state)
}

/// A text of several lines to be copied, with how many they are; `None` where it is empty.
fn text_selection(name: &str, text: String) -> Option<(String, String)> {
    let lines = text.lines().count();
    (lines > 0).then(|| (format!("{name}, {lines} lines"), text))
}
