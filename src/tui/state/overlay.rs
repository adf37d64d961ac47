//! What lies over a screen.

use super::Input;
use crate::tui::messages::Effect;

/// What lies over the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// The keys.
    Help(Help),
    /// Everything that can be done here, to be found by its name.
    Palette(Palette),
    /// What was told so far, from this line on, the newest first.
    Messages(usize),
    /// A question before something that cannot be taken back.
    Confirm(Confirm),
    /// A line to be typed.
    Prompt(Prompt),
    /// Lines to be read.
    Report(Report),
}

/// The keys, from a line on, and as far as they fit a filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Help {
    /// The first line that is shown.
    pub line: usize,
    /// What is looked for, once something is.
    pub filter: Option<Input>,
}

/// The command palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    /// What is looked for.
    pub input: Input,
    /// The selected one of what fits.
    pub selected: usize,
}

/// A question to be answered with yes or no.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    /// On the border.
    pub title: &'static str,
    /// The question, and what follows from yes. Safe to print.
    pub lines: Vec<String>,
    /// What yes means, in two or three words.
    pub yes: &'static str,
    /// What is done on yes.
    pub effects: Vec<Effect>,
}

/// A line to be typed. The screen below knows what it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// On the border.
    pub title: String,
    /// What is accepted, in a sentence or two.
    pub explanation: String,
    /// The line.
    pub input: Input,
    /// What is wrong with the line as it is.
    pub error: Option<String>,
    /// Whether the screen changes as the line is typed, and has to stay in sight.
    pub live: bool,
}

/// Lines to be read, scrolled where they do not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// On the border.
    pub title: String,
    /// The lines, safe to print.
    pub lines: Vec<String>,
    /// The first one that is shown.
    pub first: usize,
}
