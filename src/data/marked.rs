//! Marks of doubtful training images, candidates for wrong labels: the `marked.json` of a dataset.
//!
//! A run that leaves marked images out copies the list into its recipe. Otherwise a later mark would change an existing
//! run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::store::{Dataset, shown};
use crate::domain::text::printable;
use crate::domain::{LeftOutImages, RunId, Split};
use crate::durable::versioned::{FileError, FileKind, Problem};

/// The newest format that this program writes and reads.
pub const MARKED_VERSION: u32 = 1;

/// Name of the list in a dataset's folder.
pub const FILE_NAME: &str = "marked.json";

/// `marked.json`.
static KIND: FileKind =
    FileKind { name: "marks", newest: MARKED_VERSION, pretty: true, damaged: "is damaged", advice: "" };

/// A marked image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The image's index in the training split, from 0.
    pub index: u32,
    /// The image's name in the imported source, safe to print.
    pub source: String,
    /// The run whose predictions raised the doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The time of the mark, in milliseconds since 1970.
    pub at: u64,
}

/// The marked images of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The dataset's fingerprint; the indices are valid for that dataset only.
    pub fingerprint: String,
    /// The marks by ascending index, each index once.
    pub images: Vec<Mark>,
}

/// The reason why a list of marks cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum MarkedError {
    /// The list's file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The dataset was replaced since.
    #[error(
        "{}: the marks are of another dataset (fingerprint {}, now {}); remove them with `mien data unmark NAME --all`",
        shown(.path), printable(.marked), printable(.dataset)
    )]
    OtherDataset {
        /// The list's file.
        path: PathBuf,
        /// The fingerprint in the list.
        marked: String,
        /// The dataset's fingerprint now.
        dataset: String,
    },
    /// The dataset has no training image from this source.
    #[error(
        "no training image came from '{0}': give the path that `mien inspect` and the Data screen show, or a number"
    )]
    NoSource(String),
    /// The dataset has no such image.
    #[error("there is no training image {index}: there are {count}, counted from 0")]
    NoImage {
        /// The index given.
        index: u32,
        /// The number of training images.
        count: usize,
    },
    /// The image has no mark to remove.
    #[error("image {0} is not marked: nothing was changed")]
    NotMarked(u32),
}

/// Returns the number of the training image that a person names: by its number, from 0, or by its path in the imported
/// source.
///
/// # Errors
/// If no training image came from this path.
pub fn find(dataset: &Dataset, named: &str) -> Result<u32, MarkedError> {
    if let Ok(index) = named.parse() {
        return Ok(index);
    }
    let index = (0..dataset.len(Split::Train)).find(|index| dataset.source(Split::Train, *index) == named);
    let index = index.and_then(|index| u32::try_from(index).ok());
    index.ok_or_else(|| MarkedError::NoSource(printable(named)))
}

impl Marks {
    /// Returns an empty list for the dataset with this fingerprint.
    #[must_use]
    pub fn none(fingerprint: &str) -> Self {
        Self { fingerprint: fingerprint.to_owned(), images: Vec::new() }
    }

    /// Returns whether this training image is marked.
    #[must_use]
    pub fn contains(&self, index: u32) -> bool {
        self.position(index).is_ok()
    }

    fn position(&self, index: u32) -> Result<usize, usize> {
        self.images.binary_search_by_key(&index, |mark| mark.index)
    }

    /// Marks a training image and returns whether the list changed; an existing mark stays as it is.
    ///
    /// # Errors
    /// If the dataset has no such image.
    pub fn mark(&mut self, dataset: &Dataset, index: u32, run: Option<RunId>, at: u64) -> Result<bool, MarkedError> {
        let count = dataset.len(Split::Train);
        if index as usize >= count {
            return Err(MarkedError::NoImage { index, count });
        }
        let Err(position) = self.position(index) else { return Ok(false) };
        let source = dataset.source(Split::Train, index as usize);
        self.images.insert(position, Mark { index, source, run, at });
        Ok(true)
    }

    /// Removes a mark and returns whether there was one.
    pub fn unmark(&mut self, index: u32) -> bool {
        self.position(index).map(|position| self.images.remove(position)).is_ok()
    }

    fn check(&self, path: &Path, fingerprint: &str) -> Result<(), MarkedError> {
        if self.fingerprint != fingerprint {
            let (marked, dataset) = (self.fingerprint.clone(), fingerprint.to_owned());
            return Err(MarkedError::OtherDataset { path: path.to_owned(), marked, dataset });
        }
        if !self.images.windows(2).all(|pair| pair[0].index < pair[1].index) {
            let reason = "its images are not in ascending order, each once".to_owned();
            return Err(KIND.error(path, Problem::Malformed(reason)).into());
        }
        Ok(())
    }

    /// Returns the marked images as a recipe leaves them out.
    #[must_use]
    pub fn left_out(&self) -> LeftOutImages {
        let images = self.images.iter().map(|mark| mark.index).collect();
        LeftOutImages::new(images, self.images.iter().filter_map(|mark| mark.run.clone()).collect())
    }
}

/// Reads the list of the dataset in folder `dir` with this fingerprint; without a file, the list is empty.
///
/// # Errors
/// If the file cannot be read, is damaged, of a newer format, or of another dataset.
pub fn read(dir: &Path, fingerprint: &str) -> Result<Marks, MarkedError> {
    let path = dir.join(FILE_NAME);
    let marked = KIND.read(&path)?.unwrap_or_else(|| Marks::none(fingerprint));
    marked.check(&path, fingerprint)?;
    Ok(marked)
}

