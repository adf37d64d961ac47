//! `detect PICTURE [--once] [--scaled OUT.png] [--repeats N]`: prints the faces in a picture as one line of JSON.
//!
//! For `scripts/check-detector`. `--once` detects at the first size only, `--scaled` writes the picture of that size.
//! `--repeats` measures medians: `ms` of the network and the decoding of boxes, `scaling_ms` of the scaling before.

use std::error::Error;
use std::time::Instant;

use mien::detect::{Detector, Face, SIZES, scale_down};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |option: &str| {
        let at = arguments.iter().position(|argument| argument == option)?;
        arguments.get(at + 1)
    };
    let path = arguments.first().ok_or("no picture is given: detect PICTURE")?;
    let repeats: usize = after("--repeats").map_or(Ok(0), |text| text.parse())?;
    let picture = image::open(path)?.to_rgb8();
    let detector = Detector::default();
    let small = scale_down(&picture, SIZES[0]).into_owned();
    if let Some(out) = after("--scaled") {
        small.save(out)?;
    }
    let once = arguments.iter().any(|argument| argument == "--once");
    let faces = if once { detector.detect_at(&picture, SIZES[0]) } else { detector.detect(&picture) };
    let faces: Vec<Value> = faces.iter().map(to_json).collect();
    let ms = median(repeats, || detector.detect_at(&small, SIZES[0]).len());
    let scaling_ms = median(repeats, || scale_down(&picture, SIZES[0]).len());
    println!("{}", json!({ "faces": faces, "ms": ms, "scaling_ms": scaling_ms }));
    Ok(())
}

fn to_json(face: &Face) -> Value {
    let area = face.area;
    json!({
        "score": face.score,
        "box": [area.x, area.y, area.width, area.height],
        "landmarks": face.landmarks,
    })
}

/// Returns the median duration of `work` in milliseconds; 0 without repeats.
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
