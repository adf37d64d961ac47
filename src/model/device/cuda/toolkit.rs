//! Finds the run-time compiler (NVRTC), and the headers that compiled kernels include.

#![allow(unsafe_code, reason = "the compiler has a C interface")]

use std::ffi::c_int;
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

use super::compatibility::Version;

const NAMES: [&str; 4] = ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so"];

/// Headers that burn's kernels include, each with the packages that contain it: NVIDIA's for Debian and Ubuntu, pip's.
const HEADERS: [(&str, &str); 4] = [
    ("cuda_runtime.h", "cuda-cudart-dev, or pip: nvidia-cuda-runtime"),
    ("cuda_fp16.h", "cuda-cudart-dev, or pip: nvidia-cuda-runtime"),
    ("mma.h", "cuda-crt, or pip: nvidia-cuda-crt"),
    ("cuda/barrier", "cuda-cccl, or pip: nvidia-cuda-cccl"),
];

/// Loads NVRTC and returns its version. It stays loaded, so that burn's look-up by name finds it even outside the
/// loader's path.
///
/// # Errors
/// A message with advice, if it is not found.
pub(super) fn load_compiler() -> Result<Version, String> {
    const LIBRARY_FOLDERS: [&str; 3] = ["lib64", "targets/x86_64-linux/lib", "lib"];
    let mut candidates: Vec<PathBuf> = NAMES.iter().map(PathBuf::from).collect();
    for folder in folders() {
        for libraries in LIBRARY_FOLDERS {
            candidates.extend(NAMES.iter().map(|name| folder.join(libraries).join(name)));
        }
    }
    for path in candidates {
        // SAFETY: NVRTC's initialisers have no preconditions; it stays loaded, so no pointer into it can dangle.
        let Ok(library) = (unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) }) else { continue };
        let version = version_of(&library);
        std::mem::forget(library);
        return version.ok_or_else(|| format!("{} does not report its version", path.display()));
    }
    Err("CUDA's run-time compiler (libnvrtc.so) was not found: install the CUDA toolkit (Debian and Ubuntu: \
         nvidia-cuda-toolkit, or cuda-nvrtc from NVIDIA; pip: nvidia-cuda-nvrtc), or set CUDA_PATH to it"
        .into())
}

fn version_of(library: &Library) -> Option<Version> {
    let (mut major, mut minor): (c_int, c_int) = (0, 0);
    // SAFETY: the signature is that of nvrtc.h, unchanged since CUDA 7, and the pointers are to live locals.
    let status = unsafe {
        let version = library.get::<unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int>(b"nvrtcVersion\0").ok()?;
        version(&raw mut major, &raw mut minor)
    };
    (status == 0).then_some(Version { major, minor })
}

/// Checks for the headers in the one folder where burn's run-time compilation looks.
///
/// # Errors
/// A message that names the missing header.
pub(super) fn find_headers() -> Result<(), String> {
    let there = |path: &Path| path.is_file();
    let named = std::env::var_os("CUDA_PATH").map(PathBuf::from);
    let folder = toolkit_folder(named, &|path| path.exists());
    let lacking = folder.as_deref().map(|folder| missing(folder, &there));
    if lacking == Some(None) {
        return Ok(());
    }
    let elsewhere = versioned_toolkits().into_iter().find(|folder| missing(folder, &there).is_none());
    Err(describe_missing(folder.as_deref(), lacking.flatten(), elsewhere.as_deref()))
}

/// Returns a message with the missing part and a remedy; `elsewhere` is a toolkit that is complete.
fn describe_missing(folder: Option<&Path>, lacking: Option<(&str, &str)>, elsewhere: Option<&Path>) -> String {
    let (what, bring) = match folder.zip(lacking) {
        Some((folder, (header, package))) => (
            format!("the CUDA header {header} was not found in {}", folder.join("include").display()),
            format!(
                "install it (NVIDIA's packages for Debian and Ubuntu: {package}), or set CUDA_PATH to a toolkit that has it"
            ),
        ),
        None => (
            "the CUDA headers were not found: there is no /usr/local/cuda and no /opt/cuda".to_owned(),
            "install the CUDA toolkit (Debian and Ubuntu: nvidia-cuda-toolkit), or set CUDA_PATH to it".to_owned(),
        ),
    };
    match elsewhere {
        Some(toolkit) => format!("{what}; {} has them all: set CUDA_PATH to it", toolkit.display()),
        None => format!("{what}: {bring}"),
    }
}

