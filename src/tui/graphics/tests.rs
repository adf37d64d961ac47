//! What is written for pictures, read back as a terminal reads it.

use super::*;

fn face(channels: usize) -> Face {
    let pixel = |at: usize| u8::try_from(at * 7 % 256).unwrap();
    Face::new(48, channels, (0..48 * 48 * channels).map(pixel).collect::<Vec<u8>>())
}

fn placed(x: u16, channels: usize) -> Placed {
    Placed { place: Rect::new(x, 2, 12, 6), face: face(channels) }
}

fn shown(graphics: Graphics) -> Shown {
    let facts = TerminalFacts { graphics, cell: Some([10, 20]), background: None };
    Shown { facts, ..Shown::default() }
}

fn frame() -> Buffer {
    Buffer::filled(Rect::new(0, 0, 80, 24), ratatui::buffer::Cell::new("x"))
}

fn decode(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = (0..4).fold(0_u32, |bits, at| bits << 6 | u32::from(group.get(at).map_or(0, |c| value(*c))));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len().max(1)]);
    }
    bytes
}

#[test]
fn letters_are_those_of_the_standard() {
    for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(base64(bytes.as_bytes()), text);
        assert_eq!(decode(text), bytes.as_bytes());
    }
}

#[test]
fn kitty_is_sent_a_picture_once_and_told_to_delete_it() {
    let (mut shown, mut frame) = (shown(Graphics::Kitty), frame());
    let first = shown.change(vec![placed(1, 1), placed(20, 3)], &mut frame);
    assert_eq!(first.before, "");
    assert!(first.after.starts_with("\x1b[3;2H\x1b_Ga=T,f=100,") && first.after.contains("c=12,r=6,C=1,q=2,m="));
    assert_eq!(frame[(1, 2)].symbol(), " ");
    assert_eq!(frame[(0, 2)].symbol(), "x");
    assert!(shown.are(&[placed(1, 1), placed(20, 3)]) && !shown.are(&[placed(1, 1)]));
    // One goes: it is deleted, the other is not sent again.
    let second = shown.change(vec![placed(1, 1)], &mut frame);
    assert!(second.before.starts_with("\x1b_Ga=d,d=I,i=") && second.after.is_empty());
    assert_eq!(second.before.matches("a=d").count(), 1);
    assert_eq!(shown.forget().matches("a=d").count(), 1);
    assert_eq!(shown.forget(), "");
}

#[test]
fn what_is_sent_to_kitty_is_the_picture() {
    for channels in [1, 3] {
        let mut shown = shown(Graphics::Kitty);
        let change = shown.change(vec![placed(1, channels)], &mut frame());
        let pieces: Vec<&str> = change.after.split("\x1b_G").skip(1).collect();
        assert!(pieces.iter().all(|piece| piece.len() < PIECE + 80 && piece.ends_with("\x1b\\")));
        let data: String =
            pieces.iter().map(|piece| piece.split_once(';').unwrap().1.trim_end_matches("\x1b\\")).collect();
        let image = image::load_from_memory(&decode(&data)).unwrap();
        assert_eq!((image.width(), image.height()), (48, 48));
        let small = image.resize_exact(48, 48, FilterType::Triangle).to_rgb8();
        let mean = |values: &[u8]| values.iter().map(|value| usize::from(*value)).sum::<usize>() / values.len();
        assert!(mean(small.as_raw()).abs_diff(mean(&face(channels).pixels)) < 3);
    }
}

#[test]
fn iterm_and_sixel_are_written_over_blank_cells() {
    for (graphics, begins) in [(Graphics::Iterm, "\x1b]1337;File=inline=1;"), (Graphics::Sixel, "\x1bP")] {
        let (mut shown, mut frame) = (shown(graphics), frame());
        let change = shown.change(vec![placed(1, 3)], &mut frame);
        assert!(change.after.contains(begins), "{graphics:?}: {:?}", &change.after[..80]);
        assert!(change.after.contains("\x1b[12X"), "{graphics:?} clears what was there");
        assert_ne!(frame[(1, 2)], ratatui::buffer::Cell::EMPTY, "what follows is written in any case");
        assert_eq!(shown.change(vec![placed(1, 3)], &mut frame), Change::default());
        assert_eq!(shown.forget(), "");
    }
}

#[test]
fn without_graphics_cells_are_left_alone() {
    let (mut shown, mut frame) = (shown(Graphics::Blocks), frame());
    assert!(shown.are(&[placed(1, 1)]));
    assert_eq!(shown.change(vec![placed(1, 1)], &mut frame), Change::default());
    assert_eq!(frame[(1, 2)].symbol(), "x");
}

/// How long a page of pictures takes to encode. Run in release: `cargo test --release … -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a check"]
fn how_long_a_page_takes() {
    let place = |column: u16, row: u16| Rect::new(column * 20, 4 + row * 12, 18, 9);
    for graphics in [Graphics::Sixel, Graphics::Kitty, Graphics::Iterm] {
        let facts = TerminalFacts { graphics, cell: Some([10, 20]), ..TerminalFacts::default() };
        let (mut slowest, mut bytes) = (std::time::Duration::ZERO, 0);
        for round in 0..20_u8 {
            let mut shown = Shown { facts: facts.clone(), ..Shown::default() };
            let pixel = |at: usize| (at * usize::from(round + 7) * 2_654_435).to_le_bytes()[1];
            let wanted = (0..18_u16)
                .map(|at| {
                    let pixels: Vec<u8> = (0..48 * 48).map(|pixel_at| pixel(pixel_at + usize::from(at))).collect();
                    Placed { place: place(at % 6, at / 6), face: Face::gray(48, pixels) }
                })
                .collect();
            let mut frame = Buffer::empty(Rect::new(0, 0, 120, 40));
            let begun = std::time::Instant::now();
            let change = shown.change(wanted, &mut frame);
            slowest = slowest.max(begun.elapsed());
            bytes = change.after.len();
            drop(change);
        }
        println!("{graphics:?}: 18 faces of 48×48 in {slowest:?} at the most, {bytes} bytes");
    }
}
