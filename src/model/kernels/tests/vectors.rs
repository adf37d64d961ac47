//! Runs all tests of the kernels again, in processes with vectors of other widths than this CPU's.

use std::process::Command;

use super::super::lanes::{TEST_LANES, lanes};

#[test]
fn vectors_of_any_width_give_the_same() {
    if std::env::var_os(TEST_LANES).is_some() {
        return;
    }
    for width in [1, 4, 16] {
        let program = std::env::current_exe().expect("the tests themselves");
        let run = Command::new(program)
            .args(["model::kernels::tests", "--test-threads", "2"])
            .env(TEST_LANES, width.to_string())
            .output()
            .expect("starts");
        let printed = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{width} numbers in a vector:\n{printed}");
        // Checks that the other test of this module ran in that process.
        assert!(printed.contains("vectors_are_as_wide_as_pretended ... ok"), "{printed}");
    }
}

#[test]
fn vectors_are_as_wide_as_pretended() {
    let Some(width) = std::env::var(TEST_LANES).ok() else { return };
    assert_eq!(lanes().to_string(), width);
}
