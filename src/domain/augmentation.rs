//! Random changes to training images.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The ranges of a training image's random changes in each epoch: an affine map, a flip, brightness, contrast, an
/// erased rectangle, and mixing of pairs. The affine map fills edges with the nearest pixel.
///
/// Rotation, zoom and shift follow Keras's `ImageDataGenerator`. Brightness and contrast follow torchvision's
/// `ColorJitter`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// Rotation is drawn from ±this many degrees.
    pub rotation_degrees: f64,
    /// The zoom of each axis is drawn from 1 − this to 1 + this.
    pub zoom: f64,
    /// The shift of each axis is drawn from ± this fraction of the image's side.
    pub shift: f64,
    /// Whether half of the images are mirrored left to right.
    pub horizontal_flip: bool,
    /// Pixels are multiplied by a factor from 1 − this to 1 + this.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub brightness: f64,
    /// The distance of pixels to their mean is multiplied by a factor from 1 − this to 1 + this.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub contrast: f64,
    /// The share of images in which a rectangle becomes gray (Z. Zhong et al. 2017,
    /// <https://arxiv.org/abs/1708.04896>).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub erasing: f64,
    /// Both parameters of the beta distribution by which pairs of a batch are mixed (H. Zhang et al. 2018,
    /// <https://arxiv.org/abs/1710.09412>); 0 mixes none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mixup: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// A random change with its own strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Rotation,
    Zoom,
    Shift,
    Flip,
    Brightness,
    Contrast,
    Erasing,
    Mixup,
}

impl Part {
    const ALL: [Self; 8] = [
        Self::Rotation,
        Self::Zoom,
        Self::Shift,
        Self::Flip,
        Self::Brightness,
        Self::Contrast,
        Self::Erasing,
        Self::Mixup,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Rotation => "rotation",
            Self::Zoom => "zoom",
            Self::Shift => "shift",
            Self::Flip => "flip",
            Self::Brightness => "brightness",
            Self::Contrast => "contrast",
            Self::Erasing => "erasing",
            Self::Mixup => "mixup",
        }
    }

    /// Returns the greatest accepted strength.
    fn max(self) -> f64 {
        match self {
            Self::Rotation => 180.0,
            // Earlier versions accepted anything below 1 in recipes edited by hand.
            Self::Zoom | Self::Shift => 0.999,
            Self::Flip | Self::Brightness | Self::Contrast | Self::Erasing => 1.0,
            Self::Mixup => 10.0,
        }
    }

    fn strength(self, of: &Augmentation) -> f64 {
        match self {
            Self::Rotation => of.rotation_degrees,
            Self::Zoom => of.zoom,
            Self::Shift => of.shift,
            Self::Flip => f64::from(u8::from(of.horizontal_flip)),
            Self::Brightness => of.brightness,
            Self::Contrast => of.contrast,
            Self::Erasing => of.erasing,
            Self::Mixup => of.mixup,
        }
    }

    fn set(self, of: &mut Augmentation, strength: f64) {
        let field = match self {
            Self::Rotation => &mut of.rotation_degrees,
            Self::Zoom => &mut of.zoom,
            Self::Shift => &mut of.shift,
            Self::Flip => return of.horizontal_flip = strength > 0.0,
            Self::Brightness => &mut of.brightness,
            Self::Contrast => &mut of.contrast,
            Self::Erasing => &mut of.erasing,
            Self::Mixup => &mut of.mixup,
        };
        *field = strength;
    }
}

impl Augmentation {
    /// The reference's ranges: ±15°, 0.85–1.15, ±10%, flips.
    pub const REFERENCE: Self = Self {
        rotation_degrees: 15.0,
        zoom: 0.15,
        shift: 0.1,
        horizontal_flip: true,
        brightness: 0.0,
        contrast: 0.0,
        erasing: 0.0,
        mixup: 0.0,
    };

    /// Smaller maps than the reference's, with erasing: for deeper networks and longer runs.
    pub const STRONG: Self = Self { rotation_degrees: 10.0, zoom: 0.1, shift: 0.05, erasing: 0.25, ..Self::REFERENCE };

    /// The presets by name; `none` changes nothing.
    const PRESETS: [(&str, Option<Self>); 3] =
        [("reference", Some(Self::REFERENCE)), ("strong", Some(Self::STRONG)), ("none", None)];

