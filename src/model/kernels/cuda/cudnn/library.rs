//! Finds cuDNN and the driver, and converts their errors.

use std::ffi::c_int;
use std::path::{Path, PathBuf};

use cudarc::cudnn::result::{self as call, CudnnError};
use cudarc::cudnn::sys;
use cudarc::driver::sys::{self as driver, CUresult};

use super::Sizes;

/// The parts of cuDNN that it loads at the first convolution.
const PARTS: [&str; 6] = ["graph", "ops", "cnn", "heuristic", "engines_precompiled", "engines_runtime_compiled"];

/// The first CUDA version of the driver in which a context records events.
const CONTEXT_EVENTS: c_int = 12_050;

/// Returns the version of cuDNN, such as 91002.
///
/// # Errors
/// If there is none, its major version is not 9, a part of it is missing, or the driver is too old.
pub(crate) fn version() -> Result<usize, LibraryError> {
    // SAFETY: this loads the libraries and gives them back.
    if !unsafe { sys::is_culib_present() && driver::is_culib_present() } {
        return Err(LibraryError::Missing);
    }
    // SAFETY: the library was found above, and stays loaded from here on.
    unsafe { sys::culib() };
    // Without one of its parts, cuDNN ends the process at the first call.
    let folder = loaded_from("libcudnn.so");
    let is_there = |part: &&str| {
        let name = format!("libcudnn_{part}.so.9");
        folder.as_ref().is_some_and(|folder| folder.join(&name).exists())
            // SAFETY: this loads a library of cuDNN and gives it back.
            || unsafe { libloading::Library::new(name) }.is_ok()
    };
    if let Some(part) = PARTS.iter().find(|part| !is_there(part)) {
        return Err(LibraryError::Part(part));
    }
    let version = call::get_version();
    if !(90_000..100_000).contains(&version) {
        return Err(LibraryError::Version(version));
    }
    let mut driver = 0;
    // SAFETY: the call writes to the given pointer.
    check_driver_result(unsafe { driver::cuDriverGetVersion(&raw mut driver) }, "report its version")?;
    if driver < CONTEXT_EVENTS {
        return Err(LibraryError::OldDriver(driver));
    }
    Ok(version)
}

/// Returns the folder from which a library of this process was loaded; `None` where the system does not report it.
fn loaded_from(name: &str) -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps.lines().filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
    let mut found = path.filter(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name)));
    found.next()?.parent().map(Path::to_owned)
}

/// The errors of cuDNN and of the driver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LibraryError {
    /// There is no library of cuDNN.
    #[error("cuDNN (libcudnn.so.9) was not found: install it, or add its folder to LD_LIBRARY_PATH")]
    Missing,
    /// A library that the first one loads is missing.
    #[error("cuDNN is incomplete: libcudnn_{0}.so.9 was not found next to it; install all of cuDNN 9")]
    Part(&'static str),
    /// The major version is not 9.
    #[error("cuDNN {0} cannot be used: install version 9")]
    Version(usize),
    /// The driver does not record events of a context.
    #[error("the driver is for CUDA {}.{}: cuDNN needs one for CUDA 12.5 or newer", .0 / 1000, .0 % 1000 / 10)]
    OldDriver(c_int),
    /// A size is too large for a C function.
    #[error("cuDNN takes no size of {0}")]
    Size(usize),
    /// cuDNN has no algorithm for these sizes.
    #[error("cuDNN has no algorithm for {gradient}'s gradient within {most} bytes for {sizes:?}")]
    NoAlgorithm {
        /// `an input` or `a filter`.
        gradient: &'static str,
        /// The most bytes of workspace.
        most: usize,
        /// The sizes of the convolution.
        sizes: Sizes,
    },
    /// A call of cuDNN failed.
    #[error("cuDNN cannot {doing}: {status:?}")]
    Call {
        /// The attempted operation.
        doing: &'static str,
        /// The status that it returned.
        status: sys::cudnnStatus_t,
    },
    /// A call of the driver failed.
    #[error("the driver cannot {doing}: {status:?}")]
    Driver {
        /// The attempted operation.
        doing: &'static str,
        /// The status that it returned.
        status: CUresult,
    },
    /// The runtime does not find a tensor's memory.
    #[error("a tensor has no memory: {0}")]
    NoMemory(String),
}

/// Converts the result of a call of cuDNN.
pub(super) fn check_call_result<T>(result: Result<T, CudnnError>, doing: &'static str) -> Result<T, LibraryError> {
    result.map_err(|error| LibraryError::Call { doing, status: error.0 })
}

/// Returns whether a status is not one of cuDNN's "not supported" (3000 to 3999).
pub(super) fn supported(status: sys::cudnnStatus_t) -> bool {
    !(3000..4000).contains(&(status as u32))
}

/// Converts the result of a call of the driver.
pub(super) fn check_driver_result(result: CUresult, doing: &'static str) -> Result<(), LibraryError> {
    result.result().map_err(|error| LibraryError::Driver { doing, status: error.0 })
}

/// Converts the result of creating a descriptor.
pub(super) fn check_created<T>(descriptor: Result<T, CudnnError>) -> Result<T, LibraryError> {
    check_call_result(descriptor, "make a descriptor")
}
