//! The keys of what lies over a screen: questions, lines to type, the help.

use crossterm::event::KeyCode;

use super::Context::{Confirm, Help, HelpFilter, Messages, Palette, Prompt, Report};
use super::{Binding, code, on};
use crate::tui::action::Action;
use crate::tui::event::Key;

pub(super) static TABLE: &[Binding] = &[
    on("confirm.yes", &[Confirm], &[Key::char('y')], Action::Yes, "yes", "do it"),
    on("confirm.no", &[Confirm], &[Key::char('n'), code(KeyCode::Esc), Key::char('q')], Action::Back, "no", "leave it"),
    on("prompt.enter", &[Prompt], &[code(KeyCode::Enter)], Action::Enter, "take it", "take what was typed"),
    on(
        "prompt.complete",
        &[Prompt],
        &[code(KeyCode::Tab)],
        Action::Complete,
        "",
        "complete the path as far as it is certain",
    ),
    on("prompt.leave", &[Prompt], &[code(KeyCode::Esc)], Action::Back, "leave", "leave without it"),
    on(
        "help.close",
        &[Help],
        &[code(KeyCode::Esc), Key::char('?'), Key::char('q')],
        Action::Back,
        "close",
        "close the help",
    ),
    on(
        "help.filter",
        &[Help],
        &[Key::char('/')],
        Action::Filter,
        "filter",
        "filter the keys; any other letter does too",
    ),
    on(
        "help.unfilter",
        &[HelpFilter],
        &[code(KeyCode::Esc), code(KeyCode::Enter)],
        Action::Back,
        "all keys",
        "take the filter off the keys",
    ),
    on("palette.do", &[Palette], &[code(KeyCode::Enter)], Action::Enter, "do it", "do what is selected"),
    on("palette.leave", &[Palette], &[code(KeyCode::Esc)], Action::Back, "leave", "leave the palette"),
    on(
        "messages.close",
        &[Messages],
        &[code(KeyCode::Esc), Key::char('!'), Key::char('q')],
        Action::Back,
        "close",
        "close the messages",
    ),
    on(
        "report.close",
        &[Report],
        &[code(KeyCode::Esc), code(KeyCode::Enter), Key::char('q')],
        Action::Back,
        "close",
        "close the report",
    ),
    on("messages.yank", &[Messages], &[Key::char('y')], Action::Yank, "copy", "copy the newest message"),
];
