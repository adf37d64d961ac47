//! Convolutions on burn's CUDA tensors: memory, layouts and addresses for the calls of `cudnn`.

#![allow(unsafe_code, reason = "the addresses of tensors go to a C library")]

use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::permute_nhwc_to_nchw;
use cubecl::cuda::{CudaDevice, CudaRuntime};
use cubecl::device::{Device, DeviceId, DeviceService, ServerUtilitiesHandle};
use cubecl::device_handle::DeviceHandle;
use cubecl::prelude::{CubeCount, CubeDim};

use super::cudnn::{Backward, Cudnn, Forward, LibraryError, Sizes};
use super::gradient;
use super::reduce::{COLUMNS, Sums, THREADS, Tensor, Threads, by_pixels, number, uninitialized};
use crate::model::kernels::RequiredGradients;

/// cuDNN of each device of the process, or the error of opening it.
static OPEN: Mutex<Option<HashMap<usize, Result<Cudnn, LibraryError>>>> = Mutex::new(None);

/// Calls `act` with the cuDNN of the device with this ordinal; the first call opens it.
fn with_cudnn<T>(ordinal: usize, act: impl FnOnce(&mut Cudnn) -> Result<T, LibraryError>) -> Result<T, LibraryError> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let cudnn = open.get_or_insert_default().entry(ordinal).or_insert_with(|| Cudnn::open(ordinal));
    act(cudnn.as_mut().map_err(|error| error.clone())?)
}

/// Checks that cuDNN runs blocks of these sizes on the device with this ordinal.
///
/// # Errors
/// If it cannot be opened there or has no algorithm.
pub(super) fn ready(ordinal: usize, sizes: Sizes) -> Result<(), LibraryError> {
    with_cudnn(ordinal, |cudnn| cudnn.workspace(sizes)).map(drop)
}

/// A service of the thread that launches the runtime's kernels. cuDNN's calls run on that thread.
struct CudnnService;

impl DeviceService for CudnnService {
    fn init(_: DeviceId) -> Self {
        Self
    }

    fn utilities(&self) -> ServerUtilitiesHandle {
        Arc::new(())
    }
}

/// Whether cuDNN has failed in this process.
static FAILED: AtomicBool = AtomicBool::new(false);

/// Submits cuDNN's calls to the thread that launches the runtime's kernels, after all earlier work. On that thread,
/// addresses are found without a request to another thread.
///
/// Does not wait for the calls: waiting for fourteen convolutions took half of a small network's step. A failure panics
/// on that thread, where nobody notices it; [`check`] then panics on the caller's.
fn send(device: &CudaDevice, calls: impl FnOnce(&mut Cudnn) -> Result<(), LibraryError> + Send + 'static) {
    let ordinal = device.index;
    DeviceHandle::<CudnnService>::new(device.to_id()).submit(move |_| {
        if FAILED.load(Ordering::SeqCst) {
            return;
        }
        let found = panic::catch_unwind(AssertUnwindSafe(|| with_cudnn(ordinal, calls)));
        FAILED.store(!matches!(found, Ok(Ok(()))), Ordering::SeqCst);
        match found {
            Ok(Ok(())) => {}
            Ok(Err(error)) => panic!("cuDNN's part of a step failed: {error}"),
            Err(panicked) => panic::resume_unwind(panicked),
        }
    });
}

/// Panics if cuDNN has failed. Call it after each read from a device, which waits for all earlier calls.
///
/// # Panics
/// If cuDNN or the driver has failed, because the data would be wrong.
pub(crate) fn check() {
    assert!(!FAILED.load(Ordering::SeqCst), "cuDNN's part of a step failed");
}

/// Returns a tensor's address in device memory.
fn address(tensor: &Tensor) -> Result<u64, LibraryError> {
    let resource = tensor.client.get_resource(tensor.handle.clone());
    resource.map(|resource| resource.resource().ptr).map_err(|error| LibraryError::NoMemory(format!("{error:?}")))
}

/// The outputs of a convolution and of its following layers.
pub(super) struct BlockOutputs {
    /// The output of the `ReLU` or, without one, of the convolution, `[n, c_out, rows, columns]`.
    pub(super) y: Tensor,
    /// The output of the pooling, if there is one.
    pub(super) pooled: Option<Tensor>,
}

