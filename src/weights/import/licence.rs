//! The licence of published weights, as far as the file's kind reveals it. A base trained further has the same kind, so
//! each note names its publisher.

use crate::domain::Preprocessing;

/// The note for weights of unknown licence.
pub(super) const UNKNOWN: &str = "not stated; see where the file came from";

/// The notes by preprocessing. Keras ships the weights that Oxford released; torchvision trained its own.
const NOTES: [(&[Preprocessing], &str); 3] = [
    (
        &[Preprocessing::KERAS_IMAGENET, Preprocessing::CAFFE_RGB],
        "Oxford's VGG16 for ImageNet, which Keras ships, is under the Creative Commons Attribution License",
    ),
    (
        &[Preprocessing::VGGFACE, Preprocessing::VGGFACE_RGB],
        "Oxford's VGGFace is for non-commercial research purposes, under the Creative Commons Attribution License",
    ),
    (
        &[Preprocessing::TORCHVISION],
        "torchvision is BSD-3-Clause; its weights may have terms that come with ImageNet, which they were trained on",
    ),
];

/// Returns the note for weights with this preprocessing.
pub(super) fn of(preprocessing: Preprocessing) -> &'static str {
    NOTES.iter().find(|(known, _)| known.contains(&preprocessing)).map_or(UNKNOWN, |(_, note)| note)
}
