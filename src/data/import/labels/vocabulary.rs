//! The names of expressions behind the numbers and abbreviations of published datasets, in FER-2013's words.

/// RAF-DB's basic expressions, numbered from 1.
pub(super) const RAF_DB: [&str; 7] = ["surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"];

/// AffectNet's expressions, numbered from 0; 8 to 10 are none, uncertain and no face.
pub(super) const AFFECT_NET: [&str; 8] =
    ["neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt"];

/// FERPlus's columns of votes in order.
pub(super) const FER_PLUS: [&str; 10] =
    ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "nf"];

/// Columns of votes that are no class.
pub(super) const NO_CLASS: [&str; 5] = ["unknown", "nf", "none", "uncertain", "non-face"];

/// Abbreviations in the file names of JAFFE and KDEF; both write AN for angry, KDEF AF for afraid.
pub(super) const CODES: [(&str, &str); 8] = [
    ("AN", "angry"),
    ("DI", "disgust"),
    ("FE", "fear"),
    ("AF", "fear"),
    ("HA", "happy"),
    ("NE", "neutral"),
    ("SA", "sad"),
    ("SU", "surprise"),
];

/// Returns FER-2013's word for an expression; other words stay.
pub(super) fn to_fer2013_name(word: &str) -> &str {
    let lower = word.to_lowercase();
    let table = [
        ("happiness", "happy"),
        ("sadness", "sad"),
        ("anger", "angry"),
        ("surprised", "surprise"),
        ("fearful", "fear"),
        ("disgusted", "disgust"),
        ("contemptuous", "contempt"),
    ];
    table.iter().find(|(from, _)| *from == lower).map_or(word, |(_, to)| to)
}
