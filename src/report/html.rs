//! A report as one HTML file: no script, no network, readable on a phone, in the dark, in print and by screen readers.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::Chart;
use super::{Face, Report, RunPart, plots};
use crate::domain::number_text::thousands;
use crate::domain::reference::reference;
use crate::domain::text::printable;
use crate::domain::{Confusion, Scores};
use crate::runs::comparison::{ClassRow, MetricRow, RunVerdict, Setting};
use crate::runs::summary::TestResult;
use crate::runs::{Comparison, Summary, event_text};

/// Returns the report as an HTML document.
pub(super) fn render(report: &Report) -> String {
    let title = report.title();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content="mien";
                title { "mien: " (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    h1 { (title) }
                    p.faint { "A report of " (env!("CARGO_PKG_NAME")) " " (env!("CARGO_PKG_VERSION")) ", " (report.made_at) }
                }
                main {
                    @if let Some(comparison) = &report.comparison { (comparison_part(report, comparison)) }
                    @for part in &report.runs { (run_part(part)) }
                }
            }
        }
    };
    page.into_string()
}

fn comparison_part(report: &Report, comparison: &Comparison) -> Markup {
    let names: Vec<String> = comparison.runs.iter().map(ToString::to_string).collect();
    let validation = [
        plots::validation(&report.runs, "validation loss", |epoch| epoch.val_loss),
        plots::validation(&report.runs, "validation accuracy", |epoch| epoch.val_accuracy),
    ];
    html! {
        section aria-labelledby="comparison" {
            h2 id="comparison" { "Comparison" }
            @for note in &comparison.notes { p { (printable(note)) } }
            (metrics(comparison, &names))
            (charts(&validation))
            @if !comparison.verdicts.is_empty() {
                h3 { "Significance, against " (names[comparison.baseline]) }
                @for against in &comparison.verdicts { (verdict(&names, against)) }
                @for verdict in &comparison.seed_verdicts {
                    p { b { (comparison.seed_heading(verdict)) } ": " (verdict.sentences().join("; ")) "." }
                }
            }
            (settings(&comparison.settings, &names))
            (classes(&comparison.classes, &names))
        }
    }
}

fn metrics(comparison: &Comparison, names: &[String]) -> Markup {
    let cell = |row: &MetricRow, at: usize| {
        let text = row.values[at].map_or_else(|| "–".into(), |value| row.metric.text(value));
        html! { td.best[row.best[at]] { @if row.best[at] { "▲ " } (text) } }
    };
    html! {
        div.scroll { table {
            caption { "Metrics; ▲ marks the best" }
            thead { tr { th scope="col" { "Metric" } @for name in names { th scope="col" { (name) } }
                @for known in &comparison.references { th scope="col" { "published, " (known.strategy) } } } }
            tbody { @for row in &comparison.metrics { tr {
                th scope="row" { (row.metric.name()) }
                @for at in 0..names.len() { (cell(row, at)) }
                @for value in &row.references {
                    td { (value.map_or_else(|| "–".into(), |value| row.metric.text(value))) }
                }
            } } }
        } }
    }
}

fn verdict(names: &[String], against: &RunVerdict) -> Markup {
    match against.sentences() {
        Ok([accuracy, f1]) => html! {
            p { b { (names[against.run]) } ": " (accuracy) ". " (f1) "." }
        },
        Err(reason) => html! { p { b { (names[against.run]) } ": " (printable(&reason.to_string())) } },
    }
}

fn settings(settings: &[Setting], names: &[String]) -> Markup {
    html! { @if !settings.is_empty() { div.scroll { table {
        caption { "Settings that differ" }
        thead { tr { th scope="col" { "Setting" } @for name in names { th scope="col" { (name) } } } }
        tbody { @for setting in settings { tr {
            th scope="row" { (printable(setting.label())) }
            @for value in &setting.values { td { (value.as_deref().map_or_else(|| "–".into(), printable)) } }
        } } }
    } } } }
}

