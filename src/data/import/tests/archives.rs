//! Damaged and hostile archives: each is rejected or its entries are skipped by name.

use super::broken::{kaggle_and, skips};
use super::*;
use crate::data::import::limits::Limits;

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
fn of_two_entries_with_one_name_the_last_counts() {
    let bench = Bench::new();
    let entries = kaggle_and("train/happy/Training_00.png", picture(222));
    let manifest = bench.import(&bench.write("a.tar", tar_of(&entries))).unwrap();
    assert!(skips(&manifest)[0].contains("occurs twice"));
    assert_eq!(manifest.counts().total(), 39);
    assert_eq!(bench.dataset().pixels(Split::Validation, 1)[0], 222_u8.wrapping_mul(17));
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
fn something_else_compressed_is_told_from_a_damaged_archive() {
    let bench = Bench::new();
    let table = kaggle_csv("emotion,pixels,Usage", |emotion, pixels, usage| format!("{emotion},{pixels},{usage}"));
    for (name, bytes) in [("fer2013.csv.gz", gzip(table.as_bytes())), ("fer2013.csv.xz", xz(table.as_bytes()))] {
        let error = bench.refuse(&bench.write(name, bytes));
        assert!(error.contains(name) && error.contains("unpack it"), "{error}");
    }
}
