//! The faces of one picture, cropped as a dataset would store them.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use image::{DynamicImage, RgbImage};

use super::source::Location;
use crate::data::ImageShape;
use crate::data::import::{Fit, decode};
use crate::detect::{self, Area, Detector, crop};
use crate::download::{self, Limits, Request};

/// The longest side in pixels of a picture that may be a face already cut out.
const MAX_CROP_SIDE: u32 = 256;

/// The largest download of a picture in bytes; equals the limit of files.
const MAX_DOWNLOAD: u64 = 64 << 20;

/// The choice of a picture's faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FaceChoice {
    /// All faces; a small, nearly square picture without one is taken whole
    Auto,
    /// All faces
    All,
    /// The largest face
    Largest,
    /// No detection: the picture is taken whole
    None,
}

/// Crops faces out of pictures.
#[derive(Debug, Clone)]
pub(super) struct FaceCropper {
    pub(super) choice: FaceChoice,
    /// The height of the part around a face by its longer side.
    pub(super) margin: f32,
    /// The shape of the stored images of each run, and the way in which whole pictures come to it.
    pub(super) shapes: Vec<(ImageShape, Fit)>,
}

/// A cropped face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Face {
    /// Left and upper edge, width and height in pixels of the picture; `None` if that was taken whole.
    pub(super) area: Option<[u32; 4]>,
    /// The pixels for each run, u8 `[H, W, C]`, as a stored image.
    pub(super) pixels: Vec<Vec<u8>>,
}

impl FaceCropper {
    /// Reads a picture and returns its faces. The error is the reason why it was not read.
    pub(super) fn read_faces(
        &self,
        location: &Location,
        detector: &Detector,
        stop: &AtomicBool,
    ) -> Result<Vec<Face>, String> {
        let bytes = match location {
            Location::File(path) => decode::read(path)?,
            Location::Address(address) => download_picture(address, stop)?,
            Location::Unusable(reason) => return Err(reason.clone()),
        };
        Ok(self.crop_faces(&decode::picture(&bytes)?, detector))
    }

    fn crop_faces(&self, picture: &DynamicImage, detector: &Detector) -> Vec<Face> {
        if self.choice == FaceChoice::None {
            return vec![self.whole(picture)];
        }
        let colours = picture.to_rgb8();
        let mut found = detector.detect(&colours);
        if self.choice == FaceChoice::Largest {
            found.sort_by(|one, other| other.area.size().total_cmp(&one.area.size()));
            found.truncate(1);
        }
        if found.is_empty() && self.choice == FaceChoice::Auto && may_be_crop(&colours) {
            return vec![self.whole(picture)];
        }
        found.iter().map(|face| self.crop_face(&colours, face)).collect()
    }

    fn whole(&self, picture: &DynamicImage) -> Face {
        let pixels = self.shapes.iter().map(|(shape, fit)| decode::to_stored_pixels(picture, *shape, *fit)).collect();
        Face { area: None, pixels }
    }

    #[allow(clippy::cast_precision_loss, reason = "sides of stored images")]
    fn crop_face(&self, picture: &RgbImage, face: &detect::Face) -> Face {
        let pixels = |(shape, _): &(ImageShape, Fit)| {
            let part = crop(picture, face, shape.width as f32 / shape.height as f32, self.margin);
            // Cut out with the sides of that shape, so that nothing is stretched.
            decode::to_stored_pixels(&DynamicImage::ImageRgb8(part), *shape, Fit::Squash)
        };
        Face { area: Some(round_within(face.area, picture)), pixels: self.shapes.iter().map(pixels).collect() }
    }
}

/// Returns whether a picture is small and nearly square.
fn may_be_crop(picture: &RgbImage) -> bool {
    let (longer, shorter) = (picture.width().max(picture.height()), picture.width().min(picture.height()));
    longer <= MAX_CROP_SIDE && 5 * shorter >= 4 * longer
}

