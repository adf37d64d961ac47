//! Counts of the pictures of a prediction.

use super::number_text::{count, thousands};

/// The reason why a picture in which no face was found has no prediction.
pub const NO_FACE: &str = "no face was found; --faces none uses whole pictures";

/// The numbers of pictures and of their faces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PictureCounts {
    /// All pictures.
    pub pictures: usize,
    /// Faces found in them.
    pub faces: usize,
    /// Pictures that were taken whole.
    pub whole: usize,
    /// Pictures without a face.
    pub without_face: usize,
    /// Pictures that could not be read.
    pub unread: usize,
}

impl PictureCounts {
    /// Counts a face with its area, or a picture that was taken whole.
    pub fn add_face(&mut self, area: Option<[u32; 4]>) {
        self.faces += usize::from(area.is_some());
        self.whole += usize::from(area.is_none());
    }

    /// Counts a picture that has no prediction for this reason.
    pub fn add_unpredicted(&mut self, reason: &str) {
        let is_read = reason == NO_FACE;
        self.without_face += usize::from(is_read);
        self.unread += usize::from(!is_read);
    }

    /// Returns the counts in words. An example is `9 pictures: 7 faces, 1 without a face, 1 unreadable`.
    #[must_use]
    pub fn text(&self) -> String {
        let (pictures, parts) = (count(self.pictures, "picture", "pictures"), self.parts());
        if parts.is_empty() { pictures } else { format!("{pictures}: {parts}") }
    }

    /// Returns the counts without that of all pictures; empty where nothing was counted.
    #[must_use]
    pub fn parts(&self) -> String {
        let some = |count: usize, words: &str| (count > 0).then(|| format!("{} {words}", thousands(count)));
        let parts = [
            (self.faces > 0).then(|| count(self.faces, "face", "faces")),
            some(self.whole, "whole"),
            some(self.without_face, "without a face"),
            some(self.unread, "unreadable"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
