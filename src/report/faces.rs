//! Faces of a report, as PNG.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::PngEncoder;
use image::imageops::{FilterType, resize};
use image::{DynamicImage, GrayImage, RgbImage};

use crate::data::{Dataset, ImageShape};
use crate::domain::Split;
use crate::runs::inspection::ScoredImage;
use crate::runs::{Home, Inspection, Summary};

/// The longest side of a face in a report, in pixels; larger ones are made smaller, so that a report stays small.
const SIDE: u32 = 96;

/// A test image with its prediction.
#[derive(Debug, Clone)]
pub struct Face {
    /// The image as PNG, in base64.
    pub png: String,
    /// Its prediction.
    pub prediction: ScoredImage,
    /// Its path in the imported source.
    pub source: String,
}

/// Returns the test images with the largest loss, the largest first; none where the dataset is gone or another one.
pub(super) fn hardest(home: &Home, run: &Summary, test: &Inspection, count: usize) -> Vec<Face> {
    let Ok(dataset) = Dataset::open(&home.dataset(&run.recipe.dataset)) else { return Vec::new() };
    let Ok(dataset) = dataset.in_fold(run.recipe.fold) else { return Vec::new() };
    if dataset.fingerprint() != run.recipe.fingerprint || dataset.len(Split::Test) != test.images() {
        return Vec::new();
    }
    let face = |prediction: ScoredImage| {
        let png = png(dataset.image(), dataset.pixels(Split::Test, prediction.index))?;
        Some(Face { png, prediction, source: dataset.source(Split::Test, prediction.index) })
    };
    test.hardest(count).into_iter().filter_map(face).collect()
}

/// Returns pixels, u8 H×W×C, as a PNG in base64; `None` where they are no image.
fn png(shape: ImageShape, pixels: &[u8]) -> Option<String> {
    let picture = if shape.channels == 1 {
        DynamicImage::from(GrayImage::from_raw(shape.width, shape.height, pixels.to_vec())?)
    } else {
        DynamicImage::from(RgbImage::from_raw(shape.width, shape.height, pixels.to_vec())?)
    };
    let longest = shape.width.max(shape.height);
    let picture = if longest > SIDE {
        let scaled = |side: u32| (side * SIDE / longest).max(1);
        DynamicImage::from(resize(&picture, scaled(shape.width), scaled(shape.height), FilterType::Triangle))
    } else {
        picture
    };
    let mut bytes = Vec::new();
    // `write_to` would compile the encoders of every format.
    picture.write_with_encoder(PngEncoder::new(&mut bytes)).ok()?;
    Some(STANDARD.encode(bytes))
}
