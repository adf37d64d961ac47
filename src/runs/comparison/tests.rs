//! Comparisons of runs with invented recipes, tests and predictions.

use proptest::prelude::*;

use super::seed_verdict::ONE_SEED;
use super::*;
use crate::domain::{
    Augmentation, Confusion, Corrections, DataFold, DatasetName, DeviceRequest, EarlyStoppingStatus, EpochMetrics,
    FinishReason, Hyperparameter, LeftOutImages, Limits, Outcome, Recipe, RelabelledImage, RelabelledImages,
    SplitCounts, Strategy,
};
use crate::runs::predictions::Predictions;
use crate::runs::summary::TestResult;

/// Returns a tested run and its predictions.
fn run(id: &str, truth: &[u16], answers: &[u16]) -> (Summary, Inspection) {
    let names: Vec<String> = ["happy", "sad", "\u{1b}fear"].map(Into::into).to_vec();
    let row = |answer: &u16| (0..3_u16).map(|label| if label == *answer { 0.8 } else { 0.1 }).collect::<Vec<f32>>();
    let probabilities = answers.iter().flat_map(row).collect();
    let inspection = Inspection::new(Predictions { classes: 3, probabilities, truth: truth.to_vec() }, &names);
    let inspection = inspection.expect("sound");
    let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), "print".into(), 1);
    let mut run = Summary::new(RunId::new(id).expect("an id"), recipe);
    run.classes = names;
    run.test = Some(TestResult { epoch: 2, loss: 1.0, confusion: inspection.confusion() });
    (run, inspection)
}

fn two() -> [(Summary, Inspection); 2] {
    let truth: Vec<u16> = (0..90).map(|index| index % 3).collect();
    let worse: Vec<u16> = truth.iter().map(|_| 0).collect();
    [run("old", &truth, &worse), run("new", &truth, &truth)]
}

/// A change of a run before it is compared.
type Change = fn(&mut (Summary, Inspection));

fn compare(runs: &[(Summary, Inspection)]) -> Comparison {
    let candidates: Vec<Candidate<'_>> = runs.iter().map(|(run, test)| Candidate { run, test: Ok(test) }).collect();
    Comparison::new(&candidates, 0).expect("compared")
}

fn epoch(epoch: u32, seconds: f64, images_per_second: f64) -> EpochMetrics {
    EpochMetrics {
        epoch,
        train_loss: 1.0,
        train_accuracy: 0.5,
        val_loss: 1.5,
        val_accuracy: 0.25,
        learning_rate: 1e-3,
        seconds,
        images_per_second,
    }
}

fn row(comparison: &Comparison, metric: Metric) -> &MetricRow {
    comparison.metrics.iter().find(|row| row.metric == metric).expect("a row")
}

#[test]
fn two_to_six_different_runs_are_compared() {
    let [old, new] = two();
    let of = |runs: &[&(Summary, Inspection)], baseline| {
        let candidates: Vec<Candidate<'_>> = runs.iter().map(|(run, test)| Candidate { run, test: Ok(test) }).collect();
        Comparison::new(&candidates, baseline).map(|_| ())
    };
    assert_eq!(of(&[&old], 0), Err(ComparisonError::Count(1)));
    assert_eq!(of(&[&old; 7], 0), Err(ComparisonError::Count(7)));
    assert_eq!(of(&[&old, &new, &old], 0), Err(ComparisonError::Twice(old.0.id.clone())));
    assert_eq!(of(&[&old, &new], 2), Err(ComparisonError::Baseline));
    assert_eq!(of(&[&old, &new], 1), Ok(()));
    let words = ComparisonError::Count(7).to_string();
    assert_eq!(words, "two to 6 runs are compared at once, not 7");
}

