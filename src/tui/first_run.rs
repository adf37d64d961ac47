//! Whether the first steps are shown: once for each user. A file in the user's folder for states remembers it; where
//! that cannot be written they are not shown, because they would come again every time.

use std::fs::{self, File};
use std::path::Path;

use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};

/// Whether this is the first time; from now on it is not.
pub(super) fn is_first() -> bool {
    let Ok(folders) = choose_base_strategy() else { return false };
    let folder = folders.state_dir().unwrap_or_else(|| folders.data_dir()).join("mien");
    is_first_in(&folder)
}

fn is_first_in(folder: &Path) -> bool {
    fs::create_dir_all(folder).and_then(|()| File::create_new(folder.join("first-steps-shown"))).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_comes_once_and_never_where_nothing_can_be_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("state/mien");
        assert_eq!([is_first_in(&inside), is_first_in(&inside)], [true, false]);
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        assert_eq!([is_first_in(&file), is_first_in(&file)], [false, false]);
    }
}
