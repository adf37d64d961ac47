//! The fuzz targets of the import.

use std::fs;
use std::ops::ControlFlow;

use super::limits::Limits;
use super::{Fit, ImportRequest, decode, import_within};
use crate::data::manifest::ImageShape;
use crate::domain::DatasetName;
use crate::domain::text::printable;

/// Bounds close to a small dataset's size, so that a breach shows within the fuzzer's memory and time.
const LIMITS: Limits =
    Limits { entries: 1_000, file_bytes: 1 << 20, unpacked_bytes: 4 << 20, unpacked_ratio: 10, row_bytes: 1 << 20 };

/// Imports these bytes as a zip or tar archive.
pub(crate) fn archive(bytes: &[u8]) {
    import(bytes, "source");
}

/// Imports these bytes as a table.
pub(crate) fn csv(bytes: &[u8]) {
    import(bytes, "source.csv");
}

/// Reads these bytes as labels of images.
pub(crate) fn labels(bytes: &[u8]) {
    super::labels::read_any(bytes);
}

/// Decodes these bytes as an image, to gray and to colour.
pub(crate) fn image(bytes: &[u8]) {
    let header = decode::header(bytes);
    for channels in [1, 3] {
        let shape = ImageShape { width: 48, height: 48, channels };
        if let Ok((pixels, _)) = decode::file(bytes, shape, Fit::Squash) {
            assert_eq!(pixels.len(), shape.bytes());
            assert!(header.is_ok());
        }
    }
}

fn import(bytes: &[u8], name: &str) {
    let dir = tempfile::tempdir().expect("a folder");
    let source = dir.path().join(name);
    fs::write(&source, bytes).expect("written");
    let data = dir.path().join("data");
    let request = ImportRequest::new(source, DatasetName::new("d").expect("a name"), data.clone(), 1);
    match import_within(&request, &LIMITS, &mut |_| ControlFlow::Continue(())) {
        Ok(report) => {
            for skip in &report.skipped {
                assert_eq!(printable(&skip.source), skip.source);
                assert_eq!(printable(&skip.reason), skip.reason);
            }
            for class in report.manifest.class_names() {
                assert_eq!(printable(class), class);
            }
        }
        Err(error) => {
            let words = error.to_string();
            assert!(words.contains(name), "an error without the file: {words}");
            let mut entries = fs::read_dir(&data).into_iter().flatten().filter_map(Result::ok);
            let left = entries.any(|entry| entry.file_name() != ".import.lock");
            assert!(!left, "something is left over: {words}");
        }
    }
}