fn classes(classes: &[ClassRow], names: &[String]) -> Markup {
    html! { @if !classes.is_empty() { div.scroll { table {
        caption { "F1 by class on the test images; ▲ marks the best" }
        thead { tr { th scope="col" { "Class" } @for name in names { th scope="col" { (name) } }
            th scope="col" { "images" } } }
        tbody { @for row in classes { tr {
            th scope="row" { (printable(&row.name)) }
            @for (f1, best) in row.f1.iter().zip(&row.best) {
                td.best[*best] { @if *best { "▲ " } (f1.map_or_else(|| "–".into(), |f1| format!("{f1:.3}"))) }
            }
            td { (row.support) }
        } } }
    } } } }
}

fn run_part(part: &RunPart) -> Markup {
    let run = &part.run;
    let ending =
        run.outcome.as_ref().map_or_else(|| format!("not ended, epoch {}", run.epoch()), event_text::describe_outcome);
    html! {
        section aria-labelledby=(run.id) {
            h2 id=(run.id) { (run.id) }
            p.faint {
                (run.recipe.strategy) ", network " (run.recipe.network_name()) ", on " (run.recipe.dataset) "; " (ending)
                @if let Some(device) = &run.device { "; " (printable(&device.description)) }
            }
            (numbers(part))
            @if !run.epochs.is_empty() { (charts(&[plots::loss(run), plots::accuracy(run)])) }
            @if let Some(test) = &run.test { (scores(part, test)) (matrix(&run.classes, &test.confusion)) }
            (probabilities(part))
            (faces(part))
            (settings_of(run))
        }
    }
}

/// Returns the few numbers that decide: test metrics, or validation before there is a test.
fn numbers(part: &RunPart) -> Markup {
    let run = &part.run;
    let mut found: Vec<(String, String)> = Vec::new();
    if let Some(test) = &run.test {
        let scores = test.confusion.scores();
        found.push(("test accuracy".into(), format!("{:.4}", scores.accuracy)));
        found.push(("macro F1".into(), format!("{:.4}", scores.f1)));
    }
    if let Some(reliability) = part.probabilities.as_ref().and_then(|metrics| metrics.reliability.as_ref()) {
        found.push(("calibration error".into(), format!("{:.4}", reliability.ece)));
    }
    if let Some((views, test)) = &run.test_views {
        let scores = test.confusion.scores();
        found.push((format!("accuracy, {views} views"), format!("{:.4}", scores.accuracy)));
        found.push((format!("macro F1, {views} views"), format!("{:.4}", scores.f1)));
    }
    if let Some(best) = run.best() {
        found.push(("validation accuracy".into(), format!("{:.4}", best.val_accuracy)));
        found.push(("best epoch".into(), format!("{} of {}", best.epoch, run.epoch())));
    }
    if let Some(parameters) = run.parameters {
        found.push(("parameters".into(), thousands(parameters.total)));
    }
    html! { ul.numbers { @for (name, value) in &found { li { b { (value) } span.faint { (name) } } } } }
}

fn charts(charts: &[Chart]) -> Markup {
    html! { div.charts { @for chart in charts { figure style="margin:0" { (PreEscaped(chart.element())) } } } }
}

/// Returns the calibration and the curves of precision by recall; nothing without predictions.
fn probabilities(part: &RunPart) -> Markup {
    html! { @if let (Some(metrics), Some(plots)) = (&part.probabilities, plots::probabilities(part)) {
        h3 { "Probabilities" }
        @for line in metrics.text() { p { (line) } }
        (charts(&plots))
    } }
}

fn scores(part: &RunPart, test: &TestResult) -> Markup {
    let run = &part.run;
    let average = |label: usize| part.probabilities.as_ref()?.average_precision.per_class.get(label).copied().flatten();
    let mean = part.probabilities.as_ref().and_then(|metrics| metrics.average_precision.mean);
    let cell = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{value:.3}"));
    let scores = test.confusion.scores();
    let Scores { accuracy, precision, recall, f1, ref per_class, .. } = scores;
    let published = run.images.and_then(|images| reference(&run.recipe, images, run.classes.len()));
    let cells = |values: [f64; 3]| html! { @for value in values { td { (format!("{value:.3}")) } } };
    html! { div.scroll { table {
        caption { "Test: " (thousands(usize::try_from(test.confusion.total()).unwrap_or(0))) " images, weights of epoch "
            (test.epoch) ", accuracy " (format!("{accuracy:.4}")) ", loss " (format!("{:.4}", test.loss)) "; " (scores.further_text(None)) }
        thead { tr { th scope="col" { "Class" } th scope="col" { "precision" } th scope="col" { "recall" }
            th scope="col" { "F1" } th scope="col" { "average precision" } th scope="col" { "images" } } }
        tbody {
            @for (label, (name, class)) in run.classes.iter().zip(per_class).enumerate() { tr {
                th scope="row" { (printable(name)) } (cells([class.precision, class.recall, class.f1]))
                td { (cell(average(label))) }
                td { (class.support) }
            } }
            tr { th scope="row" { "macro average" } (cells([precision, recall, f1])) td { (cell(mean)) }
                td { (test.confusion.total()) } }
            @if let Some(published) = published { tr.faint {
                th scope="row" { "published, accuracy " (format!("{:.4}", published.accuracy)) }
                (cells([published.precision, published.recall, published.f1])) td { } td { }
            } }
        }
    } } }
}

