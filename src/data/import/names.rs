//! Names of files in a source as text.
//!
//! Systems store names as bytes. Two different names must never become the same text, because the later image would
//! then replace the earlier one. Names in UTF-8 stay; others are decoded or escaped, both reversibly.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use encoding_rs::Encoding;
use oem_cp::code_table::DECODING_TABLE_CP_MAP;
use unicode_normalization::UnicodeNormalization;

use crate::domain::number_text::count;
use crate::domain::text::printable;

/// The encoding of names that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NameEncoding {
    /// A code page of DOS and of Windows' console, such as 437 or 850.
    CodePage(u16),
    /// An encoding of the web's standard, such as GBK or Shift JIS.
    Web(&'static Encoding),
}

impl NameEncoding {
    /// Code page 437, which zip archives use unless they state another.
    pub(super) const ZIP: Self = Self::CodePage(437);

    /// Decodes bytes; `None` if the text would not give the same bytes again.
    fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            // Every byte of a code page has a character of its own.
            Self::CodePage(page) => DECODING_TABLE_CP_MAP.get(&page)?.decode_string_checked(bytes),
            Self::Web(encoding) => {
                let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
                let (again, _, failed) = encoding.encode(&text);
                (!failed && again == bytes).then(|| text.into_owned())
            }
        }
    }
}

impl fmt::Display for NameEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CodePage(page) => write!(f, "cp{page}"),
            Self::Web(encoding) => f.write_str(encoding.name()),
        }
    }
}

impl FromStr for NameEncoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
        let prefix = text[..text.len() - digits.len()].to_ascii_lowercase();
        let is_page = matches!(prefix.as_str(), "" | "cp" | "cp-" | "ibm" | "oem" | "dos-");
        let page = digits.parse().ok().filter(|page| is_page && DECODING_TABLE_CP_MAP.contains_key(page));
        let web = || Encoding::for_label(text.as_bytes()).map(Self::Web);
        page.map(Self::CodePage).or_else(web).ok_or_else(|| {
            format!(
                "'{}' is not a known encoding: use one such as cp437, cp850, gbk, shift_jis or latin1",
                printable(text)
            )
        })
    }
}

/// Returns a name as text. Names in UTF-8 stay, others are decoded as `encoding` states. Bytes that cannot be decoded
/// are written as `\xE9`.
pub(super) fn decode(bytes: &[u8], encoding: Option<NameEncoding>) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => escape_backslashes(text.into()).into_owned(),
        Err(_) => match encoding.and_then(|encoding| encoding.decode(bytes)) {
            Some(text) => escape_backslashes(text.into()).into_owned(),
            None => escape(bytes),
        },
    }
}

fn escape(bytes: &[u8]) -> String {
    let mut name = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        name += &escape_backslashes(chunk.valid().into());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(name, "\\x{byte:02X}");
        }
    }
    name
}

/// Escapes the backslash of text that reads like an escaped byte. Otherwise a name could equal an escaped one.
fn escape_backslashes(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_escape = |at: usize| {
        let after = text.as_bytes().get(at + 1..at + 4);
        after.is_some_and(|after| after[0] == b'x' && after[1..].iter().all(u8::is_ascii_hexdigit))
    };
    if !text.match_indices('\\').any(|(at, _)| is_escape(at)) {
        return text;
    }
    let mut name = String::with_capacity(text.len() + 4);
    for (at, c) in text.char_indices() {
        if c == '\\' && is_escape(at) { name += "\\x5C" } else { name.push(c) }
    }
    name.into()
}

/// The names of a source that are not UTF-8, counted for a note.
#[derive(Debug, Default)]
pub(super) struct NonUtf8Names {
    count: u64,
    example: String,
}

impl NonUtf8Names {
    /// Returns a name as text by [`decode`], and counts it if it is not UTF-8.
    pub(super) fn decode(&mut self, bytes: &[u8], encoding: Option<NameEncoding>) -> String {
        let name = decode(bytes, encoding);
        if std::str::from_utf8(bytes).is_err() {
            self.count += 1;
            if self.example.is_empty() {
                self.example.clone_from(&name);
            }
        }
        name
    }

    /// Returns a note unless an option states the encoding.
    pub(super) fn note(&self, stated: Option<NameEncoding>, default: Option<NameEncoding>) -> Option<String> {
        let read = default.map_or("shown with codes".into(), |encoding| format!("read as {encoding}"));
        (self.count > 0 && stated.is_none()).then(|| {
            let number = usize::try_from(self.count).unwrap_or(usize::MAX);
            let (names, example) = (count(number, "name", "names"), &self.example);
            let are = if self.count == 1 { "is" } else { "are" };
            format!("{names} {are} not UTF-8 and {are} {read}, such as {example}; --encoding states another encoding")
        })
    }
}

/// Returns the class's name in Unicode's normal form C. A Mac writes folders in form D, which looks the same.
pub(super) fn to_nfc(class: &str) -> String {
    class.nfc().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_decoded_or_escaped() {
        let encoding = |name: &str| Some(name.parse::<NameEncoding>().expect("known"));
        let table: [(&[u8], Option<NameEncoding>, &str); 9] = [
            ("wütend.png".as_bytes(), encoding("gbk"), "wütend.png"),
            (b"\xd5\xc5.png", encoding("gbk"), "张.png"),
            (b"\x82.png", encoding("cp437"), "é.png"),
            (b"\x9b.png", encoding("850"), "ø.png"),
            (b"\x9b.png", encoding("CP437"), "¢.png"),
            (b"caf\xe9.png", encoding("latin1"), "café.png"),
            (b"caf\xe9.png", None, r"caf\xE9.png"),
            (br"caf\xE9.png", None, r"caf\x5CxE9.png"),
            (b"\xd5", encoding("gbk"), r"\xD5"),
        ];
        for (bytes, encoding, text) in table {
            assert_eq!(decode(bytes, encoding), text, "{bytes:?}");
        }
        assert_eq!(NameEncoding::ZIP.to_string().parse(), Ok(NameEncoding::ZIP));
        assert!("klingon\u{1b}".parse::<NameEncoding>().expect_err("none").contains("cp437"));
        assert_eq!(to_nfc("fro\u{308}hlich"), "fröhlich");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn different_names_stay_different(
            names in prop::collection::vec(prop::collection::vec(
                prop::sample::select(vec![b'a', b'\\', b'x', b'E', b'9', 0xe9, 0xd5, 0xc5, 0x82, 0xc3]), 0..7), 2..200),
            encoding in prop::sample::select(vec!["", "gbk", "cp850", "shift_jis", "big5", "iso-2022-jp"]),
        ) {
            let encoding = encoding.parse().ok();
            // Valid UTF-8 and a decoded name may be the same text; an archive that mixes both means the same name.
            let mut seen: HashMap<String, &Vec<u8>> = HashMap::new();
            for name in names.iter().filter(|name| encoding.is_none() || std::str::from_utf8(name).is_err()) {
                let before = seen.insert(decode(name, encoding), name);
                prop_assert!(before.is_none_or(|before| before == name), "{before:?} and {name:?}");
            }
        }
    }
}
