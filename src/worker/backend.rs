//! The one place where a device becomes a burn backend.
//!
//! Instantiating training for CUDA costs minutes of compile time; nowhere else is it named, and the library's own
//! tests, which never choose a CUDA device, go without.

use burn::backend::{Autodiff, Flex};

use super::device_memory;
use crate::model::device::DeviceKind;
use crate::model::kernels::TrainBackend;

/// Work that is the same on every device.
pub(crate) trait DeviceJob {
    /// What it gives.
    type Output;

    /// Does it on a device.
    fn run<B>(self, device: &B::Device, policy: DevicePolicy) -> Self::Output
    where
        B: TrainBackend;
}

/// How a device is read and fed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DevicePolicy {
    /// Steps between two reads from it.
    pub(crate) readback: u32,
    /// Bytes that images may take on it; 0: batches are made on the host.
    pub(crate) resident: u64,
    /// Numbers that the widest layer of a frozen base may have at once.
    pub(crate) forward_chunk: usize,
}

/// Does the job on this device, where images may take as many bytes as `resident` says. Where its kernels are kept is
/// settled before, by `kernels::keep`.
pub(crate) fn on_device<J: DeviceJob>(kind: DeviceKind, resident: u64, job: J) -> J::Output {
    let forward_chunk = device_memory::forward_chunk(kind);
    match kind {
        DeviceKind::Cpu => {
            job.run::<Autodiff<Flex>>(&Default::default(), DevicePolicy { readback: 1, resident, forward_chunk })
        }
        #[cfg(all(feature = "cuda", not(test)))]
        DeviceKind::Cuda(ordinal) => {
            // Reading back waits for the device: rarely enough that it keeps busy in between.
            const READBACK: u32 = 32;
            let device = burn::backend::cuda::CudaDevice::new(ordinal as usize);
            let policy = DevicePolicy { readback: READBACK, resident, forward_chunk };
            job.run::<Autodiff<burn::backend::Cuda>>(&device, policy)
        }
        #[cfg(any(not(feature = "cuda"), test))]
        DeviceKind::Cuda(_) => unreachable!("a build without CUDA never chooses a CUDA device"),
    }
}
