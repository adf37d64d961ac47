//! Merging a source into a dataset, and the groups and the fit that datasets remember.

use super::*;
use crate::data::marked::{self, Doubt};
use crate::domain::DataFold;

fn named(name: &str) -> DatasetName {
    DatasetName::new(name).unwrap()
}

fn run(bench: &Bench, source: &Path, name: &str, given: &[(&str, &str)]) -> Result<ImportReport, ImportError> {
    let mut options = ImportOptions::default();
    for (name, value) in given {
        let option = IMPORT_OPTIONS.iter().find(|option| option.name == *name).expect("an option");
        option.set(&mut options, value).expect("accepted");
    }
    let request = ImportRequest { name: named(name), options, ..bench.request(source) };
    import(&request, &mut |_| ControlFlow::Continue(()))
}

fn open(bench: &Bench, name: &str) -> Dataset {
    Dataset::open(&bench.path("data").join(name)).unwrap()
}

/// Returns twelve images of `joy` and `rage`, ten by ten.
fn other() -> Vec<Entry> {
    let file = |class: &str, i: u8| (format!("{class}/{i:02}.png"), picture_sized(i + 50, 10));
    (0..12).flat_map(|i| [file("joy", i), file("rage", i + 12)]).collect()
}

#[test]
fn a_source_is_merged_with_its_classes_mapped_and_both_sources_kept() {
    let bench = Bench::new();
    let first = bench.folder("first", &kaggle());
    let second = bench.folder("second", &other());
    let base = run(&bench, &first, "base", &[]).unwrap().manifest;
    let error = run(&bench, &second, "both", &[("into", "base")]).unwrap_err().to_string();
    let words = "the class 'joy' is not in base, which has angry, happy, neutral: --map joy=NAME";
    assert!(error.contains(words), "{error}");
    let mapped = [("into", "base"), ("map", "joy=happy,rage=rage")];
    let merged = run(&bench, &second, "both", &mapped).unwrap().manifest;
    assert_eq!(merged.class_names(), ["angry", "happy", "neutral", "rage"]);
    assert_eq!(merged.image, base.image, "the shape of the dataset");
    assert_eq!(merged.resized, 24);
    let of = |class: usize| merged.classes[class].counts;
    assert_eq!((of(1).train, of(1).validation, of(1).test), (base.classes[1].counts.train + 10, 2, 2 + 1));
    assert_eq!((of(0), of(3).total()), (base.classes[0].counts, 12));
    let sources: Vec<(&str, u64)> = merged.parts.iter().map(|part| (part.source.as_str(), part.images)).collect();
    let (one, two) = (first.to_str().unwrap(), second.to_str().unwrap());
    assert_eq!(sources, [(one, base.counts().total() as u64), (two, 24)]);
    assert_eq!(merged.parts[0].fingerprint.as_ref(), Some(&base.fingerprint));
    assert_eq!(merged.source, format!("{one} + {two}"));

    // The stored images keep their pixels and names; the dataset itself is untouched.
    let (before, after) = (open(&bench, "base"), open(&bench, "both"));
    after.verify().unwrap();
    let happy = base.classes[0].counts.train;
    assert_eq!(after.pixels(Split::Train, happy), before.pixels(Split::Train, happy));
    assert_eq!(after.source(Split::Train, happy), before.source(Split::Train, happy));
    assert_eq!(before.fingerprint(), base.fingerprint);
    before.verify().unwrap();

    // The same merge again is the same dataset, and a third source keeps the first two.
    assert!(run(&bench, &second, "both", &mapped).unwrap().unchanged);
    let again = run(&bench, &second, "third", &[("into", "both"), ("map", "joy=happy")]).unwrap();
    assert_eq!(again.manifest.parts.len(), 3);
    assert!(again.notes.iter().any(|note| note.contains("is in the dataset already")), "{:?}", again.notes);
}

#[test]
fn a_dataset_merged_under_another_name_has_the_marks_of_its_first_part() {
    let bench = Bench::new();
    let first = bench.folder("first", &kaggle());
    run(&bench, &first, "base", &[]).unwrap();
    let folder = bench.path("data").join("base");
    let base = Dataset::open(&folder).unwrap();
    let last = u32::try_from(base.len(Split::Train)).unwrap() - 1;
    let doubt = Doubt { class: Some(0), run: None };
    marked::change(&folder, base.fingerprint(), |marks| marks.mark(&base, last, doubt, 7).map(|_| ())).unwrap();
    let second = bench.folder("second", &other());
    let merged = run(&bench, &second, "both", &[("into", "base"), ("map", "joy=happy,rage=angry")]).unwrap();
    assert_eq!(merged.marks.as_deref(), Some("1 mark is carried over"));
    let both = open(&bench, "both");
    let marks = marked::read(both.dir(), both.fingerprint()).unwrap();
    assert_eq!(marks.images[0].source, base.source(Split::Train, last as usize));
}

#[test]
fn a_merge_that_cannot_be_is_refused_before_anything_changes() {
    let bench = Bench::new();
    let first = bench.folder("first", &kaggle());
    let second = bench.folder("second", &other()[..2]);
    run(&bench, &first, "base", &[]).unwrap();
    let refused = |name, given: &[(&str, &str)]| run(&bench, &second, name, given).unwrap_err().to_string();
    assert!(refused("both", &[("into", "bsae")]).contains("no dataset 'bsae'"));
    assert!(refused("both", &[("into", "base"), ("size", "8")]).contains("the size and colours of 'base'"));
    let map = [("into", "base"), ("map", "joy=happy,rage=")];
    assert!(refused("base", &map).contains("choose another name, or add --replace"));
    // One class alone is enough where the others are there.
    let request = bench.request(&second);
    let mut options = ImportOptions { replace: true, into: Some(named("base")), ..ImportOptions::default() };
    options.map = "joy=happy,rage=".parse().unwrap();
    let report = import(&ImportRequest { name: named("base"), options, ..request }, &mut |_| ControlFlow::Continue(()));
    assert_eq!(report.unwrap().manifest.counts().total(), 40);
}

