//! The changes that keys and events make on the import form.

use std::sync::Arc;

use super::super::{DataView, RunningImport};
use super::{ImportField, ImportForm, PreviewStatus};
use crate::data::{ImportPreview, PreviewDepth};
use crate::domain::{DatasetName, text::printable};
use crate::tui::messages::data::ImportSpec;
use crate::tui::messages::{Action, Completion, DataAction, DataEffect, Effect};
use crate::tui::state::State;

/// Shows the form with its values so far.
pub(in crate::tui::screens::data) fn open(state: &mut State) {
    if let Some(import) = &state.data.import {
        let words = format!("{} is being imported: wait for it, or cancel it with Esc", import.name);
        return state.notify(words);
    }
    state.data.view = DataView::Import;
}

/// Returns the names of the datasets in the home.
pub(in crate::tui::screens::data) fn names(state: &State) -> Vec<&DatasetName> {
    state.library.datasets.list.iter().map(|entry| &entry.name).collect()
}

/// Returns the form, to be changed, and the names of datasets.
fn form_and_names(state: &mut State) -> (&mut ImportForm, Vec<&DatasetName>) {
    (&mut state.data.form, state.library.datasets.list.iter().map(|entry| &entry.name).collect())
}

/// Applies an action. Returns the effects to request.
pub(in crate::tui::screens::data) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    let focus = state.data.form.focus;
    match action {
        Action::Back => return close(state),
        Action::Enter if focus == ImportField::Import => return enter(state),
        Action::Data(DataAction::Preview) => return preview(state, true),
        Action::Up => return step(state, -1),
        Action::Down | Action::Enter => return step(state, 1),
        Action::First | Action::PageUp => return go_to(state, ImportField::Source),
        Action::Last | Action::PageDown => return go_to(state, ImportField::Import),
        Action::Complete => {
            let typed = state.data.form.input(focus).map(|input| input.text().to_owned()).unwrap_or_default();
            return vec![Effect::Data(DataEffect::Complete(typed))];
        }
        Action::Left | Action::Right if !focus.takes_text() => state.data.form.toggle(),
        edit => {
            let (form, names) = form_and_names(state);
            form.change(&names, |input| input.edit(edit));
        }
    }
    Vec::new()
}

/// Pastes a path: into the form, or into a form that it opens. Returns whether the text was taken.
pub(in crate::tui::screens::data) fn paste(state: &mut State, text: &str) -> bool {
    if state.data.view != DataView::Import {
        let text = text.trim_start_matches(['\'', '"', ' ']);
        let is_source = ["/", "~/", "file:/", "https://", "http://"].iter().any(|start| text.starts_with(start));
        if !is_source || text.trim_end().lines().count() != 1 || state.data.import.is_some() {
            return false;
        }
        open(state);
        state.data.form = ImportForm::default();
    }
    let (form, names) = form_and_names(state);
    form.change(&names, |input| input.paste(text));
    form.focus.takes_text()
}

fn step(state: &mut State, by: isize) -> Vec<Effect> {
    let fields = ImportForm::fields();
    let here = fields.iter().position(|field| *field == state.data.form.focus).unwrap_or(0).cast_signed();
    let to = (here + by).rem_euclid(fields.len().cast_signed()).cast_unsigned();
    go_to(state, fields[to])
}

/// Moves the focus. Returns the request of a preview, if the form has changed.
fn go_to(state: &mut State, field: ImportField) -> Vec<Effect> {
    state.data.form.focus = field;
    preview(state, false)
}

