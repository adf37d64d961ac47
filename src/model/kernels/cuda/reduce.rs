//! Sums over the pixels of CUDA tensors, channel by channel and in a fixed order, so that they repeat to the bit.
//!
//! Tensors are NHWC without gaps, with channels in vectors of `N`. A cube processes a share of the pixels and `columns`
//! vectors of channels, in `rows` of threads. A second kernel adds the sums of all cubes.

#![allow(unsafe_code, reason = "kernels are launched without checks of their bounds")]
#![allow(unused_variables, clippy::used_underscore_binding, reason = "`define` takes an argument at compile time")]

use burn::tensor::{DType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::permute_nchw_to_nhwc;
use burn_cubecl::tensor::CubeTensor;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;

/// A tensor in the memory of a CUDA device.
pub(super) type Tensor = CubeTensor<CudaRuntime>;

/// Returns the tensor `[n, c, h, w]` as `[n, h, w, c]`, contiguous in memory.
pub(super) fn by_pixels(tensor: Tensor) -> Tensor {
    let tensor = permute_nchw_to_nhwc(tensor);
    let shape = tensor.meta.shape().clone();
    let mut compact = vec![1; shape.num_dims()];
    for at in (1..compact.len()).rev() {
        compact[at - 1] = compact[at] * shape[at];
    }
    // The stride of a dimension of length one does not matter. Without this rule such a tensor would be copied.
    let strides = tensor.meta.strides();
    if (0..compact.len()).all(|at| shape[at] == 1 || strides[at] == compact[at]) {
        return Tensor::new_contiguous(tensor.client, tensor.device, shape, tensor.handle, tensor.dtype);
    }
    into_contiguous(tensor)
}

/// Returns an uninitialised tensor of this shape, with the device and type of another one.
pub(super) fn uninitialized(like: &Tensor, shape: impl Into<Shape>) -> Tensor {
    let shape = shape.into();
    let handle = like.client.empty(shape.num_elements() * like.dtype.size());
    Tensor::new_contiguous(like.client.clone(), like.device.clone(), shape, handle, like.dtype)
}

/// Threads of a cube, and the most of them in a row.
pub(super) const THREADS: u32 = 256;
pub(super) const COLUMNS: u32 = 64;

/// Threads that add the sums of all cubes, and the most of them in a row.
pub(super) const ADDING: u32 = 512;
pub(super) const ADDING_COLUMNS: u32 = 16;

/// The most cubes that share the pixels: somewhat fewer than an H100 runs at a time.
const CUBES: usize = 1024;

/// The threads of a cube: one vector of channels a column, in rows.
pub(super) struct Threads {
    pub(super) columns: u32,
    pub(super) rows: u32,
}

impl Threads {
    pub(super) fn of(vectors: u32, threads: u32, most: u32) -> Self {
        let columns = vectors.min(most);
        Self { columns, rows: threads / columns }
    }
}

/// Sums of a gradient over parts of the pixels, `[cubes, c]` in f32.
pub(super) struct Sums {
    pub(super) parts: Tensor,
    /// Vectors of channels.
    pub(super) vectors: u32,
    /// Cubes that share the pixels.
    pub(super) cubes: u32,
    /// Pixels of a cube.
    pub(super) share: u32,
}

impl Sums {
    pub(super) fn over(like: &Tensor, pixels: usize, channels: usize) -> Self {
        let vector = [4, 2, 1].into_iter().find(|vector| channels.is_multiple_of(*vector)).unwrap_or(1);
        let vectors = number(channels / vector);
        let rows = Threads::of(vectors, THREADS, COLUMNS).rows as usize;
        let share = pixels.div_ceil(CUBES).next_multiple_of(rows);
        let cubes = pixels.div_ceil(share);
        let handle = like.client.empty(cubes * channels * size_of::<f32>());
        let (client, device) = (like.client.clone(), like.device.clone());
        let parts = Tensor::new_contiguous(client, device, Shape::from([cubes, channels]), handle, DType::F32);
        Self { parts, vectors, cubes: number(cubes), share: number(share) }
    }

    /// Returns the sum over all pixels, `[channels]`.
    pub(super) fn add(&self, like: &Tensor, channels: usize) -> Tensor {
        let bias = uninitialized(like, [channels]);
        let Threads { columns, rows } = Threads::of(self.vectors, ADDING, ADDING_COLUMNS);
        // SAFETY: as above.
        unsafe {
            add_cubes::launch_unchecked::<CudaRuntime>(
                &like.client,
                CubeCount::Static(1, self.vectors.div_ceil(columns), 1),
                CubeDim::new_2d(columns, rows),
                channels / self.vectors as usize,
                self.parts.clone().into_array_arg(),
                bias.clone().into_array_arg(),
                self.cubes,
                self.vectors,
                rows,
                columns,
                like.dtype.into(),
            );
        }
        bias
    }
}

/// Converts a size for a kernel: larger blocks are left to burn (`fusion::cudnn_sizes`).
pub(super) fn number(size: usize) -> u32 {
    u32::try_from(size).expect("a size below `fusion::MOST_NUMBERS`")
}

/// Adds `sums` `[cubes, vectors]` over the cubes.
#[cube(launch_unchecked)]
fn add_cubes<E: Float, N: Size>(
    sums: &Array<Vector<f32, N>>,
    bias: &mut Array<Vector<E, N>>,
    cubes: u32,
    vectors: u32,
    #[comptime] rows: u32,
    #[comptime] columns: u32,
    #[define(E)] numbers: StorageType,
) {
    let column = CUBE_POS_Y * columns + UNIT_POS_X;
    let mut sum = Vector::<f32, N>::new(0.0f32);
    if column < vectors {
        let mut cube = UNIT_POS_Y;
        while cube < cubes {
            sum += sums[(cube * vectors + column) as usize];
            cube += rows;
        }
    }
    let total = sum_of_rows::<N>(sum, rows, columns);
    if UNIT_POS_Y == 0 && column < vectors {
        bias[column as usize] = Vector::cast_from(total);
    }
}

/// Adds the sums of a cube's rows, and writes the total to `sums`.
#[cube]
pub(super) fn add_rows<N: Size>(
    sum: Vector<f32, N>,
    sums: &mut Array<Vector<f32, N>>,
    column: u32,
    vectors: u32,
    #[comptime] rows: u32,
    #[comptime] columns: u32,
) {
    let total = sum_of_rows::<N>(sum, rows, columns);
    if UNIT_POS_Y == 0 && column < vectors {
        sums[(CUBE_POS_X * vectors + column) as usize] = total;
    }
}

/// Returns the sum over a cube's rows, for the threads of the first row.
#[cube]
pub(super) fn sum_of_rows<N: Size>(
    sum: Vector<f32, N>,
    #[comptime] rows: u32,
    #[comptime] columns: u32,
) -> Vector<f32, N> {
    let mut shared = SharedMemory::<Vector<f32, N>>::new((rows * columns) as usize);
    shared[(UNIT_POS_Y * columns + UNIT_POS_X) as usize] = sum;
    sync_cube();
    let mut total = sum;
    if UNIT_POS_Y == 0 {
        for row in 1..rows {
            total += shared[(row * columns + UNIT_POS_X) as usize];
        }
    }
    total
}
