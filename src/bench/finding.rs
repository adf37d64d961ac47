//! What is found, and how it reads.

use std::fmt;

use serde::Serialize;

use crate::domain::Precision;

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// What is looked at.
    Device {
        /// `cpu` or `cuda:0`.
        device: String,
        /// What it calls itself.
        description: String,
    },
    /// How the device rounds products, measured.
    Rounding {
        /// Whether they are rounded to about ten bits, as TF32 does.
        coarse: bool,
        /// The relative error of a product of matrices, against one in f64.
        product: f64,
        /// The same of a convolution.
        convolution: f64,
    },
    /// The device held against the processor.
    Check(Check),
    /// One step of a training on both.
    Trace {
        /// The strategy, or the network where it is not the strategy's own.
        strategy: &'static str,
        /// From 1.
        step: u32,
        /// The loss on the device.
        here: f64,
        /// The loss on the processor.
        processor: f64,
    },
    /// How fast a training step is.
    Step {
        /// The strategy, or the network where it is not the strategy's own.
        strategy: &'static str,
        /// Images in a batch.
        batch: usize,
        /// Pixels along a side.
        size: usize,
        /// Steps that were measured.
        steps: u32,
        /// What convolutions compute in.
        precision: Precision,
        /// Seconds of the first step, in which kernels are compiled and tuned.
        first_seconds: f64,
        /// Milliseconds of a step: the middle of several parts, then the least and the most.
        milliseconds: [f64; 3],
        /// By the middle.
        images_per_second: f64,
        /// Multiplications and additions of convolutions and dense layers that a step takes for one image.
        operations_per_image: u64,
        /// These by the middle, in 10¹² a second.
        teraflops: f64,
    },
    /// How fast a convolution of VGG16 is, with bias, `ReLU` and, as the last of its block, pooling.
    Layer {
        /// `block1.conv1`.
        layer: String,
        /// Images in a batch.
        batch: usize,
        /// In and out.
        channels: [usize; 2],
        /// Pixels along a side of what goes in and of what comes out of the convolution.
        side: usize,
        /// What it computes in.
        precision: Precision,
        /// Milliseconds of a forward pass: the middle of several parts, then the least and the most.
        forward_milliseconds: [f64; 3],
        /// Likewise of a forward pass with the gradients of weight, bias and, but for the first layer, input.
        both_milliseconds: [f64; 3],
        /// Multiplications and additions of the convolution, in 10¹² a second: forward, and with the gradients.
        teraflops: [f64; 2],
    },
    /// How fast products of matrices are.
    Product {
        /// Rows and columns of both.
        size: usize,
        /// 10¹² multiplications and additions a second: the middle, then the least and the most.
        teraflops: [f64; 3],
    },
    /// How fast memory is.
    Copy {
        /// Bytes that are read, and written.
        bytes: u64,
        /// 10⁹ bytes read and written a second: the middle, then the least and the most.
        gigabytes_per_second: [f64; 3],
    },
}

/// A number that must not be above a bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What is checked: a strategy, a network, or a part of the work.
    pub of: String,
    /// Which of its tensors or figures.
    pub part: String,
    /// How far the device is from the processor, relative: ‖a − b‖ / ‖b‖, unless the part says otherwise. `null` in
    /// JSON if it is no number.
    pub error: f64,
    /// How far the processor's own result moves if what goes in is rounded as the device rounds; 0 where that was not
    /// measured.
    pub moved: f64,
    /// What the error may be.
    pub bar: f64,
    /// Whether it holds; never for what is no number.
    pub holds: bool,
}

/// By how much more than the processor's own result a device's may move: it rounds what comes between, too.
const SLACK: f64 = 4.0;

impl Check {
    /// A check against a bar, or, where that is more, against what rounding alone does.
    pub(super) fn new(of: &str, part: impl Into<String>, error: f64, moved: f64, bar: f64) -> Self {
        // A comparison with what is no number is false, and so is no reason to be lenient.
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
            Self::Trace { strategy, step, here, processor } => {
                write!(f, "trace  {strategy:<12} step {step:>2}: loss {here:.6}, on the processor {processor:.6}")
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
