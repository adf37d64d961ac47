//! Divides the tiles of a batch into bands, each the task of one thread.

use std::ops::Range;

use super::super::geometry::{Geometry, Pool};
use super::tile::Tile;

/// Bytes of a band's transformed input and output: they fit the second-level cache together with the weights.
const BAND_BYTES: usize = 1 << 20;
/// The least tiles of a band; with fewer, reading all weights would dominate.
const MIN_TILES: usize = 48;

/// Some rows of tiles of one image, or all rows of several images.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub(super) images: Range<usize>,
    pub(super) rows: Range<usize>,
}

/// Returns the rows and columns of tiles in an image.
pub(super) fn tiles<T: Tile>(geometry: &Geometry) -> (usize, usize) {
    (geometry.h.div_ceil(T::OUT), geometry.w.div_ceil(T::OUT))
}

impl Band {
    /// Returns all bands of a batch in order.
    pub(super) fn all<T: Tile>(geometry: &Geometry) -> Vec<Self> {
        let (rows, columns) = tiles::<T>(geometry);
        let per_tile = 4 * T::POINTS * (geometry.c_in + geometry.c_out);
        let wanted = (BAND_BYTES / per_tile).max(MIN_TILES);
        let n = geometry.n;
        // At least one band for each thread.
        let wanted = wanted.min((n * rows * columns).div_ceil(rayon::current_num_threads())).max(1);
        if rows * columns <= wanted || (T::OUT % 2 == 1 && geometry.pool == Pool::Max2) {
            let images = (wanted / (rows * columns)).max(1);
            return (0..n).step_by(images).map(|i| Self { images: i..n.min(i + images), rows: 0..rows }).collect();
        }
        let step = (wanted / columns).max(1);
        let bands = |image| {
            (0..rows).step_by(step).map(move |row| Self { images: image..image + 1, rows: row..rows.min(row + step) })
        };
        (0..n).flat_map(bands).collect()
    }

    /// Returns the rows of the convolution's pixels, for images of height `h`.
    pub(super) fn pixel_rows<T: Tile>(&self, h: usize) -> Range<usize> {
        self.rows.start * T::OUT..h.min(self.rows.end * T::OUT)
    }

    /// Returns the band's tiles in order, as (image, row, column).
    pub(super) fn tiles(&self, columns: usize) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        let rows = self.rows.clone();
        self.images.clone().flat_map(move |i| rows.clone().flat_map(move |y| (0..columns).map(move |x| (i, y, x))))
    }

    /// Returns the number of values in the band's output.
    pub(super) fn outputs<T: Tile>(&self, geometry: &Geometry) -> usize {
        let (stride, (h, w)) = (geometry.stride(), geometry.out_size());
        let rows = self.pixel_rows::<T>(geometry.h);
        // A band starts at a whole window, and an odd last row of the image is not pooled.
        let rows = h.min(rows.end.div_ceil(stride)) - rows.start / stride;
        self.images.len() * rows * w * geometry.c_out
    }

    /// Returns the number of tiles.
    pub(super) fn len(&self, columns: usize) -> usize {
        self.images.len() * self.rows.len() * columns
    }
}
