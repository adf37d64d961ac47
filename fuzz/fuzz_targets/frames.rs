//! Target `frames`: see src/fuzzing.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mien::fuzzing::run("frames", bytes));
