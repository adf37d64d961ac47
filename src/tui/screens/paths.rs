//! Expansion and completion of typed paths.

use std::fs;
use std::path::{Path, PathBuf};

use crate::data::import::{dropped_path, plain_path};
use crate::tui::messages::Completion;

/// Returns the path with the home folder in place of a leading `~`; addresses stay.
pub(in crate::tui::screens) fn expanded(typed: &str) -> String {
    match (typed.strip_prefix('~'), std::env::var("HOME")) {
        (Some(rest), Ok(home)) if rest.is_empty() || rest.starts_with('/') => home + rest,
        _ => typed.to_owned(),
    }
}

/// Completes a path with the common beginning of all fitting files; it stays where none fits. Quotes, backslashes and
/// `file://`, as terminals write dropped files, are read where no file has the name as typed.
pub(in crate::tui::screens) fn complete(typed: String) -> Completion {
    let (mut completed, mut fitting) = complete_plain(&typed);
    if completed == typed && !typed.is_empty() {
        let plain = plain_path(Path::new(&expanded(&typed))).to_string_lossy().into_owned();
        let (dropped, others) = complete_plain(&plain);
        let is_there = dropped != plain || Path::new(&plain).exists();
        if is_there && !Path::new(&expanded(&typed)).exists() {
            (completed, fitting) = (dropped, others);
        }
    }
    let exists = Path::new(&expanded(&completed)).exists();
    Completion { typed, completed, fitting, exists }
}

/// Returns the sources in a line: one path, pattern or address, or several as a shell separates them. A path with
/// spaces needs no quotes where it exists.
pub(in crate::tui::screens) fn sources(typed: &str) -> Vec<PathBuf> {
    let one = |text: &str| dropped_path(Path::new(&expanded(text)));
    let whole = one(typed.trim());
    let words: Vec<PathBuf> = split(typed).into_iter().map(|word| one(&word)).collect();
    // Where no part exists either, the error names the line as a whole.
    if whole.exists() || words.len() < 2 || !words.iter().any(|word| word.exists()) { vec![whole] } else { words }
}

/// Splits a line at spaces outside of quotes, as a shell does. The words keep their quotes.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut escaped) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, _) if c.is_whitespace() => {
                words.push(std::mem::take(&mut word));
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Returns a path with the common beginning of all fitting files, and their names.
fn complete_plain(typed: &str) -> (String, Vec<String>) {
    let (folder, begun) = typed.rsplit_once('/').map_or(("", typed), |(folder, begun)| (folder, begun));
    let parent = match (typed.contains('/'), folder) {
        (false, _) => ".".to_owned(),
        (true, "") => "/".to_owned(),
        (true, folder) => expanded(folder),
    };
    if typed == "~" {
        return ("~/".to_owned(), Vec::new());
    }
    let Ok(entries) = fs::read_dir(parent) else { return (typed.to_owned(), Vec::new()) };
    let fits = |name: &String| name.starts_with(begun) && (!name.starts_with('.') || begun.starts_with('.'));
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok().filter(fits)?;
        // Names with control characters are not offered, because the terminal cannot show them.
        let plain = !name.chars().any(char::is_control);
        plain.then(|| if entry.path().is_dir() { name + "/" } else { name })
    });
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    let common = names.iter().cloned().reduce(|common, name| {
        let same = common.chars().zip(name.chars()).take_while(|(a, b)| a == b);
        same.map(|(c, _)| c).collect()
    });
    let completed = match (common, typed.contains('/')) {
        (None, _) => typed.to_owned(),
        (Some(common), false) => common,
        (Some(common), true) => format!("{folder}/{common}"),
    };
    (completed, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_completed_to_the_common_beginning_of_the_files() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("faces")).expect("made");
        for name in ["fer2013.csv", "fer2013.tar.xz", ".hidden"] {
            fs::write(folder.path().join(name), "12345").expect("written");
        }
        let at = |rest: &str| format!("{}/{rest}", folder.path().display());
        let table = [
            ("fe", "fer2013."),
            ("fa", "faces/"),
            ("fer2013.c", "fer2013.csv"),
            ("x", "x"),
            ("", "f"),
            (".h", ".hidden"),
        ];
        for (typed, expected) in table {
            assert_eq!(complete(at(typed)).completed, at(expected), "{typed}");
        }
        fs::create_dir(folder.path().join("my faces")).expect("made");
        let dropped = [
            format!("'{}", at("my")),
            format!("'{}'", at("my faces")),
            at("my\\ fa"),
            format!("file://{}", at("my%20fa")),
        ];
        for typed in dropped {
            assert_eq!(complete(typed.clone()).completed, at("my faces/"), "{typed}");
        }
        assert_eq!(complete("/no/such/folder/x".into()).completed, "/no/such/folder/x");
        assert_eq!(complete("~".into()).completed, "~/");
    }

    #[test]
    fn a_line_holds_one_source_or_several_as_a_terminal_writes_them() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.png", "my face.png", "it's.png"] {
            fs::write(folder.path().join(name), "x").expect("written");
        }
        let at = |rest: &str| format!("{}/{rest}", folder.path().display());
        let table: [(String, &[&str]); 8] = [
            (at("a.png"), &["a.png"]),
            (at("my face.png"), &["my face.png"]),
            (format!(" '{}' ", at("my face.png")), &["my face.png"]),
            (format!("'{}' {} ", at("my face.png"), at("a.png")), &["my face.png", "a.png"]),
            (format!("{} {}", at("my\\ face.png"), at("it\\'s.png")), &["my face.png", "it's.png"]),
            (format!("file://{} {}", at("my%20face.png"), at("a.png")), &["my face.png", "a.png"]),
            (format!("{} {}", at("*.jpg"), at("a.png")), &["*.jpg", "a.png"]),
            (at("no such face.png"), &["no such face.png"]),
        ];
        for (line, expected) in table {
            let expected: Vec<PathBuf> = expected.iter().map(|name| folder.path().join(name)).collect();
            assert_eq!(sources(&line), expected, "{line}");
        }
        assert_eq!(sources("https://example.org/a.jpg"), [PathBuf::from("https://example.org/a.jpg")]);
    }

    #[test]
    fn only_a_leading_tilde_is_the_home_folder() {
        let home = std::env::var("HOME").expect("a home");
        assert_eq!(expanded("~/x"), format!("{home}/x"));
        for same in ["/a/~/b", "~other/x", "https://x/~y"] {
            assert_eq!(expanded(same), same);
        }
    }
}