#[test]
fn the_best_is_marked_where_there_is_a_better() {
    let [mut old, mut new] = two();
    for (run, seconds) in [(&mut old.0, 2.0), (&mut new.0, 4.0)] {
        run.epochs = vec![epoch(1, seconds, 100.0), epoch(2, seconds, 300.0)];
        run.early_stopping = EarlyStoppingStatus { best_epoch: 2, best_value: 1.5, waited: 0 };
    }
    new.0.features_computed = Some((10, 5.0));
    let comparison = compare(&[old, new]);
    assert_eq!(row(&comparison, Metric::Accuracy).best, [false, true]);
    assert_eq!(row(&comparison, Metric::TestLoss).best, [false, false], "where all are equal there is no best");
    assert_eq!(
        best(&[Some(0.5), None, Some(0.5), Some(0.25)], true),
        [true, false, true, false],
        "ties are all marked"
    );
    assert_eq!(best(&[Some(0.0), Some(0.0), None], false), [false; 3]);
    assert_eq!(best(&[Some(2.0), Some(4.0)], false), [true, false], "less is better");
    let of_machine = [Metric::SecondsPerEpoch, Metric::TotalSeconds, Metric::ImagesPerSecond];
    assert!(of_machine.iter().all(|metric| row(&comparison, *metric).best == [false, false]), "no time is better");
    assert_eq!(row(&comparison, Metric::TotalSeconds).values, [Some(4.0), Some(13.0)]);
    assert_eq!(row(&comparison, Metric::ImagesPerSecond).values, [Some(200.0), Some(200.0)]);
    assert_eq!(row(&comparison, Metric::BestEpoch).best, [false, false], "no epoch is better than another");
    assert!(comparison.metrics.iter().all(|row| row.metric != Metric::Parameters), "no run has told them");
    assert_eq!(comparison.classes[1].best, [false, true]);
    assert_eq!(comparison.classes[1].support, 30);
    assert!(comparison.settings.is_empty());
    assert_eq!(comparison.notes, [ONE_SEED]);
}

#[test]
fn limits_that_were_changed_are_compared_as_they_are_in_force() {
    let [mut old, new] = two();
    old.0.limits = Limits { epochs: 60, patience: 20 };
    let settings = compare(&[old, new]).settings;
    let values =
        |name: &str| settings.iter().find(|setting| setting.name == name).map(|setting| setting.values.clone());
    let begun = Recipe::cnn(DatasetName::new("demo").expect("a name"), "print".into(), 1);
    assert_eq!(values("epochs"), Some(vec![Some("60".into()), Some(begun.epochs.to_string())]));
    let patience = Some(begun.early_stopping.patience.to_string());
    assert_eq!(values("patience"), Some(vec![Some("20".into()), patience]));
    assert_eq!(settings.len(), 2, "{settings:?}");
}

#[test]
fn runs_whose_limits_changed_at_other_epochs_differ_in_more_than_the_seed() {
    let [mut one, mut other] = two();
    other.0.recipe.seed += 1;
    let history = |rates: [f64; 3]| {
        let metrics = |(number, learning_rate)| EpochMetrics { learning_rate, ..epoch(number, 1.0, 100.0) };
        (1..).zip(rates).map(metrics).collect::<Vec<_>>()
    };
    let (early, late) = (history([1e-3, 8e-4, 6e-4]), history([1e-3, 8e-4, 4e-4]));
    (one.0.epochs, other.0.epochs) = (early.clone(), late);
    let comparison = compare(&[one.clone(), other.clone()]);
    let rates = comparison.settings.iter().find(|setting| setting.name == "learning-rates").expect("a difference");
    assert_eq!(rates.values, [None, Some(format!("other than {} from epoch 3 on", one.0.id))]);
    assert!(comparison.groups.is_empty() && !comparison.verdicts[0].verdict.as_ref().expect("a verdict").0.seed_alone);
    other.0.epochs = early[..2].to_vec();
    let comparison = compare(&[one, other]);
    assert_eq!((comparison.groups.len(), comparison.settings.len()), (1, 1), "one of them stopped earlier");
}

