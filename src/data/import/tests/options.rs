//! The options of imports, each by its effect.

use std::os::unix::fs::symlink;

use super::*;
use crate::data::marked::{self, Doubt, Mark, Marks};

/// Imports with options given as on the command line.
fn import_as(bench: &Bench, source: &Path, given: &[(&str, &str)]) -> Result<Manifest, ImportError> {
    let mut options = ImportOptions::default();
    for (name, value) in given {
        let option = IMPORT_OPTIONS.iter().find(|option| option.name == *name).expect("an option");
        option.set(&mut options, value).expect("accepted");
    }
    let _ = fs::remove_dir_all(bench.path("data/d"));
    Bench::run(&ImportRequest { options, ..bench.request(source) })
}

fn coloured(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_pixel(width, height, Rgb([200, 100, 50]));
    super::png(&DynamicImage::from(image))
}

/// Returns two classes of pictures, no two of one size, all twice as wide as high.
fn scraped() -> Vec<Entry> {
    let picture = |class: &str, i: u32| (format!("{class}/{i:02}.png"), coloured(20 + 2 * i, 10 + i));
    ["a", "b"]
        .iter()
        .flat_map(|class| (0..12).map(move |i| picture(class, i + if *class == "a" { 0 } else { 12 })))
        .collect()
}

#[test]
fn pictures_of_every_size_come_to_a_sensible_one_or_the_requested_one() {
    let bench = Bench::new();
    let mut entries = scraped();
    entries.push(("a/photo.png".into(), coloured(1200, 600)));
    let source = bench.folder("scraped", &entries);
    let manifest = import_as(&bench, &source, &[]).unwrap();
    assert_eq!((manifest.image.width, manifest.image.height, manifest.image.channels), (22, 22, 3));
    assert!(manifest.notes[0].contains("no size is usual (25 from 20×10 to 1200×600)"), "{:?}", manifest.notes);
    // Each way of fitting at the left edge's middle and at the top's middle.
    let pixel = |dataset: &Dataset, x: usize, y: usize| dataset.pixels(Split::Train, 0)[(y * 8 + x) * 3];
    for (fit, left, top) in [("squash", 200, 200), ("crop", 200, 200), ("pad", 200, 0)] {
        let manifest = import_as(&bench, &source, &[("size", "8"), ("fit", fit)]).unwrap();
        assert_eq!((manifest.image.width, manifest.image.height, manifest.resized), (8, 8, 25));
        let dataset = bench.dataset();
        assert_eq!((pixel(&dataset, 0, 4), pixel(&dataset, 4, 0)), (left, top), "{fit}");
    }
    let manifest = import_as(&bench, &source, &[("size", "16x8"), ("gray", "")]).unwrap();
    assert_eq!((manifest.image.width, manifest.image.height, manifest.image.channels), (16, 8, 1));
    let gray = bench.folder("gray", &kaggle());
    assert_eq!(import_as(&bench, &gray, &[("colour", "")]).unwrap().image.channels, 3);
}

#[test]
fn classes_are_renamed_joined_and_left_out() {
    let bench = Bench::new();
    let source = bench.folder("folder", &kaggle());
    let manifest = import_as(&bench, &source, &[("map", "happy=joy")]).unwrap();
    assert_eq!(manifest.class_names(), ["angry", "joy", "neutral"]);
    let manifest = import_as(&bench, &source, &[("map", "happy=mood,angry=mood")]).unwrap();
    assert_eq!(manifest.class_names(), ["mood", "neutral"]);
    assert_eq!(manifest.counts().total(), 39);
    let manifest = import_as(&bench, &source, &[("map", "happy=")]).unwrap();
    assert_eq!((manifest.class_names(), manifest.skipped_count), (vec!["angry", "neutral"], 0));
    assert_eq!((manifest.left_out[0].count, manifest.left_out[0].skipped), (14, false));
    let error = import_as(&bench, &source, &[("map", "joy=happy")]).unwrap_err().to_string();
    assert!(error.contains("'joy'") && error.contains("angry, happy, neutral"), "{error}");
}

