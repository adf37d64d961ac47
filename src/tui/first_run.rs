//! Decides whether the first steps are shown: once for each user. A file in the user's state folder records it. Without
//! a writable folder they are never shown; otherwise they would appear at every start.

use std::fs::{self, File};
use std::path::Path;

use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};

/// Records that this user saw the first steps. Returns true on the first call, and false ever after.
pub(super) fn claim() -> bool {
    let Ok(folders) = choose_base_strategy() else { return false };
    let folder = folders.state_dir().unwrap_or_else(|| folders.data_dir()).join("mien");
    claim_in(&folder)
}

fn claim_in(folder: &Path) -> bool {
    fs::create_dir_all(folder).and_then(|()| File::create_new(folder.join("first-steps-shown"))).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_steps_are_due_once_and_never_without_a_writable_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("state/mien");
        assert_eq!([claim_in(&inside), claim_in(&inside)], [true, false]);
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        assert_eq!([claim_in(&file), claim_in(&file)], [false, false]);
    }
}
