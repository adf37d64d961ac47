//! The rules of the texts: no private terms, sentences of at most 25 words, lines of at most 120 columns.
//!
//! docs/glossary.md holds the terms themselves.

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
const UNFINISHED: [&str; 3] = ["src/cli/", "src/tui/screens/", "src/tui/messages/"];

/// A documentation comment, joined to one text.
struct Comment {
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
fn comments(path: &Path) -> Vec<Comment> {
    let source = fs::read_to_string(path).expect("a source");
    let (mut found, mut open, mut is_code) = (Vec::<Comment>::new(), false, false);
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
            let place = format!("{}:{}", path.strip_prefix(root()).unwrap_or(path).display(), number + 1);
            found.push(Comment { place, text: text.to_owned() });
            open = true;
        }
    }
    found
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

fn all_comments() -> Vec<Comment> {
    let sources = files(&root().join("src"), &[".rs"]);
    assert!(sources.len() > 300, "{} sources", sources.len());
    let all = sources.iter().flat_map(|path| comments(path));
    all.filter(|comment| !UNFINISHED.iter().any(|folder| comment.place.starts_with(folder))).collect()
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} places:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn comments_use_the_words_of_the_field() {
    let mut faults = Vec::new();
    for comment in all_comments() {
        for (word, better) in AVOIDED {
            if contains(&comment.text, word) {
                faults.push(format!("{}: '{word}' (better: {better}): {}", comment.place, comment.text));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn comments_begin_with_what_they_are_about() {
    let faults: Vec<_> = all_comments()
        .iter()
        .filter(|comment| OPENINGS.iter().any(|opening| comment.text.starts_with(opening)))
        .map(|comment| format!("{}: {}", comment.place, comment.text))
        .collect();
    assert_none(&faults);
}

#[test]
fn sentences_of_comments_are_short() {
    let mut faults = Vec::new();
    for comment in all_comments() {
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
    assert_eq!(
        sentences("A first one, e.g. this. A second of 1.5 s."),
        ["A first one, e.g. this.", "A second of 1.5 s."]
    );
}
