//! Lists and tables of labels: a file name and a class, or votes for each class, in every row.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::super::ImportError;
use super::super::listing::{Kind, Listing, Location, SourceBytes, SourceFile};
use super::Label;
use super::columns::{LabelRows, parse};
use crate::domain::number_text;
use crate::domain::text::printable;

/// The largest file of labels, in bytes.
const LARGEST: u64 = 512 << 20;

/// The largest file that is searched for labels without being named, in bytes.
const LARGEST_CANDIDATE: u64 = 16 << 20;

/// The number of files that are searched for labels without being named.
const MOST_CANDIDATES: usize = 20;

/// Endings that programs append to the name of an image that they cut out.
const APPENDED: [&str; 4] = ["_aligned", "_cropped", "_face", "_crop"];

/// The rows of files of labels.
#[derive(Debug, Default)]
pub(in super::super) struct LabelTable {
    by_key: HashMap<String, Entry>,
    /// Labels by the number of their row, from 1.
    by_number: Vec<Result<Label, String>>,
    files: Vec<String>,
}

#[derive(Debug)]
struct Entry {
    label: Result<Label, String>,
    used: Cell<bool>,
}

/// Reads the files that the options name, on disk or inside the source.
pub(super) fn read(
    source: &Path,
    files: &[PathBuf],
    listing: &Listing,
    contents: &SourceBytes,
) -> Result<LabelTable, ImportError> {
    let mut rows = LabelTable::default();
    for file in files {
        let shown = file.to_string_lossy();
        let wrong = |reason: String| ImportError::Layout { path: source.to_owned(), reason };
        let inside: Vec<(&str, Location)> = texts(listing)
            .filter(|(path, _)| *path == shown || path.ends_with(&format!("/{shown}")))
            .map(|(path, at)| (path, at.clone()))
            .collect();
        let found = match fs::metadata(file) {
            // A file inside the source has the folder to which its names are relative.
            Ok(_) if inside.is_empty() => vec![("", Location::File(file.clone()))],
            Err(error) if inside.is_empty() => {
                let reason = format!(
                    "--labels '{}': there is no such file ({error}), and the source has none of that name",
                    printable(&shown)
                );
                return Err(wrong(reason));
            }
            _ => inside,
        };
        for (path, at) in found {
            let name = if path.is_empty() { &*shown } else { path };
            let bad = |reason: String| wrong(format!("the labels '{}': {reason}", printable(name)));
            let bytes = contents.read(&at, LARGEST).map_err(|error| bad(error.to_string()))?;
            rows.add(path, name, parse(&bytes, name).map_err(bad)?);
        }
    }
    Ok(rows)
}

/// Returns the texts and tables of a source.
fn texts(listing: &Listing) -> impl Iterator<Item = (&str, &Location)> {
    let texts = listing.files.iter().filter(|file| file.kind == Kind::Text);
    let texts = texts.filter_map(|file| Some((file.path.as_str(), file.at.as_ref()?)));
    texts.chain(listing.tables.iter().map(|table| (table.path.as_str(), &table.at)))
}

/// Returns the rows of FERPlus's votes beside most images.
pub(super) fn find_votes(listing: &Listing, contents: &SourceBytes) -> Option<LabelTable> {
    let mut rows = LabelTable::default();
    for (path, parsed) in candidates(listing, contents).filter(|(_, parsed)| parsed.are_votes) {
        rows.add(path, path, parsed);
    }
    let images = || listing.files.iter().filter(|file| file.is_image());
    (rows.covered(images()) * 2 > images().count()).then_some(rows)
}

/// Returns the file that labels most images, if it labels a third of them.
pub(super) fn find_candidate(listing: &Listing, contents: &SourceBytes, images: &[&SourceFile]) -> Option<String> {
    let covering = candidates(listing, contents).map(|(path, parsed)| {
        let mut rows = LabelTable::default();
        rows.add(path, path, parsed);
        (rows.covered(images.iter().copied()), path)
    });
    let (covered, path) = covering.max_by_key(|(covered, _)| *covered)?;
    (covered * 3 >= images.len().max(1)).then(|| printable(path))
}

/// Returns the files that may hold labels, read.
fn candidates<'a>(listing: &'a Listing, contents: &'a SourceBytes) -> impl Iterator<Item = (&'a str, LabelRows)> {
    let endings = [".csv", ".txt", ".tsv", ".lst"];
    let named = texts(listing).filter(move |(path, _)| endings.iter().any(|ending| path.ends_with(ending)));
    // One text for each image is another layout.
    named.take(MOST_CANDIDATES).filter_map(|(path, at)| {
        let bytes = contents.read(at, LARGEST_CANDIDATE).ok()?;
        Some((path, parse(&bytes, path).ok()?))
    })
}

