//! Smooths curves as `TensorBoard` does, by an exponential moving average with bias correction.

/// A position, the mean of consecutive values, and their number.
pub type MeanPoint = (f64, f64, u64);

/// Returns the smoothed curve. `weight` is the share of earlier values, from 0 (no smoothing) to below 1. NaN is passed
/// on as a gap and ignored otherwise. A mean of n values weighs as much as n equal values.
#[must_use]
pub fn smooth(points: impl IntoIterator<Item = MeanPoint>, weight: f64) -> Vec<(f64, f64)> {
    let weight = weight.clamp(0.0, 0.9999);
    // The average so far, and the sum of its weights, which corrects the start at 0.
    let (mut average, mut total_weight) = (0.0, 0.0);
    let step = |(x, value, count): MeanPoint| {
        if !value.is_finite() {
            return (x, f64::NAN);
        }
        let decay = weight.powf(super::real(count.max(1)));
        average = average * decay + value * (1.0 - decay);
        total_weight = total_weight * decay + (1.0 - decay);
        (x, average / total_weight)
    };
    points.into_iter().map(step).collect()
}

/// Returns points as means of one value.
pub fn single(points: &[(f64, f64)]) -> impl Iterator<Item = MeanPoint> + '_ {
    points.iter().map(|&(x, y)| (x, y, 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `TensorBoard`'s loop in Rust.
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
        fn smoothing_equals_tensorboard(values in proptest::collection::vec(value(), 0..200), weight in 0.0..0.999_f64) {
            let points: Vec<(f64, f64)> = (0..).zip(&values).map(|(x, y)| (f64::from(x), *y)).collect();
            let ours = smooth(single(&points), weight);
            prop_assert_eq!(ours.len(), values.len());
            for ((_, ours), theirs) in ours.iter().zip(tensorboard(&values, weight)) {
                prop_assert!((ours.is_nan() && theirs.is_nan()) || (ours - theirs).abs() <= 1e-6, "{ours} {theirs}");
            }
        }

        #[test]
        fn a_constant_curve_stays_constant(level in -1e3..1e3_f64, weight in 0.0..0.999_f64) {
            let smoothed = smooth((0..50_u64).map(|x| (super::super::real(x), level, 1 + x % 3)), weight);
            prop_assert!(smoothed.iter().all(|(_, y)| (y - level).abs() < 1e-6), "{smoothed:?}");
        }

        #[test]
        fn smoothed_values_stay_within_the_range(values in proptest::collection::vec(-1e3..1e3_f64, 1..100), weight in 0.0..0.99_f64) {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min) - 1e-6;
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) + 1e-6;
            let smoothed = smooth(values.iter().map(|y| (0.0, *y, 2)), weight);
            prop_assert!(smoothed.iter().all(|(_, y)| (low..=high).contains(y)));
        }
    }

    #[test]
    fn a_mean_weighs_as_much_as_its_values() {
        let apart = smooth([(0.0, 1.0, 1), (1.0, 3.0, 1), (2.0, 3.0, 1)], 0.6);
        let joined = smooth([(0.0, 1.0, 1), (2.0, 3.0, 2)], 0.6);
        assert!((apart[2].1 - joined[1].1).abs() < 1e-12);
    }
}
