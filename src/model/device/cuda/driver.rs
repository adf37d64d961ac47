//! Queries the NVIDIA driver for its version and its devices.

#![allow(unsafe_code, reason = "the driver has a C interface")]

use std::ffi::{CStr, c_char, c_int, c_uint};

use libloading::os::unix::{Library, RTLD_NOW};

use super::compatibility::Version;

const SUCCESS: c_int = 0;
const NO_DEVICE: c_int = 100;

/// The attributes of cuda.h for the two parts of a device's compute capability.
const CAPABILITY: [c_int; 2] = [75, 76];

/// The initialized driver.
pub(super) struct Driver {
    /// The newest CUDA version that it supports.
    pub(super) version: Version,
    /// Name and compute capability of each device.
    pub(super) devices: Vec<(String, Version)>,
}

/// A driver function that writes one number.
type NumberQuery = unsafe extern "C" fn(*mut c_int) -> c_int;

/// Initializes the driver and lists its devices.
///
/// # Errors
/// A message, if there is no driver or a call fails.
pub(super) fn devices() -> Result<Driver, String> {
    // SAFETY: loading runs the driver library's initialisers, which is what every CUDA program does.
    let library = unsafe { Library::open(Some("libcuda.so.1"), RTLD_NOW) }.map_err(|_| {
        "there is no NVIDIA driver (libcuda.so.1 was not found): install it (Ubuntu: `ubuntu-drivers install`, Debian: \
             `apt install nvidia-driver`); in a container, start that with `--gpus all`"
            .to_owned()
    })?;
    let failed = |what: &str, code: c_int| format!("the NVIDIA driver {what} (error {code})");
    // SAFETY: the signatures are those of cuda.h, unchanged since CUDA 5. Every pointer is to a live local of the right
    // type and size, and device names end with NUL within the given length.
    unsafe {
        let init = library.get::<unsafe extern "C" fn(c_uint) -> c_int>(b"cuInit\0").map_err(|e| e.to_string())?;
        let version = library.get::<NumberQuery>(b"cuDriverGetVersion\0").map_err(|e| e.to_string())?;
        let count = library.get::<NumberQuery>(b"cuDeviceGetCount\0").map_err(|e| e.to_string())?;
        let name = library
            .get::<unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int>(b"cuDeviceGetName\0")
            .map_err(|e| e.to_string())?;
        let attribute = library
            .get::<unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int>(b"cuDeviceGetAttribute\0")
            .map_err(|e| e.to_string())?;
        match init(0) {
            SUCCESS => {}
            NO_DEVICE => return Err(super::NONE.into()),
            code => {
                return Err(format!(
                    "the NVIDIA driver does not start (cuInit: error {code}); `nvidia-smi` reports more"
                ));
            }
        }
        let query = |function: NumberQuery, what: &str| {
            let mut number: c_int = 0;
            match function(&raw mut number) {
                SUCCESS => Ok(number),
                code => Err(failed(what, code)),
            }
        };
        let number = query(*version, "does not report its version")?;
        let devices = (0..query(*count, "does not count its devices")?)
            .map(|ordinal| {
                const LENGTH: usize = 256;
                let mut buffer: [c_char; LENGTH] = [0; LENGTH];
                let named = match name(buffer.as_mut_ptr(), 255, ordinal) {
                    SUCCESS => CStr::from_ptr(buffer.as_ptr()).to_string_lossy().into_owned(),
                    code => return Err(failed(&format!("does not name device {ordinal}"), code)),
                };
                let mut parts: [c_int; 2] = [0; 2];
                for (part, which) in parts.iter_mut().zip(CAPABILITY) {
                    match attribute(part, which, ordinal) {
                        SUCCESS => {}
                        code => {
                            return Err(failed(&format!("does not report the capability of device {ordinal}"), code));
                        }
                    }
                }
                Ok((named, Version { major: parts[0], minor: parts[1] }))
            })
            .collect::<Result<_, String>>()?;
        Ok(Driver { version: Version { major: number / 1000, minor: number % 1000 / 10 }, devices })
    }
}

/// Returns the PCI address of the device with this ordinal, if the driver reports it. [`devices`] has initialized the
/// driver.
pub(in super::super) fn pci_slot(ordinal: u32) -> Option<String> {
    const LENGTH: usize = 64;
    let ordinal = c_int::try_from(ordinal).ok()?;
    let mut buffer: [c_char; LENGTH] = [0; LENGTH];
    // SAFETY: as in `devices`. The signature is that of cuda.h, the pointer is to a live local of the given length, and
    // the driver ends the text with NUL within it. An uninitialized driver returns an error.
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

/// Returns the bytes of memory of the device with this ordinal, if the driver reports them. [`devices`] has initialized
/// the driver.
pub(in super::super) fn memory(ordinal: u32) -> Option<u64> {
    let ordinal = c_int::try_from(ordinal).ok()?;
    let mut bytes: usize = 0;
    // SAFETY: as in `devices`. The signature is that of cuda.h since CUDA 3.2, and the pointer is to a live local. An
    // uninitialized driver returns an error.
    unsafe {
        let library = Library::open(Some("libcuda.so.1"), RTLD_NOW).ok()?;
        let total = library.get::<unsafe extern "C" fn(*mut usize, c_int) -> c_int>(b"cuDeviceTotalMem_v2\0").ok()?;
        (total(&raw mut bytes, ordinal) == SUCCESS).then_some(bytes as u64)
    }
}
