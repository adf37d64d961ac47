//! `detect PICTURE [--once] [--seen OUT.png] [--repeats N]`: the faces in a picture, as one line of JSON.
//!
//! For `scripts/check-detector`. `--once` leaves the second look out, `--seen` writes the picture as the network saw it.
//! With `--repeats` it is measured: `ms` is the median of the network and the decoding of boxes, `scaling_ms` that of
//! the scaling before it.

use std::error::Error;
use std::time::Instant;

use mien::detect::{Detector, Face, LOOKS, seen};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |option: &str| {
        let at = arguments.iter().position(|argument| argument == option)?;
        arguments.get(at + 1)
    };
    let path = arguments.first().ok_or("which picture?")?;
    let repeats: usize = after("--repeats").map_or(Ok(0), |text| text.parse())?;
    let picture = image::open(path)?.to_rgb8();
    let detector = Detector::default();
    let small = seen(&picture, LOOKS[0]).into_owned();
    if let Some(out) = after("--seen") {
        small.save(out)?;
    }
    let once = arguments.iter().any(|argument| argument == "--once");
    let faces = if once { detector.look(&picture, LOOKS[0]) } else { detector.detect(&picture) };
    let faces: Vec<Value> = faces.iter().map(told).collect();
    let ms = median(repeats, || detector.look(&small, LOOKS[0]).len());
    let scaling_ms = median(repeats, || seen(&picture, LOOKS[0]).len());
    println!("{}", json!({ "faces": faces, "ms": ms, "scaling_ms": scaling_ms }));
    Ok(())
}

fn told(face: &Face) -> Value {
    let area = face.area;
    json!({
        "score": face.score,
        "box": [area.x, area.y, area.width, area.height],
        "landmarks": face.landmarks,
    })
}

/// The median milliseconds of some work; 0 without repeats.
fn median(repeats: usize, work: impl Fn() -> usize) -> f64 {
    let mut times: Vec<f64> = (0..repeats)
        .map(|_| {
            let begun = Instant::now();
            std::hint::black_box(work());
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(repeats / 2).copied().unwrap_or(0.0)
}
