//! The predictions of runs for pictures from outside, as the dashboard shows them.

use crate::domain::RunId;
use crate::tui::messages::runs::{
    PredictedFace, PredictedPicture, PredictionNumber, PredictionProgress, PredictionSpec,
};

/// The most faces and pictures in the list.
const MAX_PICTURES: usize = 2_000;

/// The most bytes of pixels in the list.
const MAX_PIXELS: usize = 64 << 20;

/// The progress of a prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PredictionStatus {
    /// Pictures are being read and predicted.
    Running,
    /// All pictures are predicted.
    Done,
    /// The list is full; further pictures were not predicted.
    Full,
    /// The prediction failed with this message.
    Failed(String),
}

/// The predictions for the pictures of one order.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// The order.
    pub order: PredictionSpec,
    /// The faces and pictures: in the order of the sources; with a watched folder the newest first.
    pub pictures: Vec<PredictedPicture>,
    /// The index of the selected one.
    pub selected: usize,
    /// The progress.
    pub status: PredictionStatus,
    /// The bytes of the pixels in the list.
    pixels: usize,
}

impl Predictions {
    /// Returns an empty list for an order.
    #[must_use]
    pub fn new(order: PredictionSpec) -> Self {
        Self { order, pictures: Vec::new(), selected: 0, status: PredictionStatus::Running, pixels: 0 }
    }

    /// Returns the number of the prediction.
    #[must_use]
    pub fn number(&self) -> PredictionNumber {
        self.order.number
    }

    /// Returns the runs.
    #[must_use]
    pub fn runs(&self) -> &[RunId] {
        &self.order.runs
    }

    /// Returns the selected face or picture.
    #[must_use]
    pub fn current(&self) -> Option<&PredictedPicture> {
        self.pictures.get(self.selected)
    }

    /// Adds news. Returns whether the prediction continues. A list in which the newest come first drops its oldest; any
    /// other ends when it is full.
    pub fn add(&mut self, news: PredictionProgress) -> bool {
        for picture in news.pictures {
            self.pixels += pixels(&picture);
            if self.order.watch {
                self.pictures.insert(0, picture);
                // The selection stays on its picture, but the newest stays selected.
                self.selected += usize::from(self.selected > 0);
            } else {
                self.pictures.push(picture);
            }
            if self.is_full() {
                if !self.order.watch {
                    self.status = PredictionStatus::Full;
                    return false;
                }
                while self.is_full() && self.pictures.len() > 1 {
                    self.pixels -= self.pictures.pop().as_ref().map_or(0, pixels);
                }
                self.selected = self.selected.min(self.pictures.len() - 1);
            }
        }
        match news.end {
            None => return true,
            Some(Ok(())) => self.status = PredictionStatus::Done,
            Some(Err(error)) => self.status = PredictionStatus::Failed(error),
        }
        false
    }

    fn is_full(&self) -> bool {
        self.pictures.len() >= MAX_PICTURES || self.pixels >= MAX_PIXELS
    }
}

fn pixels(picture: &PredictedPicture) -> usize {
    let face = picture.face.as_ref().ok();
    face.and_then(|face: &PredictedFace| face.picture.as_ref()).map_or(0, |picture| picture.pixels.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::widgets::faces::Face;

    fn news(names: std::ops::Range<usize>, side: usize) -> PredictionProgress {
        let picture = |name: usize| {
            let picture = Some(Face::gray(side, vec![0; side * side]));
            let face = PredictedFace { area: None, classes: Vec::new(), by_run: Vec::new(), picture };
            PredictedPicture { source: name.to_string(), face: Ok(face) }
        };
        PredictionProgress { pictures: names.map(picture).collect(), end: None }
    }

    fn empty(watch: bool) -> Predictions {
        let runs = vec![RunId::new("a").expect("an id")];
        Predictions::new(PredictionSpec { number: 1, runs, sources: "x".into(), watch })
    }

    #[test]
    fn a_list_is_bounded_by_pictures_and_by_pixels() {
        for (count, side, expected) in [(3_000, 1, MAX_PICTURES), (6, 1 << 12, 4)] {
            let mut list = empty(false);
            assert!(!list.add(news(0..count, side)));
            assert_eq!((list.pictures.len(), list.status.clone()), (expected, PredictionStatus::Full));
            let mut list = empty(true);
            assert!(list.add(news(0..count, side)), "a watched folder has no end");
            assert!(list.pictures.len() < expected && !list.is_full());
            assert_eq!(list.pictures[0].source, (count - 1).to_string(), "the newest");
        }
    }

    #[test]
    fn new_pictures_of_a_watched_folder_do_not_move_the_selection() {
        let mut list = empty(true);
        list.add(news(0..3, 1));
        assert_eq!(list.current().map(|picture| picture.source.as_str()), Some("2"));
        list.selected = 1;
        list.add(news(3..5, 1));
        assert_eq!(list.current().map(|picture| picture.source.as_str()), Some("1"));
    }
}
