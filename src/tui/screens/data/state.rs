//! The state of the Data screen.

use super::ImportForm;
use crate::data::marked::Mark;
use crate::domain::{DatasetName, Split};
use crate::tui::library::{DatasetView, Library};
use crate::tui::messages::Context;
use crate::tui::messages::data;
use crate::tui::messages::data::{FaceRange, Sample, SplitFilter, VariantRequest};
use crate::tui::widgets::faces::Face;

/// The view of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataView {
    /// The classes, with some faces below.
    #[default]
    Table,
    /// The faces of a class.
    Faces,
    /// A single face, enlarged.
    Face,
    /// A training image as augmented in each epoch.
    Variants,
    /// The marks of a dataset.
    Marks,
    /// The import form.
    Import,
}

/// A requested range of faces and the faces that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faces {
    /// The request.
    pub pick: FaceRange,
    /// The faces, or the reason why they cannot be read.
    pub samples: Result<Vec<Sample>, String>,
}

/// A running import.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningImport {
    /// The name of the dataset.
    pub name: DatasetName,
    /// The source, safe to print.
    pub source: String,
    /// The latest progress.
    pub progress: Option<crate::supervise::ImportProgress>,
    /// Whether it was cancelled.
    pub cancelled: bool,
}

/// The state of the Data screen.
#[derive(Debug, Clone)]
pub struct DataState {
    /// The index of the selected dataset in the library.
    pub selected: usize,
    /// The dataset that was just imported; it is selected once it is listed.
    pub arriving: Option<DatasetName>,
    /// The index of the selected class.
    pub class: usize,
    /// Whether the demo dataset is being created.
    pub creating_demo: bool,
    /// The reason why the demo dataset could not be created.
    pub demo_error: Option<String>,
    /// The splits whose bars and faces are shown.
    pub filter: SplitFilter,
    /// The view of the dataset.
    pub view: DataView,
    /// The index of the selected face in the selected class and splits.
    pub face: usize,
    /// The index of the selected line of the list of marks.
    pub mark: usize,
    /// The marks that were removed since the list was opened.
    pub removed_marks: Vec<Mark>,
    /// The faces last read.
    pub faces: Option<Faces>,
    /// The first epoch whose variants are shown.
    pub epoch: u64,
    /// The variants last made, the original first.
    pub variants: Option<(VariantRequest, Result<Vec<Face>, String>)>,
    /// The running import.
    pub import: Option<RunningImport>,
    /// The import form.
    pub form: ImportForm,
    /// The faces and the variants that were requested last, so that each is requested once.
    pub requested: (Option<FaceRange>, Option<VariantRequest>),
}

impl Default for DataState {
    fn default() -> Self {
        Self {
            selected: 0,
            arriving: None,
            class: 0,
            creating_demo: false,
            demo_error: None,
            filter: SplitFilter::Of(Split::Train),
            view: DataView::Table,
            face: 0,
            mark: 0,
            removed_marks: Vec::new(),
            faces: None,
            epoch: 1,
            variants: None,
            import: None,
            form: ImportForm::default(),
            requested: (None, None),
        }
    }
}

impl DataState {
    /// Returns the context of the keyboard.
    #[must_use]
    pub fn context(&self) -> Context {
        match self.view {
            DataView::Table => data::LIST,
            DataView::Faces | DataView::Face | DataView::Variants => data::FACES,
            DataView::Marks => data::MARKS,
            DataView::Import => self.form.context(),
        }
    }

    /// Returns the number of faces of the selected class and splits.
    #[must_use]
    pub fn count(&self, library: &Library) -> usize {
        let class = self.dataset(library).and_then(|dataset| dataset.classes.get(self.class));
        class.map_or(0, |(_, counts)| self.filter.of(*counts))
    }

    /// Returns the selected face, if it was read.
    #[must_use]
    pub fn sample(&self, library: &Library) -> Option<&Sample> {
        let faces = self.faces.as_ref().filter(|faces| self.is_of_selection(&faces.pick, library))?;
        faces.samples.as_ref().ok()?.get(self.face.checked_sub(faces.pick.first)?)
    }

    /// Returns whether a range is of the selected class and splits.
    #[must_use]
    pub fn is_of_selection(&self, pick: &FaceRange, library: &Library) -> bool {
        let dataset = self.dataset(library);
        (pick.class, pick.filter) == (self.class, self.filter)
            && dataset.is_some_and(|dataset| dataset.name == pick.dataset && dataset.fingerprint == pick.fingerprint)
    }

    /// Returns the selected dataset, if it can be read.
    #[must_use]
    pub fn dataset<'a>(&self, library: &'a Library) -> Option<&'a DatasetView> {
        library.datasets.list.get(self.selected)?.dataset.as_ref().ok()
    }
}
