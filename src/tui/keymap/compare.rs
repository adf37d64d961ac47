//! The keys of the Compare screen.

use crossterm::event::KeyCode;

use super::Context::Compare;
use super::{Binding, Context, code, on};
use crate::tui::action::{Action, CompareAction as Ask};
use crate::tui::event::Key;

const HERE: &[Context] = &[Compare];

const fn own(
    name: &'static str,
    keys: &'static [Key],
    action: Ask,
    hint: &'static str,
    description: &'static str,
) -> Binding {
    on(name, HERE, keys, Action::Compare(action), hint, description)
}

pub(super) static TABLE: &[Binding] = &[
    on("compare.open", HERE, &[code(KeyCode::Enter)], Action::Open, "open", "show the selected run on the Runs screen"),
    own("compare.pane", &[code(KeyCode::Tab)], Ask::NextPane, "pane", "metrics, curves, classes, settings, luck"),
    own("compare.pane_back", &[code(KeyCode::BackTab)], Ask::PreviousPane, "", "the pane before"),
    own("compare.baseline", &[Key::char('b')], Ask::Baseline, "baseline", "hold the others against the selected run"),
    own("compare.zoom", &[Key::char('z')], Ask::Zoom, "zoom", "the pane on the whole screen, or back"),
    own("compare.curve", &[Key::char('m')], Ask::Curve, "curve", "val loss, val accuracy, train loss"),
    own(
        "compare.inspect",
        &[Key::char('i')],
        Ask::Inspect,
        "inspect",
        "what the run gets wrong that the baseline does not",
    ),
    own("compare.fold", &[Key::char('f')], Ask::Fold, "fold seeds", "runs that differ only in the seed as one column"),
    own(
        "compare.reference",
        &[Key::char('F')],
        Ask::Reference,
        "reference",
        "show the published figures, or hide them",
    ),
    own("compare.unmark", &[Key::char('u')], Ask::Unmark, "unmark", "take the selected run out"),
    on("compare.left", HERE, &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the run to the left"),
    on("compare.right", HERE, &[code(KeyCode::Right), Key::char('l')], Action::Right, "", "the run to the right"),
    own(
        "compare.move_left",
        &[Key::char('<')],
        Ask::MoveLeft,
        "",
        "move the run to the left; the first is the baseline",
    ),
    own("compare.move_right", &[Key::char('>')], Ask::MoveRight, "", "move the run to the right"),
    own("compare.axis", &[Key::char('x')], Ask::Axis, "", "curves over epochs or elapsed time"),
    own("compare.log", &[Key::char('L')], Ask::Log, "", "curves on a logarithmic scale or not"),
    own("compare.smoother", &[Key::char('s')], Ask::Smoother, "", "smoother curves"),
    own("compare.rougher", &[Key::char('S')], Ask::Rougher, "", "curves less smooth"),
    on("compare.back", HERE, &[code(KeyCode::Esc)], Action::Back, "", "leave the zoomed pane, or back to the runs"),
];