/// Requests a preview, unless there is one of these values, or the values are incomplete. With `again`, also after a
/// failure, and errors are shown.
fn preview(state: &mut State, again: bool) -> Vec<Effect> {
    let order = match state.data.form.order(&names(state)) {
        Ok(order) => order,
        Err((field, error)) => {
            if again {
                state.data.form.focus = field;
                state.fail(&error);
            }
            return Vec::new();
        }
    };
    if order.is_address() {
        if again {
            state.notify("an address is downloaded when it is imported: there is no preview before".into());
        }
        return Vec::new();
    }
    let known = state.data.form.preview_of(&order);
    if known.is_some() && !(again && matches!(known, Some(PreviewStatus::Failed(_)))) {
        return Vec::new();
    }
    state.data.form.preview = Some((order.clone(), PreviewStatus::Reading));
    vec![Effect::Data(DataEffect::Preview(Some((order, PreviewDepth::Headers))))]
}

/// Stores a preview, unless the form was changed since. After the headers, the pixels are requested: a picture whose
/// pixels are damaged has a sound header.
pub(in crate::tui::screens::data) fn on_previewed(
    state: &mut State,
    order: &ImportSpec,
    found: Result<Arc<ImportPreview>, String>,
) -> Vec<Effect> {
    let by_headers = found.as_ref().is_ok_and(|preview| preview.depth == PreviewDepth::Headers);
    let status = match found {
        Ok(preview) => PreviewStatus::Ready(preview),
        Err(error) => PreviewStatus::Failed(error),
    };
    if let Some((wanted, waiting)) = &mut state.data.form.preview
        && wanted == order
    {
        *waiting = status;
        if by_headers && state.data.view == DataView::Import {
            return vec![Effect::Data(DataEffect::Preview(Some((order.clone(), PreviewDepth::Pixels))))];
        }
    }
    Vec::new()
}

/// Completes the focused path, unless it has changed since the request. A complete path is left for the next field, as
/// elsewhere in the form.
pub(in crate::tui::screens::data) fn on_completed(state: &mut State, completion: &Completion) -> Vec<Effect> {
    let (form, names) = form_and_names(state);
    if !form.focus.is_path() || form.input(form.focus).is_none_or(|input| input.text() != completion.typed) {
        return Vec::new();
    }
    form.set_path(&names, &completion.completed);
    if let Some(remark) = completion.remark() {
        state.notify(remark);
    }
    let is_complete = completion.exists && completion.completed == completion.typed;
    if is_complete { step(state, 1) } else { Vec::new() }
}

/// Starts the import once its preview has been shown.
fn enter(state: &mut State) -> Vec<Effect> {
    let order = match state.data.form.order(&names(state)) {
        Ok(order) => order,
        Err((field, error)) => {
            state.data.form.focus = field;
            state.fail(&error);
            return Vec::new();
        }
    };
    match state.data.form.preview_of(&order) {
        Some(PreviewStatus::Ready(_)) => {}
        _ if order.is_address() => {}
        Some(PreviewStatus::Reading) => {
            state.notify("the source is still being read: the preview comes first".into());
            return Vec::new();
        }
        Some(PreviewStatus::Failed(_)) | None => return preview(state, true),
    }
    let source = printable(&order.source);
    state.data.import = Some(RunningImport { name: order.name.clone(), source, progress: None, cancelled: false });
    let form = std::mem::take(&mut state.data.form);
    state.data.view = DataView::Table;
    // The import reads the pixels itself.
    let end = is_reading(&form).then_some(Effect::Data(DataEffect::Preview(None)));
    [Effect::Data(DataEffect::StartImport(order))].into_iter().chain(end).collect()
}

/// Returns whether a preview is being made: the first one, or that by pixels after that by headers.
fn is_reading(form: &ImportForm) -> bool {
    match &form.preview {
        Some((_, PreviewStatus::Reading)) => true,
        Some((_, PreviewStatus::Ready(preview))) => preview.depth == PreviewDepth::Headers,
        _ => false,
    }
}

/// Closes the form, which keeps its values, and ends a preview.
fn close(state: &mut State) -> Vec<Effect> {
    state.data.view = DataView::Table;
    let form = &mut state.data.form;
    if is_reading(form) {
        form.preview = None;
        return vec![Effect::Data(DataEffect::Preview(None))];
    }
    Vec::new()
}
