//! The inspection as JSON and as rows of comma-separated values, for scripts. Keys are stable: none is ever renamed.

use serde::Serialize;

use super::sheet::{InspectionView, Listing};
use crate::cli::scores::{ClassEntry, FurtherScores, class_entries};
use crate::domain::{ClassScores, Confusion, RunId, Split};
use crate::runs::inspection::{Difference, ScoredImage, shares};
use crate::runs::probabilities::{RecallPoint, curve};
use crate::supervise::HeatMaps;

/// The whole inspection.
#[derive(Debug, Serialize)]
pub(super) struct InspectionJson<'a> {
    id: &'a RunId,
    dataset: &'a str,
    split: Split,
    epoch: u32,
    images: usize,
    classes: &'a [String],
    accuracy: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    #[serde(flatten)]
    further: FurtherScores,
    loss: Option<f64>,
    confusion: Confusion,
    shares: Vec<Vec<f64>>,
    per_class: Vec<ClassEntry<'a>>,
    /// Precision by recall of each class, thinned; `null` for a class without images.
    precision_recall: Vec<Option<Vec<RecallPoint>>>,
    against: Option<OtherRunJson<'a>>,
    cell: Option<Cell<'a>>,
    hardest: Option<Vec<Image<'a>>>,
    /// The images of `--image`.
    images_listed: Option<Vec<Image<'a>>>,
}

#[derive(Debug, Serialize)]
struct OtherRunJson<'a> {
    id: &'a RunId,
    #[serde(flatten)]
    difference: &'a Difference,
}

#[derive(Debug, Serialize)]
struct Cell<'a> {
    truth: &'a str,
    predicted: &'a str,
    images: Vec<Image<'a>>,
}

#[derive(Debug, Serialize)]
struct Image<'a> {
    index: usize,
    source: Option<String>,
    truth: &'a str,
    predicted: &'a str,
    confidence: f32,
    probability_of_truth: f32,
    loss: f64,
    probabilities: &'a [f32],
    #[serde(skip_serializing_if = "Option::is_none")]
    heat_maps: Option<&'a HeatMaps>,
}

pub(super) fn object(sheet: &InspectionView) -> InspectionJson<'_> {
    let (predictions, run) = (&sheet.predictions, &sheet.run);
    let (confusion, scores) = (predictions.confusion(), predictions.scores());
    let names = predictions.classes();
    let probabilities = Some(&sheet.probabilities);
    let per_class = class_entries(names, &scores, probabilities);
    let thinned = |class| curve(predictions, class).map(|curve| curve.thinned());
    let entries = || {
        let images = sheet.images.iter().flat_map(|(_, images)| images).enumerate();
        images.map(|(at, scored)| Image { heat_maps: sheet.heat_maps.get(at), ..image(sheet, scored) }).collect()
    };
    let (mut cell, mut hardest, mut images_listed) = (None, None, None);
    match sheet.images.as_ref().map(|(listing, _)| listing) {
        Some(Listing::Cell((truth, predicted))) => {
            cell = Some(Cell { truth: &names[*truth], predicted: &names[*predicted], images: entries() });
        }
        Some(Listing::Hardest) => hardest = Some(entries()),
        Some(Listing::Indices) => images_listed = Some(entries()),
        None => {}
    }
    InspectionJson {
        id: &run.id,
        dataset: run.recipe.dataset.as_str(),
        split: sheet.split,
        epoch: sheet.epoch,
        images: predictions.images(),
        classes: names,
        accuracy: scores.accuracy,
        precision: scores.precision,
        recall: scores.recall,
        f1: scores.f1,
        further: FurtherScores::of(&scores, probabilities),
        loss: predictions.mean_loss(),
        shares: shares(&confusion),
        confusion,
        per_class,
        precision_recall: (0..names.len()).map(thinned).collect(),
        against: sheet.against.as_ref().map(|(id, difference)| OtherRunJson { id, difference }),
        cell,
        hardest,
        images_listed,
    }
}

fn image<'a>(sheet: &'a InspectionView, scored: &ScoredImage) -> Image<'a> {
    let names = sheet.predictions.classes();
    Image {
        index: scored.index,
        source: sheet.sources.name(sheet.split, scored.index),
        truth: &names[scored.truth],
        predicted: &names[scored.predicted],
        confidence: scored.confidence,
        probability_of_truth: scored.probability_of_truth,
        loss: scored.loss,
        probabilities: sheet.predictions.probabilities(scored.index).unwrap_or_default(),
        heat_maps: None,
    }
}

/// Returns a row for each listed image. Without a list, returns a row for each class: counts or their changes, and
/// scores.
pub(super) fn rows(sheet: &InspectionView) -> Vec<Vec<String>> {
    let names = sheet.predictions.classes();
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    if let Some((_, images)) = &sheet.images {
        let heading = ["index", "source", "truth", "predicted", "confidence", "probability_of_truth", "loss"];
        let mut rows = vec![owned(&heading)];
        rows.extend(images.iter().map(|scored| {
            let image = image(sheet, scored);
            let figures =
                [image.confidence.to_string(), image.probability_of_truth.to_string(), image.loss.to_string()];
            let about = [image.index.to_string(), image.source.unwrap_or_default()];
            [about.as_slice(), &owned(&[image.truth, image.predicted]), &figures].concat()
        }));
        return rows;
    }
    let text = |number: &dyn ToString| number.to_string();
    let counts: Vec<Vec<String>> = if let Some((_, difference)) = &sheet.against {
        difference.counts.iter().map(|row| row.iter().map(|count| text(count)).collect()).collect()
    } else {
        sheet.predictions.confusion().rows().iter().map(|row| row.iter().map(|count| text(count)).collect()).collect()
    };
    let figures = ["precision", "recall", "f1", "support", "average_precision"];
    // Without the columns of a matrix that is too large to print.
    let columns = if counts.is_empty() { Vec::new() } else { names.to_vec() };
    let mut rows = vec![[owned(&["truth"]), columns, owned(&figures)].concat()];
    let counts = counts.into_iter().chain(std::iter::repeat(Vec::new()));
    let averages = &sheet.probabilities.average_precision.per_class;
    let classes = sheet.predictions.scores().per_class.into_iter().zip(averages);
    for ((name, counts), (class, average)) in names.iter().zip(counts).zip(classes) {
        let ClassScores { precision, recall, f1, support } = class;
        let average = average.map(|average| average.to_string()).unwrap_or_default();
        let figures = [precision.to_string(), recall.to_string(), f1.to_string(), support.to_string(), average];
        rows.push([vec![name.clone()], counts, figures.to_vec()].concat());
    }
    rows
}
