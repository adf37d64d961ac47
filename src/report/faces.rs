//! Faces of a report, as PNG.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::PngEncoder;
use image::imageops::{FilterType, resize};
use image::{DynamicImage, GrayImage, RgbImage};

use crate::data::{Dataset, ImageShape};
use crate::domain::{HeatMap, RunId, Split};
use crate::runs::inspection::ScoredImage;
use crate::runs::{Home, Inspection, Summary};

/// The longest side of a face in a report, in pixels; larger ones are made smaller, so that a report stays small.
const SIDE: u32 = 96;

/// A test image with its prediction.
#[derive(Debug, Clone)]
pub struct Face {
    /// The image as PNG, in base64.
    pub png: String,
    /// The image under its heat map for the predicted class, as PNG in base64; `None` without one.
    pub heat_map: Option<String>,
    /// Its prediction.
    pub prediction: ScoredImage,
    /// Its path in the imported source.
    pub source: String,
}

/// A source of heat maps: one for each picture, u8 `[H, W, C]`, and its class; or none.
pub type HeatMapSource<'a> = &'a mut dyn FnMut(&RunId, &[Vec<u8>], &[usize]) -> Vec<HeatMap>;

/// Returns the test images with the largest loss, the largest first; none where the dataset was deleted or has another
/// fingerprint.
pub(super) fn hardest(
    home: &Home,
    run: &Summary,
    test: &Inspection,
    count: usize,
    heat_maps: HeatMapSource<'_>,
) -> Vec<Face> {
    let Ok(dataset) = Dataset::open(&home.dataset(&run.recipe.dataset)) else { return Vec::new() };
    let Ok(dataset) = dataset.in_fold(run.recipe.fold) else { return Vec::new() };
    if dataset.fingerprint() != run.recipe.fingerprint || dataset.len(Split::Test) != test.images() {
        return Vec::new();
    }
    let hardest = test.hardest(count);
    let pixels = |scored: &ScoredImage| dataset.pixels(Split::Test, scored.index).to_vec();
    let (pictures, classes): (Vec<Vec<u8>>, Vec<usize>) =
        hardest.iter().map(|scored| (pixels(scored), scored.predicted)).unzip();
    let maps = if pictures.is_empty() { Vec::new() } else { heat_maps(&run.id, &pictures, &classes) };
    let shape = dataset.image();
    let sides = [shape.height, shape.width, shape.channels].map(|side| side as usize);
    let face = |(at, prediction): (usize, ScoredImage)| {
        let coloured = ImageShape { channels: 3, ..shape };
        let heat_map = maps.get(at).and_then(|map| png(coloured, &map.draw_over(&pictures[at], sides)));
        let png = png(shape, &pictures[at])?;
        Some(Face { png, heat_map, prediction, source: dataset.source(Split::Test, prediction.index) })
    };
    hardest.into_iter().enumerate().filter_map(face).collect()
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
