//! One picture: from where it is to the faces in it, as a dataset would store them.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use image::{DynamicImage, RgbImage};

use super::source::At;
use crate::data::ImageShape;
use crate::data::import::decode;
use crate::detect::{self, Area, Detector, crop};
use crate::download::{self, Limits, Request};

/// A picture of at most so many pixels a side may be a face that was cut out already.
const SMALL: u32 = 256;

/// Most bytes of a picture at an address; as of a file.
const ADDRESS_BYTES: u64 = 64 << 20;

/// Which faces of a picture are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Faces {
    /// All; a small, nearly square picture without one is taken whole.
    Auto,
    /// All.
    All,
    /// The largest.
    Largest,
    /// None is looked for: the picture is taken whole.
    None,
}

/// How faces are cut out.
#[derive(Debug, Clone)]
pub(super) struct Cutting {
    pub(super) faces: Faces,
    /// The height of the part around a face by its longer side.
    pub(super) margin: f32,
    /// What it is brought to, for each run.
    pub(super) shapes: Vec<ImageShape>,
}

/// A face that was cut out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Face {
    /// Its left and upper edge, width and height within the picture; `None` where that was taken whole.
    pub(super) area: Option<[u32; 4]>,
    /// Its pixels for each run, as stored images.
    pub(super) pixels: Vec<Vec<u8>>,
}

impl Cutting {
    /// The faces of a picture, or in words why it cannot be had.
    pub(super) fn faces_of(&self, at: &At, detector: &Detector, stop: &AtomicBool) -> Result<Vec<Face>, String> {
        let bytes = match at {
            At::File(path) => decode::read(path)?,
            At::Address(address) => fetched(address, stop)?,
            At::Nowhere(why) => return Err(why.clone()),
        };
        Ok(self.cut(&decode::picture(&bytes)?, detector))
    }

    fn cut(&self, picture: &DynamicImage, detector: &Detector) -> Vec<Face> {
        if self.faces == Faces::None {
            return vec![self.whole(picture)];
        }
        let colours = picture.to_rgb8();
        let mut found = detector.detect(&colours);
        if self.faces == Faces::Largest {
            found.sort_by(|one, other| other.area.size().total_cmp(&one.area.size()));
            found.truncate(1);
        }
        if found.is_empty() && self.faces == Faces::Auto && may_be_a_crop(&colours) {
            return vec![self.whole(picture)];
        }
        found.iter().map(|face| self.around(&colours, face)).collect()
    }

    fn whole(&self, picture: &DynamicImage) -> Face {
        let pixels = self.shapes.iter().map(|shape| decode::stored(picture, *shape)).collect();
        Face { area: None, pixels }
    }

    #[allow(clippy::cast_precision_loss, reason = "sides of stored images")]
    fn around(&self, picture: &RgbImage, face: &detect::Face) -> Face {
        let pixels = |shape: &ImageShape| {
            let part = crop(picture, face, shape.width as f32 / shape.height as f32, self.margin);
            decode::stored(&DynamicImage::ImageRgb8(part), *shape)
        };
        Face { area: Some(within(face.area, picture)), pixels: self.shapes.iter().map(pixels).collect() }
    }
}

/// Whether a picture is small and nearly square.
fn may_be_a_crop(picture: &RgbImage) -> bool {
    let (longer, shorter) = (picture.width().max(picture.height()), picture.width().min(picture.height()));
    longer <= SMALL && 5 * shorter >= 4 * longer
}

/// A rectangle in whole pixels of the picture.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, from 0 on")]
fn within(area: Area, picture: &RgbImage) -> [u32; 4] {
    let edge = |at: f32, most: u32| (at.round().max(0.0) as u32).min(most);
    let (left, right) = (edge(area.x, picture.width()), edge(area.x + area.width, picture.width()));
    let (top, bottom) = (edge(area.y, picture.height()), edge(area.y + area.height, picture.height()));
    [left, top, right - left, bottom - top]
}

/// The bytes of a picture at an address. Nothing of it stays on the disk.
fn fetched(address: &str, stop: &AtomicBool) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("cannot make a temporary folder: {error}"))?;
    let destination = folder.path().join("picture");
    let limits = Limits { bytes: ADDRESS_BYTES, ..Limits::default() };
    let request = Request { url: address, destination: &destination, expected: None, limits };
    let mut go_on = |_| if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    download::download(&request, &mut go_on).map_err(|error| error.to_string())?;
    decode::read(&destination)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAY: ImageShape = ImageShape { width: 48, height: 48, channels: 1 };
    const COLOURS: ImageShape = ImageShape { width: 64, height: 32, channels: 3 };

    fn cut(faces: Faces, picture: &DynamicImage) -> Vec<Face> {
        let cutting = Cutting { faces, margin: 1.0, shapes: vec![GRAY, COLOURS] };
        cutting.cut(picture, &Detector::default())
    }

    #[test]
    fn faces_are_cut_out_for_each_run() {
        let bytes = include_bytes!("../../../tests/fixtures/faces.jpg");
        let picture = decode::picture(bytes).expect("a picture");
        let count = |faces| cut(faces, &picture).len();
        assert_eq!([Faces::Auto, Faces::All, Faces::Largest, Faces::None].map(count), [2, 2, 1, 1]);
        let largest = &cut(Faces::Largest, &picture)[0];
        let [left, top, width, height] = largest.area.expect("a box");
        assert!(left + width <= 320 && top + height <= 160 && width > 40 && height > 60, "{:?}", largest.area);
        assert_eq!(largest.pixels.iter().map(Vec::len).collect::<Vec<_>>(), [48 * 48, 64 * 32 * 3]);
        assert_eq!(cut(Faces::None, &picture)[0].area, None);
    }

    #[test]
    fn a_small_nearly_square_picture_without_a_face_is_taken_whole_by_auto_alone() {
        let blank = |width, height| DynamicImage::ImageLuma8(image::GrayImage::new(width, height));
        let count = |faces, width, height| cut(faces, &blank(width, height)).len();
        assert_eq!((count(Faces::Auto, 48, 48), count(Faces::Auto, 256, 205)), (1, 1));
        assert_eq!((count(Faces::Auto, 256, 204), count(Faces::Auto, 257, 257)), (0, 0));
        assert_eq!((count(Faces::All, 48, 48), count(Faces::Largest, 48, 48)), (0, 0));
    }
}
