//! The rules of the texts: no private terms, sentences of at most 25 words, lines of at most 120 columns.
//!
//! docs/glossary.md holds the terms themselves.

use crate::source;
#[allow(dead_code, reason = "another test uses the other parts")]
use std::fs;
use std::path::{Path, PathBuf};

/// The longest line of a source or a page, in characters.
const COLUMNS: usize = 120;

/// The longest sentence of a documentation comment, in words.
const SENTENCE: usize = 25;

/// Words that hide who does what, each with plain ones in their place.
const AVOIDED: [(&str, &str); 23] = [
    ("tell", "report, print, state"),
    ("tells", "reports, prints, states"),
    ("told", "reported, printed, known"),
    ("telling", "reporting"),
    ("said", "stated, set"),
    ("heard", "received"),
    ("hears", "receives"),
    ("anew", "again"),
    ("likewise", "the rule itself"),
    ("whoever", "the caller, the user"),
    ("amiss", "wrong"),
    ("owes", "has pending"),
    ("owed", "pending"),
    ("goes on", "continues, resumes"),
    ("go on", "continue, resume"),
    ("gone on", "continued"),
    ("going on", "continuing"),
    ("held against", "compared with"),
    ("amounts to", "is"),
    ("amount to", "are"),
    ("at rest", "not running"),
    ("at work", "running"),
    ("deed", "effect"),
];

/// Words that a message avoids, too, each with plain ones in their place.
const AVOIDED_IN_MESSAGES: [(&str, &str); 8] = [
    ("nobody", "the name of what is missing"),
    ("somebody", "the user"),
    ("in the way", "exists"),
    ("for good", "permanently"),
    ("look into", "inspect"),
    ("looked into", "inspected"),
    ("on its own", "in the background"),
    ("by itself", "in the background"),
];

/// First words of a documentation comment that leave its subject open.
const OPENINGS: [&str; 15] = [
    "What ",
    "Who ",
    "Whoever ",
    "That ",
    "Those ",
    "These ",
    "It ",
    "They ",
    "Likewise",
    "The same",
    "The others",
    "Such ",
    "Where ",
    "One ",
    "Everything.",
];

/// Modules whose comments do not keep the rules yet. None may be added.
const UNFINISHED: [&str; 0] = [];

/// Parts of the paths of sources whose strings no user sees.
const TESTS: [&str; 4] = ["tests.rs", "/tests/", "hostile.rs", "fuzzing.rs"];

/// A documentation comment, or a string.
struct Text {
    place: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns all files below `folder` whose names end with one of the endings.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(files(&entry, endings));
        } else if endings.iter().any(|ending| entry.to_string_lossy().ends_with(ending)) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

/// Returns the documentation comments of a source, without code blocks, tables and headings.
fn comments(path: &Path) -> Vec<Text> {
    let source = fs::read_to_string(path).expect("a source");
    let (mut found, mut open, mut is_code) = (Vec::<Text>::new(), false, false);
    for (number, line) in source.lines().enumerate() {
        let line = line.trim_start();
        let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            open = false;
            continue;
        };
        let text = text.trim();
        is_code ^= text.starts_with("```");
        let is_prose = !is_code && !text.is_empty() && !text.starts_with(['|', '#', '`', '-', '*']);
        if !is_prose {
            open = false;
        } else if open {
            let comment = found.last_mut().expect("an open comment");
            comment.text += " ";
            comment.text += text;
        } else {
            found.push(Text { place: place(path, number + 1), text: text.to_owned() });
            open = true;
        }
    }
    found
}

/// Returns the strings of a source outside its tests, with the lines of each joined.
fn strings(path: &Path) -> Vec<Text> {
    let text = fs::read_to_string(path).expect("a source");
    let of_line = |string: source::Token| Text {
        place: place(path, string.line),
        text: string.text.split("\\\n").map(str::trim_start).collect::<String>().replace("\\n", " "),
    };
    source::strings(&text).into_iter().map(of_line).collect()
}

fn place(path: &Path, line: usize) -> String {
    format!("{}:{line}", path.strip_prefix(root()).unwrap_or(path).display())
}

