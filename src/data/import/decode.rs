//! Decoding of image files to stored pixels.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::limits::{DECODING_BYTES, LONGEST_SIDE};
use crate::data::manifest::ImageShape;

/// Images of more pixels than this are decoded one at a time.
const LARGE: u64 = 2048 * 2048;

static LARGE_IMAGE: Mutex<()> = Mutex::new(());

/// The properties in an image file's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) size: (u32, u32),
    /// Whether its pixels are single gray values; a colour image with only gray pixels counts as coloured.
    pub(super) gray: bool,
}

/// Reads the header of an image file. The error is the reason.
pub(super) fn header(bytes: &[u8]) -> Result<Header, String> {
    let read = || {
        let decoder = reader(bytes)?.into_decoder().map_err(|error| error.to_string())?;
        Ok(Header { size: size(&decoder)?, gray: !decoder.color_type().has_color() })
    };
    catch_panics(read)
}

/// Decodes an image file to `shape` (u8 `[H, W, C]`) and returns whether it was resized. The error is the reason.
pub(super) fn file(bytes: &[u8], shape: ImageShape) -> Result<(Vec<u8>, bool), String> {
    let decode = || {
        let reader = reader(bytes)?;
        let is_jpeg = reader.format() == Some(ImageFormat::Jpeg);
        let decoder = reader.into_decoder().map_err(|error| error.to_string())?;
        let (width, height) = size(&decoder)?;
        // Otherwise every thread could decode a large image at once and exhaust memory.
        let _guard = (u64::from(width) * u64::from(height) > LARGE)
            .then(|| LARGE_IMAGE.lock().unwrap_or_else(PoisonError::into_inner));
        if is_jpeg && !has_jpeg_end(bytes) {
            return Err("is cut short".into());
        }
        if decoder.total_bytes() > DECODING_BYTES {
            return Err(format!("takes more than {} MiB to decode", DECODING_BYTES >> 20));
        }
        let image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
        Ok(resize_to(&image, shape))
    };
    catch_panics(decode)
}

/// Resizes a square of gray values to `shape` and returns whether the size changed. The error is the reason.
pub(super) fn gray(values: Vec<u8>, side: u32, shape: ImageShape) -> Result<(Vec<u8>, bool), String> {
    let image = GrayImage::from_raw(side, side, values).ok_or("has the wrong number of pixels")?;
    Ok(resize_to(&DynamicImage::ImageLuma8(image), shape))
}

fn resize_to(image: &DynamicImage, shape: ImageShape) -> (Vec<u8>, bool) {
    let resized = (image.width(), image.height()) != (shape.width, shape.height);
    let pixels = |image: &DynamicImage| {
        if shape.channels == 1 { image.to_luma8().into_raw() } else { image.to_rgb8().into_raw() }
    };
    if resized {
        // A triangle filter: bilinear, averaging where it shrinks.
        (pixels(&image.resize_exact(shape.width, shape.height, FilterType::Triangle)), true)
    } else {
        (pixels(image), false)
    }
}

fn reader(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        return Err(if bytes.is_empty() { "is empty" } else { "is not an image" }.into());
    }
    // `size` checks the sides with a clearer message.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODING_BYTES);
    reader.limits(limits);
    Ok(reader)
}

/// Returns width and height if they are within bounds.
fn size(decoder: &impl ImageDecoder) -> Result<(u32, u32), String> {
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 || width > LONGEST_SIDE || height > LONGEST_SIDE {
        return Err(format!("claims to be {width}×{height}; at most {LONGEST_SIDE} pixels a side are accepted"));
    }
    Ok((width, height))
}

/// Whether the JPEG's end marker is present, because the decoder silently fills missing data with gray. A preview's end
/// marker precedes the picture's own data and does not count.
fn has_jpeg_end(bytes: &[u8]) -> bool {
    let last = |mark: u8| bytes.windows(2).rposition(|pair| pair == [0xff, mark]);
    last(0xd9) > last(0xda)
}

/// Decodes with panics as errors. Otherwise one hostile file would end the import.
fn catch_panics<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err("made the decoder fail".into()))
}
