//! Parquet files that tests/fixtures/parquet.py wrote by Hugging Face's `datasets` and by pyarrow.

use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parquet").join(name)
}

fn with(bench: &Bench, source: &Path, options: ImportOptions) -> Result<ImportReport, ImportError> {
    let _ = fs::remove_dir_all(bench.path("data/d"));
    import(&ImportRequest { options, ..bench.request(source) }, &mut |_| ControlFlow::Continue(()))
}

fn splits(manifest: &Manifest) -> (usize, usize, usize) {
    let counts = manifest.counts();
    (counts.train, counts.validation, counts.test)
}

#[test]
fn a_dataset_of_the_hub_has_its_splits_and_the_class_names_of_its_metadata() {
    let bench = Bench::new();
    let manifest = bench.import(&fixture("hub")).unwrap();
    assert_eq!(manifest.class_names(), ["angry", "happy"]);
    assert_eq!((splits(&manifest), manifest.skipped_count), ((18, 2, 6), 0), "{:?}", manifest.skipped);
    let dataset = bench.dataset();
    assert_eq!(dataset.source(Split::Validation, 0), "data/train-00000-of-00002.parquet row 1");
    let pixels: Vec<u8> = (0..16).map(|i| 100 + 7 * i).collect();
    assert_eq!(dataset.pixels(Split::Test, 0), pixels);
    assert_eq!(dataset.pixels(Split::Train, 0)[0], 2, "row 3: the first angry one validates");

    // In an archive it is the same dataset.
    let files = ["train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"];
    let path = |name: &str| format!("data/{name}.parquet");
    let entries: Vec<Entry> =
        files.map(|name| (path(name), fs::read(fixture("hub").join(path(name))).unwrap())).to_vec();
    let mut tar = ::tar::Builder::new(Vec::new());
    for (path, bytes) in &entries {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    let archive = bench.write("hub.tar", tar.into_inner().unwrap());
    assert_eq!(bench.import(&archive).unwrap().fingerprint, manifest.fingerprint);

    // A part that is missing is named; a folder of several datasets is refused.
    let partial = bench.folder("partial", &entries[..1]);
    let report = with(&bench, &partial, ImportOptions::default()).unwrap();
    assert_eq!(report.skipped[0].source, "data/train-00001-of-00002.parquet");
    assert_eq!(splits(&report.manifest), (6, 2, 2));
    let strict = with(&bench, &partial, ImportOptions { strict: true, ..ImportOptions::default() });
    assert!(matches!(strict, Err(ImportError::Refused { count: 1, .. })), "{strict:?}");
    let two = entries.iter().zip(["a", "b"]).map(|((path, bytes), set)| (format!("{set}/{path}"), bytes.clone()));
    let error = bench.refuse(&bench.folder("two", &two.collect::<Vec<_>>()));
    assert!(error.contains("a/data, b/data") && error.contains("import one"), "{error}");
}

#[test]
fn every_compression_of_a_file_gives_the_same_dataset_with_its_groups() {
    let bench = Bench::new();
    let codecs = ["none", "snappy", "gzip", "brotli", "zstd"];
    let fingerprints = codecs.map(|codec| bench.import(&fixture(&format!("{codec}.parquet"))).unwrap().fingerprint);
    assert!(fingerprints.iter().all(|found| *found == fingerprints[0]), "{fingerprints:?}");
    let dataset = bench.dataset();
    assert_eq!(dataset.manifest().class_names(), ["angry", "happy"]);
    assert_eq!(dataset.manifest().groups.as_ref().unwrap().len(), 5, "persons");
}

#[test]
fn rows_without_image_or_label_are_skipped_and_the_column_of_labels_can_be_chosen() {
    let bench = Bench::new();
    let source = fixture("two_labels.parquet");
    let report = with(&bench, &source, ImportOptions::default()).unwrap();
    assert_eq!(report.manifest.class_names(), ["cat", "dog", "oak"]);
    assert!(report.notes[0].contains("--labels COLUMN takes another: coarse_label"), "{:?}", report.notes);
    let reasons: Vec<&str> = report.skipped.iter().map(|skip| skip.reason.as_str()).collect();
    assert!(reasons[0].contains("the label -1") && reasons[1].contains("gone.png"), "{reasons:?}");
    let chosen = |column: &str| ImportOptions { labels: vec![column.into()], ..ImportOptions::default() };
    let manifest = with(&bench, &source, chosen("coarse_label")).unwrap().manifest;
    assert_eq!(manifest.class_names(), ["animal", "plant"]);
    let error = with(&bench, &source, chosen("lable")).unwrap_err().to_string();
    assert!(error.contains("no column 'lable'") && error.contains("img, fine_label, coarse_label"), "{error}");
}

#[test]
fn a_damaged_file_is_named_and_no_byte_of_it_ends_the_program() {
    let bench = Bench::new();
    let whole = fs::read(fixture("snappy.parquet")).unwrap();
    let cut = bench.refuse(&bench.write("cut.parquet", &whole[..whole.len() / 2]));
    assert!(cut.contains("cut.parquet") && cut.contains("copy or download it again"), "{cut}");
    for at in (4..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let source = bench.write("flipped.parquet", &bytes);
        if let Err(error) = bench.import(&source) {
            assert!(error.to_string().contains("flipped.parquet"), "{error}");
        }
    }
}
