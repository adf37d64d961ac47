//! Broken and hostile sources: each is rejected or skipped by name and leaves no files.

use std::os::unix::fs::symlink;

use image::codecs::jpeg::JpegEncoder;

use super::*;
use crate::data::import::limits::Limits;

/// Returns the skipped files as `source: reason`.
pub(super) fn skips(manifest: &Manifest) -> Vec<String> {
    assert_eq!(manifest.skipped_count, manifest.skipped.len() as u64);
    manifest.skipped.iter().map(|skip| format!("{}: {}", skip.source, skip.reason)).collect()
}

pub(super) fn kaggle_and(path: &str, bytes: impl Into<Vec<u8>>) -> Vec<Entry> {
    let mut entries = kaggle();
    entries.push((path.into(), bytes.into()));
    entries
}

/// Returns a PNG whose header claims this many pixels a side.
fn absurd_png(side: u32) -> Vec<u8> {
    let mut bytes = picture(0);
    bytes[16..20].copy_from_slice(&side.to_be_bytes());
    bytes[20..24].copy_from_slice(&side.to_be_bytes());
    let crc = crc32fast::hash(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn jpeg() -> Vec<u8> {
    let noise = GrayImage::from_fn(6, 6, |x, y| image::Luma([u8::try_from((x * 71 + y * 113) % 256).unwrap()]));
    let mut bytes = Vec::new();
    noise.write_with_encoder(JpegEncoder::new(&mut bytes)).unwrap();
    bytes
}

#[test]
fn a_bad_file_is_skipped_by_name_and_refused_when_strict() {
    let cut_jpeg = {
        let whole = jpeg();
        whole[..whole.len() - 6].to_vec()
    };
    let cut_png = picture(3)[..40].to_vec();
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("train/happy/text.png", b"this is no picture".to_vec(), "is not an image"),
        ("train/happy/cut.png", cut_png, ""),
        ("train/happy/cut.jpg", cut_jpeg, "is cut short"),
        ("train/happy/empty.jpg", Vec::new(), "is empty"),
        ("test/happy/huge.png", absurd_png(60_000), "60000"),
        ("test/happy/huger.png", absurd_png(8000), ""),
        ("train/angry/notes.txt", b"hello".to_vec(), "is not an image file"),
        ("train/angry/bad\u{1b}[31m.png", b"x".to_vec(), "is not an image"),
    ];
    for (path, bytes, words) in cases {
        let bench = Bench::new();
        let entries = kaggle_and(path, bytes);
        let folder = bench.folder("folder", &entries);
        let strict = ImportRequest {
            options: ImportOptions { strict: true, ..ImportOptions::default() },
            ..bench.request(&folder)
        };
        let error = Bench::run(&strict).unwrap_err().to_string();
        let shown = printable(path);
        assert!(error.contains(&shown) && error.contains(words) && !error.contains('\u{1b}'), "{error}");
        bench.assert_untouched();
        for source in [folder, bench.write("a.zip", zip_of(&entries)), bench.write("a.tar", tar_of(&entries))] {
            let manifest = bench.import(&source).unwrap();
            let skips = skips(&manifest);
            assert!(skips.len() == 1 && skips[0].starts_with(&shown) && skips[0].contains(words), "{skips:?}");
            assert_eq!(manifest.counts().total(), 39);
        }
    }
}

#[test]
fn clutter_is_passed_over_in_silence() {
    let bench = Bench::new();
    let mut entries = kaggle();
    for path in
        ["__MACOSX/train/happy/._a.png", "train/happy/.DS_Store", "train/happy/Thumbs.db", ".git/a.png", "README.md"]
    {
        entries.push((path.into(), b"clutter".to_vec()));
    }
    for source in [bench.folder("folder", &entries), bench.write("a.zip", zip_of(&entries))] {
        let request = ImportRequest {
            options: ImportOptions { strict: true, replace: true, ..ImportOptions::default() },
            ..bench.request(&source)
        };
        let manifest = Bench::run(&request).unwrap();
        assert!(manifest.skipped.is_empty());
        assert_eq!(manifest.left_out.iter().map(|kind| kind.count).sum::<u64>(), 5, "{:?}", manifest.left_out);
    }
}

#[test]
fn classes_must_agree_and_have_images() {
    let without = |part: &str| kaggle().into_iter().filter(|(path, _)| !path.contains(part)).collect::<Vec<_>>();
    let flat: Vec<Entry> =
        (0..4).map(|i| (format!("{}/{i}.png", if i < 2 { "train" } else { "test" }), picture(i))).collect();
    let two: Vec<Entry> = kaggle()
        .into_iter()
        .flat_map(|(path, bytes)| [(format!("a/{path}"), bytes.clone()), (format!("b/{path}"), bytes)])
        .collect();
    let unreadable: Vec<Entry> = kaggle()
        .into_iter()
        .map(|(path, bytes)| {
            let bad = path.contains("train/angry");
            (path, if bad { b"?".to_vec() } else { bytes })
        })
        .collect();
    let cases: [(&str, Vec<Entry>, &[&str]); 9] = [
        (
            "a class that only test has",
            kaggle_and("test/contempt/a.png", picture(1)),
            &["'contempt'", "test", "not in train"],
        ),
        (
            "one class",
            kaggle().into_iter().filter(|(path, _)| path.contains("happy")).collect(),
            &["2 to 65535 classes", "happy"],
        ),
        ("no training images", without("train/"), &["no class folders with training images"]),
        ("no class folders", flat, &["no class folders", "train/CLASS"]),
        ("no images", vec![("readme.txt".into(), b"x".to_vec())], &["no images"]),
        ("nothing", Vec::new(), &["no images"]),
        ("two datasets", two, &["several datasets", "'a'", "'b'"]),
        ("a class without one readable image", unreadable, &["'angry'", "can be read"]),
        (
            "a class that would steer the terminal",
            kaggle_and("train/e\u{1b}vil/a.png", picture(1)),
            &["e·vil", "rename"],
        ),
    ];
    for (case, entries, words) in cases {
        let bench = Bench::new();
        let error = bench.refuse(&bench.folder("source", &entries));
        assert!(error.contains("source") && words.iter().all(|word| error.contains(word)), "{case}: {error}");
        if !entries.is_empty() {
            let error = bench.refuse(&bench.write("source.tar", tar_of(&entries)));
            assert!(words.iter().all(|word| error.contains(word)), "{case}: {error}");
        }
    }
}

#[test]
fn an_empty_class_folder_is_left_out_or_joined_by_a_map() {
    let bench = Bench::new();
    let source = bench.folder("source", &kaggle());
    fs::create_dir(source.join("train/very sad")).unwrap();
    let error = bench.refuse(&source);
    assert!(error.contains("'very sad' has no training images") && error.contains("--map 'very sad='"), "{error}");
    for map in ["very sad=", "very sad=happy"] {
        let options = ImportOptions { map: map.parse().unwrap(), ..ImportOptions::default() };
        let request = ImportRequest { options, ..bench.request(&source) };
        let report = import(&replacing(request), &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(report.manifest.class_names(), ["angry", "happy", "neutral"], "{map}");
        assert!(report.left_out.is_empty(), "{map}: {:?}", report.left_out);
    }
}

#[test]
fn an_empty_class_folder_is_named() {
    let bench = Bench::new();
    let source = bench.folder("folder", &kaggle());
    fs::create_dir(source.join("train/fear")).unwrap();
    let error = bench.refuse(&source);
    assert!(error.contains("'fear'") && error.contains("no training images"), "{error}");
}

#[test]
fn links_in_a_folder_are_not_followed() {
    let bench = Bench::new();
    let secret = bench.write("secret.png", picture(9));
    let source = bench.folder("folder", &kaggle());
    symlink(&secret, source.join("train/happy/link.png")).unwrap();
    symlink(bench.path("folder"), source.join("train/happy/loop")).unwrap();
    let manifest = bench.import(&source).unwrap();
    let mut skipped = skips(&manifest);
    skipped.sort();
    assert_eq!(skipped.len(), 2);
    assert!(
        skipped[0].starts_with("train/happy/link.png: is a link")
            && skipped[1].starts_with("train/happy/loop: is a link")
    );
}

#[test]
fn bad_rows_are_skipped_by_number() {
    let good = kaggle_csv("emotion,pixels,Usage", |emotion, pixels, usage| format!("{emotion},{pixels},{usage}"));
    let pixels = |count: usize, last: &str| format!("{}{last}", "7 ".repeat(count - 1));
    let cases = [
        (format!("0,{},Training", pixels(35, "7")), "35 pixels where others have 36"),
        (format!("0,{},Training", pixels(49, "7")), "49 pixels"),
        (format!("0,{},Training", pixels(36, "256")), "'256' for pixel 36"),
        (format!("0,{},Training", pixels(36, "-1")), "'-1'"),
        (format!("8,{},Training", pixels(36, "7")), "emotion '8'"),
        (format!("x\u{1b},{},Training", pixels(36, "7")), "emotion 'x·'"),
        (format!("0,{},Sometimes", pixels(36, "7")), "usage 'Sometimes'"),
        ("0,7 7".to_owned(), "cut short"),
        ("0,,Training".to_owned(), "0 pixels"),
    ];
    for (row, words) in cases {
        let bench = Bench::new();
        let source = bench.write("fer2013.csv", format!("{good}{row}\n"));
        let manifest = bench.import(&source).unwrap();
        let skips = skips(&manifest);
        assert!(skips.len() == 1 && skips[0].starts_with("row 40: ") && skips[0].contains(words), "{skips:?}");
        assert_eq!(manifest.counts().total(), 39);
        let strict = ImportRequest {
            options: ImportOptions { strict: true, ..ImportOptions::default() },
            ..bench.request(&source)
        };
        assert!(Bench::run(&strict).unwrap_err().to_string().contains("row 40"));
    }
}

#[test]
fn a_table_that_cannot_be_used_says_why() {
    let bench = Bench::new();
    let cases = [
        ("train.csv", "emotion,pixels\n0,1 2 3 4\n", "no column Usage"),
        ("test.csv", "pixels\n1 2 3 4\n", "columns emotion, pixels and Usage"),
        ("empty.csv", "", "no row"),
        ("header.csv", "emotion,pixels,Usage\n", "no row"),
        ("ragged.csv", "emotion,pixels,Usage\n0,1 2 3,Training\n", "no row"),
        ("one.csv", "emotion,pixels,Usage\n0,1 2 3 4,Training\n", "2 to 65535 classes"),
        ("stray.csv", "emotion,pixels,Usage\n0,1 2 3 4,Training\n1,1 2 3 4,Training\n2,1 2 3 4,PublicTest\n", "'fear'"),
        ("what.bin", "\u{1}\u{2}", "neither a folder"),
    ];
    for (name, text, words) in cases {
        let error = bench.refuse(&bench.write(name, text));
        assert!(error.contains(name) && error.contains(words), "{error}");
    }
    let inside = [("kaggle/train.csv".to_owned(), b"emotion,pixels\n0,1 2 3 4\n".to_vec())];
    let error = bench.refuse(&bench.write("a.zip", zip_of(&inside)));
    assert!(error.contains("kaggle/train.csv") && error.contains("no column Usage"), "{error}");
    let limits = Limits { row_bytes: 1000, ..Limits::DEFAULT };
    let long = bench.write("long.csv", format!("emotion,pixels,Usage\n0,{},Training\n", "7 ".repeat(100_000)));
    let error = import_with(&limits, &bench, &long).unwrap_err().to_string();
    assert!(error.contains("long.csv") && error.contains("row 1 is longer than"), "{error}");
}

#[test]
fn a_source_that_is_not_there_leaves_no_trace() {
    let bench = Bench::new();
    let error = bench.import(&bench.path("nowhere.zip")).unwrap_err().to_string();
    assert!(error.contains("nowhere.zip"), "{error}");
    assert!(!bench.path("data").exists());
    let source = bench.folder("folder", &kaggle());
    for (validation, test) in [(1.0, 0.0), (-0.1, 0.0), (f64::NAN, 0.0), (0.5, 0.5)] {
        let request = ImportRequest {
            options: ImportOptions { validation, test, ..ImportOptions::default() },
            ..bench.request(&source)
        };
        assert!(matches!(Bench::run(&request), Err(ImportError::Options(_))));
    }
    let request = ImportRequest {
        options: ImportOptions { size: Some((0, 48)), ..ImportOptions::default() },
        ..bench.request(&source)
    };
    assert!(matches!(Bench::run(&request), Err(ImportError::Options(_))));
}

#[test]
fn an_unreadable_file_is_skipped() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let source = bench.folder("folder", &kaggle_and("train/happy/secret.png", picture(1)));
    let secret = source.join("train/happy/secret.png");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o0)).unwrap();
    if File::open(&secret).is_ok() {
        return; // the superuser reads everything
    }
    assert!(skips(&bench.import(&source).unwrap())[0].contains("secret.png: cannot be read"));
}
