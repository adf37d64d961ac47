//! What a terminal sends and what a config file says, under any bytes at all: targets of [`crate::fuzzing`].

use std::fs;

use crate::domain::text::printable;
use crate::tui::config::load_from;
use crate::tui::input::{ParsedInput, Reader};
use crate::tui::messages::Event;

/// What a terminal sends, in pieces whose lengths the input itself gives.
pub(crate) fn input(bytes: &[u8]) {
    let mut reader = Reader::default();
    let mut heard = ParsedInput::default();
    let mut rest = bytes;
    while let Some((length, behind)) = rest.split_first() {
        let (piece, behind) = behind.split_at(usize::from(length % 64).min(behind.len()));
        reader.take(piece, &mut heard);
        let _ = reader.patience();
        rest = behind;
    }
    reader.finish(&mut heard);
    assert_eq!(reader.patience(), None, "something is waited for that never comes");
    assert!(heard.typed.len() <= bytes.len());
    for event in &heard.typed {
        if let Event::Paste(text) = event {
            assert!(text.len() <= bytes.len() * 3);
        }
    }
}

/// A config file.
pub(crate) fn config(bytes: &[u8]) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("config.toml");
    fs::write(&path, bytes).expect("written");
    for problem in load_from(&path, true).problems {
        let words = problem.to_string();
        assert_eq!(printable(&words), words);
        assert!(words.contains("config.toml"));
    }
}
