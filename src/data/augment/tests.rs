//! Sampling against exactly known pictures and against SciPy, with which Keras samples.

use std::f64::consts::FRAC_PI_2;

use proptest::prelude::*;

use super::*;

const SHAPE: ImageShape = ImageShape { width: 6, height: 6, channels: 1 };

fn picture() -> Vec<u8> {
    (0_u32..36).map(|i| u8::try_from(i * 97 % 251).unwrap()).collect()
}

fn apply(affine: Affine, pixels: &[u8], image: ImageShape) -> Vec<f32> {
    let mut out = vec![f32::NAN; image.bytes()];
    affine.apply(pixels, image, [image.height, image.width], 1.0, &mut out);
    out
}

/// Returns the picture whose pixel (row, column) is the input's pixel `from(row, column)`, clamped to the edge.
fn moved(from: impl Fn(i32, i32) -> (i32, i32)) -> Vec<f32> {
    let pixels = picture();
    let side = |value: i32| usize::try_from(value.clamp(0, 5)).unwrap();
    let pixel = |(row, column): (i32, i32)| f32::from(pixels[side(row) * 6 + side(column)]);
    (0..6)
        .flat_map(|row| (0..6).map(move |column| (row, column)))
        .map(|(row, column)| pixel(from(row, column)))
        .collect()
}

fn assert_close(got: &[f32], wanted: &[f32]) {
    assert_eq!(got.len(), wanted.len());
    for (index, (a, b)) in got.iter().zip(wanted).enumerate() {
        assert!((a - b).abs() < 1e-3, "pixel {index}: {a} is not {b}");
    }
}

#[test]
fn the_identity_is_exact() {
    assert_eq!(apply(Affine::identity(), &picture(), SHAPE), moved(|row, column| (row, column)));
}

#[test]
fn a_whole_shift_moves_and_repeats_the_edge() {
    let affine = Affine { shift: [2.0 / 6.0, -1.0 / 6.0], ..Affine::identity() };
    assert_close(&apply(affine, &picture(), SHAPE), &moved(|row, column| (row + 2, column - 1)));
}

#[test]
fn a_flip_mirrors_columns_exactly() {
    let affine = Affine { flip: true, ..Affine::identity() };
    assert_eq!(apply(affine, &picture(), SHAPE), moved(|row, column| (row, 5 - column)));
}

#[test]
fn a_quarter_turn_turns() {
    let affine = Affine { rotation: FRAC_PI_2, ..Affine::identity() };
    assert_close(&apply(affine, &picture(), SHAPE), &moved(|row, column| (5 - column, row)));
}

#[test]
fn colour_planes_are_sampled_alike() {
    let gray = picture();
    let colour: Vec<u8> = gray.iter().flat_map(|value| [*value, 255 - value, 7]).collect();
    let affine = Affine { rotation: 0.2, zoom: [1.1, 0.9], shift: [0.05, 0.1], flip: true, ..Affine::identity() };
    let out = apply(affine, &colour, ImageShape { channels: 3, ..SHAPE });
    let plain = apply(affine, &gray, SHAPE);
    assert_eq!(out[..36], plain);
    assert!(out[36..72].iter().zip(&plain).all(|(a, b)| (a + b - 255.0).abs() < 1e-3));
    assert!(out[72..].iter().all(|value| (value - 7.0).abs() < 1e-4));
}

#[test]
fn doubling_the_size_keeps_half_pixel_centres() {
    let image = ImageShape { width: 2, height: 1, channels: 1 };
    let mut out = [0.0; 8];
    Affine::identity().apply(&[0, 100], image, [2, 4], 0.01, &mut out);
    assert_close(&out, &[0.0, 0.25, 0.75, 1.0, 0.0, 0.25, 0.75, 1.0]);
}

#[test]
fn theta_is_the_matrix_in_unit_coordinates() {
    let affine = Affine { rotation: 0.3, zoom: [1.1, 0.9], shift: [0.05, -0.1], flip: true, ..Affine::identity() };
    let (matrix, theta) = (affine.matrix([10, 12], [10, 12]), affine.theta(10, 12));
    for (row, column) in [(0.0, 0.0), (9.0, 0.0), (3.0, 11.0)] {
        let unit = [(2.0 * column + 1.0) / 12.0 - 1.0, (2.0 * row + 1.0) / 10.0 - 1.0, 1.0];
        let pixel = |line: [f64; 3], side: f64| {
            ((line.iter().zip(unit).map(|(a, b)| a * b).sum::<f64>() + 1.0) * side - 1.0) / 2.0
        };
        let wanted = matrix.map(|line| line[0] * row + line[1] * column + line[2]);
        assert!((pixel(theta[1], 10.0) - wanted[0]).abs() < 1e-9 && (pixel(theta[0], 12.0) - wanted[1]).abs() < 1e-9);
    }
}

/// Returns the map of a random change.
fn keyed(ranges: &Augmentation, seed: u64, epoch: u64, index: u64) -> Affine {
    Change::keyed(ranges, SHAPE, 0, [seed, epoch, index]).affine
}

