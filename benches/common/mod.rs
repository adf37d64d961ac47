//! Shared by the benches: measurements without criterion, printed as one line for `benches/against_peers.py`, and a
//! dataset of made-up images.

#![allow(dead_code)] // each bench uses a part of it

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use mien::data::manifest::SplitOptions;
use mien::data::writer::{Description, StagingFolder, Writer};
use mien::data::{Dataset, ImageShape};
use mien::domain::{DatasetName, Split};

/// Prints images per second by the clock, and by CPU time, which other load on the machine does not change. The former
/// is the median of `steps` batches after one warm-up.
pub(crate) fn timed(batch: usize, steps: usize, mut run: impl FnMut()) {
    run();
    let processor = processor_seconds();
    let mut seconds: Vec<f64> = (0..steps)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    let processor = processor_seconds() - processor;
    seconds.sort_by(f64::total_cmp);
    println!("{:.3} {:.3}", number(batch) / seconds[steps / 2], number(batch * steps) / processor);
}

/// Returns the CPU seconds of all threads of this process; Linux only.
pub(crate) fn processor_seconds() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let times = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        times.split_whitespace().next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// Converts a count to a float.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("small"))
}

/// Returns the arguments after `alone` on the command line; `None` where the first argument is another.
pub(crate) fn words() -> Option<Vec<String>> {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    (words.next()? == "alone").then(|| words.collect())
}

/// Parses an argument as a count.
pub(crate) fn count(word: &str) -> usize {
    word.parse().unwrap_or_else(|_| panic!("'{word}' is not a number"))
}

/// Writes a dataset of `images` gray training images of FER-2013's size in seven classes to `dir`.
pub(crate) fn dataset(dir: &Path, images: usize) -> Arc<Dataset> {
    const SIDE: u32 = 48;
    let image = ImageShape { width: SIDE, height: SIDE, channels: 1 };
    let name = DatasetName::new("made-up").expect("a name");
    let staging = StagingFolder::open(dir, &name).expect("a folder of our own");
    let classes: Vec<String> = (0..7).map(|class| format!("class {class}")).collect();
    let mut writer = Writer::new(staging, image, &classes).expect("the disk has room");
    let mut state = 1_u64;
    for index in 0..images {
        let pixels: Vec<u8> = (0..image.bytes()).map(|_| noise(&mut state)).collect();
        writer.push(Split::Train, index * 7 / images, &pixels, "noise").expect("the disk has room");
    }
    let split = SplitOptions::default();
    let source = "a benchmark".into();
    let description = Description { source, created_at: 0, split, ..Description::default() };
    writer.finish(description, true).expect("the disk has room");
    Arc::new(Dataset::open(&dir.join("made-up")).expect("just written"))
}

/// Returns made-up pictures of so many bytes each.
pub(crate) fn pictures(count: usize, bytes: usize) -> Vec<Vec<u8>> {
    let mut state = 1_u64;
    (0..count).map(|_| (0..bytes).map(|_| noise(&mut state)).collect()).collect()
}

/// Returns a byte of Knuth's linear congruential generator, which is good enough for pixels.
fn noise(state: &mut u64) -> u8 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    state.to_be_bytes()[0]
}

/// Drops a value that the compiler must not optimize away.
pub(crate) fn used<T>(value: T) {
    drop(black_box(value));
}
