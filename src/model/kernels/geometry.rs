//! The sizes of a convolution block, and what its forward pass leaves for the backward pass.

use std::fmt;
use std::sync::Arc;

/// How the output of a convolution block is pooled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// Nothing: the output is as large as the input.
    None,
    /// The largest of each 2×2 window; a last odd row or column is dropped.
    Max2,
}

/// What a block computes behind its convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSettings {
    /// Whether `ReLU` follows.
    pub relu: bool,
    /// The pooling behind it.
    pub pool: Pool,
}

/// The sizes of one convolution block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    /// Images in the batch.
    pub n: usize,
    /// Channels of the input.
    pub c_in: usize,
    /// Channels of the output.
    pub c_out: usize,
    /// Rows of the input.
    pub h: usize,
    /// Columns of the input.
    pub w: usize,
    /// Whether `ReLU` follows the convolution.
    pub relu: bool,
    /// The pooling behind it.
    pub pool: Pool,
}

impl Geometry {
    /// Rows and columns of the output.
    pub(super) fn out_size(&self) -> (usize, usize) {
        match self.pool {
            Pool::None => (self.h, self.w),
            Pool::Max2 => (self.h / 2, self.w / 2),
        }
    }

    /// Numbers in one channel of one output image.
    pub(super) fn out_plane(&self) -> usize {
        let (h, w) = self.out_size();
        h * w
    }

    /// Numbers in the whole output.
    pub(super) fn out_len(&self) -> usize {
        self.n * self.c_out * self.out_plane()
    }

    /// Whether each number of the convolution is one of the output.
    pub(super) fn bare(&self) -> bool {
        !self.relu && self.pool == Pool::None
    }

    /// Numbers in one input image.
    pub(super) fn in_image(&self) -> usize {
        self.c_in * self.h * self.w
    }

    /// Pixels of the convolution from one output pixel to the next.
    pub(super) fn stride(&self) -> usize {
        match self.pool {
            Pool::None => 1,
            Pool::Max2 => 2,
        }
    }

    /// Rows and columns of 2×2 quads the forward pass computes: without pooling they may hang over an odd edge.
    pub(super) fn quads(&self) -> (usize, usize) {
        match self.pool {
            Pool::None => (self.h.div_ceil(2), self.w.div_ceil(2)),
            Pool::Max2 => (self.h / 2, self.w / 2),
        }
    }

    /// Numbers in one row of the padded input: a border on either side, and the overhang of an odd width.
    pub(super) fn padded_row(&self) -> usize {
        (self.w + 2 + self.w % 2) * self.c_in
    }

    /// Numbers in a padded input image, with room behind it for a vector that starts at its last number.
    pub(super) fn padded_len(&self) -> usize {
        (self.h + 2 + self.h % 2) * self.padded_row() + VECTOR_OVERHANG
    }
}

/// More than the lanes of any vector.
const VECTOR_OVERHANG: usize = 64;

/// The code of an output that the `ReLU` set to zero; the others are 0 to 3, the position in the quad, row by row.
pub(super) const RELU_ZERO: u8 = 4;

/// Where in its 2×2 window each output of a forward pass came from, or that the `ReLU` was shut: the way its gradient
/// goes back. Cheap to clone.
#[derive(Clone)]
pub struct PoolArgmax {
    codes: Arc<Vec<u8>>,
    settings: BlockSettings,
}

impl PoolArgmax {
    /// One code per output, in the output's order; none where the convolution's numbers are the outputs.
    pub(super) fn new(codes: Vec<u8>, settings: BlockSettings) -> Self {
        Self { codes: Arc::new(codes), settings }
    }

    pub(super) fn codes(&self) -> &[u8] {
        &self.codes
    }

    pub(super) fn settings(&self) -> BlockSettings {
        self.settings
    }
}

impl fmt::Debug for PoolArgmax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolArgmax").field("outputs", &self.codes.len()).field("settings", &self.settings).finish()
    }
}

/// Gradients, laid out as what they belong to; see [`super::ConvBlockGradients`].
pub(super) struct BlockGradients {
    pub(super) x: Option<Vec<f32>>,
    pub(super) parameters: Option<(Vec<f32>, Vec<f32>)>,
}
