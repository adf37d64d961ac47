//! The Data screen: the datasets, their classes and their faces.

mod backend;
mod classes;
mod faces;
mod import_form;
mod marks;
mod state;
mod update;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::{Size, Split, text::printable};
use crate::tui::layout::Canvas;
use crate::tui::library::DatasetView;
use crate::tui::messages::data::SplitFilter;
use crate::tui::messages::{Action, Binding, DataAction, Effect};
use crate::tui::screens::ScreenEntry;
use crate::tui::state::State;
use crate::tui::widgets::number_text::{count, share, thousands};
use crate::tui::widgets::paint::{Pen, width, wrap};
use crate::tui::widgets::progress;
pub(super) use backend::run_effect;
pub use import_form::{ImportField, ImportForm, PreviewStatus};
pub use state::{DataState, DataView, Faces, RunningImport};
pub use update::{on_datasets, on_event};

/// The Data screen's entry in the table of screens.
pub(super) struct Data;

impl ScreenEntry for Data {
    fn draw(&self, state: &State, canvas: &mut Canvas<'_>, area: Rect) {
        draw(state, canvas, area);
    }

    fn apply(&self, state: &mut State, action: Action) -> Vec<Effect> {
        update::apply(state, action)
    }

    fn applies(&self, state: &State, action: Action) -> bool {
        applies(state, action)
    }

    fn on_show(&self, state: &mut State) -> Vec<Effect> {
        update::on_show(state)
    }

    fn on_drawn(&self, state: &mut State) -> Vec<Effect> {
        update::request_pictures(state)
    }

    fn selection(&self, state: &State) -> Option<(String, String)> {
        let entry = state.library.datasets.list.get(state.data.selected)?;
        Some((format!("the dataset's name, {}", printable(entry.name.as_str())), entry.name.to_string()))
    }

    fn hint(&self, state: &State, binding: &Binding) -> &'static str {
        let form = &state.data.form;
        match binding.action {
            Action::Back if state.data.view == DataView::Table => "cancel import",
            Action::Enter if form.focus == ImportField::Import => "import",
            Action::Right if form.focus == ImportField::Import => "",
            // Where letters are commands, another key has this hint.
            Action::Help if !form.focus.takes_text() && binding.name == "import.help" => "",
            _ => binding.hint,
        }
    }

    fn paste(&self, state: &mut State, text: &str) -> bool {
        import_form::update::paste(state, text)
    }
}

/// ```text
///  dataset  demo  ▸fer2013
///  48×48 gray · 7 classes · 35,887 images · imbalance 16.5 : 1
///  CLASS       TRAIN    VAL   TEST   share of train
///  angry       3,596    399    958   ██████████▉                          13.9%
/// ── angry · train 1–4 of 3,596 ────────────────────────────────────────────────
/// (faces)
/// ```
fn draw(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let buffer = &mut *canvas.buffer;
    let area = importing(state, buffer, area);
    if state.data.view == DataView::Import {
        return import_form::render(state, canvas, area);
    }
    if state.library.datasets.list.is_empty() {
        return empty(state, buffer, area);
    }
    selector(state, buffer, area);
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let theme = &state.theme;
    match state.library.datasets.list.get(state.data.selected).map(|entry| &entry.dataset) {
        Some(Ok(dataset)) => show(state, dataset, canvas, body),
        Some(Err(reason)) => {
            for (row, line) in (1..).zip(wrap(reason, body.width - 4)) {
                Pen::new(buffer, theme, body, row).skip(2).write(&line, theme.bad());
            }
            let row = body.height.saturating_sub(2);
            Pen::new(buffer, theme, body, row).skip(2).write("D deletes it, i imports it again", theme.dim());
        }
        None => {}
    }
}

/// Returns whether an action would have an effect now.
fn applies(state: &State, action: Action) -> bool {
    let data = &state.data;
    let action = match action {
        Action::Data(action) => action,
        Action::Back if data.view == DataView::Table => {
            return data.import.as_ref().is_some_and(|import| !import.cancelled);
        }
        // On an enlarged face, Enter goes back, and the hints show Esc for that.
        Action::Open => return data.view != DataView::Face && data.dataset(&state.library).is_some(),
        _ => return true,
    };
    match action {
        DataAction::CreateDemo => !data.creating_demo && !state.library.datasets.has("demo"),
        DataAction::Import => state.data.import.is_none(),
        DataAction::Delete => !state.library.datasets.list.is_empty(),
        DataAction::Skipped => data.dataset(&state.library).is_some_and(|dataset| dataset.skipped > 0),
        DataAction::Preview => data.view == DataView::Import,
        DataAction::Marks => data.dataset(&state.library).is_some_and(|dataset| !dataset.marks.images.is_empty()),
        DataAction::Unmark | DataAction::Relabel => data.view == DataView::Marks,
        // Only training images are augmented.
        DataAction::Variants => {
            let is_training = data.sample(&state.library).is_none_or(|sample| sample.split == Split::Train);
            is_training
                && data.filter != SplitFilter::Of(Split::Validation)
                && data.filter != SplitFilter::Of(Split::Test)
        }
        DataAction::NextSplit => state.data.dataset(&state.library).is_some(),
        _ => state.data.count(&state.library) > 0,
    }
}

