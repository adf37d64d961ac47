//! The panel to the right of the curves: early stopping, current speed and load, and results.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::hyperparameter::Patience;
use crate::domain::{Monitor, RunState, Size, text::printable};
use crate::runs::Summary;
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::widgets::number_text::{count, decimal, rate, real, thousands};
use crate::tui::widgets::paint::{Pen, draw_rule, width};

use super::{scores, status};

/// A line of the panel.
enum Line {
    Rule(String),
    Value(&'static str, String, Style),
}

/// The highest patience that is drawn as one square for each epoch.
const SQUARES: u32 = 9;

/// The number of squares for a higher patience: so few that none is taken for an epoch.
const SCALED: u32 = 5;

/// Draws the panel, with the final metrics first if `short`.
pub(super) fn render(
    state: &State,
    summary: &Summary,
    run_state: RunState,
    short: bool,
    buffer: &mut Buffer,
    area: Rect,
) {
    let theme = &state.theme;
    let mut lines = Vec::new();
    if short {
        lines.extend(test(theme, summary));
    }
    lines.extend(early_stopping(theme, summary, run_state));
    lines.extend(now(theme, summary, run_state));
    // A heading without lines below it is dropped.
    if matches!(lines.get(usize::from(area.height).wrapping_sub(1)), Some(Line::Rule(_))) {
        lines.truncate(usize::from(area.height) - 1);
    }
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    for (row, line) in (0..area.height).zip(&lines) {
        let place = Rect { y: inner.y + row, height: 1, ..inner };
        match line {
            Line::Rule(title) => draw_rule(buffer, theme, place, &[(title, theme.strong())], ""),
            Line::Value(name, value, style) => {
                Pen::new(buffer, theme, place, 0)
                    .skip(1)
                    .left(name, NAME.max(width(name) + 1), theme.dim())
                    .write(value, *style);
            }
        }
    }
}

/// Columns of a line's name; longer names keep a space.
const NAME: u16 = 10;

/// Returns the name of the monitored metric.
pub(super) fn monitor(monitor: Monitor) -> &'static str {
    match monitor {
        Monitor::ValLoss => "val loss",
        Monitor::ValAccuracy => "val acc",
    }
}

fn early_stopping(theme: &Theme, summary: &Summary, run_state: RunState) -> Vec<Line> {
    let (rule, status, limits) = (&summary.recipe.early_stopping, &summary.early_stopping, summary.limits);
    let line = |name, value: String, style| Line::Value(name, value, style);
    let mut lines = vec![Line::Rule("early stopping".into())];
    if status.best_epoch == 0 {
        lines.push(line("best", "none yet".into(), theme.text()));
        lines.push(line("patience", Patience(limits.patience).in_epochs(), theme.text()));
        return lines;
    }
    lines.push(line("best", format!("epoch {}", status.best_epoch), theme.strong()));
    let name = monitor(rule.monitor);
    lines.push(line("", format!("{name} {}", decimal(status.best_value, 4)), theme.strong()));
    if Patience(limits.patience).is_off() {
        lines.push(line("patience", "off".into(), theme.text()));
        return lines;
    }
    let style = if status.waited * 2 > limits.patience { theme.warning() } else { theme.text() };
    let waited = format!("{} of {}", status.waited, limits.patience);
    lines.push(line("waited", format!("{waited} {}", squares(theme, status.waited, limits.patience)), style));
    if !run_state.is_active() || status::has_trained(summary) {
        return lines;
    }
    let end = summary.epoch() + limits.patience.saturating_sub(status.waited);
    if end >= limits.epochs {
        lines.push(line("stops at", format!("epoch {}, the last", limits.epochs), theme.text()));
    } else {
        let (word, bound) = match rule.monitor {
            Monitor::ValLoss => ("below", status.best_value - rule.min_delta),
            Monitor::ValAccuracy => ("above", status.best_value + rule.min_delta),
        };
        lines.push(line("stops at", format!("epoch {end}, unless"), theme.text()));
        lines.push(line("", format!("{word} {}", decimal(bound, 4)), theme.text()));
    }
    lines
}

/// Returns `■■■□□□`, the used and remaining patience, scaled down where there is more than fits.
fn squares(theme: &Theme, waited: u32, patience: u32) -> String {
    let all = if patience > SQUARES { SCALED } else { patience };
    let used = (waited * all).div_ceil(patience.max(1)).min(all);
    let glyphs = theme.glyphs;
    format!("{}{}", glyphs.used.repeat(used as usize), glyphs.left.repeat((all - used) as usize))
}

