//! Imports of small generated datasets; broken ones are in [`broken`] and [`archives`].

mod archives;
mod broken;
mod kinds;
mod layouts;
mod merging;
mod options;
mod parquet;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use image::codecs::png::PngEncoder;
use image::{DynamicImage, GrayImage, Rgb, RgbImage};
use tempfile::TempDir;

use super::limits::Limits;
use super::*;
use crate::data::manifest::{Manifest, SplitOptions};
use crate::data::split::Protocol;
use crate::data::store::Dataset;
use crate::domain::{Split, SplitCounts};

/// A file of a generated source: its path and bytes.
type Entry = (String, Vec<u8>);

/// Returns a gray 6×6 PNG; `shade` distinguishes pictures.
/// Returns a request that replaces another dataset of its name.
fn replacing(mut request: ImportRequest) -> ImportRequest {
    request.options.replace = true;
    request
}

fn picture(shade: u8) -> Vec<u8> {
    picture_sized(shade, 6)
}

fn picture_sized(shade: u8, side: u32) -> Vec<u8> {
    let image = GrayImage::from_fn(side, side, |x, y| {
        image::Luma([shade.wrapping_mul(17).wrapping_add(u8::try_from((x * 5 + y * 31) % 256).unwrap())])
    });
    png(&DynamicImage::from(image))
}

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.write_with_encoder(PngEncoder::new(&mut bytes)).unwrap();
    bytes
}

/// Returns Kaggle's layout: three of FER-2013's classes with 12, 11 and 10 training images and 2 test images each, in
/// shuffled order.
fn kaggle() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (label, class) in ["happy", "angry", "neutral"].into_iter().enumerate() {
        for index in (0..12 - label).rev() {
            let shade = u8::try_from(label * 20 + index).unwrap();
            entries.push((format!("train/{class}/Training_{index:02}.png"), picture(shade)));
        }
        for index in 0..2 {
            let shade = u8::try_from(100 + label * 2 + index).unwrap();
            entries.push((format!("test/{class}/PublicTest_{index}.png"), picture(shade)));
        }
    }
    entries
}

/// Returns the same images as a table, in the order of file names.
fn kaggle_csv(header: &str, mut row: impl FnMut(usize, &str, &str) -> String) -> String {
    let official = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];
    let mut entries = kaggle();
    entries.sort();
    let mut table = format!("{header}\n");
    for (path, bytes) in entries {
        let parts: Vec<&str> = path.split('/').collect();
        let emotion = official.iter().position(|name| *name == parts[1]).unwrap();
        let pixels = image::load_from_memory(&bytes).unwrap().to_luma8().into_raw();
        let pixels: Vec<String> = pixels.iter().map(u8::to_string).collect();
        let usage = if parts[0] == "train" { "Training" } else { "PrivateTest" };
        table.push_str(&row(emotion, &pixels.join(" "), usage));
        table.push('\n');
    }
    table
}

