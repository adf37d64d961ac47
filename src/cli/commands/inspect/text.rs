//! The inspection as tables and lines.

use super::sheet::{InspectionView, Listing};
use crate::cli::scores::{class_table, count_table, further_text, matrix};
use crate::cli::table::{Side, Table, metric_text, thousands};
use crate::domain::text::printable;
use crate::domain::{Confusion, MATRIX_CLASSES};
use crate::runs::inspection::{ScoredImage, images_of, shares};

pub(super) fn render(sheet: &InspectionView) -> String {
    let mut parts = vec![head(sheet)];
    match (&sheet.images, &sheet.against) {
        (Some((listing, images)), _) => parts.push(list(sheet, *listing, images)),
        (None, Some((other, change))) => {
            let counts = |count: &i64| if *count == 0 { "0".into() } else { format!("{count:+}") };
            let names = sheet.predictions.classes();
            parts.push(matrix(names, &format!("IMAGES MORE THAN {other}"), &change.counts, counts));
            parts.push(matrix(names, &format!("% OF ROW MORE THAN {other}"), &change.shares, |share| {
                signed(100.0 * share)
            }));
        }
        (None, None) => {
            let confusion = sheet.predictions.confusion();
            if confusion.classes() > MATRIX_CLASSES {
                parts.push(mistakes(sheet, &confusion));
                parts.push(class_table(
                    "CLASS",
                    sheet.predictions.classes(),
                    &sheet.predictions.scores(),
                    Some(&sheet.probabilities),
                ));
                return parts.join("\n");
            }
            let names = sheet.predictions.classes();
            parts.push(count_table(names, &confusion));
            parts.push(matrix(names, "% OF ROW", &shares(&confusion), |share| format!("{:.0}", 100.0 * share)));
            parts.push(class_table("CLASS", names, &sheet.predictions.scores(), Some(&sheet.probabilities)));
        }
    }
    parts.join("\n")
}

fn head(sheet: &InspectionView) -> String {
    let (scores, images) = (sheet.predictions.scores(), thousands(sheet.predictions.images()));
    let (id, dataset) = (&sheet.run.id, &sheet.run.recipe.dataset);
    let epoch = if sheet.epoch > 0 { format!(", weights of epoch {}", sheet.epoch) } else { String::new() };
    let loss = metric_text(sheet.predictions.mean_loss());
    format!(
        "{id}  {images} {} of {dataset}{epoch}\naccuracy {:.4}, macro F1 {:.4}, loss {loss}\n{}",
        images_of(sheet.split),
        scores.accuracy,
        scores.f1,
        further_text(&scores, Some(&sheet.probabilities))
    )
}

fn signed(value: f64) -> String {
    let text = format!("{value:+.1}");
    if text[1..] == *"0.0" { "0.0".into() } else { text }
}

/// Returns the most frequent mistakes, for a matrix that is too large to print.
fn mistakes(sheet: &InspectionView, confusion: &Confusion) -> String {
    const MOST: usize = 20;
    let mut found: Vec<_> = confusion.cells().filter(|(truth, predicted, _)| truth != predicted).collect();
    // Stable: of equals the first classes come first.
    found.sort_by_key(|(.., images)| std::cmp::Reverse(*images));
    let mut table =
        Table::new([("TRUE", Side::Left), ("PREDICTED AS", Side::Left), ("IMAGES", Side::Right), ("OF", Side::Right)]);
    let names = sheet.predictions.classes();
    for (truth, predicted, images) in found.into_iter().take(MOST) {
        let (images, of) = (images.to_string(), confusion.support(truth).to_string());
        table.row(&[names[truth].clone(), names[predicted].clone(), images, of]);
    }
    let classes = thousands(confusion.classes());
    format!("the {MOST} most frequent mistakes; a matrix of {classes} classes is not printed\n{}", table.render())
}

fn list(sheet: &InspectionView, listing: Listing, images: &[ScoredImage]) -> String {
    let names = sheet.predictions.classes();
    let title = match listing {
        Listing::Cell((truth, predicted)) => {
            let of = sheet.predictions.confusion().support(truth);
            format!("{} of {of} images of {} are predicted as {}", images.len(), names[truth], names[predicted])
        }
        Listing::Hardest => {
            format!("the {} hardest of {} images", images.len(), thousands(sheet.predictions.images()))
        }
        Listing::Indices => format!("{} of {} images", images.len(), thousands(sheet.predictions.images())),
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
    for scored in images {
        table.row(&[
            scored.index.to_string(),
            names[scored.truth].clone(),
            format!("{:.3}", scored.probability_of_truth),
            names[scored.predicted].clone(),
            format!("{:.3}", scored.confidence),
            metric_text(Some(scored.loss)),
            sheet.sources.name(sheet.split, scored.index).unwrap_or_else(|| "–".into()),
        ]);
    }
    let table = if images.is_empty() { String::new() } else { table.render() };
    format!("{}\n{table}", printable(&title))
}
