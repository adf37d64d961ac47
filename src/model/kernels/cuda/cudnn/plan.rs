//! Descriptors and algorithms of a block, and its forward pass.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;

use cudarc::cudnn::result::{self as call, CudnnError};
use cudarc::cudnn::sys::{self, cudnnDataType_t as DataType, cudnnTensorFormat_t as Format};

use super::library::{LibraryError, check_call_result, check_created, supported};
use super::{Forward, Sizes, Workspace};

/// Algorithms that cuDNN ranks.
const RANKED: u8 = 8;

/// The descriptors and algorithms of a block.
pub(super) struct Plan {
    pub(super) x: sys::cudnnTensorDescriptor_t,
    pub(super) y: sys::cudnnTensorDescriptor_t,
    pub(super) pooled: sys::cudnnTensorDescriptor_t,
    pub(super) bias: sys::cudnnTensorDescriptor_t,
    pub(super) weight: sys::cudnnFilterDescriptor_t,
    pub(super) convolution: sys::cudnnConvolutionDescriptor_t,
    pub(super) activation: sys::cudnnActivationDescriptor_t,
    pub(super) pooling: sys::cudnnPoolingDescriptor_t,
    pub(super) data: sys::cudnnConvolutionBwdDataAlgo_t,
    pub(super) filter: sys::cudnnConvolutionBwdFilterAlgo_t,
    pub(super) workspace: Workspace,
}

/// The forward algorithm that fuses bias and activation in NHWC.
const FORWARD: sys::cudnnConvolutionFwdAlgo_t =
    sys::cudnnConvolutionFwdAlgo_t::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;

static ONE: f32 = 1.0;
static ZERO: f32 = 0.0;

pub(super) fn one() -> *const c_void {
    (&raw const ONE).cast()
}

pub(super) fn zero() -> *const c_void {
    (&raw const ZERO).cast()
}

#[allow(clippy::cast_possible_truncation, reason = "CUDA has 64-bit addresses and processors alone")]
pub(super) fn output(address: u64) -> *mut c_void {
    address as usize as *mut c_void
}

pub(super) fn input(address: u64) -> *const c_void {
    output(address)
}

impl Plan {
    pub(super) fn new(handle: sys::cudnnHandle_t, sizes: Sizes, most_workspace: usize) -> Result<Self, LibraryError> {
        let Sizes { n, c_in, c_out, h, w, kernel, stride, kind, .. } = sizes;
        let whole = |size: usize| c_int::try_from(size).map_err(|_| LibraryError::Size(size));
        let (images, c_in, c_out, [h, w]) = (whole(n)?, whole(c_in)?, whole(c_out)?, [whole(h)?, whole(w)?]);
        let (side, padding, stride) = (whole(kernel)?, whole(kernel / 2)?, whole(stride)?);
        let [rows, columns] = sizes.output();
        let [rows, columns] = [whole(rows)?, whole(columns)?];
        let numbers = kind.data_type();
        let tensor = |sizes: [c_int; 4]| {
            let made = check_created(call::create_tensor_descriptor())?;
            // SAFETY: it was just made.
            let set = unsafe { call::set_tensor4d_descriptor(made, Format::CUDNN_TENSOR_NHWC, numbers, sizes) };
            check_call_result(set, "describe a tensor").map(|()| made)
        };
        let half = if sizes.has_pooling() { 2 } else { 1 };
        let [x, y] = [tensor([images, c_in, h, w])?, tensor([images, c_out, rows, columns])?];
        let bias = tensor([1, c_out, 1, 1])?;
        let pooled = tensor([images, c_out, rows / half, columns / half])?;
        let weight = check_created(call::create_filter_descriptor())?;
        let convolution = check_created(call::create_convolution_descriptor())?;
        let activation = check_created(call::create_activation_descriptor())?;
        let pooling = check_created(call::create_pooling_descriptor())?;
        let nan = sys::cudnnNanPropagation_t::CUDNN_NOT_PROPAGATE_NAN;
        // SAFETY: all descriptors were just made.
        unsafe {
            let of_filter =
                call::set_filter4d_descriptor(weight, numbers, Format::CUDNN_TENSOR_NHWC, [c_out, c_in, side, side]);
            check_call_result(of_filter, "describe a filter")?;
            let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
            let sums = DataType::CUDNN_DATA_FLOAT;
            check_call_result(
                call::set_convolution2d_descriptor(convolution, padding, padding, stride, stride, 1, 1, mode, sums),
                "describe a convolution",
            )?;
            check_call_result(call::set_convolution_math_type(convolution, kind.math()), "take a kind of arithmetic")?;
            let relu = sys::cudnnActivationMode_t::CUDNN_ACTIVATION_RELU;
            check_call_result(call::set_activation_descriptor(activation, relu, nan, 0.0), "describe an activation")?;
            let max = sys::cudnnPoolingMode_t::CUDNN_POOLING_MAX;
            check_call_result(
                call::set_pooling_descriptor(pooling, max, nan, 2, &[2, 2], &[0, 0], &[2, 2]),
                "describe a pooling",
            )?;
            let of_forward = call::get_convolution_forward_workspace_size(handle, x, weight, convolution, y, FORWARD);
            let forward = check_call_result(of_forward, "convolve such sizes")?;
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
    pub(super) unsafe fn convolve(&self, handle: sys::cudnnHandle_t, at: &Forward) -> Result<(), LibraryError> {
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
            found => return check_call_result(found, "convolve"),
        }
        // SAFETY: the caller guarantees the addresses.
        unsafe {
            self.convolve_without_bias(handle, at)?;
            let added = sys::cudnnAddTensor(handle, one(), self.bias, input(bias), one(), self.y, y);
            check_call_result(added.result(), "add a bias")?;
            check_call_result(
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
        check_call_result(found, "convolve")
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
    check_call_result(found, "rank algorithms for an input's gradient")?;
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
    check_call_result(found, "rank algorithms for a filter's gradient")?;
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
