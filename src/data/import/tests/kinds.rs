//! Kinds of sources that people have: names, splits, labels, tables and archives of every sort.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::broken::{kaggle_and, skips};
use super::*;

/// Returns an uncompressed zip with these raw names, as Windows writes them without stating their encoding. Names after
/// a `|` are those of Unicode's extra field.
fn raw_zip(entries: &[(Vec<u8>, Vec<u8>, Option<&str>)]) -> Vec<u8> {
    let short = |number: usize| u16::try_from(number).unwrap().to_le_bytes().to_vec();
    let long = |number: usize| u32::try_from(number).unwrap().to_le_bytes().to_vec();
    let (mut body, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes, unicode) in entries {
        let extra = unicode.map_or_else(Vec::new, |text| {
            let crc = crc32fast::hash(name).to_le_bytes();
            [b"up".as_slice(), &short(text.len() + 5), &[1], &crc, text.as_bytes()].concat()
        });
        let crc = crc32fast::hash(bytes).to_le_bytes();
        let head = [
            short(20),
            short(0),
            short(0),
            short(0),
            short(0x21),
            crc.to_vec(),
            long(bytes.len()),
            long(bytes.len()),
            short(name.len()),
            short(extra.len()),
        ]
        .concat();
        let offset = long(body.len());
        body.extend([b"PK\x03\x04".as_slice(), &head, name, &extra, bytes].concat());
        let rest = [short(0), short(0), short(0), long(0), offset].concat();
        directory.extend([b"PK\x01\x02".as_slice(), &short(20), &head, &rest, name, &extra].concat());
    }
    let count = short(entries.len());
    let end = [short(0), short(0), count.clone(), count, long(directory.len()), long(body.len()), short(0)].concat();
    [body, directory, b"PK\x05\x06".to_vec(), end].concat()
}

/// Returns Kaggle's layout with a name in another encoding for each image; `from` makes bytes of a number below 40.
fn with_raw_names(name: impl Fn(u8) -> Vec<u8>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let image = |number: u8| {
        let (split, class) =
            (if number < 32 { "train" } else { "test" }, if number.is_multiple_of(2) { "happy" } else { "sad" });
        let path = [split, "/", class, "/"].concat().into_bytes();
        ([path, name(number), b".png".to_vec()].concat(), picture(number))
    };
    (0..40).map(image).collect()
}

#[test]
fn names_that_are_not_utf8_lose_no_image() {
    let bench = Bench::new();
    let latin = with_raw_names(|number| vec![0xc0 + number]);
    let gbk = with_raw_names(|number| vec![0xd5, 0xc0 + number]);
    let zip = |entries: &[(Vec<u8>, Vec<u8>)]| {
        raw_zip(&entries.iter().map(|(name, bytes)| (name.clone(), bytes.clone(), None)).collect::<Vec<_>>())
    };
    let folder = bench.path("latin");
    for (name, bytes) in &latin {
        let path = folder.join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let mut tar = ::tar::Builder::new(Vec::new());
    for (name, bytes) in &latin {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, OsStr::from_bytes(name), bytes.as_slice()).unwrap();
    }
    let tar = bench.write("latin.tar", tar.into_inner().unwrap());
    let table = [
        (bench.write("latin.zip", zip(&latin)), None, "train/happy/└.png"),
        (bench.write("gbk.zip", zip(&gbk)), None, "train/happy/╒└.png"),
        (bench.path("gbk.zip"), Some("gbk"), "train/happy/绽.png"),
        (bench.path("latin.zip"), Some("latin1"), "train/happy/À.png"),
        (folder.clone(), None, r"train/happy/\xC0.png"),
        (folder, Some("latin1"), "train/happy/À.png"),
        (tar.clone(), None, r"train/happy/\xC0.png"),
        (tar, Some("cp850"), "train/happy/└.png"),
    ];
    for (source, encoding, first) in table {
        let encoding = encoding.map(|name| name.parse().unwrap());
        let _ = fs::remove_dir_all(bench.path("data/d"));
        let options = ImportOptions { encoding, strict: true, ..ImportOptions::default() };
        let manifest = Bench::run(&ImportRequest { options, ..bench.request(&source) }).unwrap();
        assert_eq!(manifest.counts(), SplitCounts { train: 30, validation: 2, test: 8 }, "{}", source.display());
        let dataset = bench.dataset();
        let sources: Vec<String> = [Split::Train, Split::Validation]
            .into_iter()
            .flat_map(|split| (0..dataset.len(split)).map(|index| dataset.source(split, index)).collect::<Vec<_>>())
            .collect();
        assert!(sources.contains(&first.to_owned()), "{}: {sources:?}", source.display());
    }
}