/// Changes the list of the dataset in folder `dir`, whose fingerprint is this, under the file's lock, and returns it.
///
/// # Errors
/// The errors of [`read`] and of `change`, and when the list cannot be locked or written; it is then as it was.
pub fn change(
    dir: &Path,
    fingerprint: &str,
    change: impl FnOnce(&mut Marks) -> Result<(), MarkedError>,
) -> Result<Marks, MarkedError> {
    let path = dir.join(FILE_NAME);
    KIND.update(&path, |before: Option<&Marks>| {
        let mut marked = before.cloned().unwrap_or_else(|| Marks::none(fingerprint));
        marked.check(&path, fingerprint)?;
        change(&mut marked)?;
        Ok(marked)
    })
}

/// Removes every mark, even of a damaged list or one of another dataset, and returns the empty list.
///
/// # Errors
/// If the list cannot be locked or written.
pub fn clear(dir: &Path, fingerprint: &str) -> Result<Marks, MarkedError> {
    let (path, none) = (dir.join(FILE_NAME), Marks::none(fingerprint));
    let _lock = KIND.lock(&path)?;
    KIND.write(&path, &none)?;
    Ok(none)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::data::manifest::ImageShape;
    use crate::data::writer::{StagingFolder, Writer, tests::description};
    use crate::domain::DatasetName;

    /// Returns a dataset of four training images, three of them of the first class.
    fn dataset(dir: &TempDir) -> Dataset {
        let image = ImageShape { width: 2, height: 2, channels: 1 };
        let staging = StagingFolder::open(dir.path(), &DatasetName::new("d").unwrap()).unwrap();
        let mut writer = Writer::new(staging, image, &["a".into(), "b".into()]).unwrap();
        for (index, label) in [0, 0, 0, 1].into_iter().enumerate() {
            writer.push(Split::Train, label, &[u8::try_from(index).unwrap(); 4], &format!("{index}.png")).unwrap();
        }
        writer.finish(description(), false).unwrap();
        Dataset::open(&dir.path().join("d")).unwrap()
    }

    #[test]
    fn marks_are_saved_and_removed_and_become_a_runs_left_out_images() {
        let dir = TempDir::new().unwrap();
        let dataset = dataset(&dir);
        let mut marked = read(dataset.dir(), dataset.fingerprint()).unwrap();
        assert!(marked.images.is_empty());
        let run = RunId::new("calm-heron").unwrap();
        assert!(marked.mark(&dataset, 2, Some(run.clone()), 5).unwrap());
        assert!(marked.mark(&dataset, 0, None, 6).unwrap());
        assert!(!marked.mark(&dataset, 2, None, 7).unwrap(), "it is marked already");
        let error = marked.mark(&dataset, 4, None, 8).unwrap_err().to_string();
        assert_eq!(error, "there is no training image 4: there are 4, counted from 0");
        let written = change(dataset.dir(), dataset.fingerprint(), |list| {
            list.clone_from(&marked);
            Ok(())
        });
        let written = written.unwrap();
        assert_eq!(written, marked);
        let again = read(dataset.dir(), dataset.fingerprint()).unwrap();
        assert_eq!(again, marked);
        assert_eq!(again.images[1], Mark { index: 2, source: "2.png".into(), run: Some(run.clone()), at: 5 });
        assert_eq!(again.left_out(), LeftOutImages::new(vec![0, 2], vec![run]));
        assert!(marked.unmark(0) && !marked.unmark(0) && !marked.contains(0));
    }

    #[test]
    fn marks_of_another_dataset_or_format_are_rejected_with_a_message() {
        let dir = TempDir::new().unwrap();
        let refused = |text: &str| {
            fs::write(dir.path().join(FILE_NAME), text).unwrap();
            read(dir.path(), "here").unwrap_err().to_string()
        };
        assert!(refused(r#"{"version":1,"fingerprint":"there","images":[]}"#).contains("another dataset"));
        assert!(refused(r#"{"version":9}"#).contains("use a newer mien"));
        assert!(refused("x").contains("damaged"));
        let mark = r#"{"index":1,"source":"x","at":1}"#;
        let twice = format!(r#"{{"version":1,"fingerprint":"here","images":[{mark},{mark}]}}"#);
        assert!(refused(&twice).contains("ascending"));
    }

    #[test]
    fn marks_of_several_writers_are_all_saved() {
        let dir = TempDir::new().unwrap();
        let dataset = dataset(&dir);
        std::thread::scope(|scope| {
            for index in 0..4 {
                let dataset = &dataset;
                let mark = move |list: &mut Marks| list.mark(dataset, index, None, 1).map(drop);
                scope.spawn(move || change(dataset.dir(), dataset.fingerprint(), mark).unwrap());
            }
        });
        let marked = read(dataset.dir(), dataset.fingerprint()).unwrap();
        assert_eq!(marked.images.iter().map(|mark| mark.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(clear(dataset.dir(), dataset.fingerprint()).unwrap().images.is_empty());
    }

    #[test]
    fn a_class_cannot_be_left_out_whole() {
        let dir = TempDir::new().unwrap();
        let manifest = dataset(&dir).manifest().clone();
        let check = |images: &[u32]| manifest.check_left_out(&LeftOutImages::new(images.to_vec(), Vec::new()));
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[0, 2]), Ok(()));
        let refused = |images| check(images).expect_err("refused").to_string();
        assert!(refused(&[0, 1, 2]).contains("all 3 training images of the class 'a'"));
        assert!(refused(&[3]).contains("class 'b'"));
        assert!(refused(&[4]).contains("there are 4 training images"));
    }
}