/// Returns the confusion matrix in percent of each row; none of more than 40 classes, which no page can show.
fn matrix(classes: &[String], confusion: &Confusion) -> Markup {
    let count = classes.len();
    if count == 0 || count > 40 || confusion.rows().is_empty() {
        return html! {};
    }
    let cell = |truth: usize, predicted: usize| {
        let share = confusion.share(truth, predicted);
        let colour = if truth == predicted { "--good" } else { "--bad" };
        let style = format!("background: rgba(var({colour}), {:.2})", (share * 0.85).min(0.85));
        let images = format!("{} of {} images", confusion.count(truth, predicted), confusion.support(truth));
        html! { td style=(style) title=(images) { (format!("{:.0}", 100.0 * share)) } }
    };
    html! { div.scroll { table.matrix {
        caption { "Confusion matrix: percent of each true class (row) that was predicted as each class (column)" }
        thead { tr { th scope="col" { "true \\ predicted" } @for name in classes { th scope="col" { (printable(name)) } } } }
        tbody { @for (truth, name) in classes.iter().enumerate() { tr {
            th scope="row" { (printable(name)) }
            @for predicted in 0..count { (cell(truth, predicted)) }
        } } }
    } } }
}

fn faces(part: &RunPart) -> Markup {
    let name = |label: usize| part.run.classes.get(label).map_or_else(|| label.to_string(), |name| printable(name));
    let item = |face: &Face| {
        let (truth, predicted) = (name(face.prediction.truth), name(face.prediction.predicted));
        let words = format!("{truth}, predicted as {predicted} with probability {:.2}", face.prediction.confidence);
        html! { li {
            img src={ "data:image/png;base64," (face.png) } alt={ "Face labelled " (words) } title=(face.source);
            @if let Some(map) = &face.heat_map {
                img src={ "data:image/png;base64," (map) } alt={ "Heat map of " (predicted) };
            }
            br; b { (truth) } " → " (predicted) " " (format!("{:.2}", face.prediction.confidence))
        } }
    };
    html! {
        @if !part.faces.is_empty() {
            h3 { "The " (part.faces.len()) " test images with the largest loss" }
            @if part.faces.iter().any(|face| face.heat_map.is_some()) {
                p.faint { "Beside each: where the network sees the predicted class (Grad-CAM), red, and strongest yellow" }
            }
            ul.faces.maps[part.faces.iter().any(|face| face.heat_map.is_some())] {
                @for face in &part.faces { (item(face)) }
            }
        } @else if let Err(reason) = &part.test {
            @if part.run.test.is_some() { p.faint { (printable(&reason.to_string())) } }
        }
    }
}

/// Returns the settings in force and the corrections of training images.
fn settings_of(run: &Summary) -> Markup {
    let recipe = &run.recipe;
    let settings = run.settings_in_force().into_iter().map(|(setting, text)| (setting.name(), text));
    let fields: Vec<(&str, String)> = run.corrections().into_iter().chain(settings).collect();
    html! { details { summary { "Settings" } div.scroll { table {
        caption { "Settings of the run" }
        tbody {
            tr { th scope="row" { "dataset" } td { (recipe.dataset) " " code { (&recipe.fingerprint[..12.min(recipe.fingerprint.len())]) } } }
            @for (name, value) in &fields { tr { th scope="row" { (name) } td { (printable(value)) } } }
        }
    } } } }
}
