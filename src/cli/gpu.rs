//! What `doctor` says of graphics processors. Apart, because only a build with the trainer can ask the driver.

/// One line a fact; never empty.
#[cfg(feature = "trainer")]
pub(super) fn gpu_lines() -> Vec<String> {
    match crate::model::device::cuda_devices() {
        Ok(names) => names.iter().enumerate().map(|(ordinal, name)| format!("cuda:{ordinal} {name}")).collect(),
        Err(reason) => vec![format!("no CUDA device, runs train on the processor: {reason}")],
    }
}

/// One line a fact; never empty.
#[cfg(not(feature = "trainer"))]
pub(super) fn gpu_lines() -> Vec<String> {
    vec!["unknown: this mien was built without the trainer".into()]
}