    /// The names of the presets.
    pub const PRESET_NAMES: [&str; 3] = ["reference", "strong", "none"];

    /// Parses a preset, or parts with their strengths: `strong`, `rotation=10+flip`, `reference+erasing=0.25`. Returns
    /// `None` for other text and `Some(None)` if nothing is changed.
    #[must_use]
    #[allow(clippy::option_option)] // outer: whether the text is valid; inner: whether anything changes
    pub fn parse(text: &str) -> Option<Option<Self>> {
        let mut found = Self::default();
        for (index, part) in text.split('+').map(str::trim).enumerate() {
            let preset = Self::PRESETS.iter().find(|(name, _)| *name == part);
            match preset {
                // A preset after parts would overwrite them.
                Some((_, ranges)) if index == 0 => found = ranges.unwrap_or_default(),
                Some(_) => return None,
                None => {
                    let (part, strength) = parse_part(part)?;
                    part.set(&mut found, strength);
                }
            }
        }
        Some(Some(found).filter(|found| *found != Self::default()))
    }

    /// Returns the text for [`parse`](Self::parse): the name of a preset, or the parts.
    #[must_use]
    pub fn to_text(augmentation: Option<Self>) -> String {
        let preset = Self::PRESETS.iter().find(|(_, ranges)| *ranges == augmentation);
        match (preset, augmentation) {
            (Some((name, _)), _) => (*name).to_owned(),
            (None, Some(ranges)) => ranges.to_string(),
            (None, None) => String::new(),
        }
    }

    /// Returns whether every strength is a number within its range.
    #[must_use]
    pub fn is_sensible(&self) -> bool {
        Part::ALL.iter().all(|part| (0.0..=part.max()).contains(&part.strength(self)))
    }

    /// Returns whether only rotation, zoom, shift and flip are set, the parts that recipe version 2 has.
    #[must_use]
    pub fn is_affine(&self) -> bool {
        [self.brightness, self.contrast, self.erasing, self.mixup].iter().all(is_zero)
    }
}

/// Parses a part and its strength, such as `rotation=10` or `flip`.
fn parse_part(text: &str) -> Option<(Part, f64)> {
    let (name, strength) = text.split_once('=').map_or((text, None), |(name, strength)| (name, Some(strength)));
    let part = Part::ALL.into_iter().find(|part| part.name() == name.trim())?;
    let strength = match strength {
        None if part == Part::Flip => 1.0,
        // −0 would write another recipe file for the same training.
        strength => strength?.trim().parse::<f64>().ok()? + 0.0,
    };
    let whole = part != Part::Flip || strength.fract() <= 0.0;
    ((0.0..=part.max()).contains(&strength) && whole).then_some((part, strength))
}

impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &Part| match (part, part.strength(self)) {
            (_, 0.0) => None,
            (Part::Flip, _) => Some(part.name().to_owned()),
            (_, strength) => Some(format!("{}={strength}", part.name())),
        };
        f.pad(&Part::ALL.iter().filter_map(part).collect::<Vec<String>>().join("+"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_presets_and_parts() {
        let erasing = Augmentation { erasing: 0.5, ..Augmentation::REFERENCE };
        let turned = Augmentation { rotation_degrees: 10.0, horizontal_flip: true, ..Augmentation::default() };
        let table = [
            ("reference", Some(Some(Augmentation::REFERENCE))),
            ("none", Some(None)),
            ("reference + erasing=0.5", Some(Some(erasing))),
            ("rotation=10+flip", Some(Some(turned))),
            ("none+rotation=10+flip=1", Some(Some(turned))),
            ("strong+flip=0", Some(Some(Augmentation { horizontal_flip: false, ..Augmentation::STRONG }))),
            ("rotation=0", Some(None)),
            ("rotation=10+reference", None),
            ("rotation", None),
            ("rotation=181", None),
            ("zoom=NaN", None),
            ("flip=0.5", None),
            ("shear=1", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(Augmentation::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn written_text_reads_back() {
        for text in ["reference", "strong", "none", "rotation=7.5+brightness=0.2+contrast=0.1+mixup=0.4"] {
            let read = Augmentation::parse(text).expect("accepted");
            assert_eq!(Augmentation::to_text(read), text);
        }
        assert_eq!(Augmentation::PRESETS.map(|(name, _)| name), Augmentation::PRESET_NAMES);
    }
}
