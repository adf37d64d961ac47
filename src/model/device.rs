//! Chooses a device by checking the CUDA installation before burn touches it.
//!
//! Without an NVIDIA driver, burn's CUDA backend panics on two threads and prints backtraces. Therefore the driver, its
//! devices, the run-time compiler (NVRTC) and its CUDA headers are checked first.

#[cfg(feature = "cuda")]
mod cuda;

use crate::domain::DeviceRequest;
use crate::domain::text::printable;

/// A device that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The kind and number of the device.
    pub kind: DeviceKind,
    /// The name that the device reports.
    pub description: String,
    /// The reason why it is not a CUDA device, where `auto` found none.
    pub note: Option<String>,
}

/// The kinds of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// The CPU.
    Cpu,
    /// The CUDA device of this ordinal.
    Cuda(u32),
}

impl DeviceKind {
    /// Returns whether kernels are compiled and tuned for each shape, so that callers should use few shapes.
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

/// The error that a requested device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use {wanted}: {reason}; `--device cpu` trains on the CPU, `mien doctor` reports more")]
pub struct DeviceError {
    wanted: DeviceRequest,
    reason: String,
}

/// A CUDA device that the driver reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CudaDevice {
    /// The name that the device reports.
    pub name: String,
    /// The reason why it cannot be used; `None` if it can.
    pub fault: Option<String>,
    /// The folder name of its kernel cache: device name, architecture, and the compiler's version.
    pub kernel_cache_name: String,
}

/// Returns the CUDA devices that the driver reports.
///
/// # Errors
/// A message that names the missing part, if no device can be used.
pub fn cuda_devices() -> Result<Vec<CudaDevice>, String> {
    #[cfg(feature = "cuda")]
    return cuda::devices();
    #[cfg(not(feature = "cuda"))]
    Err("this mien was built without CUDA (cargo feature `cuda`)".into())
}

/// Returns the PCI address of a CUDA device (`0000:3b:00.0`), by which other programs name it. `None` for the CPU, and
/// where the driver does not report it.
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

/// Returns the folder name of a CUDA device's kernel cache; `None` for the CPU.
#[must_use]
pub fn kernel_cache_name(kind: DeviceKind) -> Option<String> {
    let DeviceKind::Cuda(ordinal) = kind else { return None };
    Some(cuda_devices().ok()?.into_iter().nth(ordinal as usize)?.kernel_cache_name)
}

/// Returns the bytes of a CUDA device's memory; `None` for the CPU, and where the driver does not report them.
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

/// Returns the device for a request: for `auto` the first usable CUDA device, else the CPU.
///
/// # Errors
/// If a CUDA device is requested by number and cannot be used.
pub fn choose(request: DeviceRequest) -> Result<Device, DeviceError> {
    let error = |reason| DeviceError { wanted: request, reason };
    match request {
        DeviceRequest::Cpu => Ok(cpu(None)),
        DeviceRequest::Auto => choose_automatic(cuda_devices(), convolutions).map_err(error),
        DeviceRequest::Cuda(ordinal) => {
            choose_named(cuda_devices().map_err(error)?, ordinal, convolutions).map_err(error)
        }
    }
}

/// The environment variable that selects the program for convolutions on CUDA devices.
const CONVOLUTIONS: &str = "MIEN_CONVOLUTIONS";

/// Program that computes convolutions on CUDA devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convolutions {
    /// Burn's kernels, which are compiled and tuned for each shape.
    Burn,
    /// NVIDIA's cuDNN of this version, such as 91002.
    Cudnn(usize),
}

impl std::fmt::Display for Convolutions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Burn => f.write_str("burn's kernels"),
            Self::Cudnn(version) => {
                write!(f, "cuDNN {}.{}.{}", version / 10_000, version / 100 % 100, version % 100)
            }
        }
    }
}

/// Returns the program that convolves on the CUDA devices of this process. `MIEN_CONVOLUTIONS` may name it; otherwise
/// it is cuDNN where it is found, else burn's kernels.
///
/// # Errors
/// A message, if the variable names neither, or names cuDNN and it is not found.
pub fn convolutions() -> Result<Convolutions, String> {
    static FOUND: std::sync::OnceLock<Result<Convolutions, String>> = std::sync::OnceLock::new();
    FOUND.get_or_init(|| choose_convolutions(std::env::var(CONVOLUTIONS).ok().as_deref(), cudnn())).clone()
}

