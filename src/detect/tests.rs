//! Detection in real photographs and in pictures without faces, and crops.

#![allow(clippy::cast_possible_truncation)] // pixels that are made up

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use serde::Deserialize;

use super::*;

/// Two photographs in the public domain, of NASA and the U.S. Navy, and onnxruntime's faces in them. Both files are
/// written by `scripts/check-detector --fixture`.
const PICTURE: &[u8] = include_bytes!("../../tests/fixtures/faces.jpg");
const FOUND: &str = include_str!("../../tests/fixtures/faces.json");

#[derive(Deserialize)]
struct Expected {
    score: f32,
    #[serde(rename = "box")]
    area: [f32; 4],
    landmarks: [[f32; 2]; 5],
}

fn picture() -> RgbImage {
    image::load_from_memory(PICTURE).expect("a picture").to_rgb8()
}

fn largest_difference(ours: &[f32], theirs: &[f32]) -> f32 {
    ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max)
}

fn sides(area: Area) -> [f32; 4] {
    [area.x, area.y, area.width, area.height]
}

#[test]
fn faces_are_those_that_onnxruntime_finds() {
    let expected: Vec<Expected> = serde_json::from_str(FOUND).expect("the fixture");
    let found = Detector::default().detect(&picture());
    assert_eq!((found.len(), expected.len()), (2, 2));
    for (ours, theirs) in found.iter().zip(expected) {
        assert!((ours.score - theirs.score).abs() < 1e-4, "{} {}", ours.score, theirs.score);
        assert!(largest_difference(&sides(ours.area), &theirs.area) < 0.5, "{:?} {:?}", ours.area, theirs.area);
        let flat = |landmarks: [[f32; 2]; 5]| landmarks.concat();
        assert!(largest_difference(&flat(ours.landmarks), &flat(theirs.landmarks)) < 0.5);
    }
}

#[test]
fn a_larger_picture_has_the_same_faces_further_apart() {
    let detector = Detector::default();
    let small = detector.detect(&picture());
    let large = imageops::resize(&picture(), 4 * 320, 4 * 160, FilterType::Triangle);
    let found = detector.detect(&large);
    assert_eq!(found.len(), small.len());
    for face in found {
        let [left, top, width, height] = sides(face.area).map(|side| side / 4.0);
        let near = |other: &Face| largest_difference(&[left, top, width, height], &sides(other.area)) < 8.0;
        assert!(small.iter().any(near), "{:?}", face.area);
    }
}

#[test]
fn a_face_that_fills_a_large_picture_is_found_at_the_second_size() {
    let detector = Detector::default();
    let faces = detector.detect(&picture());
    // Enlarged, with smaller and smaller margins, until nothing is found at the first size.
    let fills =
        |face: &Face, margin| imageops::resize(&crop(&picture(), face, 1.0, margin), 640, 640, FilterType::Triangle);
    let close =
        [1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6].into_iter().flat_map(|margin| faces.iter().map(move |face| (face, margin)));
    let missed: Vec<RgbImage> = close
        .map(|(face, margin)| fills(face, margin))
        .filter(|picture| detector.detect_at(picture, SIZES[0]).is_empty())
        .collect();
    assert!(!missed.is_empty(), "the first size misses none of them");
    assert!(missed.iter().any(|picture| detector.detect(picture).len() == 1));
}

#[test]
fn no_face_is_found_in_noise() {
    let detector = Detector::default();
    let noise = |x: u32, y: u32| Rgb([(x * 7919 + y * 104_729) as u8, (x * y) as u8, (x ^ y) as u8]);
    for (width, height) in [(1, 1), (31, 33), (1000, 3), (640, 480), (900, 700)] {
        assert_eq!(detector.detect(&RgbImage::from_fn(width, height, noise)), [], "{width}×{height}");
    }
    assert_eq!(detector.detect(&RgbImage::new(0, 5)), []);
}

#[test]
fn a_crop_has_the_margin_and_repeats_the_edge() {
    let picture = RgbImage::from_fn(100, 80, |x, y| Rgb([x as u8, y as u8, 0]));
    let at =
        |x: f32, y: f32| Face { area: Area { x, y, width: 20.0, height: 40.0 }, landmarks: [[0.0; 2]; 5], score: 1.0 };
    let inner = crop(&picture, &at(40.0, 20.0), 1.0, 1.0);
    // Around the middle (50, 40), raised by a fiftieth of 40.
    assert_eq!(
        (inner.dimensions(), inner.get_pixel(0, 0), inner.get_pixel(39, 39)),
        ((40, 40), &Rgb([30, 19, 0]), &Rgb([69, 58, 0]))
    );
    let corner = crop(&picture, &at(-10.0, -20.0), 1.0, 1.5);
    assert_eq!(corner.dimensions(), (60, 60));
    assert_eq!((corner.get_pixel(0, 0), corner.get_pixel(59, 59)), (&Rgb([0, 0, 0]), &Rgb([29, 28, 0])));
    assert_eq!(crop(&picture, &at(40.0, 20.0), 0.5, 1.0).dimensions(), (20, 40));
}
