//! Detects changes of folders and small files by their modification times.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::data::marked;
use crate::domain::DatasetName;
use crate::runs::Home;

/// A folder that is listed again when it changes.
#[derive(Default)]
pub(super) struct FolderWatch {
    /// The modification time at the last listing.
    modified: Option<SystemTime>,
    /// Whether the last listing succeeded.
    listed: bool,
}

impl FolderWatch {
    /// Lists the folder if it changed, was not listed yet, or could not be listed; else returns `None`.
    pub(super) fn list_if_changed<T>(
        &mut self,
        path: &Path,
        list: impl FnOnce() -> Result<T, String>,
    ) -> Option<Result<T, String>> {
        let changed = modified(path);
        if self.listed && changed == self.modified {
            return None;
        }
        self.modified = changed;
        let found = list();
        self.listed = found.is_ok();
        Some(found)
    }
}

/// The files of marked images of all datasets. Other programs change them too, and the folder of datasets does not
/// change with them.
#[derive(Default)]
pub(super) struct MarkWatch {
    seen: Vec<(DatasetName, Option<SystemTime>)>,
}

impl MarkWatch {
    /// Watches the files of these datasets and no others. An existing file counts as changed at first, because it may
    /// have been written since it was last read.
    pub(super) fn set_datasets(&mut self, datasets: impl Iterator<Item = DatasetName>) {
        let seen = |name: &DatasetName| self.seen.iter().find(|(known, _)| known == name).and_then(|(_, seen)| *seen);
        self.seen = datasets.map(|name| (name.clone(), seen(&name))).collect();
    }

    /// Returns the datasets whose files changed since the last call.
    pub(super) fn changed(&mut self, home: &Home) -> Vec<DatasetName> {
        let mut changed = Vec::new();
        for (name, seen) in &mut self.seen {
            let now = marks_modified(home, name);
            if now != *seen {
                *seen = now;
                changed.push(name.clone());
            }
        }
        changed
    }
}

fn marks_modified(home: &Home, name: &DatasetName) -> Option<SystemTime> {
    modified(&home.dataset(name).join(marked::FILE_NAME))
}

/// Returns the modification time of a file or folder; `None` if it does not exist.
pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_reported_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::new(folder.path());
        let name = DatasetName::new("demo").expect("a name");
        let list = home.dataset(&name).join(marked::FILE_NAME);
        fs::create_dir_all(home.dataset(&name)).expect("a folder");
        let mut marks = MarkWatch::default();
        marks.set_datasets([name.clone()].into_iter());
        assert!(marks.changed(&home).is_empty());
        fs::write(&list, "{}").expect("written");
        assert_eq!([marks.changed(&home), marks.changed(&home)], [vec![name.clone()], vec![]]);
        fs::remove_file(&list).expect("removed");
        assert_eq!(marks.changed(&home), [name]);
    }
}
