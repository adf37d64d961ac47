//! The GPUs of this machine, which only a build with the trainer can list.

use crate::runs::queue::DeviceKey;

/// Returns the queue's key of the CUDA device with this ordinal.
///
/// # Errors
/// The reason why the device cannot be used.
#[cfg(feature = "trainer")]
pub(super) fn queue_key(ordinal: u32) -> Result<DeviceKey, String> {
    use crate::domain::DeviceRequest;
    use crate::model::device;
    let device = device::choose(DeviceRequest::Cuda(ordinal)).map_err(|error| error.to_string())?;
    Ok(DeviceKey::here(&device.kind.to_string(), device::pci_slot(device.kind).as_deref()))
}

/// Returns an error, because this build cannot list CUDA devices.
#[cfg(not(feature = "trainer"))]
pub(super) fn queue_key(_ordinal: u32) -> Result<DeviceKey, String> {
    Err("this mien was built without the trainer and lists only devices that a run has used".into())
}

/// Checks that a run can use the device, before the run is made. Otherwise a mistyped device would leave a failed run.
#[cfg(feature = "trainer")]
pub(super) fn check(request: crate::domain::DeviceRequest) -> Result<(), crate::cli::exit::CommandError> {
    match request {
        crate::domain::DeviceRequest::Cuda(_) => Ok(crate::model::device::choose(request).map(drop)?),
        _ => Ok(()),
    }
}

/// Checks nothing: a build without the trainer starts no runs.
#[cfg(not(feature = "trainer"))]
#[allow(clippy::unnecessary_wraps, reason = "the trainer's check can fail")]
pub(super) fn check(_request: crate::domain::DeviceRequest) -> Result<(), crate::cli::exit::CommandError> {
    Ok(())
}

/// Returns a line for each GPU and a line on convolutions, or one line with the reason why there is no GPU.
#[cfg(feature = "trainer")]
pub(super) fn gpu_lines() -> Vec<String> {
    match crate::model::device::cuda_devices() {
        Ok(devices) => {
            let lines = (0..).zip(devices).map(|(ordinal, device)| gpu_line(ordinal, &device));
            lines.chain([crate::model::device::describe_convolutions()]).collect()
        }
        Err(reason) => vec![format!("no CUDA device, runs train on the CPU: {reason}")],
    }
}

#[cfg(feature = "trainer")]
fn gpu_line(ordinal: u32, device: &crate::model::device::CudaDevice) -> String {
    match &device.fault {
        None => format!("cuda:{ordinal} {}", device.name),
        Some(fault) => format!("cuda:{ordinal} {} cannot be used: {fault}", device.name),
    }
}

/// Returns a line stating that this build cannot list GPUs.
#[cfg(not(feature = "trainer"))]
pub(super) fn gpu_lines() -> Vec<String> {
    vec!["unknown: this mien was built without the trainer".into()]
}
