//! Checks of files by name, type and permission, regardless of content.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::HomeFinding;
use crate::domain::RunId;
use crate::runs::layout::RunFolder;

/// The prefix of the temporary files of interrupted writes.
const TEMPORARY: &str = ".tmp";

/// Write permission for all users.
const WORLD_WRITABLE: u32 = 0o002;

/// Checks every file of a run by its metadata, and the content of the small files that a person or the dashboard
/// writes.
pub(super) fn check(folder: &RunFolder, home: &Path, alive: bool) -> Vec<HomeFinding> {
    let mut findings = Vec::new();
    for (path, metadata) in walk(folder.path(), &mut findings) {
        findings.extend(check_file(&path, &metadata, home, alive));
    }
    if let Err(error) = folder.annotations() {
        findings.push(HomeFinding::damage(
            &folder.annotations_file(),
            error.to_string(),
            "tags, note and former names are lost: remove it",
        ));
    }
    if let Err(error) = folder.limits() {
        let advice = "the recipe's limits are in force: remove it, or use `mien set` again";
        findings.push(HomeFinding::damage(&folder.limits_file(), error.to_string(), advice));
    }
    if !alive && folder.stop_requested() && !folder.events_file().exists() {
        findings.push(HomeFinding::note(folder.path(), "a stop was requested before it began", ""));
    }
    findings
}

fn check_file(path: &Path, metadata: &Metadata, home: &Path, alive: bool) -> Option<HomeFinding> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if metadata.is_symlink() {
        let target = fs::canonicalize(path).ok();
        let home = fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
        return Some(match target {
            Some(target) if target.starts_with(&home) => HomeFinding::note(
                path,
                "is a symbolic link, which mien never creates",
                "replace it with the file itself",
            ),
            Some(target) => {
                let what = format!("is a symbolic link out of the home, to {}", target.display());
                HomeFinding::damage(path, what, "replace it with the file itself, or remove the link")
            }
            None => HomeFinding::damage(path, "is a symbolic link to nothing", "remove it"),
        });
    }
    if !metadata.is_file() && !metadata.is_dir() {
        return Some(HomeFinding::damage(path, "is neither a file nor a folder", "remove it"));
    }
    if metadata.permissions().mode() & WORLD_WRITABLE != 0 {
        return Some(HomeFinding::note(path, "can be changed by every user of this machine", "chmod o-w"));
    }
    if name.starts_with(TEMPORARY) && metadata.is_file() && !alive {
        let what = format!("is left over from a write that was interrupted ({} bytes)", metadata.len());
        return Some(HomeFinding::note(path, what, "nothing needs it: remove it"));
    }
    None
}

/// Returns a folder and everything in it, recursively, the folder first. Links become findings and are not followed.
fn walk(folder: &Path, findings: &mut Vec<HomeFinding>) -> Vec<(PathBuf, Metadata)> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            // A worker replaces and removes files all the time.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                findings.push(HomeFinding::damage(&path, error.to_string(), "check the permissions"));
                continue;
            }
        };
        if metadata.is_dir() {
            match fs::read_dir(&path) {
                Ok(entries) => waiting.extend(entries.filter_map(Result::ok).map(|entry| entry.path())),
                Err(error) => findings.push(HomeFinding::damage(&path, error.to_string(), "check the permissions")),
            }
        }
        found.push((path, metadata));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// Checks the folders that no list shows.
pub(super) fn check_other_folders(checkpoints: &Path) -> Vec<HomeFinding> {
    let Ok(entries) = fs::read_dir(checkpoints) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| check_other_folder(path)).collect()
}

fn check_other_folder(path: &Path) -> Option<HomeFinding> {
    let name = path.file_name()?.to_str().unwrap_or_default();
    if name.starts_with(crate::runs::manage::DELETED) {
        return Some(HomeFinding::note(
            path,
            "is left over from a deletion that was interrupted",
            "the next `mien delete` or `mien runs prune` removes it",
        ));
    }
    let folder = RunFolder::at(path);
    if !path.is_dir() || folder.recipe_file().exists() && RunId::new(name).is_ok() {
        return None;
    }
    if folder.recipe_file().exists() {
        return Some(HomeFinding::note(
            path,
            "holds a run, but its name is not valid for a run: no list shows it",
            "rename the folder",
        ));
    }
    let of_run = folder.events_file().exists() || !super::checkpoints::files(&folder).is_empty();
    let advice = "restore recipe.json from a copy, or remove the folder";
    of_run.then(|| HomeFinding::damage(path, "its recipe is gone: no list shows it and nothing can resume it", advice))
}
