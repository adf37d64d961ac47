//! The keyboard's side: bytes are read on a thread of their own, taken apart, and become events. Keys that come faster
//! than anybody types are a paste that the terminal did not mark as one, or garbage: they become text, so that nothing
//! is launched, stopped or deleted by accident.

mod reader;
mod sequences;

use std::io;
use std::time::Duration;

use crossterm::event::KeyCode;
use rustix::io::Errno;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::Instant;

pub(super) use reader::{ParsedInput, Reader};

use crate::tui::key::Key;
use crate::tui::messages::Event;

/// As many keys at once are typed by nobody, unless one is held down.
const TYPED_AT_ONCE: usize = 24;

/// What comes within this time after a burst belongs to it.
const BURST: Duration = Duration::from_millis(300);

/// As many bytes are read at once, which is what the kernel keeps.
const READ: usize = 4_096;

/// Reads that are not taken in yet; when there are more, reading waits, and with it whoever sends.
const READS: usize = 16;

/// More bytes than this at once may be the beginning of a flood, whose next bytes are then waited for a moment.
const SUSPICIOUS: usize = 8;

/// That moment.
const MOMENT: Duration = Duration::from_millis(5);

/// What one read gave.
#[derive(Debug)]
pub(super) struct Chunk {
    at: Instant,
    bytes: Vec<u8>,
}

/// Reads standard input from now on, which must be a terminal in raw mode. What is received ends with the terminal.
///
/// A read of ours, on a thread of its own: the event source of crossterm blocks in the middle of a sequence, and with
/// it everything else, keeps a paste without an end in memory, and hears of no Ctrl-C behind half a sequence.
pub(super) fn listen() -> Receiver<Chunk> {
    let (chunks, received) = mpsc::channel(READS);
    std::thread::spawn(move || {
        let stdin = io::stdin();
        loop {
            let mut bytes = vec![0; READ];
            match rustix::io::read(&stdin, &mut bytes) {
                // A mode that somebody else set may end a read without a byte; a terminal that is gone has no mode.
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

/// Turns what is read into events.
#[derive(Debug, Default)]
pub(super) struct Keyboard {
    reader: Reader,
    typing: Typing,
    /// Until when the rest of what has begun is waited for.
    until: Option<Instant>,
}

impl Keyboard {
    /// Goes on after this reader.
    pub(super) fn new(reader: Reader, now: Instant) -> Self {
        let until = reader.patience().map(|patience| now + patience);
        Self { reader, typing: Typing::default(), until }
    }

    /// When what has begun is given up, unless more of it comes.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// What was typed before anybody listened.
    pub(super) fn typed(&mut self, events: Vec<Event>, now: Instant) -> Vec<Event> {
        self.typing.events(events, now, now)
    }

    /// What this and all that has come besides means.
    pub(super) async fn take(&mut self, chunk: Chunk, chunks: &mut Receiver<Chunk>) -> Vec<Event> {
        let (first, mut last) = (chunk.at, chunk.at);
        let mut heard = ParsedInput::default();
        if chunk.bytes.len() > SUSPICIOUS && chunks.is_empty() {
            tokio::time::sleep(MOMENT).await;
        }
        self.reader.take(&chunk.bytes, &mut heard);
        // Not more at once: a paste of a megabyte leaves room for frames.
        for _ in 0..READS {
            let Ok(chunk) = chunks.try_recv() else { break };
            last = chunk.at;
            self.reader.take(&chunk.bytes, &mut heard);
        }
        self.until = self.reader.patience().map(|patience| last + patience);
        self.typing.events(heard.typed, first, last)
    }

    /// No more of it has come: what has begun is whole.
    pub(super) fn give_up(&mut self, now: Instant) -> Vec<Event> {
        let mut heard = ParsedInput::default();
        self.reader.finish(&mut heard);
        self.until = None;
        self.typing.events(heard.typed, now, now)
    }
}

/// Tells what is typed from what floods in.
#[derive(Debug, Default)]
struct Typing {
    burst_until: Option<Instant>,
}

impl Typing {
    /// What all that came from `first` to `last` means.
    fn events(&mut self, typed: Vec<Event>, first: Instant, last: Instant) -> Vec<Event> {
        let keys: Vec<Key> = typed.iter().filter_map(key).collect();
        let held = keys.windows(2).all(|pair| pair[0] == pair[1]) && keys.first().is_none_or(|key| can_be_held(*key));
        let goes_on = self.burst_until.is_some_and(|until| first < until);
        if keys.is_empty() || !goes_on && (keys.len() <= TYPED_AT_ONCE || held) {
            return typed;
        }
        // The one way out works whatever happens.
        let leave = keys.last() == Some(&Key::ctrl('c'));
        if leave && keys.len() == 1 {
            return typed;
        }
        self.burst_until = Some(last + BURST);
        // Nobody clicks in the middle of it.
        let other = |event: &Event| !matches!(event, Event::Key(_) | Event::Click(_) | Event::Scroll(_));
        let text: String = keys.iter().filter_map(|key| character(*key)).collect();
        let mut events: Vec<Event> = typed.into_iter().filter(other).collect();
        if !text.is_empty() {
            events.push(Event::Paste(text));
        }
        if leave {
            events.push(Event::Key(Key::ctrl('c')));
        }
        events
    }
}

fn key(event: &Event) -> Option<Key> {
    if let Event::Key(key) = event { Some(*key) } else { None }
}

/// Whether many of this key at once may be one that is held down: lines without a word in them are a paste.
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
