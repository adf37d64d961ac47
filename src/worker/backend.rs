//! Chooses the burn backend for a device.
//!
//! Only this module names the CUDA backend: each instantiation of training for CUDA costs minutes of compile time. The
//! library's own tests never choose a CUDA device, so they compile without it.

use burn::backend::{Autodiff, Flex};

use super::device_memory;
use crate::model::device::DeviceKind;
use crate::model::kernels::TrainBackend;

/// A computation that is generic over the backend.
pub(crate) trait DeviceJob {
    /// The result of the computation.
    type Output;

    /// Runs the computation on `device`.
    fn run<B>(self, device: &B::Device, policy: DevicePolicy) -> Self::Output
    where
        B: TrainBackend;
}

/// The limits that depend on the kind of device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DevicePolicy {
    /// Training steps between two reads from the device.
    pub(crate) readback: u32,
    /// Bytes that resident images may take; 0 makes batches on the host.
    pub(crate) resident: u64,
    /// The number of values that the widest output of a frozen part may have in one pass.
    pub(crate) forward_chunk: usize,
}

/// Runs `job` on the backend for `kind`, where resident images may take `resident` bytes. The caller has configured the
/// kernel cache by `kernels::open_cache`.
pub(crate) fn on_device<J: DeviceJob>(kind: DeviceKind, resident: u64, job: J) -> J::Output {
    let forward_chunk = device_memory::forward_chunk(kind);
    match kind {
        DeviceKind::Cpu => {
            job.run::<Autodiff<Flex>>(&Default::default(), DevicePolicy { readback: 1, resident, forward_chunk })
        }
        #[cfg(all(feature = "cuda", not(test)))]
        DeviceKind::Cuda(ordinal) => {
            // A read waits for the device; more frequent reads would leave it idle.
            const READBACK: u32 = 32;
            let device = burn::backend::cuda::CudaDevice::new(ordinal as usize);
            let policy = DevicePolicy { readback: READBACK, resident, forward_chunk };
            job.run::<Autodiff<burn::backend::Cuda>>(&device, policy)
        }
        #[cfg(any(not(feature = "cuda"), test))]
        DeviceKind::Cuda(_) => unreachable!("a build without CUDA never chooses a CUDA device"),
    }
}
