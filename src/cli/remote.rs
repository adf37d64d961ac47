//! Commands on a home of another machine: those that read use its mirror, and those that act run there.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::rc::Rc;
use std::time::Duration;

use super::exit::{CommandError, Exit};
use super::output;
use super::table::age;
use crate::domain::size::Size;
use crate::domain::text::{printable, printable_lines};
use crate::domain::{HomeAddress, RunId, now};
use crate::homes::protocol::RunFile;
use crate::homes::{Link, LinkError, LinkState, MirrorError};
use crate::runs::RunStore;

/// The use that a command makes of a home on another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RemoteUse {
    /// Reads the mirror.
    Mirror,
    /// Runs there.
    RunRemotely,
    /// Runs here, and asks the home for something.
    Line,
    /// Has nothing to do with a home.
    None,
}

/// The time between two displays of the progress.
const SHOWN: Duration = Duration::from_millis(500);

impl From<MirrorError> for CommandError {
    fn from(error: MirrorError) -> Self {
        Self::Failure(error.to_string())
    }
}

/// Connects to a home and brings its mirror up to date. With `lasting`, a cut line is mended. A home that cannot be
/// reached leaves its mirror as it was, with a remark; without a mirror that is an error.
pub(super) fn open_mirror(address: HomeAddress, lasting: bool) -> Result<Rc<Link>, CommandError> {
    let link = Link::start(address, true, !lasting && io::stdin().is_terminal())?;
    finish_mirror(&link)?;
    Ok(Rc::new(link))
}

/// Connects to a home without its mirror.
pub(super) fn connect(address: HomeAddress) -> Result<Link, CommandError> {
    let name = address.name.clone();
    let link = Link::start(address, false, io::stdin().is_terminal())?;
    let state = link.wait(Duration::MAX / 4, |state| !matches!(state, LinkState::Connecting));
    match state {
        LinkState::Cut { reason, .. } => {
            Err(CommandError::Failure(format!("{name} cannot be reached, so nothing was sent: {reason}")))
        }
        _ => Ok(link),
    }
}

/// Returns whether the mirror of a link has a run.
fn has_runs(link: &Link) -> bool {
    RunStore::new(link.home()).ids().is_ok_and(|ids| !ids.is_empty())
}

