//! Expansion and completion of typed paths.

use std::fs;
use std::path::Path;

use crate::data::import::plain_path;

/// Returns the path with the home folder in place of a leading `~`; addresses stay.
pub(super) fn expanded(typed: &str) -> String {
    match (typed.strip_prefix('~'), std::env::var("HOME")) {
        (Some(rest), Ok(home)) if rest.is_empty() || rest.starts_with('/') => home + rest,
        _ => typed.to_owned(),
    }
}

/// Returns the path completed with the common beginning of all fitting files; unchanged where none fits. Quotes,
/// backslashes and `file://`, as terminals write dropped files, are read where no file has the name as typed.
pub(super) fn completed(typed: &str) -> String {
    let as_typed = completed_plain(typed);
    if as_typed != typed || typed.is_empty() {
        return as_typed;
    }
    let plain = plain_path(Path::new(&expanded(typed))).to_string_lossy().into_owned();
    let dropped = completed_plain(&plain);
    let is_there = dropped != plain || Path::new(&plain).exists();
    if is_there && !Path::new(&expanded(typed)).exists() { dropped } else { as_typed }
}

fn completed_plain(typed: &str) -> String {
    let (folder, begun) = typed.rsplit_once('/').map_or(("", typed), |(folder, begun)| (folder, begun));
    let parent = match (typed.contains('/'), folder) {
        (false, _) => ".".to_owned(),
        (true, "") => "/".to_owned(),
        (true, folder) => expanded(folder),
    };
    if typed == "~" {
        return "~/".to_owned();
    }
    let Ok(entries) = fs::read_dir(parent) else { return typed.to_owned() };
    let fits = |name: &String| name.starts_with(begun) && (!name.starts_with('.') || begun.starts_with('.'));
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok().filter(fits)?;
        // Names with control characters are not offered, because the terminal cannot show them.
        let plain = !name.chars().any(char::is_control);
        plain.then(|| if entry.path().is_dir() { name + "/" } else { name })
    });
    let common = names.reduce(|common, name| {
        let same = common.chars().zip(name.chars()).take_while(|(a, b)| a == b);
        same.map(|(c, _)| c).collect()
    });
    match (common, typed.contains('/')) {
        (None, _) => typed.to_owned(),
        (Some(common), false) => common,
        (Some(common), true) => format!("{folder}/{common}"),
    }
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
            assert_eq!(completed(&at(typed)), at(expected), "{typed}");
        }
        fs::create_dir(folder.path().join("my faces")).expect("made");
        let dropped = [
            format!("'{}", at("my")),
            format!("'{}'", at("my faces")),
            at("my\\ fa"),
            format!("file://{}", at("my%20fa")),
        ];
        for typed in dropped {
            assert_eq!(completed(&typed), at("my faces/"), "{typed}");
        }
        assert_eq!(completed("/no/such/folder/x"), "/no/such/folder/x");
        assert_eq!(completed("~"), "~/");
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
