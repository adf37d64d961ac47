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

impl DeviceKind {
    /// Whether kernels are compiled and tuned anew for every shape, so that there had better be few.
    #[must_use]
    pub fn tunes_by_shape(self) -> bool {
        matches!(self, Self::Cuda(_))
    }
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

/// A CUDA device that the driver knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CudaDevice {
    /// What it calls itself.
    pub name: String,
    /// Why it cannot be used.
    pub fault: Option<String>,
    /// Kernels compiled for it have this in common, as a name for a folder: the device, its architecture, and the compiler's version.
    pub kernels: String,
}

/// The CUDA devices that the driver knows.
///
/// # Errors
/// Why none can be used, in words that name what is missing.
pub fn cuda_devices() -> Result<Vec<CudaDevice>, String> {
    #[cfg(feature = "cuda")]
    return cuda::devices();
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

/// What the kernels compiled for a CUDA device have in common; `None` for the processor.
#[must_use]
pub fn kernels(kind: DeviceKind) -> Option<String> {
    let DeviceKind::Cuda(ordinal) = kind else { return None };
    Some(cuda_devices().ok()?.into_iter().nth(ordinal as usize)?.kernels)
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

/// The device for a request: `auto` takes the first CUDA device that can be used, else the processor.
///
/// # Errors
/// When a CUDA device was asked for by name and cannot be used.
pub fn choose(request: DeviceRequest) -> Result<Device, DeviceError> {
    match request {
        DeviceRequest::Cpu => Ok(cpu(None)),
        DeviceRequest::Auto => Ok(automatic(cuda_devices())),
        DeviceRequest::Cuda(ordinal) => {
            let error = |reason| DeviceError { wanted: request, reason };
            named(cuda_devices().map_err(error)?, ordinal).map_err(error)
        }
    }
}

fn automatic(found: Result<Vec<CudaDevice>, String>) -> Device {
    let devices = match found {
        Ok(devices) => devices,
        Err(reason) => return cpu(Some(reason)),
    };
    let usable = (0..).zip(&devices).find(|(_, device)| device.fault.is_none());
    match (usable, devices.first()) {
        (Some((ordinal, device)), _) => cuda_device(ordinal, &device.name),
        (None, Some(CudaDevice { name, fault: Some(fault), .. })) => cpu(Some(format!("{name}: {fault}"))),
        (None, _) => cpu(Some("there is no CUDA device".into())),
    }
}

fn named(devices: Vec<CudaDevice>, ordinal: u32) -> Result<Device, String> {
    let count = devices.len();
    match devices.into_iter().nth(ordinal as usize) {
        Some(CudaDevice { fault: Some(fault), .. }) => Err(fault),
        Some(device) => Ok(cuda_device(ordinal, &device.name)),
        None => Err(format!("there are {count} CUDA devices, counted from 0")),
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
    fn a_device_with_a_fault_is_passed_over_or_refused_with_it() {
        let device = |name: &str, fault: Option<&str>| CudaDevice {
            name: name.into(),
            fault: fault.map(str::to_owned),
            kernels: "sm_90-nvrtc-13.0".into(),
        };
        let two = vec![device("old", Some("too old")), device("new", None)];
        let chosen = automatic(Ok(two.clone()));
        assert_eq!((chosen.kind, chosen.description.as_str()), (DeviceKind::Cuda(1), "new"));
        assert_eq!(named(two.clone(), 0), Err("too old".into()));
        assert_eq!(named(two.clone(), 1).expect("usable").kind, DeviceKind::Cuda(1));
        assert!(named(two.clone(), 2).expect_err("not there").contains("2 CUDA devices"));
        let left = automatic(Ok(two[..1].to_vec()));
        assert_eq!((left.kind, left.note.as_deref()), (DeviceKind::Cpu, Some("old: too old")));
        assert_eq!(automatic(Ok(Vec::new())).note.as_deref(), Some("there is no CUDA device"));
        assert_eq!(automatic(Err("no driver".into())).note.as_deref(), Some("no driver"));
    }

    #[test]
    fn a_device_that_is_not_there_is_refused_in_words() {
        let error = choose(DeviceRequest::Cuda(4096)).expect_err("no such device").to_string();
        assert!(error.starts_with("cannot use cuda:4096: ") && error.contains("--device cpu"), "{error}");
    }
}
