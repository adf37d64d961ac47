//! Calls cuDNN's convolutions, with or without bias, `ReLU` and pooling, on raw device memory, ordered with the work of
//! burn's CUDA runtime.
//!
//! Tensors are NHWC, filters KRSC, and products are summed in f32. cuDNN has its own stream. Burn's runtime does not
//! expose its streams, so events of the whole CUDA context order the two (`cuCtxRecordEvent`, since CUDA 12.5).
//!
//! <https://docs.nvidia.com/deeplearning/cudnn/backend/latest/api/cudnn-cnn-library.html>

#![allow(unsafe_code, reason = "cuDNN is a C library, and burn has no bindings for it")]

mod library;
mod plan;

use std::collections::HashMap;
use std::ffi::c_int;
use std::ptr::null_mut;

use cudarc::cudnn::result as call;
use cudarc::cudnn::sys::{self, cudnnDataType_t as DataType};
use cudarc::driver::sys::{self as driver, CUcontext, CUevent, CUevent_flags, CUstream, CUstream_flags};

pub(crate) use library::{LibraryError, version};
use library::{check_call_result, check_driver_result};
use plan::{Plan, input, one, output, zero};

/// The most bytes of an algorithm's workspace, and its largest share of the device's memory; cuDNN ranks by speed only.
const MOST_WORKSPACE: usize = 1 << 30;
const WORKSPACE_SHARE: usize = 8;

/// The number type of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// f32, with products on tensor cores in TF32.
    F32,
    /// bf16: half the bits, with the range of f32.
    Bf16,
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Self::F32 => DataType::CUDNN_DATA_FLOAT,
            Self::Bf16 => DataType::CUDNN_DATA_BFLOAT16,
        }
    }

    fn math(self) -> sys::cudnnMathType_t {
        match self {
            Self::F32 => sys::cudnnMathType_t::CUDNN_DEFAULT_MATH,
            Self::Bf16 => sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
        }
    }
}

/// The layers that follow a convolution and are computed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum After {
    /// Only the convolution, without a bias.
    Nothing,
    /// Bias and `ReLU`.
    Relu,
    /// Bias, `ReLU` and 2×2 max pooling.
    ReluPool,
}

/// The sizes of a convolution, padded by half of its kernel, and its following layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sizes {
    /// Images.
    pub n: usize,
    /// Channels of the input.
    pub c_in: usize,
    /// Channels of the output.
    pub c_out: usize,
    /// Rows of the input.
    pub h: usize,
    /// Columns of the input.
    pub w: usize,
    /// Rows and columns of the filter.
    pub kernel: usize,
    /// Pixels from one output to the next.
    pub stride: usize,
    /// The number type.
    pub kind: Kind,
    /// The following layers.
    pub after: After,
}

impl Sizes {
    /// Returns the rows and columns of the convolution's output.
    pub(super) fn output(&self) -> [usize; 2] {
        let padded = 2 * (self.kernel / 2);
        [self.h, self.w].map(|side| (side + padded).saturating_sub(self.kernel) / self.stride + 1)
    }

    /// Returns whether pooling follows.
    pub(super) fn has_pooling(&self) -> bool {
        self.after == After::ReluPool
    }
}

/// The addresses of a forward pass in device memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forward {
    /// Input, `[n, h, w, c_in]`.
    pub x: u64,
    /// Filter, `[c_out, kernel, kernel, c_in]`.
    pub weight: u64,
    /// Bias, `[c_out]`, if there is one.
    pub bias: Option<u64>,
    /// Output of the convolution, or of the following `ReLU`, `[n, rows, columns, c_out]`.
    pub y: u64,
    /// Output of the pooling, `[n, rows / 2, columns / 2, c_out]`, if there is one.
    pub pooled: Option<u64>,
    /// Scratch memory of [`Workspace::forward`] bytes.
    pub workspace: u64,
}

/// The addresses of a convolution's backward pass in device memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backward {
    /// Input, `[n, h, w, c_in]`.
    pub x: u64,
    /// Filter, `[c_out, kernel, kernel, c_in]`.
    pub weight: u64,
    /// Gradient of the convolution's output, `[n, rows, columns, c_out]`.
    pub dy: u64,
    /// The input's gradient, if required.
    pub dx: Option<u64>,
    /// The filter's gradient, if required.
    pub dw: Option<u64>,
    /// Scratch memory of [`Workspace::backward`] bytes.
    pub workspace: u64,
}

/// The scratch memory of a convolution, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Workspace {
    /// Scratch memory of a forward pass, in bytes.
    pub forward: usize,
    /// Scratch memory of a backward pass, in bytes.
    pub backward: usize,
}

/// cuDNN on one device.
pub(super) struct Cudnn {
    handle: sys::cudnnHandle_t,
    context: CUcontext,
    stream: CUstream,
    /// Recorded after all work that burn's runtime has sent; `done` after all work that cuDNN has sent.
    sent: CUevent,
    done: CUevent,
    /// The most bytes of an algorithm's workspace.
    most_workspace: usize,
    /// Plans, or the error of making one: a second attempt would leak the descriptors of the first.
    plans: HashMap<Sizes, Result<Plan, LibraryError>>,
}

// SAFETY: the pointers are handles of the driver and of cuDNN, which any thread may use, one at a time.
unsafe impl Send for Cudnn {}

