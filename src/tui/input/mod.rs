//! Reads the terminal's input on its own thread and converts it to events. Keys that arrive faster than anyone types
//! are an unmarked paste or noise. They become text, so that they launch, stop or delete nothing.

mod parser;
mod sequences;

use std::io;
use std::time::Duration;

use crossterm::event::KeyCode;
use rustix::io::Errno;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::Instant;

pub(super) use parser::{InputParser, ParsedInput};

use crate::tui::key::Key;
use crate::tui::messages::Event;

/// The most keys at once that count as typed, unless one key is held down.
const MAX_TYPED_AT_ONCE: usize = 24;

/// Input within this time after a burst belongs to the burst.
const BURST: Duration = Duration::from_millis(300);

/// The bytes of one read: the size of the kernel's buffer.
const READ_BYTES: usize = 4_096;

/// The most unhandled reads. Further reads wait, and with them the sender.
const MAX_UNHANDLED_READS: usize = 16;

/// A read of more bytes than this may begin a burst, so its next bytes are awaited for [`BURST_WAIT`].
const POSSIBLE_BURST: usize = 8;

/// The wait for the next bytes of a possible burst.
const BURST_WAIT: Duration = Duration::from_millis(5);

/// The bytes of one read, with its time.
#[derive(Debug)]
pub(super) struct Chunk {
    at: Instant,
    bytes: Vec<u8>,
}

/// Starts a thread that reads standard input, which must be a terminal in raw mode. The channel closes with the
/// terminal.
///
/// crossterm's event source is not used. It blocks within an incomplete sequence, stores a paste without an end in
/// memory, and misses Ctrl-C after half a sequence.
pub(super) fn start_reading() -> Receiver<Chunk> {
    let (chunks, received) = mpsc::channel(MAX_UNHANDLED_READS);
    std::thread::spawn(move || {
        let stdin = io::stdin();
        loop {
            let mut bytes = vec![0; READ_BYTES];
            match rustix::io::read(&stdin, &mut bytes) {
                // Another program may have set a mode in which reads return no bytes. A closed terminal has no
                // attributes.
                Ok(0) | Err(Errno::AGAIN) if rustix::termios::tcgetattr(&stdin).is_ok() => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Ok(0) => return,
                Ok(count) => {
                    bytes.truncate(count);
                    if chunks.blocking_send(Chunk { at: Instant::now(), bytes }).is_err() {
                        return;
                    }
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    });
    received
}

/// Converts read bytes to events.
#[derive(Debug, Default)]
pub(super) struct Keyboard {
    parser: InputParser,
    burst_filter: BurstFilter,
    /// The time at which an incomplete sequence is given up.
    deadline: Option<Instant>,
}

impl Keyboard {
    /// Returns a keyboard that continues with the parser of the probe.
    pub(super) fn new(parser: InputParser, now: Instant) -> Self {
        let deadline = parser.timeout().map(|timeout| now + timeout);
        Self { parser, burst_filter: BurstFilter::default(), deadline }
    }

    /// Returns the time at which an incomplete sequence is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Filters events that were parsed during the probe.
    pub(super) fn filter_bursts(&mut self, events: Vec<Event>, now: Instant) -> Vec<Event> {
        self.burst_filter.events(events, now, now)
    }

    /// Returns the events of a chunk and of further chunks that have arrived.
    pub(super) async fn read_chunk(&mut self, chunk: Chunk, chunks: &mut Receiver<Chunk>) -> Vec<Event> {
        let (first, mut last) = (chunk.at, chunk.at);
        let mut parsed = ParsedInput::default();
        if chunk.bytes.len() > POSSIBLE_BURST && chunks.is_empty() {
            tokio::time::sleep(BURST_WAIT).await;
        }
        self.parser.parse(&chunk.bytes, &mut parsed);
        // The number of chunks is limited, so that frames are drawn during a paste of a megabyte.
        for _ in 0..MAX_UNHANDLED_READS {
            let Ok(chunk) = chunks.try_recv() else { break };
            last = chunk.at;
            self.parser.parse(&chunk.bytes, &mut parsed);
        }
        self.deadline = self.parser.timeout().map(|timeout| last + timeout);
        self.burst_filter.events(parsed.typed, first, last)
    }

    /// Ends the incomplete sequence, and returns its events.
    pub(super) fn time_out(&mut self, now: Instant) -> Vec<Event> {
        let mut parsed = ParsedInput::default();
        self.parser.finish(&mut parsed);
        self.deadline = None;
        self.burst_filter.events(parsed.typed, now, now)
    }
}

/// Converts bursts of keys to pastes.
#[derive(Debug, Default)]
struct BurstFilter {
    burst_until: Option<Instant>,
}

impl BurstFilter {
    /// Returns the events for input that arrived between `first` and `last`.
    fn events(&mut self, typed: Vec<Event>, first: Instant, last: Instant) -> Vec<Event> {
        let keys: Vec<Key> = typed.iter().filter_map(key_of).collect();
        let held = keys.windows(2).all(|pair| pair[0] == pair[1]) && keys.first().is_none_or(|key| can_be_held(*key));
        let continues = self.burst_until.is_some_and(|until| first < until);
        if keys.is_empty() || !continues && (keys.len() <= MAX_TYPED_AT_ONCE || held) {
            return typed;
        }
        // Ctrl-C at the end of a burst still quits.
        let quits = keys.last() == Some(&Key::ctrl('c'));
        if quits && keys.len() == 1 {
            return typed;
        }
        self.burst_until = Some(last + BURST);
        // Clicks and scrolls within a burst are noise.
        let other = |event: &Event| !matches!(event, Event::Key(_) | Event::Click(_) | Event::Scroll(_));
        let text: String = keys.iter().filter_map(|key| character(*key)).collect();
        let mut events: Vec<Event> = typed.into_iter().filter(other).collect();
        if !text.is_empty() {
            events.push(Event::Paste(text));
        }
        if quits {
            events.push(Event::Key(Key::ctrl('c')));
        }
        events
    }
}

fn key_of(event: &Event) -> Option<Key> {
    if let Event::Key(key) = event { Some(*key) } else { None }
}

/// Returns whether many of this key at once may be a held key. Many Enters are a paste of empty lines.
fn can_be_held(key: Key) -> bool {
    key.code != KeyCode::Enter
}

fn character(key: Key) -> Option<char> {
    match key.code {
        KeyCode::Char(c) if !key.ctrl && !key.alt => Some(c),
        KeyCode::Enter => Some('\n'),
        KeyCode::Tab => Some('\t'),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
