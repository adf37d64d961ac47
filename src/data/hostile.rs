//! The fuzz target of a dataset's own files.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

use super::check::{Exclusion, FindingCounts, Findings};
use super::store::Dataset;
use super::{ImportRequest, list, marked};
use crate::domain::text::printable;
use crate::domain::{DatasetName, Split};

/// The file names; the first byte of an input selects one.
const NAMES: [&str; 6] = ["manifest.json", "labels.bin", "sources.bin", "pixels.bin", "marked.json", "findings.json"];

/// A small intact dataset: its fingerprint and its files.
struct IntactDataset {
    fingerprint: String,
    files: Vec<(&'static str, Vec<u8>)>,
}

/// Returns the intact dataset, which is made once.
fn intact() -> &'static IntactDataset {
    static INTACT: OnceLock<IntactDataset> = OnceLock::new();
    INTACT.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a folder");
        let source = dir.path().join("source.csv");
        let row = |n: usize| format!("{},{n} 2 3 4,{}\n", n % 2 * 3, if n < 8 { "Training" } else { "PublicTest" });
        fs::write(&source, format!("emotion,pixels,Usage\n{}", (0..10).map(row).collect::<String>())).expect("written");
        let name = DatasetName::new("d").expect("a name");
        let request = ImportRequest::new(source, name, dir.path().join("data"), 1);
        let report = super::import(&request, &mut |_| ControlFlow::Continue(())).expect("imported");
        let read = |name| fs::read(dir.path().join("data/d").join(name)).expect("read");
        let files = NAMES[..4].iter().map(|name| (*name, read(name))).collect();
        IntactDataset { fingerprint: report.manifest.fingerprint, files }
    })
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).expect("written");
}

/// Opens a dataset in which one file holds these bytes; the first byte selects the file.
pub(crate) fn dataset(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("d");
    fs::create_dir(&folder).expect("made");
    for (name, content) in &intact().files {
        write(&folder, name, content);
    }
    write(&folder, NAMES[usize::from(*which) % NAMES.len()], bytes);
    let _ = list(dir.path()).expect("a folder");
    let _ = marked::read(&folder, &intact().fingerprint).map(|marked| marked.corrections());
    let Ok(dataset) = Dataset::open(&folder) else { return };
    let places = dataset.manifest().places();
    if let Some(found) = Findings::cached(&folder, dataset.fingerprint(), places.len()) {
        let _ = (FindingCounts::of(&found, &places), found.left_out(Exclusion::NearDuplicates, &places));
    }
    for split in Split::ALL {
        for index in 0..dataset.len(split).min(4) {
            assert_eq!(dataset.pixels(split, index).len(), dataset.image().bytes());
            assert!(dataset.label(split, index) < dataset.classes());
            let source = dataset.source(split, index);
            assert_eq!(printable(&source), source);
        }
    }
    let _ = dataset.verify();
}
