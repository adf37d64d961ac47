//! Whether folders, and the small files in them, changed since they were last looked at. Knows the file system's times.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::data::marked;
use crate::domain::DatasetName;
use crate::runs::Home;

/// A folder that is listed anew when it changes.
#[derive(Default)]
pub(super) struct Folder {
    /// When it last changed.
    changed: Option<SystemTime>,
    /// Whether it was listed as it is.
    listed: bool,
}

impl Folder {
    /// Lists the folder if it changed, was not listed yet, or could not be.
    pub(super) fn look<T>(
        &mut self,
        path: &Path,
        list: impl FnOnce() -> Result<T, String>,
    ) -> Option<Result<T, String>> {
        let changed = modified(path);
        if self.listed && changed == self.changed {
            return None;
        }
        self.changed = changed;
        let found = list();
        self.listed = found.is_ok();
        Some(found)
    }
}

/// The datasets' lists of doubtful images. The command line and other dashboards change them too, and the folder of
/// datasets does not tell.
#[derive(Default)]
pub(super) struct Marks {
    seen: Vec<(DatasetName, Option<SystemTime>)>,
}

impl Marks {
    /// Follows the lists of these datasets and no others. A list that is there already counts as changed: it may have
    /// been written since somebody read it.
    pub(super) fn follow(&mut self, datasets: impl Iterator<Item = DatasetName>) {
        let seen = |name: &DatasetName| self.seen.iter().find(|(known, _)| known == name).and_then(|(_, seen)| *seen);
        self.seen = datasets.map(|name| (name.clone(), seen(&name))).collect();
    }

    /// The datasets whose lists changed since.
    pub(super) fn changed(&mut self, home: &Home) -> Vec<DatasetName> {
        let mut changed = Vec::new();
        for (name, seen) in &mut self.seen {
            let now = changed_at(home, name);
            if now != *seen {
                *seen = now;
                changed.push(name.clone());
            }
        }
        changed
    }
}

fn changed_at(home: &Home, name: &DatasetName) -> Option<SystemTime> {
    modified(&home.dataset(name).join(marked::FILE_NAME))
}

/// When a file or folder last changed; none where it is not there.
pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_list_is_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::new(folder.path());
        let name = DatasetName::new("demo").expect("a name");
        let list = home.dataset(&name).join(marked::FILE_NAME);
        fs::create_dir_all(home.dataset(&name)).expect("a folder");
        let mut marks = Marks::default();
        marks.follow([name.clone()].into_iter());
        assert!(marks.changed(&home).is_empty());
        fs::write(&list, "{}").expect("written");
        assert_eq!([marks.changed(&home), marks.changed(&home)], [vec![name.clone()], vec![]]);
        fs::remove_file(&list).expect("removed");
        assert_eq!(marks.changed(&home), [name]);
    }
}
