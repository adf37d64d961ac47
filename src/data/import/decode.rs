//! From the bytes of an image file to the pixels that are stored.
//!
//! A camera's note of how it was held (EXIF orientation) is obeyed: pictures stand as viewers show them.

use std::io::{Cursor, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "trainer")]
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::limits::{DECODING_BYTES, LONGEST_SIDE};
#[cfg(feature = "trainer")]
use super::{limits::Limits as Bounds, listing::Contents, listing::Location};
use crate::data::manifest::ImageShape;

/// Images of more pixels than this are decoded one at a time.
const LARGE: u64 = 2048 * 2048;

static LARGE_ONES: Mutex<()> = Mutex::new(());

/// What an image file says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) size: (u32, u32),
    /// Whether its pixels are single gray values. An image stored in colours counts as coloured even where all its
    /// colours happen to be gray.
    pub(super) gray: bool,
}

/// Reads the header of an image file; the reason in words when there is none.
pub(super) fn header(bytes: &[u8]) -> Result<Header, String> {
    let read = || {
        let mut decoder = reader(bytes)?.into_decoder().map_err(|error| error.to_string())?;
        let (width, height) = size(&decoder)?;
        let size = if is_sideways(orientation(&mut decoder)) { (height, width) } else { (width, height) };
        Ok(Header { size, gray: !decoder.color_type().has_color() })
    };
    guarded(read)
}

/// Decodes an image file to `shape`; also whether it had to be resized for that.
pub(super) fn file(bytes: &[u8], shape: ImageShape) -> Result<(Vec<u8>, bool), String> {
    guarded(|| Ok(fit(&whole(bytes)?, shape)))
}

/// The picture in an image file, upright; the reason in words when there is none.
#[cfg(feature = "trainer")]
pub(crate) fn picture(bytes: &[u8]) -> Result<DynamicImage, String> {
    guarded(|| whole(bytes))
}

/// The pixels of a picture as a dataset of this shape stores them.
#[cfg(feature = "trainer")]
pub(crate) fn stored(picture: &DynamicImage, shape: ImageShape) -> Vec<u8> {
    fit(picture, shape).0
}

/// All bytes of an image file, or in words why not: what is larger than an import takes is refused.
#[cfg(feature = "trainer")]
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let limit = Bounds::DEFAULT.file_bytes;
    Contents::default().read(&Location::File(path.to_owned()), limit).map_err(|error| unread(&error, limit))
}

/// Why an image file of at most `limit` bytes was not read, in words.
pub(super) fn unread(error: &std::io::Error, limit: u64) -> String {
    match error.kind() {
        ErrorKind::FileTooLarge => format!("is larger than {} MiB", limit >> 20),
        _ => format!("cannot be read: {error}"),
    }
}

fn whole(bytes: &[u8]) -> Result<DynamicImage, String> {
    let reader = reader(bytes)?;
    let is_jpeg = reader.format() == Some(ImageFormat::Jpeg);
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    let (width, height) = size(&decoder)?;
    // As many threads as there are processors decode at a time, each of which may take as much as one image may.
    let _turn = (u64::from(width) * u64::from(height) > LARGE)
        .then(|| LARGE_ONES.lock().unwrap_or_else(PoisonError::into_inner));
    if is_jpeg && !has_jpeg_end(bytes) {
        return Err("is cut short".into());
    }
    if decoder.total_bytes() > DECODING_BYTES {
        return Err(format!("takes more than {} MiB to decode", DECODING_BYTES >> 20));
    }
    let orientation = orientation(&mut decoder);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// How the camera was held; upright where the file does not say so, or says it wrongly.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

/// Whether width and height are exchanged.
fn is_sideways(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// Brings a square of gray values to `shape`; also whether it had to be resized for that.
pub(super) fn gray(values: Vec<u8>, side: u32, shape: ImageShape) -> Result<(Vec<u8>, bool), String> {
    let image = GrayImage::from_raw(side, side, values).ok_or("has the wrong number of pixels")?;
    Ok(fit(&DynamicImage::ImageLuma8(image), shape))
}

fn fit(image: &DynamicImage, shape: ImageShape) -> (Vec<u8>, bool) {
    let resized = (image.width(), image.height()) != (shape.width, shape.height);
    let pixels = |image: &DynamicImage| {
        if shape.channels == 1 { image.to_luma8().into_raw() } else { image.to_rgb8().into_raw() }
    };
    if resized {
        // Bilinear, and averaging where it shrinks.
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
    // Sides have their own check, with better words.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODING_BYTES);
    reader.limits(limits);
    Ok(reader)
}

/// Width and height, if they are within bounds.
fn size(decoder: &impl ImageDecoder) -> Result<(u32, u32), String> {
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 || width > LONGEST_SIDE || height > LONGEST_SIDE {
        return Err(format!("claims to be {width}×{height}; at most {LONGEST_SIDE} pixels a side are taken"));
    }
    Ok((width, height))
}

/// Whether the picture's end mark is there. The decoder fills what is missing with gray and says nothing. A preview
/// inside the file has an end mark too, but before the picture's own data begins.
fn has_jpeg_end(bytes: &[u8]) -> bool {
    let last = |mark: u8| bytes.windows(2).rposition(|pair| pair == [0xff, mark]);
    last(0xd9) > last(0xda)
}

/// A decoder that panics on a hostile file costs that file, not the import.
fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err("made the decoder fail".into()))
}

#[cfg(test)]
mod tests {
    use image::codecs::png::PngEncoder;
    use image::{ExtendedColorType, ImageEncoder};

    use super::*;

    /// A gray picture of 3×2 pixels 0 to 5, with a camera's note of this number.
    fn noted(orientation: u8) -> Vec<u8> {
        let note =
            [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", [orientation, 0, 0, 0].as_slice(), &[0; 4]].concat();
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_exif_metadata(note).expect("metadata");
        encoder.write_image(&[0, 1, 2, 3, 4, 5], 3, 2, ExtendedColorType::L8).expect("encoded");
        bytes
    }

    #[test]
    fn pictures_stand_as_their_camera_noted() {
        let (lying, upright) = ((3, 2), (2, 3));
        let table = [
            (1, lying, [0, 1, 2, 3, 4, 5]),
            (2, lying, [2, 1, 0, 5, 4, 3]),
            (3, lying, [5, 4, 3, 2, 1, 0]),
            (4, lying, [3, 4, 5, 0, 1, 2]),
            (5, upright, [0, 3, 1, 4, 2, 5]),
            (6, upright, [3, 0, 4, 1, 5, 2]),
            (7, upright, [5, 2, 4, 1, 3, 0]),
            (8, upright, [2, 5, 1, 4, 0, 3]),
            (99, lying, [0, 1, 2, 3, 4, 5]),
        ];
        for (orientation, (width, height), pixels) in table {
            let bytes = noted(orientation);
            assert_eq!(header(&bytes), Ok(Header { size: (width, height), gray: true }), "{orientation}");
            let shape = ImageShape { width, height, channels: 1 };
            assert_eq!(file(&bytes, shape), Ok((pixels.to_vec(), false)), "{orientation}");
        }
    }
}
