//! Fuzz targets of [`crate::fuzzing`]: the input of a terminal and a config file, as arbitrary bytes.

use std::fs;

use crate::domain::text::printable;
use crate::tui::config::load_from;
use crate::tui::input::{InputParser, ParsedInput};
use crate::tui::messages::Event;

/// Parses the input of a terminal in pieces whose lengths are part of the bytes.
pub(crate) fn input(bytes: &[u8]) {
    let mut parser = InputParser::default();
    let mut parsed = ParsedInput::default();
    let mut rest = bytes;
    while let Some((length, behind)) = rest.split_first() {
        let (piece, behind) = behind.split_at(usize::from(length % 64).min(behind.len()));
        parser.parse(piece, &mut parsed);
        let _ = parser.timeout();
        rest = behind;
    }
    parser.finish(&mut parsed);
    assert_eq!(parser.timeout(), None, "the parser waits after its input ended");
    assert!(parsed.typed.len() <= bytes.len());
    for event in &parsed.typed {
        if let Event::Paste(text) = event {
            assert!(text.len() <= bytes.len() * 3);
        }
    }
}

/// Reads the bytes as a config file.
pub(crate) fn config(bytes: &[u8]) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("config.toml");
    fs::write(&path, bytes).expect("written");
    for problem in load_from(&path, true).problems {
        let message = problem.to_string();
        assert_eq!(printable(&message), message);
        assert!(message.contains("config.toml"));
    }
}
