//! Comparison with torchmetrics, SciPy and scikit-learn (tests/fixtures/probabilities.py), and properties.

use proptest::prelude::*;

use super::*;
use crate::runs::Predictions;

/// The cases of tests/fixtures/probabilities.json.
#[derive(serde::Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Errors {
    loss: f64,
    ece: f64,
    mce: f64,
}

#[derive(serde::Deserialize)]
struct Curve {
    average: f64,
    precision: Vec<f64>,
    recall: Vec<f64>,
}

#[derive(serde::Deserialize)]
struct Case {
    classes: usize,
    truth: Vec<u16>,
    probabilities: Vec<f32>,
    #[serde(flatten)]
    plain: Errors,
    temperature: f64,
    scaled: Errors,
    curves: Vec<Option<Curve>>,
    mean_average: f64,
}

fn inspection(classes: usize, probabilities: Vec<f32>, truth: Vec<u16>) -> Inspection {
    let names: Vec<String> = (0..classes).map(|label| format!("class {label}")).collect();
    Inspection::new(Predictions { classes, probabilities, truth }, &names).expect("valid predictions")
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../../tests/fixtures/probabilities.json");
    let cases = serde_json::from_str::<Fixture>(text).expect("a fixture").cases;
    assert!(cases.len() > 3);
    cases
}

fn assert_close(own: f64, theirs: f64, tolerance: f64, name: &str) {
    assert!((own - theirs).abs() <= tolerance * theirs.abs().max(1.0), "{name}: {own}, not {theirs}");
}

#[test]
fn calibration_agrees_with_torchmetrics_and_the_temperature_with_scipy() {
    for (number, case) in cases().into_iter().enumerate() {
        let predictions = inspection(case.classes, case.probabilities.clone(), case.truth.clone());
        let temperature = Temperature::fit(&predictions, 3).expect("a temperature");
        // SciPy's search ends within the square root of an f64's precision.
        assert_close(temperature.value, case.temperature, 1e-6, &format!("case {number}, temperature"));
        let metrics = ProbabilityMetrics::new(&predictions, Ok(temperature));
        let (plain, (_, scaled)) = (metrics.reliability.expect("images"), metrics.scaled.expect("a temperature"));
        for (own, theirs) in [(&plain, &case.plain), (&scaled, &case.scaled)] {
            // torchmetrics computes in f32.
            assert_close(own.ece, theirs.ece, 1e-6, &format!("case {number}, ECE"));
            assert_close(own.mce, theirs.mce, 1e-6, &format!("case {number}, largest gap"));
            assert_close(own.loss, theirs.loss, 1e-9, &format!("case {number}, loss"));
        }
        assert!(scaled.loss < plain.loss, "the minimum is below the loss at temperature 1");
        let mut rows = case.probabilities.clone();
        scale(&mut rows, case.classes, temperature.value);
        let again = Reliability::of(&inspection(case.classes, rows, case.truth), 1.0).expect("images");
        assert_close(again.loss, scaled.loss, 1e-6, "the loss of scaled probabilities");
        assert_close(again.ece, scaled.ece, 1e-6, "the ECE of scaled probabilities");
    }
}

#[test]
fn curves_and_average_precision_agree_with_scikit_learn() {
    for (number, case) in cases().into_iter().enumerate() {
        let predictions = inspection(case.classes, case.probabilities, case.truth);
        for (class, theirs) in case.curves.iter().enumerate() {
            let own = curve(&predictions, class);
            let (Some(own), Some(theirs)) = (&own, theirs) else {
                assert!(own.is_none() && theirs.is_none(), "case {number}, class {class}");
                continue;
            };
            let name = format!("case {number}, class {class}");
            assert_close(own.average(), theirs.average, 1e-12, &name);
            // scikit-learn orders points by rising threshold.
            assert_eq!(own.points.len(), theirs.recall.len(), "{name}");
            for (own, theirs) in own.points.iter().rev().zip(theirs.precision.iter().zip(&theirs.recall)) {
                assert_close(own.precision, *theirs.0, 1e-12, &name);
                assert_close(own.recall, *theirs.1, 1e-12, &name);
            }
        }
        let average = AveragePrecision::of(&predictions);
        assert_close(average.mean.expect("images"), case.mean_average, 1e-12, "mean average precision");
        assert_eq!(average.present(), case.curves.iter().flatten().count());
    }
}

