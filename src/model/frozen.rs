//! The frozen part of a network, which runs outside the autodiff graph on a few images at a time.

use burn::tensor::Tensor;

use super::in_precision;
use super::kernels::KernelBackend;
use super::network::Network;
use crate::domain::Precision;
use crate::domain::network::{Cut, FORWARD_CHUNK, ResolvedNetwork};
use crate::domain::{Arrays, MismatchError};

/// The layers below the cut, with imported weights.
#[derive(Debug, Clone)]
pub struct FrozenPart<B: KernelBackend> {
    network: Network<B>,
    /// The number of values of its widest output for one image.
    widest: usize,
    /// The most images in one pass: the outputs of early layers would take too much memory for more.
    chunk: usize,
    precision: Precision,
}

impl<B: KernelBackend> FrozenPart<B> {
    /// Builds the layers of `resolved` below `cut` with these imported weights; `None` where no layer is frozen.
    ///
    /// # Errors
    /// If a weight is missing or has another shape; names the first one.
    pub fn new(
        resolved: &ResolvedNetwork,
        cut: Cut,
        weights: &Arrays,
        device: &B::Device,
    ) -> Result<Option<Self>, MismatchError> {
        if !cut.freezes() {
            return Ok(None);
        }
        let network = Network::new(resolved.plan(cut.frozen()), weights, 0, device)?;
        let part = Self { network, widest: resolved.widest(cut.frozen()), chunk: 1, precision: Precision::F32 };
        Ok(Some(part.in_chunks_of(FORWARD_CHUNK)))
    }

    /// Sets the most numbers of the widest output in one pass; a pass has at least one image.
    #[must_use]
    pub fn in_chunks_of(self, numbers: usize) -> Self {
        let chunk = (numbers / self.widest.max(1)).max(1);
        Self { chunk, ..self }
    }

    /// Sets the precision in which it computes.
    #[must_use]
    pub fn computing_in(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Maps images `[n, channels, height, width]` to inputs of the trained part, `[n, channels, height, width]`.
    #[must_use]
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let [n, ..] = images.dims();
        let forward = |images| self.network.maps(in_precision(images, self.precision));
        let each = even_chunk(n, self.chunk);
        if n <= each {
            return forward(images);
        }
        let chunks = (0..n).step_by(each).map(|at| forward(images.clone().narrow(0, at, each.min(n - at))));
        Tensor::cat(chunks.collect(), 0)
    }
}

/// Returns the images in each chunk of `count`, at most `most`. Chunks have one size if that takes at most twice as
/// many chunks, because a GPU tunes its kernels for each size.
fn even_chunk(count: usize, most: usize) -> usize {
    let fewest = count.div_ceil(most).max(1);
    count.div_ceil((fewest..=2 * fewest).find(|chunks| count.is_multiple_of(*chunks)).unwrap_or(fewest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_of_one_size_where_that_costs_little() {
        for (count, most, each) in [
            (0, 10, 0),
            (7, 10, 7),
            (10, 10, 10),
            (64, 10, 8),
            (128, 10, 8),
            // A prime number of images has no even chunks.
            (61, 10, 9),
            (64, 1, 1),
            (256, 417, 256),
            (512, 417, 256),
        ] {
            assert_eq!(even_chunk(count, most), each, "{count} images, at most {most}");
        }
    }
}
