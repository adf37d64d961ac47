//! The fraction of the training images that a run trains.

/// Returns whether a fraction is all images.
#[must_use]
pub fn is_whole(fraction: f64) -> bool {
    fraction >= 1.0
}

/// Returns the number of images in this fraction of a class, rounded, and at least one of a class that has any.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts below 2^52
pub fn part(images: usize, fraction: f64) -> usize {
    ((images as f64 * fraction).round() as usize).max(1).min(images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_rounded_and_never_empty() {
        let table = [(30, 0.1, 3), (100, 0.015, 2), (3, 0.1, 1), (0, 0.5, 0), (7, 1.0, 7), (25_841, 0.2, 5_168)];
        for (images, fraction, expected) in table {
            assert_eq!(part(images, fraction), expected, "{images} {fraction}");
        }
    }
}
