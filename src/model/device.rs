//! Choosing a device, without ever letting burn find out the hard way.
//!
//! Where there is no NVIDIA driver, touching CUDA through burn panics on two threads and writes backtraces to stderr.
//! So the libraries are looked at first, by hand: the driver and its devices, then the run-time compiler (NVRTC) and
//! the CUDA headers that it needs.

#[cfg(feature = "cuda")]
mod cuda;

use crate::domain::DeviceRequest;

/// The device that a run gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Which.
    pub kind: DeviceKind,
    /// What it calls itself.
    pub description: String,
    /// Why it is not the one that was hoped for.
    pub note: Option<String>,
}

/// Kinds of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// The processor.
    Cpu,
    /// The CUDA device of this ordinal.
    Cuda(u32),
}

impl std::fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.pad("cpu"),
            Self::Cuda(ordinal) => f.pad(&format!("cuda:{ordinal}")),
        }
    }
}

/// Why the device that was asked for cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use {wanted}: {reason}; `--device cpu` trains on the processor, `mien doctor` tells more")]
pub struct DeviceError {
    wanted: DeviceRequest,
    reason: String,
}

/// The names of the CUDA devices that can be used.
///
/// # Errors
/// Why there is none, in words that name what is missing.
pub fn cuda_devices() -> Result<Vec<String>, String> {
    #[cfg(feature = "cuda")]
    return cuda::usable_devices();
    #[cfg(not(feature = "cuda"))]
    Err("this mien was built without CUDA (cargo feature `cuda`)".into())
}

/// Where a CUDA device is plugged in (`0000:3b:00.0`), by which other programs know it; `None` for the processor, and where
/// the driver does not tell.
#[must_use]
pub fn pci_slot(kind: DeviceKind) -> Option<String> {
    match kind {
        DeviceKind::Cpu => None,
        #[cfg(feature = "cuda")]
        DeviceKind::Cuda(ordinal) => cuda::pci_slot(ordinal),
        #[cfg(not(feature = "cuda"))]
        DeviceKind::Cuda(_) => None,
    }
}

/// Bytes of memory that a CUDA device has in all; `None` for the processor, and where the driver does not tell.
#[must_use]
pub fn memory(kind: DeviceKind) -> Option<u64> {
    match kind {
        DeviceKind::Cpu => None,
        #[cfg(feature = "cuda")]
        DeviceKind::Cuda(ordinal) => cuda::memory(ordinal),
        #[cfg(not(feature = "cuda"))]
        DeviceKind::Cuda(_) => None,
    }
}

/// The device for a request: `auto` takes the first CUDA device if there is a usable one, else the processor.
///
/// # Errors
/// When a CUDA device was asked for by name and cannot be used.
pub fn choose(request: DeviceRequest) -> Result<Device, DeviceError> {
    match request {
        DeviceRequest::Cpu => Ok(cpu(None)),
        DeviceRequest::Auto => Ok(match cuda_devices() {
            Ok(names) if !names.is_empty() => cuda_device(0, &names[0]),
            Ok(_) => cpu(Some("there is no CUDA device".into())),
            Err(reason) => cpu(Some(reason)),
        }),
        DeviceRequest::Cuda(ordinal) => {
            let error = |reason| DeviceError { wanted: request, reason };
            let names = cuda_devices().map_err(error)?;
            let name = usize::try_from(ordinal).ok().and_then(|index| names.get(index));
            name.map(|name| cuda_device(ordinal, name))
                .ok_or_else(|| error(format!("there are {} CUDA devices, counted from 0", names.len())))
        }
    }
}

fn cuda_device(ordinal: u32, name: &str) -> Device {
    Device { kind: DeviceKind::Cuda(ordinal), description: name.to_owned(), note: None }
}

fn cpu(note: Option<String>) -> Device {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let plural = if threads == 1 { "" } else { "s" };
    Device { kind: DeviceKind::Cpu, description: format!("processor, {threads} thread{plural}"), note }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_always_gets_a_device_and_says_why_it_is_the_processor() {
        let device = choose(DeviceRequest::Auto).expect("a device");
        assert_eq!(device.kind == DeviceKind::Cpu, device.note.is_some());
    }

    #[test]
    fn a_device_that_is_not_there_is_refused_in_words() {
        let error = choose(DeviceRequest::Cuda(4096)).expect_err("no such device").to_string();
        assert!(error.starts_with("cannot use cuda:4096: ") && error.contains("--device cpu"), "{error}");
    }
}