#[test]
fn a_probability_at_the_end_of_a_bin_belongs_to_it() {
    // 0.6 is the upper end of the ninth bin, and f32's 0.6 is above it.
    let rows = vec![1.0, 0.0, 0.5, 0.5, 0.6, 0.4, 0.75, 0.25];
    let found = Reliability::of(&inspection(2, rows, vec![0, 0, 0, 1]), 1.0).expect("images");
    let filled: Vec<(usize, usize)> =
        found.bins.iter().enumerate().filter(|(_, bin)| bin.images > 0).map(|(at, bin)| (at, bin.images)).collect();
    assert_eq!(filled, [(7, 1), (9, 1), (11, 1), (14, 1)]);
    assert!((found.mce - 0.75).abs() < 1e-12 && (found.bins[14].high - 1.0).abs() < 1e-12);
    assert_eq!(Reliability::of(&inspection(2, Vec::new(), Vec::new()), 1.0), None);
}

#[test]
fn a_temperature_without_a_minimum_is_refused() {
    let right = inspection(2, vec![0.9, 0.1, 0.2, 0.8], vec![0, 1]);
    assert_eq!(Temperature::fit(&right, 1), Err(NoTemperature::NoMinimum));
    let wrong = inspection(2, vec![0.9, 0.1, 0.2, 0.8], vec![1, 0]);
    assert_eq!(Temperature::fit(&wrong, 1), Err(NoTemperature::NoMinimum));
    let none = inspection(2, Vec::new(), Vec::new());
    assert_eq!(Temperature::fit(&none, 1), Err(NoTemperature::NoImages));
    let metrics = ProbabilityMetrics::new(&none, Err(NoTemperature::NoImages));
    assert_eq!((metrics.average_precision.mean, metrics.text()), (None, Vec::new()));
    // Of probabilities rounded to 0 and 1.
    let sure = inspection(2, vec![1.0, 0.0, 1.0, 0.0, 1.0, 0.0], vec![0, 0, 1]);
    let temperature = Temperature::fit(&sure, 1).expect("one of three is wrong").value;
    let mut row = vec![1.0, 0.0];
    scale(&mut row, 2, temperature);
    assert!((row[0] - 2.0 / 3.0).abs() < 1e-5, "{row:?}");
}

#[test]
fn the_text_names_the_classes_without_images() {
    let predictions = inspection(3, vec![0.5, 0.25, 0.25, 0.25, 0.5, 0.25, 0.5, 0.25, 0.25], vec![0, 1, 1]);
    let text = ProbabilityMetrics::new(&predictions, Err(NoTemperature::NoPredictions { epoch: 4 })).text();
    assert_eq!(
        text,
        [
            "mean average precision 0.6667, over 2 classes with images, 1 without",
            "calibration: ECE 0.1667, largest gap 0.1667",
            "no temperature: the run has no predictions of epoch 4 for its validation images"
        ]
    );
}

#[test]
fn a_thinned_curve_keeps_its_ends_and_is_part_of_the_whole() {
    let images = 1_000;
    let rows = (0..images).flat_map(|image| {
        let sure = 0.1 + 0.8 * f32::from(u16::try_from(image * 7919 % images).expect("small")) / 1_000.0;
        [sure, 1.0 - sure]
    });
    let truth = (0..images).map(|image| u16::from(image % 3 == 0)).collect();
    let whole = curve(&inspection(2, rows.collect(), truth), 0).expect("images");
    let thinned = whole.thinned();
    assert!(thinned.len() <= POINTS && whole.points.len() > 900);
    assert_eq!(thinned.first(), whole.points.first());
    assert!((thinned.last().expect("points").recall - 1.0).abs() < 1e-12);
    assert!(thinned.iter().all(|point| whole.points.contains(point)));
}

proptest! {
    #[test]
    fn scaling_keeps_rows_probabilities_and_their_order(
        row in prop::collection::vec(0.0f32..1.0, 2..8), temperature in 0.05f64..20.0
    ) {
        let total: f32 = row.iter().sum::<f32>().max(1e-3);
        let before: Vec<f32> = row.iter().map(|value| value / total).collect();
        let mut after = before.clone();
        scale(&mut after, before.len(), temperature);
        prop_assert!((after.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        for (one, other) in (0..before.len()).flat_map(|one| (0..one).map(move |other| (one, other))) {
            prop_assert!(before[one] < before[other] || after[one] >= after[other], "{before:?} {after:?}");
        }
    }
}
