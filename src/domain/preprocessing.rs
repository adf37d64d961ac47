//! The input that imported weights expect: the order of colours, and the scaling of pixels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::UnknownName;

/// The order in which the colours of a pixel enter a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red, as in Caffe.
    Bgr,
}

impl fmt::Display for ChannelOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rgb => "rgb",
            Self::Bgr => "bgr",
        })
    }
}

/// The mapping from a pixel to the input of imported weights: channel `c` is `(pixel·scale − mean[c]) /
/// deviation[c]`. Here `pixel` is from 0 to 1 and `c` counts in [`Self::order`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// The colours of channels 0, 1 and 2.
    pub order: ChannelOrder,
    /// The factor of a pixel from 0 to 1: 255 or 1.
    pub scale: f32,
    /// The subtrahend of each channel, in the order of `order`.
    pub mean: [f32; 3],
    /// The divisor of each channel, in the order of `order`.
    pub deviation: [f32; 3],
}

impl Preprocessing {
    /// The preprocessing of Keras's ImageNet models: `preprocess_input` with mode `caffe`.
    pub const KERAS_IMAGENET: Self =
        Self { order: ChannelOrder::Bgr, scale: 255.0, mean: [103.939, 116.779, 123.68], deviation: [1.0; 3] };
    /// The preprocessing of VGGFace: keras-vggface's `preprocess_input` with `version=1`.
    pub const VGGFACE: Self =
        Self { order: ChannelOrder::Bgr, scale: 255.0, mean: [93.5940, 104.7624, 129.1863], deviation: [1.0; 3] };
    /// The preprocessing of torchvision's ImageNet models.
    pub const TORCHVISION: Self =
        Self { order: ChannelOrder::Rgb, scale: 1.0, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

    /// [`Self::KERAS_IMAGENET`] with red first, as in TensorFlow's conversions of Caffe's networks.
    pub const CAFFE_RGB: Self =
        Self { order: ChannelOrder::Rgb, scale: 255.0, mean: [123.68, 116.779, 103.939], deviation: [1.0; 3] };
    /// [`Self::VGGFACE`] with red first, as in `MatConvNet`'s network and its conversions to PyTorch.
    pub const VGGFACE_RGB: Self =
        Self { order: ChannelOrder::Rgb, scale: 255.0, mean: [129.1863, 104.7624, 93.5940], deviation: [1.0; 3] };
    /// Pixels from -1 to 1: Keras's `preprocess_input` with mode `tf`.
    pub const SYMMETRIC: Self = Self { order: ChannelOrder::Rgb, scale: 1.0, mean: [0.5; 3], deviation: [0.5; 3] };
    /// Pixels from 0 to 1.
    pub const UNIT: Self = Self { order: ChannelOrder::Rgb, scale: 1.0, mean: [0.0; 3], deviation: [1.0; 3] };

    /// The preprocessings with a name.
    pub const NAMED: [(&'static str, Self); 7] = [
        ("keras-imagenet", Self::KERAS_IMAGENET),
        ("vggface", Self::VGGFACE),
        ("torchvision", Self::TORCHVISION),
        ("caffe-rgb", Self::CAFFE_RGB),
        ("vggface-rgb", Self::VGGFACE_RGB),
        ("symmetric", Self::SYMMETRIC),
        ("unit", Self::UNIT),
    ];

    /// Other names of [`Self::NAMED`]: the modes of Keras's `preprocess_input`.
    const ALIASES: [(&'static str, &'static str); 3] =
        [("caffe", "keras-imagenet"), ("torch", "torchvision"), ("tf", "symmetric")];

    /// Returns the name, if the preprocessing is in [`Self::NAMED`].
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        Self::NAMED.iter().find(|(_, known)| known == self).map(|(name, _)| *name)
    }

    /// Returns whether the numbers are finite and no divisor is 0.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let finite = self.mean.iter().all(|mean| mean.is_finite());
        let divides = self.deviation.iter().all(|deviation| deviation.is_normal());
        finite && divides && self.scale.is_normal()
    }
}

impl fmt::Display for Preprocessing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name().unwrap_or("custom"))
    }
}

impl FromStr for Preprocessing {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let name = Self::ALIASES.iter().find(|(alias, _)| *alias == text).map_or(text, |(_, name)| name);
        let found = Self::NAMED.iter().find(|(known, _)| *known == name);
        found.map(|(_, known)| *known).ok_or_else(|| {
            let names: Vec<&str> = Self::NAMED.iter().map(|(name, _)| *name).collect();
            UnknownName::new("preprocessing", text, names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_read_as_it_is_written() {
        for (name, known) in Preprocessing::NAMED {
            assert_eq!((known.to_string().as_str(), name.parse()), (name, Ok(known)));
            assert!(known.is_usable(), "{name}");
        }
        for (alias, name) in Preprocessing::ALIASES {
            assert_eq!(alias.parse::<Preprocessing>(), name.parse(), "{alias}");
        }
        let refused = "bgr".parse::<Preprocessing>().expect_err("no name").to_string();
        let words = "'bgr' is not a known preprocessing: use keras-imagenet, vggface, torchvision, caffe-rgb";
        assert!(refused.starts_with(words), "{refused}");
        assert_eq!(Preprocessing { scale: 2.0, ..Preprocessing::VGGFACE }.to_string(), "custom");
        assert!(!Preprocessing { deviation: [1.0, 0.0, 1.0], ..Preprocessing::VGGFACE }.is_usable());
    }

    #[test]
    fn it_survives_json_to_the_last_bit() {
        for (_, known) in Preprocessing::NAMED {
            let text = serde_json::to_string(&known).expect("JSON");
            assert_eq!(serde_json::from_str::<Preprocessing>(&text).expect("read back"), known);
        }
        let text = serde_json::to_string(&Preprocessing::VGGFACE).expect("JSON");
        assert!(text.starts_with(r#"{"order":"bgr","scale":255.0,"mean":[93.594,"#), "{text}");
    }
}
