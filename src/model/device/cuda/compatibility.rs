//! Checks whether driver, run-time compiler and devices are compatible, by versions of NVIDIA's release notes.

use std::fmt;

/// A version of CUDA, or a device's compute capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub(super) major: i32,
    pub(super) minor: i32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

const fn version(major: i32, minor: i32) -> Version {
    Version { major, minor }
}

/// The first version of NVRTC that compiles for devices of this capability and above, up to the next row.
const COMPILES_FROM: [(Version, Version); 5] = [
    (version(8, 0), version(11, 0)),
    (version(8, 6), version(11, 1)),
    (version(8, 9), version(11, 8)),
    (version(10, 0), version(12, 8)),
    (version(10, 3), version(12, 9)),
];

/// The least capability for which NVRTC compiles from a version on.
const DROPPED: [(Version, Version); 2] = [(version(12, 0), version(5, 0)), (version(13, 0), version(7, 5))];

/// Returns a message if the compiler is newer than the CUDA version that the driver supports. A driver does not load
/// the output of a newer compiler.
pub(super) fn of_driver(driver: Version, compiler: Version) -> Option<String> {
    (compiler > driver).then(|| {
        format!(
            "CUDA's run-time compiler (libnvrtc) is of version {compiler}, and the driver loads nothing newer than CUDA \
             {driver}: update the driver, or install the compiler of that version ({})",
            packages(driver)
        )
    })
}

/// Returns a message if the compiler does not compile for a device of this capability.
pub(super) fn of_device(capability: Version, compiler: Version) -> Option<String> {
    let needed = COMPILES_FROM.iter().rev().find(|(from, _)| capability >= *from);
    if let Some((_, needed)) = needed
        && compiler < *needed
    {
        let packages = packages(*needed);
        return Some(format!(
            "CUDA's run-time compiler (libnvrtc) is of version {compiler}, and a device of compute capability {capability} \
             takes {needed} or newer: {packages}"
        ));
    }
    let dropped = DROPPED.iter().rev().find(|(from, _)| compiler >= *from);
    let (_, least) = dropped.filter(|(_, least)| capability < *least)?;
    Some(format!(
        "its compute capability is {capability}, and CUDA's run-time compiler (libnvrtc) of version {compiler} asks for {least}: \
         install an older one"
    ))
}

/// Returns the packages that contain the compiler of a version.
fn packages(Version { major, minor }: Version) -> String {
    format!(
        "NVIDIA's packages for Debian and Ubuntu: cuda-nvrtc-{major}-{minor}; pip: 'nvidia-cuda-nvrtc{}=={major}.{minor}.*'",
        if major < 13 { format!("-cu{major}") } else { String::new() }
    )
}

/// Returns the folder name of a kernel cache. Kernels are compiled for one architecture by one compiler, and tuned on
/// one device.
pub(super) fn kernel_cache_name(name: &str, capability: Version, compiler: Version) -> String {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{name}-sm-{capability}-nvrtc-{compiler}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_are_named_by_device_and_compiler() {
        assert_eq!(kernel_cache_name("NVIDIA H200", version(9, 0), version(13, 0)), "NVIDIA-H200-sm-9.0-nvrtc-13.0");
        assert_eq!(kernel_cache_name("a/../b", version(8, 6), version(12, 9)), "a----b-sm-8.6-nvrtc-12.9");
    }

    #[test]
    fn a_compiler_newer_than_the_driver_is_named_with_what_to_install() {
        for (driver, compiler, fits) in [
            (version(13, 0), version(13, 0), true),
            (version(13, 0), version(12, 8), true),
            (version(13, 0), version(13, 2), false),
            (version(12, 4), version(12, 8), false),
            (version(12, 9), version(13, 0), false),
        ] {
            let message = of_driver(driver, compiler);
            assert_eq!(message.is_none(), fits, "{driver} {compiler}: {message:?}");
        }
        let message = of_driver(version(12, 4), version(13, 0)).expect("does not fit");
        assert!(
            message.contains("version 13.0") && message.contains("CUDA 12.4") && message.contains("cuda-nvrtc-12-4"),
            "{message}"
        );
        assert!(message.contains("'nvidia-cuda-nvrtc-cu12==12.4.*'"), "{message}");
    }

    #[test]
    fn a_device_is_refused_if_the_compiler_does_not_support_it() {
        for (capability, compiler, fits) in [
            (version(9, 0), version(13, 0), true),
            (version(9, 0), version(11, 7), false),
            (version(8, 0), version(11, 0), true),
            (version(8, 7), version(11, 0), false),
            (version(12, 0), version(12, 6), false),
            (version(12, 0), version(12, 9), true),
            (version(7, 0), version(12, 8), true),
            (version(7, 0), version(13, 0), false),
            (version(7, 5), version(13, 0), true),
            (version(3, 5), version(12, 0), false),
        ] {
            let message = of_device(capability, compiler);
            assert_eq!(message.is_none(), fits, "{capability} {compiler}: {message:?}");
        }
        let message = of_device(version(7, 0), version(13, 0)).expect("too old");
        assert!(message.contains("capability is 7.0") && message.contains("asks for 7.5"), "{message}");
    }
}
