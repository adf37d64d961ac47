//! A dataset as lists and forms show it: its numbers, the findings of its check and its marks, without images.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::check::{Exclusion, FindingCounts, Findings};
use super::manifest::Manifest;
use super::marked::{self, Marks};
use crate::domain::text::printable;
use crate::domain::{GroupSizes, LeftOutImages};

/// The properties of a dataset that lists and forms show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// The manifest.
    pub manifest: Manifest,
    /// The groups of the images, if they are known.
    pub groups: Option<GroupSizes>,
    /// The findings of the check, in few words each; empty before the first check.
    pub findings: Vec<String>,
    /// The training images that the check finds, by kind; kinds without images are left out.
    pub found: Vec<(Exclusion, LeftOutImages)>,
    /// Training images marked as wrongly labelled, or the reason why the marks cannot be read.
    pub marks: Result<Marks, String>,
}

impl Overview {
    /// Reads the overview of the dataset with this manifest in folder `dir`.
    #[must_use]
    pub fn read(dir: &Path, manifest: Manifest) -> Self {
        let (findings, found) = findings(dir, &manifest);
        let groups = manifest.groups.as_deref().cloned();
        Self { groups, findings, found, marks: marks(dir), manifest }
    }

    /// Returns the overview without parts that could mislead or steer the terminal, if it comes from another machine.
    ///
    /// # Errors
    /// If its numbers are not those of a dataset.
    pub fn checked(mut self) -> Result<Self, String> {
        self.manifest.check()?;
        let train = self.manifest.counts().train;
        let is_sound = |images: &LeftOutImages| {
            images.is_ascending() && images.images.last().is_none_or(|last| (*last as usize) < train)
        };
        let classes = self.manifest.classes.len();
        let are_sound = |marks: &Marks| {
            let classes = marks.images.iter().filter_map(|mark| mark.class).all(|class| usize::from(class) < classes);
            classes && is_sound(&marks.left_out()) && marks.left_out().len() == marks.images.len()
        };
        let sound = self.found.iter().all(|(_, images)| is_sound(images)) && self.marks.iter().all(are_sound);
        if !sound || self.groups.as_ref().is_some_and(|groups| !groups.fit(classes)) {
            return Err("it names images that it does not have".into());
        }
        self.manifest.fingerprint = printable(&self.manifest.fingerprint);
        self.findings = self.findings.iter().map(|words| printable(words)).collect();
        if let Ok(marks) = &mut self.marks {
            marks.images.iter_mut().for_each(|mark| mark.source = printable(&mark.source));
            marks.images.sort_by_key(|mark| mark.index);
        }
        self.marks = self.marks.map_err(|words| printable(&words));
        self.manifest.groups = self.groups.clone().map(Arc::new);
        Ok(self)
    }
}

/// Returns the findings of a dataset's check, if it was checked, and the training images of each kind.
fn findings(dir: &Path, manifest: &Manifest) -> (Vec<String>, Vec<(Exclusion, LeftOutImages)>) {
    let found = Findings::cached(dir, &manifest.fingerprint, manifest.counts().total());
    let Some(found) = found else { return (Vec::new(), Vec::new()) };
    let places = manifest.places();
    let images = Exclusion::ALL.map(|kind| (kind, found.left_out(kind, &places)));
    let images = images.into_iter().filter(|(_, images)| !images.is_empty()).collect();
    (FindingCounts::of(&found, &places).parts(), images)
}

/// Reads which training images of the dataset in folder `dir` are marked as wrongly labelled.
///
/// # Errors
/// If the manifest or the list of marks cannot be read.
pub fn marks(dir: &Path) -> Result<Marks, String> {
    let manifest = Manifest::read(dir).map_err(|error| printable(&error.to_string()))?;
    marked::read(dir, &manifest.fingerprint).map_err(|error| printable(&error.to_string()))
}
