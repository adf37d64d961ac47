//! Tests with invented predictions, damaged ones, and properties of any predictions.

use proptest::prelude::*;

use super::*;
use crate::domain::RunId;
use crate::runs::Home;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|label| format!("class {label}")).collect()
}

/// Returns six images of three classes, three of them predicted correctly.
fn sample() -> Inspection {
    let rows = [
        ([0.7, 0.2, 0.1], 0),
        ([0.6, 0.3, 0.1], 1),
        ([0.9, 0.1, 0.0], 1),
        ([0.2, 0.5, 0.3], 1),
        ([0.4, 0.4, 0.2], 2),
        ([0.1, 0.1, 0.8], 2),
    ];
    let predictions = Predictions {
        classes: 3,
        probabilities: rows.iter().flat_map(|(row, _)| *row).collect(),
        truth: rows.iter().map(|(_, truth)| *truth).collect(),
    };
    Inspection::new(predictions, &names(3)).expect("sound")
}

fn indices(judged: &[ScoredImage]) -> Vec<usize> {
    judged.iter().map(|judged| judged.index).collect()
}

#[test]
fn the_matrix_counts_the_first_of_the_most_probable_classes() {
    let found = sample();
    assert_eq!(found.confusion().rows(), [[1, 0, 0], [2, 1, 0], [1, 0, 1]]);
    assert_eq!(shares(&found.confusion())[2], [0.5, 0.0, 0.5]);
    assert!((found.scores().accuracy - 0.5).abs() < 1e-12);
    assert_eq!(shares(&Confusion::new(2)), [[0.0, 0.0], [0.0, 0.0]]);
}

#[test]
fn a_cell_is_sorted_as_requested() {
    let found = sample();
    assert_eq!(indices(&found.cell(1, 0, Order::Confidence)), [2, 1]);
    assert_eq!(indices(&found.cell(1, 0, Order::Loss)), [2, 1]);
    assert_eq!(indices(&found.cell(1, 0, Order::Index)), [1, 2]);
    assert!(found.cell(0, 2, Order::Index).is_empty() && found.cell(9, 9, Order::Index).is_empty());
    let judged = found.scored_image(1).expect("an image");
    assert_eq!((judged.truth, judged.predicted), (1, 0));
    assert!((judged.loss + f64::from(0.3_f32).ln()).abs() < 1e-9);
    assert_eq!(found.probabilities(5), Some(&[0.1, 0.1, 0.8][..]));
    assert_eq!((found.probabilities(6), found.scored_image(6)), (None, None));
}

#[test]
fn the_hardest_images_have_the_largest_loss() {
    let found = sample();
    assert_eq!(indices(&found.hardest(3)), [2, 4, 1]);
    assert_eq!(found.hardest(99).len(), 6);
    assert!(found.hardest(0).is_empty());
    let sure = Predictions { classes: 2, probabilities: vec![1.0, 0.0], truth: vec![1] };
    let sure = Inspection::new(sure, &names(2)).expect("sound").hardest(1);
    assert!(sure[0].loss.is_finite() && sure[0].loss > 100.0, "{sure:?}");
}