#[test]
fn a_run_that_was_extended_is_told_from_one_that_began_with_as_many_epochs() {
    let [mut old, mut new] = two();
    new.0.limits.epochs = 60;
    old.0.recipe.epochs = 60;
    old.0.limits = Limits::of(&old.0.recipe);
    old.0.recipe.seed += 1;
    let comparison = compare(&[old.clone(), new.clone()]);
    let first = comparison.settings.iter().find(|setting| setting.name == "epochs-at-first").expect("a difference");
    assert_eq!(first.values, [Some("60".into()), Some("50".into())]);
    assert!(comparison.groups.is_empty() && !comparison.verdicts[0].verdict.as_ref().expect("a verdict").0.seed_alone);
    old.0.recipe.seed -= 1;
    old.0.outcome = Some(Outcome::Finished { reason: FinishReason::MaxEpochs });
    assert!(old.0.is_twin_of(&old.0.recipe) && !new.0.is_twin_of(&old.0.recipe));
}

#[test]
fn corrections_are_compared_by_their_images_and_not_by_the_runs_that_revealed_them() {
    let corrected = |id: &str, images: Vec<u32>, with: &str| {
        let (mut run, inspection) = two()[0].clone();
        run.id = RunId::new(id).expect("an id");
        run.recipe.left_out = LeftOutImages::new(images, vec![RunId::new(with).expect("an id")]);
        (run, inspection)
    };
    let settings = compare(&[corrected("a", vec![1, 2], "one"), corrected("b", vec![1, 2], "two")]).settings;
    assert!(settings.is_empty(), "{settings:?}");
    let values = |runs: &[(Summary, Inspection)]| {
        let settings = compare(runs).settings;
        assert_eq!((settings.len(), settings[0].label()), (1, "left-out"));
        settings[0].values.clone()
    };
    let two_lists = values(&[corrected("a", vec![1], "one"), corrected("b", vec![1, 2], "two"), two()[1].clone()]);
    assert_eq!(two_lists, [Some("1 image".into()), Some("2 images".into()), None]);
    let other = values(&[corrected("a", vec![1], "one"), corrected("b", vec![2], "one")]);
    assert!(other.iter().flatten().all(|text| text.starts_with("1 image (")) && other[0] != other[1], "{other:?}");
}

#[test]
fn a_limit_below_the_done_epochs_is_the_number_of_those() {
    let (mut run, _) = two()[0].clone();
    run.limits.epochs = 1;
    run.epochs.push(epoch(2, 1.0, 100.0));
    assert_eq!((run.last_epoch(), run.recipe_in_force().epochs), (2, 2));
}

#[test]
fn a_figure_that_is_no_number_is_none_and_never_the_best() {
    let [mut old, new] = two();
    old.0.test.as_mut().expect("tested").loss = f64::NAN;
    let comparison = compare(&[old, new]);
    assert_eq!(row(&comparison, Metric::TestLoss).values, [None, Some(1.0)]);
    assert_eq!(row(&comparison, Metric::TestLoss).best, [false, false], "of one value there is no best");
}

#[test]
fn a_verdict_has_gains_losses_and_significance() {
    let comparison = compare(&two());
    let (verdict, significance) = comparison.verdicts[0].verdict.as_ref().expect("a verdict");
    assert_eq!((verdict.gained, verdict.lost, verdict.images), (60, 0, 90));
    assert_eq!((significance.comparisons, significance.accuracy.to_bits()), (1, verdict.p.to_bits()));
    let [accuracy, sentence] = comparison.verdicts[0].sentences().expect("sentences");
    assert_eq!(accuracy, "accuracy +66.7 points: 60 images gained, 0 lost (McNemar p < 0.001): more than chance");
    assert!(sentence.starts_with("macro F1 +0.833 (95 %: +0.798 … +0.869)"), "{sentence}");
    assert!(sentence.ends_with("more than chance; most of it in sad +1.00 and ·fear +1.00"), "{sentence}");

    let [(old, test), _] = two();
    let mut other = test.predicted().to_vec();
    other[1] = 1;
    let comparison = compare(&[(old, test.clone()), run("new", test.truth(), &other)]);
    let [sentence, _] = comparison.verdicts[0].sentences().expect("sentences");
    assert_eq!(sentence, "accuracy +1.1 points: 1 image gained, 0 lost (McNemar p = 1.00): could be chance");
}

