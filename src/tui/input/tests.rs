//! Keys, bursts, noise, and incomplete sequences.

use proptest::prelude::*;

use super::*;
use crate::tui::key::Key;
use crate::tui::messages::Event;

fn describe(events: &[Event]) -> String {
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

fn read(pieces: &[&[u8]]) -> (String, InputParser, ParsedInput) {
    let (mut parser, mut parsed) = (InputParser::default(), ParsedInput::default());
    for piece in pieces {
        parser.parse(piece, &mut parsed);
    }
    (describe(&parsed.typed), parser, parsed)
}

fn typed(text: &str) -> Vec<Event> {
    let mut parsed = ParsedInput::default();
    InputParser::default().parse(text.as_bytes(), &mut parsed);
    parsed.typed
}

#[test]
fn sequences_become_keys() {
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
        let (found, parser, _) = read(pieces);
        assert_eq!((found.as_str(), parser.timeout()), (expected, None), "{pieces:?}");
    }
}

#[test]
fn incomplete_input_ends_when_nothing_follows() {
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
        let (found, mut parser, mut parsed) = read(&[bytes]);
        assert!(found.is_empty() && parser.timeout().is_some(), "{bytes:?}");
        parser.finish(&mut parsed);
        parser.parse(b"j", &mut parsed);
        assert_eq!(describe(&parsed.typed), format!("{expected}j;"), "{bytes:?}");
    }
}

#[test]
fn typed_keys_are_keys_and_bursts_are_text() {
    let start = Instant::now();
    let mut burst_filter = BurstFilter::default();
    let mut receive = |after: u64, text: &str| {
        let at = start + Duration::from_millis(after);
        describe(&burst_filter.events(typed(text), at, at))
    };
    assert_eq!(receive(0, "2jj\r"), "2;j;j;Enter;");
    assert_eq!(receive(10, &"j".repeat(500)), "j;".repeat(500), "a held key");
    assert_eq!(receive(20, &"\r".repeat(500)), "paste 500;", "Enter is never held");
    assert_eq!(receive(30, &"2\ry".repeat(400)), "paste 1200;");
    assert_eq!(receive(100, "2\r"), "paste 2;", "the rest of the burst");
    assert_eq!(receive(390, "2\r\x1b[A\x1b[<0;1;1M"), "paste 2;", "the burst continues");
    assert_eq!(receive(700, "2\r"), "2;Enter;", "typed again after the burst");
}

#[test]
fn ctrl_c_quits_within_a_burst() {
    let start = Instant::now();
    let mut burst_filter = BurstFilter::default();
    burst_filter.events(typed(&"ab".repeat(400)), start, start);
    assert_eq!(describe(&burst_filter.events(typed("\x03"), start, start)), "Ctrl-C;");
    assert_eq!(describe(&burst_filter.events(typed("ab\x03"), start, start)), "paste 2;Ctrl-C;");
}

#[tokio::test(flavor = "current_thread")]
async fn an_answer_begun_during_the_probe_is_completed() {
    let now = Instant::now();
    let (before, parser, _) = read(&[b"j\x1b]11;rgb:1e1e"]);
    let mut keyboard = Keyboard::new(parser, now);
    let (send, mut chunks) = mpsc::channel(MAX_UNHANDLED_READS);
    for bytes in [&b"\x1b\\k"[..], b"l"] {
        send.send(Chunk { at: now, bytes: bytes.to_vec() }).await.expect("room");
    }
    let first = Chunk { at: now, bytes: b"/1e1e/2e2e".to_vec() };
    assert!(keyboard.deadline().is_some());
    let after = describe(&keyboard.read_chunk(first, &mut chunks).await);
    assert_eq!((before + &after, keyboard.deadline()), ("j;k;l;".into(), None));
    // A burst during the probe becomes a paste.
    let mut keyboard = Keyboard::default();
    assert_eq!(describe(&keyboard.filter_bursts(typed(&"2\r".repeat(50)), now)), "paste 100;");
    let rest = Chunk { at: now, bytes: b"2\r".to_vec() };
    assert_eq!(describe(&keyboard.read_chunk(rest, &mut chunks).await), "paste 2;");
}

/// Bytes of a bad connection: noise, and parts of what terminals send.
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
    fn ctrl_c_works_after_any_noise(pieces in prop::collection::vec(noise(), 0..40)) {
        let (mut parser, mut parsed) = (InputParser::default(), ParsedInput::default());
        for piece in &pieces {
            parser.parse(piece, &mut parsed);
        }
        parser.parse(&[parser::CTRL_C], &mut parsed);
        prop_assert!(matches!(parsed.typed.last(), Some(Event::Key(key)) if *key == Key::ctrl('c')));
        prop_assert_eq!(parser.timeout(), None);
    }

    #[test]
    fn the_boundaries_of_reads_change_nothing(pieces in prop::collection::vec(noise(), 0..20), cut in 1_usize..50) {
        let all: Vec<u8> = pieces.concat().into_iter().filter(|byte| *byte != parser::CTRL_C).collect();
        let (mut at_once, mut in_pieces) = (ParsedInput::default(), ParsedInput::default());
        let (mut one, mut other) = (InputParser::default(), InputParser::default());
        one.parse(&all, &mut at_once);
        all.chunks(cut).for_each(|chunk| other.parse(chunk, &mut in_pieces));
        one.finish(&mut at_once);
        other.finish(&mut in_pieces);
        prop_assert_eq!(describe(&at_once.typed), describe(&in_pieces.typed));
    }

    #[test]
    fn a_burst_presses_no_key(bytes in prop::collection::vec(any::<u8>(), 200..4_000)) {
        let start = Instant::now();
        let mut burst_filter = BurstFilter::default();
        burst_filter.events(typed(&"2\r".repeat(50)), start, start);
        let mut parsed = ParsedInput::default();
        InputParser::default().parse(&bytes, &mut parsed);
        let at = start + BURST / 2;
        for event in burst_filter.events(parsed.typed, at, at) {
            prop_assert!(matches!(event, Event::Paste(_) | Event::Redraw) || matches!(event, Event::Key(key) if key == Key::ctrl('c')));
        }
    }
}
