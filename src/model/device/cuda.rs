//! Checks the CUDA installation: `driver` and `toolkit` find its parts, `compatibility` compares their versions.

mod compatibility;
mod driver;
mod toolkit;

pub(super) use driver::{memory, pci_slot};

use super::CudaDevice;

const NONE: &str = "the NVIDIA driver finds no device; CUDA_VISIBLE_DEVICES, if it is set, may hide it";

/// Returns all devices in the driver's order, if burn's requirements for any of them are met.
///
/// # Errors
/// A message that names the first missing part.
pub(super) fn devices() -> Result<Vec<CudaDevice>, String> {
    let found = driver::devices()?;
    if found.devices.is_empty() {
        return Err(NONE.into());
    }
    let compiler = toolkit::load_compiler()?;
    toolkit::find_headers()?;
    if let Some(fault) = compatibility::of_driver(found.version, compiler) {
        return Err(fault);
    }
    let checked = |(name, capability): (String, compatibility::Version)| CudaDevice {
        fault: compatibility::of_device(capability, compiler),
        kernel_cache_name: compatibility::kernel_cache_name(&name, capability, compiler),
        name,
    };
    Ok(found.devices.into_iter().map(checked).collect())
}
