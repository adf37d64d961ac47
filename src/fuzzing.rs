//! What is handed bytes from outside, by name: the targets of `fuzz/`, which the ordinary tests run over the inputs
//! that fuzzing kept. Built for fuzzing and for tests alone.
//!
//! A target fails by panicking, by taking too much memory or time, and where words that it would show could steer a
//! terminal.

use crate::data::import::hostile as import;
use crate::runs::hostile as runs;
#[cfg(feature = "dashboard")]
use crate::tui::tests::fuzz as tui;
use crate::weights::import::hostile as weights;

/// A target: any bytes at all must be dealt with.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its file in `fuzz/fuzz_targets/` and of its folder in `fuzz/corpus/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("archive", import::archive),
    ("image", import::image),
    ("csv", import::csv),
    ("hdf5", weights::hdf5),
    ("safetensors", weights::safetensors),
    ("pickle", weights::pickle),
    ("events", runs::events),
    ("files", runs::files),
    ("folds", runs::folds),
    ("predictions", runs::predictions),
    ("query", runs::query),
    ("dataset", crate::data::hostile::dataset),
    #[cfg(feature = "dashboard")]
    ("input", tui::input),
    #[cfg(feature = "dashboard")]
    ("config", tui::config),
];

/// Runs a target over these bytes.
///
/// # Panics
/// Where there is no such target, and where the target fails.
pub fn run(name: &str, bytes: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(target, _)| *target == name).expect("a target of the table");
    target(bytes);
}

/// Lets a decoder panic without ending the fuzzer: those of pictures are other people's, and a picture that makes one
/// panic costs that picture.
#[cfg(fuzzing)]
pub fn forgive_caught_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::TARGETS;

    fn kept(folder: &str, target: &str) -> Vec<PathBuf> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(target);
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }

    #[test]
    fn what_fuzzing_kept_and_what_it_once_broke_is_dealt_with() {
        for (name, target) in TARGETS {
            let corpus = kept("corpus", name);
            assert!(!corpus.is_empty(), "fuzz/corpus/{name} is empty");
            for path in corpus.into_iter().chain(kept("found", name)) {
                // So that a failure says which.
                println!("{}", path.display());
                target(&fs::read(&path).expect("read"));
            }
        }
    }
}
