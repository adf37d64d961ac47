//! Pictures in terminals that draw them by each protocol, and in those that answer late, wrongly or never.
//!
//! The terminal here is simulated: it answers queries and records the shown pictures. Kitty's pictures cover the text
//! until they are deleted by number. Those of iTerm2 and sixel belong to the cells, so text overwrites them; they are
//! drawn into the cells as `PAINT`.

#![cfg(feature = "dashboard")]

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

use crate::lab::Lab;
use crate::terminal::{self, Dashboard, Display};

/// Rows and columns.
const LARGE: (u16, u16) = (40, 120);

/// The character of a cell with a part of a picture.
const PAINT: char = '▓';

/// Pixels of a cell across and down.
const CELL: (u16, u16) = (10, 20);

const FIRST: &str = "\x1b[16t\x1b[c";
const REST: &str = "\x1b[>q\x1b]11;?\x1b\\\x1b[c";
const SIZE: &str = "\x1b[6;20;10t";

/// A query, the delay of its answer, and the answer.
type Answer = (&'static str, Duration, String);

fn immediate_answers(first: &str, rest: &str) -> Vec<Answer> {
    vec![(FIRST, Duration::ZERO, format!("{SIZE}{first}")), (REST, Duration::ZERO, rest.to_owned())]
}

/// A simulated terminal that draws pictures.
struct PictureTerminal {
    cells: vt100::Parser,
    /// Kitty's pictures by number.
    kitty: BTreeMap<String, (u16, u16)>,
    /// The number of pictures drawn so far.
    drawn: usize,
    /// Received bytes without a complete sequence.
    incomplete: Vec<u8>,
    /// All received bytes.
    received: Vec<u8>,
    /// The answers to queries that have not arrived yet.
    answers: Vec<Answer>,
}

/// The screen at an instant.
#[derive(Debug)]
struct View {
    text: String,
    kitty: usize,
    drawn: usize,
}

impl Deref for View {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl View {
    /// Whether the screen shows a picture.
    fn has_pictures(&self) -> bool {
        self.kitty > 0 || self.contains(PAINT)
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn value<'a>(words: &'a str, key: &str, separators: &[char]) -> Option<&'a str> {
    words.split(separators).find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

impl Display for PictureTerminal {
    type View = View;

    fn process_bytes(&mut self, bytes: &[u8]) {
        self.received.extend(bytes);
        self.incomplete.extend(bytes);
        loop {
            let begins: [(&[u8], &[u8]); 3] =
                [(b"\x1b_G", b"\x1b\\"), (b"\x1b]1337;", b"\x07"), (b"\x1bP0;1q", b"\x1b\\")];
            let first = begins.iter().filter_map(|(begin, end)| Some((find(&self.incomplete, begin)?, *end))).min();
            let Some((at, end)) = first else {
                // The beginning of a sequence may be incomplete.
                let keep =
                    self.incomplete.iter().rposition(|byte| *byte == 0x1b).filter(|at| self.incomplete.len() - at < 8);
                let plain: Vec<u8> = self.incomplete.drain(..keep.unwrap_or(self.incomplete.len())).collect();
                return self.cells.process(&plain);
            };
            let plain: Vec<u8> = self.incomplete.drain(..at).collect();
            self.cells.process(&plain);
            let Some(length) = find(&self.incomplete, end) else { return };
            let sequence: Vec<u8> = self.incomplete.drain(..length + end.len()).collect();
            self.draw(&String::from_utf8_lossy(&sequence));
        }
    }

    fn answers(&mut self) -> Vec<(String, Duration)> {
        let is_asked = |(asked, ..): &Answer| find(&self.received, asked.as_bytes()).is_some();
        let (asked, not_yet) = std::mem::take(&mut self.answers).into_iter().partition(is_asked);
        self.answers = not_yet;
        let asked: Vec<Answer> = asked;
        asked.into_iter().map(|(_, later, answer)| (answer, later)).collect()
    }

    fn answers_attributes(&self) -> bool {
        false
    }

    fn cells(&mut self) -> &mut vt100::Parser {
        &mut self.cells
    }

    fn view(&self) -> View {
        View { text: self.cells.screen().contents(), kitty: self.kitty.len(), drawn: self.drawn }
    }
}

impl PictureTerminal {
    fn draw(&mut self, words: &str) {
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u16>().ok()).expect("a number");
        if let Some(rest) = words.strip_prefix("\x1b_G") {
            let keys = rest.split(';').next().unwrap_or_default().trim_end_matches("\x1b\\");
            let id = value(keys, "i", &[',']).unwrap_or_default().to_owned();
            match value(keys, "a", &[',']) {
                Some("T") => {
                    self.drawn += 1;
                    self.kitty.insert(id, self.cells.screen().cursor_position());
                }
                Some("d") => drop(self.kitty.remove(&id).expect("a picture that is shown")),
                _ => {}
            }
            return;
        }
        self.drawn += 1;
        let (columns, rows) = if words.starts_with("\x1b]") {
            (number(value(words, "width", &[';', ':'])), number(value(words, "height", &[';', ':'])))
        } else {
            let sizes: Vec<&str> = words.split(['"', ';', '#']).skip(4).take(2).collect();
            (number(sizes.first().copied()).div_ceil(CELL.0), number(sizes.get(1).copied()).div_ceil(CELL.1))
        };
        let (row, column) = self.cells.screen().cursor_position();
        let mut paint = String::from("\x1b7");
        for line in 0..rows {
            let cells = PAINT.to_string().repeat(columns.into());
            paint.extend([format!("\x1b[{};{}H", row + line + 1, column + 1), cells]);
        }
        self.cells.process((paint + "\x1b8").as_bytes());
    }
}

/// Opens the dashboard in a terminal of 120×40 with these answers and variables.
fn open(lab: &Lab, variables: &[(&str, &str)], answers: Vec<Answer>) -> Dashboard<PictureTerminal> {
    let mut command = terminal::mien(lab.home());
    for (name, value) in variables {
        command.env(name, value);
    }
    let cells = vt100::Parser::new(LARGE.0, LARGE.1, 0);
    let shown = PictureTerminal {
        cells,
        kitty: BTreeMap::new(),
        drawn: 0,
        incomplete: Vec::new(),
        received: Vec::new(),
        answers,
    };
    Dashboard::run_on(shown, LARGE, command)
}

/// Ends the dashboard with a key.
fn quit(terminal: &mut Dashboard<PictureTerminal>) {
    let status = terminal.leave("q");
    assert!(status.success(), "{status:?}");
}

fn demo() -> Lab {
    let lab = Lab::new();
    lab.text(&["data", "demo"]);
    lab
}

#[test]
fn pictures_are_drawn_and_deleted_with_their_screen_in_each_protocol() {
    let lab = demo();
    let kitty = [("TERM", "xterm-kitty"), ("KITTY_WINDOW_ID", "1")];
    let mut protocols = vec![
        ("kitty", &kitty[..], immediate_answers("\x1b[?62;c", "\x1bP>|kitty(0.35)\x1b\\\x1b[?62;c")),
        (
            "iTerm2",
            &[("LC_TERMINAL", "iTerm2")][..],
            immediate_answers("\x1b[?62;c", "\x1bP>|iTerm2 3.5\x1b\\\x1b[?62;c"),
        ),
        ("sixel", &[][..], immediate_answers("\x1b[?62;4c", "\x1bP>|foot(1.16)\x1b\\\x1b[?62;4c")),
    ];
    // The query with one pixel of a picture precedes the other queries, and so does its answer.
    protocols[0].2[1].2.insert_str(0, "\x1b_Gi=31;OK\x1b\\");
    for (name, variables, answers) in protocols {
        let mut terminal = open(&lab, variables, answers);
        let pictures = |shown: &View| shown.contains("share of") && shown.has_pictures();
        terminal.wait(&format!("pictures of {name}"), pictures);
        assert!(!terminal.text().contains('▀'), "{name}: pictures take the place of cells");

        terminal.press("?");
        terminal.wait("the help", |shown| shown.contains("keys: type"));
        terminal.press("\x1b");
        terminal.wait("the pictures again", |shown| pictures(shown) && !shown.contains("keys: type"));

        terminal.press("3");
        terminal.wait("no picture over the runs", |shown| !shown.contains("share of") && !shown.has_pictures());
        terminal.press("1");
        terminal.wait("the pictures again", pictures);

        let before = terminal.view().drawn;
        terminal.resize((30, 100));
        terminal.wait("pictures for another size", |shown| pictures(shown) && shown.drawn > before);
        quit(&mut terminal);
        assert_eq!(terminal.view().kitty, 0, "{name}: pictures stay after the end");
    }
}

#[test]
fn late_wrong_and_missing_answers_type_nothing_and_keep_half_blocks() {
    let lab = demo();
    let never = Vec::new();
    let late = vec![(FIRST, Duration::from_secs(2), format!("{SIZE}\x1b[?62;4c"))];
    // As keys, its letters would lead to the runs and back to the help.
    let later = Duration::from_secs(4);
    let later = vec![
        (FIRST, Duration::ZERO, format!("{SIZE}\x1b[?62;4c")),
        (REST, later, "\x1bP>|foot\x1b\\\x1b]11;rgb:3333/3333/3333\x1b\\\x1b[?62;4c".to_owned()),
    ];
    let garbage = vec![(FIRST, Duration::ZERO, "\x1b[999;3z\x1b_Gnonsense?\x1b\\\x1b]11;3333?\x1b\\".to_owned())];
    let in_tmux = immediate_answers("\x1b[?62;c", "\x1bP>|tmux 3.4\x1b\\\x1b[?62;c");
    let tmux = [("TMUX", "/tmp/tmux-0/default,1,0"), ("TERM", "tmux-256color"), ("KITTY_WINDOW_ID", "1")];
    let table = [
        ("never", &[][..], never, false),
        ("late", &[][..], late, false),
        // Its ability to draw was answered in time.
        ("after the first answer", &[][..], later, true),
        ("garbage", &[][..], garbage, false),
        ("tmux", &tmux[..], in_tmux, false),
    ];
    for (name, variables, answers, sixels) in table {
        let times = answers.len();
        let mut terminal = open(&lab, variables, answers);
        terminal.wait(&format!("faces, {name}"), |shown| shown.contains(if sixels { PAINT } else { '▀' }));
        // The key is sent after the last answer.
        terminal.wait_for_answers(times);
        terminal.press("v");
        terminal.wait(&format!("the next split, {name}"), |shown| shown.contains("share of validation"));
        let shown = terminal.text();
        assert!(shown.contains("▸ angry") && shown.contains("disgust"), "{name}: something was typed\n{shown}");
        assert_eq!(terminal.view().drawn > 0, sixels, "{name}");
        quit(&mut terminal);
    }
}

#[test]
fn the_first_frame_does_not_wait_for_answers() {
    let lab = demo();
    // It answers the first query only; keys are read when the wait for the rest has ended.
    let silent = vec![(FIRST, Duration::ZERO, format!("{SIZE}\x1b[?62;4c"))];
    let mut terminal = open(&lab, &[], silent);
    terminal.press("2");
    terminal.wait("the form", |shown| shown.contains("[ Launch ]"));
    let all = terminal.bytes();
    let data = find(&all, b"disgust").expect("a frame of the Data screen before the key was read");
    let form = find(&all, b"[ Launch ]").expect("the form");
    assert!(data < form);
    quit(&mut terminal);
}
