//! The sizes of a convolution block, and the results that its forward pass saves for the backward pass.

use std::fmt;
use std::sync::Arc;

/// The pooling of a convolution block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// No pooling: the output has the size of the input.
    None,
    /// The maximum of each 2×2 window; a last odd row or column is dropped.
    Max2,
}

/// The operations of a block after its convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSettings {
    /// Whether `ReLU` follows the convolution.
    pub relu: bool,
    /// The pooling after that.
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
    /// The pooling after that.
    pub pool: Pool,
}

impl Geometry {
    /// Returns the rows and columns of the output.
    pub(super) fn out_size(&self) -> (usize, usize) {
        match self.pool {
            Pool::None => (self.h, self.w),
            Pool::Max2 => (self.h / 2, self.w / 2),
        }
    }

    /// Returns the number of values in one channel of one output image.
    pub(super) fn out_plane(&self) -> usize {
        let (h, w) = self.out_size();
        h * w
    }

    /// Returns the number of values in the whole output.
    pub(super) fn out_len(&self) -> usize {
        self.n * self.c_out * self.out_plane()
    }

    /// Returns whether the output is that of the convolution, without `ReLU` and pooling.
    pub(super) fn is_plain_convolution(&self) -> bool {
        !self.relu && self.pool == Pool::None
    }

    /// Returns the number of values in one input image.
    pub(super) fn in_image(&self) -> usize {
        self.c_in * self.h * self.w
    }

    /// Returns the convolution's pixels from one output pixel to the next.
    pub(super) fn stride(&self) -> usize {
        match self.pool {
            Pool::None => 1,
            Pool::Max2 => 2,
        }
    }

    /// Returns the rows and columns of 2×2 quads that the forward pass computes. Without pooling they may exceed an odd
    /// edge.
    pub(super) fn quads(&self) -> (usize, usize) {
        match self.pool {
            Pool::None => (self.h.div_ceil(2), self.w.div_ceil(2)),
            Pool::Max2 => (self.h / 2, self.w / 2),
        }
    }

    /// Returns the number of values in one row of the padded input: a border on either side, and one more pixel for
    /// an odd width.
    pub(super) fn padded_row(&self) -> usize {
        (self.w + 2 + self.w % 2) * self.c_in
    }

    /// Returns the number of values in a padded input image, with space for a vector that starts at its last number.
    pub(super) fn padded_len(&self) -> usize {
        (self.h + 2 + self.h % 2) * self.padded_row() + VECTOR_OVERHANG
    }
}

/// At least the numbers of any vector.
const VECTOR_OVERHANG: usize = 64;

/// The code of an output that the `ReLU` set to zero. The other codes, 0 to 3, are positions in the quad, row by row.
pub(super) const RELU_ZERO: u8 = 4;

/// The code of each output of a forward pass: the position of its maximum in the 2×2 window, or `RELU_ZERO`. The
/// backward pass sends gradients there. Cheap to clone.
#[derive(Clone)]
pub struct PoolArgmax {
    codes: Arc<Vec<u8>>,
    settings: BlockSettings,
}

impl PoolArgmax {
    /// Takes one code per output, in the output's order; none for outputs without `ReLU` and pooling.
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

/// The gradients of a block, in the layouts of their tensors; see [`super::ConvBlockGradients`].
pub(super) struct BlockGradients {
    pub(super) x: Option<Vec<f32>>,
    pub(super) parameters: Option<(Vec<f32>, Vec<f32>)>,
}