#[test]
fn all_images_are_divided_by_shares_in_each_way() {
    let bench = Bench::new();
    let entries: Vec<Entry> = (0..100)
        .map(|i| {
            let (split, class) = (if i < 80 { "train" } else { "test" }, if i % 4 == 0 { "few" } else { "many" });
            (format!("{split}/{class}/p{}/{i}.png", i % 10), picture(i))
        })
        .collect();
    let source = bench.folder("folder", &entries);
    let by = |way: &str, seed: &str| import_as(&bench, &source, &[("split", "80/10/10"), ("by", way), ("seed", seed)]);
    for way in ["keras", "seed", "stratified", "group"] {
        let manifest = by(way, "1").unwrap();
        let counts = manifest.counts();
        assert_eq!(counts.total(), 100, "{way}");
        assert!(counts.train >= 70 && counts.validation >= 5 && counts.test >= 5, "{way}: {counts:?}");
        assert!(manifest.notes.iter().any(|note| note.contains("joined and divided again")));
        if way == "group" {
            let dataset = bench.dataset();
            let mut splits: BTreeMap<String, BTreeSet<Split>> = BTreeMap::new();
            for split in Split::ALL {
                for index in 0..dataset.len(split) {
                    let person = dataset.source(split, index).split('/').nth(2).unwrap().to_owned();
                    splits.entry(person).or_default().insert(split);
                }
            }
            assert!(splits.len() == 10 && splits.values().all(|splits| splits.len() == 1), "{splits:?}");
        }
        if way == "stratified" {
            assert_eq!(manifest.classes[0].counts, SplitCounts { train: 21, validation: 2, test: 2 });
        }
        let again = by(way, "1").unwrap().fingerprint;
        let other = by(way, "2").unwrap().fingerprint;
        assert_eq!((again == manifest.fingerprint, other == again), (true, way == "keras"), "{way}");
    }
    let flat = bench.folder("flat", &kaggle());
    let error = import_as(&bench, &flat, &[("split", "80/10/10"), ("by", "group")]).unwrap_err().to_string();
    assert!(error.contains("--by group needs the group"), "{error}");
}

#[test]
fn links_are_followed_on_request_and_never_for_ever() {
    let bench = Bench::new();
    let real = bench.folder("real", &kaggle());
    let links = bench.path("links");
    fs::create_dir_all(&links).unwrap();
    symlink(real.join("train"), links.join("train")).unwrap();
    fs::create_dir_all(links.join("test/happy")).unwrap();
    symlink(real.join("test/happy/PublicTest_0.png"), links.join("test/happy/a.png")).unwrap();
    symlink(&links, links.join("test/loop")).unwrap();
    symlink(bench.path("nowhere"), links.join("test/happy/b.png")).unwrap();
    let manifest = import_as(&bench, &links, &[("follow-links", "")]).unwrap();
    assert_eq!(manifest.counts(), SplitCounts { train: 30, validation: 3, test: 1 });
    let skipped: Vec<&str> = manifest.skipped.iter().map(|skip| skip.source.as_str()).collect();
    assert!(skipped.contains(&"test/happy/b.png"), "{:?}", manifest.skipped);
    assert!(import_as(&bench, &links, &[]).is_err());
}

