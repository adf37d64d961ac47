//! Looks at the CUDA installation by hand.

#![allow(unsafe_code, reason = "the driver has a C interface")]

use std::ffi::{CStr, c_char, c_int, c_uint};
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

const SUCCESS: c_int = 0;
const NO_DEVICE: c_int = 100;
const NVRTC_NAMES: [&str; 4] = ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so"];

/// The names of all devices, in the driver's order, if everything that burn needs is there.
///
/// # Errors
/// The first thing that is missing, in words.
pub(super) fn usable_devices() -> Result<Vec<String>, String> {
    let names = device_names()?;
    if names.is_empty() {
        return Err("the NVIDIA driver finds no device".into());
    }
    load_nvrtc()?;
    find_headers()?;
    Ok(names)
}

fn device_names() -> Result<Vec<String>, String> {
    // SAFETY: loading runs the driver library's initialisers, which is what every CUDA program does.
    let library = unsafe { Library::open(Some("libcuda.so.1"), RTLD_NOW) }
        .map_err(|_| "there is no NVIDIA driver (libcuda.so.1 was not found)".to_owned())?;
    // SAFETY: the signatures are those of cuda.h, unchanged since CUDA 2; every pointer passed is to a live local
    // of the right type and size, and device names are NUL-terminated within the given length.
    unsafe {
        let init = library.get::<unsafe extern "C" fn(c_uint) -> c_int>(b"cuInit\0").map_err(|e| e.to_string())?;
        let count = library
            .get::<unsafe extern "C" fn(*mut c_int) -> c_int>(b"cuDeviceGetCount\0")
            .map_err(|e| e.to_string())?;
        let name = library
            .get::<unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int>(b"cuDeviceGetName\0")
            .map_err(|e| e.to_string())?;
        match init(0) {
            SUCCESS => {}
            NO_DEVICE => return Err("the NVIDIA driver finds no device".into()),
            code => {
                return Err(format!(
                    "the NVIDIA driver does not start (cuInit: error {code}); `nvidia-smi` tells more"
                ));
            }
        }
        let mut devices: c_int = 0;
        match count(&raw mut devices) {
            SUCCESS => {}
            code => return Err(format!("the NVIDIA driver does not count its devices (error {code})")),
        }
        (0..devices)
            .map(|ordinal| {
                const LENGTH: usize = 256;
                let mut buffer: [c_char; LENGTH] = [0; LENGTH];
                match name(buffer.as_mut_ptr(), 255, ordinal) {
                    SUCCESS => Ok(CStr::from_ptr(buffer.as_ptr()).to_string_lossy().into_owned()),
                    code => Err(format!("the NVIDIA driver does not name device {ordinal} (error {code})")),
                }
            })
            .collect()
    }
}

/// Where the device of this ordinal is plugged in, if the driver tells. The driver was started by [`usable_devices`].
pub(super) fn pci_slot(ordinal: u32) -> Option<String> {
    const LENGTH: usize = 64;
    let ordinal = c_int::try_from(ordinal).ok()?;
    let mut buffer: [c_char; LENGTH] = [0; LENGTH];
    // SAFETY: as in `device_names`: the signature is that of cuda.h, the pointer is to a live local with room for the
    // given length, and what comes is NUL-terminated within it. Before the driver is started it only says so.
    unsafe {
        let library = Library::open(Some("libcuda.so.1"), RTLD_NOW).ok()?;
        let slot =
            library.get::<unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int>(b"cuDeviceGetPCIBusId\0").ok()?;
        match slot(buffer.as_mut_ptr(), 63, ordinal) {
            SUCCESS => Some(CStr::from_ptr(buffer.as_ptr()).to_string_lossy().into_owned()),
            _ => None,
        }
    }
}

/// Bytes of memory that the device of this ordinal has, if the driver tells. It was started by [`usable_devices`].
pub(super) fn memory(ordinal: u32) -> Option<u64> {
    let ordinal = c_int::try_from(ordinal).ok()?;
    let mut bytes: usize = 0;
    // SAFETY: as in `device_names`: the signature is that of cuda.h since CUDA 3.2, and the pointer is to a live local.
    // Before the driver is started it only says so.
    unsafe {
        let library = Library::open(Some("libcuda.so.1"), RTLD_NOW).ok()?;
        let total = library.get::<unsafe extern "C" fn(*mut usize, c_int) -> c_int>(b"cuDeviceTotalMem_v2\0").ok()?;
        (total(&raw mut bytes, ordinal) == SUCCESS).then_some(bytes as u64)
    }
}

/// Loads NVRTC and keeps it loaded, so that burn's own look-up by name finds it even off the loader's path.
fn load_nvrtc() -> Result<(), String> {
    const LIBRARY_FOLDERS: [&str; 3] = ["lib64", "targets/x86_64-linux/lib", "lib"];
    let mut candidates: Vec<PathBuf> = NVRTC_NAMES.iter().map(PathBuf::from).collect();
    for folder in cuda_folders() {
        for libraries in LIBRARY_FOLDERS {
            candidates.extend(NVRTC_NAMES.iter().map(|name| folder.join(libraries).join(name)));
        }
    }
    for path in candidates {
        // SAFETY: NVRTC's initialisers have no preconditions; it stays loaded, so no pointer into it can dangle.
        if let Ok(library) = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) } {
            std::mem::forget(library);
            return Ok(());
        }
    }
    Err("CUDA's run-time compiler (libnvrtc.so) was not found: install the CUDA toolkit (Debian and Ubuntu: \
         nvidia-cuda-toolkit, or cuda-nvrtc from NVIDIA), or set CUDA_PATH to it"
        .into())
}

fn find_headers() -> Result<(), String> {
    let folders = cuda_folders();
    if folders.iter().any(|folder| folder.join("include/cuda_runtime.h").is_file()) {
        return Ok(());
    }
    let looked: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    Err(format!(
        "the CUDA headers (include/cuda_runtime.h) were not found in {}: install the CUDA toolkit, or set CUDA_PATH \
         to it",
        looked.join(", ")
    ))
}

/// Where a toolkit may be, in the order in which burn's run-time compilation looks.
fn cuda_folders() -> Vec<PathBuf> {
    let named = std::env::var_os("CUDA_PATH").map(PathBuf::from);
    let usual = ["/usr/local/cuda", "/opt/cuda", "/usr"].map(|path| Path::new(path).to_owned());
    named.into_iter().chain(usual).collect()
}
