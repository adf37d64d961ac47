//! Calls cuDNN's convolutions, with or without bias, `ReLU` and pooling, on raw device memory, ordered with the work of
//! burn's CUDA runtime.
//!
//! Tensors are NHWC, filters KRSC, and products are summed in f32. cuDNN has its own stream. Burn's runtime does not
//! expose its streams, so events of the whole CUDA context order the two (`cuCtxRecordEvent`, since CUDA 12.5).
//!
//! <https://docs.nvidia.com/deeplearning/cudnn/backend/latest/api/cudnn-cnn-library.html>

#![allow(unsafe_code, reason = "cuDNN is a C library, and burn has no bindings for it")]

use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use cudarc::cudnn::result::{self as call, CudnnError};
use cudarc::cudnn::sys::{self, cudnnDataType_t as DataType, cudnnTensorFormat_t as Format};
use cudarc::driver::sys::{self as driver, CUcontext, CUevent, CUevent_flags, CUresult, CUstream, CUstream_flags};

/// Algorithms that cuDNN ranks.
const RANKED: u8 = 8;

/// The most bytes of an algorithm's workspace, and its largest share of the device's memory; cuDNN ranks by speed only.
const MOST_WORKSPACE: usize = 1 << 30;
const WORKSPACE_SHARE: usize = 8;

/// The parts of cuDNN that it loads at the first convolution.
const PARTS: [&str; 6] = ["graph", "ops", "cnn", "heuristic", "engines_precompiled", "engines_runtime_compiled"];

/// The first CUDA version of the driver in which a context records events.
const CONTEXT_EVENTS: c_int = 12_050;

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

    /// Whether pooling follows.
    pub(super) fn pooled(&self) -> bool {
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

/// Bytes of scratch memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Workspace {
    /// Bytes of a forward pass.
    pub forward: usize,
    /// Bytes of a backward pass.
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

/// The descriptors and algorithms of a block.
struct Plan {
    x: sys::cudnnTensorDescriptor_t,
    y: sys::cudnnTensorDescriptor_t,
    pooled: sys::cudnnTensorDescriptor_t,
    bias: sys::cudnnTensorDescriptor_t,
    weight: sys::cudnnFilterDescriptor_t,
    convolution: sys::cudnnConvolutionDescriptor_t,
    activation: sys::cudnnActivationDescriptor_t,
    pooling: sys::cudnnPoolingDescriptor_t,
    data: sys::cudnnConvolutionBwdDataAlgo_t,
    filter: sys::cudnnConvolutionBwdFilterAlgo_t,
    workspace: Workspace,
}

/// The forward algorithm that fuses bias and activation in NHWC.
const FORWARD: sys::cudnnConvolutionFwdAlgo_t =
    sys::cudnnConvolutionFwdAlgo_t::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;

/// Returns the version of cuDNN, such as 91002.
///
/// # Errors
/// If there is none, its major version is not 9, a part of it is missing, or the driver is too old.
pub(crate) fn version() -> Result<usize, LibraryError> {
    // SAFETY: this loads the libraries and gives them back.
    if !unsafe { sys::is_culib_present() && driver::is_culib_present() } {
        return Err(LibraryError::Missing);
    }
    // SAFETY: the library was found above, and stays loaded from here on.
    unsafe { sys::culib() };
    // Without one of its parts, cuDNN ends the process at the first call.
    let folder = loaded_from("libcudnn.so");
    let is_there = |part: &&str| {
        let name = format!("libcudnn_{part}.so.9");
        folder.as_ref().is_some_and(|folder| folder.join(&name).exists())
            // SAFETY: this loads a library of cuDNN and gives it back.
            || unsafe { libloading::Library::new(name) }.is_ok()
    };
    if let Some(part) = PARTS.iter().find(|part| !is_there(part)) {
        return Err(LibraryError::Part(part));
    }
    let version = call::get_version();
    if !(90_000..100_000).contains(&version) {
        return Err(LibraryError::Version(version));
    }
    let mut driver = 0;
    // SAFETY: the call writes to the given pointer.
    of_driver(unsafe { driver::cuDriverGetVersion(&raw mut driver) }, "report its version")?;
    if driver < CONTEXT_EVENTS {
        return Err(LibraryError::OldDriver(driver));
    }
    Ok(version)
}

/// Returns the folder from which a library of this process was loaded; `None` where the system does not report it.
fn loaded_from(name: &str) -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps.lines().filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
    let mut found = path.filter(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name)));
    found.next()?.parent().map(Path::to_owned)
}

