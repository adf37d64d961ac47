//! Random trees in every layout: each image comes in with its class and split.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Spellings of training, validation and test folders that occur together.
const SPELLINGS: [[&str; 3]; 14] = [
    ["train", "val", "test"],
    ["Training", "Validation", "Testing"],
    ["TRAIN", "VALID", "TEST"],
    ["train_set", "val_set", "test_set"],
    ["training_set", "validation_set", "test_set"],
    ["trainset", "valset", "testset"],
    ["FER2013Train", "FER2013Valid", "FER2013Test"],
    ["train-images", "dev-images", "test-images"],
    ["train2017", "val2017", "test2017"],
    ["raf_train", "raf_valid", "raf_test"],
    ["Train Data", "Valid Data", "Test Data"],
    ["训练集", "验证集", "测试集"],
    ["01_train", "02_dev", "03_test"],
    ["trainImgs", "evalImgs", "testImgs"],
];

const CLASSES: [&str; 8] = ["happy", "sad", "0", "Neutral face", "überrascht", "class-3", "悲伤", "trainer"];

/// A layout of folders.
#[derive(Debug, Clone)]
struct Layout {
    spelling: usize,
    /// Whether validation and test have folders; without both of them there is no training folder either.
    has: [bool; 2],
    inside: bool,
    twice: bool,
    wrapper: &'static str,
    between: &'static str,
    below: bool,
    /// The images of each class in each split.
    counts: Vec<[usize; 3]>,
}

fn layouts() -> impl Strategy<Value = Layout> {
    let wrapper = prop::sample::select(vec!["", "archive", "my data/faces", "test set of me/x", ".cache/sets"]);
    let between = prop::sample::select(vec!["", "images", "cropped_images"]);
    let counts = prop::collection::vec([1_usize..7, 1_usize..4, 1_usize..4], 2..CLASSES.len());
    let flags = (any::<[bool; 2]>(), any::<bool>(), any::<bool>(), any::<bool>());
    (0..SPELLINGS.len(), flags, wrapper, between, counts).prop_map(
        |(spelling, (has, inside, twice, below), wrapper, between, counts)| Layout {
            spelling,
            has,
            inside,
            twice,
            wrapper,
            between,
            below,
            counts,
        },
    )
}

impl Layout {
    /// Returns the folder of a class's images in a split.
    fn folder(&self, class: &str, split: Split) -> String {
        let split = SPELLINGS[self.spelling][split as usize];
        let has_splits = self.has != [false; 2];
        let mut parts = vec![self.wrapper];
        match (has_splits, self.inside) {
            (false, _) => parts.extend([self.between, class]),
            // A name that states a split only beside others does so inside a class too.
            (true, true) => parts.extend([class, split]),
            (true, false) if self.twice => parts.extend([split, split, self.between, class]),
            (true, false) => parts.extend([split, self.between, class]),
        }
        parts.push(if self.below && !(has_splits && self.inside) { "person 1" } else { "" });
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }

    fn has(&self, split: Split) -> bool {
        match split {
            Split::Train => true,
            Split::Validation => self.has[0],
            Split::Test => self.has[1],
        }
    }

    /// Returns every image's path, class and split.
    fn images(&self) -> BTreeMap<String, (String, Split)> {
        let mut images = BTreeMap::new();
        for (class, counts) in CLASSES.into_iter().zip(&self.counts) {
            for split in Split::ALL.into_iter().filter(|split| self.has(*split)) {
                for number in 0..counts[split as usize] {
                    images.insert(format!("{}/{number}.png", self.folder(class, split)), (class.to_owned(), split));
                }
            }
        }
        images
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn every_image_of_every_layout_is_found_again(layout in layouts(), packed in 0..3) {
        let bench = Bench::new();
        let images = layout.images();
        let entries: Vec<Entry> = images.keys().map(|path| (path.clone(), picture(1))).collect();
        let source = match packed {
            0 => bench.folder("source", &entries),
            1 => bench.write("source.zip", zip_of(&entries)),
            _ => bench.write("source.tar", tar_of(&entries)),
        };
        let manifest = bench.import(&source).map_err(|error| TestCaseError::fail(format!("{error}: {images:?}")))?;
        prop_assert_eq!(manifest.counts().total(), images.len(), "{:?}", manifest.left_out);
        let dataset = bench.dataset();
        for split in Split::ALL {
            for index in 0..dataset.len(split) {
                let (class, expected) = &images[&dataset.source(split, index)];
                prop_assert_eq!(class, &manifest.classes[dataset.label(split, index)].name);
                // Training images also become the splits that the source does not have.
                prop_assert!(*expected == split || (*expected == Split::Train && !layout.has(split)));
            }
        }
    }
}
