//! The keys of the Train form.

use crossterm::event::KeyCode;

use super::Context::{Train, TrainName, TrainNumber};
use super::{Binding, Context, code, on};
use crate::tui::action::Action;
use crate::tui::event::Key;

const FORM: &[Context] = &[Train, TrainNumber, TrainName];
const FIELDS: &[Context] = &[TrainNumber, TrainName];

pub(super) static TABLE: &[Binding] = &[
    on(
        "train.launch",
        FORM,
        &[code(KeyCode::Enter)],
        Action::Launch,
        "launch",
        "launch the run that the form describes",
    ),
    on(
        "train.change",
        &[Train],
        &[code(KeyCode::Right), Key::char('l'), Key::char(' ')],
        Action::Cycle,
        "change",
        "the next choice",
    ),
    on("train.previous", &[Train], &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the previous choice"),
    on("train.default", FORM, &[Key::ctrl('d')], Action::Reset, "default", "put the field back to its default"),
    on("train.preset", FORM, &[Key::ctrl('p')], Action::Preset, "preset", "the next preset: default, reference, quick"),
    on("train.leave", FIELDS, &[code(KeyCode::Esc)], Action::Back, "leave", "leave the field"),
    on("train.back", &[Train], &[code(KeyCode::Esc)], Action::Back, "back", "back to the screen before"),
    on("train.field_up", FIELDS, &[code(KeyCode::Up), code(KeyCode::BackTab)], Action::Up, "", "the field above"),
    on("train.field_down", FIELDS, &[code(KeyCode::Down), code(KeyCode::Tab)], Action::Down, "", "the field below"),
    on("train.above", &[Train], &[code(KeyCode::BackTab)], Action::Up, "", "the field above"),
    on("train.below", &[Train], &[code(KeyCode::Tab)], Action::Down, "", "the field below"),
    on("train.number_up", &[TrainNumber], &[Key::char('k')], Action::Up, "", "the field above"),
    on("train.number_down", &[TrainNumber], &[Key::char('j')], Action::Down, "", "the field below"),
    on("train.help", FORM, &[code(KeyCode::F(1))], Action::Help, "", "show the keys, also while typing"),
];
