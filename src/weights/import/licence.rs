//! Under what terms weights were published, as far as the kind of file tells. A base that somebody trained further
//! looks the same, so the notes say of what they hold.

use crate::domain::Preprocessing;

/// A note for weights whose terms cannot be told.
pub(super) const UNKNOWN: &str = "not stated; see where the file came from";

/// What is known of those that expect this preprocessing. Keras's model has the weights that Oxford released;
/// torchvision trained its own.
const NOTES: [(Preprocessing, &str); 3] = [
    (
        Preprocessing::KERAS_IMAGENET,
        "Oxford's VGG16 for ImageNet, which Keras ships, is under the Creative Commons Attribution License",
    ),
    (
        Preprocessing::VGGFACE,
        "Oxford's VGGFace is for non-commercial research purposes, under the Creative Commons Attribution License",
    ),
    (
        Preprocessing::TORCHVISION,
        "torchvision is BSD-3-Clause; its weights may have terms that come with ImageNet, which they were trained on",
    ),
];

/// The note for weights that expect this preprocessing.
pub(super) fn of(preprocessing: Preprocessing) -> &'static str {
    NOTES.iter().find(|(known, _)| *known == preprocessing).map_or(UNKNOWN, |(_, note)| note)
}