/// The errors of cuDNN and of the driver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LibraryError {
    /// There is no library of cuDNN.
    #[error("cuDNN (libcudnn.so.9) was not found: install it, or add its folder to LD_LIBRARY_PATH")]
    Missing,
    /// A library that the first one loads is missing.
    #[error("cuDNN is not whole: libcudnn_{0}.so.9 was not found next to it; install all of cuDNN 9")]
    Part(&'static str),
    /// The major version is not 9.
    #[error("cuDNN {0} cannot be used: install version 9")]
    Version(usize),
    /// The driver does not record events of a context.
    #[error("the driver is for CUDA {}.{}: cuDNN needs one for CUDA 12.5 or newer", .0 / 1000, .0 % 1000 / 10)]
    OldDriver(c_int),
    /// A size is too large for a C function.
    #[error("cuDNN takes no size of {0}")]
    Size(usize),
    /// cuDNN has no algorithm for these sizes.
    #[error("cuDNN has no algorithm for {gradient}'s gradient within {most} bytes for {sizes:?}")]
    NoAlgorithm {
        /// `an input` or `a filter`.
        gradient: &'static str,
        /// The most bytes of workspace.
        most: usize,
        /// The sizes of the convolution.
        sizes: Sizes,
    },
    /// A call of cuDNN failed.
    #[error("cuDNN cannot {doing}: {status:?}")]
    Call {
        /// The attempted operation.
        doing: &'static str,
        /// The status that it returned.
        status: sys::cudnnStatus_t,
    },
    /// A call of the driver failed.
    #[error("the driver cannot {doing}: {status:?}")]
    Driver {
        /// The attempted operation.
        doing: &'static str,
        /// The status that it returned.
        status: CUresult,
    },
    /// The runtime does not find a tensor's memory.
    #[error("a tensor has no memory: {0}")]
    NoMemory(String),
}

/// Converts the result of a call of cuDNN.
fn of_call<T>(result: Result<T, CudnnError>, doing: &'static str) -> Result<T, LibraryError> {
    result.map_err(|error| LibraryError::Call { doing, status: error.0 })
}

/// Whether a status is not one of cuDNN's "not supported" (3000 to 3999).
fn supported(status: sys::cudnnStatus_t) -> bool {
    !(3000..4000).contains(&(status as u32))
}

/// Converts the result of a call of the driver.
fn of_driver(result: CUresult, doing: &'static str) -> Result<(), LibraryError> {
    result.result().map_err(|error| LibraryError::Driver { doing, status: error.0 })
}

/// Converts the result of creating a descriptor.
fn made<T>(descriptor: Result<T, CudnnError>) -> Result<T, LibraryError> {
    of_call(descriptor, "make a descriptor")
}

static ONE: f32 = 1.0;
static ZERO: f32 = 0.0;

fn one() -> *const c_void {
    (&raw const ONE).cast()
}

fn zero() -> *const c_void {
    (&raw const ZERO).cast()
}

#[allow(clippy::cast_possible_truncation, reason = "CUDA has 64-bit addresses and processors alone")]
fn output(address: u64) -> *mut c_void {
    address as usize as *mut c_void
}

fn input(address: u64) -> *const c_void {
    output(address)
}