#[test]
fn a_difference_among_several_comparisons_must_be_larger() {
    let truth: Vec<u16> = (0..90).map(|image| image % 3).collect();
    let answers = |wrong: std::ops::Range<usize>| {
        let answer = |(image, label): (usize, &u16)| if wrong.contains(&image) { (label + 1) % 3 } else { *label };
        truth.iter().enumerate().map(answer).collect::<Vec<u16>>()
    };
    // 7 images gained, none lost: p = 0.016, among four 0.063.
    let baseline = run("old", &truth, &answers(0..7));
    let others = ["b", "c", "d", "e"].map(|id| run(id, &truth, &answers(0..0)));
    let judged = |number: usize| {
        let candidates: Vec<_> = std::iter::once(baseline.clone()).chain(others[..number].iter().cloned()).collect();
        let verdict = compare(&candidates).verdicts.remove(0);
        let [accuracy, _] = verdict.sentences().expect("sentences");
        accuracy.rsplit_once(": ").expect("a judgement").1.to_owned()
    };
    assert_eq!([1, 3, 4].map(judged), ["more than chance", "more than chance", "could be chance among 4 comparisons"]);
}

#[test]
fn runs_that_differ_in_the_seed_alone_are_set_apart_by_it() {
    let endings = |change: fn(&mut Summary)| {
        let [old, mut new] = two();
        change(&mut new.0);
        let comparison = compare(&[old, new]);
        let sentences = comparison.verdicts[0].sentences().expect("sentences");
        sentences.map(|sentence| sentence.contains("due to the seed alone"))
    };
    assert_eq!(endings(|run| run.recipe.seed += 1), [true; 2]);
    assert_eq!(endings(|_| ()), [false; 2], "a repetition");
    let both = |run: &mut Summary| {
        run.recipe.seed += 1;
        run.recipe.batch_size += 1;
    };
    assert_eq!(endings(both), [false; 2]);
}

#[test]
fn identical_answers_differ_by_nothing() {
    let [(old, test), _] = two();
    let mut twin = old.clone();
    twin.id = RunId::new("twin").expect("an id");
    let comparison = compare(&[(old, test.clone()), (twin, test)]);
    let (verdict, _) = comparison.verdicts[0].verdict.as_ref().expect("a verdict");
    assert_eq!((verdict.p.to_bits(), verdict.gained, verdict.lost), (1.0_f64.to_bits(), 0, 0));
    assert_eq!((verdict.f1_interval.low.to_bits(), verdict.f1_interval.high.to_bits()), (0, 0));
    let [accuracy, f1] = comparison.verdicts[0].sentences().expect("sentences");
    assert!(accuracy.starts_with("accuracy the same"));
    assert_eq!(f1, "macro F1 the same");
}

