//! The path of a source as people give it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::data::manifest::FILE_NAME;
use crate::data::store::PIXELS;

/// Returns the path behind the text that a terminal or a file manager writes for a dropped file. Such text has quotes,
/// backslashes before spaces, or `file://` in front. A path that exists as it is given stays.
#[must_use]
pub fn dropped_path(given: &Path) -> PathBuf {
    if given.symlink_metadata().is_ok() {
        return given.to_owned();
    }
    let path = plain_path(given);
    if path.symlink_metadata().is_ok() { path } else { given.to_owned() }
}

/// Returns the path that a shell or a terminal would write like this, whether it exists or not: without quotes,
/// backslashes and `file://`.
#[must_use]
pub fn plain_path(given: &Path) -> PathBuf {
    let bytes = given.as_os_str().as_bytes().trim_ascii();
    let within = [b'\'', b'"'].iter().find_map(|quote| bytes.strip_prefix(&[*quote])?.strip_suffix(&[*quote]));
    let address = within.unwrap_or(bytes);
    // The quotes of an address belong to the path.
    let address = [b"file://localhost/".as_slice(), b"file:///"].iter().find_map(|start| address.strip_prefix(*start));
    let read = address.map_or_else(|| unquote(bytes), |path| decode_percent(path, b"/"));
    PathBuf::from(OsString::from_vec(read))
}

/// Removes quotes and backslashes as a shell does.
fn unquote(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut quote = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None | Some(b'"'), b'\\') => plain.extend(bytes.next()),
            _ => plain.push(byte),
        }
    }
    plain
}

/// Decodes `%20` and the like, after `start`.
fn decode_percent(text: &[u8], start: &[u8]) -> Vec<u8> {
    let mut plain = start.to_vec();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%');
        plain.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    plain
}

/// Returns the reason not to import a folder that this program wrote itself.
pub(super) fn describe_own_folder(source: &Path) -> Option<String> {
    let is_dataset = |folder: &Path| folder.join(FILE_NAME).is_file() && folder.join(PIXELS).is_file();
    if is_dataset(source) {
        return Some("is a dataset that mien imported already: train on it, or import its source again".into());
    }
    let below = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_home = |folder: &Path| {
        below(folder.join("data")).chain(below(folder.to_owned())).any(|entry| is_dataset(&entry.path()))
    };
    is_home(source).then(|| "this folder looks like a mien home, whose datasets are imported already".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_paths_are_read_as_a_terminal_writes_them() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("my data's ünı");
        let file = folder.join("fer set.zip");
        std::fs::create_dir(&folder).and_then(|()| std::fs::write(&file, "x")).expect("written");
        let text = file.to_str().expect("UTF-8");
        let table = [
            text.to_owned(),
            format!("'{}'", text.replace('\'', r"'\''")),
            format!("\"{text}\" "),
            text.replace(' ', r"\ ").replace('\'', r"\'"),
            format!("file://{}", text.replace(' ', "%20").replace('\'', "%27").replace('ü', "%C3%BC")),
            format!("file://localhost{}", text.replace(' ', "%20")),
        ];
        for given in table {
            assert_eq!(dropped_path(Path::new(&given)), file, "{given}");
        }
        assert_eq!(dropped_path(Path::new("'/nowhere/x'")), Path::new("'/nowhere/x'"));
    }
}
