//! Writes to stdout and stderr without panicking when they are closed.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;

use super::exit::{CommandError, Exit};
use super::table::cut_lines;
use crate::domain::ascii::{has_unicode, to_ascii};
use crate::domain::text::{printable_json, printable_lines};

/// Prints text to stdout and flushes it, so that a reader of a pipe sees each line as it comes. Control characters
/// other than line ends are replaced, because they could steer the terminal, and all but ASCII on a terminal without
/// Unicode.
pub(super) fn print(text: &str) -> Result<(), CommandError> {
    verbatim(&shown(text, &io::stdout()))
}

/// Returns text as a stream shows it.
fn shown(text: &str, stream: &impl IsTerminal) -> String {
    let text = printable_lines(text);
    if stream.is_terminal() && !has_unicode(|name| std::env::var(name).ok()) {
        return text.chars().map(to_ascii).collect();
    }
    text
}

/// Prints a table to stdout, with lines cut to the width of a terminal. Elsewhere lines are whole, for scripts.
pub(super) fn table(text: &str) -> Result<(), CommandError> {
    columns().map_or_else(|| print(text), |columns| print(&cut_lines(text, columns)))
}

/// Returns the width of the terminal on stdout; `None` if it is none, or its width is unknown.
pub(super) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Returns whether the reader of stdout, a pipe, is gone.
#[cfg_attr(not(feature = "trainer"), allow(dead_code))] // only predictions wait without printing
pub(super) fn is_closed() -> bool {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    let instant = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&instant)).is_ok() && polled[0].revents().contains(PollFlags::ERR)
}

/// Prints text that mien made itself, with its control characters.
pub(super) fn verbatim(text: &str) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(CommandError::Output)
}

/// Prints one line to stdout.
pub(super) fn line(text: &str) -> Result<(), CommandError> {
    print(&format!("{text}\n"))
}

/// Prints a value as indented JSON to stdout.
pub(super) fn json(value: &impl Serialize) -> Result<(), CommandError> {
    verbatim(&json_text(value).map_err(CommandError::Output)?)
}

/// Returns a value as indented JSON that is safe to print, with a line end.
pub(super) fn json_text(value: &impl Serialize) -> io::Result<String> {
    Ok(printable_json(&serde_json::to_string_pretty(value)?) + "\n")
}

/// Prints rows of comma-separated values to stdout; the first row holds the headings.
pub(super) fn csv(rows: &[Vec<String>]) -> Result<(), CommandError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = rows.iter().try_for_each(|row| writer.write_record(row));
    let bytes = written.map_err(io::Error::other).and_then(|()| writer.into_inner().map_err(io::Error::other));
    print(&String::from_utf8_lossy(&bytes.map_err(CommandError::Output)?))
}

/// Prints a row of comma-separated values for each record to stdout, below the names of the fields.
pub(super) fn records(values: &[impl Serialize]) -> Result<(), CommandError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = values.iter().try_for_each(|value| writer.serialize(value));
    let bytes = written.map_err(io::Error::other).and_then(|()| writer.into_inner().map_err(io::Error::other));
    print(&String::from_utf8_lossy(&bytes.map_err(CommandError::Output)?))
}

/// Prints a value as JSON on one line to stdout.
pub(super) fn record(value: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string(value).map_err(|error| CommandError::Output(error.into()))?;
    verbatim(&format!("{}\n", printable_json(&text)))
}

/// Prints a remark on stderr; a closed stderr is ignored.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{}", shown(text, &io::stderr()));
}

/// Prints an error or a warning on stderr, after `mien: `.
pub(super) fn print_error(text: &str) {
    note(&format!("mien: {text}"));
}

/// Acts on each item, prints each error, and returns the items without an error. An error does not skip later items.
pub(super) fn act_on_each<T, E: Display>(items: &[T], mut act: impl FnMut(&T) -> Result<(), E>) -> (Vec<&T>, Exit) {
    let (mut done, mut exit) = (Vec::new(), Exit::Done);
    for item in items {
        match act(item) {
            Ok(()) => done.push(item),
            Err(error) => {
                print_error(&error.to_string());
                exit = Exit::Failed;
            }
        }
    }
    (done, exit)
}
