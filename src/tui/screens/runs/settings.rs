//! The settings and the annotations of the selected run.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::text::printable;
use crate::domain::{Hyperparameter, Recipe, StrategyChoice};
use crate::runs::Summary;
use crate::tui::library::RunView;
use crate::tui::state::State;
use crate::tui::widgets::paint::{Pen, draw_rule, wrap};

/// Returns the names of a run's dataset, weights and predecessors, and its corrected images.
fn origins(summary: &Summary) -> Vec<(&'static str, String)> {
    let recipe = &summary.recipe;
    let mut lines = vec![("strategy", recipe.strategy.to_string()), ("dataset", recipe.dataset.to_string())];
    if let Some(transfer) = &recipe.transfer {
        lines.push(("weights", transfer.weights.to_string()));
        lines.extend(transfer.fine_tuning.iter().map(|fine_tuning| ("from", fine_tuning.from.to_string())));
    }
    lines.extend(recipe.after.iter().map(|after| ("after", after.to_string())));
    lines.extend(summary.corrections());
    lines
}

/// Returns the annotations that are not empty: tags, former names, the note, and the failure of a notice.
fn annotations(run: &RunView) -> Vec<(&'static str, String)> {
    let about = &run.annotations;
    let tags: Vec<&str> = about.tags.iter().map(crate::domain::Tag::as_str).collect();
    let former: Vec<&str> = about.former.iter().map(crate::domain::RunId::as_str).collect();
    let lines = [
        ("tags", tags.join(" ")),
        ("formerly", former.join(", ")),
        ("note", about.note.as_str().into()),
        ("notice failed", run.notice_failure.clone().unwrap_or_default()),
    ];
    lines.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

/// Returns the settings that have a row.
fn shown(recipe: &Recipe) -> impl Iterator<Item = Hyperparameter> {
    Hyperparameter::of(recipe.strategy).filter(|setting| !setting.is_off(recipe))
}

/// Returns annotations, origins and settings as lines, each safe to print; empty for a run that cannot be read.
pub(super) fn lines(run: &RunView) -> Vec<String> {
    let Ok(summary) = &run.summary else { return Vec::new() };
    let recipe = summary.recipe_in_force();
    let settings = summary.settings_in_force().into_iter().filter(|(setting, _)| !setting.is_off(&recipe));
    let settings = settings.map(|(setting, text)| (setting.name(), text));
    let all = annotations(run).into_iter().chain(origins(summary)).chain(settings);
    all.map(|(name, text)| printable(&format!("{name:<NAME$}{text}", NAME = usize::from(NAME)))).collect()
}

/// Returns the number of rows at which [`render`] leaves nothing out.
pub(super) fn rows(run: &RunView, columns: u16) -> u16 {
    let Ok(summary) = &run.summary else { return 1 };
    let recipe = &summary.recipe;
    let fixed = 2 + origins(summary).len() + shown(recipe).count();
    let annotated: usize = annotations(run).iter().map(|(_, text)| wrap(text, room(columns)).len()).sum();
    u16::try_from(fixed + annotated).unwrap_or(u16::MAX / 2)
}

/// Columns of a setting's name.
const NAME: u16 = 19;

fn room(columns: u16) -> u16 {
    columns.saturating_sub(NAME + 2)
}

/// Draws the settings of a run; those that differ from the default are highlighted.
pub(super) fn render(state: &State, run: &RunView, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let Ok(summary) = &run.summary else { return };
    if area.height < 4 {
        return;
    }
    let title = [("settings of ", theme.dim()), (run.id.as_str(), theme.strong())];
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &title, "");
    let recipe = &summary.recipe;
    let mut row = 1;
    for (name, text) in annotations(run) {
        for (line, part) in wrap(&text, room(area.width)).iter().enumerate() {
            let name = if line == 0 { name } else { "" };
            Pen::new(buffer, theme, area, row).skip(1).left(name, NAME, theme.dim()).write(part, theme.accent());
            row += 1;
        }
    }
    for (name, value) in origins(summary) {
        Pen::new(buffer, theme, area, row).skip(1).left(name, NAME, theme.dim()).write(&value, theme.text());
        row += 1;
    }
    for setting in shown(recipe) {
        let value = setting.get(recipe);
        let default = StrategyChoice::One(recipe.strategy).default_of(setting).unwrap_or_default();
        let in_force = summary.setting(setting).unwrap_or_default();
        let mut pen = Pen::new(buffer, theme, area, row);
        pen.skip(1).left(setting.name(), NAME, theme.dim());
        if in_force != value {
            pen.write(&in_force, theme.strong()).write(&format!("  (changed from {value})"), theme.dim());
        } else if value == default {
            pen.write(&value, theme.text());
        } else {
            pen.write(&value, theme.strong()).write(&format!("  (default {default})"), theme.dim());
        }
        row += 1;
    }
}
