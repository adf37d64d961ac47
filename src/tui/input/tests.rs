//! Keys, floods, garbage, and things that are cut off.

use proptest::prelude::*;

use super::*;
use crate::tui::key::Key;
use crate::tui::messages::Event;

fn words(events: &[Event]) -> String {
    let word = |event: &Event| match event {
        Event::Key(key) => {
            let code = match key.code {
                KeyCode::Char('c') if key.ctrl => "C".into(),
                KeyCode::Char(c) => c.to_string(),
                KeyCode::F(number) => format!("F{number}"),
                code => format!("{code:?}"),
            };
            format!("{}{}{code};", if key.ctrl { "Ctrl-" } else { "" }, if key.alt { "Alt-" } else { "" })
        }
        Event::Paste(text) => format!("paste {};", text.len()),
        Event::Scroll(lines) => format!("scroll {lines};"),
        Event::Click(at) => format!("click {} {};", at.x, at.y),
        other => format!("{other:?};"),
    };
    events.iter().map(word).collect()
}

fn read(pieces: &[&[u8]]) -> (String, Reader, ParsedInput) {
    let (mut reader, mut heard) = (Reader::default(), ParsedInput::default());
    for piece in pieces {
        reader.take(piece, &mut heard);
    }
    (words(&heard.typed), reader, heard)
}

fn typed(text: &str) -> Vec<Event> {
    let mut heard = ParsedInput::default();
    Reader::default().take(text.as_bytes(), &mut heard);
    heard.typed
}

#[test]
fn sequences_are_keys() {
    let table: [(&[&[u8]], &str); 15] = [
        (&[b"j3\r\t\x7f"], "j;3;Enter;Tab;Backspace;"),
        (&[b"\x1b[A\x1bOB\x1b[1;5C\x1b[5;3~"], "Up;Down;Ctrl-Right;Alt-PageUp;"),
        (&[b"\x1bOP\x1b[12~\x1b[24~\x1b[[A\x1b[Z\x1b[2~"], "F1;F2;F12;F1;BackTab;Insert;"),
        (&[b"\x1b", b"[", b"B"], "Down;"),
        (&[b"\x1bx\x1b]x"], "Alt-x;Alt-];x;"),
        ("é漢".as_bytes().chunks(1).collect::<Vec<_>>().leak(), "é;漢;"),
        (&[b"\xe6\xbcj\xff\xc3j"], "j;j;"),
        (&[b"\x1b[<0;4;5M\x1b[<0;4;5m\x1b[<64;1;1M\x1b[<35;1;1M\x1b[M $%"], "click 3 4;scroll -3;click 3 4;"),
        (&[b"\x1b[I\x1b[O"], "Redraw;"),
        (&[b"\x1b[200~q\r\x1b[A", b"y\x1b[20", b"1~j"], "paste 6;j;"),
        (&[b"\x1b[6;20;10t\x1b[?62;4c\x1b]11;rgb:0/0/0\x07\x1bP>|x\x1b\\\x1b_Gi=31;OK\x1b\\k"], "k;"),
        (&[b"\x1b]52;c;", &[b'A'; 9_000], b"qy\r\x1b", b"\\j"], "j;"),
        (&[b"\x1b[12\x03"], "Ctrl-C;"),
        (&[b"\x1b]11;rgb\x03\x1b[<0;1\x1b[Aj"], "Ctrl-C;Up;j;"),
        (&[b"\x1b[200~never ends", b"\x03"], "paste 10;Ctrl-C;"),
    ];
    for (pieces, expected) in table {
        let (found, reader, _) = read(pieces);
        assert_eq!((found.as_str(), reader.patience()), (expected, None), "{pieces:?}");
    }
}

#[test]
fn what_has_begun_ends_when_no_more_comes() {
    let table: [(&[u8], &str); 7] = [
        (b"\x1b", "Esc;"),
        (b"\x1b]", "Alt-];"),
        (b"\x1b[12", ""),
        (b"\x1b]11;rgb", ""),
        (b"\xe6\xbc", ""),
        (b"\x1b[200~q\r\x1b[20", "paste 6;"),
        (b"\x1b[M!", ""),
    ];
    for (bytes, expected) in table {
        let (found, mut reader, mut heard) = read(&[bytes]);
        assert!(found.is_empty() && reader.patience().is_some(), "{bytes:?}");
        reader.finish(&mut heard);
        reader.take(b"j", &mut heard);
        assert_eq!(words(&heard.typed), format!("{expected}j;"), "{bytes:?}");
    }
}

