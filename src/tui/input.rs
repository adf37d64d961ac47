//! From what the terminal reports to events. Keys that come faster than anybody types are a paste that the terminal did not mark as
//! one, or garbage: they become text, so that nothing is launched, stopped or deleted by accident.

use std::time::Duration;

use crossterm::event::{Event as Reported, KeyCode, KeyEventKind, MouseButton, MouseEventKind};
use tokio::time::Instant;

use super::event::{Event, Key};

/// As many keys at once are typed by nobody, unless one is held down.
const TYPED_AT_ONCE: usize = 24;

/// What comes within this time after a burst belongs to it.
const BURST: Duration = Duration::from_millis(150);

/// Lines that one notch of the wheel moves.
const NOTCH: isize = 3;

/// Sorts what is reported at once into events.
#[derive(Debug, Default)]
pub(super) struct Typing {
    burst_until: Option<Instant>,
}

impl Typing {
    /// What all that was reported since the last time, up to `now`, means on a terminal of this size.
    pub(super) fn events(&mut self, reported: Vec<Reported>, now: Instant, size: (u16, u16)) -> Vec<Event> {
        let keys: Vec<Key> = reported.iter().filter_map(key).collect();
        let held = keys.windows(2).all(|pair| pair[0] == pair[1]);
        let goes_on = self.burst_until.is_some_and(|until| now < until);
        let burst = !keys.is_empty() && (keys.len() > TYPED_AT_ONCE && !held || goes_on);
        if !burst {
            return reported.into_iter().filter_map(|event| one(event, size)).collect();
        }
        self.burst_until = Some(now + BURST);
        let mut events: Vec<Event> =
            reported.into_iter().filter(|event| key(event).is_none()).filter_map(|event| one(event, size)).collect();
        // The one way out works whatever happens.
        if keys.last() == Some(&Key::ctrl('c')) && goes_on {
            events.push(Event::Key(Key::ctrl('c')));
        } else {
            events.push(Event::Paste(keys.iter().filter_map(|key| character(*key)).collect()));
        }
        events
    }
}

fn key(event: &Reported) -> Option<Key> {
    match event {
        Reported::Key(event) if event.kind != KeyEventKind::Release => Some(Key::from(*event)),
        _ => None,
    }
}

fn character(key: Key) -> Option<char> {
    match key.code {
        KeyCode::Char(c) if !key.ctrl && !key.alt => Some(c),
        KeyCode::Enter => Some('\n'),
        KeyCode::Tab => Some('\t'),
        _ => None,
    }
}

fn one(event: Reported, size: (u16, u16)) -> Option<Event> {
    let Reported::Mouse(mouse) = event else { return Event::from_terminal(event) };
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => Some(Event::Click { column: mouse.column, row: mouse.row, size }),
        MouseEventKind::ScrollUp => Some(Event::Scroll(-NOTCH)),
        MouseEventKind::ScrollDown => Some(Event::Scroll(NOTCH)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyEvent, KeyModifiers, MouseEvent};

    use super::*;

    fn typed(text: &str) -> Vec<Reported> {
        let code = |c| if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
        text.chars().map(|c| Reported::Key(KeyEvent::new(code(c), KeyModifiers::NONE))).collect()
    }

    fn words(events: &[Event]) -> String {
        let word = |event: &Event| match event {
            Event::Key(key) => format!("{};", super::super::keymap::name(*key)),
            Event::Paste(text) => format!("paste {};", text.len()),
            Event::Scroll(lines) => format!("scroll {lines};"),
            Event::Click { column, row, .. } => format!("click {column} {row};"),
            other => format!("{other:?};"),
        };
        events.iter().map(word).collect()
    }

    #[test]
    fn keys_are_keys_and_floods_are_text() {
        let start = Instant::now();
        let mut typing = Typing::default();
        let mut hear =
            |after: u64, text: &str| words(&typing.events(typed(text), start + Duration::from_millis(after), (80, 24)));
        assert_eq!(hear(0, "2jj\n"), "2;j;j;Enter;");
        assert_eq!(hear(10, &"j".repeat(500)), "j;".repeat(500), "a key that is held down");
        assert_eq!(hear(20, &"2\ny".repeat(400)), "paste 1200;");
        assert_eq!(hear(100, "2\n"), "paste 2;", "the rest of it");
        assert_eq!(hear(240, "2\n"), "paste 2;", "and the rest of that");
        assert_eq!(hear(400, "2\n"), "2;Enter;", "then somebody types again");
    }

    #[test]
    fn a_flood_cannot_lock_anybody_in() {
        let start = Instant::now();
        let mut typing = Typing::default();
        typing.events(typed(&"ab".repeat(400)), start, (80, 24));
        let leave = vec![Reported::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL))];
        assert_eq!(words(&typing.events(leave, start + Duration::from_millis(5), (80, 24))), "Ctrl-C;");
    }

    #[test]
    fn the_mouse_clicks_and_scrolls() {
        let mouse = |kind| Reported::Mouse(MouseEvent { kind, column: 3, row: 4, modifiers: KeyModifiers::NONE });
        let all = [MouseEventKind::Down(MouseButton::Left), MouseEventKind::ScrollUp, MouseEventKind::Moved];
        let events = Typing::default().events(all.into_iter().map(mouse).collect(), Instant::now(), (80, 24));
        assert_eq!(words(&events), "click 3 4;scroll -3;");
    }
}