impl Cudnn {
    /// Opens cuDNN on the device with this ordinal, in the primary context that burn's runtime uses.
    pub(super) fn open(ordinal: usize) -> Result<Self, LibraryError> {
        version()?;
        let ordinal = c_int::try_from(ordinal).map_err(|_| LibraryError::Size(ordinal))?;
        let (mut context, mut device, mut memory) = (null_mut(), 0, 0);
        // SAFETY: each call writes to the given pointer, and the context is retained until the process ends.
        unsafe {
            check_driver_result(driver::cuDeviceGet(&raw mut device, ordinal), "find the device")?;
            check_driver_result(driver::cuDeviceTotalMem_v2(&raw mut memory, device), "report the device's memory")?;
            check_driver_result(driver::cuDevicePrimaryCtxRetain(&raw mut context, device), "retain the context")?;
            check_driver_result(driver::cuCtxSetCurrent(context), "set the context")?;
        }
        let (mut stream, mut events) = (null_mut(), [null_mut(); 2]);
        let (lone, untimed) =
            (CUstream_flags::CU_STREAM_NON_BLOCKING as u32, CUevent_flags::CU_EVENT_DISABLE_TIMING as u32);
        // SAFETY: the context is current.
        unsafe {
            check_driver_result(driver::cuStreamCreate(&raw mut stream, lone), "make a stream")?;
            for event in &mut events {
                check_driver_result(driver::cuEventCreate(event, untimed), "make an event")?;
            }
        }
        let handle = check_call_result(call::create_handle(), "start")?;
        // SAFETY: both were made above. A stream of the driver and one of the CUDA runtime are the same object.
        check_call_result(unsafe { call::set_stream(handle, stream.cast()) }, "take a stream")?;
        let [sent, done] = events;
        let most_workspace = MOST_WORKSPACE.min(memory / WORKSPACE_SHARE);
        Ok(Self { handle, context, stream, sent, done, most_workspace, plans: HashMap::new() })
    }

    /// Returns the bytes of workspace of a block of these sizes.
    ///
    /// # Errors
    /// If cuDNN has no algorithm for it.
    pub(super) fn workspace(&mut self, sizes: Sizes) -> Result<Workspace, LibraryError> {
        self.plan(sizes).map(|plan| plan.workspace)
    }

    fn plan(&mut self, sizes: Sizes) -> Result<&Plan, LibraryError> {
        let Self { handle, context, most_workspace, plans, .. } = self;
        let plan = plans.entry(sizes).or_insert_with(|| {
            // SAFETY: the handle belongs to this context.
            check_driver_result(unsafe { driver::cuCtxSetCurrent(*context) }, "set the context")?;
            Plan::new(*handle, sizes, *most_workspace)
        });
        plan.as_ref().map_err(LibraryError::clone)
    }

    /// Runs cuDNN's calls after all earlier work of the context, and before all later work.
    fn ordered(&self, calls: impl FnOnce(sys::cudnnHandle_t) -> Result<(), LibraryError>) -> Result<(), LibraryError> {
        // SAFETY: context, stream and events live as long as the process.
        unsafe {
            check_driver_result(driver::cuCtxSetCurrent(self.context), "set the context")?;
            check_driver_result(driver::cuCtxRecordEvent(self.context, self.sent), "record an event of the context")?;
            check_driver_result(driver::cuStreamWaitEvent(self.stream, self.sent, 0), "wait for an event")?;
        }
        let found = calls(self.handle);
        // Also if a call failed: the calls before it use memory that the runtime may reuse.
        unsafe {
            check_driver_result(driver::cuEventRecord(self.done, self.stream), "record an event")?;
            check_driver_result(driver::cuCtxWaitEvent(self.context, self.done), "let the context wait for an event")?;
        }
        found
    }

    /// Sends the forward pass of a block to the device.
    ///
    /// # Safety
    /// The addresses are device memory of this context with the sizes of `sizes`, which stays valid until later work of
    /// the context.
    pub(super) unsafe fn forward(&mut self, sizes: Sizes, at: &Forward) -> Result<(), LibraryError> {
        self.plan(sizes)?;
        let Some(Ok(plan)) = self.plans.get(&sizes) else { unreachable!("made above") };
        self.ordered(|handle| {
            // SAFETY: descriptors live as long as the plan; the caller guarantees the addresses.
            unsafe {
                plan.convolve(handle, at)?;
                let Some(pooled) = at.pooled else { return Ok(()) };
                let (y, out) = (input(at.y), output(pooled));
                check_call_result(
                    call::pooling_forward(handle, plan.pooling, one(), plan.y, y, zero(), plan.pooled, out),
                    "pool",
                )
            }
        })
    }

    /// Sends the backward pass of a block's convolution to the device.
    ///
    /// # Safety
    /// As for [`Self::forward`].
    pub(super) unsafe fn backward(&mut self, sizes: Sizes, at: &Backward) -> Result<(), LibraryError> {
        self.plan(sizes)?;
        let Some(Ok(plan)) = self.plans.get(&sizes) else { unreachable!("made above") };
        let (workspace, bytes) = (output(at.workspace), plan.workspace.backward);
        self.ordered(|handle| {
            if let Some(dw) = at.dw {
                // SAFETY: descriptors live as long as the plan; the caller guarantees the addresses.
                let found = unsafe {
                    call::convolution_backward_filter(
                        handle,
                        one(),
                        plan.x,
                        input(at.x),
                        plan.y,
                        input(at.dy),
                        plan.convolution,
                        plan.filter,
                        workspace,
                        bytes,
                        zero(),
                        plan.weight,
                        output(dw),
                    )
                };
                check_call_result(found, "compute a filter's gradient")?;
            }
            let Some(dx) = at.dx else { return Ok(()) };
            // SAFETY: as above.
            let found = unsafe {
                call::convolution_backward_data(
                    handle,
                    one(),
                    plan.weight,
                    input(at.weight),
                    plan.y,
                    input(at.dy),
                    plan.convolution,
                    plan.data,
                    workspace,
                    bytes,
                    zero(),
                    plan.x,
                    output(dx),
                )
            };
            check_call_result(found, "compute an input's gradient")
        })
    }
}