#[test]
fn class_names_come_from_the_extra_field_or_the_stated_encoding() {
    let bench = Bench::new();
    let entries = |classes: [(&[u8], Option<&str>); 2]| {
        let image = |number: u8| {
            let (class, unicode) = classes[usize::from(number % 2)];
            let name = [b"train/".as_slice(), class, b"/", &[b'a' + number], b".png"].concat();
            let unicode = unicode.map(|class| format!("train/{class}/{}.png", char::from(b'a' + number)));
            (name, picture(number), unicode)
        };
        let images: Vec<_> = (0..20).map(image).collect();
        raw_zip(
            &images
                .iter()
                .map(|(name, bytes, text)| (name.clone(), bytes.clone(), text.as_deref()))
                .collect::<Vec<_>>(),
        )
    };
    let gbk: [(&[u8], Option<&str>); 2] = [(b"\xb8\xdf\xd0\xcb", None), (b"\xb1\xaf\xc9\xcb", None)];
    let named = [(gbk[0].0, Some("高兴")), (gbk[1].0, Some("悲伤"))];
    let source = bench.write("extra.zip", entries(named));
    assert_eq!(bench.import(&source).unwrap().class_names(), ["悲伤", "高兴"]);
    let source = bench.write("gbk.zip", entries(gbk));
    assert_eq!(bench.import(&source).unwrap().classes.len(), 2);
    fs::remove_dir_all(bench.path("data/d")).unwrap();
    let options = ImportOptions { encoding: "gb18030".parse().ok(), ..ImportOptions::default() };
    let manifest = Bench::run(&ImportRequest { options, ..bench.request(&source) }).unwrap();
    assert_eq!(manifest.class_names(), ["悲伤", "高兴"]);
}

#[test]
fn usage_folders_are_split_as_the_table_is() {
    let bench = Bench::new();
    let mut entries = Vec::new();
    for (usage, count) in [("Training", 12), ("PublicTest", 3), ("PrivateTest", 2)] {
        for class in 0..2 {
            entries.extend((0..count).map(|i| (format!("{usage}/{class}/{i}.png"), picture(i))));
        }
    }
    let source = bench.folder("usages", &entries);
    for (protocol, expected) in [
        (Protocol::Keras, SplitCounts { train: 22, validation: 2, test: 10 }),
        (Protocol::Official, SplitCounts { train: 24, validation: 6, test: 4 }),
    ] {
        let _ = fs::remove_dir_all(bench.path("data/d"));
        let options = ImportOptions { protocol, strict: true, ..ImportOptions::default() };
        let manifest = Bench::run(&ImportRequest { options, ..bench.request(&source) }).unwrap();
        assert_eq!(manifest.counts(), expected, "{protocol}");
    }
}

#[test]
fn a_class_with_the_name_of_a_split_is_refused() {
    let bench = Bench::new();
    let entries: Vec<Entry> = ["bus", "car", "train"]
        .iter()
        .flat_map(|class| (0..12).map(move |i| (format!("{class}/{i}.png"), picture(i))))
        .collect();
    let source = bench.folder("vehicles", &entries);
    let error = bench.refuse(&source);
    assert!(error.contains("train"), "{error}");
    let only: Vec<Entry> = ["val_set", "other"]
        .iter()
        .flat_map(|class| (0..12).map(move |i| (format!("{class}/{i}.png"), picture(i))))
        .collect();
    let error = bench.refuse(&bench.folder("only", &only));
    assert!(error.contains("val"), "{error}");
}

