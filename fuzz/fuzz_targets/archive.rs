//! Target `archive`: see src/fuzzing.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: mien::fuzzing::silence_caught_panics(),
    |bytes: &[u8]| mien::fuzzing::run("archive", bytes)
);
