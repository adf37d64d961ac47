//! Classes in the names of files.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use regex_lite::Regex;

use super::super::listing::SourceFile;
use super::super::split_names;
use super::{Label, vocabulary};
use crate::domain::text::printable;

/// A dataset whose file names state expressions.
struct Published {
    name: &'static str,
    /// A regular expression of names.
    names: &'static str,
}

/// The known datasets. Their groups are persons.
const PUBLISHED: [Published; 3] = [
    // KA.AN1.39.tiff
    Published { name: "jaffe", names: r"^(?<group>[A-Z]{2})[.-](?<class>AN|DI|FE|HA|NE|SA|SU)\d[.-]\d+\.\w+$" },
    // AF01ANFL.JPG: session A or B, sex and number, expression, view
    Published { name: "kdef", names: r"^[AB](?<group>[FM]\d\d)(?<class>AF|AN|DI|HA|NE|SA|SU)(?:S|HL|HR|FL|FR)\.\w+$" },
    // Rafd090_01_Caucasian_female_angry_frontal.jpg
    Published { name: "rafd", names: r"^Rafd\d+_(?<group>\d+)_\w+?_(?:fe)?male_(?<class>[a-z]+)_[a-z]+\.\w+$" },
];

/// The share of images whose names must fit before a dataset is recognised, in percent.
const RECOGNIZED_PERCENT: usize = 90;

/// A pattern of file names that state a class.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    names: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.text))
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let published = PUBLISHED.iter().find(|published| published.name.eq_ignore_ascii_case(text));
        let names = published.map_or_else(|| translate(text), |published| Ok(published.names.to_owned()))?;
        let names = Regex::new(&names).map_err(|error| format!("'{}' is not a pattern: {error}", printable(text)))?;
        Ok(Self { text: text.to_owned(), names })
    }
}

/// Returns the regular expression of a pattern.
fn translate(text: &str) -> Result<String, String> {
    let wrong = |reason: &str| {
        Err(format!(
            "'{}' is not a pattern: {reason}; use jaffe, kdef, rafd, or one such as '{{class}}_*' or \
             '{{group}}-{{class:2}}*'",
            printable(text)
        ))
    };
    let mut names = String::from(if text.contains('/') { "(?:^|/)" } else { "^" });
    let mut rest = text;
    let mut fields = Vec::new();
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '{' => {
                let Some((field, after)) = after.split_once('}') else { return wrong("a '{' is not closed") };
                let (name, width) = field.split_once(':').map_or((field, None), |(name, width)| (name, Some(width)));
                if !["class", "group", "split"].contains(&name) || fields.contains(&name) {
                    return wrong("only {class}, {group} and {split} are known, each once");
                }
                fields.push(name);
                let of = match width.map(str::parse::<u8>) {
                    Some(Ok(width)) if width > 0 => format!("[^/]{{{width}}}"),
                    Some(_) => return wrong("':' must be followed by a number of letters, as in {class:2}"),
                    // Before any text, a class ends where its letters do.
                    None if after.starts_with(['*', '?', '#']) => r"[^/\d_.\-\s]+".into(),
                    None => "[^/]+?".into(),
                };
                // Writing to a string cannot fail.
                let _ = write!(names, "(?<{name}>{of})");
                after
            }
            '*' => {
                names += ".*";
                after
            }
            '?' => {
                names.push('.');
                after
            }
            '#' => {
                names += r"\d+";
                after
            }
            c => {
                names += &regex_lite::escape(c.encode_utf8(&mut [0; 4]));
                after
            }
        };
    }
    if fields.contains(&"class") { Ok(names + "$") } else { wrong("it has no {class}") }
}

