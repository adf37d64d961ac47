//! Batches: the order of an epoch, and batches prepared ahead of the trainer on a thread.
//!
//! A batch depends only on its source, the order and the epoch, never on threads or on the time when it was prepared.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::random::{KeyedRng, Purpose};
use crate::domain::{Split, View};

/// A pass over a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// An epoch of training, counted from 1.
    Training(u64),
    /// An evaluation of one view of each image.
    Evaluation(View),
}

impl Pass {
    /// The evaluation of images as they are.
    pub const PLAIN: Self = Self::Evaluation(View::PLAIN);
}

/// A source of batches: images, or cached features.
pub trait Source: Send + Sync {
    /// Returns channels, height and width of an input.
    fn shape(&self) -> [usize; 3];

    /// Returns the number of inputs in a split.
    fn count(&self, split: Split) -> usize;

    /// Returns the class of input `index` of a split.
    fn label(&self, split: Split, index: usize) -> usize;

    /// Writes the inputs of a split with these indices to `out` (f32 `[N, C, H, W]`), changed for this pass.
    ///
    /// # Panics
    /// If an index is out of range or `out` has another length.
    fn fill(&self, split: Split, indices: &[u32], pass: Pass, out: &mut [f32]);
}

/// Returns the order of `count` images in an epoch: a permutation that depends on seed and epoch only (Fisher–Yates).
///
/// # Panics
/// If there are 2³² images or more.
#[must_use]
pub fn epoch_order(seed: u64, epoch: u64, count: usize) -> Vec<u32> {
    let count = u32::try_from(count).unwrap_or_else(|_| panic!("{count} images are more than an order can number"));
    let mut order: Vec<u32> = (0..count).collect();
    let mut random = KeyedRng::new(Purpose::Order, seed, epoch, 0);
    for last in (1..count).rev() {
        order.swap(last as usize, random.below(last + 1) as usize);
    }
    order
}

/// Returns image indices drawn with replacement, as many as `classes` has entries. Each draw first picks a class by
/// `chances` (relative weights), then one of its images. `classes` holds each image's class. The draws depend on seed
/// and epoch only.
///
/// # Panics
/// If `chances` has no entry for an image's class.
#[must_use]
pub fn drawn_order(seed: u64, epoch: u64, classes: &[usize], chances: &[f64]) -> Vec<u32> {
    let mut images: Vec<Vec<u32>> = vec![Vec::new(); chances.len()];
    for (image, class) in (0..).zip(classes) {
        images[*class].push(image);
    }
    let total: f64 = chances.iter().sum();
    let mut random = KeyedRng::new(Purpose::Order, seed, epoch, 0);
    let mut draw = || {
        let mut rest = random.unit() * total;
        let found = chances.iter().position(|chance| {
            rest -= chance;
            rest < 0.0
        });
        // Rounding may leave a remainder after the last class with a chance.
        let class = found.or_else(|| chances.iter().rposition(|chance| *chance > 0.0)).unwrap_or(0);
        let of_class = &images[class];
        of_class[random.below(u32::try_from(of_class.len()).unwrap_or(u32::MAX)) as usize]
    };
    classes.iter().map(|_| draw()).collect()
}

/// A batch of inputs on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The inputs, f32 `[N, C, H, W]`.
    pub inputs: Vec<f32>,
    /// N, C, H, W.
    pub shape: [usize; 4],
    /// The class of each input, `[N]`.
    pub labels: Vec<i32>,
}

impl Batch {
    /// Returns the inputs of a split with these indices, changed for this pass.
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn make(source: &dyn Source, split: Split, indices: &[u32], pass: Pass) -> Self {
        let [channels, height, width] = source.shape();
        let mut inputs = vec![0.0; indices.len() * channels * height * width];
        source.fill(split, indices, pass, &mut inputs);
        Self { inputs, shape: [indices.len(), channels, height, width], labels: labels(source, split, indices) }
    }
}

/// Returns the classes of the inputs of a split with these indices, `[N]`.
///
/// # Panics
/// If an index is out of range.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // labels are u16
pub fn labels(source: &dyn Source, split: Split, indices: &[u32]) -> Vec<i32> {
    indices.iter().map(|index| source.label(split, *index as usize) as i32).collect()
}

