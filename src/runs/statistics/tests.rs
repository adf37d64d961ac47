//! Comparisons with SciPy, statsmodels and scikit-learn (`tests/fixtures/statistics.py`), and properties.

use proptest::prelude::*;

use super::*;

#[derive(serde::Deserialize)]
struct Fixture {
    mcnemar: Vec<Test>,
    holm: Vec<Adjusted>,
    spread: Vec<Figures>,
    welch: Vec<TwoMeans>,
    corrected_paired: Vec<TwoMeans>,
    bootstrap: Vec<Runs>,
}

#[derive(serde::Deserialize)]
struct Test {
    gained: u64,
    lost: u64,
    p: f64,
}

#[derive(serde::Deserialize)]
struct Adjusted {
    p: Vec<f64>,
    adjusted: Vec<f64>,
}

#[derive(serde::Deserialize)]
struct Figures {
    values: Vec<f64>,
    mean: f64,
    deviation: Option<f64>,
}

#[derive(serde::Deserialize)]
struct TwoMeans {
    first: Vec<f64>,
    second: Vec<f64>,
    difference: f64,
    interval: [f64; 2],
    p: f64,
    /// Of folds only.
    test_ratio: Option<f64>,
}

#[derive(serde::Deserialize)]
struct Runs {
    classes: usize,
    truth: Vec<usize>,
    first: Vec<usize>,
    second: Vec<usize>,
    f1: f64,
    per_class: Vec<f64>,
    interval: [f64; 2],
    tolerance: f64,
    p: f64,
    p_tolerance: f64,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../tests/fixtures/statistics.json")).expect("a fixture")
}

fn close(ours: f64, theirs: f64) -> bool {
    (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-300)
}

fn pairs(classes: usize, truth: &[usize], first: &[usize], second: &[usize]) -> Pairs {
    let mut pairs = Pairs::new(classes);
    for ((truth, first), second) in truth.iter().zip(first).zip(second) {
        pairs.add(*truth, *first, *second);
    }
    pairs
}

#[test]
fn mcnemar_is_that_of_statsmodels() {
    let cases = fixture().mcnemar;
    assert!(cases.len() > 10);
    for Test { gained, lost, p } in cases {
        let ours = mcnemar(gained, lost);
        assert!(close(ours, p), "{gained} against {lost}: {ours}, not {p}");
    }
}

/// Checks a difference of means against SciPy's.
fn check_difference(case: &TwoMeans, ours: MeanDifference) {
    let near = |ours: f64, theirs: f64| (ours - theirs).abs() <= 1e-8 * theirs.abs().max(1.0);
    let theirs = [case.difference, case.interval[0], case.interval[1]];
    let found = [ours.difference, ours.interval.low, ours.interval.high];
    assert!(found.into_iter().zip(theirs).all(|(ours, theirs)| near(ours, theirs)), "{:?}: {ours:?}", case.first);
    assert!((ours.p - case.p).abs() <= 1e-6 * case.p, "{:?}: {ours:?}, not {}", case.first, case.p);
}

#[test]
fn differences_of_means_are_those_of_scipys_welch_test() {
    let cases = fixture().welch;
    assert!(cases.len() > 4);
    for case in cases {
        let spread = |values: &[f64]| Spread::of(values).expect("values");
        check_difference(&case, welch(spread(&case.first), spread(&case.second)).expect("a test"));
    }
}

#[test]
fn differences_over_folds_are_those_of_the_corrected_paired_test() {
    let cases = fixture().corrected_paired;
    assert!(cases.len() > 3);
    for case in cases {
        let pairs: Vec<[f64; 2]> =
            case.first.iter().zip(&case.second).map(|(first, second)| [*first, *second]).collect();
        let ratio = case.test_ratio.expect("a ratio");
        check_difference(&case, corrected_paired(&pairs, ratio).expect("a test"));
    }
    assert_eq!(corrected_paired(&[[0.5, 0.6]], 0.25), None, "one pair");
    assert_eq!(corrected_paired(&[[0.1, 0.2], [0.3, 0.4], [0.6, 0.7]], 0.5), None, "equal but for rounding");
}

#[test]
fn means_without_a_deviation_are_not_tested() {
    let spread = |values: &[f64]| Spread::of(values).expect("values");
    assert_eq!(welch(spread(&[0.5]), spread(&[0.6, 0.7])), None);
    assert_eq!(welch(spread(&[0.6, 0.7]), spread(&[0.5])), None);
    assert_eq!(welch(spread(&[0.5, 0.5]), spread(&[0.6, 0.6])), None);
    assert!(spread(&[0.1; 3]).deviation.is_some_and(|deviation| deviation > 0.0), "by rounding");
    assert_eq!(welch(spread(&[0.1; 3]), spread(&[0.2; 3])), None);
}

#[test]
fn means_and_deviations_are_those_of_numpy() {
    for Figures { values, mean, deviation } in fixture().spread {
        let ours = Spread::of(&values).expect("values");
        assert!(close(ours.mean, mean), "{values:?}: {ours:?}");
        assert_eq!((ours.deviation.is_some(), ours.count), (deviation.is_some(), values.len()));
        assert!(ours.deviation.zip(deviation).is_none_or(|(ours, theirs)| close(ours, theirs)), "{values:?}: {ours:?}");
    }
    assert_eq!(Spread::of(&[]), None);
    assert_eq!(Spread::of(&[1.0, f64::NAN]), None);
}

