//! The keys of the Data screen.

use crossterm::event::KeyCode;

use super::Context::{Data, DataFaces};
use super::{Binding, Context, code, on};
use crate::tui::action::{Action, DataAction};
use crate::tui::event::Key;

const BOTH: &[Context] = &[Data, DataFaces];

const fn of(action: DataAction) -> Action {
    Action::Data(action)
}

pub(super) static TABLE: &[Binding] = &[
    on(
        "data.train",
        &[Data],
        &[code(KeyCode::Enter)],
        Action::Open,
        "train on it",
        "take this dataset to the Train form",
    ),
    on(
        "data.face",
        &[DataFaces],
        &[code(KeyCode::Enter)],
        Action::Open,
        "large",
        "show the selected face large, with where it is from; once more: all of them",
    ),
    on("data.back", BOTH, &[code(KeyCode::Esc)], Action::Back, "", "back to the classes; end an import"),
    on(
        "data.split",
        BOTH,
        &[Key::char('v')],
        of(DataAction::NextPart),
        "split",
        "bars and faces of training, validation, test, all",
    ),
    on(
        "data.faces",
        &[Data],
        &[Key::char('f')],
        of(DataAction::Faces),
        "faces",
        "the class's faces on the whole screen",
    ),
    on(
        "data.variants",
        BOTH,
        &[Key::char('a')],
        of(DataAction::Variants),
        "augmented",
        "what the first epochs of training make of a face",
    ),
    on("data.page_next", BOTH, &[Key::char(']')], of(DataAction::NextPage), "", "the next page of faces or epochs"),
    on("data.page_previous", BOTH, &[Key::char('[')], of(DataAction::PreviousPage), "", "the page before"),
    on("data.import", &[Data], &[Key::char('i')], of(DataAction::Import), "import", "bring a dataset in"),
    on("data.demo", &[Data], &[Key::char('d')], Action::CreateDemo, "demo dataset", "draw the built-in demo dataset"),
    on("data.delete", &[Data], &[Key::char('D')], of(DataAction::Delete), "", "delete the dataset, after a question"),
    on("data.next", BOTH, &[code(KeyCode::Right), Key::char('l')], Action::Right, "", "the next dataset or face"),
    on("data.previous", BOTH, &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the previous dataset or face"),
];
