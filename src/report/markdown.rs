//! A report as Markdown, for a pull request or a wiki.

use std::fmt::Write as _;

use super::{Report, RunPart};
use crate::domain::text::printable;
use crate::runs::{Comparison, ProbabilityMetrics, event_text};

/// Returns the report as a Markdown document.
pub(super) fn render(report: &Report) -> String {
    let mut out =
        format!("# {}\n\nA report of mien {}, {}.\n", report.title(), env!("CARGO_PKG_VERSION"), report.made_at);
    if let Some(comparison) = &report.comparison {
        compare(&mut out, comparison);
    }
    for part in &report.runs {
        run(&mut out, part);
    }
    out
}

fn compare(out: &mut String, comparison: &Comparison) {
    let names: Vec<String> = comparison.runs.iter().map(ToString::to_string).collect();
    out.push_str("\n## Comparison\n\n");
    for note in &comparison.notes {
        let _ = writeln!(out, "{}\n", cell(note));
    }
    let mut head = vec!["metric".to_owned()];
    head.extend(names.iter().cloned());
    head.extend(comparison.references.iter().map(|known| format!("published, {}", known.strategy)));
    let rows = comparison.metrics.iter().map(|row| {
        let value = |(value, best): (&Option<f64>, &bool)| {
            let text = value.map_or_else(|| "–".into(), |value| row.metric.text(value));
            if *best { format!("**{text}**") } else { text }
        };
        let published = |value: &Option<f64>| value.map_or_else(|| "–".into(), |value| row.metric.text(value));
        let mut cells = vec![row.metric.name().to_owned()];
        cells.extend(row.values.iter().zip(&row.best).map(value));
        cells.extend(row.references.iter().map(published));
        cells
    });
    table(out, &head, rows);
    for against in &comparison.verdicts {
        let words = match against.sentences() {
            Ok([accuracy, f1]) => format!("{accuracy}. {f1}."),
            Err(reason) => reason.to_string(),
        };
        let (run, baseline) = (&names[against.run], &names[comparison.baseline]);
        let _ = writeln!(out, "- {run} against {baseline}: {}", cell(&words));
    }
    for verdict in &comparison.seed_verdicts {
        let _ = writeln!(out, "- {}: {}.", comparison.seed_heading(verdict), cell(&verdict.sentences().join(". ")));
    }
    if !comparison.settings.is_empty() {
        out.push_str("\nSettings that differ:\n\n");
        let mut head = vec!["setting".to_owned()];
        head.extend(names);
        table(
            out,
            &head,
            comparison.settings.iter().map(|setting| {
                let mut cells = vec![setting.label().to_owned()];
                cells.extend(setting.values.iter().map(|value| value.clone().unwrap_or_else(|| "–".into())));
                cells
            }),
        );
    }
}

fn run(out: &mut String, part: &RunPart) {
    let run = &part.run;
    let ending =
        run.outcome.as_ref().map_or_else(|| format!("not ended, epoch {}", run.epoch()), event_text::describe_outcome);
    let (recipe, network) = (&run.recipe, run.recipe.network_name());
    let _ =
        writeln!(out, "\n## {}\n\n{}, network {network}, on {}; {ending}.\n", run.id, recipe.strategy, recipe.dataset);
    if let Some(test) = &run.test {
        let scores = test.confusion.scores();
        let head = ["class", "precision", "recall", "F1", "average precision", "images"].map(str::to_owned);
        let number = |value: f64| format!("{value:.3}");
        let averages = part.probabilities.as_ref().map(|metrics| &metrics.average_precision);
        let optional = |value: Option<f64>| value.map_or_else(|| "–".into(), number);
        let class = |(label, (name, class)): (usize, (&String, &crate::domain::ClassScores))| {
            let average = averages.and_then(|averages| averages.per_class.get(label).copied().flatten());
            vec![
                name.clone(),
                number(class.precision),
                number(class.recall),
                number(class.f1),
                optional(average),
                class.support.to_string(),
            ]
        };
        let (macro_average, total) = ("macro average".to_owned(), test.confusion.total().to_string());
        let mean = optional(averages.and_then(|averages| averages.mean));
        let average =
            vec![macro_average, number(scores.precision), number(scores.recall), number(scores.f1), mean, total];
        table(out, &head, run.classes.iter().zip(&scores.per_class).enumerate().map(class).chain([average]));
        let _ = writeln!(
            out,
            "Test accuracy {:.4}, loss {:.4}, weights of epoch {}; {}.",
            scores.accuracy,
            test.loss,
            test.epoch,
            scores.further_text(None)
        );
        for line in part.probabilities.iter().flat_map(ProbabilityMetrics::text) {
            let _ = writeln!(out, "{}  ", cell(&line));
        }
        if let Some((views, test)) = &run.test_views {
            let scores = test.confusion.scores();
            let _ = writeln!(out, "By {views} views: accuracy {:.4}, macro F1 {:.4}.", scores.accuracy, scores.f1);
        }
        out.push('\n');
    }
    let corrections = run.corrections().into_iter().map(|(name, text)| vec![name.to_owned(), text]);
    let settings = run.settings_in_force().into_iter().map(|(setting, text)| vec![setting.name().to_owned(), text]);
    table(out, &["setting".to_owned(), "value".to_owned()], corrections.chain(settings));
}

fn table(out: &mut String, head: &[String], rows: impl Iterator<Item = Vec<String>>) {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    out.push_str(&line(head));
    let rule: Vec<&str> = head.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "--:" }).collect();
    let _ = writeln!(out, "| {} |", rule.join(" | "));
    for row in rows {
        out.push_str(&line(&row));
    }
    out.push('\n');
}

/// Returns a text that cannot end a cell or begin markup.
fn cell(text: &str) -> String {
    printable(text).replace('|', "\\|").replace('<', "&lt;")
}
