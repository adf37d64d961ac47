//! Computes the frozen part's features of a dataset once, and caches them on disk.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use burn::tensor::{Tensor, TensorData};

use super::Reporter;
use super::device_dataset::DeviceDataset;
use super::stopwatch::Stopwatch;
use crate::data::batch::Source;
use crate::data::features::{
    CHUNK, CacheRefusal, CachedFeatures, Complete, Key, Section, SectionName, SectionState, UnfinishedSection,
    free_space,
};
use crate::data::images::Images;
use crate::data::store::Dataset;
use crate::domain::Split;
use crate::events::Event;
use crate::model::frozen::FrozenPart;
use crate::model::kernels::{KernelBackend, copy_to_host};

/// Images in a forward pass. A constant, so that features do not depend on the recipe's batch size.
const BATCH_SIZE: usize = 32;

/// Images in a forward pass on a GPU, which fewer would not fill: the images that are written together.
const GPU_BATCH_SIZE: usize = CHUNK;

/// At most one progress event in this time.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// Time between two checks of a section that another worker computes.
const WAIT: Duration = Duration::from_millis(200);

/// The inputs, network and files of a feature computation.
pub struct FeaturePlan<'a, B: KernelBackend> {
    /// The dataset of the images.
    pub dataset: &'a Arc<Dataset>,
    /// The dataset's preprocessed images; augmented ones in a fixed number of variants.
    pub images: &'a Images,
    /// The frozen part.
    pub frozen: &'a FrozenPart<B>,
    /// The key of the cache entry: everything that decides the values.
    pub key: Key,
    /// The folder of datasets.
    pub data_dir: &'a Path,
    /// The dataset's own folder.
    pub dataset_dir: &'a Path,
    /// Bytes that cached features of all datasets may take.
    pub limit: u64,
    /// Bytes that resident images may take; 0 makes batches on the host.
    pub resident: u64,
    /// Whether a smaller last batch is padded, as by
    /// [`DataLoader::padding_last_batch`](super::data_loader::DataLoader::padding_last_batch).
    pub pad_last_batch: bool,
}

/// The result of [`FeaturePlan::ensure`].
pub enum CacheOutcome {
    /// All features are on disk.
    Ready(CachedFeatures),
    /// The features cannot be cached, for this reason; they have to be computed in every epoch.
    Uncached(String),
    /// A stop was requested.
    Stopped,
}

/// The progress of a feature computation.
struct Progress<'a> {
    reporter: &'a mut dyn Reporter,
    done: usize,
    total: usize,
    computed: usize,
    begun: Stopwatch,
    reported: Option<Instant>,
    waiting_reported: bool,
}

