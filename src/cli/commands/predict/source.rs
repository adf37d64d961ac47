//! Expansion of arguments and lines of a list to single pictures.

use std::fs;
use std::path::{Path, PathBuf};

use crate::data::import::{Pictures, pictures_in};
use crate::download;

/// A picture to predict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// The name in the output.
    pub(super) name: String,
    pub(super) location: Location,
    /// The label of the class by which its folder is named.
    pub(super) true_label: Option<usize>,
}

/// The location of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    File(PathBuf),
    Address(String),
    /// There is no picture, for this reason.
    Unusable(String),
}

impl Source {
    pub(super) fn file(path: PathBuf) -> Self {
        Self { name: path.to_string_lossy().into_owned(), location: Location::File(path), true_label: None }
    }

    fn unusable(name: &Path, reason: impl Into<String>) -> Self {
        Self {
            name: name.to_string_lossy().into_owned(),
            location: Location::Unusable(reason.into()),
            true_label: None,
        }
    }

    /// Returns the size of the file in bytes; 0 if that is unknown.
    pub(super) fn bytes(&self) -> u64 {
        match &self.location {
            Location::File(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Location::Address(_) | Location::Unusable(_) => 0,
        }
    }
}

/// Returns the pictures of an argument or of a line of a list. Notes the reason if only some pictures of a folder are
/// in folders of these classes, so that it has no metrics.
pub(super) fn expand(given: &Path, classes: &[String], note: &mut dyn FnMut(String)) -> Vec<Source> {
    if let Some(address) = given.to_str().filter(|text| download::is_address(text)) {
        return vec![Source {
            name: address.to_owned(),
            location: Location::Address(address.to_owned()),
            true_label: None,
        }];
    }
    if given.is_dir() {
        return in_folder(given, classes, note);
    }
    match given.to_str().filter(|text| text.contains(['*', '?', '[']) && !given.exists()) {
        Some(pattern) => matching(given, pattern, classes, note),
        None => vec![Source::file(given.to_owned())],
    }
}

fn in_folder(folder: &Path, classes: &[String], note: &mut dyn FnMut(String)) -> Vec<Source> {
    let Pictures { files, skipped } = match pictures_in(folder) {
        Err(error) => return vec![Source::unusable(folder, error.to_string())],
        Ok(found) if found.files.is_empty() && found.skipped.is_empty() => {
            return vec![Source::unusable(folder, "holds no pictures")];
        }
        Ok(found) => found,
    };
    let class = |inside: &str| {
        let (first, _) = inside.split_once('/')?;
        classes.iter().position(|class| class == first)
    };
    // A file outside the class folders, or a folder of another name: not a folder of classes.
    let labels: Vec<Option<usize>> = files.iter().map(|(inside, _)| class(inside)).collect();
    if let Some(outside) = labels.iter().position(Option::is_none)
        && labels.iter().any(Option::is_some)
    {
        let (inside, _) = &files[outside];
        let reason = match inside.split_once('/') {
            Some((folder, _)) => format!("'{folder}' is not a class of the run, which has {}", classes.join(", ")),
            None => format!("{inside} is in no folder of a class"),
        };
        note(format!("{}: no accuracy is computed: {reason}", folder.display()));
    }
    let true_labels: Option<Vec<usize>> = labels.into_iter().collect();
    let file = |(number, (_, path)): (usize, (String, PathBuf))| {
        let true_label = true_labels.as_ref().map(|true_labels| true_labels[number]);
        Source { true_label, ..Source::file(path) }
    };
    let skipped = skipped.into_iter().map(|skipped| Source::unusable(&folder.join(skipped.source), skipped.reason));
    files.into_iter().enumerate().map(file).chain(skipped).collect()
}

/// Expands a pattern that the shell did not expand.
fn matching(given: &Path, pattern: &str, classes: &[String], note: &mut dyn FnMut(String)) -> Vec<Source> {
    match glob::glob(pattern) {
        Err(error) => vec![Source::unusable(given, format!("is not a valid pattern: {error}"))],
        Ok(paths) => {
            // Sorted by the crate. Unreadable paths are reported when they are opened.
            let found: Vec<PathBuf> = paths.map(|path| path.unwrap_or_else(|error| error.path().to_owned())).collect();
            if found.is_empty() {
                return vec![Source::unusable(given, "there is no such file, and nothing matches it as a pattern")];
            }
            let each = |path: PathBuf| {
                if path.is_dir() { in_folder(&path, classes, note) } else { vec![Source::file(path)] }
            };
            found.into_iter().flat_map(each).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sources: &[Source], root: &Path) -> Vec<(String, Option<usize>)> {
        let inside = |name: &str| name.replace(&format!("{}/", root.display()), "");
        sources.iter().map(|source| (inside(&source.name), source.true_label)).collect()
    }

    #[test]
    fn arguments_expand_to_pictures() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path();
        for file in
            ["set/sad/b.png", "set/happy/a.jpg", "set/happy/notes.txt", "mixed/happy/a.png", "mixed/z.png", "[x].png"]
        {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, "").expect("written");
        }
        fs::create_dir(root.join("empty")).expect("made");
        fs::create_dir(root.join("linked")).expect("made");
        std::os::unix::fs::symlink(root.join("set"), root.join("linked/set")).expect("linked");
        let classes = ["happy".to_owned(), "sad".to_owned()];
        let mut notes = Vec::new();
        let mut of = |given: &str| {
            names(
                &expand(&root.join(given), &classes, &mut |note| notes.push(note.replace(root.to_str().unwrap(), ""))),
                root,
            )
        };
        let plain = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), None)).collect::<Vec<_>>();
        assert_eq!(of("set"), [("set/happy/a.jpg".to_owned(), Some(0)), ("set/sad/b.png".to_owned(), Some(1))]);
        assert_eq!(of("mixed"), plain(&["mixed/happy/a.png", "mixed/z.png"]));
        assert_eq!(of("set/*/*.png"), plain(&["set/sad/b.png"]));
        assert_eq!(of("[x].png"), plain(&["[x].png"]), "a file with the signs of a pattern in its name");
        fs::rename(root.join("mixed/z.png"), root.join("set/z.png")).expect("moved");
        of("set");
        fs::create_dir(root.join("set/very sad")).expect("made");
        fs::rename(root.join("set/z.png"), root.join("set/very sad/z.png")).expect("moved");
        assert_eq!(of("set/very sad").len(), 1);
        of("set");
        assert_eq!(
            notes,
            [
                "/mixed: no accuracy is computed: z.png is in no folder of a class",
                "/set: no accuracy is computed: z.png is in no folder of a class",
                "/set: no accuracy is computed: 'very sad' is not a class of the run, which has happy, sad",
            ]
        );
        let reason = |given: &str| match &expand(&root.join(given), &classes, &mut |_| ())[0].location {
            Location::Unusable(reason) => reason.clone(),
            other => panic!("{other:?}"),
        };
        assert!(reason("empty").contains("holds no pictures"));
        assert!(reason("linked").contains("links are not followed"));
        assert!(reason("*.gif").contains("nothing matches"));
        let address = expand(Path::new("https://example.org/a.jpg"), &classes, &mut |_| ());
        assert_eq!(address[0].location, Location::Address("https://example.org/a.jpg".into()));
    }
}
