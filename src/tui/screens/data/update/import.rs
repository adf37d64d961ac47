//! Importing a dataset: two typed lines, progress, and a report of the files left out.

use super::super::{DataState, ImportPurpose, Importing};
use super::open_prompt;
use crate::domain::{DatasetName, text::printable};
use crate::supervise::{ImportEvent, Imported};
use crate::tui::messages::{DataEffect, Effect};
use crate::tui::state::{Confirm, Input, Overlay, Report, State};
use crate::tui::widgets::figures::thousands;

/// The longest path or address.
const LONGEST: usize = 4096;

/// Asks for the source of an import.
pub(super) fn ask(state: &mut State) {
    if let Some(import) = &state.data.import {
        let words = format!("{} is being imported: wait for it, or cancel it with Esc", import.name);
        return state.notify(words);
    }
    let words = "A folder, a zip or tar archive, fer2013.csv, or the https address of such a file. Folders and \
                 archives hold train/CLASS and test/CLASS, or CLASS alone. Tab completes paths.";
    open_prompt(state, ImportPurpose::Source, "import a dataset from".into(), words, String::new(), LONGEST);
}

/// Checks a line while it is typed.
pub(in crate::tui::screens::data) fn typed(state: &State, text: &str) -> Result<(), String> {
    match &state.data.prompt {
        Some(ImportPurpose::Name(_)) => parse_name(state, text).map(drop),
        Some(ImportPurpose::Source) | None => Ok(()),
    }
}

fn parse_name(state: &State, text: &str) -> Result<DatasetName, String> {
    let name = DatasetName::new(text).map_err(|error| error.to_string())?;
    if name.as_str() == "demo" {
        return Err("demo is the built-in dataset's name: choose another".into());
    }
    if state.library.datasets.list.iter().any(|entry| entry.name == name) {
        return Err(format!("a dataset {name} already exists: choose another name, or delete it first"));
    }
    Ok(name)
}

/// Returns a free name from the last part of a path or address: `~/data/fer2013.tar.xz` is `fer2013`.
fn suggest_name(state: &State, source: &str) -> String {
    let last = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = last.split(['.', '?', '#']).next().unwrap_or_default().to_lowercase();
    let plain: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    let mut candidates = std::iter::once(plain.to_owned()).chain((2..100).map(|number| format!("{plain}-{number}")));
    candidates.find(|candidate| parse_name(state, candidate).is_ok()).unwrap_or_default()
}

/// Accepts a line. Returns the effects to request.
pub(in crate::tui::screens::data) fn entered(state: &mut State, text: &str) -> Result<Vec<Effect>, String> {
    match state.data.prompt.clone() {
        None => Ok(Vec::new()),
        Some(ImportPurpose::Source) => {
            let source = text.trim().to_owned();
            if source.is_empty() {
                return Err("type a path or an address; Esc cancels".into());
            }
            let suggestion = suggest_name(state, &source);
            let words = "Letters, digits, - and _. Commands and runs use this name.";
            open_prompt(state, ImportPurpose::Name(source), "name of the dataset".into(), words, suggestion, 64);
            Ok(Vec::new())
        }
        Some(ImportPurpose::Name(source)) => {
            let name = parse_name(state, text.trim())?;
            let import = Importing { name: name.clone(), source: printable(&source), progress: None, cancelled: false };
            state.data.import = Some(import);
            Ok(vec![Effect::Data(DataEffect::StartImport { source, name })])
        }
    }
}

/// Requests the completion of the typed path.
pub(in crate::tui::screens::data) fn complete(state: &State, line: &str) -> Vec<Effect> {
    match state.data.prompt {
        Some(ImportPurpose::Source) => vec![Effect::Data(DataEffect::Complete(line.to_owned()))],
        Some(ImportPurpose::Name(_)) | None => Vec::new(),
    }
}

/// Completes the line, unless it has changed since the request.
pub(super) fn completed(state: &mut State, typed: &str, path: &str) {
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay
        && state.data.prompt == Some(ImportPurpose::Source)
        && prompt.input.text() == typed
    {
        prompt.input = Input::new(path).with_max_length(LONGEST);
    }
}

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

fn finished(state: &mut State, imported: &Imported) {
    let images = thousands(imported.images);
    let head = format!("{}: {images} images in {} classes", imported.name, imported.classes);
    if imported.skipped_count == 0 && imported.resized == 0 {
        return state.notify(format!("{head} imported, nothing left out"));
    }
    let mut lines = vec![head, String::new()];
    if imported.resized > 0 {
        lines.push(format!("{} were resized", thousands(usize::try_from(imported.resized).unwrap_or(usize::MAX))));
    }
    if imported.skipped_count > 0 {
        lines.push(format!("{} left out:", thousands(usize::try_from(imported.skipped_count).unwrap_or(usize::MAX))));
        lines.extend(
            imported.skipped.iter().map(|skip| format!("  {}: {}", printable(&skip.source), printable(&skip.reason))),
        );
        let more = imported.skipped_count.saturating_sub(imported.skipped.len() as u64);
        if more > 0 {
            lines.push(format!("  and {} more", thousands(usize::try_from(more).unwrap_or(usize::MAX))));
        }
    }
    if state.overlay.is_some() {
        // A report must not cover another overlay, and `mien data show` lists the files too.
        let words = format!(
            "{} is imported, {} left out: `mien data show {0}` lists them",
            imported.name, imported.skipped_count
        );
        return state.notify(words);
    }
    state.overlay = Some(Overlay::Report(Report { title: "imported".into(), lines, first: 0 }));
}
