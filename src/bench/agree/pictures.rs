//! Checks batches that the device makes of resident images, and reads of distant rows.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::{DType, Int, Tensor, TensorData};
use tempfile::TempDir;

use crate::bench::{BenchError, Check, Finding, ReportFinding};
use crate::data::images::{Augmenter, Images};
use crate::data::manifest::{ImageShape, SplitOptions};
use crate::data::writer::{Description, StagingFolder, Writer};
use crate::data::{Batch, Dataset, Pass, StoreError};
use crate::domain::{Augmentation, DatasetName, Preprocessing, Split};
use crate::model::device::DeviceKind;
use crate::model::kernels::copy_to_host;
use crate::train::device_dataset::DeviceDataset;

/// The largest difference, as a share of the range of an image's values.
const BAR: f64 = 1e-3;

/// Images of the generated dataset.
const IMAGES: u32 = 64;

/// Pixels along a side, as in FER-2013.
const SIDE: u32 = 48;

/// Returns a pseudo-random byte for an index.
#[allow(clippy::cast_possible_truncation)] // the upper bits of a product
fn noise(at: u64) -> u8 {
    (at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

/// Writes a dataset of noise in the training split.
fn dataset(folder: &TempDir) -> Result<Arc<Dataset>, StoreError> {
    let name = DatasetName::new("noise").unwrap_or_else(|_| unreachable!("plain letters"));
    let workshop = StagingFolder::open(folder.path(), &name)?;
    let image = ImageShape { width: SIDE, height: SIDE, channels: 1 };
    let mut writer = Writer::new(workshop, image, &["a".into(), "b".into()])?;
    for index in 0..IMAGES {
        let from = u64::from(index) * image.bytes() as u64;
        let pixels: Vec<u8> = (0..image.bytes() as u64).map(|at| noise(from + at)).collect();
        writer.push(Split::Train, usize::from(index >= IMAGES / 2), &pixels, "noise")?;
    }
    let split = SplitOptions::default();
    let source = "noise".into();
    writer.finish(Description { source, created_at: 0, split, ..Description::default() }, false)?;
    Dataset::open(&folder.path().join("noise")).map(Arc::new)
}

/// Compares batches that the device makes with those that the host makes.
///
/// # Errors
/// If a few images cannot be written to the folder for temporary files.
pub(super) fn check<B: Backend>(device: &B::Device, size: usize, report: ReportFinding<'_>) -> Result<(), BenchError> {
    let folder = tempfile::tempdir().map_err(|source| BenchError::Folder { source })?;
    let dataset = dataset(&folder)?;
    let augmenter = Some(Augmenter { ranges: Augmentation::REFERENCE, seed: 1, variants: 0 });
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    let plain = |augmenter| Images::plain(Arc::clone(&dataset), augmenter);
    let mut report_check = |part: &str, images: &Images, bar: f64| {
        let error = difference::<B>(images, device);
        report(Finding::Check(Check::new("pictures", part, error, 0.0, bar)));
    };
    report_check("as they are (largest difference)", &plain(None), 0.0);
    report_check("augmented at 48", &plain(augmenter), BAR);
    let ranges = Augmentation { brightness: 0.3, contrast: 0.3, erasing: 0.5, ..Augmentation::STRONG };
    let strongly = Augmenter { ranges, seed: 1, variants: 0 };
    report_check("toned, erased and cut to 42", &plain(Some(strongly)).cropped(42), BAR);
    for (name, preprocessing) in Preprocessing::NAMED {
        let images = Images::prepared(Arc::clone(&dataset), size, preprocessing, augmenter);
        report_check(&format!("augmented to {size}, {name}"), &images, BAR);
    }
    Ok(())
}

/// Returns the largest difference of a batch in the third epoch, as a share of the range of its values.
fn difference<B: Backend>(images: &Images, device: &B::Device) -> f64 {
    let indices: Vec<u32> = (0..IMAGES).rev().step_by(5).collect();
    let Some(resident) = DeviceDataset::<B>::upload(images, &[Split::Train], u64::MAX, device) else { return f64::NAN };
    let host = Batch::make(images, Split::Train, &indices, Pass::Training(3));
    let (inputs, labels) = resident.batch(&images.batch_spec(Split::Train, &indices, Pass::Training(3)));
    let labels: Vec<i32> = labels.into_data().iter::<i32>().collect();
    let inputs: Vec<f32> = copy_to_host(inputs).convert::<f32>().into_vec().unwrap_or_default();
    if labels != host.labels || inputs.len() != host.inputs.len() || inputs.iter().any(|value| !value.is_finite()) {
        return f64::NAN;
    }
    let (low, high) = host.inputs.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    let largest = inputs.iter().zip(&host.inputs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    f64::from(largest) / f64::from(high - low)
}

/// Bytes of an image of FER-2013.
const ROW: usize = 48 * 48;

/// Gathers rows of bytes at indices beyond 2²⁴, which f32 cannot represent, and on GPUs close to 2³¹, the limit of i32.
pub(super) fn gather<B: Backend>(device: &B::Device, kind: DeviceKind, report: ReportFinding<'_>) {
    let bytes: usize = match kind {
        DeviceKind::Cpu => 1 << 25,
        DeviceKind::Cuda(_) => i32::MAX as usize,
    };
    let rows = bytes / ROW;
    let pixels: Vec<u8> = (0..(rows * ROW) as u64).map(noise).collect();
    let around = |at: usize| [at / ROW - 1, at / ROW, at / ROW + 1];
    let rows_read: Vec<usize> = [1 << 8, 1 << 16, 1 << 24, 1 << 30]
        .into_iter()
        .filter(|at| at / ROW > 0 && at / ROW + 1 < rows)
        .flat_map(around)
        .chain([rows - 1, 0])
        .collect();
    let expected: Vec<u8> = rows_read.iter().flat_map(|row| pixels[row * ROW..(row + 1) * ROW].to_vec()).collect();
    let held = Tensor::<B, 2, Int>::from_data(TensorData::new(pixels, [rows, ROW]), (device, DType::U8));
    let indices: Vec<i32> = rows_read.iter().map(|row| i32::try_from(*row).unwrap_or(i32::MAX)).collect();
    let indices = Tensor::<B, 1, Int>::from_data(TensorData::new(indices, [rows_read.len()]), device);
    let found = held.select(0, indices).into_data();
    let found: Vec<u8> = found.iter::<u8>().collect();
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let wrong = found.iter().zip(&expected).filter(|(found, expected)| found != expected).count() as f64;
    let wrong = if found.len() == expected.len() { wrong } else { f64::NAN };
    let part = format!("wrong bytes, rows of {} MiB", (rows * ROW) >> 20);
    report(Finding::Check(Check::new("gather", part, wrong, 0.0, 0.0)));
}