/// Rounds a rectangle to pixels within the picture.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, from 0 on")]
fn round_within(area: Area, picture: &RgbImage) -> [u32; 4] {
    let edge = |at: f32, max: u32| (at.round().max(0.0) as u32).min(max);
    let (left, right) = (edge(area.x, picture.width()), edge(area.x + area.width, picture.width()));
    let (top, bottom) = (edge(area.y, picture.height()), edge(area.y + area.height, picture.height()));
    [left, top, right - left, bottom - top]
}

/// Downloads a picture and returns its bytes. The file is deleted. The error is the reason.
fn download_picture(address: &str, stop: &AtomicBool) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("cannot make a temporary folder: {error}"))?;
    let destination = folder.path().join("picture");
    let limits = Limits { bytes: MAX_DOWNLOAD, ..Limits::default() };
    let request = Request { url: address, destination: &destination, expected: None, limits };
    let mut progress =
        |_| if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    download::download(&request, &mut progress).map_err(|error| error.to_string())?;
    decode::read(&destination)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAY: ImageShape = ImageShape { width: 48, height: 48, channels: 1 };
    const COLOURS: ImageShape = ImageShape { width: 64, height: 32, channels: 3 };

    fn crop_faces(choice: FaceChoice, picture: &DynamicImage) -> Vec<Face> {
        let cropper = FaceCropper { choice, margin: 1.0, shapes: vec![(GRAY, Fit::Squash), (COLOURS, Fit::Squash)] };
        cropper.crop_faces(picture, &Detector::default())
    }

    #[test]
    fn faces_are_cropped_for_each_run() {
        let bytes = include_bytes!("../../../../tests/fixtures/faces.jpg");
        let picture = decode::picture(bytes).expect("a picture");
        let count = |faces| crop_faces(faces, &picture).len();
        assert_eq!([FaceChoice::Auto, FaceChoice::All, FaceChoice::Largest, FaceChoice::None].map(count), [2, 2, 1, 1]);
        let largest = &crop_faces(FaceChoice::Largest, &picture)[0];
        let [left, top, width, height] = largest.area.expect("a box");
        assert!(left + width <= 320 && top + height <= 160 && width > 40 && height > 60, "{:?}", largest.area);
        assert_eq!(largest.pixels.iter().map(Vec::len).collect::<Vec<_>>(), [48 * 48, 64 * 32 * 3]);
        assert_eq!(crop_faces(FaceChoice::None, &picture)[0].area, None);
    }

    #[test]
    fn a_whole_picture_is_fitted_as_the_dataset_was() {
        let picture = DynamicImage::ImageLuma8(image::GrayImage::from_pixel(64, 32, image::Luma([200])));
        let shape = ImageShape { width: 8, height: 8, channels: 1 };
        let pixels = |fit| {
            let cropper = FaceCropper { choice: FaceChoice::None, margin: 1.0, shapes: vec![(shape, fit)] };
            cropper.crop_faces(&picture, &Detector::default())[0].pixels[0].clone()
        };
        let padded = [vec![0; 16], vec![200; 32], vec![0; 16]].concat();
        assert_eq!([Fit::Squash, Fit::Crop, Fit::Pad].map(pixels), [vec![200; 64], vec![200; 64], padded]);
    }

    #[test]
    fn a_small_nearly_square_picture_without_a_face_is_taken_whole_only_by_auto() {
        let blank = |width, height| DynamicImage::ImageLuma8(image::GrayImage::new(width, height));
        let count = |faces, width, height| crop_faces(faces, &blank(width, height)).len();
        assert_eq!((count(FaceChoice::Auto, 48, 48), count(FaceChoice::Auto, 256, 205)), (1, 1));
        assert_eq!((count(FaceChoice::Auto, 256, 204), count(FaceChoice::Auto, 257, 257)), (0, 0));
        assert_eq!((count(FaceChoice::All, 48, 48), count(FaceChoice::Largest, 48, 48)), (0, 0));
    }
}
