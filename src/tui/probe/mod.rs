//! What the terminal is: whether it draws pictures, how large its cells are, what its background is.
//!
//! The environment tells which kind it may be; the terminal itself confirms it, while the first news is read, within a
//! bounded time. What is typed meanwhile is not lost, and late answers are told from keys by whoever reads on. Only a
//! terminal that answers the first question in time is asked the rest.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

use super::input::{ParsedInput, Reader};
use super::terminal_facts::{Graphics, TerminalFacts};
use crate::tui::messages::Event;

/// What came of asking.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What was learnt.
    pub(super) facts: TerminalFacts,
    /// What was typed and pasted meanwhile.
    pub(super) typed: Vec<Event>,
    /// What has begun and is not whole: the same reader goes on.
    pub(super) reader: Reader,
}

/// How long the first answer may take.
const FIRST: Duration = Duration::from_millis(100);

/// How long the others may take, from a terminal that gave the first one.
const REST: Duration = Duration::from_millis(500);

/// The size of a cell, and what kind of terminal it is.
const ASK_FIRST: &[u8] = b"\x1b[16t\x1b[c";

/// Name and version, and the background; the kind of terminal again, to know that no more is to come.
const ASK_REST: &[u8] = b"\x1b[>q\x1b]11;?\x1b\\\x1b[c";

/// Whether pictures in kitty's way would be taken, one pixel of them.
const ASK_KITTY: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\";

/// A terminal to ask.
pub(super) trait Line {
    /// Writes all of it.
    ///
    /// # Errors
    /// Those of the terminal.
    fn write(&mut self, words: &[u8]) -> io::Result<()>;

    /// What comes within this time, at once if something is there; nothing if nothing comes.
    ///
    /// # Errors
    /// Those of the terminal.
    fn read(&mut self, patience: Duration) -> io::Result<Vec<u8>>;

    /// Width and height of a cell in pixels, if the system knows.
    fn cell(&self) -> Option<[u16; 2]>;
}

/// Which graphics the environment speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// A terminal that would rather not be asked anything.
    Silent,
    /// None in particular: what it answers decides.
    Open,
    Kitty,
    Iterm,
}

fn hint(variable: &dyn Fn(&str) -> Option<String>) -> Hint {
    let value = |name: &str| variable(name).unwrap_or_default();
    let has = |name: &str| !value(name).is_empty();
    let (term, program) = (value("TERM"), value("TERM_PROGRAM"));
    if matches!(term.as_str(), "" | "dumb" | "linux") {
        return Hint::Silent;
    }
    // Inside a multiplexer the variables are those of where it was started, and another terminal may show it by now.
    // tmux itself tells in its answer whether it passes sixels on.
    if has("TMUX") || has("STY") || has("ZELLIJ") || term.starts_with("screen") || term.starts_with("tmux") {
        return Hint::Open;
    }
    if has("KITTY_WINDOW_ID") || term.contains("kitty") || term.contains("ghostty") || program == "ghostty" {
        Hint::Kitty
    } else if has("WEZTERM_PANE") || program == "WezTerm" || program == "iTerm.app" || value("LC_TERMINAL") == "iTerm2"
    {
        Hint::Iterm
    } else {
        Hint::Open
    }
}

/// Asks the terminal. `wanted` is the user's word on pictures, which no answer changes.
pub(super) fn ask(line: &mut dyn Line, variable: &dyn Fn(&str) -> Option<String>, wanted: Option<Graphics>) -> Answer {
    let hint = hint(variable);
    let mut answer = Answer::default();
    answer.facts.cell = line.cell();
    answer.facts.graphics = wanted.unwrap_or_default();
    if hint == Hint::Silent {
        return answer;
    }
    let mut reader = Reader::default();
    let mut heard = ParsedInput::default();
    // A terminal that fails is found to by whoever reads keys next.
    if converse(line, ASK_FIRST, FIRST, 1, &mut reader, &mut heard).is_ok() && heard.kinds == 1 {
        let kitty = if hint == Hint::Kitty { ASK_KITTY } else { &[] };
        let _ = converse(line, &[kitty, ASK_REST].concat(), REST, 2, &mut reader, &mut heard);
    }
    answer.facts.cell = answer.facts.cell.or(heard.cell);
    answer.facts.background = heard.background;
    let colours = variable("NO_COLOR").is_none_or(|value| value.is_empty());
    answer.facts.graphics =
        wanted.unwrap_or(if colours { best(hint, &heard, &answer.facts) } else { Graphics::Blocks });
    if answer.facts.graphics == Graphics::Sixel && answer.facts.cell.is_none() {
        answer.facts.graphics = Graphics::Blocks;
    }
    answer.typed = heard.typed;
    answer.reader = reader;
    answer
}

fn best(hint: Hint, heard: &ParsedInput, facts: &TerminalFacts) -> Graphics {
    let named = |names: &[&str]| names.iter().any(|name| heard.name.starts_with(name));
    if hint == Hint::Kitty && heard.kitty {
        Graphics::Kitty
    } else if heard.kinds > 0 && (hint == Hint::Iterm || named(&["iTerm2", "WezTerm"])) {
        Graphics::Iterm
    } else if heard.sixel && facts.cell.is_some() {
        Graphics::Sixel
    } else {
        Graphics::Blocks
    }
}

/// Says something and listens until the terminal has told its kind this often, at most for a time.
fn converse(
    line: &mut dyn Line,
    words: &[u8],
    time: Duration,
    kinds: u32,
    reader: &mut Reader,
    heard: &mut ParsedInput,
) -> io::Result<()> {
    line.write(words)?;
    let end = Instant::now() + time;
    while heard.kinds < kinds {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let bytes = line.read(left)?;
        if bytes.is_empty() {
            break;
        }
        reader.take(&bytes, heard);
    }
    Ok(())
}

/// The terminal on standard input and output, in raw mode.
pub(super) struct Console;

impl Line for Console {
    fn write(&mut self, words: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(words)?;
        out.flush()
    }

    fn read(&mut self, patience: Duration) -> io::Result<Vec<u8>> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut waiting = before.clone();
        // A read that ends when something is there, or after this many tenths of a second.
        let tenths = u8::try_from(patience.as_millis().div_ceil(100)).unwrap_or(u8::MAX).max(1);
        waiting.special_codes[SpecialCodeIndex::VMIN] = 0;
        waiting.special_codes[SpecialCodeIndex::VTIME] = tenths;
        tcsetattr(&stdin, OptionalActions::Now, &waiting)?;
        let mut bytes = vec![0; 4096];
        // Not through a lock's buffer: what it held would be lost to the reader of keys.
        let read = rustix::io::read(&stdin, &mut bytes);
        tcsetattr(&stdin, OptionalActions::Now, &before)?;
        bytes.truncate(read?);
        Ok(bytes)
    }

    fn cell(&self) -> Option<[u16; 2]> {
        let size = crossterm::terminal::window_size().ok()?;
        let cell = [size.width.checked_div(size.columns)?, size.height.checked_div(size.rows)?];
        (cell[0] > 0 && cell[1] > 0).then_some(cell)
    }
}

#[cfg(test)]
mod tests;