impl Cudnn {
    /// Opens cuDNN on the device with this ordinal, in the primary context that burn's runtime uses.
    pub(super) fn open(ordinal: usize) -> Result<Self, LibraryError> {
        version()?;
        let ordinal = c_int::try_from(ordinal).map_err(|_| LibraryError::Size(ordinal))?;
        let (mut context, mut device, mut memory) = (null_mut(), 0, 0);
        // SAFETY: each call writes to the given pointer, and the context is retained until the process ends.
        unsafe {
            of_driver(driver::cuDeviceGet(&raw mut device, ordinal), "find the device")?;
            of_driver(driver::cuDeviceTotalMem_v2(&raw mut memory, device), "report the device's memory")?;
            of_driver(driver::cuDevicePrimaryCtxRetain(&raw mut context, device), "retain the context")?;
            of_driver(driver::cuCtxSetCurrent(context), "set the context")?;
        }
        let (mut stream, mut events) = (null_mut(), [null_mut(); 2]);
        let (lone, untimed) =
            (CUstream_flags::CU_STREAM_NON_BLOCKING as u32, CUevent_flags::CU_EVENT_DISABLE_TIMING as u32);
        // SAFETY: the context is current.
        unsafe {
            of_driver(driver::cuStreamCreate(&raw mut stream, lone), "make a stream")?;
            for event in &mut events {
                of_driver(driver::cuEventCreate(event, untimed), "make an event")?;
            }
        }
        let handle = of_call(call::create_handle(), "start")?;
        // SAFETY: both were made above. A stream of the driver and one of the CUDA runtime are the same object.
        of_call(unsafe { call::set_stream(handle, stream.cast()) }, "take a stream")?;
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
            of_driver(unsafe { driver::cuCtxSetCurrent(*context) }, "set the context")?;
            Plan::new(*handle, sizes, *most_workspace)
        });
        plan.as_ref().map_err(LibraryError::clone)
    }

    /// Runs cuDNN's calls after all earlier work of the context, and before all later work.
    fn ordered(&self, calls: impl FnOnce(sys::cudnnHandle_t) -> Result<(), LibraryError>) -> Result<(), LibraryError> {
        // SAFETY: context, stream and events live as long as the process.
        unsafe {
            of_driver(driver::cuCtxSetCurrent(self.context), "set the context")?;
            of_driver(driver::cuCtxRecordEvent(self.context, self.sent), "record an event of the context")?;
            of_driver(driver::cuStreamWaitEvent(self.stream, self.sent, 0), "wait for an event")?;
        }
        let found = calls(self.handle);
        // Also if a call failed: the calls before it use memory that the runtime may reuse.
        unsafe {
            of_driver(driver::cuEventRecord(self.done, self.stream), "record an event")?;
            of_driver(driver::cuCtxWaitEvent(self.context, self.done), "let the context wait for an event")?;
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
                of_call(call::pooling_forward(handle, plan.pooling, one(), plan.y, y, zero(), plan.pooled, out), "pool")
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
                of_call(found, "compute a filter's gradient")?;
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
            of_call(found, "compute an input's gradient")
        })
    }
}