#[test]
fn two_runs_differ_cell_by_cell() {
    let (one, mut other) = (sample(), sample());
    assert!(difference(&one, &one).expect("the same").counts.iter().flatten().all(|count| *count == 0));
    other.predicted = vec![0, 1, 1, 1, 2, 2];
    let change = difference(&other, &one).expect("the same images");
    assert_eq!(change.counts, [[0, 0, 0], [-2, 2, 0], [-1, 0, 1]]);
    assert!((change.shares[1][1] - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(one.pairs(&other).expect("the same images").gained_and_lost(), (3, 0));
    other.predictions.truth[0] = 2;
    assert!(difference(&other, &one).expect_err("refused").to_string().contains("different images"));
}

#[test]
fn damaged_predictions_are_refused_in_words() {
    let table: [(usize, Vec<f32>, Vec<u16>, &str); 8] = [
        (3, vec![1.0, 0.0, 0.0], vec![0], "have 3 classes and the run has 2"),
        (2, vec![f32::NAN, 0.5], vec![0], "probabilities of image 0"),
        (2, vec![0.5, 0.5, f32::INFINITY, 0.0], vec![0, 1], "probabilities of image 1"),
        (2, vec![1.5, -0.5], vec![0], "probabilities of image 0"),
        (2, vec![0.1, 0.1], vec![0], "probabilities of image 0"),
        (2, vec![0.5, 0.5], vec![2], "the label 2"),
        (2, vec![0.5], vec![0], "1 probabilities for 1 images"),
        (0, vec![], vec![], "have 0 classes"),
    ];
    for (classes, probabilities, truth, words) in table {
        let refused = Inspection::new(Predictions { classes, probabilities, truth }, &names(2)).expect_err(words);
        assert!(refused.to_string().contains(words), "{refused}");
    }
    assert!(Inspection::new(Predictions { classes: 0, probabilities: vec![], truth: vec![] }, &[]).is_err());
}

#[test]
fn files_are_found_by_split_and_epoch_and_missing_ones_are_named() {
    let home = tempfile::tempdir().expect("a folder");
    let id = RunId::new("calm-heron").expect("an id");
    let folder = Home::new(home.path()).run(&id);
    let predictions = Predictions { classes: 2, probabilities: vec![0.25, 0.75], truth: vec![1] };
    let load = |split, epoch| load(&folder, &id, &names(2), split, epoch);
    let words = |split, epoch| load(split, epoch).expect_err("missing").to_string();
    assert_eq!(
        words(Split::Test, 0),
        "calm-heron has no predictions for its test images: it has no best weights yet; if it has ended, \
         `mien resume calm-heron` continues it",
        "evaluating it would lead back here"
    );
    std::fs::create_dir_all(folder.path()).expect("made");
    std::fs::write(folder.best_checkpoint(), "weights").expect("written");
    assert_eq!(
        words(Split::Test, 0),
        "calm-heron has no predictions for its test images: `mien evaluate calm-heron` makes them"
    );
    assert!(words(Split::Validation, 1).contains("no predictions for its validation images"));
    std::fs::create_dir_all(folder.path().join("validation")).expect("made");
    for epoch in [2, 11] {
        predictions.write(&file(&folder, Split::Validation, epoch)).expect("written");
    }
    std::fs::write(folder.path().join("validation").join("notes.txt"), "x").expect("written");
    assert_eq!(folder.validation_epochs(), [2, 11]);
    assert!(file(&folder, Split::Validation, 2).ends_with("validation/0002.safetensors"));
    assert_eq!(load(Split::Validation, 11).expect("there").images(), 1);
    assert!(words(Split::Validation, 5).contains("no predictions of epoch 5, only of some from 2 to 11"));
    std::fs::write(file(&folder, Split::Train, 0), "cut").expect("written");
    assert!(words(Split::Train, 0).contains("train.safetensors"));
    Predictions { truth: vec![9], ..predictions }.write(&file(&folder, Split::Test, 0)).expect("written");
    let refused = words(Split::Test, 0);
    assert!(
        refused.contains("the label 9") && refused.ends_with("`mien evaluate calm-heron` recreates them"),
        "{refused}"
    );
}

proptest! {
    #[test]
    fn nothing_that_a_file_may_hold_panics(
        classes in 0_usize..5, expected in 0_usize..5, bits in proptest::collection::vec(any::<u32>(), 0..20),
        truth in proptest::collection::vec(0_u16..7, 0..6), plain in any::<bool>(),
    ) {
        let value = |bits: &u32| if plain { f32::from_bits(*bits) } else { 1.0 / f32::from(u8::try_from(classes.max(1)).expect("few")) };
        let probabilities = if plain { bits.iter().map(value).collect() } else { vec![value(&0); truth.len() * classes] };
        let images = truth.len();
        let Ok(found) = Inspection::new(Predictions { classes, probabilities, truth }, &names(expected)) else { return Ok(()) };
        prop_assert_eq!((found.images(), found.confusion().total()), (images, images as u64));
        prop_assert_eq!(found.all().count(), images);
        prop_assert!(found.hardest(images).windows(2).all(|pair| pair[0].loss >= pair[1].loss));
        let in_cells: usize = (0..classes)
            .flat_map(|truth| (0..classes).map(move |predicted| (truth, predicted)))
            .map(|(truth, predicted)| found.cell(truth, predicted, Order::Confidence).len())
            .sum();
        prop_assert_eq!(in_cells, images);
        prop_assert!(found.all().all(|judged| judged.loss.is_finite() && judged.loss >= 0.0));
        prop_assert!(found.mean_loss().is_none_or(f64::is_finite));
    }
}

/// The cases of tests/fixtures/metrics.json, by scikit-learn.
#[derive(serde::Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    classes: usize,
    truth: Vec<u16>,
    probabilities: Vec<Vec<f32>>,
    accuracy: f64,
    top2: f64,
}

#[test]
fn the_two_most_probable_classes_agree_with_scikit_learn() {
    let fixture: Fixture =
        serde_json::from_str(include_str!("../../../tests/fixtures/metrics.json")).expect("a fixture");
    assert!(fixture.cases.len() > 5);
    for (at, case) in fixture.cases.into_iter().enumerate() {
        let names: Vec<String> = (0..case.classes).map(|label| label.to_string()).collect();
        let probabilities = case.probabilities.concat();
        let predictions = Predictions { classes: case.classes, probabilities, truth: case.truth };
        let inspection = Inspection::new(predictions, &names).expect("predictions");
        for (count, expected) in [(1, case.accuracy), (2, case.top2), (case.classes, 1.0)] {
            let own = inspection.top(count).expect("images");
            assert!((own - expected).abs() < 1e-12, "case {at}: top {count} is {own}, not {expected}");
        }
    }
}