/// Returns a sentence with the program that convolves on CUDA devices, and advice where it is the slow one.
#[must_use]
pub fn describe_convolutions() -> String {
    match (convolutions(), cudnn()) {
        (Ok(Convolutions::Burn), Err(missing)) => {
            format!("convolutions by {}, which are much slower than cuDNN's: {missing}", Convolutions::Burn)
        }
        (Ok(Convolutions::Burn), Ok(_)) => {
            format!("convolutions by {}, because {CONVOLUTIONS} asks for them", Convolutions::Burn)
        }
        (Ok(by), _) => format!("convolutions by {by}"),
        (Err(wrong), _) => wrong,
    }
}

/// Returns, once, why burn's kernels run some blocks although cuDNN was found. The device's description names only
/// cuDNN.
pub(crate) fn take_refusal() -> Option<String> {
    #[cfg(feature = "cuda")]
    return crate::model::kernels::cuda::take_refusal();
    #[cfg(not(feature = "cuda"))]
    None
}

/// Returns whether `MIEN_CONVOLUTIONS` requires cuDNN, so that burn's kernels may not replace it.
#[cfg(feature = "cuda")]
pub(crate) fn cudnn_is_required() -> bool {
    std::env::var(CONVOLUTIONS).is_ok_and(|named| named.trim() == "cudnn")
}

/// Returns whether cuDNN convolves on the CUDA devices of this process.
#[cfg(feature = "cuda")]
pub(crate) fn convolves_by_cudnn() -> bool {
    matches!(convolutions(), Ok(Convolutions::Cudnn(_)))
}

/// Returns the version of cuDNN, or why it cannot be used.
fn cudnn() -> Result<usize, String> {
    #[cfg(feature = "cuda")]
    return crate::model::kernels::cuda::version().map_err(|error| error.to_string());
    #[cfg(not(feature = "cuda"))]
    Err("this mien was built without CUDA (cargo feature `cuda`)".into())
}

fn choose_convolutions(variable: Option<&str>, cudnn: Result<usize, String>) -> Result<Convolutions, String> {
    match (variable.map(str::trim), cudnn) {
        (None | Some("" | "auto" | "cudnn"), Ok(version)) => Ok(Convolutions::Cudnn(version)),
        (None | Some("" | "auto" | "burn"), _) => Ok(Convolutions::Burn),
        (Some("cudnn"), Err(missing)) => Err(format!("{CONVOLUTIONS} is cudnn, but {missing}")),
        (Some(other), _) => Err(format!("{CONVOLUTIONS} is '{}': use auto, burn or cudnn", printable(other))),
    }
}

/// Finds the program for convolutions. Called only where there is a device, because it loads libraries.
type FindConvolutions = fn() -> Result<Convolutions, String>;

fn choose_automatic(found: Result<Vec<CudaDevice>, String>, find: FindConvolutions) -> Result<Device, String> {
    let devices = match found {
        Ok(devices) => devices,
        Err(reason) => return Ok(cpu(Some(reason))),
    };
    let usable = (0..).zip(&devices).find(|(_, device)| device.fault.is_none());
    Ok(match (usable, devices.first()) {
        (Some((ordinal, device)), _) => cuda_device(ordinal, &device.name, find()?),
        (None, Some(CudaDevice { name, fault: Some(fault), .. })) => cpu(Some(format!("{name}: {fault}"))),
        (None, _) => cpu(Some("there is no CUDA device".into())),
    })
}

fn choose_named(devices: Vec<CudaDevice>, ordinal: u32, find: FindConvolutions) -> Result<Device, String> {
    let count = devices.len();
    match devices.into_iter().nth(ordinal as usize) {
        Some(CudaDevice { fault: Some(fault), .. }) => Err(fault),
        Some(device) => Ok(cuda_device(ordinal, &device.name, find()?)),
        None => Err(format!("there are {count} CUDA devices, counted from 0")),
    }
}

