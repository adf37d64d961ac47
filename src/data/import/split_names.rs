//! The names of folders, columns and files that state a split.

use crate::data::split::{Protocol, Usage};
use crate::domain::Split;

/// The split that a name states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum SplitName {
    Train,
    Validation,
    /// Validation, but test beside another validation split and no test split.
    Evaluation,
    Test,
    PublicTest,
    PrivateTest,
}

impl SplitName {
    /// Returns the split by a protocol. FER-2013's two test splits are both test by Keras's.
    pub(super) fn split(self, protocol: Protocol) -> Split {
        match self {
            Self::Train => Split::Train,
            Self::Validation | Self::Evaluation => Split::Validation,
            Self::Test => Split::Test,
            Self::PublicTest => Usage::PublicTest.split(protocol),
            Self::PrivateTest => Usage::PrivateTest.split(protocol),
        }
    }
}

/// The words that state a split.
const WORDS: [(&str, SplitName); 36] = [
    ("train", SplitName::Train),
    ("training", SplitName::Train),
    ("trainval", SplitName::Train),
    ("trn", SplitName::Train),
    ("val", SplitName::Validation),
    ("valid", SplitName::Validation),
    ("validate", SplitName::Validation),
    ("validation", SplitName::Validation),
    ("validating", SplitName::Validation),
    ("dev", SplitName::Validation),
    ("development", SplitName::Validation),
    ("eval", SplitName::Evaluation),
    ("evaluate", SplitName::Evaluation),
    ("evaluation", SplitName::Evaluation),
    ("test", SplitName::Test),
    ("tests", SplitName::Test),
    ("testing", SplitName::Test),
    ("tst", SplitName::Test),
    ("holdout", SplitName::Test),
    ("publictest", SplitName::PublicTest),
    ("privatetest", SplitName::PrivateTest),
    ("训练", SplitName::Train),
    ("训练集", SplitName::Train),
    ("验证", SplitName::Validation),
    ("验证集", SplitName::Validation),
    ("测试", SplitName::Test),
    ("测试集", SplitName::Test),
    ("entrenamiento", SplitName::Train),
    ("validacion", SplitName::Validation),
    ("validación", SplitName::Validation),
    ("prueba", SplitName::Test),
    ("treino", SplitName::Train),
    ("validação", SplitName::Validation),
    ("teste", SplitName::Test),
    ("entrainement", SplitName::Train),
    ("entraînement", SplitName::Train),
];

/// Words beside a split's name that change nothing, and names of folders that are no classes.
const FILLERS: [&str; 37] = [
    "set",
    "sets",
    "data",
    "dataset",
    "datasets",
    "image",
    "images",
    "img",
    "imgs",
    "picture",
    "pictures",
    "pic",
    "pics",
    "photo",
    "photos",
    "jpg",
    "jpeg",
    "png",
    "folder",
    "folders",
    "dir",
    "directory",
    "split",
    "splits",
    "subset",
    "sample",
    "samples",
    "part",
    "file",
    "files",
    "crop",
    "cropped",
    "aligned",
    "label",
    "labels",
    "annotation",
    "annotations",
];

/// A name that states a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedSplit {
    pub(super) split: SplitName,
    /// The other words, joined; empty if the name states nothing else.
    pub(super) rest: String,
}

/// Returns the split that a name states, such as `train`, `val_set`, `FER2013Train` or `PublicTest`.
pub(super) fn parse(name: &str) -> Option<NamedSplit> {
    let mut found = None;
    let mut rest = String::new();
    let mut prefix = None;
    for word in words(name) {
        match (split_word(&word), word.as_str()) {
            (Some(split), _) if found.is_none() => found = Some(split),
            // The name of two splits states neither.
            (Some(split), _) if found != Some(split) => return None,
            (Some(_), _) => {}
            (None, "public" | "private") if found.is_none() => prefix = Some(word),
            (None, filler) if is_filler(filler) => {}
            (None, _) => rest.extend([word.as_str(), " "]),
        }
    }
    let split = match (found?, prefix.as_deref()) {
        (SplitName::Test, Some("public")) => SplitName::PublicTest,
        (SplitName::Test, Some("private")) => SplitName::PrivateTest,
        (split, _) => split,
    };
    Some(NamedSplit { split, rest })
}

