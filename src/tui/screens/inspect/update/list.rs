//! The images behind a cell, and the suspects: which, in what order, which of them is looked at.

use std::sync::Arc;

use super::super::{BLOCK, InspectState, SUSPECTS};
use super::choose;
use crate::domain::Split;
use crate::runs::inspection::Order;
use crate::tui::messages::{Action, Effect, InspectEffect};
use crate::tui::state::State;

/// Makes the list of what is under the cursor now, and looks at its first image.
pub(super) fn refill(inspect: &mut InspectState) {
    inspect.pick = 0;
    refill_in_place(inspect);
}

/// Makes the list anew and stays at the same place, as far as there is one.
pub(super) fn refill_in_place(inspect: &mut InspectState) {
    let list = match inspect.judgement() {
        None => Vec::new(),
        Some(seen) if inspect.suspects => seen.inspection.hardest(SUSPECTS),
        Some(seen) => seen.inspection.cell(inspect.cell.0, inspect.cell.1, inspect.order),
    };
    inspect.list = Arc::new(list);
}

/// Sorts otherwise, and goes on looking at the same image.
pub(super) fn reorder(inspect: &mut InspectState) {
    if inspect.suspects {
        return;
    }
    let here = inspect.picked().map(|judged| judged.index);
    inspect.order = match inspect.order {
        Order::Confidence => Order::Loss,
        Order::Loss => Order::Index,
        Order::Index => Order::Confidence,
    };
    refill_in_place(inspect);
    inspect.pick = inspect.list.iter().position(|judged| Some(judged.index) == here).unwrap_or(0);
}

/// Puts the cursor on the most frequent mistake, or keeps it where the classes are as many as before.
pub(super) fn worst_cell(inspect: &mut InspectState) {
    let Some(seen) = inspect.judgement() else { return };
    let classes = seen.confusion.classes();
    if inspect.cell != (0, 0) && inspect.cell.0 < classes && inspect.cell.1 < classes {
        return;
    }
    let mistakes = seen.confusion.cells().filter(|(truth, said, _)| truth != said);
    let worst = mistakes.max_by_key(|(truth, said, count)| {
        // The first of several equal ones.
        (*count, std::cmp::Reverse((*truth, *said)))
    });
    inspect.cell = worst.map_or((0, 0), |(truth, said, _)| (truth, said));
}

/// Moves within the list; a line of the pager has `across` images.
pub(super) fn step(inspect: &mut InspectState, movement: Action, across: usize) {
    inspect.pick = match movement {
        Action::Left => inspect.pick.saturating_sub(1),
        Action::Right => inspect.pick + 1,
        Action::Up => inspect.pick.checked_sub(across).unwrap_or(inspect.pick),
        Action::Down if inspect.pick + across < inspect.list.len() => inspect.pick + across,
        Action::First => 0,
        Action::Last => usize::MAX,
        _ => inspect.pick,
    };
}

/// Keeps the place within the list, and asks for images that are not at hand.
pub(super) fn settle(state: &mut State) -> Vec<Effect> {
    state.inspect.pick = state.inspect.pick.min(state.inspect.list.len().saturating_sub(1));
    if state.inspect.list.is_empty() {
        return Vec::new();
    }
    let Some(dataset) = choose::dataset(state) else { return Vec::new() };
    let (name, fingerprint) = (dataset.name.clone(), dataset.fingerprint.clone());
    let fold = choose::fold(state);
    let inspect = &mut state.inspect;
    inspect.faces.settle((name.clone(), fingerprint.clone(), fold));
    let split: Split = inspect.split;
    let around = |before: usize, after: usize| {
        let from = inspect.pick.saturating_sub(before);
        let near = inspect.list.iter().skip(from).take(inspect.pick - from + after).map(|judged| judged.index);
        near.filter(|index| !inspect.faces.asked.contains(&(split, *index))).collect::<Vec<usize>>()
    };
    // Not one by one at every step: many, when those that are about to be seen run out.
    if around(BLOCK / 3, BLOCK / 3).is_empty() {
        return Vec::new();
    }
    let missing = around(BLOCK / 2, BLOCK);
    inspect.faces.asked.extend(missing.iter().map(|index| (split, *index)));
    vec![Effect::Inspect(InspectEffect::Faces { dataset: name, fingerprint, fold, split, indices: missing })]
}
