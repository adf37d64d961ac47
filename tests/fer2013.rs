//! The real FER-2013, imported from the archive, a zip and a table: same counts, same fingerprint.
//!
//! Not part of the usual tests, because the data is not part of the project: `MIEN_FER2013=/path/to/fer2013.tar.xz
//! cargo test --release --no-default-features --test all fer2013:: -- --ignored --nocapture`

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use mien::data::split::Protocol;
use mien::data::{Dataset, ImportOptions, ImportRequest, Manifest, import};
use mien::domain::{DatasetName, Split};

/// The number of images for training and validation, and for the test.
const COUNTS: [(&str, usize, usize); 7] = [
    ("angry", 3995, 958),
    ("disgust", 436, 111),
    ("fear", 4097, 1024),
    ("happy", 7215, 1774),
    ("neutral", 4965, 1233),
    ("sad", 4830, 1247),
    ("surprise", 3171, 831),
];

fn imported(source: PathBuf, name: &str, data_dir: &Path, protocol: Protocol) -> Manifest {
    let request = ImportRequest::new(source, DatasetName::new(name).unwrap(), data_dir.to_owned(), 0);
    let request = ImportRequest { options: ImportOptions { protocol, ..ImportOptions::default() }, ..request };
    let start = Instant::now();
    let report = import(&request, &mut |_| ControlFlow::Continue(())).unwrap();
    eprintln!("{name}: imported in {:.2} s", start.elapsed().as_secs_f64());
    assert_eq!(report.manifest.skipped_count, 0);
    report.manifest
}

fn make_zip(tar_xz: &Path, zip: &Path) -> io::Result<()> {
    let mut writer = zip::ZipWriter::new(BufWriter::new(File::create(zip)?));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let reader = liblzma::bufread::XzDecoder::new(BufReader::new(File::open(tar_xz)?));
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            writer.start_file(entry.path()?.to_string_lossy(), options)?;
            io::copy(&mut entry, &mut writer)?;
        }
    }
    writer.finish()?.flush()
}

fn make_csv(dataset: &Dataset, csv: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(csv)?);
    writeln!(file, "emotion,pixels,Usage")?;
    let official = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];
    // Keras takes validation from the front of each class, so those rows come first.
    for split in [Split::Validation, Split::Train, Split::Test] {
        for index in 0..dataset.len(split) {
            let class = &dataset.manifest().classes[dataset.label(split, index)].name;
            let emotion = official.iter().position(|name| name == class).unwrap();
            let pixels: Vec<String> = dataset.pixels(split, index).iter().map(u8::to_string).collect();
            let source = dataset.source(split, index);
            let usage = source.rsplit('/').next().unwrap().split('_').next().unwrap();
            assert!(["Training", "PublicTest", "PrivateTest"].contains(&usage), "{source}");
            writeln!(file, "{emotion},{},{usage}", pixels.join(" "))?;
        }
    }
    file.flush()
}

#[test]
#[ignore = "needs FER-2013"]
fn the_archive_a_zip_and_a_table_of_fer2013_are_one_dataset() {
    let archive = PathBuf::from(std::env::var_os("MIEN_FER2013").expect("MIEN_FER2013 is the path of fer2013.tar.xz"));
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let manifest = imported(archive.clone(), "fer2013", &data, Protocol::Keras);
    let counts = manifest.counts();
    assert_eq!((counts.train, counts.validation, counts.test), (25_841, 2_868, 7_178));
    for (class, (name, train, test)) in manifest.classes.iter().zip(COUNTS) {
        assert_eq!(class.name, name);
        assert_eq!((class.counts.train + class.counts.validation, class.counts.test), (train, test), "{name}");
        assert_eq!(class.counts.validation, train / 10, "{name}");
    }
    let image = manifest.image;
    assert_eq!((image.width, image.height, image.channels), (48, 48, 1));

    let start = Instant::now();
    let dataset = Dataset::open(&data.join("fer2013")).unwrap();
    eprintln!("opened in {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
    dataset.verify().unwrap();

    let (zip, csv) = (dir.path().join("fer2013.zip"), dir.path().join("fer2013.csv"));
    make_zip(&archive, &zip).unwrap();
    make_csv(&dataset, &csv).unwrap();
    assert_eq!(imported(zip.clone(), "zip", &data, Protocol::Keras).fingerprint, manifest.fingerprint);
    assert_eq!(imported(csv.clone(), "csv", &data, Protocol::Keras).fingerprint, manifest.fingerprint);
    for (source, name) in [(archive, "official"), (zip, "official-zip"), (csv, "official-csv")] {
        let counts = imported(source, name, &data, Protocol::Official).counts();
        assert_eq!((counts.train, counts.validation, counts.test), (28_709, 3_589, 3_589), "{name}");
    }
    eprintln!("fingerprint {}", manifest.fingerprint);
}