/// Returns the split of a name that states nothing else.
pub(super) fn parse_exactly(name: &str) -> Option<SplitName> {
    parse(name).filter(|named| named.rest.is_empty()).map(|named| named.split)
}

/// Returns the split that a file's name begins with, such as `train_00001.jpg`.
pub(super) fn parse_beginning(file: &str) -> Option<SplitName> {
    let first = file.split(|c: char| !c.is_alphabetic()).next()?;
    (first.len() < file.len()).then(|| split_word(&first.to_lowercase())).flatten()
}

/// Returns whether a folder of this name is no class, because it states only what kind of files it holds.
pub(super) fn is_filler_name(name: &str) -> bool {
    let words = words(name);
    !words.is_empty() && words.iter().any(|word| !is_number(word)) && words.iter().all(|word| is_filler(word))
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_filler(word: &str) -> bool {
    is_number(word) || FILLERS.contains(&word)
}

/// Returns the split that a lower-case word states, also with a filler attached, as in `trainset`.
fn split_word(word: &str) -> Option<SplitName> {
    let exact = |text: &str| WORDS.iter().find(|(name, _)| *name == text).map(|(_, split)| *split);
    exact(word).or_else(|| {
        let before_filler = FILLERS.iter().filter_map(|filler| word.strip_suffix(filler));
        before_filler.into_iter().find_map(exact)
    })
}

/// Returns the words of a name in lower case: divided at signs, at digits and where capitals begin.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = None;
    let mut letters = name.chars().peekable();
    while let Some(c) = letters.next() {
        if !c.is_alphanumeric() {
            before = None;
            continue;
        }
        let begins = before.is_none_or(|before: char| {
            let ends_capitals = before.is_uppercase() && letters.peek().is_some_and(|next| next.is_lowercase());
            before.is_ascii_digit() != c.is_ascii_digit()
                || (c.is_uppercase() && (before.is_lowercase() || ends_capitals))
        });
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        before = Some(c);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_splits_are_recognised_in_their_spellings() {
        use SplitName::{Evaluation, PrivateTest, PublicTest, Test, Train, Validation};
        let table: [(&[&str], SplitName); 6] = [
            (
                &[
                    "train",
                    "Training",
                    "TRAIN",
                    "train_set",
                    "training_set",
                    "trainset",
                    "TrainSet",
                    "train-images",
                    "images_train",
                    "train2017",
                    "01_train",
                    "Train data",
                    "trainData",
                    "训练集",
                    "train.1",
                    "imgsTrain",
                ],
                Train,
            ),
            (&["val", "valid", "Validation", "val_set", "validation-set", "dev", "dev_set", "ValSet"], Validation),
            (&["eval", "evaluation", "Eval_Set"], Evaluation),
            (&["test", "Testing", "test_set", "testset", "test_images", "TEST", "test data"], Test),
            (&["PublicTest", "publictest", "public_test", "Public Test"], PublicTest),
            (&["PrivateTest", "private-test", "PRIVATETEST"], PrivateTest),
        ];
        for (names, split) in table {
            for name in names {
                assert_eq!(parse_exactly(name), Some(split), "{name}");
            }
        }
        for name in ["FER2013Train", "affectnet_train", "train station", "FERTrain"] {
            let named = parse(name).unwrap_or_else(|| panic!("{name}"));
            assert!(named.split == Train && !named.rest.is_empty(), "{named:?}");
        }
        for name in ["happy", "0", "train_test_split", "trainer", "latest", "contest", "", "public", "images", "éval"]
        {
            assert_eq!(parse_exactly(name), None, "{name}");
        }
        assert_eq!(parse_beginning("train_00001.jpg"), Some(Train));
        assert_eq!(["training", "trainer_1.jpg", "1_train.jpg"].map(parse_beginning), [None; 3]);
        assert!(is_filler_name("images") && is_filler_name("Image_Files") && !is_filler_name("0"));
    }
}