/// Returns the sentences of a text; an abbreviation ends none.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(['.', '!', '?']) {
        let after = &text[at + 1..];
        let is_end =
            after.starts_with(' ') && after[1..].starts_with(|c: char| c.is_uppercase() || c == '`' || c == '[');
        if is_end {
            found.push(&text[start..=at]);
            start = at + 2;
        }
    }
    found.push(&text[start..]);
    found
}

/// Whether `words` stand in `text` as whole words, in either case and outside of backticks.
fn contains(text: &str, words: &str) -> bool {
    let prose: String = text.split('`').step_by(2).collect::<Vec<_>>().join("`").to_lowercase();
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    prose
        .match_indices(words)
        .any(|(at, _)| !is_part(prose[..at].chars().next_back()) && !is_part(prose[at + words.len()..].chars().next()))
}

/// Returns these texts of all sources in finished modules.
fn all(texts: fn(&Path) -> Vec<Text>) -> Vec<Text> {
    let sources = files(&root().join("src"), &[".rs"]);
    assert!(sources.len() > 300, "{} sources", sources.len());
    let all = sources.iter().flat_map(|path| texts(path));
    all.filter(|text| !UNFINISHED.iter().any(|folder| text.place.starts_with(folder))).collect()
}

/// Returns a line for each use of an avoided word in the texts.
fn avoided(texts: &[Text], words: &[(&str, &str)]) -> Vec<String> {
    let uses = texts.iter().flat_map(|text| words.iter().map(move |words| (text, words)));
    uses.filter(|(text, (word, _))| contains(&text.text, word))
        .map(|(text, (word, better))| format!("{}: '{word}' (better: {better}): {}", text.place, text.text))
        .collect()
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} places:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn comments_use_the_words_of_the_field() {
    assert_none(&avoided(&all(comments), &AVOIDED));
}

#[test]
fn messages_use_the_words_of_the_field() {
    let mut messages = all(strings);
    messages.retain(|message| !TESTS.iter().any(|part| message.place.contains(part)));
    assert!(messages.len() > 2000, "{} strings", messages.len());
    assert_none(&avoided(&messages, &AVOIDED));
    assert_none(&avoided(&messages, &AVOIDED_IN_MESSAGES));
}

#[test]
fn comments_begin_with_what_they_are_about() {
    let faults: Vec<_> = all(comments)
        .iter()
        .filter(|comment| OPENINGS.iter().any(|opening| comment.text.starts_with(opening)))
        .map(|comment| format!("{}: {}", comment.place, comment.text))
        .collect();
    assert_none(&faults);
}

#[test]
fn sentences_of_comments_are_short() {
    let mut faults = Vec::new();
    for comment in all(comments) {
        for sentence in sentences(&comment.text) {
            let words = sentence.split_whitespace().count();
            if words > SENTENCE {
                faults.push(format!("{}: {words} words: {sentence}", comment.place));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn pages_and_comments_fit_the_columns() {
    let mut pages = files(&root().join("docs"), &[".md"]);
    pages.extend(files(&root().join("src"), &[".rs"]));
    pages.extend(files(&root().join("benches"), &[".md", ".rs", ".py"]));
    pages.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    let mut faults = Vec::new();
    for path in pages {
        let is_source = path.extension().is_some_and(|ending| ending == "rs");
        for (number, line) in fs::read_to_string(&path).expect("a text").lines().enumerate() {
            // rustfmt divides code; rows of a table cannot be divided.
            let counts = if is_source { line.trim_start().starts_with("//") } else { true };
            let columns = line.chars().count();
            if counts && columns > COLUMNS && !line.contains(" | ") {
                faults.push(format!("{}:{}: {columns} columns", path.display(), number + 1));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_rules_find_what_they_forbid() {
    assert!(contains("Who goes on is told.", "goes on") && contains("Told again.", "told"));
    assert!(!contains("the threshold, `told` and retold", "told"));
    let source = "let at = '\"'; // \"told\"\nlet words = f(\"it goes on\", r#\"a \"b\"\"#); mod tests { \"told\" }";
    let strings: Vec<String> = source::strings(source).into_iter().map(|string| string.text).collect();
    assert_eq!(strings, ["it goes on", "a \"b\""]);
    assert_eq!(
        sentences("A first one, e.g. this. A second of 1.5 s."),
        ["A first one, e.g. this.", "A second of 1.5 s."]
    );
}
