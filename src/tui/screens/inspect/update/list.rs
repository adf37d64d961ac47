//! The list of a cell's images or of the suspects: its order and the selected image.

use std::sync::Arc;

use super::super::{BLOCK, InspectState, SUSPECTS, heat_map};
use super::choose;
use crate::domain::Split;
use crate::runs::inspection::Order;
use crate::tui::messages::{Action, Effect, InspectEffect};
use crate::tui::state::State;

/// Fills the list for the cursor and selects its first image.
pub(super) fn refill(inspect: &mut InspectState) {
    inspect.pick = 0;
    refill_in_place(inspect);
}

/// Fills the list again and keeps the selected index.
pub(super) fn refill_in_place(inspect: &mut InspectState) {
    let list = match inspect.report() {
        None => Vec::new(),
        Some(report) if inspect.suspects => report.inspection.hardest(SUSPECTS),
        Some(report) => report.inspection.cell(inspect.cell.0, inspect.cell.1, inspect.order),
    };
    inspect.list = Arc::new(list);
}

/// Sorts by the next criterion and keeps the selected image.
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

/// Puts the cursor on the most frequent mistake, unless it is already inside of the matrix.
pub(super) fn worst_cell(inspect: &mut InspectState) {
    let Some(report) = inspect.report() else { return };
    let classes = report.confusion.classes();
    if inspect.cell != (0, 0) && inspect.cell.0 < classes && inspect.cell.1 < classes {
        return;
    }
    let mistakes = report.confusion.cells().filter(|(truth, predicted, _)| truth != predicted);
    let worst = mistakes.max_by_key(|(truth, predicted, count)| {
        // Of equally frequent ones the first is taken.
        (*count, std::cmp::Reverse((*truth, *predicted)))
    });
    inspect.cell = worst.map_or((0, 0), |(truth, predicted, _)| (truth, predicted));
}

/// Moves the selection within the list; a line of the pager has `across` images.
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

/// Limits the selection to the list, and requests images near it that were not read.
pub(super) fn request_images(state: &mut State) -> Vec<Effect> {
    state.inspect.pick = state.inspect.pick.min(state.inspect.list.len().saturating_sub(1));
    if state.inspect.list.is_empty() {
        return Vec::new();
    }
    let mut effects = heat_map::request(state);
    let Some(dataset) = choose::dataset(state) else { return effects };
    let (name, fingerprint) = (dataset.name.clone(), dataset.fingerprint.clone());
    let fold = choose::fold(state);
    let inspect = &mut state.inspect;
    inspect.faces.reset_if_outdated((name.clone(), fingerprint.clone(), fold));
    let split: Split = inspect.split;
    let around = |before: usize, after: usize| {
        let from = inspect.pick.saturating_sub(before);
        let near = inspect.list.iter().skip(from).take(inspect.pick - from + after).map(|judged| judged.index);
        near.filter(|index| !inspect.faces.requested.contains(&(split, *index))).collect::<Vec<usize>>()
    };
    // Images are requested in blocks, before those near the selection run out.
    if around(BLOCK / 3, BLOCK / 3).is_empty() {
        return effects;
    }
    let missing = around(BLOCK / 2, BLOCK);
    inspect.faces.requested.extend(missing.iter().map(|index| (split, *index)));
    let images = InspectEffect::LoadFaces { dataset: name, fingerprint, fold, split, indices: missing };
    effects.push(Effect::Inspect(images));
    effects
}