/// Runs the forward pass; with `bias` also the following layers.
pub(super) fn forward(sizes: Sizes, x: Tensor, weight: Tensor, bias: Option<Tensor>) -> BlockOutputs {
    let (x, weight, bias) = (by_pixels(x), by_pixels(weight), bias.map(into_contiguous));
    let (Sizes { n, c_out, .. }, [rows, columns]) = (sizes, sizes.output());
    let y = uninitialized(&x, [n, rows, columns, c_out]);
    let pooled = sizes.has_pooling().then(|| uninitialized(&x, [n, rows / 2, columns / 2, c_out]));
    let made = BlockOutputs { y: permute_nhwc_to_nchw(y.clone()), pooled: pooled.clone().map(permute_nhwc_to_nchw) };
    send(&x.device.clone(), move |cudnn| {
        let workspace = scratch(&x, cudnn.workspace(sizes)?.forward);
        let at = Forward {
            x: address(&x)?,
            weight: address(&weight)?,
            bias: bias.as_ref().map(address).transpose()?,
            y: address(&y)?,
            pooled: pooled.as_ref().map(address).transpose()?,
            workspace: address(&workspace)?,
        };
        // SAFETY: the tensors live until the driver has the call, and only later work reuses their memory.
        unsafe { cudnn.forward(sizes, &at) }
    });
    made
}

/// The gradients, in the shapes of their tensors.
pub(super) struct Gradients {
    pub(super) x: Option<Tensor>,
    pub(super) weight: Option<Tensor>,
    /// Present if the forward pass ran the following layers.
    pub(super) bias: Option<Tensor>,
}

/// Runs the backward pass. `made` are the outputs of a forward pass that ran the following layers.
pub(super) fn backward(
    sizes: Sizes,
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    made: Option<BlockOutputs>,
    wanted: RequiredGradients,
) -> Gradients {
    let [grad, x, weight] = [grad, x, weight].map(by_pixels);
    let Sizes { c_in, c_out, kernel, .. } = sizes;
    let (dy, sums) = match made {
        None => (grad, None),
        Some(BlockOutputs { y, pooled }) => {
            let (dy, sums) = through_activation(sizes, &grad, &by_pixels(y), pooled.map(by_pixels).as_ref());
            (dy, Some(sums))
        }
    };
    let dx = wanted.x.then(|| uninitialized(&x, x.meta.shape().clone()));
    let dw = wanted.parameters.then(|| uninitialized(&x, [c_out, kernel, kernel, c_in]));
    let bias = sums.filter(|_| wanted.parameters).map(|sums| sums.add(&x, c_out));
    let [of_x, of_weight] = [&dx, &dw].map(|found| found.clone().map(permute_nhwc_to_nchw));
    send(&x.device.clone(), move |cudnn| {
        let workspace = scratch(&x, cudnn.workspace(sizes)?.backward);
        let at = Backward {
            x: address(&x)?,
            weight: address(&weight)?,
            dy: address(&dy)?,
            dx: dx.as_ref().map(address).transpose()?,
            dw: dw.as_ref().map(address).transpose()?,
            workspace: address(&workspace)?,
        };
        // SAFETY: as above.
        unsafe { cudnn.backward(sizes, &at) }
    });
    Gradients { x: of_x, weight: of_weight, bias }
}

/// Returns the gradient of a block's convolution `[n, h, w, c_out]`, and its sums over parts of the pixels.
fn through_activation(sizes: Sizes, grad: &Tensor, y: &Tensor, pooled: Option<&Tensor>) -> (Tensor, Sums) {
    let Sizes { n, c_out, h, w, .. } = sizes;
    let dy = uninitialized(y, [n, h, w, c_out]);
    let pixels = if sizes.has_pooling() { n * h.div_ceil(2) * w.div_ceil(2) } else { n * h * w };
    let sums = Sums::over(y, pixels, c_out);
    let Sums { vectors, cubes, share, .. } = sums;
    let Threads { columns, rows } = Threads::of(vectors, THREADS, COLUMNS);
    let count = CubeCount::Static(cubes, vectors.div_ceil(columns), 1);
    let (client, dim, numbers) = (y.client.clone(), CubeDim::new_2d(columns, rows), y.dtype.into());
    let (vector, [h, w]) = (c_out / vectors as usize, [h, w].map(number));
    // SAFETY: the kernels stay within the sizes that the tensors were made with.
    unsafe {
        match pooled {
            None => gradient::relu_gradient::launch_unchecked::<CudaRuntime>(
                &client,
                count,
                dim,
                vector,
                y.clone().into_array_arg(),
                grad.clone().into_array_arg(),
                dy.clone().into_array_arg(),
                sums.parts.clone().into_array_arg(),
                number(pixels),
                vectors,
                share,
                rows,
                columns,
                numbers,
            ),
            Some(pooled) => gradient::pooling_gradient::launch_unchecked::<CudaRuntime>(
                &client,
                count,
                dim,
                vector,
                y.clone().into_array_arg(),
                pooled.clone().into_array_arg(),
                grad.clone().into_array_arg(),
                dy.clone().into_array_arg(),
                sums.parts.clone().into_array_arg(),
                number(pixels),
                h,
                w,
                vectors,
                share,
                rows,
                columns,
                numbers,
            ),
        }
    }
    (dy, sums)
}

/// Returns scratch memory of at least `bytes`; never empty, because cuDNN rejects a null pointer.
fn scratch(like: &Tensor, bytes: usize) -> Tensor {
    uninitialized(like, [bytes.div_ceil(like.dtype.size()).max(64)])
}