#[test]
fn runs_that_cannot_be_compared_are_refused() {
    let reason = |change: Change| {
        let [old, mut new] = two();
        change(&mut new);
        compare(&[old, new]).verdicts[0].verdict.clone().expect_err("refused")
    };
    let table: [(Change, &str); 5] = [
        (|run| run.0.test = None, "new has completed no epoch: if it has ended, `mien resume new`"),
        (|run| run.0.recipe.fingerprint = "other".into(), "different versions of demo"),
        (
            |run| {
                run.0.recipe.fingerprint = "other".into();
                run.0.recipe.dataset = DatasetName::new("faces").expect("a name");
            },
            "different datasets, demo and faces",
        ),
        (
            |new| {
                let (truth, id) = ([2; 90], new.0.id.clone());
                *new = run(id.as_str(), &truth, &truth);
            },
            "different images of demo",
        ),
        (
            |run| run.0.test.as_mut().expect("tested").confusion = Confusion::new(3),
            "are not those of its test: `mien evaluate new` recreates them",
        ),
    ];
    for (change, words) in table {
        let reason = reason(change).to_string();
        assert!(reason.contains(words), "{reason}");
    }
    let [(old, test), (new, _)] = two();
    let missing = InspectionError::Missing { id: new.id.clone(), split: crate::domain::Split::Test };
    let candidates = [Candidate { run: &old, test: Ok(&test) }, Candidate { run: &new, test: Err(missing) }];
    let comparison = Comparison::new(&candidates, 1).expect("compared");
    assert_eq!((comparison.verdicts[0].run, comparison.baseline), (0, 1));
    assert_eq!(
        comparison.verdicts[0].verdict.as_ref().expect_err("refused").to_string(),
        candidates[1].test.as_ref().expect_err("missing").to_string()
    );
    assert!(row(&comparison, Metric::Accuracy).values.iter().all(Option::is_some), "the rest is told all the same");
}

#[test]
fn on_different_datasets_nothing_is_the_best() {
    let [old, mut new] = two();
    new.0.recipe.fingerprint = "other".into();
    let comparison = compare(&[old, new]);
    assert!(comparison.metrics.iter().all(|row| row.best.iter().all(|best| !best)));
    assert!(comparison.classes.is_empty() && comparison.notes[0].contains("different datasets"));
    assert_eq!(comparison.settings[0].name, "fingerprint");
}

#[test]
fn every_setting_is_listed_exactly_where_it_differs() {
    let samples = Strategy::ALL.map(Recipe::sample);
    let summary =
        |at: usize, recipe: &Recipe| Summary::new(RunId::new(format!("run-{at}")).expect("an id"), recipe.clone());
    for recipe in &samples {
        for field in Hyperparameter::of(recipe.strategy) {
            let mut changed = recipe.clone();
            let before = field.get(recipe);
            let mut values = field.choices(recipe).into_iter().chain(["7", "0.5", "48", "10"].map(String::from));
            let set = values.any(|value| field.set(&mut changed, &value).is_ok() && field.get(&changed) != before);
            assert!(set, "{}", field.name());
            let (one, other) = (summary(0, recipe), summary(1, &changed));
            let found = settings(&[&one, &other]);
            let names: Vec<&str> = found.iter().map(|setting| setting.name.as_str()).collect();
            assert_eq!(names, [field.name()]);
            assert_eq!(found[0].values, [before, field.get(&changed)].map(Some));
            assert!(settings(&[&one, &one]).is_empty());
        }
    }
    let [cnn, _, features, _] = &samples;
    let strategies = settings(&[&summary(0, cnn), &summary(1, features)]);
    let size = strategies.iter().find(|setting| setting.name == "size").expect("a row");
    assert_eq!(size.values, [None, Some("224".into())], "unset is told as such");
    let turned = Augmentation { rotation_degrees: 30.0, ..Augmentation::REFERENCE };
    let edited = Recipe { augmentation: Some(turned), schedule: crate::domain::Schedule::PLATEAU, ..cnn.clone() };
    let found = settings(&[&summary(0, cnn), &summary(1, &edited)]);
    assert_eq!(found[1].values[1].as_deref(), Some("rotation=30+zoom=0.15+shift=0.1+flip"));
}