impl Plan {
    fn new(handle: sys::cudnnHandle_t, sizes: Sizes, most_workspace: usize) -> Result<Self, LibraryError> {
        let Sizes { n, c_in, c_out, h, w, kernel, stride, kind, .. } = sizes;
        let whole = |size: usize| c_int::try_from(size).map_err(|_| LibraryError::Size(size));
        let (images, c_in, c_out, [h, w]) = (whole(n)?, whole(c_in)?, whole(c_out)?, [whole(h)?, whole(w)?]);
        let (side, padding, stride) = (whole(kernel)?, whole(kernel / 2)?, whole(stride)?);
        let [rows, columns] = sizes.output();
        let [rows, columns] = [whole(rows)?, whole(columns)?];
        let numbers = kind.data_type();
        let tensor = |sizes: [c_int; 4]| {
            let made = made(call::create_tensor_descriptor())?;
            // SAFETY: it was just made.
            let set = unsafe { call::set_tensor4d_descriptor(made, Format::CUDNN_TENSOR_NHWC, numbers, sizes) };
            of_call(set, "describe a tensor").map(|()| made)
        };
        let half = if sizes.pooled() { 2 } else { 1 };
        let [x, y] = [tensor([images, c_in, h, w])?, tensor([images, c_out, rows, columns])?];
        let bias = tensor([1, c_out, 1, 1])?;
        let pooled = tensor([images, c_out, rows / half, columns / half])?;
        let weight = made(call::create_filter_descriptor())?;
        let convolution = made(call::create_convolution_descriptor())?;
        let activation = made(call::create_activation_descriptor())?;
        let pooling = made(call::create_pooling_descriptor())?;
        let nan = sys::cudnnNanPropagation_t::CUDNN_NOT_PROPAGATE_NAN;
        // SAFETY: all descriptors were just made.
        unsafe {
            let of_filter =
                call::set_filter4d_descriptor(weight, numbers, Format::CUDNN_TENSOR_NHWC, [c_out, c_in, side, side]);
            of_call(of_filter, "describe a filter")?;
            let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
            let sums = DataType::CUDNN_DATA_FLOAT;
            of_call(
                call::set_convolution2d_descriptor(convolution, padding, padding, stride, stride, 1, 1, mode, sums),
                "describe a convolution",
            )?;
            of_call(call::set_convolution_math_type(convolution, kind.math()), "take a kind of arithmetic")?;
            let relu = sys::cudnnActivationMode_t::CUDNN_ACTIVATION_RELU;
            of_call(call::set_activation_descriptor(activation, relu, nan, 0.0), "describe an activation")?;
            let max = sys::cudnnPoolingMode_t::CUDNN_POOLING_MAX;
            of_call(
                call::set_pooling_descriptor(pooling, max, nan, 2, &[2, 2], &[0, 0], &[2, 2]),
                "describe a pooling",
            )?;
            let of_forward = call::get_convolution_forward_workspace_size(handle, x, weight, convolution, y, FORWARD);
            let forward = of_call(of_forward, "convolve such sizes")?;
            let none = |gradient| LibraryError::NoAlgorithm { gradient, most: most_workspace, sizes };
            let (data, of_data) =
                data_algorithm(handle, [x, y], weight, convolution, most_workspace)?.ok_or_else(|| none("an input"))?;
            let (filter, of_filter) = filter_algorithm(handle, [x, y], weight, convolution, most_workspace)?
                .ok_or_else(|| none("a filter"))?;
            let workspace = Workspace { forward, backward: of_data.max(of_filter) };
            Ok(Self { x, y, pooled, bias, weight, convolution, activation, pooling, data, filter, workspace })
        }
    }

    /// Convolves and, if there is a bias, adds it and applies `ReLU`: in one call where cuDNN supports that, else in
    /// three.
    unsafe fn convolve(&self, handle: sys::cudnnHandle_t, at: &Forward) -> Result<(), LibraryError> {
        let Some(bias) = at.bias else {
            // SAFETY: the caller guarantees the addresses.
            return unsafe { self.convolve_without_bias(handle, at) };
        };
        let (x, weight, workspace) = (input(at.x), input(at.weight), output(at.workspace));
        let (bytes, y) = (self.workspace.forward, output(at.y));
        // SAFETY: the caller guarantees the addresses.
        let fused = unsafe {
            call::convolution_bias_activation_forward(
                handle,
                one(),
                self.x,
                x,
                self.weight,
                weight,
                self.convolution,
                FORWARD,
                workspace,
                bytes,
                zero(),
                self.y,
                y,
                self.bias,
                input(bias),
                self.activation,
                self.y,
                y,
            )
        };
        match fused {
            Err(error) if !supported(error.0) => {}
            found => return of_call(found, "convolve"),
        }
        // SAFETY: the caller guarantees the addresses.
        unsafe {
            self.convolve_without_bias(handle, at)?;
            let added = sys::cudnnAddTensor(handle, one(), self.bias, input(bias), one(), self.y, y);
            of_call(added.result(), "add a bias")?;
            of_call(
                call::activation_forward(handle, self.activation, one(), self.y, y, zero(), self.y, y),
                "go through a ReLU",
            )
        }
    }

    /// Convolves without bias and activation.
    unsafe fn convolve_without_bias(&self, handle: sys::cudnnHandle_t, at: &Forward) -> Result<(), LibraryError> {
        // SAFETY: the caller guarantees the addresses.
        let found = unsafe {
            call::convolution_forward(
                handle,
                one(),
                self.x,
                input(at.x),
                self.weight,
                input(at.weight),
                self.convolution,
                FORWARD,
                output(at.workspace),
                self.workspace.forward,
                zero(),
                self.y,
                output(at.y),
            )
        };
        of_call(found, "convolve")
    }
}

