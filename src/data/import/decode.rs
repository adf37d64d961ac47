//! Decoding of image files to stored pixels, turned upright as their EXIF orientation states.

use std::io::{Cursor, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "trainer")]
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use image::error::ImageFormatHint;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Luma};

use super::limits::{DECODING_BYTES, LONGEST_SIDE};
use super::options::Fit;
#[cfg(feature = "trainer")]
use super::{limits::Limits as Bounds, listing::Location, listing::SourceBytes};
use crate::data::manifest::ImageShape;

/// Images of more pixels than this are decoded one at a time.
const LARGE: u64 = 2048 * 2048;

/// The reason of a file that ends within its picture.
const CUT_SHORT: &str = "is cut short";

static LARGE_IMAGE: Mutex<()> = Mutex::new(());

/// The properties in an image file's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) size: (u32, u32),
    /// Whether its pixels are single gray values; a colour image with only gray pixels counts as coloured.
    pub(super) gray: bool,
    /// Whether its EXIF orientation turns or mirrors it.
    pub(super) turned: bool,
}

/// Reads the header of an image file. The error is the reason.
pub(super) fn header(bytes: &[u8]) -> Result<Header, String> {
    let read = || {
        let reader = reader(bytes)?;
        let is_jpeg = reader.format() == Some(ImageFormat::Jpeg);
        let mut decoder = reader.into_decoder().map_err(|error| reason(&error))?;
        let (width, height) = size(&decoder)?;
        if is_jpeg && !has_jpeg_end(bytes) {
            return Err(CUT_SHORT.into());
        }
        let orientation = orientation(&mut decoder);
        let size = if is_sideways(orientation) { (height, width) } else { (width, height) };
        let turned = orientation != Orientation::NoTransforms;
        Ok(Header { size, gray: !decoder.color_type().has_color(), turned })
    };
    catch_panics(read)
}

/// Decodes an image file to `shape` (u8 `[H, W, C]`) and returns whether it was resized. The error is the reason.
pub(super) fn file(bytes: &[u8], shape: ImageShape, fit: Fit) -> Result<(Vec<u8>, bool), String> {
    catch_panics(|| Ok(resize_to(decode_upright(bytes)?, shape, fit)))
}

/// Decodes an image file and turns the picture upright. The error is the reason.
#[cfg(feature = "trainer")]
pub(crate) fn picture(bytes: &[u8]) -> Result<DynamicImage, String> {
    catch_panics(|| decode_upright(bytes))
}

/// Returns the pixels of a picture (u8 `[H, W, C]`) as a dataset of this shape and fit stores them.
#[cfg(feature = "trainer")]
pub(crate) fn to_stored_pixels(picture: &DynamicImage, shape: ImageShape, fit: Fit) -> Vec<u8> {
    resize_to(picture.clone(), shape, fit).0
}

/// Returns the bytes of an image file no larger than an import accepts. The error is the reason.
#[cfg(feature = "trainer")]
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let limit = Bounds::DEFAULT.file_bytes;
    SourceBytes::default().read(&Location::File(path.to_owned()), limit).map_err(|error| describe_unread(&error, limit))
}

/// Describes why an image file of at most `limit` bytes was not read.
pub(super) fn describe_unread(error: &std::io::Error, limit: u64) -> String {
    match error.kind() {
        ErrorKind::FileTooLarge => format!("is larger than {} MiB", limit >> 20),
        _ => format!("cannot be read: {error}"),
    }
}

/// Describes why a picture cannot be decoded.
fn reason(error: &ImageError) -> String {
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => CUT_SHORT.into(),
        ImageError::Decoding(error) => format!("is damaged, or not {}", in_capitals(&error.format_hint())),
        ImageError::Unsupported(error) => {
            format!("is of a kind of {} that is not supported", in_capitals(&error.format_hint()))
        }
        // Some decoders end their words with a line break.
        other => other.to_string().trim_end().to_owned(),
    }
}

/// Returns the name of a format as people write it: `PNG`.
fn in_capitals(format: &ImageFormatHint) -> String {
    format.to_string().to_uppercase()
}

fn decode_upright(bytes: &[u8]) -> Result<DynamicImage, String> {
    let reader = reader(bytes)?;
    let is_jpeg = reader.format() == Some(ImageFormat::Jpeg);
    let mut decoder = reader.into_decoder().map_err(|error| reason(&error))?;
    let (width, height) = size(&decoder)?;
    // Otherwise every thread could decode a large image at once and exhaust memory.
    let _guard = (u64::from(width) * u64::from(height) > LARGE)
        .then(|| LARGE_IMAGE.lock().unwrap_or_else(PoisonError::into_inner));
    if is_jpeg && !has_jpeg_end(bytes) {
        return Err(CUT_SHORT.into());
    }
    if decoder.total_bytes() > DECODING_BYTES {
        return Err(format!("takes more than {} MiB to decode", DECODING_BYTES >> 20));
    }
    let orientation = orientation(&mut decoder);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| reason(&error))?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Returns the EXIF orientation; upright if it is missing or invalid.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

