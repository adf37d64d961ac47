//! A running import: its progress, its end, and a report of what it left out.

use super::super::DataState;
use crate::data::Omission;
use crate::data::manifest::reasons;
use crate::domain::text::printable;
use crate::supervise::{ImportEvent, ImportResult, OmissionKind};
use crate::tui::messages::{DataEffect, Effect};
use crate::tui::state::{Confirm, Overlay, Report, State};
use crate::tui::widgets::number_text::thousands;

/// Returns the question before an import is cancelled; `None` without a running import.
pub(super) fn confirm_cancel(data: &DataState) -> Option<Confirm> {
    let import = data.import.as_ref().filter(|import| !import.cancelled)?;
    Some(Confirm {
        title: "import",
        lines: vec![format!("Cancel the import of {}?", import.name), "Nothing of it is kept.".into()],
        yes: "yes, cancel it",
        effects: vec![Effect::Data(DataEffect::CancelImport)],
    })
}

/// Applies an event of the import and waits for the next one until it has ended.
pub(super) fn on_import(state: &mut State, event: ImportEvent) -> Vec<Effect> {
    let Some(import) = &mut state.data.import else { return Vec::new() };
    let name = import.name.clone();
    let has_ended = matches!(event, ImportEvent::Cancelled | ImportEvent::Failed(_) | ImportEvent::Finished(_));
    let cancels = |confirm: &Confirm| confirm.effects.contains(&Effect::Data(DataEffect::CancelImport));
    if has_ended && matches!(&state.overlay, Some(Overlay::Confirm(confirm)) if cancels(confirm)) {
        // Otherwise the question would ask about an import that has ended, and yes would do nothing.
        state.overlay = None;
    }
    match event {
        ImportEvent::Running(progress) => {
            import.progress = progress.or(import.progress.take());
            return vec![Effect::Data(DataEffect::WatchImport)];
        }
        // The request to cancel was answered. The effect that waits for progress reports the end.
        ImportEvent::Cancelling => import.cancelled = true,
        ImportEvent::Cancelled => {
            state.data.import = None;
            state.notify(format!("the import of {name} was cancelled; nothing of it is kept"));
        }
        ImportEvent::Failed(error) => {
            state.data.import = None;
            state.fail(&format!("{name} was not imported: {error}"));
        }
        ImportEvent::Finished(imported) => {
            state.data.import = None;
            finished(state, &imported);
            state.data.arriving = Some(name);
            // The list of datasets may have been read before this event.
            if state.library.datasets.list.iter().any(|entry| Some(&entry.name) == state.data.arriving.as_ref()) {
                let entries = state.library.datasets.list.clone();
                return super::on_datasets(state, entries);
            }
        }
    }
    Vec::new()
}

fn finished(state: &mut State, imported: &ImportResult) {
    let images = thousands(imported.images);
    let head = format!("{}: {images} images in {} classes", imported.name, imported.classes);
    let kind = |kind: &OmissionKind| Omission {
        reason: kind.reason.clone(),
        count: kind.count,
        example: kind.example.clone(),
        skipped: kind.skipped,
    };
    let reasons = reasons(&imported.notes, &imported.left_out.iter().map(kind).collect::<Vec<_>>());
    if imported.skipped_count == 0 && imported.resized == 0 && reasons.is_empty() {
        return state.notify(format!("{head} imported, nothing left out"));
    }
    let number = |count: u64| thousands(usize::try_from(count).unwrap_or(usize::MAX));
    let mut lines = vec![head, String::new()];
    if imported.resized > 0 {
        lines.push(format!("{} were resized", number(imported.resized)));
    }
    lines.extend(reasons);
    // A few files are the examples of the reasons above.
    if imported.skipped_count > imported.left_out.iter().filter(|kind| kind.skipped).count() as u64 {
        lines.push(format!("each of the {} left out:", number(imported.skipped_count)));
        lines.extend(
            imported.skipped.iter().map(|skip| format!("  {}: {}", printable(&skip.source), printable(&skip.reason))),
        );
        let more = imported.skipped_count.saturating_sub(imported.skipped.len() as u64);
        if more > 0 {
            lines.push(format!("  and {} more", number(more)));
        }
    }
    if state.overlay.is_some() {
        // A report must not cover another overlay, and `s` on Data lists the files too.
        let words = format!(
            "{} is imported, {} left out: {} on Data lists them",
            imported.name,
            imported.skipped_count,
            state.keymap.key("data.skipped")
        );
        return state.notify(words);
    }
    state.overlay = Some(Overlay::Report(Report { title: "imported".into(), lines, first: 0 }));
}
