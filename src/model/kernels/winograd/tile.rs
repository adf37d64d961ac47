//! Tiles: the five linear maps of F(m×m, 3×3), each defined for a line and applied to columns and rows.

use std::marker::PhantomData;

use pulp::Simd;

/// The largest side of a transformed tile.
pub(super) const LARGEST: usize = 6;

/// Up to [`LARGEST`] numbers of a tile's row, each for a vector of channels.
pub(super) type Line<S> = [<S as Simd>::f32s; LARGEST];

/// A tile before or after a map, which may use only a corner of it.
pub(super) type Square<S> = [Line<S>; LARGEST];

/// F(m, 3): the maps between a line of a tile and its values at the algorithm's points.
pub(super) trait Tile: Copy + Send + Sync {
    /// Outputs on a side.
    const OUT: usize;
    /// Inputs on a side, and points on a side.
    const SIDE: usize = Self::OUT + 2;
    /// Points of a tile: products for each pair of channels.
    const POINTS: usize = Self::SIDE * Self::SIDE;

    /// Maps a line of the input: `SIDE` → `SIDE`.
    fn input<S: Simd>(simd: S, d: Line<S>) -> Line<S>;
    /// Maps a line of the kernel: 3 → `SIDE`.
    fn kernel<S: Simd>(simd: S, g: Line<S>) -> Line<S>;
    /// Maps to a line of the output: `SIDE` → `OUT`.
    fn output<S: Simd>(simd: S, m: Line<S>) -> Line<S>;
    /// Applies the transpose of [`output`](Self::output): `OUT` → `SIDE`.
    fn output_back<S: Simd>(simd: S, y: Line<S>) -> Line<S>;
    /// Applies the transpose of [`kernel`](Self::kernel): `SIDE` → 3.
    fn kernel_back<S: Simd>(simd: S, u: Line<S>) -> Line<S>;
}

/// A map of a tile as a type. A function passed as an argument would be compiled without the vector instructions of its
/// caller.
pub(super) trait Map {
    /// Numbers in a line before the map.
    const FROM: usize;
    /// Numbers in a line after the map.
    const TO: usize;
    fn line<S: Simd>(simd: S, line: Line<S>) -> Line<S>;
}

macro_rules! map {
    ($name:ident, $method:ident, $from:expr, $to:expr) => {
        #[doc = concat!("[`Tile::", stringify!($method), "`].")]
        pub(super) struct $name<T>(PhantomData<T>);

        impl<T: Tile> Map for $name<T> {
            const FROM: usize = $from;
            const TO: usize = $to;

            #[inline(always)]
            fn line<S: Simd>(simd: S, line: Line<S>) -> Line<S> {
                T::$method(simd, line)
            }
        }
    };
}

map!(Input, input, T::SIDE, T::SIDE);
map!(Kernel, kernel, 3, T::SIDE);
map!(Output, output, T::SIDE, T::OUT);
map!(OutputBack, output_back, T::OUT, T::SIDE);
map!(KernelBack, kernel_back, T::SIDE, 3);

/// Applies a map to the columns of a square and then to its rows.
#[inline(always)]
pub(super) fn transform_square<S: Simd, M: Map>(simd: S, square: &Square<S>) -> Square<S> {
    let mut half = zeros(simd);
    for j in 0..M::FROM {
        let mut line = half[0];
        for i in 0..M::FROM {
            line[i] = square[i][j];
        }
        let line = M::line(simd, line);
        for i in 0..M::TO {
            half[i][j] = line[i];
        }
    }
    let mut whole = zeros(simd);
    for i in 0..M::TO {
        whole[i] = M::line(simd, half[i]);
    }
    whole
}

/// Returns a square of zeros.
#[inline(always)]
pub(super) fn zeros<S: Simd>(simd: S) -> Square<S> {
    [[simd.splat_f32s(0.0); LARGEST]; LARGEST]
}
