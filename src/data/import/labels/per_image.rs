//! A file of labels beside each image: YOLO's texts of boxes and AffectNet's arrays.

use std::collections::HashMap;

use super::super::listing::{Kind, Listing, Location, SourceBytes, SourceFile};
use super::{Label, vocabulary};
use crate::domain::text::printable;

/// The largest file of one image's labels, in bytes.
const LARGEST: u64 = 1 << 20;

/// A layout with a file for each image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `images/NAME.jpg` and `labels/NAME.txt`, whose rows begin with a class's number.
    Yolo,
    /// `images/NAME.jpg` and `annotations/NAME_exp.npy`, which holds an expression's number.
    AffectNet,
}

/// The files of labels of a source.
#[derive(Debug)]
pub(in super::super) struct PerImageLabels {
    layout: Layout,
    /// The names of classes by number.
    names: Vec<String>,
    files: HashMap<String, Location>,
    /// The file with the names.
    names_from: Option<String>,
}

/// Returns the files beside the images if most images have one.
pub(super) fn find(listing: &Listing, contents: &SourceBytes) -> Option<PerImageLabels> {
    let texts = || listing.files.iter().filter(|file| file.kind == Kind::Text);
    let files: HashMap<String, Location> =
        texts().filter_map(|file| Some((file.path.clone(), file.at.clone()?))).collect();
    let images = || listing.files.iter().filter(|file| file.is_image());
    let layout = [Layout::Yolo, Layout::AffectNet].into_iter().find(|layout| {
        let found = images().filter(|image| layout.path(&image.path).iter().any(|path| files.contains_key(path)));
        found.count() * 2 > images().count()
    })?;
    let (names, names_from) = match layout {
        Layout::Yolo => find_names(texts(), contents),
        Layout::AffectNet => (vocabulary::AFFECT_NET.map(ToOwned::to_owned).to_vec(), None),
    };
    Some(PerImageLabels { layout, names, files, names_from })
}

impl Layout {
    /// Returns the paths at which the labels of an image may be.
    fn path(self, image: &str) -> Vec<String> {
        let (stem, _) = image.rsplit_once('.').unwrap_or((image, ""));
        let (folder, suffix) = match self {
            Self::Yolo => ("labels", ".txt"),
            Self::AffectNet => ("annotations", "_exp.npy"),
        };
        let mut parts: Vec<&str> = stem.split('/').collect();
        let mut paths = vec![format!("{stem}{suffix}")];
        if let Some(images) = parts.iter().rposition(|part| part.eq_ignore_ascii_case("images")) {
            parts[images] = folder;
            paths.push(format!("{}{suffix}", parts.join("/")));
        }
        paths
    }
}

/// Finds the names of YOLO's classes in data.yaml or classes.txt.
fn find_names<'a>(
    texts: impl Iterator<Item = &'a SourceFile>,
    contents: &SourceBytes,
) -> (Vec<String>, Option<String>) {
    for file in texts {
        let name = file.name().to_lowercase();
        let read = || {
            let bytes = contents.read(file.at.as_ref()?, LARGEST).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let names = match name.as_str() {
            "classes.txt" | "obj.names" => read().map(|text| text.lines().map(|line| line.trim().to_owned()).collect()),
            _ if ["yaml", "yml"].contains(&ending(&name)) => read().map(|text| names_in(&text)),
            _ => None,
        };
        if let Some(names) = names.filter(|names: &Vec<String>| !names.is_empty()) {
            return (names, Some(file.path.clone()));
        }
    }
    (Vec::new(), None)
}

/// Returns the part of a name after its last point.
fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// Reads the list `names` of a YAML file, in brackets, with a line each, or with numbers.
fn names_in(text: &str) -> Vec<String> {
    let clean = |name: &str| name.trim().trim_matches(['\'', '"']).trim().to_owned();
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with("names:"));
    let Some(first) = lines.next() else { return Vec::new() };
    let after = first.split_once(':').map_or("", |(_, after)| after).trim().to_owned();
    if let Some(list) = after.strip_prefix('[') {
        let rest: String = lines.take_while(|_| !after.contains(']')).collect::<Vec<_>>().join(" ");
        let list = format!("{list} {rest}");
        let list = list.split(']').next().unwrap_or_default().to_owned();
        return list.split(',').map(clean).filter(|name| !name.is_empty()).collect();
    }
    let mut names = Vec::new();
    for line in lines {
        let item = line.trim();
        let numbered = item.split_once(':').filter(|(number, _)| number.trim().parse::<usize>() == Ok(names.len()));
        match (item.strip_prefix('-'), numbered) {
            (Some(name), _) | (None, Some((_, name))) => names.push(clean(name)),
            (None, None) if item.is_empty() => {}
            (None, None) => break,
        }
    }
    names
}

impl PerImageLabels {
    /// Returns the label of an image. The error is the reason why it has none.
    pub(super) fn of(&self, image: &str, contents: &SourceBytes) -> Result<Label, String> {
        let at = self.layout.path(image).iter().find_map(|path| self.files.get(path));
        let at = at.ok_or("has no file of labels beside it")?;
        let bytes = contents.read(at, LARGEST).map_err(|error| format!("has labels that cannot be read: {error}"))?;
        match self.layout {
            Layout::Yolo => self.of_boxes(&String::from_utf8_lossy(&bytes)),
            Layout::AffectNet => {
                let number = array_value(&bytes).ok_or("has an array of labels that holds no number")?;
                self.name(number)
                    .filter(|_| number < self.names.len())
                    .map(Label::of)
                    .ok_or_else(|| format!("has the label {number}, which is not an expression"))
            }
        }
    }