#[test]
fn runs_that_differ_only_in_the_seed_are_folded() {
    let truth: Vec<u16> = (0..30).map(|index| index % 3).collect();
    let seeded = |id: &str, seed: u64, right: usize| {
        let answers: Vec<u16> =
            truth.iter().enumerate().map(|(at, label)| if at < right { *label } else { (*label + 1) % 3 }).collect();
        let (mut summary, inspection) = run(id, &truth, &answers);
        summary.recipe.seed = seed;
        summary.recipe.created_at = seed * 7;
        summary.recipe.device = if seed == 2 { DeviceRequest::Cpu } else { DeviceRequest::Auto };
        (summary, inspection)
    };
    let mut other = seeded("other", 9, 30);
    other.0.limits.epochs = 7;
    let runs = [seeded("a", 1, 12), seeded("b", 2, 15), seeded("again", 2, 15), other, seeded("c", 3, 18)];
    let comparison = compare(&runs);
    assert_eq!(comparison.groups.len(), 1);
    let group = &comparison.groups[0];
    assert_eq!((group.runs.as_slice(), group.seeds.as_slice()), (&[0, 1, 4][..], &[1, 2, 3][..]));
    let (_, accuracy) = group.metrics.iter().find(|(metric, _)| *metric == Metric::Accuracy).expect("a metric");
    assert!((accuracy.mean - 0.5).abs() < 1e-12 && (accuracy.deviation.expect("three") - 0.1).abs() < 1e-12);
    assert!(compare(&[seeded("a", 1, 12), seeded("again", 1, 12)]).groups.is_empty(), "the same seed is no other draw");
}

/// Returns a run of these epochs and seed that predicts so many of 30 images correctly.
fn of_setting(epochs: u32, seed: u64, right: usize) -> (Summary, Inspection) {
    let truth: Vec<u16> = (0..30).map(|index| index % 3).collect();
    let answers: Vec<u16> =
        truth.iter().enumerate().map(|(at, label)| if at < right { *label } else { (*label + 1) % 3 }).collect();
    let (mut summary, inspection) = run(&format!("e{epochs}-s{seed}"), &truth, &answers);
    (summary.recipe.seed, summary.recipe.epochs) = (seed, epochs);
    summary.limits = Limits::of(&summary.recipe);
    (summary, inspection)
}

#[test]
fn groups_of_seeds_are_judged_by_their_means() {
    let runs = [of_setting(5, 1, 12), of_setting(7, 1, 24), of_setting(5, 2, 13), of_setting(7, 2, 26)];
    let comparison = compare(&runs);
    let [verdict] = comparison.seed_verdicts.as_slice() else { panic!("{:?}", comparison.seed_verdicts) };
    assert_eq!((verdict.baseline, verdict.group, verdict.over), (0, 1, MeansOver::Seeds([2, 2])));
    assert_eq!(comparison.seed_heading(verdict), "e7-s1, e7-s2 against e5-s1, e5-s2, by their means");
    // SciPy: ttest_ind([24 / 30, 26 / 30], [12 / 30, 13 / 30], equal_var=False)
    let sentence = "mean accuracy +41.7 points (95 %: +18.6 … +64.7; Welch p = 0.021, 2 and 2 seeds): more than chance";
    assert_eq!(verdict.sentences()[0], sentence);
    assert!(
        comparison
            .verdicts
            .iter()
            .any(|verdict| verdict.sentences().is_ok_and(|[accuracy, _]| { accuracy.contains("more than chance") }))
    );
    let note = "verdicts on single runs are about these networks, those on means about the settings";
    assert_eq!(comparison.notes, [note]);

    // The first of two groups is certain by itself only: SciPy has p = 0.037.
    let more = [of_setting(7, 1, 20), of_setting(7, 2, 22), of_setting(9, 1, 15), of_setting(9, 2, 17)];
    let verdicts = compare(&[&[runs[0].clone(), runs[2].clone()], &more[..]].concat()).seed_verdicts;
    let ends = |at: usize| verdicts[at].sentences()[0].clone();
    assert!(ends(0).ends_with("could be chance among 2 comparisons"), "{}", ends(0));
    assert!(ends(1).ends_with(": could be chance"), "{}", ends(1));
    assert!((verdicts[0].means[0].p_adjusted - 2.0 * verdicts[0].means[0].found.p).abs() < 1e-12);
}

