//! Findings of the benches, and their text.

use std::fmt;

use serde::Serialize;

use crate::domain::Precision;

/// A result of a check or measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// The device under test.
    Device {
        /// `cpu` or `cuda:0`.
        device: String,
        /// The name that the device reports.
        description: String,
    },
    /// The rounding of products on the device.
    Rounding {
        /// Whether products are rounded to about ten bits, as by TF32.
        coarse: bool,
        /// The relative error of a matrix product, compared with f64.
        product: f64,
        /// The relative error of a convolution, compared with f64.
        convolution: f64,
    },
    /// A comparison of the device with the CPU.
    Check(Check),
    /// A training step on both devices.
    Trace {
        /// The strategy, or the network where it is not the strategy's own.
        strategy: &'static str,
        /// The step, counted from 1.
        step: u32,
        /// The loss on the device.
        here: f64,
        /// The loss on the CPU.
        #[serde(rename = "processor")]
        cpu: f64,
    },
    /// The speed of a training step.
    Step {
        /// The strategy, or the network where it is not the strategy's own.
        strategy: &'static str,
        /// Images in a batch.
        batch: usize,
        /// Pixels along a side.
        size: usize,
        /// The measured steps.
        steps: u32,
        /// The precision of convolutions.
        precision: Precision,
        /// Seconds of the first step, in which kernels are compiled and tuned.
        first_seconds: f64,
        /// Milliseconds of a step: the median of several parts, the least and the most.
        milliseconds: [f64; 3],
        /// Images a second by the median.
        images_per_second: f64,
        /// Multiplications and additions of convolutions and dense layers in a step, for one image.
        operations_per_image: u64,
        /// The speed of these operations by the median, in 10¹² a second.
        teraflops: f64,
    },
    /// The speed of a convolution of VGG16 with bias, `ReLU` and, in the last layer of a block, pooling.
    Layer {
        /// The name of the layer, such as `block1.conv1`.
        layer: String,
        /// Images in a batch.
        batch: usize,
        /// Channels of input and output.
        channels: [usize; 2],
        /// Pixels along a side of the convolution's input and output.
        side: usize,
        /// The precision of the convolution.
        precision: Precision,
        /// Milliseconds of a forward pass: the median of several parts, the least and the most.
        forward_milliseconds: [f64; 3],
        /// Milliseconds of a forward pass and the gradients of weight, bias and, except in the first layer, input.
        both_milliseconds: [f64; 3],
        /// Multiplications and additions of the convolution in 10¹² a second: forward, and with the gradients.
        teraflops: [f64; 2],
    },
    /// The speed of matrix products.
    Product {
        /// Rows and columns of both matrices.
        size: usize,
        /// 10¹² multiplications and additions a second: the median, the least and the most.
        teraflops: [f64; 3],
    },
    /// The speed of memory.
    Copy {
        /// Bytes that are read, and as many written.
        bytes: u64,
        /// 10⁹ bytes read and written a second: the median, the least and the most.
        gigabytes_per_second: [f64; 3],
    },
}

/// An error and its upper bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The subject: a strategy, a network, or another part of training.
    pub of: String,
    /// The tensor or metric of the subject.
    pub part: String,
    /// The relative difference of the device from the CPU, ‖a − b‖ / ‖b‖, unless the part states another measure.
    /// `null` in JSON for NaN.
    pub error: f64,
    /// The relative change of the CPU's result if its inputs are rounded as on the device; 0 where that is not
    /// measured.
    pub moved: f64,
    /// The upper bound of the error.
    pub bar: f64,
    /// Whether the error is within the bound; false for NaN.
    pub holds: bool,
}

/// The factor by which a device's result may change more than the CPU's, because the device also rounds intermediate
/// results.
const SLACK: f64 = 4.0;

impl Check {
    /// Creates a check against the larger of `bar` and the effect of rounding.
    pub(super) fn new(of: &str, part: impl Into<String>, error: f64, moved: f64, bar: f64) -> Self {
        // A comparison with NaN is false, so NaN does not raise the bound.
        let bar = if SLACK * moved > bar && moved < 1.0 { SLACK * moved } else { bar };
        Self { of: of.to_owned(), part: part.into(), error, moved, bar, holds: error <= bar }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { device, description } => write!(f, "device {device}: {description}"),
            Self::Rounding { coarse, product, convolution } => {
                let how = if *coarse { "products are rounded (TF32)" } else { "products are in full f32" };
                write!(f, "{how}: error of a matrix product {product:.1e}, of a convolution {convolution:.1e}")
            }
            Self::Check(Check { of, part, error, moved, bar, holds }) => {
                let word = if *holds { "ok    " } else { "FAILED" };
                write!(f, "{word} {of:<12} {part:<34} {error:>9.1e}  (at most {bar:.1e}")?;
                if *moved > 0.0 { write!(f, "; rounding alone {moved:.1e})") } else { write!(f, ")") }
            }
            Self::Trace { strategy, step, here, cpu } => {
                write!(f, "trace  {strategy:<12} step {step:>2}: loss {here:.6}, on the CPU {cpu:.6}")
            }
            Self::Step { strategy, batch, size, first_seconds, milliseconds: [middle, least, most], .. } => {
                let Self::Step { images_per_second, teraflops, precision, .. } = self else {
                    unreachable!("matched above")
                };
                write!(
                    f,
                    "{strategy} step, batch {batch} at {size}, {precision}: {middle:.2} ms ({least:.2}–{most:.2}), {images_per_second:.0} \
                     images/s, {teraflops:.2} TFLOP/s; the first took {first_seconds:.1} s"
                )
            }
            Self::Layer { layer, batch, channels: [inputs, outputs], side, .. } => {
                let Self::Layer { precision, forward_milliseconds, both_milliseconds, teraflops, .. } = self else {
                    unreachable!("matched above")
                };
                write!(
                    f,
                    "{layer} {inputs:>3} to {outputs:>3} at {side:>3}, batch {batch}, {precision}: forward {:.2} ms, {:.3} \
                     TFLOP/s; with gradients {:.2} ms, {:.3} TFLOP/s",
                    forward_milliseconds[0], teraflops[0], both_milliseconds[0], teraflops[1]
                )
            }
            Self::Product { size, teraflops: [middle, least, most] } => {
                write!(f, "matrix product {size}×{size}×{size}: {middle:.2} TFLOP/s ({least:.2}–{most:.2})")
            }
            Self::Copy { bytes, gigabytes_per_second: [middle, least, most] } => {
                let mebibytes = bytes >> 20;
                write!(f, "memory, {mebibytes} MiB read and written: {middle:.1} GB/s ({least:.1}–{most:.1})")
            }
        }
    }
}
