//! The screens, each in a folder with its state, its part of `update`, its drawing and its effects. All other modules
//! reach the screens through the table of entries.

pub mod compare;
pub mod data;
pub mod inspect;
mod paths;
pub mod prompt;
mod retest;
pub mod runs;
pub mod train;

use ratatui::layout::Rect;

use super::backend::Backend;
use super::layout::Canvas;
use super::messages::{Action, Binding, Effect, Event};
use super::screen::{Screen, screens};
use super::state::State;

/// The entry of a screen in the table of screens.
pub(super) trait ScreenEntry: Sync {
    /// Draws the screen into an area.
    fn draw(&self, state: &State, canvas: &mut Canvas<'_>, area: Rect);

    /// Applies an action of the user. Returns the effects that it requests.
    fn apply(&self, state: &mut State, action: Action) -> Vec<Effect>;

    /// Returns whether an action would have an effect now. The bottom line hides keys of other actions.
    fn applies(&self, _state: &State, _action: Action) -> bool {
        true
    }

    /// Returns the hint of a binding as things are now; empty where none is shown.
    fn hint(&self, _state: &State, binding: &Binding) -> &'static str {
        binding.hint
    }

    /// Returns the effects to request when the screen comes to the front.
    fn on_show(&self, _state: &mut State) -> Vec<Effect> {
        Vec::new()
    }

    /// Returns the effects to request after the screen was drawn, when its layout is known.
    fn on_drawn(&self, _state: &mut State) -> Vec<Effect> {
        Vec::new()
    }

    /// Returns the effects to request after the runs changed.
    fn on_runs(&self, _state: &mut State) -> Vec<Effect> {
        Vec::new()
    }

    /// Inserts a pasted text. Returns whether the focused field accepts text.
    fn paste(&self, _state: &mut State, _text: &str) -> bool {
        false
    }

    /// Returns the name and the text of the selection that would be copied.
    fn selection(&self, _state: &State) -> Option<(String, String)> {
        None
    }

    /// Checks a line of a prompt after each change and applies live changes, such as filtering.
    ///
    /// # Errors
    /// The reason why the line is invalid.
    fn check_line(&self, _state: &mut State, _line: &str) -> Result<(), String> {
        Ok(())
    }

    /// Applies a key to a prompt that has fields. Returns the new line and the position of the cursor in it; `None`
    /// where the key edits a line of text.
    fn edit_line(&self, _state: &mut State, _action: Action) -> Option<(String, usize)> {
        None
    }

    /// Requests the completion of a prompt's line.
    fn complete_line(&self, _state: &State, _line: &str) -> Vec<Effect> {
        Vec::new()
    }

    /// Returns the columns and rows of the smallest terminal on which the screen is drawn.
    fn smallest(&self) -> (u16, u16) {
        (60, 16)
    }

    /// Accepts the line of a prompt. Returns the effects that it requests.
    ///
    /// # Errors
    /// The reason why the line is invalid.
    fn accept_line(&self, _state: &mut State, _line: &str) -> Result<Vec<Effect>, String> {
        Ok(Vec::new())
    }

    /// Undoes the live changes of a prompt that was cancelled.
    fn cancel_line(&self, _state: &mut State) {}
}

macro_rules! table {
    ($($name:ident: $Screen:ident, $State:ident, $Action:ident, $Effect:ident, $Event:ident;)*) => {
        /// Returns the entry of a screen.
        pub(super) fn entry(screen: Screen) -> &'static dyn ScreenEntry {
            match screen {
                $(Screen::$Screen => &$name::$Screen,)*
            }
        }

        /// Applies an event of one screen. Returns the effects to request.
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
                // The runtime performs these itself.
                Effect::Copy(_) | Effect::Suspend | Effect::Notify(_) => Event::Tick,
                // Of a home on this machine the watcher reads them.
                Effect::ReadEntries => Event::Tick,
                $(Effect::$Screen(effect) => Event::$Screen($name::run_effect(backend, effect)),)*
            }
        }
    };
}
screens!(table);

/// Brings a screen to the front. Returns the effects to request.
pub(super) fn go_to(state: &mut State, screen: Screen) -> Vec<Effect> {
    if state.screen != screen {
        if state.screen == Screen::Runs {
            state.runs.news.leave(state.now);
        }
        state.previous_screen = state.screen;
        state.screen = screen;
    }
    state.runs.whole = false;
    let mut effects = entry(screen).on_show(state);
    if state.library.link.is_some() && matches!(screen, Screen::Data | Screen::Train | Screen::Inspect) {
        effects.push(Effect::ReadEntries);
    }
    effects
}

/// Returns a text to copy with a name that states its number of lines; `None` where it is empty.
fn text_selection(name: &str, text: String) -> Option<(String, String)> {
    let lines = text.lines().count();
    (lines > 0).then(|| (format!("{name}, {lines} lines"), text))
}