#[test]
fn a_setting_with_one_seed_is_told_by_a_note_instead_of_a_mean() {
    let runs = [of_setting(5, 1, 3), of_setting(7, 1, 28), of_setting(7, 2, 29)];
    let comparison = compare(&runs);
    assert!(comparison.seed_verdicts.is_empty() && comparison.groups.len() == 1);
    let note = "one seed of e5-s1: another may change the scores by more";
    assert!(comparison.notes.iter().any(|found| found == note), "{:?}", comparison.notes);
}

#[test]
fn features_that_were_on_disk_are_told_because_they_cost_no_time() {
    let mut runs = [of_setting(5, 1, 3), of_setting(7, 1, 4)];
    let notes = |runs: &[(Summary, Inspection)]| compare(runs).notes;
    runs[0].0.features_computed = Some((30, 44.0));
    assert!(!notes(&runs).iter().any(|note| note.contains("features")), "one has them");
    runs[1].0.features_computed = Some((0, 0.1));
    let note = "the time in all is not comparable: e5-s1 computed features that e7-s1 found on disk";
    assert!(notes(&runs).iter().any(|found| found == note), "{:?}", notes(&runs));
}

#[test]
fn the_reference_has_one_column_a_strategy() {
    let [mut old, mut new] = two();
    for run in [&mut old.0, &mut new.0] {
        run.images = Some(SplitCounts { train: 25_841, validation: 2_868, test: 7_178 });
        run.classes = (0..7).map(|label| label.to_string()).collect();
    }
    let comparison = compare(&[old, new]);
    assert_eq!(comparison.references.len(), 1);
    assert_eq!(row(&comparison, Metric::Accuracy).references, [Some(0.5391)]);
    assert_eq!(row(&comparison, Metric::TestLoss).references, [None]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_other_way_round_everything_is_the_opposite(
        answers in proptest::collection::vec((0_u16..3, 0_u16..3, 0_u16..3), 1..60)
    ) {
        let column = |at: fn(&(u16, u16, u16)) -> u16| answers.iter().map(at).collect::<Vec<u16>>();
        let truth = column(|image| image.0);
        let (one, other) = (run("one", &truth, &column(|image| image.1)), run("other", &truth, &column(|image| image.2)));
        let there = compare(&[one.clone(), other.clone()]).verdicts.remove(0);
        let [accuracy, f1] = there.sentences().expect("sentences");
        prop_assert!(accuracy.contains("accuracy") && f1.contains("macro F1"));
        let (there, _) = there.verdict.expect("a verdict");
        let (back, _) = compare(&[other, one]).verdicts.remove(0).verdict.expect("a verdict");
        prop_assert_eq!((there.gained, there.lost, there.p.to_bits()), (back.lost, back.gained, back.p.to_bits()));
        prop_assert!((there.accuracy + back.accuracy).abs() < 1e-12 && (there.f1 + back.f1).abs() < 1e-12);
        prop_assert!(there.f1_interval.low <= there.f1_interval.high);
    }
}

#[test]
fn runs_that_differ_only_in_the_fold_are_averaged_and_not_judged_image_by_image() {
    // The true classes are the same in each fold, where only the images are others.
    let truth: Vec<u16> = (0..30).map(|index| index % 3).collect();
    let fold = |id: &str, number: u32, right: usize| {
        let answers: Vec<u16> =
            truth.iter().enumerate().map(|(at, label)| if at < right { *label } else { (*label + 1) % 3 }).collect();
        let (mut summary, inspection) = run(id, &truth, &answers);
        summary.recipe.set_fold(Some(DataFold { number, count: 3, seed: 0, groups: None }));
        // Each fold leaves out and relabels its own images.
        let relabelled = vec![RelabelledImage { index: number + 5, class: 1 }];
        summary.recipe.correct(Corrections {
            left_out: LeftOutImages::new(vec![number], Vec::new()),
            relabelled: RelabelledImages::new(relabelled, Vec::new()),
        });
        (summary, inspection)
    };
    let runs = [fold("a", 1, 12), fold("b", 2, 15), fold("again", 2, 15), fold("c", 3, 18)];
    let comparison = compare(&runs);
    let [group] = comparison.groups.as_slice() else { panic!("one group: {:?}", comparison.groups) };
    assert_eq!((group.runs.as_slice(), group.describe().as_str()), (&[0, 1, 3][..], "fold (1, 2, 3 of 3)"));
    let refused = comparison.verdicts[0].verdict.as_ref().expect_err("other images").to_string();
    assert!(refused.contains("tested on different images"), "{refused}");
    let table = BySettings::of(&runs.iter().map(|(run, _)| run).collect::<Vec<_>>());
    assert_eq!((table.rows[0].runs.as_slice(), table.rows[0].tested), (&[0, 1, 3][..], 3));
    assert!(!table.settings.iter().any(|setting| setting == "fold.number"), "{:?}", table.settings);
    assert!(comparison.seed_verdicts.is_empty(), "no other settings");
}

/// Returns a run on a fold of three with these epochs that predicts so many of 30 images correctly.
fn of_fold(epochs: u32, number: u32, right: usize) -> (Summary, Inspection) {
    let (mut summary, inspection) = of_setting(epochs, 1, right);
    summary.id = RunId::new(format!("e{epochs}-f{number}")).expect("an id");
    summary.recipe.set_fold(Some(DataFold { number, count: 3, seed: 0, groups: None }));
    (summary, inspection)
}

#[test]
fn settings_on_the_same_folds_are_judged_by_their_paired_means() {
    let short = [of_fold(5, 1, 12), of_fold(5, 2, 15), of_fold(5, 3, 18)];
    let long = [of_fold(7, 1, 16), of_fold(7, 2, 20), of_fold(7, 3, 22)];
    let runs = [&short[..], &long[..]].concat();
    let [verdict] = compare(&runs).seed_verdicts.try_into().expect("one");
    assert_eq!((verdict.baseline, verdict.group, verdict.over), (0, 1, MeansOver::Folds(3)));
    // SciPy: differences 4 / 30, 5 / 30, 4 / 30, t with 2 degrees of freedom, factor 1 / 3 + 1 / 2
    let sentence =
        "mean accuracy +14.4 points (95 %: +6.9 … +22.0; paired t-test p = 0.014, 3 folds): more than chance";
    assert_eq!(verdict.sentences()[0], sentence);
    let table = BySettings::of(&runs.iter().map(|(run, _)| run).collect::<Vec<_>>());
    assert_eq!(table.verdicts, [verdict], "the same verdict in the table of settings");

    // Folds of one setting that the other does not have are left out, and two folds are the fewest.
    let runs = [&short[..], &long[1..]].concat();
    assert_eq!(compare(&runs).seed_verdicts[0].over, MeansOver::Folds(2));
    assert!(compare(&[&short[..], &long[2..], &[of_fold(7, 1, 16)]].concat()).seed_verdicts.len() == 1);
    assert!(compare(&[&short[..1], &long[..1]].concat()).seed_verdicts.is_empty(), "one fold");

    // Another division has other test images.
    let mut other = long.clone();
    for (run, _) in &mut other {
        run.recipe.set_fold(run.recipe.fold.map(|fold| DataFold { seed: 9, ..fold }));
    }
    assert!(compare(&[&short[..], &other[..]].concat()).seed_verdicts.is_empty());
    // Equal differences have no deviation: any of them would seem certain.
    let even = [of_fold(7, 1, 15), of_fold(7, 2, 18), of_fold(7, 3, 21)];
    assert!(compare(&[&short[..], &even[..]].concat()).seed_verdicts.is_empty());
}
