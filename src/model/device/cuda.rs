//! Looks at the CUDA installation by hand: `driver` and `toolkit` ask, `verdict` judges.

mod compatibility;
mod driver;
mod toolkit;

pub(super) use driver::{memory, pci_slot};

use super::CudaDevice;

const NONE: &str = "the NVIDIA driver finds no device; CUDA_VISIBLE_DEVICES, if it is set, may hide it";

/// All devices, in the driver's order, if what burn needs for any of them is there.
///
/// # Errors
/// The first thing that is missing, in words.
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
    let judged = |(name, capability): (String, compatibility::Version)| CudaDevice {
        fault: compatibility::of_device(capability, compiler),
        kernel_cache_name: compatibility::kernel_cache_name(&name, capability, compiler),
        name,
    };
    Ok(found.devices.into_iter().map(judged).collect())
}