#[test]
fn a_merged_source_with_damaged_files_may_have_test_images_alone_for_a_class() {
    let bench = Bench::new();
    let first = bench.folder("first", &kaggle());
    let mut entries: Vec<Entry> = other()
        .into_iter()
        .map(|(path, bytes)| (format!("{}/{path}", if path.starts_with("joy") { "train" } else { "test" }), bytes))
        .collect();
    entries.push(("train/joy/99.png".to_owned(), b"no picture".to_vec()));
    let second = bench.folder("second", &entries);
    let base = run(&bench, &first, "base", &[]).unwrap().manifest;
    let given = [("into", "base"), ("map", "joy=happy,rage=angry")];
    let report = run(&bench, &second, "both", &given).unwrap();
    let added = |class: usize| report.manifest.classes[class].counts.test - base.classes[class].counts.test;
    assert_eq!(added(0), 12, "rage has test images only");
    let skipped = format!("{:?}", report.skipped);
    assert!(skipped.contains("99.png"), "{skipped}");

    // A class whose training images are all damaged is refused by name.
    let damaged: Vec<Entry> = entries
        .into_iter()
        .map(|(path, bytes)| (path.clone(), if path.starts_with("train") { b"no picture".to_vec() } else { bytes }))
        .collect();
    let third = bench.folder("third", &damaged);
    let error = run(&bench, &third, "third", &given).unwrap_err().to_string();
    assert!(error.contains("'joy'") || error.contains("'happy'"), "{error}");
}

#[test]
fn persons_are_kept_together_by_folds_and_after_a_merge() {
    let bench = Bench::new();
    let file = |person: u8, class: &str, i: u8| {
        (format!("{class}/p{person}-{i}.png"), picture(person * 8 + i + if class == "a" { 0 } else { 4 }))
    };
    let entries: Vec<Entry> = (0..10)
        .flat_map(|person| ["a", "b"].into_iter().flat_map(move |class| (0..3).map(move |i| file(person, class, i))))
        .collect();
    let source = bench.folder("persons", &entries);
    let pattern = "{class}/{group}-#.png";
    run(&bench, &source, "persons", &[("pattern", pattern), ("by", "group")]).unwrap();
    let checksum = open(&bench, "persons").manifest().groups.as_ref().unwrap().checksum();
    let mut tested = BTreeMap::new();
    for fold in DataFold::all(5, 3).map(|fold| DataFold { groups: Some(checksum), ..fold }) {
        let dataset = open(&bench, "persons").in_fold(Some(fold)).unwrap();
        let mut splits_of: BTreeMap<String, BTreeSet<Split>> = BTreeMap::new();
        for split in Split::ALL {
            for index in 0..dataset.len(split) {
                let name = dataset.source(split, index);
                let person = name.split(['/', '-']).nth(1).unwrap().to_owned();
                assert_eq!(name.starts_with('a'), dataset.label(split, index) == 0, "{name}");
                splits_of.entry(person).or_default().insert(split);
                if split == Split::Test {
                    *tested.entry(name).or_insert(0) += 1;
                }
            }
        }
        assert!(splits_of.values().all(|splits| splits.len() == 1), "{splits_of:?}");
        assert_eq!(Split::ALL.map(|split| dataset.len(split)), [42, 6, 12]);
    }
    assert!(tested.len() == 60 && tested.values().all(|times| *times == 1), "{tested:?}");
    let other = DataFold { number: 1, count: 5, seed: 3, groups: Some(checksum ^ 1) };
    let error = open(&bench, "persons").in_fold(Some(other)).unwrap_err().to_string();
    assert!(error.contains("groups of images are not those"), "{error}");

    // Ten persons and 24 images, each on its own.
    let second = bench.folder("second", &other_of_two());
    let merged = run(&bench, &second, "both", &[("into", "persons")]).unwrap().manifest;
    assert_eq!(open(&bench, "both").manifest().groups.as_ref().unwrap().len(), 34, "{merged:?}");
}

fn other_of_two() -> Vec<Entry> {
    let rename = |path: String| path.replace("joy", "a").replace("rage", "b");
    other().into_iter().map(|(path, bytes)| (rename(path), bytes)).collect()
}

#[test]
fn a_dataset_remembers_its_fit_and_learns_its_groups_when_it_is_replaced() {
    let bench = Bench::new();
    let source = bench.folder("source", &kaggle());
    assert_eq!(run(&bench, &source, "d", &[("size", "6")]).unwrap().manifest.fit, Fit::Squash);
    let text = fs::read_to_string(bench.path("data/d/manifest.json")).unwrap();
    assert!(!text.contains("\"fit\"") && !text.contains("groups") && !text.contains("parts"), "{text}");
    // The same pixels: only --replace changes what is known of them.
    let request = |replace| {
        let mut options = ImportOptions { replace, fit: Some(Fit::Pad), ..ImportOptions::default() };
        options.size = Some((6, 6));
        ImportRequest { options, ..bench.request(&source) }
    };
    let again = import(&request(false), &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((again.unchanged, again.manifest.fit), (true, Fit::Squash));
    let replaced = import(&request(true), &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((replaced.unchanged, bench.dataset().manifest().fit), (false, Fit::Pad));
}