impl<B: KernelBackend> FeaturePlan<'_, B> {
    /// Makes the features of these splits available on disk: finds them, waits for the worker that computes them, or
    /// computes the missing ones.
    pub fn ensure(&self, splits: &[Split], device: &B::Device, reporter: &mut dyn Reporter) -> CacheOutcome {
        match self.try_ensure(splits, device, reporter) {
            Ok(cached) => cached,
            Err(CacheRefusal::Io(error)) => CacheOutcome::Uncached(format!("{}: {error}", self.dataset_dir.display())),
            Err(error) => CacheOutcome::Uncached(error.to_string()),
        }
    }

    /// Returns the cached features of a split's unaugmented images; computes nothing and waits for nothing.
    #[must_use]
    pub fn cached_plain(&self, split: Split) -> Option<CachedFeatures> {
        let name = SectionName { split, variant: None };
        let folder = self.key.folder(self.dataset_dir);
        let section = Section::new(&folder, &name.stem(), self.dataset.len(split), self.key.row());
        // Unreadable features count as missing, because they can be computed from images.
        let complete = section.open_if_complete().ok()??;
        let mut features = CachedFeatures::new(Arc::clone(self.dataset), self.key.shape, None);
        features.add(split, vec![complete]);
        Some(features)
    }

    fn try_ensure(
        &self,
        splits: &[Split],
        device: &B::Device,
        reporter: &mut dyn Reporter,
    ) -> Result<CacheOutcome, CacheRefusal> {
        let folder = self.key.prepare(self.dataset_dir)?;
        let augmenter = self.images.augmenter();
        let sections: Vec<(SectionName, Section)> = splits
            .iter()
            .flat_map(|split| SectionName::of_split(*split, augmenter))
            .map(|name| (name, Section::new(&folder, &name.stem(), self.dataset.len(name.split), self.key.row())))
            .collect();
        self.free_space(sections.iter().map(|(_, section)| section))?;
        let total = sections.iter().map(|(name, _)| self.dataset.len(name.split)).sum();
        let (begun, bytes) =
            (Stopwatch::start(reporter.paused()), sections.iter().map(|(_, section)| section.bytes()).sum());
        let mut progress =
            Progress { reporter, done: 0, total, computed: 0, begun, reported: None, waiting_reported: false };
        let mut features = CachedFeatures::new(Arc::clone(self.dataset), self.key.shape, augmenter.copied());
        let mut kept: [Vec<Complete>; 3] = Default::default();
        for (name, section) in &sections {
            match self.section(name, section, device, &mut progress)? {
                Some(complete) => kept[name.split as usize].push(complete),
                None => return Ok(CacheOutcome::Stopped),
            }
        }
        for (split, sections) in Split::ALL.into_iter().zip(kept) {
            features.add(split, sections);
        }
        let (computed, seconds) = (progress.computed, begun.elapsed(progress.reporter.paused()).as_secs_f64());
        progress.reporter.report(Event::FeaturesReady { images: total, computed, bytes, seconds });
        Ok(CacheOutcome::Ready(features))
    }

    /// Makes disk space for the missing parts of these sections, and deletes nothing of the sections themselves.
    fn free_space<'s>(&self, sections: impl Iterator<Item = &'s Section> + Clone) -> Result<(), CacheRefusal> {
        if self.limit == 0 {
            return Err(CacheRefusal::Off);
        }
        let wanted: Vec<PathBuf> = sections.clone().map(Section::values_file).collect();
        free_space(self.data_dir, sections.map(Section::missing_bytes).sum(), self.limit, &wanted)
    }

    /// Returns one section, complete; `None` if a stop was requested.
    fn section(
        &self,
        name: &SectionName,
        section: &Section,
        device: &B::Device,
        progress: &mut Progress<'_>,
    ) -> io::Result<Option<Complete>> {
        let (before, mut waiting) = (progress.done, None);
        loop {
            match section.open()? {
                SectionState::Complete(complete) => {
                    progress.done = before + self.dataset.len(name.split);
                    return Ok(Some(complete));
                }
                SectionState::Unfinished(work) => {
                    let missing: usize = work.missing().iter().map(|(_, rows)| rows.len()).sum();
                    progress.done = before + self.dataset.len(name.split) - missing;
                    if !self.compute(name, &work, device, progress)? {
                        return Ok(None);
                    }
                    // The next `open` checks the written values and changes the lock to a shared one.
                }
                SectionState::Busy => {
                    let since = *waiting.get_or_insert_with(Instant::now);
                    progress.report_waiting(since);
                    thread::sleep(WAIT);
                }
            }
            if progress.reporter.stop_requested() {
                return Ok(None);
            }
        }
    }

    /// Computes the missing part of a section. Returns false if a stop was requested.
    fn compute(
        &self,
        name: &SectionName,
        work: &UnfinishedSection,
        device: &B::Device,
        progress: &mut Progress<'_>,
    ) -> io::Result<bool> {
        let resident = self.on_device(name.split, device);
        for (chunk, rows) in work.missing() {
            let mut features = Vec::with_capacity(rows.len() * self.key.row());
            for at in rows.clone().step_by(self.batch_size()) {
                if progress.reporter.stop_requested() {
                    return Ok(false);
                }
                let batch = at..(at + self.batch_size()).min(rows.end);
                let count = batch.len();
                features.extend(self.forward(name, batch, resident.as_ref(), device));
                progress.advance(count);
            }
            work.write(chunk, &features)?;
        }
        Ok(true)
    }

    fn batch_size(&self) -> usize {
        if self.pad_last_batch { GPU_BATCH_SIZE } else { BATCH_SIZE }
    }

    /// Uploads the images of a split if they fit into the resident limit.
    fn on_device(&self, split: Split, device: &B::Device) -> Option<DeviceDataset<B>> {
        DeviceDataset::upload(self.images, &[split], self.resident, device)
    }

    /// Returns the features of some rows of a section, `[rows, features]`, from the device.
    fn forward(
        &self,
        name: &SectionName,
        rows: Range<usize>,
        resident: Option<&DeviceDataset<B>>,
        device: &B::Device,
    ) -> Vec<f32> {
        // A split has fewer than 2^32 images: `epoch_order` numbers them by u32.
        let mut indices: Vec<u32> = rows.map(|row| u32::try_from(row).unwrap_or(u32::MAX)).collect();
        let count = indices.len();
        if let Some(last) = indices.last().copied().filter(|_| self.pad_last_batch) {
            indices.resize(self.batch_size().max(count), last);
        }
        let variant = name.variant.map(|(_, number)| number);
        let images = if let Some(resident) = resident {
            resident.batch(&self.images.variant_batch_spec(name.split, &indices, variant)).0
        } else {
            let [channels, height, width] = self.images.shape();
            let shape = [indices.len(), channels, height, width];
            let mut inputs = vec![0.0; shape.iter().product()];
            self.images.fill_variant(name.split, &indices, variant, &mut inputs);
            Tensor::from_data(TensorData::new(inputs, shape), device)
        };
        let features = copy_to_host(self.frozen.forward(images)).convert::<f32>();
        // Converted to f32 above.
        let mut features: Vec<f32> = features.into_vec().unwrap_or_else(|error| unreachable!("{error:?}"));
        features.truncate(count * self.key.row());
        features
    }
}

/// Time after which waiting for another worker is logged.
const PATIENCE: Duration = Duration::from_secs(2);

impl Progress<'_> {
    /// Logs once that another worker computes a needed section.
    fn report_waiting(&mut self, since: Instant) {
        if !self.waiting_reported && since.elapsed() > PATIENCE {
            self.waiting_reported = true;
            let message = "another worker computes the same features: waiting for it".into();
            self.reporter.report(Event::Warning { message });
        }
    }

    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    fn advance(&mut self, images: usize) {
        self.done += images;
        self.computed += images;
        if self.reported.is_some_and(|at| at.elapsed() < REPORT_INTERVAL) {
            return;
        }
        self.reported = Some(Instant::now());
        let images_per_second = self.computed as f64 / self.begun.elapsed(self.reporter.paused()).as_secs_f64();
        self.reporter.report(Event::ComputingFeatures { done: self.done, total: self.total, images_per_second });
    }
}