fn now(theme: &Theme, summary: &Summary, run_state: RunState) -> Vec<Line> {
    let line = |name, value: String| Line::Value(name, value, theme.text());
    let mut lines = vec![Line::Rule(
        if run_state.is_active() && !status::has_trained(summary) { "now" } else { "at the end" }.into(),
    )];
    let features = summary.features.map(|features| features.images_per_second);
    if let Some(speed) = features.or(summary.images_per_second) {
        lines.push(line("speed", format!("{} images/s", whole(speed))));
    }
    if let Some(value) = summary.learning_rate {
        lines.push(line("lr", format!("{} ({})", rate(value), summary.recipe.schedule.name())));
        // The base's learning rate changes by the same factor as the head's.
        let factor = value / summary.recipe.learning_rate;
        let fine_tuning = summary.recipe.transfer.as_ref().and_then(|transfer| transfer.fine_tuning.as_ref());
        lines.extend(fine_tuning.map(|fine_tuning| line("base lr", rate(fine_tuning.base_learning_rate * factor))));
    }
    // A lost or paused worker leaves an outdated measurement.
    let load = if run_state.is_active() && run_state != RunState::Paused { load(summary) } else { Vec::new() };
    lines.extend(load.into_iter().map(|(name, value)| line(name, value)));
    lines.extend(transfer_rows(summary).into_iter().map(|(name, value)| line(name, value)));
    if let Some(last) = summary.epochs.last() {
        lines.push(line("val loss", format!("{} at epoch {}", decimal(last.val_loss, 4), last.epoch)));
        lines.push(line("val acc", format!("{} at epoch {}", decimal(last.val_accuracy, 4), last.epoch)));
    }
    if let Some(device) = &summary.device {
        lines.push(line("device", printable(&device.name)));
        lines.push(line("", printable(&device.description)));
    }
    if let Some(parameters) = summary.parameters.filter(|_| summary.recipe.transfer.is_none()) {
        lines.push(line("network", count(parameters.total, "parameter", "parameters")));
    }
    if let Some(images) = summary.images {
        lines.push(line("images", format!("{} to train on", thousands(images.train))));
    }
    lines.extend(summary.recipe.fold.map(|fold| line("fold", fold.to_string())));
    lines.extend(summary.corrections().into_iter().map(|(name, value)| line(name, value)));
    if lines.len() == 1 { Vec::new() } else { lines }
}

/// Returns the worker's load on its machine.
fn load(summary: &Summary) -> Vec<(&'static str, String)> {
    let Some(load) = &summary.load else { return Vec::new() };
    let mut lines = vec![("CPU", format!("{:.0}%, {}", load.cpu, Size(load.memory)))];
    if let Some(gpu) = &load.gpu {
        let gib = |bytes: u64| real(bytes >> 20) / 1024.0;
        let memory = format!("{:.1}/{:.1} GiB", gib(gpu.memory_used), gib(gpu.memory_total));
        lines.push(("gpu", format!("{}%, {memory}", gpu.utilization)));
    }
    lines
}

/// Returns the trained stages, the trainable parameters and the base of a run with transfer.
fn transfer_rows(summary: &Summary) -> Vec<(&'static str, String)> {
    let Some(transfer) = &summary.recipe.transfer else { return Vec::new() };
    let mut lines = vec![("trained", summary.recipe.trained_stages_text().unwrap_or_default())];
    if let Some(parameters) = summary.parameters {
        let millions = real(parameters.total as u64) / 1e6;
        lines.push(("", format!("{} of {millions:.1} M", thousands(parameters.trainable))));
    }
    lines.push(("base", format!("{}, {} px", transfer.weights, transfer.size)));
    lines
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to what fits
fn whole(value: f64) -> String {
    if value.is_finite() { thousands(value.clamp(0.0, 1e12).round() as usize) } else { "–".into() }
}

/// Returns the final metrics in few lines.
fn test(theme: &Theme, summary: &Summary) -> Vec<Line> {
    let Some(test) = &summary.test else { return Vec::new() };
    let (scores, reference) = (test.confusion.scores(), scores::reference(summary));
    let line = |name, value: f64, published: Option<f64>| {
        let published = published.map(|value| format!("  ref {}", decimal(value, 4))).unwrap_or_default();
        Line::Value(name, format!("{}{published}", decimal(value, 4)), theme.strong())
    };
    let mut lines = vec![
        Line::Rule("test, macro averages".into()),
        line("accuracy", scores.accuracy, reference.map(|reference| reference.accuracy)),
        line("precision", scores.precision, reference.map(|reference| reference.precision)),
        line("recall", scores.recall, reference.map(|reference| reference.recall)),
        line("F1", scores.f1, reference.map(|reference| reference.f1)),
    ];
    if let Some((views, result)) = &summary.test_views {
        let scores = result.confusion.scores();
        lines.push(Line::Rule(format!("test, {views} views")));
        lines.extend([line("accuracy", scores.accuracy, None), line("F1", scores.f1, None)]);
    }
    lines
}
