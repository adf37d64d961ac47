//! Broken and hostile sources: each is rejected or skipped by name and leaves no files.

use std::os::unix::fs::symlink;

use super::*;
use crate::data::import::limits::Limits;

/// Returns the skipped files as `source: reason`.
fn skips(manifest: &Manifest) -> Vec<String> {
    assert_eq!(manifest.skipped_count, manifest.skipped.len() as u64);
    manifest.skipped.iter().map(|skip| format!("{}: {}", skip.source, skip.reason)).collect()
}

fn kaggle_and(path: &str, bytes: impl Into<Vec<u8>>) -> Vec<Entry> {
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
    let mut bytes = Cursor::new(Vec::new());
    let noise = GrayImage::from_fn(6, 6, |x, y| image::Luma([u8::try_from((x * 71 + y * 113) % 256).unwrap()]));
    noise.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
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
        let strict = ImportRequest { strict: true, ..bench.request(&folder) };
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
        let request = ImportRequest { strict: true, ..bench.request(&source) };
        assert!(Bench::run(&request).unwrap().skipped.is_empty());
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
fn an_empty_class_folder_is_named() {
    let bench = Bench::new();
    let source = bench.folder("folder", &kaggle());
    fs::create_dir(source.join("train/fear")).unwrap();
    let error = bench.refuse(&source);
    assert!(error.contains("'fear'") && error.contains("no training images"), "{error}");
}

#[test]
fn a_truncated_archive_is_named_wherever_it_is_cut() {
    let bench = Bench::new();
    let tar = tar_of(&kaggle());
    for (name, whole) in
        [("a.tar", tar.clone()), ("a.tar.gz", gzip(&tar)), ("a.tar.xz", xz(&tar)), ("a.zip", zip_of(&kaggle()))]
    {
        // The last cut of the tar keeps every entry but loses the end blocks.
        let end = if name == "a.tar" { whole.len() - 1024 } else { whole.len() - 3 };
        for length in [whole.len() / 3, whole.len() / 2, end] {
            let error = bench.refuse(&bench.write(name, &whole[..length]));
            assert!(error.contains(name) && error.contains("copy or download it again"), "{name} at {length}: {error}");
        }
    }
    let mut flipped = xz(&tar);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    assert!(bench.refuse(&bench.write("b.tar.xz", flipped)).contains("damaged"));
}

#[test]
fn a_damaged_zip_entry_is_skipped() {
    let bench = Bench::new();
    let mut bytes = zip_of(&kaggle_and("train/happy/z.png", vec![b'Q'; 4000]));
    let at = bytes.windows(17).position(|window| window == b"train/happy/z.png").unwrap() + 17;
    bytes[at] ^= 0x3f;
    let manifest = bench.import(&bench.write("a.zip", bytes)).unwrap();
    assert!(skips(&manifest)[0].starts_with("train/happy/z.png: cannot be unpacked"), "{:?}", manifest.skipped);
}

/// Returns a tar header that the builder would not write.
fn raw_entry(name: &str, kind: ::tar::EntryType, size: u64) -> Vec<u8> {
    let mut header = ::tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    if kind.is_symlink() || kind.is_hard_link() {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn entries_that_climb_and_links_and_devices_are_skipped() {
    use ::tar::EntryType as Type;
    let cases = [
        ("../evil.png", Type::Regular, "leads out"),
        ("/etc/evil.png", Type::Regular, "leads out"),
        ("train/happy/../../../evil.png", Type::Regular, "leads out"),
        ("train/happy/link.png", Type::Symlink, "is a link"),
        ("train/happy/hard.png", Type::Link, "is a link"),
        ("train/happy/dev.png", Type::Block, "not a regular file"),
        ("train/happy/pipe.png", Type::Fifo, "not a regular file"),
    ];
    let bench = Bench::new();
    let mut bytes: Vec<u8> = cases.iter().flat_map(|(name, kind, _)| raw_entry(name, *kind, 0)).collect();
    bytes.extend(tar_of(&kaggle()));
    let manifest = bench.import(&bench.write("a.tar", bytes)).unwrap();
    for (skip, (name, _, words)) in skips(&manifest).iter().zip(cases) {
        assert!(skip.starts_with(name) && skip.contains(words), "{skip}");
    }
    assert_eq!((manifest.skipped_count, manifest.counts().total()), (7, 39));
    assert!(!bench.path("evil.png").exists());

    let mut writer = ::zip::ZipWriter::new_append(Cursor::new(zip_of(&kaggle()))).unwrap();
    let options = ::zip::write::SimpleFileOptions::default();
    writer.start_file("../evil.png", options).unwrap();
    writer.start_file("C:\\evil.png", options).unwrap();
    writer.add_symlink("train/happy/link.png", "/etc/passwd", options).unwrap();
    let source = bench.write("a.zip", writer.finish().unwrap().into_inner());
    let skipped = skips(&bench.import(&source).unwrap());
    assert_eq!(skipped.len(), 3, "{skipped:?}");
    assert!(skipped[0].contains("leads out") && skipped[1].contains("leads out") && skipped[2].contains("is a link"));
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
fn of_two_entries_with_one_name_the_last_counts() {
    let bench = Bench::new();
    let entries = kaggle_and("train/happy/Training_00.png", picture(222));
    let manifest = bench.import(&bench.write("a.tar", tar_of(&entries))).unwrap();
    assert!(skips(&manifest)[0].contains("occurs twice"));
    assert_eq!(manifest.counts().total(), 39);
    assert_eq!(bench.dataset().pixels(Split::Validation, 1)[0], 222_u8.wrapping_mul(17));
}

fn import_with(limits: &Limits, bench: &Bench, source: &Path) -> Result<Manifest, ImportError> {
    let _ = fs::remove_dir_all(bench.path("data/d"));
    import_within(&bench.request(source), limits, &mut |_| ControlFlow::Continue(())).map(|report| report.manifest)
}

#[test]
fn bombs_are_defused() {
    let bench = Bench::new();
    let limits = Limits { file_bytes: 1 << 20, unpacked_bytes: 4 << 20, ..Limits::DEFAULT };
    // One entry above the bound is skipped, in a zip without unpacking it.
    let zeros = vec![0; 3 << 20];
    let large = kaggle_and("train/happy/zeros.png", zeros.clone());
    for source in
        [bench.write("a.zip", zip_of(&large)), bench.write("a.tar.xz", xz(&tar_of(&large))), bench.folder("f", &large)]
    {
        let manifest = import_with(&limits, &bench, &source).unwrap();
        assert!(skips(&manifest)[0].contains("larger than 1 MiB"), "{:?}", manifest.skipped);
    }
    fs::remove_dir_all(bench.path("data")).unwrap();
    // Several of them together end the import.
    let limits = Limits { file_bytes: 8 << 20, unpacked_ratio: 10, ..limits };
    let bomb: Vec<Entry> = (0..4).map(|i| (format!("train/happy/{i}.png"), zeros.clone())).collect();
    for source in [
        bench.write("b.zip", zip_of(&bomb)),
        bench.write("b.tar.gz", gzip(&tar_of(&bomb))),
        bench.write("b.txz", xz(&tar_of(&bomb))),
    ] {
        let error = import_with(&limits, &bench, &source).unwrap_err();
        assert!(matches!(error, ImportError::TooLarge { .. }), "{error}");
        bench.assert_untouched();
    }
    let limits = Limits { entries: 10, ..Limits::DEFAULT };
    for source in
        [bench.write("c.zip", zip_of(&kaggle())), bench.write("c.tar", tar_of(&kaggle())), bench.folder("c", &kaggle())]
    {
        let error = import_with(&limits, &bench, &source).unwrap_err();
        assert!(matches!(error, ImportError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn a_zip_that_lies_about_sizes_is_caught() {
    let bench = Bench::new();
    let limits = Limits { file_bytes: 1 << 20, ..Limits::DEFAULT };
    let mut bytes = zip_of(&kaggle_and("train/happy/zeros.png", vec![0; 3 << 20]));
    // The claimed size in the directory, near the end of the file.
    let claim = u32::to_le_bytes(3 << 20);
    let at = bytes.windows(4).rposition(|window| window == claim).unwrap();
    bytes[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
    let manifest = import_with(&limits, &bench, &bench.write("a.zip", bytes)).unwrap();
    assert_eq!((manifest.skipped_count, manifest.counts().total()), (1, 39), "{:?}", manifest.skipped);
}

#[test]
fn a_name_of_gigabytes_is_not_held_in_memory() {
    let bench = Bench::new();
    let long = |kind: u8, size: u64| {
        let mut bytes = raw_entry("././@LongLink", ::tar::EntryType::new(kind), size);
        bytes.resize(bytes.len() + usize::try_from(size).unwrap(), b'n');
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    };
    for kind in *b"LKx" {
        let bytes = [long(kind, 3 << 20), tar_of(&kaggle())].concat();
        let error = bench.refuse(&bench.write("a.tar.gz", gzip(&bytes)));
        assert!(
            error.contains("a.tar.gz") && error.contains("name is longer than 1 MiB"),
            "{}: {error}",
            char::from(kind)
        );
    }
    // A large ignored entry is not mistaken for a long name.
    let large = kaggle_and("notes.bin", vec![7; 3 << 20]);
    assert_eq!(bench.import(&bench.write("b.tar", tar_of(&large))).unwrap().counts().total(), 39);
}

#[test]
fn an_archive_within_an_archive_stays_packed() {
    let bench = Bench::new();
    for (name, inner) in [("inner.zip", zip_of(&kaggle())), ("inner.tar.gz", gzip(&tar_of(&kaggle())))] {
        let entries = kaggle_and(&format!("train/happy/{name}"), inner);
        for source in [bench.write("a.zip", zip_of(&entries)), bench.write("a.tar", tar_of(&entries))] {
            let _ = fs::remove_dir_all(bench.path("data"));
            let manifest = bench.import(&source).unwrap();
            assert_eq!(skips(&manifest), [format!("train/happy/{name}: is not an image file")]);
            assert_eq!(manifest.counts().total(), 39);
        }
    }
}

#[test]
fn a_tar_that_lies_about_a_size_is_refused() {
    let bench = Bench::new();
    for size in [1 << 40, 8_589_934_591, 100_000] {
        let bytes = [raw_entry("train/happy/a.png", ::tar::EntryType::Regular, size), tar_of(&kaggle())].concat();
        let error = bench.refuse(&bench.write("a.tar", bytes));
        assert!(error.contains("a.tar"), "{size}: {error}");
    }
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
        (format!("7,{},Training", pixels(36, "7")), "emotion '7'"),
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
        let strict = ImportRequest { strict: true, ..bench.request(&source) };
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
fn something_else_compressed_is_told_from_a_damaged_archive() {
    let bench = Bench::new();
    let table = kaggle_csv("emotion,pixels,Usage", |emotion, pixels, usage| format!("{emotion},{pixels},{usage}"));
    for (name, bytes) in [("fer2013.csv.gz", gzip(table.as_bytes())), ("fer2013.csv.xz", xz(table.as_bytes()))] {
        let error = bench.refuse(&bench.write(name, bytes));
        assert!(error.contains(name) && error.contains("unpack it"), "{error}");
    }
}

#[test]
fn a_source_that_is_not_there_leaves_no_trace() {
    let bench = Bench::new();
    let error = bench.import(&bench.path("nowhere.zip")).unwrap_err().to_string();
    assert!(error.contains("nowhere.zip"), "{error}");
    assert!(!bench.path("data").exists());
    let source = bench.folder("folder", &kaggle());
    for (validation, test) in [(1.0, 0.0), (-0.1, 0.0), (f64::NAN, 0.0), (0.5, 0.5)] {
        let request = ImportRequest { validation, test, ..bench.request(&source) };
        assert!(matches!(Bench::run(&request), Err(ImportError::Options(_))));
    }
    let request = ImportRequest { image_size: Some((0, 48)), ..bench.request(&source) };
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
