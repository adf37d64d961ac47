//! The views of an image whose probabilities are averaged: crops and mirror images.

use serde::{Deserialize, Serialize};

/// The number of views of each image in an evaluation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub enum Views {
    /// The image as it is.
    #[default]
    One,
    /// The image and its mirror image.
    Two,
    /// The middle and the four corners, and their mirror images (A. Krizhevsky et al. 2012).
    Ten,
}

/// A number of views that is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("views must be 1, 2 or 10, not {0}")]
pub struct OtherViews(u32);

/// A view of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The position of the crop.
    pub position: CropPosition,
    /// Whether the view is mirrored left to right.
    pub flip: bool,
}

/// The position of a crop in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CropPosition {
    /// The middle; the whole image if there is no crop.
    Middle,
    /// A corner.
    Corner {
        /// Whether the corner is a lower one.
        lower: bool,
        /// Whether the corner is a right one.
        right: bool,
    },
}

impl View {
    /// The view of an evaluation with one view.
    pub const PLAIN: Self = Self { position: CropPosition::Middle, flip: false };
}

impl Views {
    /// All numbers of views.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Ten];

    /// Returns the number of views.
    #[must_use]
    pub fn count(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Ten => 10,
        }
    }

    /// Returns the views, the plain one first.
    #[must_use]
    pub fn each(self) -> Vec<View> {
        let corner = |lower, right| CropPosition::Corner { lower, right };
        let positions =
            [CropPosition::Middle, corner(false, false), corner(false, true), corner(true, false), corner(true, true)];
        let (positions, flips): (&[CropPosition], &[bool]) = match self {
            Self::One => (&positions[..1], &[false]),
            Self::Two => (&positions[..1], &[false, true]),
            Self::Ten => (&positions, &[false, true]),
        };
        flips
            .iter()
            .flat_map(|flip| positions.iter().map(|position| View { position: *position, flip: *flip }))
            .collect()
    }
}

impl From<Views> for u32 {
    fn from(views: Views) -> Self {
        views.count()
    }
}

impl TryFrom<u32> for Views {
    type Error = OtherViews;

    fn try_from(count: u32) -> Result<Self, OtherViews> {
        Self::ALL.into_iter().find(|views| views.count() == count).ok_or(OtherViews(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_as_many_as_they_say_and_begin_with_the_plain_one() {
        for views in Views::ALL {
            let each = views.each();
            assert_eq!((each.len(), each[0]), (views.count() as usize, View::PLAIN));
            assert!(each.iter().enumerate().all(|(index, view)| !each[..index].contains(view)));
            assert_eq!(Views::try_from(views.count()), Ok(views));
        }
        assert_eq!(Views::try_from(5), Err(OtherViews(5)));
    }
}