fn write_folder(root: &Path, entries: &[Entry]) {
    for (path, bytes) in entries {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn tar_of(entries: &[Entry]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (path, bytes) in entries {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip_of(entries: &[Entry]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in entries {
        writer.start_file(path.as_str(), ::zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A temporary folder for sources and datasets.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    fn folder(&self, name: &str, entries: &[Entry]) -> PathBuf {
        fs::create_dir_all(self.path(name)).unwrap();
        write_folder(&self.path(name), entries);
        self.path(name)
    }

    fn request(&self, source: &Path) -> ImportRequest {
        ImportRequest::new(source.to_owned(), DatasetName::new("d").unwrap(), self.path("data"), 1)
    }

    fn run(request: &ImportRequest) -> Result<Manifest, ImportError> {
        import(request, &mut |_| ControlFlow::Continue(())).map(|report| report.manifest)
    }

    /// Imports after removing the former import.
    fn import(&self, source: &Path) -> Result<Manifest, ImportError> {
        let _ = fs::remove_dir_all(self.path("data/d"));
        Self::run(&self.request(source))
    }

    fn dataset(&self) -> Dataset {
        Dataset::open(&self.path("data/d")).unwrap()
    }

    /// Asserts that the import fails and leaves no files; returns the error.
    fn refuse(&self, source: &Path) -> String {
        let error = self.import(source).unwrap_err().to_string();
        self.assert_untouched();
        error
    }

    fn assert_untouched(&self) {
        let Ok(entries) = fs::read_dir(self.path("data")) else { return };
        let left: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name()).filter(|name| name != ".import.lock").collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

fn import_with(limits: &Limits, bench: &Bench, source: &Path) -> Result<Manifest, ImportError> {
    let _ = fs::remove_dir_all(bench.path("data/d"));
    import_within(&bench.request(source), limits, &mut |_| ControlFlow::Continue(())).map(|report| report.manifest)
}

#[test]
fn every_kind_of_source_of_the_same_images_gives_one_fingerprint() {
    let bench = Bench::new();
    let entries = kaggle();
    let wrapped: Vec<Entry> =
        entries.iter().map(|(path, bytes)| (format!("archive/fer/{path}"), bytes.clone())).collect();
    let plain = kaggle_csv("emotion,pixels,Usage", |emotion, pixels, usage| format!("{emotion},{pixels},{usage}"));
    let icml = kaggle_csv("emotion, Usage, pixels", |emotion, pixels, usage| format!("{emotion},{usage}, {pixels}"));
    let in_archive =
        [("fer2013/README".to_owned(), b"hello".to_vec()), ("fer2013/fer2013.csv".to_owned(), plain.clone().into())];
    let bad_case: Vec<Entry> = entries
        .iter()
        .map(|(path, bytes)| (path.replace("train", "Training").replace("test/", "TEST/"), bytes.clone()))
        .collect();
    let sources = [
        bench.folder("folder", &entries),
        bench.folder("wrapped", &wrapped),
        bench.folder("cases", &bad_case),
        bench.write("a.zip", zip_of(&entries)),
        bench.write("zip-in-disguise.tar", zip_of(&wrapped)),
        bench.write("a.tar", tar_of(&entries)),
        bench.write("a.tar.gz", gzip(&tar_of(&wrapped))),
        bench.write("a.txz", xz(&tar_of(&entries))),
        bench.write("fer2013.csv", &plain),
        bench.write("icml_face_data.csv", &icml),
        bench.write("fer2013.tar.gz", gzip(&tar_of(&in_archive))),
        bench.write("csv.zip", zip_of(&in_archive)),
        bench.folder("folder-with-csv", &in_archive),
    ];
    let first = bench.import(&sources[0]).unwrap();
    assert_eq!(first.class_names(), ["angry", "happy", "neutral"]);
    assert_eq!(first.counts(), SplitCounts { train: 30, validation: 3, test: 6 });
    assert_eq!((first.image.width, first.image.height, first.image.channels), (6, 6, 1));
    let dataset = bench.dataset();
    assert_eq!(dataset.source(Split::Validation, 0), "train/angry/Training_00.png");
    assert_eq!(dataset.source(Split::Train, 10), "train/happy/Training_01.png");
    assert_eq!(dataset.label(Split::Train, 10), 1);
    for source in &sources {
        let manifest = bench.import(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        assert_eq!(
            (manifest.fingerprint, manifest.skipped_count),
            (first.fingerprint.clone(), 0),
            "{}",
            source.display()
        );
    }
}

#[test]
fn importing_the_same_again_is_no_conflict_and_another_is() {
    let bench = Bench::new();
    let source = bench.folder("folder", &kaggle());
    let request = bench.request(&source);
    Bench::run(&request).unwrap();
    let again = import(&request, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(again.unchanged);
    fs::remove_file(source.join("train/happy/Training_05.png")).unwrap();
    let error = Bench::run(&request).unwrap_err().to_string();
    assert!(error.contains("'d'") && error.contains("another name"), "{error}");
    assert!(Bench::run(&replacing(request)).is_ok());
}

#[test]
fn classes_alone_are_split_by_fractions_in_name_order() {
    let bench = Bench::new();
    let mut entries: Vec<Entry> = (0..20).map(|i| (format!("set/cats/{i:02}.png"), picture(i))).collect();
    entries.extend((0..9).map(|i| (format!("set/dogs/{i:02}.png"), picture(50 + i))));
    let source = bench.folder("animals", &entries);
    let manifest = Bench::run(&ImportRequest {
        options: ImportOptions { validation: 0.2, test: 0.1, ..ImportOptions::default() },
        ..bench.request(&source)
    })
    .unwrap();
    assert_eq!(manifest.class_names(), ["cats", "dogs"]);
    assert_eq!(manifest.classes[0].counts, SplitCounts { train: 14, validation: 4, test: 2 });
    assert_eq!(manifest.classes[1].counts, SplitCounts { train: 7, validation: 1, test: 1 });
    let dataset = bench.dataset();
    assert_eq!(dataset.source(Split::Validation, 3), "set/cats/03.png");
    assert_eq!(dataset.source(Split::Test, 0), "set/cats/04.png");
    assert_eq!(dataset.source(Split::Train, 0), "set/cats/06.png");
}

#[test]
fn a_validation_folder_takes_the_place_of_the_fraction() {
    let bench = Bench::new();
    let mut entries = kaggle();
    entries.push(("Valid/happy/a.png".into(), picture(200)));
    let manifest = bench.import(&bench.folder("folder", &entries)).unwrap();
    assert_eq!(manifest.counts(), SplitCounts { train: 33, validation: 1, test: 6 });
    assert_eq!((manifest.split.validation_fraction, manifest.split.test_fraction), (None, None));
}

/// Returns [`kaggle`] with each class's two test images divided between FER-2013's test sets.
fn of_both_tests() -> Vec<Entry> {
    kaggle().into_iter().map(|(path, bytes)| (path.replace("PublicTest_1", "PrivateTest_1"), bytes)).collect()
}

#[test]
fn the_official_protocol_validates_on_public_test_and_tests_on_private_test() {
    let bench = Bench::new();
    let entries = of_both_tests();
    let alone: Vec<Entry> = entries
        .iter()
        .map(|(path, bytes)| (path.replace("train/", "fer/").replace("test/", "fer/"), bytes.clone()))
        .collect();
    let mut rows = 0;
    let table = kaggle_csv("emotion,pixels,Usage", |emotion, pixels, usage| {
        // Two rows of each class are test rows, the first of them public.
        rows += usize::from(usage != "Training");
        let usage = if usage != "Training" && rows % 2 == 1 { "PublicTest" } else { usage };
        format!("{emotion},{pixels},{usage}")
    });
    let sources = [
        bench.folder("folder", &entries),
        bench.folder("classes-alone", &alone),
        bench.write("a.zip", zip_of(&entries)),
        bench.write("a.tar.xz", xz(&tar_of(&entries))),
        bench.write("fer2013.csv", table),
    ];
    let mut fingerprints = Vec::new();
    for source in &sources {
        let request = ImportRequest {
            options: ImportOptions { replace: true, protocol: Protocol::Official, ..ImportOptions::default() },
            ..bench.request(source)
        };
        let manifest = Bench::run(&request).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        assert_eq!(manifest.counts(), SplitCounts { train: 33, validation: 3, test: 3 }, "{}", source.display());
        let expected = SplitOptions { protocol: Protocol::Official, ..SplitOptions::default() };
        assert_eq!((manifest.split, manifest.skipped_count), (expected, 0));
        fingerprints.push(manifest.fingerprint);
    }
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), 1, "{fingerprints:?}");
    bench.import(&sources[0]).unwrap();
    let written = fs::read_to_string(bench.path("data/d/manifest.json")).unwrap();
    assert!(!written.contains("protocol"), "a manifest as before: {written}");
}

#[test]
fn a_source_that_does_not_tell_its_splits_is_refused_by_the_official_protocol() {
    let bench = Bench::new();
    let renamed = |from: &str, to: &str| -> Vec<Entry> {
        of_both_tests().into_iter().map(|(path, bytes)| (path.replace(from, to), bytes)).collect()
    };
    let table: [(&str, Vec<Entry>, &str); 4] = [
        ("one name says nothing", renamed("Training_03", "a"), "/a.png' does not name its split"),
        ("no public test", renamed("PublicTest", "PrivateTest_p"), "it holds no PublicTest images"),
        ("no private test", kaggle(), "it holds no PrivateTest images"),
        ("no training", renamed("Training", "PublicTest_t"), "it holds no Training images"),
    ];
    for (at, (case, entries, expected)) in table.into_iter().enumerate() {
        let source = bench.folder(&format!("source{at}"), &entries);
        let request = ImportRequest {
            options: ImportOptions { protocol: Protocol::Official, ..ImportOptions::default() },
            ..bench.request(&source)
        };
        let error = Bench::run(&request).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("--protocol keras"), "{case}: {error}");
        bench.assert_untouched();
    }
}

#[test]
fn the_usual_size_wins_others_are_resized_and_one_colour_makes_all_coloured() {
    let bench = Bench::new();
    let mut entries = kaggle();
    entries.push(("train/happy/large.png".into(), picture_sized(9, 31)));
    let source = bench.folder("folder", &entries);
    let manifest = bench.import(&source).unwrap();
    assert_eq!((manifest.image.width, manifest.image.channels, manifest.resized), (6, 1, 1));
    let red = DynamicImage::from(RgbImage::from_pixel(6, 6, Rgb([250, 10, 30])));
    fs::write(source.join("test/happy/red.png"), png(&red)).unwrap();
    let request = ImportRequest {
        options: ImportOptions { replace: true, size: Some((5, 4)), ..ImportOptions::default() },
        ..bench.request(&source)
    };
    let manifest = Bench::run(&request).unwrap();
    assert_eq!((manifest.image.width, manifest.image.height, manifest.image.channels), (5, 4, 3));
    let dataset = bench.dataset();
    let red = (0..dataset.len(Split::Test)).find(|i| dataset.source(Split::Test, *i).ends_with("red.png")).unwrap();
    assert_eq!(dataset.pixels(Split::Test, red)[..3], [250, 10, 30]);
    let gray = dataset.pixels(Split::Train, 0);
    assert!(gray[0] == gray[1] && gray[1] == gray[2]);
}

#[test]
fn progress_covers_all_images_and_can_cancel() {
    let bench = Bench::new();
    let source = bench.write("a.tar.xz", xz(&tar_of(&kaggle())));
    let mut seen = Vec::new();
    import(&replacing(bench.request(&source)), &mut |progress| {
        seen.push(progress);
        ControlFlow::Continue(())
    })
    .unwrap();
    let last = seen.last().unwrap();
    assert_eq!((last.stage, last.done, last.total), (ImportStage::Packing, 39, Some(39)));
    fs::remove_dir_all(bench.path("data")).unwrap();
    for stage in [ImportStage::Reading, ImportStage::Measuring, ImportStage::Packing] {
        let mut stop = |progress: ImportProgress| {
            if progress.stage == stage { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let error = import(&bench.request(&source), &mut stop).unwrap_err();
        assert!(matches!(error, ImportError::Cancelled), "{error}");
        bench.assert_untouched();
    }
}