/// Draws the running import on the last line. Returns the remaining area.
fn importing(state: &State, buffer: &mut Buffer, area: Rect) -> Rect {
    const BAR: u16 = 20;
    let Some(import) = &state.data.import else { return area };
    let theme = &state.theme;
    let row = area.height - 1;
    let mut pen = Pen::new(buffer, theme, area, row);
    pen.skip(1).write(&format!("importing {} ", import.name), theme.strong());
    if import.cancelled {
        pen.write("cancelling and removing its files …", theme.text());
    } else if let Some(progress) = &import.progress {
        let bytes = progress.stage == "downloading" || (progress.stage == "reading" && progress.total.is_some());
        let plain = |number: u64| thousands(usize::try_from(number).unwrap_or(usize::MAX));
        let amount = |number: u64| if bytes { Size(number).to_string() } else { plain(number) };
        pen.write(&format!("{} ", progress.stage), theme.text());
        if let Some(total) = progress.total.filter(|total| *total > 0) {
            let done = usize::try_from(progress.done).unwrap_or(usize::MAX);
            let share = share(done, usize::try_from(total).unwrap_or(usize::MAX));
            progress::render(&mut pen, theme, share, BAR);
            pen.write(&format!(" {} of {}", amount(progress.done), amount(total)), theme.text());
        } else {
            pen.write(&format!("{} so far", amount(progress.done)), theme.text());
        }
        if let Some(classes) = progress.classes {
            pen.write(&format!(" · {}", count(classes, "class", "classes")), theme.text());
        }
    } else {
        pen.write("starting …", theme.text());
    }
    if !import.cancelled {
        pen.flush_right(" Esc cancels it ", theme.dim());
    }
    Rect { height: area.height - 1, ..area }
}

fn empty(state: &State, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    if let Some(error) = &state.library.datasets.error {
        for (row, line) in (1..).zip(wrap(error, area.width - 4)) {
            Pen::new(buffer, theme, area, row).skip(2).write(&line, theme.bad());
        }
        return;
    }
    if let Some(link) = &state.library.link {
        return empty_there(state, &link.name, buffer, area);
    }
    let demo = if !state.library.datasets.loaded {
        "reading the datasets …".into()
    } else if state.data.creating_demo {
        "creating the demo dataset: seven expressions, a few seconds …".into()
    } else if let Some(error) = &state.data.demo_error {
        format!("the demo dataset was not created: {error}")
    } else {
        "d creates the demo dataset: seven expressions, ready to train on".into()
    };
    let lines = [
        ("There is no dataset here yet.", theme.strong()),
        ("", theme.text()),
        (demo.as_str(), theme.accent()),
        ("", theme.text()),
        ("i imports FER-2013, or your own pictures in train/CLASS and test/CLASS:", theme.text()),
        ("a folder, a zip or tar archive, fer2013.csv, or an address. From a shell:", theme.text()),
        ("    mien data import PATH --name fer2013", theme.strong()),
    ];
    for (row, (line, style)) in (1..).zip(lines) {
        Pen::new(buffer, theme, area, row).skip(2).write(line, style);
    }
}

/// Draws the sentences about a home on another machine without datasets.
fn empty_there(state: &State, name: &str, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let command = format!("    mien --home {name} data import PATH --name NAME");
    let lines = if state.library.datasets.loaded {
        vec![
            (format!("There is no dataset on {name} yet."), theme.strong()),
            (String::new(), theme.text()),
            ("A file or an archive of this machine is sent there and imported by".into(), theme.text()),
            (command, theme.strong()),
        ]
    } else {
        vec![(format!("asking {name} for its datasets …"), theme.text())]
    };
    for (row, (line, style)) in (1..).zip(&lines) {
        Pen::new(buffer, theme, area, row).skip(2).write(line, *style);
    }
}

