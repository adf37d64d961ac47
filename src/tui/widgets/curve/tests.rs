//! Charts of any points: every extreme is drawn, and nothing panics.

use proptest::prelude::*;

use super::*;

fn plain() -> Theme {
    Theme::detect(|_| None)
}

fn numbered(values: &[f64]) -> Vec<(f64, f64)> {
    (0..).zip(values).map(|(x, y)| (f64::from(x), *y)).collect()
}

proptest! {
    #[test]
    fn every_spike_in_a_window_survives(
        values in proptest::collection::vec(-1e6..1e6_f64, 1..2_000), width in 2_usize..200,
        from in 0.0..1.0_f64, share in 0.001..1.0_f64
    ) {
        let points = numbered(&values);
        let whole = Window::until(real(values.len() as u64));
        let window = Window { from: from * whole.to, to: (from + share) * whole.to }.within(whole);
        let inside: Vec<f64> = points.iter().filter(|(x, _)| window.contains(*x)).map(|point| point.1).collect();
        let spans: Vec<ColumnRange> = columns(&points, window, width).into_iter().flatten().collect();
        prop_assert_eq!(spans.is_empty(), inside.is_empty());
        let low = inside.iter().copied().fold(f64::INFINITY, f64::min);
        let high = inside.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = spans.iter().map(|span| span.min).fold(f64::INFINITY, f64::min);
        let highest = spans.iter().map(|span| span.max).fold(f64::NEG_INFINITY, f64::max);
        prop_assert!(lowest.to_bits() == low.to_bits() && highest.to_bits() == high.to_bits());
        prop_assert!(spans.iter().all(|span| span.min <= span.first && span.last <= span.max));
    }

    #[test]
    fn any_points_on_any_area_are_drawn_without_a_panic(
        values in proptest::collection::vec(any::<f64>(), 0..50), end in 0.0..60.0_f64, zoom in 0.001..1.0_f64,
        log in any::<bool>(), unit in prop_oneof![Just(Unit::Epochs), Just(Unit::Steps), Just(Unit::Time)],
        width in 0_u16..90, height in 0_u16..30
    ) {
        let series = Series { points: numbered(&values), style: Style::new(), label: "train".into() };
        let area = Rect::new(0, 0, width, height);
        let whole = Window::until(end);
        let marks = series.points.iter().map(|&(x, y)| Mark { x, y, style: Style::new() }).collect();
        let window = whole.zoomed(whole, zoom, end / 3.0);
        let curve = Curve { series: vec![series], window, unit, log, marks, cursor: Some(end / 2.0), empty: "none".into() };
        curve.render(&mut Buffer::empty(area), &plain(), area);
    }
}

fn drawn(curve: &Curve) -> String {
    let area = Rect::new(0, 0, 40, 10);
    let mut buffer = Buffer::empty(area);
    curve.render(&mut buffer, &plain(), area);
    let line = |y| (0..40).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>().trim_end().to_owned();
    (0..10).map(line).collect::<Vec<_>>().join("\n")
}

fn braille(text: &str) -> usize {
    text.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count()
}

#[test]
fn nan_interrupts_the_curve() {
    let with =
        |y| Series { points: vec![(0.0, 1.0), (1.0, 1.0), (2.0, y), (3.0, 1.0), (4.0, 1.0)], ..Series::default() };
    let of = |y| drawn(&Curve { series: vec![with(y)], window: Window::until(4.0), ..Curve::default() });
    assert!(braille(&of(f64::NAN)) < braille(&of(1.0)) * 2 / 3, "{}", of(f64::NAN));
}

#[test]
fn a_window_between_two_points_shows_the_line_between_them() {
    let series = Series { points: vec![(0.0, 1.0), (10.0, 2.0)], ..Series::default() };
    let text = drawn(&Curve { series: vec![series], window: Window { from: 4.0, to: 5.0 }, ..Curve::default() });
    assert!(braille(&text) > 20, "{text}");
    assert!(text.contains("1.45"), "{text}");
}

#[test]
fn a_logarithmic_scale_omits_values_up_to_0() {
    let of = |values: &[f64]| {
        let series = Series { points: numbered(values), ..Series::default() };
        drawn(&Curve { series: vec![series], window: Window::until(3.0), log: true, ..Curve::default() })
    };
    assert!(of(&[-1.0, 0.0, 0.0]).contains("no value above 0"));
    let text = of(&[0.01, 0.1, 1.0, 10.0]);
    assert!(["0.01", "0.1", "1", "10"].iter().all(|label| text.contains(label)), "{text}");
}

#[test]
fn the_value_under_the_cursor_is_the_last_one_before_it() {
    let series = Series { points: vec![(1.0, 5.0), (2.0, 6.0), (3.0, f64::NAN)], ..Series::default() };
    assert_eq!([0.0, 1.5, 2.0, 3.5].map(|x| series.at(x)), [Some(5.0), Some(5.0), Some(6.0), None]);
}

#[test]
fn rounding_differences_are_drawn_as_a_constant() {
    let series = Series { points: vec![(0.0, 1e-3), (1.0, 1e-3 + 1e-19), (2.0, 1e-3)], ..Series::default() };
    let text = drawn(&Curve { series: vec![series], window: Window::until(2.0), ..Curve::default() });
    assert_eq!(text.lines().filter(|line| braille(line) > 0).count(), 1, "{text}");
}