/// Returns the fastest algorithm for an input's gradient within `most` bytes of workspace, and its bytes.
unsafe fn data_algorithm(
    handle: sys::cudnnHandle_t,
    [x, y]: [sys::cudnnTensorDescriptor_t; 2],
    weight: sys::cudnnFilterDescriptor_t,
    convolution: sys::cudnnConvolutionDescriptor_t,
    most: usize,
) -> Result<Option<(sys::cudnnConvolutionBwdDataAlgo_t, usize)>, LibraryError> {
    let mut ranked = [const { MaybeUninit::<sys::cudnnConvolutionBwdDataAlgoPerf_t>::zeroed() }; RANKED as usize];
    let mut count = 0;
    let (first, requested) = (ranked.as_mut_ptr().cast(), c_int::from(RANKED));
    // SAFETY: the array has as many entries as requested, and `count` receives the number written.
    let found = unsafe {
        call::get_convolution_backward_data_algorithm(
            handle,
            weight,
            y,
            convolution,
            x,
            requested,
            &raw mut count,
            first,
        )
    };
    of_call(found, "rank algorithms for an input's gradient")?;
    let ranked = ranked.iter().take(usize::try_from(count).unwrap_or(0));
    // SAFETY: written above.
    let ranked = ranked.map(|one| unsafe { one.assume_init_ref() });
    let usable = ranked.filter(|one| one.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS).map(|one| one.algo);
    // SAFETY: as above.
    let bytes_of = |algorithm| unsafe {
        call::get_convolution_backward_data_workspace_size(handle, weight, y, convolution, x, algorithm)
    };
    Ok(first_within(usable, bytes_of, most))
}

/// Returns the first of ranked algorithms with at most `most` bytes of workspace, and its bytes. The bytes are queried
/// again. A ranking may be for another math type, whose workspace would be too small.
fn first_within<A: Copy>(
    ranked: impl Iterator<Item = A>,
    bytes_of: impl Fn(A) -> Result<usize, CudnnError>,
    most: usize,
) -> Option<(A, usize)> {
    let mut sized = ranked.filter_map(|algorithm| bytes_of(algorithm).ok().map(|bytes| (algorithm, bytes)));
    sized.find(|(_, bytes)| *bytes <= most)
}

/// Returns the fastest algorithm for a filter's gradient within `most` bytes of workspace, and its bytes.
unsafe fn filter_algorithm(
    handle: sys::cudnnHandle_t,
    [x, y]: [sys::cudnnTensorDescriptor_t; 2],
    weight: sys::cudnnFilterDescriptor_t,
    convolution: sys::cudnnConvolutionDescriptor_t,
    most: usize,
) -> Result<Option<(sys::cudnnConvolutionBwdFilterAlgo_t, usize)>, LibraryError> {
    let mut ranked = [const { MaybeUninit::<sys::cudnnConvolutionBwdFilterAlgoPerf_t>::zeroed() }; RANKED as usize];
    let mut count = 0;
    let (first, requested) = (ranked.as_mut_ptr().cast(), c_int::from(RANKED));
    // SAFETY: as above.
    let found = unsafe {
        call::get_convolution_backward_filter_algorithm(
            handle,
            x,
            y,
            convolution,
            weight,
            requested,
            &raw mut count,
            first,
        )
    };
    of_call(found, "rank algorithms for a filter's gradient")?;
    let ranked = ranked.iter().take(usize::try_from(count).unwrap_or(0));
    // SAFETY: written above.
    let ranked = ranked.map(|one| unsafe { one.assume_init_ref() });
    let usable = ranked.filter(|one| one.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS).map(|one| one.algo);
    // SAFETY: as above.
    let bytes_of = |algorithm| unsafe {
        call::get_convolution_backward_filter_workspace_size(handle, x, y, convolution, weight, algorithm)
    };
    Ok(first_within(usable, bytes_of, most))
}