/// Cases written by `tests/fixtures/augment.py` with SciPy's `affine_transform`, called as Keras does.
#[test]
fn sampling_agrees_with_keras() {
    #[derive(serde::Deserialize)]
    struct Case {
        pixels: Vec<u8>,
        rotation: f64,
        zoom: [f64; 2],
        shift: [f64; 2],
        flip: bool,
        expected: Vec<f32>,
    }
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../tests/fixtures/augment.json")).unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let affine = Affine {
            rotation: case.rotation,
            zoom: case.zoom,
            shift: case.shift,
            flip: case.flip,
            ..Affine::identity()
        };
        let got = apply(affine, &case.pixels, ImageShape { width: 10, height: 12, channels: 1 });
        assert_close(&got, &case.expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_key_draws_one_change_within_the_ranges(seed: u64, epoch in 0_u64..50, index in 0_u64..50_000) {
        let affine = keyed(&Augmentation::REFERENCE, seed, epoch, index);
        prop_assert_eq!(affine, keyed(&Augmentation::REFERENCE, seed, epoch, index));
        prop_assert!(affine.rotation.abs() <= 15_f64.to_radians());
        prop_assert!(affine.zoom.iter().all(|zoom| (0.85..=1.15).contains(zoom)));
        prop_assert!(affine.shift.iter().all(|shift| shift.abs() <= 0.1));
        // Bilinear sampling never leaves the range of the picture.
        let out = apply(affine, &picture(), SHAPE);
        prop_assert!(out.iter().all(|value| (-0.001..=255.001).contains(value)));
        let smooth = [128; 36];
        prop_assert!(apply(affine, &smooth, SHAPE).iter().all(|value| (value - 128.0).abs() < 1e-3));
    }
}

#[test]
fn draws_fill_their_ranges_and_flip_half() {
    let draws: Vec<Affine> = (0..2000).map(|i| keyed(&Augmentation::REFERENCE, 1, 1, i)).collect();
    let mean = |value: fn(&Affine) -> f64| draws.iter().map(value).sum::<f64>() / 2000.0;
    let flips = mean(|affine| f64::from(u8::from(affine.flip)));
    assert!((0.45..0.55).contains(&flips), "{flips}");
    assert!(mean(|affine| affine.rotation).abs() < 0.015 && (mean(|affine| affine.zoom[1]) - 1.0).abs() < 0.01);
    // The variance of U(−r, r) is r² / 3.
    assert!((mean(|affine| affine.shift[0].powi(2)) / (0.01 / 3.0) - 1.0).abs() < 0.1);
    let still = Augmentation { horizontal_flip: false, ..Augmentation::REFERENCE };
    assert!(!(0..50).any(|i| keyed(&still, 1, 1, i).flip));
}

/// Returns every pixel by the formula, computed in turn.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // of small pictures
fn by_hand(affine: Affine, pixels: &[u8], image: ImageShape, size: [u32; 2]) -> Vec<f32> {
    let [height, width, channels] = [image.height, image.width, image.channels].map(|side| side as usize);
    let matrix = affine.matrix([image.height, image.width], size);
    let mut out = Vec::new();
    for channel in 0..channels {
        for (row, column) in (0..size[0]).flat_map(|row| (0..size[1]).map(move |column| (row, column))) {
            let at = |axis: usize, last: usize| {
                let [by_row, by_column, origin] = matrix[axis];
                (by_row * f64::from(row) + by_column * f64::from(column) + origin).clamp(0.0, (last - 1) as f64)
            };
            let (y, x) = (at(0, height), at(1, width));
            let pixel = |row: f64, column: f64| {
                let (row, column) = ((row as usize).min(height - 1), (column as usize).min(width - 1));
                f64::from(pixels[(row * width + column) * channels + channel])
            };
            let (down, right) = (y.fract(), x.fract());
            let above = pixel(y, x) * (1.0 - right) + pixel(y, x + 1.0) * right;
            let below = pixel(y + 1.0, x) * (1.0 - right) + pixel(y + 1.0, x + 1.0) * right;
            out.push((above * (1.0 - down) + below * down) as f32);
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Sizes from one pixel up, above and below the picture's: both branches for corners and every remainder of a row
    /// are covered.
    #[test]
    fn sampling_is_the_formula(
        (height, width, colour) in (1_u32..30, 1_u32..30, any::<bool>()),
        size in [1_u32..40, 1_u32..40],
        rotation in -3.2..3.2,
        zoom in [0.2..3.0, 0.2..3.0],
        shift in [-1.5..1.5, -1.5..1.5],
        flip: bool,
        seed: u32,
    ) {
        let affine = Affine { rotation, zoom, shift, flip, ..Affine::identity() };
        let image = ImageShape { width, height, channels: if colour { 3 } else { 1 } };
        let pixels: Vec<u8> = (0_u32..).map(|at| (at ^ seed).wrapping_mul(2_654_435_761).to_be_bytes()[0]).take(image.bytes()).collect();
        let mut out = vec![f32::NAN; (size[0] * size[1] * image.channels) as usize];
        affine.apply(&pixels, image, size, 1.0, &mut out);
        for (at, (ours, theirs)) in out.iter().zip(by_hand(affine, &pixels, image, size)).enumerate() {
            prop_assert!((ours - theirs).abs() < 1e-3, "{at}: {ours}, {theirs}");
        }
    }
}

/// `cargo test --release --no-default-features --lib data -- --ignored --nocapture images_per_second`
#[test]
#[ignore = "a measurement"]
fn images_per_second() {
    let image = ImageShape { width: 48, height: 48, channels: 1 };
    let pixels: Vec<u8> = (0..2304_u32).map(|i| u8::try_from(i * 31 % 256).unwrap()).collect();
    for side in [48_u32, 224] {
        let mut out = vec![0.0; (side * side) as usize];
        let start = std::time::Instant::now();
        for index in 0..30_000 {
            let affine = keyed(&Augmentation::REFERENCE, 1, 1, index);
            affine.apply(&pixels, image, [side, side], 1.0 / 255.0, &mut out);
        }
        eprintln!("48 to {side}: {:.0} images/s", 30_000.0 / start.elapsed().as_secs_f64());
    }
}
