//! The keys of the Inspect screen.

use crossterm::event::KeyCode;

use super::Context::Inspect;
use super::{Binding, Context, code, on};
use crate::tui::action::{Action, InspectAction as Ask};
use crate::tui::event::Key;

const HERE: &[Context] = &[Inspect];

const fn own(
    name: &'static str,
    keys: &'static [Key],
    action: Ask,
    hint: &'static str,
    description: &'static str,
) -> Binding {
    on(name, HERE, keys, Action::Inspect(action), hint, description)
}

pub(super) static TABLE: &[Binding] = &[
    on("inspect.left", HERE, &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the column or face before"),
    on("inspect.right", HERE, &[code(KeyCode::Right), Key::char('l')], Action::Right, "", "the next column or face"),
    on("inspect.back", HERE, &[code(KeyCode::Esc)], Action::Back, "back", "leave the faces or the suspects"),
    own(
        "inspect.mark",
        &[Key::char(' ')],
        Ask::Mark,
        "mark",
        "mark a training image as wrongly labelled, or unmark it",
    ),
    on("inspect.faces", HERE, &[code(KeyCode::Enter)], Action::Open, "faces", "the cell's faces on the whole screen"),
    own(
        "inspect.evaluate",
        &[Key::char('E')],
        Ask::Evaluate,
        "evaluate",
        "test the run again: makes its predictions anew",
    ),
    own("inspect.mode", &[Key::char('n')], Ask::Mode, "counts/%", "counts, percent of the row, difference of two runs"),
    own("inspect.epoch_back", &[Key::char('[')], Ask::EpochBack, "epoch", "validation results one epoch back"),
    own("inspect.epoch_on", &[Key::char(']')], Ask::EpochOn, "", "validation results one epoch on"),
    own("inspect.epoch_first", &[Key::char('{')], Ask::EpochFirst, "", "validation results of the first epoch"),
    own("inspect.epoch_last", &[Key::char('}')], Ask::EpochLast, "", "validation results of the last epoch"),
    own("inspect.source", &[Key::char('t')], Ask::Source, "images", "test, validation, training images"),
    own("inspect.next_face", &[Key::char('.')], Ask::NextFace, "next face", "the next face of the cell"),
    own("inspect.previous_face", &[Key::char(',')], Ask::PreviousFace, "", "the face before"),
    own("inspect.order", &[Key::char('o')], Ask::Order, "order", "faces by confidence, by loss, by place"),
    own(
        "inspect.suspects",
        &[Key::char('w')],
        Ask::Suspects,
        "suspects",
        "training images that may be wrongly labelled",
    ),
    own("inspect.next_run", &[Key::char('>')], Ask::NextRun, "run", "look into the next run"),
    own("inspect.previous_run", &[Key::char('<')], Ask::PreviousRun, "", "look into the run before"),
    own("inspect.against", &[Key::char('a')], Ask::Against, "against", "hold it against the next other run"),
    own("inspect.alone", &[Key::char('A')], Ask::Alone, "", "hold it against no other run"),
    own("inspect.pane", &[code(KeyCode::Tab)], Ask::NextPane, "pane", "matrix, classes, faces"),
    own("inspect.pane_back", &[code(KeyCode::BackTab)], Ask::PreviousPane, "", "faces, classes, matrix"),
];
