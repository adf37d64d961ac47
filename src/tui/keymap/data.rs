//! The keys of the Data screen.

use crossterm::event::KeyCode;

use super::Context::Data;
use super::{Binding, code, on};
use crate::tui::action::Action;
use crate::tui::event::Key;

pub(super) static TABLE: &[Binding] = &[
    on(
        "data.train",
        &[Data],
        &[code(KeyCode::Enter)],
        Action::Open,
        "train on it",
        "take this dataset to the Train form",
    ),
    on("data.demo", &[Data], &[Key::char('d')], Action::CreateDemo, "demo dataset", "draw the built-in demo dataset"),
    on("data.next", &[Data], &[code(KeyCode::Right), Key::char('l')], Action::Right, "", "the next dataset"),
    on("data.previous", &[Data], &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the previous dataset"),
];