/// Returns whether the orientation exchanges width and height.
fn is_sideways(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// Resizes a square of gray values to `shape` and returns whether the size changed. The error is the reason.
pub(super) fn gray(values: Vec<u8>, side: u32, shape: ImageShape, fit: Fit) -> Result<(Vec<u8>, bool), String> {
    let image = GrayImage::from_raw(side, side, values).ok_or("has the wrong number of pixels")?;
    Ok(resize_to(DynamicImage::ImageLuma8(image), shape, fit))
}

fn resize_to(image: DynamicImage, shape: ImageShape, fit: Fit) -> (Vec<u8>, bool) {
    let (width, height) = (shape.width, shape.height);
    if (image.width(), image.height()) == (width, height) {
        return (with_channels(image, shape.channels).into_bytes(), false);
    }
    // A triangle filter: bilinear, averaging where it shrinks.
    let filter = FilterType::Triangle;
    let resized = match fit {
        Fit::Squash => with_channels(image.resize_exact(width, height, filter), shape.channels),
        Fit::Crop => with_channels(image.resize_to_fill(width, height, filter), shape.channels),
        Fit::Pad => {
            let inner = with_channels(image.resize(width, height, filter), shape.channels);
            let at = |whole: u32, part: u32| i64::from((whole - part.min(whole)) / 2);
            let (left, top) = (at(width, inner.width()), at(height, inner.height()));
            let mut padded = match shape.channels {
                1 => DynamicImage::new_luma8(width, height),
                _ => DynamicImage::new_rgb8(width, height),
            };
            image::imageops::replace(&mut padded, &inner, left, top);
            padded
        }
    };
    (resized.into_bytes(), true)
}

/// Returns the picture in gray (one channel) or in colour, with a byte a channel.
///
/// Colours become gray by the weights of ITU-R BT.601, in PIL's integers. The `image` crate has those of BT.709, up to
/// 32 values brighter, and the same picture would have other probabilities here than in Python.
#[allow(clippy::cast_possible_truncation, reason = "a weighted mean of bytes")]
fn with_channels(image: DynamicImage, channels: u32) -> DynamicImage {
    if channels != 1 {
        return image.into_rgb8().into();
    }
    if !image.color().has_color() {
        return image.into_luma8().into();
    }
    let colours = image.into_rgb8();
    let gray = |x, y| {
        let [red, green, blue] = colours.get_pixel(x, y).0.map(u32::from);
        Luma([((19_595 * red + 38_470 * green + 7_471 * blue + 0x8000) >> 16) as u8])
    };
    GrayImage::from_fn(colours.width(), colours.height(), gray).into()
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

/// Returns whether the JPEG's end marker is present, because the decoder silently fills missing data with gray. A
/// preview's end marker precedes the picture's own data and does not count.
fn has_jpeg_end(bytes: &[u8]) -> bool {
    let last = |mark: u8| bytes.windows(2).rposition(|pair| pair == [0xff, mark]);
    last(0xd9) > last(0xda)
}

/// Decodes with panics as errors. Otherwise one hostile file would end the import.
fn catch_panics<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err("made the decoder fail".into()))
}

#[cfg(test)]
mod tests {
    use image::codecs::png::PngEncoder;
    use image::{ExtendedColorType, ImageEncoder};

    use super::*;

    /// Encodes a gray picture of 3×2 pixels 0 to 5 with this EXIF orientation.
    fn picture_with_orientation(orientation: u8) -> Vec<u8> {
        let exif =
            [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", [orientation, 0, 0, 0].as_slice(), &[0; 4]].concat();
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_exif_metadata(exif).expect("metadata");
        encoder.write_image(&[0, 1, 2, 3, 4, 5], 3, 2, ExtendedColorType::L8).expect("encoded");
        bytes
    }

    #[test]
    fn colours_become_the_gray_values_of_pil() {
        // PIL 12: Image.convert("L")
        let table = [
            ([255, 0, 0], 76),
            ([0, 255, 0], 150),
            ([0, 0, 255], 29),
            ([200, 150, 120], 162),
            ([90, 60, 45], 67),
            ([255, 255, 255], 255),
            ([1, 2, 3], 2),
            ([17, 17, 17], 17),
            ([250, 128, 3], 150),
        ];
        let colours: Vec<u8> = table.iter().flat_map(|(colour, _)| *colour).collect();
        let picture = DynamicImage::ImageRgb8(image::RgbImage::from_raw(9, 1, colours).expect("nine pixels"));
        let expected: Vec<u8> = table.iter().map(|(_, gray)| *gray).collect();
        let of = |picture: &DynamicImage, height, fit| {
            resize_to(picture.clone(), ImageShape { width: 9, height, channels: 1 }, fit).0
        };
        assert_eq!(of(&picture, 1, Fit::Squash), expected);
        assert_eq!(of(&picture.to_rgba8().into(), 1, Fit::Squash), expected, "with an alpha channel");
        let padded = of(&picture, 3, Fit::Pad);
        assert_eq!((&padded[9..18], &padded[..9]), (&expected[..], &[0; 9][..]));
        let gray = DynamicImage::ImageLuma8(GrayImage::from_raw(9, 1, expected.clone()).expect("nine pixels"));
        assert_eq!(of(&gray, 1, Fit::Squash), expected, "gray pictures keep their values");
    }

    #[test]
    fn pictures_are_turned_upright() {
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
            let bytes = picture_with_orientation(orientation);
            assert_eq!(
                header(&bytes),
                Ok(Header { size: (width, height), gray: true, turned: (2..=8).contains(&orientation) }),
                "{orientation}"
            );
            let shape = ImageShape { width, height, channels: 1 };
            assert_eq!(file(&bytes, shape, Fit::Squash), Ok((pixels.to_vec(), false)), "{orientation}");
        }
    }
}