#[test]
fn adjusted_p_values_are_those_of_statsmodels() {
    let cases = fixture().holm;
    assert!(cases.len() > 4);
    for Adjusted { p, adjusted } in cases {
        let ours = holm(&p);
        assert!(ours.iter().zip(&adjusted).all(|(ours, theirs)| close(*ours, *theirs)), "{ours:?}: {adjusted:?}");
    }
    assert!(holm(&[]).is_empty());
}

#[test]
fn differences_of_f1_are_those_of_scikit_learn_and_intervals_those_of_numpy() {
    for case in fixture().bootstrap {
        let pairs = pairs(case.classes, &case.truth, &case.first, &case.second);
        assert!((pairs.f1_difference() - case.f1).abs() < 1e-12);
        let ours = pairs.f1_differences();
        assert!(ours.iter().zip(&case.per_class).all(|(ours, theirs)| (ours - theirs).abs() < 1e-12), "{ours:?}");
        let Interval { low, high } = pairs.bootstrap_f1().interval;
        let near = |ours: f64, theirs: f64| (ours - theirs).abs() < case.tolerance;
        assert!(near(low, case.interval[0]) && near(high, case.interval[1]), "{low} {high}: {:?}", case.interval);
        assert!(low < case.f1 && case.f1 < high);
        let p = pairs.bootstrap_f1().p;
        assert!((p - case.p).abs() < case.p_tolerance, "{p}: {}", case.p);
    }
}

#[test]
fn an_interval_depends_on_its_seed_alone() {
    let case = &fixture().bootstrap[0];
    let pairs = pairs(case.classes, &case.truth, &case.first, &case.second);
    assert_eq!(pairs.bootstrap_f1(), pairs.bootstrap_f1());
    assert_ne!(pairs.bootstrap_f1_with(500, 1), pairs.bootstrap_f1_with(500, 2));
}

#[test]
fn no_images_are_no_difference() {
    for classes in [0, 3] {
        let none = Pairs::new(classes);
        assert_eq!((none.images(), none.gained_and_lost()), (0, (0, 0)));
        assert_eq!(none.bootstrap_f1(), Bootstrap { interval: Interval { low: 0.0, high: 0.0 }, p: 1.0 });
        assert_eq!(none.f1_difference().to_bits(), 0.0_f64.to_bits());
    }
}

/// Prints the time of an interval on as many images as FER-2013's test split: `cargo test --release --lib -- --ignored
/// --nocapture an_interval_is_quick`.
#[test]
#[ignore = "a measurement; only a release build says anything"]
fn an_interval_is_quick() {
    let mut pairs = Pairs::new(7);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..7_178 {
        let bits = random.next_u64();
        let label = |shift: u32| usize::from((bits >> shift).to_le_bytes()[0] % 7);
        pairs.add(label(0), label(8), label(16));
    }
    let begun = std::time::Instant::now();
    let interval = pairs.bootstrap_f1();
    let took = begun.elapsed();
    println!("{interval:?} in {took:?}");
    assert!(took.as_millis() <= 50, "{took:?}");
}

fn runs() -> impl Strategy<Value = (usize, Vec<(usize, usize, usize)>)> {
    (1_usize..6).prop_flat_map(|classes| {
        let image = (0..classes, 0..classes, 0..classes);
        (Just(classes), proptest::collection::vec(image, 0..120))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_probability_is_one_and_knows_no_sides(gained in 0_u64..30_000, lost in 0_u64..30_000) {
        let p = mcnemar(gained, lost);
        prop_assert!((0.0..=1.0).contains(&p), "{p}");
        prop_assert_eq!(p.to_bits(), mcnemar(lost, gained).to_bits());
        // Another image for the larger side makes chance less likely.
        let (fewer, more) = (gained.min(lost), gained.max(lost));
        prop_assert!(mcnemar(fewer, more + 1) <= p);
    }

    #[test]
    fn gains_of_one_run_are_losses_of_the_other((classes, images) in runs()) {
        let (mut there, mut back, mut same) = (Pairs::new(classes), Pairs::new(classes), Pairs::new(classes));
        for (truth, first, second) in &images {
            there.add(*truth, *first, *second);
            back.add(*truth, *second, *first);
            same.add(*truth, *first, *first);
        }
        let (gained, lost) = there.gained_and_lost();
        prop_assert_eq!(back.gained_and_lost(), (lost, gained));
        prop_assert!((there.f1_difference() + back.f1_difference()).abs() < 1e-12);
        let (there, back) = (there.bootstrap_f1_with(200, 1), back.bootstrap_f1_with(200, 1));
        prop_assert!([there.p, back.p].iter().all(|p| *p > 0.0 && *p <= 1.0));
        let (forth, interval) = (there.interval, back.interval);
        prop_assert!(forth.low <= forth.high && forth.low >= -1.0 && forth.high <= 1.0);
        prop_assert!(interval.low <= interval.high);
        prop_assert_eq!(same.gained_and_lost(), (0, 0));
        prop_assert_eq!(same.bootstrap_f1_with(200, 1), Bootstrap { interval: Interval { low: 0.0, high: 0.0 }, p: 1.0 });
        prop_assert_eq!(mcnemar(0, 0).to_bits(), 1.0_f64.to_bits());
    }
}
