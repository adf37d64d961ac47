//! Files that stand in the place of another file: what a link to a download often leads to.

use std::fmt;

/// A file in the place of the wanted one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placeholder {
    /// A web page, with its title if it has one.
    WebPage(Option<String>),
    /// A pointer of Git LFS, with the length of the wanted file if it states one.
    LfsPointer(Option<u64>),
}

/// The bytes at the beginning that are looked at.
const LOOKED_AT: usize = 4096;

/// The longest title that is shown, in characters.
const LONGEST_TITLE: usize = 80;

impl Placeholder {
    /// Recognizes a placeholder by the beginning of a file.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]);
        let head = head.trim_start();
        let lower = head.to_ascii_lowercase();
        if lower.starts_with("version https://git-lfs.github.com/spec/") {
            let size = head.lines().find_map(|line| line.strip_prefix("size ")?.trim().parse().ok());
            return Some(Self::LfsPointer(size));
        }
        // A page may begin with a comment or an XML declaration.
        let begins = |text: &str| lower.starts_with(text);
        let is_page =
            ["<!doctype html", "<html", "<head", "<body", "<title", "<script", "<meta"].into_iter().any(begins)
                || (["<!--", "<?xml"].into_iter().any(begins) && lower.contains("<html"));
        is_page.then(|| Self::WebPage(title(head, &lower)))
    }
}

/// Returns the text of the title, if it is whole and not empty. `lower` has the same bytes in lower case.
fn title(head: &str, lower: &str) -> Option<String> {
    let from = lower.find("<title")?;
    let from = from + lower[from..].find('>')? + 1;
    let to = from + lower[from..].find("</title")?;
    let words: Vec<&str> = head[from..to].split_whitespace().collect();
    let title: String = words.join(" ").chars().take(LONGEST_TITLE).collect();
    (!title.is_empty()).then_some(title)
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WebPage(title) => {
                let title = title.as_ref().map_or_else(String::new, |title| format!(" ('{title}')"));
                write!(f, "a web page{title}: the address led to a page about the file, download the file itself")
            }
            Self::LfsPointer(size) => {
                let size = size.map_or_else(String::new, |size| format!(" of {size} bytes"));
                write!(f, "a Git LFS pointer and not the file{size} that it stands for: fetch that with `git lfs pull`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_pointers_are_recognized_and_data_is_not() {
        let page = |title: Option<&str>| Some(Placeholder::WebPage(title.map(str::to_owned)));
        let table: [(&[u8], Option<Placeholder>); 13] = [
            (b"<!DOCTYPE html><html>", page(None)),
            (b"\n <HTML><head><TITLE>\n Sign\n in </TITLE>", page(Some("Sign in"))),
            (b"\xef\xbb\xbf<html>", page(None)),
            (b"<!-- generated --><html><title></title>", page(None)),
            (b"<?xml version=\"1.0\"?><!DOCTYPE html><html xmlns=\"\">", page(None)),
            (b"<?xml version=\"1.0\"?><Error/>", None),
            (b"<title>unfinished", page(None)),
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 63\n",
                Some(Placeholder::LfsPointer(Some(63))),
            ),
            (b"version https://git-lfs.github.com/spec/v1", Some(Placeholder::LfsPointer(None))),
            (b"version 1", None),
            (b"PK\x03\x04<html>", None),
            (b"emotion,pixels\n", None),
            (b"", None),
        ];
        for (bytes, expected) in table {
            assert_eq!(Placeholder::of(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
        let long = format!("<html><title>{}</title>", "é".repeat(1000));
        let Some(Placeholder::WebPage(Some(title))) = Placeholder::of(long.as_bytes()) else { panic!("a page") };
        assert_eq!(title.chars().count(), LONGEST_TITLE);
        assert!(page(Some("x")).expect("a page").to_string().contains("('x')"));
    }
}