    fn of_boxes(&self, text: &str) -> Result<Label, String> {
        let first = |line: &str| line.split_whitespace().next().map(str::parse::<usize>);
        let mut numbers: Vec<usize> = Vec::new();
        for number in text.lines().filter_map(first) {
            let number = number.map_err(|_| "has labels that do not begin with a class's number".to_owned())?;
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        match numbers[..] {
            [] => Err("has no box and so no class".into()),
            [number] => {
                self.name(number).map(Label::of).ok_or_else(|| format!("has the class {number}, which has no name"))
            }
            _ => {
                let name = |number: &usize| self.name(*number).unwrap_or_else(|| number.to_string());
                let names: Vec<String> = numbers.iter().map(name).collect();
                Err(format!("has boxes of several classes ({})", printable(&names.join(", "))))
            }
        }
    }

    /// Returns the name of a class; the number itself if no names are known.
    fn name(&self, number: usize) -> Option<String> {
        if self.names.is_empty() { Some(number.to_string()) } else { self.names.get(number).cloned() }
    }

    pub(super) fn describe(&self) -> String {
        match (self.layout, &self.names_from) {
            (Layout::Yolo, Some(from)) => {
                format!("classes are from YOLO's labels beside the images, with the names of {from}")
            }
            (Layout::Yolo, None) => "classes are from YOLO's labels beside the images; no data.yaml names them".into(),
            (Layout::AffectNet, _) => "classes are from AffectNet's annotations beside the images".into(),
        }
    }

    pub(super) fn uses(&self, path: &str) -> bool {
        let annotations = self.layout == Layout::AffectNet && ending(path) == "npy";
        annotations || (self.files.contains_key(path) && self.layout == Layout::Yolo)
    }
}

/// Returns the whole number in a NumPy array of one element, a number or a text.
fn array_value(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (length, start): (usize, usize) = match rest.first()? {
        1 => (usize::from(u16::from_le_bytes(rest.get(2..4)?.try_into().ok()?)), 4),
        _ => (usize::try_from(u32::from_le_bytes(rest.get(2..6)?.try_into().ok()?)).ok()?, 6),
    };
    let header = String::from_utf8_lossy(rest.get(start..start.checked_add(length)?)?).into_owned();
    let data = rest.get(start + length..)?;
    let kind = header.split_once("'descr':")?.1.trim().trim_start_matches('\'').split('\'').next()?.to_owned();
    let (order, kind) = kind.split_at_checked(1)?;
    let little = order != ">";
    let integer = |size: usize| {
        let mut part = data.get(..size)?.to_vec();
        if !little {
            part.reverse();
        }
        part.resize(8, 0);
        usize::try_from(u64::from_le_bytes(part.try_into().ok()?)).ok()
    };
    match kind {
        "i1" | "u1" => integer(1),
        "i2" | "u2" => integer(2),
        "i4" | "u4" => integer(4),
        "i8" | "u8" => integer(8),
        kind if kind.starts_with('U') && little => {
            let text: Option<String> = data
                .as_chunks::<4>()
                .0
                .iter()
                .map(|code| char::from_u32(u32::from_le_bytes(*code)))
                .take_while(|c| *c != Some('\0'))
                .collect();
            text?.trim().parse().ok()
        }
        kind if kind.starts_with('S') => {
            let text = data.split(|byte| *byte == 0).next()?;
            std::str::from_utf8(text).ok()?.trim().parse().ok()
        }
        _ => None,
    }
}

/// Reads bytes as an array and as a list of names.
#[cfg(any(test, fuzzing))]
pub(super) fn read_any(bytes: &[u8]) {
    let array = [b"\x93NUMPY".as_slice(), bytes].concat();
    let _ = (array_value(bytes), array_value(&array), names_in(&String::from_utf8_lossy(bytes)));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a NumPy file of format 1 as NumPy writes it.
    fn array(kind: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (), }}");
        let length = u16::try_from(header.len()).expect("short").to_le_bytes();
        [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), data].concat()
    }

    #[test]
    fn arrays_hold_a_number_or_a_text() {
        let table: [(&str, &[u8], Option<usize>); 8] = [
            ("<U1", b"7\0\0\0", Some(7)),
            ("<U2", b"1\0\0\x000\0\0\0", Some(10)),
            ("<i8", &[3, 0, 0, 0, 0, 0, 0, 0], Some(3)),
            (">i4", &[0, 0, 0, 5], Some(5)),
            ("|S1", b"4", Some(4)),
            ("<f8", &[0; 8], None),
            ("<i8", &[3], None),
            ("<U1", b"x\0\0\0", None),
        ];
        for (kind, data, expected) in table {
            assert_eq!(array_value(&array(kind, data)), expected, "{kind}");
        }
        assert_eq!(array_value(b"\x93NUMPY\x01\x00\xff\xff"), None);
    }

    #[test]
    fn names_are_read_from_yaml_in_its_three_forms() {
        let table = [
            "nc: 2\nnames: ['Anger', \"Joy\"]\n",
            "names: [Anger,\n  Joy]\nnc: 2\n",
            "names:\n- Anger\n- Joy\nnc: 2\n",
            "train: x\nnames:\n  0: Anger\n  1: 'Joy'\n",
        ];
        for text in table {
            assert_eq!(names_in(text), ["Anger", "Joy"], "{text}");
        }
        assert!(names_in("nc: 2").is_empty());
    }
}
