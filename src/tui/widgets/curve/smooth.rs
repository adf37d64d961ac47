//! Smoothing as `TensorBoard` does it: an exponential moving average, corrected for its beginning at nothing.

/// One stretch of a curve: where it is drawn, its mean, and how many values that is the mean of.
pub type Stretch = (f64, f64, u64);

/// The smoothed curve: `weight` of what was before, 0 (as it is) to below 1. What is no number is passed on as a gap
/// and otherwise ignored. A stretch of n values weighs as much as n values that are equal to their mean.
#[must_use]
pub fn smooth(stretches: impl IntoIterator<Item = Stretch>, weight: f64) -> Vec<(f64, f64)> {
    let weight = weight.clamp(0.0, 0.9999);
    // The average so far, and the share of it that is not the zero it began with.
    let (mut average, mut known) = (0.0, 0.0);
    let step = |(x, value, count): Stretch| {
        if !value.is_finite() {
            return (x, f64::NAN);
        }
        let kept = weight.powf(super::real(count.max(1)));
        average = average * kept + value * (1.0 - kept);
        known = known * kept + (1.0 - kept);
        (x, average / known)
    };
    stretches.into_iter().map(step).collect()
}

/// Points as stretches of one value.
pub fn single(points: &[(f64, f64)]) -> impl Iterator<Item = Stretch> + '_ {
    points.iter().map(|&(x, y)| (x, y, 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `TensorBoard`'s loop, word for word but for the language.
    fn tensorboard(values: &[f64], weight: f64) -> Vec<f64> {
        let (mut last, mut accumulated) = (0.0, 0);
        let mut smoothed = Vec::new();
        for value in values {
            if value.is_finite() {
                last = last * weight + (1.0 - weight) * value;
                accumulated += 1;
                smoothed.push(last / (1.0 - weight.powi(accumulated)));
            } else {
                smoothed.push(*value);
            }
        }
        smoothed
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![9 => -1e3..1e3_f64, 1 => Just(f64::NAN)]
    }

    proptest! {
        #[test]
        fn it_is_what_tensorboard_draws(values in proptest::collection::vec(value(), 0..200), weight in 0.0..0.999_f64) {
            let points: Vec<(f64, f64)> = (0..).zip(&values).map(|(x, y)| (f64::from(x), *y)).collect();
            let ours = smooth(single(&points), weight);
            prop_assert_eq!(ours.len(), values.len());
            for ((_, ours), theirs) in ours.iter().zip(tensorboard(&values, weight)) {
                prop_assert!((ours.is_nan() && theirs.is_nan()) || (ours - theirs).abs() <= 1e-6, "{ours} {theirs}");
            }
        }

        #[test]
        fn what_is_level_stays_so_from_its_first_point_on(level in -1e3..1e3_f64, weight in 0.0..0.999_f64) {
            let smoothed = smooth((0..50_u64).map(|x| (super::super::real(x), level, 1 + x % 3)), weight);
            prop_assert!(smoothed.iter().all(|(_, y)| (y - level).abs() < 1e-6), "{smoothed:?}");
        }

        #[test]
        fn it_never_leaves_the_range_of_its_values(values in proptest::collection::vec(-1e3..1e3_f64, 1..100), weight in 0.0..0.99_f64) {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min) - 1e-6;
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) + 1e-6;
            let smoothed = smooth(values.iter().map(|y| (0.0, *y, 2)), weight);
            prop_assert!(smoothed.iter().all(|(_, y)| (low..=high).contains(y)));
        }
    }

    #[test]
    fn a_stretch_weighs_as_its_values_would() {
        let apart = smooth([(0.0, 1.0, 1), (1.0, 3.0, 1), (2.0, 3.0, 1)], 0.6);
        let joined = smooth([(0.0, 1.0, 1), (2.0, 3.0, 2)], 0.6);
        assert!((apart[2].1 - joined[1].1).abs() < 1e-12);
    }
}
