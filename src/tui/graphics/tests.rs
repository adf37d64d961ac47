//! The bytes written for pictures, parsed as a terminal does.

use super::*;

fn face(channels: usize) -> Face {
    let pixel = |at: usize| u8::try_from(at * 7 % 256).unwrap();
    Face::new(48, channels, (0..48 * 48 * channels).map(pixel).collect::<Vec<u8>>())
}

fn placed(x: u16, channels: usize) -> PlacedFace {
    PlacedFace { area: Rect::new(x, 2, 12, 6), face: face(channels) }
}

fn shown(graphics: Graphics) -> ShownPictures {
    let facts = TerminalFacts { graphics, cell: Some([10, 20]), background: None };
    ShownPictures { facts, ..ShownPictures::default() }
}

fn frame() -> Buffer {
    Buffer::filled(Rect::new(0, 0, 80, 24), ratatui::buffer::Cell::new("x"))
}

#[test]
fn kitty_receives_a_picture_once_and_a_command_to_delete_it() {
    let (mut shown, mut frame) = (shown(Graphics::Kitty), frame());
    let first = shown.replace(vec![placed(1, 1), placed(20, 3)], &mut frame);
    assert_eq!(first.before, "");
    assert!(first.after.starts_with("\x1b[3;2H\x1b_Ga=T,f=100,") && first.after.contains("c=12,r=6,C=1,q=2,m="));
    assert_eq!(frame[(1, 2)].symbol(), " ");
    assert_eq!(frame[(0, 2)].symbol(), "x");
    assert!(shown.is_showing(&[placed(1, 1), placed(20, 3)]) && !shown.is_showing(&[placed(1, 1)]));
    // The missing picture is removed, and the other is not sent again.
    let second = shown.replace(vec![placed(1, 1)], &mut frame);
    assert!(second.before.starts_with("\x1b_Ga=d,d=I,i=") && second.after.is_empty());
    assert_eq!(second.before.matches("a=d").count(), 1);
    assert_eq!(shown.remove_all().matches("a=d").count(), 1);
    assert_eq!(shown.remove_all(), "");
}

#[test]
fn kitty_receives_the_pixels_of_the_picture() {
    for channels in [1, 3] {
        let mut shown = shown(Graphics::Kitty);
        let change = shown.replace(vec![placed(1, channels)], &mut frame());
        let pieces: Vec<&str> = change.after.split("\x1b_G").skip(1).collect();
        assert!(pieces.iter().all(|piece| piece.len() < CHUNK + 80 && piece.ends_with("\x1b\\")));
        let data: String =
            pieces.iter().map(|piece| piece.split_once(';').unwrap().1.trim_end_matches("\x1b\\")).collect();
        let image = image::load_from_memory(&STANDARD.decode(&data).unwrap()).unwrap();
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
        let change = shown.replace(vec![placed(1, 3)], &mut frame);
        assert!(change.after.contains(begins), "{graphics:?}: {:?}", &change.after[..80]);
        assert!(change.after.contains("\x1b[12X"), "{graphics:?} erases the cells");
        assert_ne!(frame[(1, 2)], ratatui::buffer::Cell::EMPTY, "the cells are written in any case");
        assert_eq!(shown.replace(vec![placed(1, 3)], &mut frame), PictureUpdate::default());
        assert_eq!(shown.remove_all(), "");
    }
}

#[test]
fn without_graphics_cells_stay_unchanged() {
    let (mut shown, mut frame) = (shown(Graphics::Blocks), frame());
    assert!(shown.is_showing(&[placed(1, 1)]));
    assert_eq!(shown.replace(vec![placed(1, 1)], &mut frame), PictureUpdate::default());
    assert_eq!(frame[(1, 2)].symbol(), "x");
}

/// Measures how long a page of pictures takes to encode. Run in release: `cargo test --release … -- --ignored
/// --nocapture`.
#[test]
#[ignore = "a measurement, not a check"]
fn time_of_encoding_a_page() {
    let area = |column: u16, row: u16| Rect::new(column * 20, 4 + row * 12, 18, 9);
    for graphics in [Graphics::Sixel, Graphics::Kitty, Graphics::Iterm] {
        let facts = TerminalFacts { graphics, cell: Some([10, 20]), ..TerminalFacts::default() };
        let (mut slowest, mut bytes) = (std::time::Duration::ZERO, 0);
        for round in 0..20_u8 {
            let mut shown = ShownPictures { facts: facts.clone(), ..ShownPictures::default() };
            let pixel = |at: usize| (at * usize::from(round + 7) * 2_654_435).to_le_bytes()[1];
            let wanted = (0..18_u16)
                .map(|at| {
                    let pixels: Vec<u8> = (0..48 * 48).map(|pixel_at| pixel(pixel_at + usize::from(at))).collect();
                    PlacedFace { area: area(at % 6, at / 6), face: Face::gray(48, pixels) }
                })
                .collect();
            let mut frame = Buffer::empty(Rect::new(0, 0, 120, 40));
            let begun = std::time::Instant::now();
            let change = shown.replace(wanted, &mut frame);
            slowest = slowest.max(begun.elapsed());
            bytes = change.after.len();
            drop(change);
        }
        println!("{graphics:?}: 18 faces of 48×48 in {slowest:?} at the most, {bytes} bytes");
    }
}
