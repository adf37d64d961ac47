//! The lines of a preview: counts and sizes, the classes with their splits, and everything that is left out.

use ratatui::style::Style;

use super::update::names;
use super::{ImportField, PreviewStatus};
use crate::data::manifest::reasons;
use crate::data::{ImportPreview, PreviewDepth};
use crate::domain::Split;
use crate::domain::number_text::thousands;
use crate::domain::text::printable;
use crate::tui::state::State;
use crate::tui::widgets::paint::wrap;

/// The maximum columns of a class name.
const NAMES: usize = 20;

/// Returns the lines of the preview, wrapped to `columns`.
pub(super) fn lines(state: &State, columns: u16) -> Vec<(String, Style)> {
    let (theme, form) = (&state.theme, &state.data.form);
    let plain = |text: &str, style: Style| {
        wrap(text, columns).into_iter().map(|line| (line, style)).collect::<Vec<(String, Style)>>()
    };
    let order = match form.order(&names(state)) {
        Ok(order) => order,
        // The form shows the error.
        Err((ImportField::Source, _)) => {
            return plain("The images that would be imported are shown here before they are imported.", theme.dim());
        }
        Err((field, error)) => return plain(&format!("✗ {}: {error}", field.label()), theme.bad()),
    };
    if order.is_address() {
        return plain("An address is downloaded when it is imported: there is no preview before.", theme.dim());
    }
    match form.preview_of(&order) {
        None => plain("Ctrl-P shows what would be imported with these values.", theme.dim()),
        Some(PreviewStatus::Reading) => plain("reading the source …", theme.dim()),
        Some(PreviewStatus::Failed(error)) => {
            format!("✗ {error}").lines().flat_map(|line| plain(line, theme.bad())).collect()
        }
        Some(PreviewStatus::Ready(preview)) => {
            let mut lines: Vec<(String, Style)> = Vec::new();
            let more = (preview.depth == PreviewDepth::Headers).then(|| "reading the pixels …".to_owned());
            for (index, line) in preview.head().iter().chain(&more).enumerate() {
                lines.extend(plain(&printable(line), if index == 0 { theme.strong() } else { theme.text() }));
            }
            lines.extend(
                classes(preview)
                    .into_iter()
                    .enumerate()
                    .map(|(index, line)| (line, if index == 0 { theme.dim() } else { theme.text() })),
            );
            for line in reasons(&preview.notes, &preview.left_out) {
                let indent = " ".repeat(line.len() - line.trim_start().len());
                let room = columns.saturating_sub(u16::try_from(indent.len()).unwrap_or(0));
                lines.extend(wrap(&line, room).into_iter().map(|part| (format!("{indent}{part}"), theme.warning())));
            }
            lines
        }
    }
}

/// Returns the table of classes as lines, the heading first.
fn classes(preview: &ImportPreview) -> Vec<String> {
    let name = |name: &str| printable(name).chars().take(NAMES).collect::<String>();
    let widest = preview.classes.iter().map(|class| name(&class.name).chars().count()).max().unwrap_or(0).max(5);
    let line = |name: &str, [train, validation, test]: [String; 3]| {
        format!("{name:widest$} {train:>9} {validation:>9} {test:>9}")
    };
    let heading = line("CLASS", ["TRAIN", "VAL", "TEST"].map(str::to_owned));
    let of = preview.classes.iter();
    let rows = of.map(|class| line(&name(&class.name), Split::ALL.map(|split| thousands(class.counts.get(split)))));
    std::iter::once(heading).chain(rows).collect()
}