#[test]
fn an_encrypted_zip_needs_its_password() {
    let bench = Bench::new();
    let mut writer = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in kaggle() {
        let options = ::zip::write::SimpleFileOptions::default().with_aes_encryption(::zip::AesMode::Aes256, "secret");
        writer.start_file(path, options).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    let source = bench.write("a.zip", writer.finish().unwrap().into_inner());
    let error = import_as(&bench, &source, &[]).unwrap_err().to_string();
    assert!(error.contains("39 × is encrypted") && error.contains("--password"), "{error}");
    let error = import_as(&bench, &source, &[("password", "wrong")]).unwrap_err().to_string();
    assert!(error.contains("39 × is encrypted with another password"), "{error}");
    assert_eq!(import_as(&bench, &source, &[("password", "secret")]).unwrap().counts().total(), 39);
}

#[test]
fn a_table_without_splits_is_divided_and_takes_other_labels() {
    let bench = Bench::new();
    let table = kaggle_csv("emotion,pixels", |emotion, pixels, _| format!("{emotion},{pixels}"));
    let source = bench.write("train.csv", table);
    assert!(import_as(&bench, &source, &[]).unwrap_err().to_string().contains("--split 80/10/10"));
    assert_eq!(import_as(&bench, &source, &[("split", "80/10/10")]).unwrap().counts().total(), 39);
    let row = |i: u32| format!("x{i}.png,{},{}\n", 9 * (i % 2), 9 - 9 * (i % 2));
    let votes: String = (0..39).map(row).collect();
    let labels = bench.write("votes.csv", format!("Image name,happiness,fear\n{votes}"));
    let given = [("split", "80/10/10"), ("labels", labels.to_str().unwrap())];
    assert_eq!(import_as(&bench, &source, &given).unwrap().class_names(), ["fear", "happy"]);
}

#[test]
fn a_preview_shows_what_the_import_then_does_and_changes_nothing() {
    let bench = Bench::new();
    let mut entries = kaggle();
    entries.push(("notes.md".into(), b"x".to_vec()));
    // Their headers say that they cannot be read: the import skips them, too.
    entries.push(("train/happy/empty.png".into(), Vec::new()));
    entries.push(("train/happy/text.png".into(), b"this is no picture".to_vec()));
    // Only its pixels say that it cannot be read.
    let whole = &kaggle()[0].1;
    entries.push(("train/happy/cut.png".into(), whole[..whole.len() / 2].to_vec()));
    for source in [bench.folder("folder", &entries), bench.write("a.zip", zip_of(&entries))] {
        let request = bench.request(&source);
        let _ = fs::remove_dir_all(bench.path("data"));
        let previewed = |depth| preview(&request, depth, &mut |_| ControlFlow::Continue(())).unwrap();
        let preview = previewed(PreviewDepth::Pixels);
        let by_headers = previewed(PreviewDepth::Headers);
        assert!(!bench.path("data").exists());
        let total = |classes: &[ClassCounts]| classes.iter().map(|class| class.counts.total()).sum::<usize>();
        assert_eq!(total(&by_headers.classes), total(&preview.classes) + 1);
        let manifest = bench.import(&source).unwrap();
        assert_eq!((preview.classes, preview.image, preview.split), (manifest.classes, manifest.image, manifest.split));
        assert_eq!((preview.left_out, preview.notes), (manifest.left_out, manifest.notes));
        assert_eq!(preview.sizes, [SizeCount { width: 6, height: 6, count: 40 }]);
        let files = ["pixels.bin", "labels.bin", "sources.bin"].map(|name| bench.path("data/d").join(name));
        let written: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
        // The preview's bytes include the three pictures that cannot be read.
        assert!(preview.disk.abs_diff(written) <= 300, "{} and {written}", preview.disk);
    }
}

#[test]
fn pictures_that_cannot_be_read_take_no_place_in_a_split() {
    let bench = Bench::new();
    let mut entries: Vec<Entry> = Vec::new();
    for class in ["happy", "sad"] {
        // The first names come to validation and test.
        entries.extend((0..3).map(|i| (format!("{class}/0{i}.png"), b"no picture".to_vec())));
        entries.extend((3..12).map(|i| (format!("{class}/{i:02}.png"), coloured(6, 6))));
    }
    let whole: Vec<Entry> = entries.iter().filter(|(_, bytes)| bytes.len() > 20).cloned().collect();
    let counts = |source: &Path| {
        let manifest = import_as(&bench, source, &[("split", "60/20/20")]).unwrap();
        (manifest.classes, manifest.left_out.iter().map(|omission| omission.count).sum::<u64>())
    };
    let (damaged, skipped) = counts(&bench.folder("damaged", &entries));
    assert_eq!((damaged, skipped), (counts(&bench.folder("whole", &whole)).0, 6));
    assert_eq!(counts(&bench.write("a.zip", zip_of(&entries))).1, 6);
}

#[test]
fn marks_follow_their_images_into_the_dataset_that_replaces_theirs() {
    let bench = Bench::new();
    let picture_of = |name: &str, shade: u8| (name.to_owned(), picture(shade));
    let images: Vec<Entry> = (0..12)
        .flat_map(|i| [picture_of(&format!("happy/{i:02}.png"), i), picture_of(&format!("sad/{i:02}.png"), 100 + i)])
        .collect();
    let source = bench.folder("faces", &images);
    let manifest = bench.import(&source).unwrap();
    let folder = bench.path("data/d");
    let dataset = Dataset::open(&folder).unwrap();
    assert_eq!(manifest.class_names(), ["happy", "sad"]);
    let sad = Some(1);
    let (first, last) = (0, u32::try_from(dataset.len(Split::Train) - 1).unwrap());
    marked::change(&folder, dataset.fingerprint(), |marks| {
        marks.mark(&dataset, first, Doubt { class: sad, run: None }, 7)?;
        marks.mark(&dataset, last, Doubt::default(), 8).map(|_| ())
    })
    .unwrap();
    let named = |marks: &Marks| {
        let text = |mark: &Mark| format!("{} {:?} {}", mark.source, mark.class, mark.at);
        marks.images.iter().map(text).collect::<Vec<_>>()
    };
    let marks_now = || {
        let dataset = Dataset::open(&folder).unwrap();
        named(&marked::read(&folder, dataset.fingerprint()).unwrap())
    };
    let before = marks_now();
    // Another size: other pixels of the same files.
    let mut request = bench.request(&source);
    request.options.size = Some((24, 24));
    let replaced = |request: ImportRequest| import(&replacing(request), &mut |_| ControlFlow::Continue(())).unwrap();
    let report = replaced(request);
    assert_eq!(marks_now(), before);
    assert_eq!(report.marks.as_deref(), Some("2 marks are carried over"));
    // Another folder without one of the images, whose names are all other ones.
    let others = images.iter().filter(|(name, _)| !before[1].starts_with(name.as_str()));
    let others = others.map(|(name, bytes)| (name.replace(".png", "x.png"), bytes.clone()));
    let others = bench.folder("others", &others.collect::<Vec<_>>());
    let report = replaced(bench.request(&source));
    assert_eq!(report.marks.as_deref(), Some("2 marks are carried over"));
    let report = replaced(bench.request(&others));
    let words = "1 mark is carried over, 1 mark is lost with the images or classes";
    assert!(report.marks.as_ref().is_some_and(|marks| marks.starts_with(words)), "{:?}", report.marks);
    assert_eq!(marks_now().len(), 1);
    fs::write(folder.join(marked::FILE_NAME), "no list").unwrap();
    let marks = replaced(bench.request(&source)).marks.expect("a sentence");
    assert!(
        marks.starts_with("the marks of the dataset before are not carried over") && marks.contains("damaged"),
        "{marks}"
    );
}
