//! Marks of doubtful training images, candidates for wrong labels: the `marked.json` of a dataset.
//!
//! A run that leaves marked images out, or trains them with the class of their mark, copies the list into its recipe.
//! Otherwise a later mark would change an existing run.

pub mod table;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::store::{Dataset, shown};
use crate::domain::number_text::thousands;
use crate::domain::text::printable;
use crate::domain::{Corrections, LeftOutImages, RelabelledImage, RelabelledImages, RunId, Split};
use crate::durable::versioned::{FileError, FileKind, Problem};

/// The newest format that this program writes and reads.
pub const MARKED_VERSION: u32 = 2;

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
    /// The index of the class that the image should have; `None` if the label is only doubted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<u16>,
    /// The run whose predictions raised the doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The time of the mark, in milliseconds since 1970.
    pub at: u64,
}

/// A doubt about the label of a training image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubt {
    /// The index of the class that the image should have, if one is given.
    pub class: Option<u16>,
    /// The run whose predictions raised the doubt.
    pub run: Option<RunId>,
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
    #[error("there is no training image {index}: there are {}, counted from 0", thousands(*.count))]
    NoImage {
        /// The index given.
        index: u32,
        /// The number of training images.
        count: usize,
    },
    /// A mark has the class that the image has anyway.
    #[error("image {index} is labelled '{class}' already: name another class")]
    SameClass {
        /// The image's index.
        index: u32,
        /// The class, safe to print.
        class: String,
    },
    /// The dataset has no such class.
    #[error("the dataset has no class '{class}': its classes are {known}")]
    NoClass {
        /// The name or the index that was given.
        class: String,
        /// The names of the classes.
        known: String,
    },
    /// A table of marks cannot be read.
    #[error("cannot read the table {}: {source}", shown(.path))]
    Unreadable {
        /// The table.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A table of marks has a line that cannot be used.
    #[error("{}, line {line}: {reason}; no mark was changed", shown(.path))]
    Table {
        /// The table.
        path: PathBuf,
        /// The number of the line, from 1.
        line: u64,
        /// The reason.
        reason: String,
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

/// Returns the index of the class with this name.
///
/// # Errors
/// [`MarkedError::NoClass`] with the names of all classes.
pub fn class_named(dataset: &Dataset, name: &str) -> Result<u16, MarkedError> {
    let classes = (0_u16..).zip(&dataset.manifest().classes);
    let class = classes.into_iter().find(|(_, class)| class.name == name).map(|(index, _)| index);
    class.ok_or_else(|| no_class(dataset, name))
}

/// Checks that the dataset has this training image.
fn check_index(dataset: &Dataset, index: u32) -> Result<(), MarkedError> {
    let count = dataset.len(Split::Train);
    if (index as usize) < count { Ok(()) } else { Err(MarkedError::NoImage { index, count }) }
}

/// Checks that the dataset has the class, if one is given, and that a training image has another one.
fn check_class(dataset: &Dataset, index: u32, class: Option<u16>) -> Result<(), MarkedError> {
    let Some(class) = class else { return Ok(()) };
    let classes = &dataset.manifest().classes;
    let name = classes.get(usize::from(class)).map(|class| printable(&class.name));
    let name = name.ok_or_else(|| no_class(dataset, &class.to_string()))?;
    let is_same = dataset.label(Split::Train, index as usize) == usize::from(class);
    if is_same { Err(MarkedError::SameClass { index, class: name }) } else { Ok(()) }
}

fn no_class(dataset: &Dataset, class: &str) -> MarkedError {
    let known: Vec<String> = dataset.manifest().class_names().into_iter().map(printable).collect();
    MarkedError::NoClass { class: printable(class), known: known.join(", ") }
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

    /// Marks a training image, with the class that it should have if one is given. Returns whether the list changed.
    /// An existing mark changes its class only.
    ///
    /// # Errors
    /// If the dataset has no such image or class, or the image has this class.
    pub fn mark(&mut self, dataset: &Dataset, index: u32, doubt: Doubt, at: u64) -> Result<bool, MarkedError> {
        check_index(dataset, index)?;
        let Doubt { class, run } = doubt;
        check_class(dataset, index, class)?;
        match self.position(index) {
            Ok(position) if class.is_none() || self.images[position].class == class => Ok(false),
            Ok(position) => {
                self.images[position].class = class;
                Ok(true)
            }
            Err(position) => {
                let source = dataset.source(Split::Train, index as usize);
                self.images.insert(position, Mark { index, source, class, run, at });
                Ok(true)
            }
        }
    }

    /// Returns the mark of a training image, if any.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&Mark> {
        self.position(index).ok().map(|position| &self.images[position])
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

    /// Returns the marked images as a recipe leaves them out, with a class or not.
    #[must_use]
    pub fn left_out(&self) -> LeftOutImages {
        left_out(self.images.iter())
    }

    /// Returns the images to leave out, whose marks have no class, and those to train with the class of their mark.
    #[must_use]
    pub fn corrections(&self) -> Corrections {
        let image = |mark: &Mark| Some(RelabelledImage { index: mark.index, class: mark.class? });
        let runs = self.images.iter().filter(|mark| mark.class.is_some()).filter_map(|mark| mark.run.clone());
        Corrections {
            left_out: left_out(self.images.iter().filter(|mark| mark.class.is_none())),
            relabelled: RelabelledImages::new(self.images.iter().filter_map(image).collect(), runs.collect()),
        }
    }
}

fn left_out<'a>(marks: impl Iterator<Item = &'a Mark> + Clone) -> LeftOutImages {
    let images = marks.clone().map(|mark| mark.index).collect();
    LeftOutImages::new(images, marks.filter_map(|mark| mark.run.clone()).collect())
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

/// The marks of a replaced dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarriedMarks {
    /// The number of marks that the new dataset has.
    pub carried: usize,
    /// The sources of marked images that it has no more, or whose class it has not.
    pub lost: Vec<String>,
}

/// Marks the same images in `dataset`, in folder `dir`, which replaced the marked `former` one. Images are the same if
/// their pixels are. Where both datasets came `from_one_source`, source and class suffice: the size may be another.
///
/// # Errors
/// If the list cannot be locked or written.
pub fn carry_over(
    (former, marks): (&Dataset, &Marks),
    (dataset, dir): (&Dataset, &Path),
    from_one_source: bool,
) -> Result<CarriedMarks, MarkedError> {
    let names = (former.manifest().class_names(), dataset.manifest().class_names());
    let mut by_pixels: HashMap<&[u8], Vec<usize>> = HashMap::new();
    let mut by_file = HashMap::new();
    for (position, mark) in marks.images.iter().enumerate() {
        let index = mark.index as usize;
        by_pixels.entry(former.pixels(Split::Train, index)).or_default().push(position);
        if from_one_source {
            by_file.insert((mark.source.clone(), names.0.get(former.label(Split::Train, index))), position);
        }
    }
    let mut found: Vec<Option<u32>> = vec![None; marks.images.len()];
    for (index, number) in (0..dataset.len(Split::Train)).zip(0_u32..) {
        let source = dataset.source(Split::Train, index);
        for position in by_pixels.get(dataset.pixels(Split::Train, index)).into_iter().flatten() {
            // Of copies, that of the same name is meant.
            if found[*position].is_none() || marks.images[*position].source == source {
                found[*position] = Some(number);
            }
        }
        if let Some(position) = by_file.get(&(source, names.1.get(dataset.label(Split::Train, index)))) {
            found[*position] = Some(number);
        }
    }
    let class_now = |class: u16| {
        let name = names.0.get(usize::from(class))?;
        names.1.iter().position(|known| known == name).and_then(|index| u16::try_from(index).ok())
    };
    let mut result = CarriedMarks::default();
    change(dir, dataset.fingerprint(), |list| {
        for (mark, index) in marks.images.iter().zip(found) {
            let class = mark.class.map(class_now);
            let (Some(index), false) = (index, class == Some(None)) else {
                result.lost.push(mark.source.clone());
                continue;
            };
            match list.mark(dataset, index, Doubt { class: class.flatten(), run: mark.run.clone() }, mark.at) {
                // The new label is the class of the mark: the doubt is settled.
                Ok(_) | Err(MarkedError::SameClass { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        result.carried = list.images.len();
        Ok(())
    })?;
    Ok(result)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::data::manifest::ImageShape;
    use crate::data::writer::{StagingFolder, Writer, tests::description};
    use crate::domain::DatasetName;

    /// Returns a dataset of four training images, three of them of the first class.
    pub(crate) fn dataset(dir: &TempDir) -> Dataset {
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
        let found = Doubt { class: None, run: Some(run.clone()) };
        assert!(marked.mark(&dataset, 2, found, 5).unwrap());
        assert!(marked.mark(&dataset, 0, Doubt::default(), 6).unwrap());
        assert!(!marked.mark(&dataset, 2, Doubt::default(), 7).unwrap(), "it is marked already");
        let error = marked.mark(&dataset, 4, Doubt::default(), 8).unwrap_err().to_string();
        assert_eq!(error, "there is no training image 4: there are 4, counted from 0");
        let written = change(dataset.dir(), dataset.fingerprint(), |list| {
            list.clone_from(&marked);
            Ok(())
        });
        let written = written.unwrap();
        assert_eq!(written, marked);
        let again = read(dataset.dir(), dataset.fingerprint()).unwrap();
        assert_eq!(again, marked);
        assert_eq!(
            again.images[1],
            Mark { index: 2, source: "2.png".into(), class: None, run: Some(run.clone()), at: 5 }
        );
        assert_eq!(again.left_out(), LeftOutImages::new(vec![0, 2], vec![run]));
        assert_eq!(again.corrections(), again.left_out().into());
        assert!(marked.unmark(0) && !marked.unmark(0) && !marked.contains(0));
    }

    #[test]
    fn a_mark_with_a_class_relabels_the_image() {
        let dir = TempDir::new().unwrap();
        let dataset = dataset(&dir);
        let run = RunId::new("calm-heron").unwrap();
        let mut marks = Marks::none(dataset.fingerprint());
        let doubt = |class| Doubt { class, run: Some(run.clone()) };
        let refused =
            |marks: &mut Marks, class| marks.mark(&dataset, 1, doubt(Some(class)), 1).unwrap_err().to_string();
        assert_eq!(refused(&mut marks, 0), "image 1 is labelled 'a' already: name another class");
        assert_eq!(refused(&mut marks, 2), "the dataset has no class '2': its classes are a, b");
        assert!(marks.mark(&dataset, 1, doubt(None), 1).unwrap() && marks.mark(&dataset, 2, doubt(None), 2).unwrap());
        assert!(marks.mark(&dataset, 1, doubt(Some(1)), 3).unwrap());
        assert!(!marks.mark(&dataset, 1, doubt(None), 4).unwrap(), "the class stays");
        let Corrections { left_out, relabelled } = marks.corrections();
        assert_eq!((left_out.images.as_slice(), marks.left_out().images.as_slice()), (&[2][..], &[1, 2][..]));
        assert_eq!(relabelled, RelabelledImages::new(vec![RelabelledImage { index: 1, class: 1 }], vec![run]));
        assert_eq!(marks.get(1).map(|mark| mark.class), Some(Some(1)));
        let labels = |dataset: &Dataset| (0..4).map(|at| dataset.label(Split::Train, at)).collect::<Vec<_>>();
        assert_eq!(labels(&dataset), [0, 0, 0, 1]);
        assert_eq!(labels(&dataset.relabelled(relabelled)), [0, 1, 0, 1]);
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
                let mark = move |list: &mut Marks| list.mark(dataset, index, Doubt::default(), 1).map(drop);
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
        let check =
            |images: &[u32]| manifest.check_corrections(&LeftOutImages::new(images.to_vec(), Vec::new()).into());
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[0, 2]), Ok(()));
        let refused = |images| check(images).expect_err("refused").to_string();
        assert!(refused(&[0, 1, 2]).contains("all 3 training images of the class 'a'"));
        assert!(refused(&[3]).contains("class 'b'"));
        assert!(refused(&[4]).contains("there are 4 training images"));
    }
}