impl Pattern {
    /// Returns the label of an image. The error is the reason why it has none.
    pub(super) fn label(&self, path: &str) -> Result<Label, String> {
        let name = if self.text.contains('/') { path } else { path.rsplit('/').next().unwrap_or_default() };
        let found = self.names.captures(name);
        let found = found.ok_or_else(|| format!("has a name that does not fit the pattern {self}"))?;
        let field = |name: &str| found.name(name).map(|field| field.as_str().to_owned());
        let class = field("class").unwrap_or_default();
        let code = || vocabulary::CODES.iter().find(|(code, _)| *code == class).map(|(_, name)| (*name).to_owned());
        let is_published = PUBLISHED.iter().any(|published| published.name.eq_ignore_ascii_case(&self.text));
        let class =
            if is_published { code().unwrap_or_else(|| vocabulary::to_fer2013_name(&class).to_owned()) } else { class };
        let split = field("split").and_then(|split| split_names::parse_exactly(&split));
        Ok(Label { class, split, group: field("group") })
    }
}

/// Returns the name of the dataset whose names nearly all images have.
pub(super) fn recognize_dataset(images: &[&SourceFile]) -> Option<&'static str> {
    let fits = |published: &&Published| {
        let Ok(names) = Regex::new(published.names) else { return false };
        let mut others = images.iter().filter(|image| !names.is_match(image.name()));
        // The first name above the share decides, however many follow.
        !images.is_empty() && others.nth(images.len() * (100 - RECOGNIZED_PERCENT) / 100).is_none()
    };
    PUBLISHED.iter().find(fits).map(|published| published.name)
}

/// Returns whether a folder has images of several classes by the names of a dataset.
pub(super) fn has_mixed_folder(images: &[&SourceFile], name: &str) -> bool {
    let Ok(pattern) = name.parse::<Pattern>() else { return false };
    let mut classes: HashMap<&str, String> = HashMap::new();
    images.iter().any(|image| {
        let Ok(label) = pattern.label(&image.path) else { return false };
        let first = classes.entry(image.folder()).or_insert_with(|| label.class.clone());
        *first != label.class
    })
}

/// Returns the name of an image if the names seem to begin with a class, as `cat.0.jpg` and `dog.0.jpg` do.
pub(super) fn guess(images: &[&SourceFile]) -> Option<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for image in images {
        let word = image.name().split(|c: char| !c.is_alphabetic()).next().filter(|word| word.len() > 1)?;
        *counts.entry(word).or_default() += 1;
    }
    let plausible = (2..=100).contains(&counts.len()) && counts.values().all(|count| *count >= 2);
    plausible.then(|| images.first().map(|image| printable(image.name()))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_read_from_names() {
        let table = [
            ("jaffe", "jaffe/KA.AN1.39.tiff", Some(("angry", Some("KA")))),
            ("kdef", "KDEF/AF01/AF01AFHL.JPG", Some(("fear", Some("F01")))),
            ("kdef", "KDEF/AM10/BM10HAS.JPG", Some(("happy", Some("M10")))),
            ("rafd", "Rafd090_01_Caucasian_female_fearful_frontal.jpg", Some(("fear", Some("01")))),
            ("{class}.*", "train/cat.12.jpg", Some(("cat", None))),
            ("{class}*", "dog12.jpg", Some(("dog", None))),
            ("{group}-{class:2}#.png", "s1-HA12.png", Some(("HA", Some("s1")))),
            ("{class}/x/*", "a/joy/x/1.png", Some(("joy", None))),
            ("{class}_*", "joy.png", None),
            ("kdef", "AF01XXS.JPG", None),
        ];
        for (pattern, path, expected) in table {
            let label = pattern.parse::<Pattern>().expect(pattern).label(path);
            let found = label.as_ref().ok().map(|label| (label.class.as_str(), label.group.as_deref()));
            assert_eq!(found, expected, "{pattern} {path}");
        }
        for wrong in ["*.png", "{class", "{klass}", "{class}{class}", "{class:0}", "{class:x}"] {
            assert!(wrong.parse::<Pattern>().expect_err(wrong).contains("{class}_*"), "{wrong}");
        }
    }
}
