//! Bringing a dataset in: two typed lines, progress, the report of what was left out.

use super::super::{DataState, ImportPurpose, Importing};
use super::open_prompt;
use crate::domain::{DatasetName, text::printable};
use crate::supervise::{ImportEvent, Imported};
use crate::tui::messages::{DataEffect, Effect};
use crate::tui::state::{Confirm, Input, Overlay, Report, State};
use crate::tui::widgets::figures::thousands;

/// The longest path or address.
const LONGEST: usize = 4096;

/// Asks where from.
pub(super) fn ask(state: &mut State) {
    if let Some(import) = &state.data.import {
        let words = format!("{} is being imported: wait for it, or Esc ends it", import.name);
        return state.notify(words);
    }
    let words = "A folder, a zip or tar archive, fer2013.csv, or the https address of one of the latter. Folders and \
                 archives hold train/CLASS and test/CLASS, or CLASS alone. Tab completes paths.";
    open_prompt(state, ImportPurpose::Source, "import a dataset from".into(), words, String::new(), LONGEST);
}

/// Looks at a line as it is typed.
pub(in crate::tui::screens::data) fn typed(state: &State, text: &str) -> Result<(), String> {
    match &state.data.prompt {
        Some(ImportPurpose::Name(_)) => name(state, text).map(drop),
        Some(ImportPurpose::Source) | None => Ok(()),
    }
}

fn name(state: &State, text: &str) -> Result<DatasetName, String> {
    let name = DatasetName::new(text).map_err(|error| error.to_string())?;
    if name.as_str() == "demo" {
        return Err("demo is the built-in dataset's name: choose another".into());
    }
    if state.library.datasets.list.iter().any(|entry| entry.name == name) {
        return Err(format!("there is a dataset {name} already: choose another name, or delete that one before"));
    }
    Ok(name)
}

/// A name from the last part of a path or address: `~/data/fer2013.tar.xz` is `fer2013`.
fn proposal(state: &State, source: &str) -> String {
    let last = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = last.split(['.', '?', '#']).next().unwrap_or_default().to_lowercase();
    let plain: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    let mut candidates = std::iter::once(plain.to_owned()).chain((2..100).map(|number| format!("{plain}-{number}")));
    candidates.find(|candidate| name(state, candidate).is_ok()).unwrap_or_default()
}

/// Takes a line.
pub(in crate::tui::screens::data) fn entered(state: &mut State, text: &str) -> Result<Vec<Effect>, String> {
    match state.data.prompt.clone() {
        None => Ok(Vec::new()),
        Some(ImportPurpose::Source) => {
            let source = text.trim().to_owned();
            if source.is_empty() {
                return Err("type a path or an address; Esc leaves".into());
            }
            let proposal = proposal(state, &source);
            let words = "Letters, digits, - and _. What it is called here, and when training on it.";
            open_prompt(state, ImportPurpose::Name(source), "name of the dataset".into(), words, proposal, 64);
            Ok(Vec::new())
        }
        Some(ImportPurpose::Name(source)) => {
            let name = name(state, text.trim())?;
            let import = Importing { name: name.clone(), source: printable(&source), progress: None, cancelled: false };
            state.data.import = Some(import);
            Ok(vec![Effect::Data(DataEffect::StartImport { source, name })])
        }
    }
}

/// Completes the path that is typed.
pub(in crate::tui::screens::data) fn complete(state: &State, line: &str) -> Vec<Effect> {
    match state.data.prompt {
        Some(ImportPurpose::Source) => vec![Effect::Data(DataEffect::Complete(line.to_owned()))],
        Some(ImportPurpose::Name(_)) | None => Vec::new(),
    }
}

/// Completes the line, unless it was changed meanwhile.
pub(super) fn completed(state: &mut State, typed: &str, path: &str) {
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay
        && state.data.prompt == Some(ImportPurpose::Source)
        && prompt.input.text() == typed
    {
        prompt.input = Input::new(path).with_max_length(LONGEST);
    }
}

/// The question before an import is ended; `None` where there is none.
pub(super) fn ending(data: &DataState) -> Option<Confirm> {
    let import = data.import.as_ref().filter(|import| !import.cancelled)?;
    Some(Confirm {
        title: "import",
        lines: vec![format!("End the import of {}?", import.name), "Nothing of it stays.".into()],
        yes: "yes, end it",
        effects: vec![Effect::Data(DataEffect::CancelImport)],
    })
}

/// Takes news of the import in, and waits for more until it ended.
pub(super) fn on_news(state: &mut State, news: ImportEvent) -> Vec<Effect> {
    let Some(import) = &mut state.data.import else { return Vec::new() };
    let name = import.name.clone();
    match news {
        ImportEvent::Running(progress) => {
            import.progress = progress.or(import.progress.take());
            return vec![Effect::Data(DataEffect::WatchImport)];
        }
        // The answer to being asked to end; whoever waits for news hears the rest.
        ImportEvent::Cancelling => import.cancelled = true,
        ImportEvent::Cancelled => {
            state.data.import = None;
            state.notify(format!("the import of {name} was ended; nothing of it stays"));
        }
        ImportEvent::Failed(error) => {
            state.data.import = None;
            state.fail(&format!("{name} was not imported: {error}"));
        }
        ImportEvent::Finished(imported) => {
            state.data.import = None;
            finished(state, &imported);
            state.data.arriving = Some(name);
            // The list may have come before the news.
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
        return state.notify(format!("{head} are imported, nothing was left out"));
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
        // Not over what is being read or typed; `mien data show` tells it too.
        let words = format!(
            "{} is imported, {} left out: `mien data show {0}` names them",
            imported.name, imported.skipped_count
        );
        return state.notify(words);
    }
    state.overlay = Some(Overlay::Report(Report { title: "imported".into(), lines, first: 0 }));
}
