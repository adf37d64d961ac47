//! Batches: the order of an epoch, and images as floats, made ahead of the trainer by a thread of its own.
//!
//! What a batch holds depends on the dataset, the order and the key of the augmentation only, never on threads or on
//! how far ahead it was made.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rayon::prelude::*;

use super::augment::Affine;
use super::random::{Keyed, Purpose};
use super::store::Dataset;
use crate::domain::{Augmentation, Split};

/// What bytes are multiplied by to become a network's input, from 0 to 1.
pub const SCALE: f32 = 1.0 / 255.0;

/// Floats from which on a batch is made by several threads; below, waking them costs more than it saves.
const PARALLEL_FROM: usize = 1 << 18;

/// The order of `count` images in an epoch: a permutation that depends on seed and epoch alone (Fisher–Yates).
///
/// # Panics
/// If there are 2³² images or more.
#[must_use]
pub fn epoch_order(seed: u64, epoch: u64, count: usize) -> Vec<u32> {
    let count = u32::try_from(count).unwrap_or_else(|_| panic!("{count} images are more than an order can number"));
    let mut order: Vec<u32> = (0..count).collect();
    let mut random = Keyed::new(Purpose::Order, seed, epoch, 0);
    for last in (1..count).rev() {
        order.swap(last as usize, random.below(last + 1) as usize);
    }
    order
}

/// Which random changes images get: their ranges and the key they are drawn by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AugmentKey {
    /// The ranges.
    pub ranges: Augmentation,
    /// The run's seed.
    pub seed: u64,
    /// The epoch.
    pub epoch: u64,
}

/// Writes the images of a split with these indices to `out` (f32 N×C×H×W, 0 to 1) and their classes to `labels`, which
/// is cleared first.
///
/// # Panics
/// If an index is out of range or `out` does not have N·C·H·W elements.
pub fn fill_batch(
    dataset: &Dataset,
    split: Split,
    indices: &[u32],
    augmentation: Option<&AugmentKey>,
    out: &mut [f32],
    labels: &mut Vec<i32>,
) {
    let image = dataset.image();
    assert_eq!(out.len(), indices.len() * image.bytes(), "floats of a batch");
    labels.clear();
    // Labels are u16.
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    labels.extend(indices.iter().map(|index| dataset.label(split, *index as usize) as i32));
    let fill = |(index, out): (&u32, &mut [f32])| {
        let pixels = dataset.pixels(split, *index as usize);
        match augmentation {
            Some(key) => Affine::keyed(&key.ranges, key.seed, key.epoch, u64::from(*index)).apply(
                pixels,
                image,
                [image.height, image.width],
                SCALE,
                out,
            ),
            None => plain(pixels, image.channels as usize, out),
        }
    };
    if out.len() < PARALLEL_FROM {
        indices.iter().zip(out.chunks_exact_mut(image.bytes())).for_each(fill);
    } else {
        indices.par_iter().zip(out.par_chunks_exact_mut(image.bytes())).for_each(fill);
    }
}

/// From u8 H×W×C to f32 C×H×W: what the identity map gives, only faster.
fn plain(pixels: &[u8], channels: usize, out: &mut [f32]) {
    let plane = out.len() / channels;
    for (channel, plane) in out.chunks_exact_mut(plane).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(pixels.iter().skip(channel).step_by(channels)) {
            *value = f32::from(*pixel) * SCALE;
        }
    }
}

/// Some images ready for a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// f32 N×C×H×W, 0 to 1.
    pub pixels: Vec<f32>,
    /// Class of each image.
    pub labels: Vec<i32>,
    /// Number of images.
    pub n: usize,
}

/// Batches made ahead by a thread, as an iterator. Dropping it ends the thread.
#[derive(Debug)]
pub struct Prefetch {
    /// `None` only while dropping.
    batches: Option<Receiver<Batch>>,
    thread: Option<JoinHandle<()>>,
}

impl Prefetch {
    /// Starts making batches of `batch_size` images (the last one may be smaller) in this order, at most `depth` ahead.
    ///
    /// # Errors
    /// When the system has no thread left to give.
    ///
    /// # Panics
    /// If `batch_size` is 0.
    pub fn start(
        dataset: Arc<Dataset>,
        split: Split,
        order: Vec<u32>,
        batch_size: usize,
        augmentation: Option<AugmentKey>,
        depth: usize,
    ) -> std::io::Result<Self> {
        assert!(batch_size > 0, "a batch has at least one image");
        let (sender, batches) = sync_channel(depth);
        let make = move || produce(&dataset, split, &order, batch_size, augmentation.as_ref(), &sender);
        let thread = thread::Builder::new().name("batches".into()).spawn(make)?;
        Ok(Self { batches: Some(batches), thread: Some(thread) })
    }
}