/// An iterator over batches that a thread prepares ahead. Dropping it ends the thread.
#[derive(Debug)]
pub struct Prefetch<T> {
    /// `None` only while dropping.
    batches: Option<Receiver<T>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Prefetch<T> {
    /// Starts a thread that calls `make` on every `batch_size` indices of `order` (the last call may get fewer). At
    /// most `depth` results wait.
    ///
    /// # Errors
    /// If the system cannot start another thread.
    ///
    /// # Panics
    /// If `batch_size` is 0.
    pub fn start(
        order: Vec<u32>,
        batch_size: usize,
        depth: usize,
        make: impl FnMut(&[u32]) -> T + Send + 'static,
    ) -> std::io::Result<Self> {
        assert!(batch_size > 0, "a batch has at least one input");
        let (sender, batches) = sync_channel(depth);
        let produce = move || produce(&order, batch_size, make, &sender);
        let thread = thread::Builder::new().name("batches".into()).spawn(produce)?;
        Ok(Self { batches: Some(batches), thread: Some(thread) })
    }
}

fn produce<T>(order: &[u32], batch_size: usize, mut make: impl FnMut(&[u32]) -> T, sender: &SyncSender<T>) {
    for indices in order.chunks(batch_size) {
        // The consumer was dropped.
        if sender.send(make(indices)).is_err() {
            return;
        }
    }
}

impl<T> Iterator for Prefetch<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let batch = self.batches.as_ref().and_then(|batches| batches.recv().ok());
        if batch.is_none()
            && let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
        {
            // Otherwise an epoch cut short by a panic would pass for a whole one.
            std::panic::resume_unwind(panic);
        }
        batch
    }
}

impl<T> Drop for Prefetch<T> {
    fn drop(&mut self) {
        drop(self.batches.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::data::images::{Augmenter, Images};
    use crate::data::manifest::ImageShape;
    use crate::data::store::Dataset;
    use crate::data::writer::{StagingFolder, Writer, tests::description};
    use crate::domain::{Augmentation, DatasetName};

    fn dataset(dir: &TempDir) -> Arc<Dataset> {
        let name = DatasetName::new("d").unwrap();
        let image = ImageShape { width: 40, height: 30, channels: 3 };
        let staging = StagingFolder::open(dir.path(), &name).unwrap();
        let mut writer = Writer::new(staging, image, &["a".into(), "b".into()]).unwrap();
        for index in 0..100_usize {
            let pixels: Vec<u8> = (0..3600).map(|i| u8::try_from((i * 7 + index * 13) % 256).unwrap()).collect();
            writer.push(Split::Train, index / 60, &pixels, "x").unwrap();
        }
        writer.finish(description(), false).unwrap();
        Arc::new(Dataset::open(&dir.path().join("d")).unwrap())
    }

    fn augmented(dataset: Arc<Dataset>) -> Arc<dyn Source> {
        Arc::new(Images::plain(dataset, Some(Augmenter { ranges: Augmentation::REFERENCE, seed: 3, variants: 0 })))
    }

    fn start(source: &Arc<dyn Source>, order: Vec<u32>, size: usize, pass: Pass, depth: usize) -> Prefetch<Batch> {
        let source = Arc::clone(source);
        Prefetch::start(order, size, depth, move |indices| Batch::make(&*source, Split::Train, indices, pass)).unwrap()
    }

    #[test]
    fn batches_are_the_same_however_they_are_made() {
        let dir = TempDir::new().unwrap();
        let source = augmented(dataset(&dir));
        let order = epoch_order(3, 2, source.count(Split::Train));
        let all = |batch: usize, depth: usize| {
            let batches: Vec<Batch> = start(&source, order.clone(), batch, Pass::Training(2), depth).collect();
            assert_eq!(batches.iter().map(|batch| batch.shape[0]).sum::<usize>(), 100);
            assert!(batches.iter().all(|batch| batch.shape[1..] == [3, 30, 40]));
            (
                batches.iter().flat_map(|b| b.inputs.clone()).collect::<Vec<_>>(),
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
    fn a_prefetcher_dropped_early_ends_its_thread() {
        let dir = TempDir::new().unwrap();
        let source = augmented(dataset(&dir));
        let order = epoch_order(0, 0, 100);
        let mut batches = start(&source, order, 8, Pass::PLAIN, 2);
        assert_eq!(batches.next().unwrap().shape[0], 8);
        drop(batches);
        assert_eq!(Arc::strong_count(&source), 1);
    }

    #[test]
    fn classes_are_drawn_by_their_chances() {
        let classes: Vec<usize> = (0..10_000).map(|image| usize::from(image % 10 == 0)).collect();
        let order = drawn_order(1, 1, &classes, &[1.0, 1.0, 0.0]);
        let rare = order.iter().filter(|image| **image % 10 == 0).count();
        assert!(order.len() == 10_000 && (4800..5200).contains(&rare), "{rare}");
        assert_eq!(order, drawn_order(1, 1, &classes, &[1.0, 1.0, 0.0]));
        assert_ne!(order, drawn_order(1, 2, &classes, &[1.0, 1.0, 0.0]));
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
