//! The one place where a device becomes a burn backend.
//!
//! Instantiating training for CUDA costs minutes of compile time; nowhere else is it named, and the library's own
//! tests, which never choose a CUDA device, go without.

use burn::backend::{Autodiff, Flex};
use burn::tensor::backend::AutodiffBackend;

use crate::model::device::DeviceKind;
use crate::model::kernels::ConvBlockBackend;

/// Work that is the same on every device.
pub(super) trait DeviceJob {
    /// What it gives.
    type Output;

    /// Does it on a device. `readback`: steps between two reads from it.
    fn run<B>(self, device: &B::Device, readback: u32) -> Self::Output
    where
        B: AutodiffBackend + ConvBlockBackend,
        B::InnerBackend: ConvBlockBackend;
}

/// Does the job on this device.
pub(super) fn on_device<J: DeviceJob>(kind: DeviceKind, job: J) -> J::Output {
    match kind {
        DeviceKind::Cpu => job.run::<Autodiff<Flex>>(&Default::default(), 1),
        #[cfg(all(feature = "cuda", not(test)))]
        DeviceKind::Cuda(ordinal) => {
            // Reading back waits for the device: rarely enough that it keeps busy in between.
            const READBACK: u32 = 32;
            let device = burn::backend::cuda::CudaDevice::new(ordinal as usize);
            job.run::<Autodiff<burn::backend::Cuda>>(&device, READBACK)
        }
        #[cfg(any(not(feature = "cuda"), test))]
        DeviceKind::Cuda(_) => unreachable!("a build without CUDA never chooses a CUDA device"),
    }
}
