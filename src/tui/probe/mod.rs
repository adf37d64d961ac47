//! Detects properties of the terminal: its graphics protocol, the size of a cell, and its background.
//!
//! The environment hints at the kind of terminal, and the terminal confirms it within a bounded time while data is
//! read. Keys typed meanwhile are returned, and the same parser separates later answers from keys. A terminal that does
//! not answer the first query in time receives no second one.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::input::{InputParser, ParsedInput};
use super::terminal_facts::{Graphics, TerminalFacts};
use crate::tui::messages::Event;

/// The result of a probe.
#[derive(Debug, Default)]
pub(super) struct ProbeResult {
    /// The detected properties.
    pub(super) facts: TerminalFacts,
    /// Keys and pastes that arrived during the probe.
    pub(super) typed: Vec<Event>,
    /// The parser, with the bytes of an incomplete sequence.
    pub(super) parser: InputParser,
}

/// The longest wait for the first answer. Over a slow line it takes several tenths of a second; without it, there are
/// no pictures. Keys wait as long in a terminal that never answers.
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest wait for the second answer.
const SECOND_TIMEOUT: Duration = Duration::from_secs(2);

/// Queries for the size of a cell (XTWINOPS 16) and the device attributes (DA1).
const FIRST_QUERY: &[u8] = b"\x1b[16t\x1b[c";

/// Queries for name and version (XTVERSION) and the background (OSC 11). DA1 follows because every terminal answers it;
/// its answer ends the wait.
const SECOND_QUERY: &[u8] = b"\x1b[>q\x1b]11;?\x1b\\\x1b[c";

/// The query whether kitty's graphics protocol is supported, with a picture of one pixel.
const KITTY_QUERY: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\";

/// The input and output of a terminal.
pub(super) trait TerminalIo {
    /// Writes all bytes.
    ///
    /// # Errors
    /// When the terminal fails.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Reads the available bytes, waiting at most this time for the first; empty if none arrives.
    ///
    /// # Errors
    /// When the terminal fails.
    fn read(&mut self, patience: Duration) -> io::Result<Vec<u8>>;

    /// Returns width and height of a cell in pixels, if the system knows them.
    fn cell(&self) -> Option<[u16; 2]>;
}

/// The graphics protocol that the environment suggests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// A terminal that shows queries as text, so none is sent.
    NoQueries,
    /// None: the answers decide.
    Unknown,
    Kitty,
    Iterm,
}

fn graphics_hint(variable: &dyn Fn(&str) -> Option<String>) -> Hint {
    let value = |name: &str| variable(name).unwrap_or_default();
    let has = |name: &str| !value(name).is_empty();
    let (term, program) = (value("TERM"), value("TERM_PROGRAM"));
    if matches!(term.as_str(), "" | "dumb" | "linux") {
        return Hint::NoQueries;
    }
    // Inside a multiplexer the variables describe the terminal in which it was started, and another may be attached by
    // now. tmux itself answers whether it passes sixels on.
    if has("TMUX") || has("STY") || has("ZELLIJ") || term.starts_with("screen") || term.starts_with("tmux") {
        return Hint::Unknown;
    }
    if has("KITTY_WINDOW_ID") || term.contains("kitty") || term.contains("ghostty") || program == "ghostty" {
        Hint::Kitty
    } else if has("WEZTERM_PANE") || program == "WezTerm" || program == "iTerm.app" || value("LC_TERMINAL") == "iTerm2"
    {
        Hint::Iterm
    } else {
        Hint::Unknown
    }
}

/// Probes the terminal. `wanted` is the user's choice of graphics, which overrides the answers.
pub(super) fn probe(
    terminal: &mut dyn TerminalIo,
    variable: &dyn Fn(&str) -> Option<String>,
    wanted: Option<Graphics>,
) -> ProbeResult {
    let hint = graphics_hint(variable);
    let mut result = ProbeResult::default();
    result.facts.cell = terminal.cell();
    result.facts.graphics = wanted.unwrap_or_default();
    if hint == Hint::NoQueries {
        return result;
    }
    let mut parser = InputParser::default();
    let mut parsed = ParsedInput::default();
    // An error is ignored here, because the next read of keys will report it.
    if query(terminal, FIRST_QUERY, FIRST_TIMEOUT, 1, &mut parser, &mut parsed).is_ok() && parsed.attribute_reports == 1
    {
        let kitty = if hint == Hint::Kitty { KITTY_QUERY } else { &[] };
        let _ = query(terminal, &[kitty, SECOND_QUERY].concat(), SECOND_TIMEOUT, 2, &mut parser, &mut parsed);
    }
    result.facts.cell = result.facts.cell.or(parsed.cell);
    result.facts.background = parsed.background;
    let colours = variable("NO_COLOR").is_none_or(|value| value.is_empty());
    result.facts.graphics =
        wanted.unwrap_or(if colours { choose_graphics(hint, &parsed, &result.facts) } else { Graphics::Blocks });
    if result.facts.graphics == Graphics::Sixel && result.facts.cell.is_none() {
        result.facts.graphics = Graphics::Blocks;
    }
    result.typed = parsed.typed;
    result.parser = parser;
    result
}

fn choose_graphics(hint: Hint, parsed: &ParsedInput, facts: &TerminalFacts) -> Graphics {
    let named = |names: &[&str]| names.iter().any(|name| parsed.name.starts_with(name));
    if hint == Hint::Kitty && parsed.kitty {
        Graphics::Kitty
    } else if parsed.attribute_reports > 0 && (hint == Hint::Iterm || named(&["iTerm2", "WezTerm"])) {
        Graphics::Iterm
    } else if parsed.sixel && facts.cell.is_some() {
        Graphics::Sixel
    } else {
        Graphics::Blocks
    }
}

/// Writes a query and reads until as many DA1 answers as `answers` arrived in total, or the time is up.
fn query(
    terminal: &mut dyn TerminalIo,
    query: &[u8],
    time: Duration,
    answers: u32,
    parser: &mut InputParser,
    parsed: &mut ParsedInput,
) -> io::Result<()> {
    terminal.write(query)?;
    let end = Instant::now() + time;
    while parsed.attribute_reports < answers {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let bytes = terminal.read(left)?;
        if bytes.is_empty() {
            break;
        }
        parser.parse(&bytes, parsed);
    }
    Ok(())
}

/// The terminal on standard input and output, which must be in raw mode.
pub(super) struct Console;

impl TerminalIo for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    fn read(&mut self, patience: Duration) -> io::Result<Vec<u8>> {
        let stdin = io::stdin();
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        let ready = || poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&patience));
        if rustix::io::retry_on_intr(ready)? == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; 4096];
        // `Stdin` is not used: bytes in its buffer would be lost to the thread that reads keys.
        let read = rustix::io::read(&stdin, &mut bytes);
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
