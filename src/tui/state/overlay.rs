//! Overlays: dialogs and lists drawn over a screen.

use super::Input;
use crate::tui::messages::Effect;

/// An overlay over the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// The list of keys.
    Help(Help),
    /// The command palette.
    Palette(Palette),
    /// The messages so far, newest first, from this index on.
    Messages(usize),
    /// A question before an action that cannot be undone.
    Confirm(Confirm),
    /// A prompt for one line of text.
    Prompt(Prompt),
    /// A text to read.
    Report(Report),
}

/// The state of the list of keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Help {
    /// The index of the first line shown.
    pub line: usize,
    /// The filter; all keys are listed while it is empty.
    pub filter: Input,
}

/// The command palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    /// The typed query.
    pub input: Input,
    /// The index of the selected match.
    pub selected: usize,
}

/// A question with the answers yes and no.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    /// The title on the border.
    pub title: &'static str,
    /// The question and the consequences of yes, safe to print.
    pub lines: Vec<String>,
    /// The label of yes, in two or three words.
    pub yes: &'static str,
    /// The effects to perform on yes.
    pub effects: Vec<Effect>,
}

/// A prompt for one line of text. The screen below knows its purpose.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The title on the border.
    pub title: String,
    /// The accepted input, in a sentence or two.
    pub explanation: String,
    /// The text field.
    pub input: Input,
    /// The error in the current text, if there is one.
    pub error: Option<String>,
    /// Whether the screen changes while the text is typed, so that it must stay visible.
    pub live: bool,
}

/// A text of several lines, which scrolls if it does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The title on the border.
    pub title: String,
    /// The lines, safe to print.
    pub lines: Vec<String>,
    /// The index of the first line shown.
    pub first: usize,
}
