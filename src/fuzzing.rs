//! The fuzz targets of `fuzz/` by name, for fuzzing and tests only: the readers of bytes from outside.
//!
//! A target fails by panicking, by exceeding memory or time, or by returning text with terminal control characters.
//! Ordinary tests run every target over the saved inputs of the fuzzer.

use crate::data::import::hostile as import;
use crate::runs::hostile as runs;
#[cfg(feature = "dashboard")]
use crate::tui::tests::fuzz as tui;
use crate::weights::import::hostile as weights;

/// A fuzz target: it must accept any bytes without panicking.
pub type Target = fn(&[u8]);

/// All targets by name, which is also the name of the file in `fuzz/fuzz_targets/` and of the folder in `fuzz/corpus/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("archive", import::archive),
    ("image", import::image),
    ("csv", import::csv),
    ("labels", import::labels),
    ("hdf5", weights::hdf5),
    ("safetensors", weights::safetensors),
    ("pickle", weights::pickle),
    ("numpy", weights::numpy),
    ("events", runs::events),
    ("files", runs::files),
    ("folds", runs::folds),
    ("predictions", runs::predictions),
    ("query", runs::query),
    ("dataset", crate::data::hostile::dataset),
    ("frames", crate::homes::hostile::frames),
    #[cfg(feature = "dashboard")]
    ("input", tui::input),
    #[cfg(feature = "dashboard")]
    ("config", tui::config),
];

/// Runs the target `name` over these bytes.
///
/// # Panics
/// If no target has this name, or if the target fails.
pub fn run(name: &str, bytes: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(target, _)| *target == name).expect("a target of the table");
    target(bytes);
}

/// Silences the panic hook. Otherwise a panic of an image decoder, which the import catches, would end the fuzzer.
#[cfg(fuzzing)]
pub fn silence_caught_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::TARGETS;

    fn saved_inputs(folder: &str, target: &str) -> Vec<PathBuf> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(target);
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }

    #[test]
    fn saved_inputs_and_former_failures_pass() {
        for (name, target) in TARGETS {
            let corpus = saved_inputs("corpus", name);
            assert!(!corpus.is_empty(), "fuzz/corpus/{name} is empty");
            for path in corpus.into_iter().chain(saved_inputs("found", name)) {
                // Captured output names the input of a failure.
                println!("{}", path.display());
                target(&fs::read(&path).expect("read"));
            }
        }
    }
}
