//! What a user can ask for: the closed set that keys are mapped to.

mod compare;
mod data;
mod inspect;
mod runs;

pub use compare::CompareAction;
pub use data::DataAction;
pub use inspect::InspectAction;
pub use runs::RunsAction;

use super::state::Screen;

/// One request of the user.
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
    /// Draw the demo dataset.
    CreateDemo,
    /// Show the other curve.
    ToggleCurve,
    /// Ask the selected run to stop.
    Stop,
    /// Let the selected run go on.
    Resume,
    /// Take the selected run's settings into the form.
    Repeat,
    /// Launch what the form describes.
    Launch,
    /// The next choice of the field.
    Cycle,
    /// Put the field back to its default.
    Reset,
    /// Fill the form with the next preset.
    Preset,
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
    /// Of the Data screen.
    Data(DataAction),
    /// Of the Runs screen.
    Runs(RunsAction),
    /// Of the Compare screen.
    Compare(CompareAction),
    /// Of the Inspect screen.
    Inspect(InspectAction),
}
