//! Terminals that answer, answer late, answer nonsense, and never answer, while keys are typed.

use std::collections::VecDeque;

use super::*;
use crate::tui::key::Key;
use crate::tui::messages::Event;
use crate::tui::terminal_facts::{Graphics, TerminalFacts};

/// A terminal that answers each query with its next reply, in pieces.
struct FakeTerminal {
    replies: VecDeque<Vec<&'static [u8]>>,
    arriving: VecDeque<&'static [u8]>,
    written: Vec<u8>,
    cell: Option<[u16; 2]>,
}

impl FakeTerminal {
    fn new(replies: Vec<Vec<&'static [u8]>>) -> Self {
        Self { replies: replies.into(), arriving: VecDeque::new(), written: Vec::new(), cell: None }
    }
}

impl TerminalIo for FakeTerminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written.extend_from_slice(bytes);
        self.arriving.extend(self.replies.pop_front().unwrap_or_default());
        Ok(())
    }

    fn read(&mut self, _: Duration) -> io::Result<Vec<u8>> {
        Ok(self.arriving.pop_front().map(<[u8]>::to_vec).unwrap_or_default())
    }

    fn cell(&self) -> Option<[u16; 2]> {
        self.cell
    }
}

fn environment(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

/// Returns the typed keys, with an incomplete sequence as the keys that it stands for.
fn keys(answer: &mut ProbeResult) -> String {
    let mut parsed = ParsedInput { typed: std::mem::take(&mut answer.typed), ..ParsedInput::default() };
    answer.parser.finish(&mut parsed);
    answer.typed = parsed.typed;
    let word = |event: &Event| match event {
        Event::Key(key) if key.alt => format!("Alt-{:?} ", key.code),
        Event::Key(key) => format!("{:?} ", key.code),
        other => format!("{other:?} "),
    };
    answer.typed.iter().map(word).collect()
}

type Variables = &'static [(&'static str, &'static str)];

/// The reply to each query, in pieces.
type Replies = Vec<Vec<&'static [u8]>>;

const XTERM: &[(&str, &str)] = &[("TERM", "xterm-256color")];
const KITTY: &[(&str, &str)] = &[("TERM", "xterm-kitty"), ("KITTY_WINDOW_ID", "1")];

#[test]
fn graphics_follow_from_answers_and_environment() {
    let first: &[u8] = b"\x1b[6;20;10t\x1b[?62;c";
    let table: [(&str, Variables, Replies, Graphics); 9] = [
        (
            "kitty",
            KITTY,
            vec![vec![first], vec![b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.35)\x1b\\\x1b[?62;c"]],
            Graphics::Kitty,
        ),
        ("kitty's variables and another terminal", KITTY, vec![vec![first], vec![b"\x1b[?62;c"]], Graphics::Blocks),
        ("iTerm2 by name", XTERM, vec![vec![first], vec![b"\x1bP>|iTerm2 3.5.0\x1b\\\x1b[?62;c"]], Graphics::Iterm),
        (
            "WezTerm by variable",
            &[("TERM", "x"), ("TERM_PROGRAM", "WezTerm")],
            vec![vec![first], vec![first]],
            Graphics::Iterm,
        ),
        ("foot: sixel", XTERM, vec![vec![b"\x1b[6;20;10t\x1b[?62;4;22c"], vec![b"\x1b[?62;4;22c"]], Graphics::Sixel),
        ("sixel, but cells of unknown size", XTERM, vec![vec![b"\x1b[?62;4c"], vec![b"\x1b[?62;4c"]], Graphics::Blocks),
        ("class 4 is no sixel", XTERM, vec![vec![b"\x1b[6;20;10t\x1b[?4;6c"], vec![b"\x1b[?4;6c"]], Graphics::Blocks),
        (
            "kitty under tmux",
            &[("TERM", "tmux-256color"), ("TMUX", "x"), ("KITTY_WINDOW_ID", "1")],
            vec![vec![first], vec![b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c"]],
            Graphics::Blocks,
        ),
        ("never answers", XTERM, vec![], Graphics::Blocks),
    ];
    for (case, variables, replies, expected) in table {
        let mut answer = probe(&mut FakeTerminal::new(replies), &environment(variables), None);
        assert_eq!((answer.facts.graphics, keys(&mut answer).as_str()), (expected, ""), "{case}");
    }
}

#[test]
fn the_config_file_and_no_color_override_the_answers() {
    let sixel = || {
        FakeTerminal::new(vec![vec![b"\x1b[6;20;10t\x1b[?62;4c"], vec![b"\x1b]11;rgb:ffff/ffff/dddd\x07\x1b[?62;4c"]])
    };
    let plain = &[("TERM", "xterm"), ("NO_COLOR", "1")];
    let answer = probe(&mut sixel(), &environment(plain), None);
    assert_eq!(
        answer.facts,
        TerminalFacts { graphics: Graphics::Blocks, cell: Some([10, 20]), background: Some([255, 255, 221]) }
    );
    assert_eq!(probe(&mut sixel(), &environment(XTERM), Some(Graphics::Blocks)).facts.graphics, Graphics::Blocks);
    assert_eq!(probe(&mut sixel(), &environment(XTERM), Some(Graphics::Kitty)).facts.graphics, Graphics::Kitty);
    // Sixels need the size of a cell.
    assert_eq!(
        probe(&mut FakeTerminal::new(vec![]), &environment(XTERM), Some(Graphics::Sixel)).facts.graphics,
        Graphics::Blocks
    );
}

#[test]
fn a_terminal_that_does_not_answer_receives_no_second_query() {
    let mut fake = FakeTerminal::new(vec![vec![]]);
    probe(&mut fake, &environment(XTERM), None);
    assert_eq!(fake.written, FIRST_QUERY);
    for term in ["dumb", "linux", ""] {
        let mut fake = FakeTerminal::new(vec![]);
        probe(&mut fake, &|name| (name == "TERM").then(|| term.into()), None);
        assert_eq!(fake.written, b"", "{term}");
    }
    // Neither half of an answer is read as keys.
    let halves = vec![vec![&b"\x1b[?62;c"[..]], vec![b"j\x1b]11;rgb:00"]];
    let mut answer = probe(&mut FakeTerminal::new(halves), &environment(XTERM), None);
    let mut parsed = ParsedInput::default();
    answer.parser.parse(b"00/0000/0000\x1b\\\x1b[?62;ck", &mut parsed);
    answer.typed.append(&mut parsed.typed);
    assert_eq!(keys(&mut answer), "Char('j') Char('k') ");
}

#[test]
fn keys_typed_during_the_probe_are_returned() {
    let table: [(&str, Vec<&'static [u8]>, &str); 9] = [
        ("keys around an answer", vec![b"j\x1b[?62;c3"], "Char('j') Char('3') "),
        ("an answer in single pieces", vec![b"\x1b", b"[?", b"62;4", b"c"], ""),
        ("arrows and pages", vec![b"\x1b[A\x1bOB\x1b[5~\x1b[?62;c"], "Up Down PageUp "),
        ("Esc alone", vec![b"\x1b"], "Esc "),
        ("Esc, then a key", vec![b"\x1b\x1b[B"], "Esc Down "),
        ("Alt and a bracket", vec![b"\x1b]x"], "Alt-Char(']') Char('x') "),
        ("letters of any alphabet, in pieces", vec![b"\xc3", b"\xa9\r\x7f"], "Char('é') Enter Backspace "),
        ("nonsense", vec![b"\x1b[999;999z\x1b_Gi=garbage\x1b\\\xff\x00"], ""),
        ("a paste", vec![b"\x1b[200~qq\x1b[20", b"1~q\x1b[?62;c"], "Paste(\"qq\") Char('q') "),
    ];
    for (case, pieces, expected) in table {
        assert_eq!(
            keys(&mut probe(&mut FakeTerminal::new(vec![pieces]), &environment(XTERM), None)),
            expected,
            "{case}"
        );
    }
    let ctrl = probe(&mut FakeTerminal::new(vec![vec![b"\x03"]]), &environment(XTERM), None);
    assert!(matches!(ctrl.typed[..], [Event::Key(key)] if key == Key::ctrl('c')));
}

#[test]
fn a_paste_longer_than_the_probe_is_one_paste() {
    let mut answer = probe(&mut FakeTerminal::new(vec![vec![b"\x1b[200~q"]]), &environment(XTERM), None);
    let mut parsed = ParsedInput::default();
    answer.parser.parse(b"uit\x1b[201~", &mut parsed);
    answer.typed.append(&mut parsed.typed);
    assert_eq!(keys(&mut answer), "Paste(\"quit\") ");
}