#[test]
fn only_what_is_hidden_below_the_dataset_is_clutter() {
    let bench = Bench::new();
    let mut entries: Vec<Entry> =
        kaggle().into_iter().map(|(path, bytes)| (format!("home/me/.keras/fer/{path}"), bytes)).collect();
    entries.push(("home/me/.keras/fer/train/.git/x.png".into(), picture(1)));
    entries.push(("home/me/.keras/fer/train/happy/._a.png".into(), b"?".to_vec()));
    for source in [
        bench.folder("folder", &entries),
        bench.write("a.zip", zip_of(&entries)),
        bench.write("a.tar.gz", gzip(&tar_of(&entries))),
    ] {
        let manifest = bench.import(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        assert_eq!((manifest.counts().total(), manifest.skipped_count), (39, 0), "{}", source.display());
        assert_eq!(manifest.left_out.iter().map(|kind| kind.count).sum::<u64>(), 2, "{:?}", manifest.left_out);
    }
    // Beside a visible dataset a hidden one stays hidden.
    let both = [kaggle(), entries].concat();
    assert_eq!(bench.import(&bench.folder("both", &both)).unwrap().counts().total(), 39);
}

#[test]
fn class_names_are_compared_in_one_normal_form_and_cases_are_joined_with_a_note() {
    let bench = Bench::new();
    let images = |train: &str, test: &str| -> Vec<Entry> {
        let of = |folder: &str, count: u8| -> Vec<Entry> {
            (0..count).map(|i| (format!("{folder}/{i}.png"), picture(i))).collect()
        };
        [of(&format!("train/{train}"), 12), of(&format!("test/{test}"), 3), of("train/x", 12), of("test/x", 3)].concat()
    };
    let manifest = bench.import(&bench.folder("forms", &images("fro\u{308}h", "fröh"))).unwrap();
    assert_eq!((manifest.class_names(), manifest.counts().test), (vec!["fröh", "x"], 6));
    let manifest = bench.import(&bench.folder("cases", &images("Anger", "anger"))).unwrap();
    assert_eq!((manifest.class_names(), manifest.counts().test), (vec!["Anger", "x"], 6));
    assert!(manifest.notes.iter().any(|note| note.contains("'anger' of test") && note.contains("'Anger'")));
    // Two forms of one class in the same split are one class, and no image replaces another.
    let both = [images("fro\u{308}h", "fröh"), images("fröh", "fröh")].concat();
    assert_eq!(bench.import(&bench.folder("both", &both)).unwrap().counts().total(), 42);
}

#[test]
fn classes_that_hold_the_same_folders_are_noted() {
    let bench = Bench::new();
    let of = |folders: &[&str]| -> Vec<Entry> {
        let entries = |folder: &&str| -> Vec<Entry> {
            (0..6).map(|i| (format!("{folder}/{i}{}.png", folder.len()), picture(i))).collect()
        };
        folders.iter().flat_map(entries).collect()
    };
    let notes = |name: &str, folders: &[&str]| bench.import(&bench.folder(name, &of(folders))).unwrap().notes;
    let unknown = notes("unknown", &["seen/happy", "seen/sad", "unseen/happy", "unseen/sad"]);
    let words = "the classes seen, unseen hold folders of the same names (happy, sad)";
    assert!(unknown.iter().any(|note| note.contains(words)), "{unknown:?}");
    for (name, folders) in [
        ("persons", &["happy/ann", "happy/bob", "sad/ann", "sad/cem"][..]),
        ("once", &["happy/images", "sad/images"]),
        ("splits", &["train/happy", "train/sad", "test/happy", "test/sad"]),
    ] {
        let found = notes(name, folders);
        assert!(!found.iter().any(|note| note.contains("same names")), "{name}: {found:?}");
    }
}

#[test]
fn every_class_gets_validation_and_test_images_where_it_has_enough() {
    let bench = Bench::new();
    let entries: Vec<Entry> = [("many", 45), ("nine", 9), ("three", 3), ("two", 2)]
        .into_iter()
        .flat_map(|(class, count)| (0..count).map(move |i| (format!("{class}/{i:02}.png"), picture(i))))
        .collect();
    let manifest = bench.import(&bench.folder("few", &entries)).unwrap();
    let counts = |index: usize| Split::ALL.map(|split| manifest.classes[index].counts.get(split));
    assert_eq!([0, 1, 2, 3].map(counts), [[37, 4, 4], [7, 1, 1], [1, 1, 1], [2, 0, 0]]);
    assert!(manifest.notes.iter().any(|note| note.contains("two has no test images")), "{:?}", manifest.notes);
}

/// Returns the classes with their images in all splits.
fn classes_of(manifest: &Manifest) -> Vec<(String, usize)> {
    let total = |class: &crate::data::ClassCounts| Split::ALL.iter().map(|split| class.counts.get(*split)).sum();
    manifest.classes.iter().map(|class| (class.name.clone(), total(class))).collect()
}

fn named(classes: &[(&str, usize)]) -> Vec<(String, usize)> {
    classes.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn labels_beside_the_images_are_read_in_known_layouts() {
    let bench = Bench::new();
    let mut yolo = vec![("data.yaml".to_owned(), b"nc: 2\nnames: [Joy, Sad]\n".to_vec())];
    for (split, count) in [("train", 20), ("valid", 4), ("test", 4)] {
        for i in 0..count {
            yolo.push((format!("{split}/images/{i}.png"), picture(i)));
            yolo.push((format!("{split}/labels/{i}.txt"), format!("{} 0.5 0.5 1 1\n", i % 2).into_bytes()));
        }
    }
    yolo.push(("train/images/none.png".into(), picture(99)));
    let manifest = bench.import(&bench.write("yolo.zip", zip_of(&yolo))).unwrap();
    assert_eq!(classes_of(&manifest), named(&[("Joy", 14), ("Sad", 14)]));
    assert_eq!(manifest.counts(), SplitCounts { train: 20, validation: 4, test: 4 });
    assert_eq!(skips(&manifest), ["train/images/none.png: has no file of labels beside it"]);

    let mut votes: Vec<Entry> = Vec::new();
    for (split, count) in [("FER2013Train", 20), ("FER2013Valid", 4), ("FER2013Test", 4)] {
        let row =
            |i: u8| format!("fer{i}.png,\"(0, 0, 48, 48)\",{},{},1,0,0,0,0,0,0,0\n", 9 * (i % 2), 9 - 9 * (i % 2));
        votes.push((format!("{split}/label.csv"), (0..count).map(row).collect::<String>().into_bytes()));
        votes.extend((0..count).map(|i| (format!("{split}/fer{i}.png"), picture(i))));
    }
    let manifest = bench.import(&bench.folder("ferplus", &votes)).unwrap();
    assert_eq!(classes_of(&manifest), named(&[("happy", 14), ("neutral", 14)]));
    assert_eq!((manifest.counts().validation, manifest.skipped_count), (4, 0));
}

#[test]
fn images_without_class_folders_are_refused_with_what_was_found() {
    let bench = Bench::new();
    let jaffe: Vec<Entry> = (0..30)
        .map(|i| (format!("KA.{}{}.{i}.png", ["AN", "HA", "SU"][usize::from(i) % 3], i % 3 + 1), picture(i)))
        .collect();
    let kdef: Vec<Entry> = (0..30)
        .map(|i| {
            (format!("KDEF/AF{:02}/AF{:02}{}S.png", i % 15, i % 15, ["AN", "HA"][usize::from(i / 15)]), picture(i))
        })
        .collect();
    let mut raf: Vec<Entry> = (0..30)
        .map(|i| (format!("basic/aligned/{}_{i}_aligned.png", if i < 24 { "train" } else { "test" }), picture(i)))
        .collect();
    let row = |i: u8| format!("{}_{i}.png {}\n", if i < 24 { "train" } else { "test" }, i % 3 + 1);
    let list: String = (0..30).map(row).collect();
    raf.push(("basic/list_patition_label.txt".into(), list.into_bytes()));
    let cats: Vec<Entry> =
        (0..30).map(|i| (format!("train/{}.{i}.png", ["cat", "dog"][usize::from(i) % 2]), picture(i))).collect();
    let table = [
        ("jaffe", &jaffe, "--pattern jaffe", "pattern", "jaffe", &[("angry", 10), ("happy", 10), ("surprise", 10)][..]),
        ("kdef", &kdef, "--pattern kdef", "pattern", "kdef", &[("angry", 15), ("happy", 15)]),
        (
            "raf",
            &raf,
            "--labels basic/list_patition_label.txt",
            "labels",
            "list_patition_label.txt",
            &[("disgust", 10), ("fear", 10), ("surprise", 10)],
        ),
        ("cats", &cats, "--pattern '{class}*'", "pattern", "{class}*", &[("cat", 15), ("dog", 15)]),
    ];
    for (name, entries, advice, option, value, classes) in table {
        let source = bench.folder(name, entries);
        let error = bench.refuse(&source);
        assert!(error.contains(advice), "{name}: {error}");
        let mut options = ImportOptions::default();
        IMPORT_OPTIONS.iter().find(|known| known.name == option).unwrap().set(&mut options, value).unwrap();
        let _ = fs::remove_dir_all(bench.path("data/d"));
        let manifest = Bench::run(&ImportRequest { options, ..bench.request(&source) }).unwrap();
        assert_eq!(classes_of(&manifest), named(classes), "{name}");
        assert_eq!((manifest.skipped_count, name == "raf"), (0, manifest.counts().test == 6 && name == "raf"));
        fs::remove_dir_all(bench.path("data/d")).unwrap();
    }
    // Sorted by expression, the folders are classes whatever the names are.
    let sorted: Vec<Entry> = kdef
        .iter()
        .map(|(path, bytes)| (format!("{}/{}", &path[14..16], path.rsplit('/').next().unwrap()), bytes.clone()))
        .collect();
    assert_eq!(bench.import(&bench.folder("sorted", &sorted)).unwrap().class_names(), ["AN", "HA"]);
}

#[test]
fn tables_in_other_words_are_read_where_they_are_plain() {
    let bench = Bench::new();
    let official = |emotion: usize, pixels: &str, usage: &str| format!("{emotion},{pixels},{usage}");
    let plain = kaggle_csv("emotion,pixels,Usage", official);
    let first = bench.import(&bench.write("plain.csv", &plain)).unwrap().fingerprint;
    let names = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];
    let tables = [
        (
            "words.csv",
            kaggle_csv("label,pixels,split", |emotion, pixels, usage| format!("{},{pixels},{usage}", names[emotion])),
        ),
        (
            "splits.csv",
            kaggle_csv("emotion,pixels,set", |emotion, pixels, usage| {
                format!("{emotion}.0,{pixels},{}", if usage == "Training" { "train" } else { "test" })
            }),
        ),
        (
            "floats.csv",
            kaggle_csv("emotion,pixels,Usage", |emotion, pixels, usage| {
                let floats: Vec<String> = pixels.split(' ').map(|value| format!("{value}.0")).collect();
                format!("{emotion},\"[{}]\",{usage}", floats.join(", "))
            }),
        ),
        ("semicolons.csv", plain.replace(',', ";")),
        ("mac.csv", plain.replace('\n', "\r\n")),
        ("bom.csv", format!("\u{feff}{plain}")),
    ];
    for (name, text) in tables {
        let manifest = bench.import(&bench.write(name, text)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((manifest.fingerprint, manifest.skipped_count), (first.clone(), 0), "{name}");
    }
    let columns: Vec<String> = (0..36).map(|pixel| format!("pixel{pixel}")).collect();
    let header = format!("label,{},usage", columns.join(","));
    let wide = kaggle_csv(&header, |emotion, pixels, usage| {
        format!("{},{},{usage}", names[emotion], pixels.replace(' ', ","))
    });
    assert_eq!(bench.import(&bench.write("wide.csv", wide)).unwrap().fingerprint, first);
    // The numbers of another column than emotion mean something else.
    let numbers =
        kaggle_csv("label,pixels,Usage", |emotion, pixels, usage| format!("{},{pixels},{usage}", emotion + 5));
    assert_eq!(bench.import(&bench.write("numbers.csv", numbers)).unwrap().class_names(), ["11", "5", "8"]);
    // A table for each split, without a column that states it.
    let lines = |usage: &str| -> String {
        plain.lines().filter_map(|line| line.strip_suffix(usage)).flat_map(|line| [line, "\n"]).collect()
    };
    let header = "emotion,pixels\n".to_owned();
    let two = [
        ("x/train.csv".to_owned(), (header.clone() + &lines(",Training")).into_bytes()),
        ("x/test.csv".to_owned(), (header + &lines(",PrivateTest")).into_bytes()),
    ];
    let manifest = bench.import(&bench.write("two.zip", zip_of(&two))).unwrap();
    assert_eq!((manifest.fingerprint, manifest.skipped_count), (first.clone(), 0));
    assert_eq!(bench.dataset().source(Split::Test, 0), "test.csv row 1");
    let utf16: Vec<u8> = format!("\u{feff}{plain}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(bench.refuse(&bench.write("utf16.csv", utf16)).contains("UTF-8"));
    let misspelt = plain.replace("Training", "Trainning");
    let error = bench.refuse(&bench.write("misspelt.csv", misspelt));
    assert!(error.contains("33 × has the usage 'Trainning'") && error.contains("such as row"), "{error}");
    let votes = "Usage,Image name,neutral,happiness,contempt,NF\nTraining,a.png,4,0,0,0\n";
    let error = bench.refuse(&bench.write("fer2013new.csv", votes));
    assert!(error.contains("FERPlus's votes") && error.contains("--labels"), "{error}");
}

#[test]
fn archives_of_other_kinds_give_the_same_dataset() {
    let bench = Bench::new();
    let entries = kaggle();
    let tar = tar_of(&entries);
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&tar).unwrap();
    let zstd = |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    // Several frames follow one another, as pzstd writes them.
    let (one, two) = tar.split_at(tar.len() / 2);
    let expected = bench.import(&bench.folder("folder", &entries)).unwrap().fingerprint;
    for (name, bytes) in [("a.tar.bz2", bzip2.finish().unwrap()), ("a.tar.zst", [zstd(one), zstd(two)].concat())] {
        let source = bench.write(name, &bytes);
        assert_eq!(bench.import(&source).unwrap().fingerprint, expected, "{name}");
        let error = bench.refuse(&bench.write(name, &bytes[..bytes.len() / 2]));
        assert!(error.contains(name), "{error}");
    }
    let mut packed = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in &entries {
        let method = ::zip::CompressionMethod::Bzip2;
        packed
            .start_file(path.as_str(), ::zip::write::SimpleFileOptions::default().compression_method(method))
            .unwrap();
        packed.write_all(bytes).unwrap();
    }
    let source = bench.write("bzip2.zip", packed.finish().unwrap().into_inner());
    assert_eq!(bench.import(&source).unwrap().fingerprint, expected);
    let mut sevenz = sevenz_rust2::ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    sevenz.set_content_methods(vec![
        sevenz_rust2::encoder_options::AesEncoderOptions::new("secret".into()).into(),
        sevenz_rust2::EncoderMethod::LZMA2.into(),
    ]);
    for (path, bytes) in &entries {
        sevenz.push_archive_entry(sevenz_rust2::ArchiveEntry::new_file(path), Some(bytes.as_slice())).unwrap();
    }
    let source = bench.write("a.7z", sevenz.finish().unwrap().into_inner());
    let error = bench.refuse(&source);
    assert!(error.contains("--password"), "{error}");
    for (password, expected) in [("wrong", None), ("secret", Some(&expected))] {
        let options = ImportOptions { password: Some(password.into()), ..ImportOptions::default() };
        let found = Bench::run(&ImportRequest { options, ..bench.request(&source) });
        assert_eq!(found.as_ref().ok().map(|manifest| &manifest.fingerprint), expected, "{found:?}");
    }
    let known = [
        (b"Rar!\x1a\x07\x00".as_slice(), "a RAR archive, which is not read"),
        (b"LZIP", "a file compressed by lzip, which is not read"),
        (b"PAR1", "is damaged, cut short"),
        (b"<!DOCTYPE html><title>Sign in</title>", "it is a web page ('Sign in')"),
        (
            b"version https://git-lfs.github.com/spec/v1\nsize 63\n",
            "it is a Git LFS pointer and not the file of 63 bytes",
        ),
    ];
    for (bytes, words) in known {
        let error = bench.refuse(&bench.write("source.bin", bytes));
        assert!(error.contains(words) && error.contains("source.bin"), "{error}");
    }
}

#[test]
fn a_hard_link_in_a_tar_is_the_file_that_it_names() {
    let bench = Bench::new();
    let mut tar = ::tar::Builder::new(Vec::new());
    for (path, bytes) in kaggle() {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    let mut header = ::tar::Header::new_gnu();
    header.set_entry_type(::tar::EntryType::Link);
    header.set_size(0);
    tar.append_link(&mut header, "train/happy/again.png", "train/happy/Training_03.png").unwrap();
    let manifest = bench.import(&bench.write("a.tar", tar.into_inner().unwrap())).unwrap();
    assert_eq!((manifest.counts().total(), manifest.skipped_count), (40, 0));
}

#[test]
fn everything_left_out_is_counted_and_named_when_nothing_comes_in() {
    let bench = Bench::new();
    let mut entries = kaggle_and("extra/x.png", picture(1));
    entries.extend((0..3).map(|i| (format!("extra/{i}.png"), picture(i))));
    entries.extend([("README.md".into(), b"x".to_vec()), ("train/.DS_Store".into(), b"x".to_vec())]);
    let manifest = bench.import(&bench.folder("folder", &entries)).unwrap();
    let counts: Vec<_> = manifest.left_out.iter().map(|kind| (kind.count, kind.skipped)).collect();
    assert_eq!(
        (counts, manifest.skipped_count),
        (vec![(4, true), (1, false), (1, false)], 4),
        "{:?}",
        manifest.left_out
    );
    let links = bench.path("links");
    fs::create_dir_all(links.join("train/happy")).unwrap();
    for i in 0..5 {
        std::os::unix::fs::symlink(bench.path("folder/README.md"), links.join(format!("train/happy/{i}.png"))).unwrap();
    }
    let error = bench.refuse(&links);
    assert!(
        error.contains("all its images were skipped")
            && error.contains("5 × is a link")
            && error.contains("--follow-links"),
        "{error}"
    );
}

#[test]
fn a_target_that_cannot_be_is_refused_before_the_source_is_read() {
    let bench = Bench::new();
    let source = bench.folder("folder", &kaggle());
    bench.import(&source).unwrap();
    let mut never = |_| -> ControlFlow<()> { panic!("the source was read") };
    let other = bench.write("broken.zip", b"PK\x03\x04");
    let error = import(&bench.request(&other), &mut never).unwrap_err().to_string();
    assert!(error.contains("'d' is taken") && error.contains("folder"), "{error}");
    fs::create_dir_all(bench.path("data/e")).unwrap();
    let foreign = ImportRequest { name: DatasetName::new("e").unwrap(), ..bench.request(&source) };
    let error = import(&foreign, &mut never).unwrap_err().to_string();
    assert!(error.contains("exists and is not a dataset"), "{error}");
    for own in [bench.path("data/d"), bench.path("data"), bench.path("")] {
        let request = ImportRequest { name: DatasetName::new("f").unwrap(), ..bench.request(&own) };
        let error = import(&request, &mut never).unwrap_err().to_string();
        assert!(error.contains("mien"), "{error}");
    }
}

#[test]
fn the_names_of_few_numbered_classes_are_noted() {
    let bench = Bench::new();
    let mut number = 0;
    let all = kaggle_csv("emotion,pixels,Usage", |_, pixels, usage| {
        number += 1;
        format!("{},{pixels},{usage}", number % 7)
    });
    let notes = |name: &str, table: &str| bench.import(&bench.write(name, table)).unwrap().notes;
    let is_about_names = |note: &String| note.contains("FER-2013's");
    assert!(!notes("all.csv", &all).iter().any(is_about_names));
    let two = kaggle_csv("emotion,pixels,Usage", |_, pixels, usage| {
        number += 1;
        format!("{},{pixels},{usage}", 3 * (number % 2))
    });
    let found = notes("two.csv", &two);
    assert!(found.iter().any(|note| note.contains("0 angry, 3 happy; --map renames them")), "{found:?}");
    let named = two.replace("\n0,", "\nbored,").replace("\n3,", "\nawake,");
    assert!(!notes("named.csv", &named).iter().any(is_about_names));
}
