//! What the Data screen knows.

use crate::data::features::CacheUsage;
use crate::domain::{DatasetName, Split};
use crate::tui::library::{DatasetView, Library};
use crate::tui::messages::Context;
use crate::tui::messages::data;
use crate::tui::messages::data::{Part, Pick, Sample, Variants};
use crate::tui::widgets::faces::Face;

/// What of a dataset fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataView {
    /// The classes, with some faces below.
    #[default]
    Table,
    /// The faces of a class.
    Faces,
    /// One face, large.
    Face,
    /// A training image as epochs see it.
    Variants,
}

/// The faces last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faces {
    /// What was asked for.
    pub pick: Pick,
    /// They, or why they cannot be read.
    pub samples: Result<Vec<Sample>, String>,
}

/// An import under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Importing {
    /// What it will be called.
    pub name: DatasetName,
    /// From where.
    pub source: String,
    /// How far it is.
    pub progress: Option<crate::supervise::ImportProgress>,
    /// Whether it was asked to end.
    pub cancelled: bool,
}

/// What a line typed on the Data screen is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportPurpose {
    /// What to import.
    Source,
    /// What to call what is imported from here.
    Name(String),
}

/// What the Data screen knows.
#[derive(Debug, Clone)]
pub struct DataState {
    /// The index of the selected dataset in the library.
    pub selected: usize,
    /// What was just imported: selected once it is listed.
    pub arriving: Option<DatasetName>,
    /// The selected class.
    pub class: usize,
    /// Whether the demo dataset is being drawn.
    pub drawing_demo: bool,
    /// Why the demo dataset could not be drawn.
    pub demo_error: Option<String>,
    /// Of which splits bars and faces are.
    pub part: Part,
    /// What fills the screen.
    pub view: DataView,
    /// The selected face of the selected class and part.
    pub face: usize,
    /// The faces last read.
    pub faces: Option<Faces>,
    /// The first epoch whose variants are shown.
    pub epoch: u64,
    /// The variants last made, the original first.
    pub variants: Option<(Variants, Result<Vec<Face>, String>)>,
    /// An import under way.
    pub import: Option<Importing>,
    /// What the line is for that is being typed.
    pub prompt: Option<ImportPurpose>,
    /// The faces and the variants that were requested last: each is requested once.
    pub requested: (Option<Pick>, Option<Variants>),
    /// What frozen bases' kept features of a dataset took when last looked at.
    pub features: Option<(DatasetName, Vec<CacheUsage>)>,
}

impl Default for DataState {
    fn default() -> Self {
        Self {
            selected: 0,
            arriving: None,
            class: 0,
            drawing_demo: false,
            demo_error: None,
            part: Part::Of(Split::Train),
            view: DataView::Table,
            face: 0,
            faces: None,
            epoch: 1,
            variants: None,
            import: None,
            prompt: None,
            requested: (None, None),
            features: None,
        }
    }
}

impl DataState {
    /// Where the keyboard points.
    #[must_use]
    pub fn context(&self) -> Context {
        if self.view == DataView::Table { data::LIST } else { data::FACES }
    }

    /// Faces of the selected class and part.
    #[must_use]
    pub fn count(&self, library: &Library) -> usize {
        let class = self.dataset(library).and_then(|dataset| dataset.classes.get(self.class));
        class.map_or(0, |(_, counts)| self.part.of(*counts))
    }

    /// The selected face, if it was read.
    #[must_use]
    pub fn sample(&self, library: &Library) -> Option<&Sample> {
        let faces = self.faces.as_ref().filter(|faces| self.is_of_selection(&faces.pick, library))?;
        faces.samples.as_ref().ok()?.get(self.face.checked_sub(faces.pick.first)?)
    }

    /// Whether these are faces of the selected class and part.
    #[must_use]
    pub fn is_of_selection(&self, pick: &Pick, library: &Library) -> bool {
        let dataset = self.dataset(library);
        (pick.class, pick.part) == (self.class, self.part)
            && dataset.is_some_and(|dataset| dataset.name == pick.dataset && dataset.fingerprint == pick.fingerprint)
    }

    /// The selected dataset, if it can be read.
    #[must_use]
    pub fn dataset<'a>(&self, library: &'a Library) -> Option<&'a DatasetView> {
        library.datasets.list.get(self.selected)?.dataset.as_ref().ok()
    }
}
