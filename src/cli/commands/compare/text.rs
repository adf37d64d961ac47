//! The comparison as tables and sentences.

use super::sheet::ComparisonView;
use crate::cli::table::{Side, Table, metric_text};
use crate::domain::text::printable;
use crate::runs::Ensemble;
use crate::runs::comparison::{Comparison, Metric, MetricRow, RunVerdict, SeedGroup, SeedVerdict};

/// Returns all parts that have content, separated by empty lines.
pub(super) fn render(sheet: &ComparisonView<'_>) -> String {
    let comparison = &sheet.comparison;
    let mut parts = vec![metrics(sheet)];
    parts.extend((!comparison.settings.is_empty()).then(|| settings(comparison)));
    parts.extend((!comparison.classes.is_empty()).then(|| classes(sheet)));
    parts.extend(comparison.verdicts.iter().map(|against| verdict(comparison, against)));
    let tested = comparison.groups.iter().filter(|group| !group.metrics.is_empty());
    parts.extend(tested.map(|group| seeds(comparison, group)));
    parts.extend(comparison.seed_verdicts.iter().map(|verdict| seed_verdict(comparison, verdict)));
    let notes: Vec<String> = comparison.notes.iter().map(|note| printable(note) + "\n").collect();
    parts.extend((!notes.is_empty()).then(|| notes.concat()));
    parts.join("\n")
}

/// Returns a table with a heading for the rows, a column for each run, and more columns.
fn table(comparison: &Comparison, heading: &str, more: &[String], side: Side) -> Table {
    let names: Vec<&str> = comparison.runs.iter().map(crate::domain::RunId::as_str).collect();
    let more = more.iter().map(|name| (name.as_str(), Side::Right));
    let columns = names.into_iter().map(|name| (name, side)).chain(more);
    Table::of(&std::iter::once((heading, Side::Left)).chain(columns).collect::<Vec<_>>())
}

fn marked(text: String, best: bool) -> String {
    if best { format!("▲ {text}") } else { text }
}

fn metrics(sheet: &ComparisonView<'_>) -> String {
    let comparison = &sheet.comparison;
    let references = comparison.references.iter().map(|reference| format!("reference {}", reference.strategy));
    let more: Vec<String> = sheet.average.iter().map(Ensemble::heading).chain(references).collect();
    let mut table = table(comparison, "TEST", &more, Side::Right);
    for MetricRow { metric, values, best, references } in &comparison.metrics {
        // A row below shows both.
        if matches!(metric, Metric::BestEpoch | Metric::Epochs) {
            continue;
        }
        let text = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| metric.text(value));
        let runs = values.iter().zip(best).map(|(value, best)| marked(text(*value), *best));
        let averages = sheet.average.iter().map(|average| average.metric(*metric));
        let others = averages.chain(references.iter().copied());
        let others = others.map(|value| value.map_or_else(String::new, |value| text(Some(value))));
        table.row(&std::iter::once(metric.name().to_owned()).chain(runs).chain(others).collect::<Vec<_>>());
    }
    let mut about = |heading: &str, cells: Vec<String>| {
        let blank = std::iter::repeat_n(String::new(), more.len());
        table.row(&std::iter::once(heading.to_owned()).chain(cells).chain(blank).collect::<Vec<_>>());
    };
    let runs = || sheet.runs.iter();
    about("strategy", runs().map(|(run, _)| run.recipe.strategy.to_string()).collect());
    about(
        "best epoch",
        runs().map(|(run, _)| format!("{} of {}", run.early_stopping.best_epoch, run.epoch())).collect(),
    );
    about("state", runs().map(|(_, state)| state.to_string()).collect());
    table.render()
}

fn settings(comparison: &Comparison) -> String {
    let mut table = table(comparison, "SETTINGS THAT DIFFER", &[], Side::Left);
    for setting in &comparison.settings {
        let values = setting.values.iter().map(|value| value.clone().unwrap_or_else(|| "–".into()));
        table.row(&std::iter::once(setting.label().to_owned()).chain(values).collect::<Vec<_>>());
    }
    table.render()
}

fn classes(sheet: &ComparisonView<'_>) -> String {
    let comparison = &sheet.comparison;
    let more: Vec<String> = sheet.average.iter().map(Ensemble::heading).chain(["SUPPORT".to_owned()]).collect();
    let mut table = table(comparison, "F1", &more, Side::Right);
    for class in &comparison.classes {
        let runs = class.f1.iter().zip(&class.best).map(|(f1, best)| marked(metric_text(*f1), *best));
        let average = sheet.average.iter().map(|average| metric_text(Some(average.scores().per_class[class.label].f1)));
        let cells = std::iter::once(class.name.clone()).chain(runs).chain(average).chain([class.support.to_string()]);
        table.row(&cells.collect::<Vec<_>>());
    }
    table.render()
}

fn verdict(comparison: &Comparison, against: &RunVerdict) -> String {
    let (run, baseline) = (&comparison.runs[against.run], &comparison.runs[comparison.baseline]);
    match (&against.verdict, against.sentences()) {
        (Ok((verdict, _)), Ok([accuracy, f1])) => {
            let images = crate::domain::number_text::thousands(usize::try_from(verdict.images).unwrap_or(usize::MAX));
            format!("{run} against {baseline} on the same {images} test images\n  {accuracy}\n  {f1}\n")
        }
        (Err(reason), _) | (_, Err(reason)) => {
            format!("{run} against {baseline}: {}\n", printable(&reason.to_string()))
        }
    }
}

fn seeds(comparison: &Comparison, group: &SeedGroup) -> String {
    let mut table = Table::new([
        (if group.folds.is_some() { "OVER FOLDS" } else { "OVER SEEDS" }, Side::Left),
        ("MEAN", Side::Right),
        ("± DEVIATION", Side::Right),
        ("N", Side::Right),
    ]);
    for (metric, spread) in &group.metrics {
        let deviation = spread.deviation.map_or_else(|| "–".into(), |deviation| metric.spread_text(deviation));
        table.row(&[metric.name().into(), metric.spread_text(spread.mean), deviation, spread.count.to_string()]);
    }
    format!("{} differ only in the {}\n{}", comparison.group_names(group), group.describe(), table.render())
}

fn seed_verdict(comparison: &Comparison, verdict: &SeedVerdict) -> String {
    let sentences: Vec<String> = verdict.sentences().into_iter().map(|sentence| format!("  {sentence}\n")).collect();
    format!("{}\n{}", comparison.seed_heading(verdict), sentences.concat())
}
