//! The answers as a person reads them.

use super::Sheet;
use crate::cli::table::{Side, Table, figure, thousands};
use crate::domain::text::printable;
use crate::domain::{Confusion, MATRIX_CLASSES, Scores};
use crate::runs::inspection::{Judged, images_of, shares};

pub(super) fn render(sheet: &Sheet) -> String {
    let mut parts = vec![head(sheet)];
    match (&sheet.images, &sheet.against) {
        (Some((cell, images)), _) => parts.push(list(sheet, *cell, images)),
        (None, Some((other, change))) => {
            let counts = |count: &i64| if *count == 0 { "0".into() } else { format!("{count:+}") };
            let names = sheet.answers.classes();
            parts.push(matrix(names, &format!("IMAGES MORE THAN {other}"), &change.counts, counts));
            parts.push(matrix(names, &format!("% OF ROW MORE THAN {other}"), &change.shares, |share| {
                signed(100.0 * share)
            }));
        }
        (None, None) => {
            let confusion = sheet.answers.confusion();
            if confusion.classes() > MATRIX_CLASSES {
                parts.push(mistakes(sheet, &confusion));
                parts.push(class_table(sheet.answers.classes(), &sheet.answers.scores()));
                return parts.join("\n");
            }
            let names = sheet.answers.classes();
            parts.push(count_table(names, &confusion));
            parts.push(matrix(names, "% OF ROW", &shares(&confusion), |share| format!("{:.0}", 100.0 * share)));
            parts.push(class_table(sheet.answers.classes(), &sheet.answers.scores()));
        }
    }
    parts.join("\n")
}

fn head(sheet: &Sheet) -> String {
    let (scores, images) = (sheet.answers.scores(), thousands(sheet.answers.images()));
    let (id, dataset) = (&sheet.run.id, &sheet.run.recipe.dataset);
    let epoch = if sheet.epoch > 0 { format!(", weights of epoch {}", sheet.epoch) } else { String::new() };
    let loss = figure(sheet.answers.mean_loss());
    format!(
        "{id}  {images} {} of {dataset}{epoch}\naccuracy {:.4}, macro F1 {:.4}, loss {loss}\n",
        images_of(sheet.split),
        scores.accuracy,
        scores.f1
    )
}

fn signed(value: f64) -> String {
    let text = format!("{value:+.1}");
    if text[1..] == *"0.0" { "0.0".into() } else { text }
}

/// The counts of every true and predicted class.
pub(in crate::cli) fn count_table(names: &[String], confusion: &Confusion) -> String {
    matrix(names, "IMAGES: TRUE ↓ PREDICTED →", &confusion.rows(), ToString::to_string)
}

fn matrix<T>(names: &[String], heading: &str, rows: &[Vec<T>], text: impl Fn(&T) -> String) -> String {
    let headings: Vec<(String, Side)> = std::iter::once((heading.to_owned(), Side::Left))
        .chain(names.iter().map(|name| (printable(name), Side::Right)))
        .collect();
    let mut table = Table::of(&headings.iter().map(|(name, side)| (name.as_str(), *side)).collect::<Vec<_>>());
    for (name, row) in names.iter().zip(rows) {
        table.row(&std::iter::once(name.clone()).chain(row.iter().map(&text)).collect::<Vec<_>>());
    }
    table.render()
}

/// The most frequent mistakes, where a matrix of all classes is too large to print.
fn mistakes(sheet: &Sheet, confusion: &Confusion) -> String {
    const MOST: usize = 20;
    let mut found: Vec<_> = confusion.cells().filter(|(truth, predicted, _)| truth != predicted).collect();
    // Stable: of equals the first classes come first.
    found.sort_by_key(|(.., images)| std::cmp::Reverse(*images));
    let mut table =
        Table::new([("TRUE", Side::Left), ("TAKEN FOR", Side::Left), ("IMAGES", Side::Right), ("OF", Side::Right)]);
    let names = sheet.answers.classes();
    for (truth, predicted, images) in found.into_iter().take(MOST) {
        let (images, of) = (images.to_string(), confusion.support(truth).to_string());
        table.row(&[names[truth].clone(), names[predicted].clone(), images, of]);
    }
    let classes = thousands(confusion.classes());
    format!("the {MOST} most frequent mistakes; a matrix of {classes} classes is not printed\n{}", table.render())
}

/// Precision, recall and F1 of each of these classes, and their means.
pub(in crate::cli) fn class_table(names: &[String], scores: &Scores) -> String {
    let mut table = Table::new([
        ("CLASS", Side::Left),
        ("PRECISION", Side::Right),
        ("RECALL", Side::Right),
        ("F1", Side::Right),
        ("SUPPORT", Side::Right),
    ]);
    let row = |name: &str, figures: [f64; 3], support: u64| {
        let [precision, recall, f1] = figures.map(|value| figure(Some(value)));
        [name.to_owned(), precision, recall, f1, support.to_string()]
    };
    for (name, class) in names.iter().zip(&scores.per_class) {
        table.row(&row(name, [class.precision, class.recall, class.f1], class.support));
    }
    let support = scores.per_class.iter().map(|class| class.support).sum();
    table.row(&row("macro average", [scores.precision, scores.recall, scores.f1], support));
    table.render()
}

fn list(sheet: &Sheet, cell: Option<(usize, usize)>, images: &[Judged]) -> String {
    let names = sheet.answers.classes();
    let title = match cell {
        Some((truth, predicted)) => {
            let of = sheet.answers.confusion().support(truth);
            format!("{} of {of} images of {} are taken for {}", images.len(), names[truth], names[predicted])
        }
        None => format!("the {} hardest of {} images", images.len(), thousands(sheet.answers.images())),
    };
    let mut table = Table::new([
        ("IMAGE", Side::Right),
        ("TRUE", Side::Left),
        ("SURE", Side::Right),
        ("PREDICTED", Side::Left),
        ("SURE", Side::Right),
        ("LOSS", Side::Right),
        ("SOURCE", Side::Left),
    ]);
    for judged in images {
        table.row(&[
            judged.index.to_string(),
            names[judged.truth].clone(),
            format!("{:.3}", judged.probability_of_truth),
            names[judged.predicted].clone(),
            format!("{:.3}", judged.confidence),
            figure(Some(judged.loss)),
            sheet.sources.name(sheet.split, judged.index).unwrap_or_else(|| "–".into()),
        ]);
    }
    let table = if images.is_empty() { String::new() } else { table.render() };
    format!("{}\n{table}", printable(&title))
}