#[test]
fn keys_are_keys_and_floods_are_text() {
    let start = Instant::now();
    let mut typing = Typing::default();
    let mut hear = |after: u64, text: &str| {
        let at = start + Duration::from_millis(after);
        words(&typing.events(typed(text), at, at))
    };
    assert_eq!(hear(0, "2jj\r"), "2;j;j;Enter;");
    assert_eq!(hear(10, &"j".repeat(500)), "j;".repeat(500), "a key that is held down");
    assert_eq!(hear(20, &"\r".repeat(500)), "paste 500;", "nobody holds this one");
    assert_eq!(hear(30, &"2\ry".repeat(400)), "paste 1200;");
    assert_eq!(hear(100, "2\r"), "paste 2;", "the rest of it");
    assert_eq!(hear(390, "2\r\x1b[A\x1b[<0;1;1M"), "paste 2;", "and the rest of that");
    assert_eq!(hear(700, "2\r"), "2;Enter;", "then somebody types again");
}

#[test]
fn a_flood_cannot_lock_anybody_in() {
    let start = Instant::now();
    let mut typing = Typing::default();
    typing.events(typed(&"ab".repeat(400)), start, start);
    assert_eq!(words(&typing.events(typed("\x03"), start, start)), "Ctrl-C;");
    assert_eq!(words(&typing.events(typed("ab\x03"), start, start)), "paste 2;Ctrl-C;");
}

#[tokio::test(flavor = "current_thread")]
async fn what_began_while_the_terminal_was_asked_goes_on() {
    let now = Instant::now();
    let (before, reader, _) = read(&[b"j\x1b]11;rgb:1e1e"]);
    let mut keyboard = Keyboard::new(reader, now);
    let (send, mut chunks) = mpsc::channel(READS);
    for bytes in [&b"\x1b\\k"[..], b"l"] {
        send.send(Chunk { at: now, bytes: bytes.to_vec() }).await.expect("room");
    }
    let first = Chunk { at: now, bytes: b"/1e1e/2e2e".to_vec() };
    assert!(keyboard.until().is_some());
    let after = words(&keyboard.take(first, &mut chunks).await);
    assert_eq!((before + &after, keyboard.until()), ("j;k;l;".into(), None));
    // A burst while it was asked is a burst.
    let mut keyboard = Keyboard::default();
    assert_eq!(words(&keyboard.typed(typed(&"2\r".repeat(50)), now)), "paste 100;");
    let rest = Chunk { at: now, bytes: b"2\r".to_vec() };
    assert_eq!(words(&keyboard.take(rest, &mut chunks).await), "paste 2;");
}

/// Bytes as they come from broken lines: noise, and pieces of what terminals send.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        &b"\x1b"[..],
        b"\x1b[",
        b"\x1b[200~",
        b"\x1b[201~",
        b"\x1b]11;",
        b"\x1b\\",
        b"\x1bP>|",
        b"\x1b_G",
        b"\x1b[<0;1;1M",
        b"\x1b[M",
        b"\xe6\xbc",
        b"\x1bO",
        b"\x07",
        b"\x1b]1",
    ]);
    prop_oneof![known.prop_map(<[u8]>::to_vec), prop::collection::vec(any::<u8>(), 0..40)]
}

proptest! {
    #[test]
    fn ctrl_c_is_heard_after_any_noise(pieces in prop::collection::vec(noise(), 0..40)) {
        let (mut reader, mut heard) = (Reader::default(), ParsedInput::default());
        for piece in &pieces {
            reader.take(piece, &mut heard);
        }
        reader.take(&[reader::CTRL_C], &mut heard);
        prop_assert!(matches!(heard.typed.last(), Some(Event::Key(key)) if *key == Key::ctrl('c')));
        prop_assert_eq!(reader.patience(), None);
    }

    #[test]
    fn where_reads_cut_makes_no_difference(pieces in prop::collection::vec(noise(), 0..20), cut in 1_usize..50) {
        let all: Vec<u8> = pieces.concat().into_iter().filter(|byte| *byte != reader::CTRL_C).collect();
        let (mut at_once, mut in_pieces) = (ParsedInput::default(), ParsedInput::default());
        let (mut one, mut other) = (Reader::default(), Reader::default());
        one.take(&all, &mut at_once);
        all.chunks(cut).for_each(|chunk| other.take(chunk, &mut in_pieces));
        one.finish(&mut at_once);
        other.finish(&mut in_pieces);
        prop_assert_eq!(words(&at_once.typed), words(&in_pieces.typed));
    }

    #[test]
    fn a_flood_presses_no_key(bytes in prop::collection::vec(any::<u8>(), 200..4_000)) {
        let start = Instant::now();
        let mut typing = Typing::default();
        typing.events(typed(&"2\r".repeat(50)), start, start);
        let mut heard = ParsedInput::default();
        Reader::default().take(&bytes, &mut heard);
        let at = start + BURST / 2;
        for event in typing.events(heard.typed, at, at) {
            prop_assert!(matches!(event, Event::Paste(_) | Event::Redraw) || matches!(event, Event::Key(key) if key == Key::ctrl('c')));
        }
    }
}