fn produce(
    dataset: &Dataset,
    split: Split,
    order: &[u32],
    batch_size: usize,
    augmentation: Option<&AugmentKey>,
    sender: &SyncSender<Batch>,
) {
    for indices in order.chunks(batch_size) {
        let mut pixels = vec![0.0; indices.len() * dataset.image().bytes()];
        let mut labels = Vec::with_capacity(indices.len());
        fill_batch(dataset, split, indices, augmentation, &mut pixels, &mut labels);
        // Nobody listens any more: the consumer was dropped.
        if sender.send(Batch { pixels, labels, n: indices.len() }).is_err() {
            return;
        }
    }
}

impl Iterator for Prefetch {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let batch = self.batches.as_ref().and_then(|batches| batches.recv().ok());
        if batch.is_none()
            && let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
        {
            // A shortened epoch must not pass for a whole one.
            std::panic::resume_unwind(panic);
        }
        batch
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        drop(self.batches.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::data::manifest::ImageShape;
    use crate::data::writer::{Workshop, Writer, tests::description};
    use crate::domain::DatasetName;

    fn dataset(dir: &TempDir) -> Arc<Dataset> {
        let name = DatasetName::new("d").unwrap();
        let image = ImageShape { width: 40, height: 30, channels: 3 };
        let workshop = Workshop::open(dir.path(), &name).unwrap();
        let mut writer = Writer::new(workshop, image, &["a".into(), "b".into()]).unwrap();
        for index in 0..100_usize {
            let pixels: Vec<u8> = (0..3600).map(|i| u8::try_from((i * 7 + index * 13) % 256).unwrap()).collect();
            writer.push(Split::Train, index / 60, &pixels, "x").unwrap();
        }
        writer.finish(description(), false).unwrap();
        Arc::new(Dataset::open(&dir.path().join("d")).unwrap())
    }

    #[test]
    fn batches_are_the_same_however_they_are_made() {
        let dir = TempDir::new().unwrap();
        let dataset = dataset(&dir);
        let key = AugmentKey { ranges: Augmentation::REFERENCE, seed: 3, epoch: 2 };
        let order = epoch_order(3, 2, dataset.len(Split::Train));
        let all = |batch: usize, depth: usize| {
            let batches: Vec<Batch> =
                Prefetch::start(dataset.clone(), Split::Train, order.clone(), batch, Some(key), depth)
                    .unwrap()
                    .collect();
            assert_eq!(batches.iter().map(|batch| batch.n).sum::<usize>(), 100);
            (
                batches.iter().flat_map(|b| b.pixels.clone()).collect::<Vec<_>>(),
                batches.into_iter().flat_map(|b| b.labels).collect::<Vec<_>>(),
            )
        };
        let one_by_one = all(1, 0);
        assert_eq!(all(32, 2), one_by_one);
        // Large enough for several threads.
        assert_eq!(all(100, 4), one_by_one);
        let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(single.install(|| all(100, 1)), one_by_one);
        assert!(one_by_one.1.iter().zip(&order).all(|(label, index)| *label == i32::from(*index >= 60)));
    }

    #[test]
    fn images_without_augmentation_are_the_stored_bytes_in_planes() {
        let dir = TempDir::new().unwrap();
        let dataset = dataset(&dir);
        let (mut out, mut identity) = (vec![0.0; 7200], vec![0.0; 3600]);
        fill_batch(&dataset, Split::Train, &[5, 99], None, &mut out, &mut vec![4]);
        Affine::identity().apply(dataset.pixels(Split::Train, 99), dataset.image(), [30, 40], SCALE, &mut identity);
        assert_eq!(out[3600..], identity);
    }

    #[test]
    fn a_prefetcher_dropped_early_ends_its_thread() {
        let dir = TempDir::new().unwrap();
        let dataset = dataset(&dir);
        let order = epoch_order(0, 0, 100);
        let mut batches = Prefetch::start(dataset.clone(), Split::Train, order, 8, None, 2).unwrap();
        assert_eq!(batches.next().unwrap().n, 8);
        drop(batches);
        assert_eq!(Arc::strong_count(&dataset), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn an_epochs_order_is_a_permutation_of_its_own(seed: u64, epoch in 0_u64..100, count in 0_usize..500) {
            let order = epoch_order(seed, epoch, count);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert!(sorted.iter().enumerate().all(|(index, value)| index == *value as usize));
            prop_assert_eq!(&order, &epoch_order(seed, epoch, count));
            prop_assert!(count < 20 || order != epoch_order(seed, epoch + 1, count));
        }
    }
}
