//! From what stands on the command line, or in a list, to single pictures.

use std::fs;
use std::path::{Path, PathBuf};

use crate::data::import::{Pictures, pictures_in};
use crate::download;

/// One picture that is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// What it is called in what is told.
    pub(super) name: String,
    pub(super) at: At,
    /// The class that its folder says, as an index.
    pub(super) truth: Option<usize>,
}

/// Where a picture is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    File(PathBuf),
    Address(String),
    /// Nowhere, and why.
    Nowhere(String),
}

impl Source {
    pub(super) fn file(path: PathBuf) -> Self {
        Self { name: path.to_string_lossy().into_owned(), at: At::File(path), truth: None }
    }

    fn nowhere(name: &Path, why: impl Into<String>) -> Self {
        Self { name: name.to_string_lossy().into_owned(), at: At::Nowhere(why.into()), truth: None }
    }

    /// Bytes of its file, where that is known.
    pub(super) fn bytes(&self) -> u64 {
        match &self.at {
            At::File(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
            At::Address(_) | At::Nowhere(_) => 0,
        }
    }
}

/// The pictures that an argument or a line of a list means.
pub(super) fn pictures(given: &Path, classes: &[String]) -> Vec<Source> {
    if let Some(address) = given.to_str().filter(|text| download::is_address(text)) {
        return vec![Source { name: address.to_owned(), at: At::Address(address.to_owned()), truth: None }];
    }
    if given.is_dir() {
        return in_folder(given, classes);
    }
    match given.to_str().filter(|text| text.contains(['*', '?', '[']) && !given.exists()) {
        Some(pattern) => matching(given, pattern, classes),
        None => vec![Source::file(given.to_owned())],
    }
}

fn in_folder(folder: &Path, classes: &[String]) -> Vec<Source> {
    let Pictures { files, skipped } = match pictures_in(folder) {
        Err(error) => return vec![Source::nowhere(folder, error.to_string())],
        Ok(found) if found.files.is_empty() && found.skipped.is_empty() => {
            return vec![Source::nowhere(folder, "holds no pictures")];
        }
        Ok(found) => found,
    };
    let class = |inside: &str| {
        let (first, _) = inside.split_once('/')?;
        classes.iter().position(|class| class == first)
    };
    // One file beside the folders, or one folder of another name, and it is no folder of classes.
    let truths: Option<Vec<usize>> = files.iter().map(|(inside, _)| class(inside)).collect();
    let file = |(number, (_, path)): (usize, (String, PathBuf))| {
        let truth = truths.as_ref().map(|truths| truths[number]);
        Source { truth, ..Source::file(path) }
    };
    let skipped = skipped.into_iter().map(|skipped| Source::nowhere(&folder.join(skipped.source), skipped.reason));
    files.into_iter().enumerate().map(file).chain(skipped).collect()
}

/// A pattern that the shell did not expand.
fn matching(given: &Path, pattern: &str, classes: &[String]) -> Vec<Source> {
    match glob::glob(pattern) {
        Err(error) => vec![Source::nowhere(given, format!("is no pattern: {error}"))],
        Ok(paths) => {
            // Sorted by the crate; what cannot be read is told when it is opened.
            let found: Vec<PathBuf> = paths.map(|path| path.unwrap_or_else(|error| error.path().to_owned())).collect();
            if found.is_empty() {
                return vec![Source::nowhere(given, "there is no such file, and nothing matches it as a pattern")];
            }
            let each = |path: PathBuf| if path.is_dir() { in_folder(&path, classes) } else { vec![Source::file(path)] };
            found.into_iter().flat_map(each).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sources: &[Source], root: &Path) -> Vec<(String, Option<usize>)> {
        let inside = |name: &str| name.replace(&format!("{}/", root.display()), "");
        sources.iter().map(|source| (inside(&source.name), source.truth)).collect()
    }

    #[test]
    fn sources_are_what_they_look_like() {
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
        let of = |given: &str| names(&pictures(&root.join(given), &classes), root);
        let plain = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), None)).collect::<Vec<_>>();
        assert_eq!(of("set"), [("set/happy/a.jpg".to_owned(), Some(0)), ("set/sad/b.png".to_owned(), Some(1))]);
        assert_eq!(of("mixed"), plain(&["mixed/happy/a.png", "mixed/z.png"]));
        assert_eq!(of("set/*/*.png"), plain(&["set/sad/b.png"]));
        assert_eq!(of("[x].png"), plain(&["[x].png"]), "a file with the signs of a pattern in its name");
        let nowhere = |given: &str| match &pictures(&root.join(given), &classes)[0].at {
            At::Nowhere(why) => why.clone(),
            other => panic!("{other:?}"),
        };
        assert!(nowhere("empty").contains("holds no pictures"));
        assert!(nowhere("linked").contains("links are not followed"));
        assert!(nowhere("*.gif").contains("nothing matches"));
        let address = pictures(Path::new("https://example.org/a.jpg"), &classes);
        assert_eq!(address[0].at, At::Address("https://example.org/a.jpg".into()));
    }
}