/// Returns toolkits with a version in their name, which burn uses only where `CUDA_PATH` names them.
fn versioned_toolkits() -> Vec<PathBuf> {
    let of_cuda = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("cuda-"));
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/local")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(of_cuda)
        .collect();
    found.sort();
    found
}

/// Returns the folder that burn uses: the `named` one, else the first usual one that exists; /usr if it contains the
/// compiler.
fn toolkit_folder(named: Option<PathBuf>, exists: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    let usual = [("/usr/local/cuda", "/usr/local/cuda"), ("/opt/cuda", "/opt/cuda"), ("/usr/bin/nvcc", "/usr")];
    named.or_else(|| usual.iter().find(|(sign, _)| exists(Path::new(sign))).map(|(_, folder)| PathBuf::from(folder)))
}

/// Returns the first header that `folder` lacks, with its packages.
fn missing(folder: &Path, is_file: &dyn Fn(&Path) -> bool) -> Option<(&'static str, &'static str)> {
    let there =
        |header: &str| ["include", "include/cccl"].iter().any(|include| is_file(&folder.join(include).join(header)));
    HEADERS.into_iter().find(|(header, _)| !there(header))
}

/// Returns the folders in which a toolkit may be.
fn folders() -> Vec<PathBuf> {
    let named = std::env::var_os("CUDA_PATH").map(PathBuf::from);
    let usual = ["/usr/local/cuda", "/opt/cuda", "/usr"].map(PathBuf::from);
    named.into_iter().chain(usual).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(there: &[&str]) -> impl Fn(&Path) -> bool {
        let there: Vec<PathBuf> = there.iter().map(PathBuf::from).collect();
        move |path| there.iter().any(|there| there == path)
    }

    #[test]
    fn headers_are_looked_for_where_the_compilation_looks() {
        let at = |named: Option<&str>, there: &[&str]| toolkit_folder(named.map(PathBuf::from), &among(there));
        assert_eq!(at(None, &[]), None);
        assert_eq!(at(None, &["/usr/bin/nvcc"]), Some("/usr".into()));
        assert_eq!(at(None, &["/usr/local/cuda", "/usr/bin/nvcc"]), Some("/usr/local/cuda".into()));
        assert_eq!(
            at(Some("/elsewhere"), &["/usr/local/cuda"]),
            Some("/elsewhere".into()),
            "named, so no other is taken"
        );
    }

    #[test]
    fn a_missing_part_is_reported_with_a_remedy() {
        let (folder, lacking) = (Path::new("/usr/local/cuda"), ("mma.h", "cuda-crt, or pip: nvidia-cuda-crt"));
        let elsewhere = Path::new("/usr/local/cuda-13.0");
        for (message, parts) in [
            (describe_missing(None, None, None), ["there is no /usr/local/cuda", "nvidia-cuda-toolkit"]),
            (describe_missing(None, None, Some(elsewhere)), ["there is no /usr/local/cuda", "set CUDA_PATH to it"]),
            (
                describe_missing(Some(folder), Some(lacking), None),
                ["mma.h was not found in /usr/local/cuda/include", "cuda-crt, or pip"],
            ),
            (
                describe_missing(Some(folder), Some(lacking), Some(elsewhere)),
                ["mma.h was not found", "/usr/local/cuda-13.0 has them all"],
            ),
        ] {
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        }
    }

    #[test]
    fn the_first_missing_header_is_named_with_its_package() {
        let mut there = vec!["/c/include/cuda_runtime.h", "/c/include/cuda_fp16.h", "/c/include/mma.h"];
        let found = |there: &[&str]| missing(Path::new("/c"), &among(there)).map(|(header, _)| header);
        assert_eq!(found(&there), Some("cuda/barrier"));
        assert_eq!(found(&there[..1]), Some("cuda_fp16.h"));
        assert_eq!(found(&[]), Some("cuda_runtime.h"));
        there.push("/c/include/cccl/cuda/barrier");
        assert_eq!(found(&there), None);
    }
}
