//! Target `image`: see src/fuzzing.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: mien::fuzzing::forgive_caught_panics(),
    |bytes: &[u8]| mien::fuzzing::run("image", bytes)
);