/// Waits until the mirror of a link is up to date, or the home cannot be reached.
pub(super) fn finish_mirror(link: &Link) -> Result<(), CommandError> {
    let name = &link.address().name;
    let shows = io::stderr().is_terminal();
    let settled = |state: &LinkState| matches!(state, LinkState::Live { complete: true, .. } | LinkState::Cut { .. });
    let mut has_line = false;
    let state = loop {
        let state = link.wait(SHOWN, settled);
        if settled(&state) {
            break state;
        }
        if shows {
            let words = match state {
                LinkState::Live { pending: Some((runs, bytes)), .. } => {
                    let logs = if runs == 1 { "log" } else { "logs" };
                    format!("{name}: {} of {runs} {logs} to come", Size(bytes))
                }
                _ => format!("{name}: connecting"),
            };
            let _ = write!(io::stderr(), "\r\x1b[K{}", printable(&words));
            has_line = true;
        }
    };
    if has_line {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    match state {
        // A line that was cut before the first run came has left an empty mirror, which would pass for an empty home.
        LinkState::Cut { reason, .. } => {
            match link.contact_at().filter(|_| link.contact().complete || has_runs(link)) {
                Some(at) => {
                    let ago = age(now().saturating_sub(at));
                    output::print_error(&format!("{name} cannot be reached: {reason}; shown is its mirror, {ago} old"));
                    Ok(())
                }
                None => Err(CommandError::Failure(format!("{name} cannot be reached: {reason}"))),
            }
        }
        LinkState::Live { refused, .. } if refused > 0 => {
            output::print_error(&format!(
                "the mirror of {name} is full: the logs of {refused} runs are not in it; set mirror in [homes.{name}]"
            ));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Copies predictions of a run into its mirror. A run without such predictions stays without.
pub(super) fn fetch(link: &Link, run: &RunId, file: RunFile) {
    match link.copy_predictions(run, file) {
        // The command says itself what is missing.
        Ok(()) | Err(LinkError::File(_) | LinkError::Down { .. }) => {}
        Err(error) => output::print_error(&error.to_string()),
    }
}

/// Runs a command in a home on another machine, and returns its exit. Its output is printed here, without anything that
/// could steer the terminal.
pub(super) fn run_remotely(address: HomeAddress, arguments: &[OsString]) -> Result<Exit, CommandError> {
    let name = address.name.clone();
    let words = |argument: &OsString| {
        argument.to_str().map(str::to_owned).ok_or_else(|| {
            CommandError::Usage(format!(
                "'{}' is not UTF-8, and only such arguments can be sent to {name}: rename the file",
                printable(&argument.to_string_lossy())
            ))
        })
    };
    let arguments: Vec<String> = arguments.iter().map(words).collect::<Result<_, _>>()?;
    let link = connect(address)?;
    let (arguments, source) = open_uploaded_source(arguments)?;
    let mut source = source;
    let input = source.as_mut().map(|source| &mut **source as &mut dyn Read);
    let mut text = [Utf8Decoder::default(), Utf8Decoder::default()];
    let mut print = |error: bool, bytes: &[u8]| {
        let words = printable_lines(&text[usize::from(error)].take(bytes));
        if error {
            write!(io::stderr(), "{words}")
        } else {
            let mut stdout = io::stdout().lock();
            stdout.write_all(words.as_bytes()).and_then(|()| stdout.flush())
        }
    };
    let code = link.run(&arguments, input, &mut print).map_err(|error| CommandError::Failure(error.to_string()))?;
    Ok(match code {
        0 => Exit::Done,
        130 => Exit::Stopped,
        code => Exit::There(u8::try_from(code).unwrap_or(1)),
    })
}

/// The commands with a source that is a file here: `data import FILE` and `weights import FILE`.
const IMPORTS: [[&str; 2]; 2] = [["data", "import"], ["weights", "import"]];

/// Returns the arguments of a command, and the file here that it imports, which is sent as its standard input. A source
/// that is no file here is a path there.
#[allow(clippy::type_complexity)] // a pair
fn open_uploaded_source(mut arguments: Vec<String>) -> Result<(Vec<String>, Option<Box<dyn Read>>), CommandError> {
    let imports = IMPORTS.iter().any(|command| arguments.iter().take(2).eq(command.iter()));
    if !imports {
        return Ok((arguments, None));
    }
    let Some(source) = arguments.get_mut(2).filter(|source| !source.starts_with("--")) else {
        return Ok((arguments, None));
    };
    if source == "-" {
        return Ok((arguments, Some(Box::new(io::stdin()))));
    }
    let path = std::path::Path::new(source.as_str());
    if !path.is_file() {
        return Ok((arguments, None));
    }
    let file = File::open(path)
        .map_err(|error| CommandError::Failure(format!("cannot read {}: {error}", printable(source))))?;
    "-".clone_into(source);
    Ok((arguments, Some(Box::new(file))))
}

/// Text of UTF-8 in parts that may divide a character.
#[derive(Default)]
struct Utf8Decoder(Vec<u8>);

impl Utf8Decoder {
    /// Returns the text up to the last whole character.
    fn take(&mut self, bytes: &[u8]) -> String {
        self.0.extend_from_slice(bytes);
        let keep = match std::str::from_utf8(&self.0) {
            // Only an incomplete character at the end waits for its rest.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.0.len(),
        };
        let rest = self.0.split_off(keep);
        let text = String::from_utf8_lossy(&self.0).into_owned();
        self.0 = rest;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divided_character_is_printed_once_it_is_whole() {
        let mut text = Utf8Decoder::default();
        let whole = "aü悲b".as_bytes();
        let parts: Vec<String> = whole.iter().map(|byte| text.take(&[*byte])).collect();
        assert_eq!(parts.concat(), "aü悲b");
        assert_eq!(Utf8Decoder::default().take(b"\xffx"), "\u{fffd}x");
    }

    #[test]
    fn an_import_of_a_file_here_sends_it_and_a_path_there_stays() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("text");
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let table = [
            (words(&["data", "import", path, "--name", "x"]), words(&["data", "import", "-", "--name", "x"]), true),
            (words(&["data", "import", "/there/x.zip"]), words(&["data", "import", "/there/x.zip"]), false),
            (words(&["data", "list"]), words(&["data", "list"]), false),
            (words(&["note", path, path]), words(&["note", path, path]), false),
        ];
        for (given, expected, sends) in table {
            let (arguments, source) = open_uploaded_source(given).expect("readable");
            assert_eq!((arguments, source.is_some()), (expected, sends));
        }
    }
}