impl LabelTable {
    /// Adds the rows of a file; `path` is its path inside the source, empty if it is outside.
    fn add(&mut self, path: &str, name: &str, parsed: LabelRows) {
        let folder = path.rsplit_once('/').map(|(folder, _)| folder);
        for row in parsed.rows {
            self.by_number.push(row.label.clone());
            let Some(key) = row.key else { continue };
            if let Some(folder) = folder {
                self.insert(format!("{folder}/{key}"), &row.label);
            }
            self.insert(key, &row.label);
        }
        self.files.push(name.to_owned());
    }

    fn insert(&mut self, key: String, label: &Result<Label, String>) {
        let entry = self.by_key.entry(key).or_insert_with(|| Entry { label: label.clone(), used: Cell::new(false) });
        if entry.label != *label {
            entry.label = Err("has two different classes in the labels".into());
        }
    }

    /// Returns the label of an image. The error is the reason why it has none.
    pub(in super::super) fn of(&self, path: &str) -> Result<Label, String> {
        let Some(entry) = self.find(path) else { return Err(format!("is not in the labels of {}", self.names())) };
        entry.used.set(true);
        entry.label.clone()
    }

    /// Returns the label of a table's row, from 1.
    pub(in super::super) fn of_row(&self, number: u64) -> Result<Label, String> {
        let row = usize::try_from(number).ok().and_then(|number| self.by_number.get(number.checked_sub(1)?));
        row.cloned().unwrap_or_else(|| Err(format!("is not in the labels of {}", self.names())))
    }

    /// Finds the row of an image by its path, by the end of its path, or by its name. The ending, and what programs
    /// append to names, may be missing.
    fn find(&self, path: &str) -> Option<&Entry> {
        let starts = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1));
        let (stem, ending) = path.rsplit_once('.').unwrap_or((path, ""));
        let shorter = APPENDED.iter().find_map(|appended| stem.strip_suffix(appended));
        starts.clone().find_map(|start| self.by_key.get(&path[start..])).or_else(|| {
            starts.clone().find_map(|start| {
                let shorter = shorter.and_then(|stem| stem.get(start..));
                self.by_key
                    .get(stem.get(start..)?)
                    .or_else(|| self.by_key.get(&format!("{}.{ending}", shorter?)))
                    .or_else(|| self.by_key.get(shorter?))
            })
        })
    }

    fn covered<'a>(&self, images: impl Iterator<Item = &'a SourceFile>) -> usize {
        images.filter(|image| self.find(&image.path).is_some()).count()
    }

    fn names(&self) -> String {
        self.files.iter().map(|name| printable(name)).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn describe(&self) -> String {
        let rows = number_text::count(self.by_number.len(), "row", "rows");
        format!("classes are from the labels in {} ({rows})", self.names())
    }

    pub(super) fn uses(&self, path: &str) -> bool {
        self.files.iter().any(|file| file == path)
    }

    /// Returns the number of names that are no image of the source, and one of them.
    pub(in super::super) fn unused(&self) -> Option<(u64, String)> {
        let used: HashSet<&str> =
            self.by_key.iter().filter(|(_, entry)| entry.used.get()).map(|(key, _)| name(key)).collect();
        let mut unused: Vec<&str> =
            self.by_key.keys().map(|key| name(key)).filter(|name| !used.contains(name)).collect();
        unused.sort_unstable();
        unused.dedup();
        unused.first().map(|first| (unused.len() as u64, (*first).to_owned()))
    }
}

fn name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_by_its_path_or_name() {
        let mut rows = LabelTable::default();
        let text = "image,label\nx/a.jpg,path\na.jpg,name\nb,stem\nc.jpg,cut\nd.jpg,one\nd.jpg,two\n";
        rows.add("meta/l.csv", "meta/l.csv", parse(text.as_bytes(), "l.csv").expect("rows"));
        let class = |path: &str| rows.of(path).map(|label| label.class);
        let table = [("set/x/a.jpg", "path"), ("y/a.jpg", "name"), ("b.png", "stem"), ("q/c_aligned.jpg", "cut")];
        for (path, expected) in table {
            assert_eq!(class(path).as_deref(), Ok(expected), "{path}");
        }
        assert!(
            class("d.jpg").expect_err("two").contains("two different classes")
                && class("e.jpg").expect_err("none").contains("l.csv")
        );
        assert_eq!(rows.of_row(2).map(|label| label.class).as_deref(), Ok("name"));
    }
}
