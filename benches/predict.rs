//! Measures prediction on the CPU: images per second of a run's best weights, from stored pixels to probabilities.
//!
//! `cargo bench --no-default-features --features trainer --bench predict -- alone RUN_FOLDER BATCH STEPS` prints one
//! line with the median of so many batches. `benches/against_peers.py predict` runs it in turn with ONNX Runtime on the
//! exported network.

mod common;

use std::path::Path;

use mien::domain::Views;
use mien::model::device::DeviceKind;
use mien::runs::layout::RunFolder;
use mien::worker::predictor;

fn main() {
    let Some(words) = common::words() else {
        // `cargo bench` runs every bench, and this one has no run of its own.
        return println!("predict: give `-- alone RUN_FOLDER BATCH STEPS`");
    };
    let [folder, batch, steps] = words.as_slice() else { panic!("{words:?}: see the head of this file") };
    let [batch, steps] = [batch, steps].map(|word| common::count(word));
    let folder = RunFolder::at(Path::new(folder).canonicalize().expect("a run folder"));
    let predictor = predictor::open(&folder, DeviceKind::Cpu).expect("a run with its best weights");
    let images = common::pictures(batch, predictor.image().bytes());
    common::timed(batch, steps, || common::used(predictor.predict(&images, Views::One)));
}