fn cuda_device(ordinal: u32, name: &str, by: Convolutions) -> Device {
    let description = match by {
        Convolutions::Burn => name.to_owned(),
        Convolutions::Cudnn(_) => format!("{name}, {by}"),
    };
    Device { kind: DeviceKind::Cuda(ordinal), description, note: None }
}

fn cpu(note: Option<String>) -> Device {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let plural = if threads == 1 { "" } else { "s" };
    Device { kind: DeviceKind::Cpu, description: format!("CPU, {threads} thread{plural}"), note }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_always_gets_a_device_and_a_reason_for_the_cpu() {
        let device = choose(DeviceRequest::Auto).expect("a device");
        assert_eq!(device.kind == DeviceKind::Cpu, device.note.is_some());
    }

    #[test]
    fn a_faulty_device_is_skipped_by_auto_and_refused_by_number() {
        let device = |name: &str, fault: Option<&str>| CudaDevice {
            name: name.into(),
            fault: fault.map(str::to_owned),
            kernel_cache_name: "sm_90-nvrtc-13.0".into(),
        };
        let two = vec![device("old", Some("too old")), device("new", None)];
        let burn = || Ok(Convolutions::Burn);
        let chosen = choose_automatic(Ok(two.clone()), burn).expect("a device");
        assert_eq!((chosen.kind, chosen.description.as_str()), (DeviceKind::Cuda(1), "new"));
        assert_eq!(choose_named(two.clone(), 0, burn), Err("too old".into()));
        assert_eq!(choose_named(two.clone(), 1, burn).expect("usable").kind, DeviceKind::Cuda(1));
        assert!(choose_named(two.clone(), 2, burn).expect_err("not there").contains("2 CUDA devices"));
        let cudnn = choose_automatic(Ok(two.clone()), || Ok(Convolutions::Cudnn(91_400))).expect("a device");
        assert_eq!(cudnn.description, "new, cuDNN 9.14.0");
        let wrong = || Err("MIEN_CONVOLUTIONS is 'x'".to_owned());
        assert!(choose_automatic(Ok(two.clone()), wrong).is_err() && choose_named(two.clone(), 1, wrong).is_err());
        let left = choose_automatic(Ok(two[..1].to_vec()), wrong).expect("the CPU");
        assert_eq!((left.kind, left.note.as_deref()), (DeviceKind::Cpu, Some("old: too old")));
        let note = |found| choose_automatic(found, wrong).expect("the CPU").note;
        assert_eq!(note(Ok(Vec::new())).as_deref(), Some("there is no CUDA device"));
        assert_eq!(note(Err("no driver".into())).as_deref(), Some("no driver"));
    }

    #[test]
    fn cudnn_convolves_where_it_is_found_unless_the_variable_names_burn() {
        let missing = || Err("no cuDNN".to_owned());
        for (variable, cudnn, expected) in [
            (None, Ok(91_400), Ok(Convolutions::Cudnn(91_400))),
            (Some(" auto "), Ok(91_400), Ok(Convolutions::Cudnn(91_400))),
            (Some("burn"), Ok(91_400), Ok(Convolutions::Burn)),
            (None, missing(), Ok(Convolutions::Burn)),
            (Some(""), missing(), Ok(Convolutions::Burn)),
            (Some("cudnn"), missing(), Err("MIEN_CONVOLUTIONS is cudnn, but no cuDNN".to_owned())),
            (Some("cuda"), missing(), Err("MIEN_CONVOLUTIONS is 'cuda': use auto, burn or cudnn".to_owned())),
        ] {
            assert_eq!(choose_convolutions(variable, cudnn), expected, "{variable:?}");
        }
        assert_eq!(Convolutions::Cudnn(91_402).to_string(), "cuDNN 9.14.2");
    }

    #[test]
    fn a_missing_device_is_refused_with_advice() {
        let error = choose(DeviceRequest::Cuda(4096)).expect_err("no such device").to_string();
        assert!(error.starts_with("cannot use cuda:4096: ") && error.contains("--device cpu"), "{error}");
    }
}