/// Draws the names of all datasets on one line, scrolled to the selected one where they do not fit.
fn selector(state: &State, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let (data, entries) = (&state.data, &state.library.datasets.list);
    let mut pen = Pen::new(buffer, theme, area, 0);
    pen.write(" dataset ", theme.dim());
    let room = usize::from(pen.room().saturating_sub(24));
    let before: usize = entries[..data.selected].iter().map(|entry| entry.name.as_str().len() + 4).sum();
    let mut skipped = 0;
    let first = entries.iter().take_while(|entry| {
        skipped += entry.name.as_str().len() + 4;
        before > room / 2 && skipped < before - room / 2
    });
    let first = first.count();
    for (index, entry) in entries.iter().enumerate().skip(first) {
        let style = if index == data.selected { theme.strong().patch(theme.selected()) } else { theme.text() };
        pen.write(&format!(" {} ", entry.name), style).skip(1);
    }
    if let Some((name, ago)) = state.library.there_age(state.now) {
        pen.flush_right(&format!("{name}, {ago} ago "), theme.dim());
    } else if entries.len() > 1 && data.view == DataView::Table {
        pen.flush_right("← → other datasets ", theme.dim());
    } else if data.creating_demo {
        pen.flush_right("creating the demo dataset … ", theme.dim());
    }
}

fn show(state: &State, dataset: &DatasetView, canvas: &mut Canvas<'_>, area: Rect) {
    let theme = &state.theme;
    if state.data.view == DataView::Marks {
        return marks::render(state, dataset, canvas, area);
    }
    if state.data.view != DataView::Table {
        Pen::new(canvas.buffer, theme, area, 0).skip(1).write(&classes::facts(state, dataset), theme.text());
        return faces::render(state, dataset, canvas, faces::faces_area(state, dataset, area));
    }
    let buffer = &mut *canvas.buffer;
    Pen::new(buffer, theme, area, 0).skip(1).write(&classes::facts(state, dataset), theme.text());
    findings(state, dataset, buffer, area);
    let table = classes::table_area(dataset, area);
    classes::render(state, dataset, buffer, &mut canvas.layout, table);
    let below = Rect { y: table.bottom(), height: area.bottom().saturating_sub(table.bottom()), ..area };
    let skipped = match dataset.skipped {
        0 => "nothing skipped at import".into(),
        n => {
            let key = state.keymap.key("data.skipped");
            let files = count(usize::try_from(n).unwrap_or(usize::MAX), "file", "files");
            format!("{files} skipped at import ({key})")
        }
    };
    let print: String = dataset.fingerprint.chars().take(12).collect();
    let gap = faces::gap(below);
    let mut pen = Pen::new(buffer, theme, below, gap);
    pen.skip(1).write(&format!("fingerprint {print} · {skipped}"), theme.dim());
    if !dataset.marks.images.is_empty() {
        let marked = count(dataset.marks.images.len(), "image", "images");
        pen.write(&format!(" · {marked} marked ({})", state.keymap.key("data.marks")), theme.accent());
    }
    let cached = describe_features(state, dataset, pen.room());
    pen.write(&cached, theme.dim());
    faces::render(state, dataset, canvas, faces::faces_area(state, dataset, area));
}

/// Draws the findings of the dataset's check that fit on a line, such as
/// ` 636 train images in test · 57 contradicting labels · 1,853 exact copies …`.
fn findings(state: &State, dataset: &DatasetView, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let mut pen = Pen::new(buffer, theme, area, 1);
    pen.skip(1);
    for (at, filter) in dataset.findings.iter().enumerate() {
        let words = if at == 0 { filter.clone() } else { format!(" · {filter}") };
        // The last one needs no room for the ellipsis.
        let more = if at + 1 < dataset.findings.len() { 2 } else { 0 };
        if width(&words) + more > pen.room() {
            pen.write(" …", theme.warning());
            return;
        }
        pen.write(&words, theme.warning());
    }
}

/// Returns the disk usage of the dataset's cached features in at most this many columns; empty without such features.
/// An example is ` · cached features 232 MiB (block4 at 96 px)`.
fn describe_features(state: &State, dataset: &DatasetView, columns: u16) -> String {
    let usage = state.library.cached_features(&dataset.name);
    if usage.is_empty() {
        return String::new();
    }
    let bytes: u64 = usage.iter().map(|usage| usage.bytes).sum();
    let short = format!(" · cached features {}", Size(bytes));
    let of: Vec<String> = usage.iter().map(|usage| format!("{} at {} px", usage.key.layer, usage.key.size)).collect();
    let long = format!("{short} ({})", of.join(", "));
    if width(&long) <= columns { long } else { short }
}
