//! Every problem with its message, for a library of one dataset, one base and one run.

use super::*;
use crate::domain::{DataFold, LeftOutImages, RelabelledImages, Strategy};

/// A library of one dataset, one base and one run.
struct TestLibrary {
    dataset: Entry<DatasetFacts>,
    weights: Entry<String>,
    start: Entry<StartFacts>,
}

impl Library for TestLibrary {
    fn dataset(&self, _: &DatasetName) -> Entry<DatasetFacts> {
        self.dataset.clone()
    }

    fn weights(&self, _: &WeightsName) -> Entry<String> {
        self.weights.clone()
    }

    fn start(&self, _: &RunId) -> Entry<StartFacts> {
        self.start.clone()
    }
}

fn facts() -> DatasetFacts {
    let counts = SplitCounts { train: 2, validation: 1, test: 0 };
    let classes = ["angry", "happy"].map(|name| (name.to_owned(), counts)).to_vec();
    DatasetFacts { fingerprint: "f1".into(), image: [48, 48, 1], classes, groups: None }
}

fn recipe(strategy: Strategy) -> Recipe {
    let mut recipe = Recipe { fingerprint: "f1".into(), ..Recipe::sample(strategy) };
    if let Some(transfer) = &mut recipe.transfer {
        transfer.base = "b1".into();
    }
    recipe
}

fn library() -> TestLibrary {
    TestLibrary {
        dataset: Entry::Found(facts()),
        weights: Entry::Found("b1".into()),
        start: Entry::Found(StartFacts::of(&recipe(Strategy::Features), true)),
    }
}

fn with_dataset(change: impl FnOnce(&mut DatasetFacts)) -> TestLibrary {
    let mut facts = facts();
    change(&mut facts);
    TestLibrary { dataset: Entry::Found(facts), ..library() }
}

fn with_start(change: impl FnOnce(&mut StartFacts)) -> TestLibrary {
    let mut start = StartFacts::of(&recipe(Strategy::Features), true);
    change(&mut start);
    TestLibrary { start: Entry::Found(start), ..library() }
}

#[test]
fn a_recipe_that_fits_has_no_problem() {
    for strategy in Strategy::ALL {
        assert_eq!(check(&recipe(strategy), &library()), [], "{strategy}");
    }
}

/// A recipe, a library, and the only problem: subject and message.
type Case = (Recipe, TestLibrary, Subject, &'static str);

fn assert_problems<const N: usize>(table: [Case; N]) {
    for (recipe, library, subject, words) in table {
        let problems = check(&recipe, &library);
        let found: Vec<(Subject, String)> =
            problems.iter().map(|problem| (problem.subject(), problem.to_string())).collect();
        assert_eq!(found, [(subject, words.to_owned())]);
    }
}

fn cnn() -> Recipe {
    recipe(Strategy::Cnn)
}

fn finetune() -> Recipe {
    recipe(Strategy::Finetune)
}

fn unreadable() -> String {
    "it is cut short".into()
}

#[test]
fn every_problem_with_settings_and_dataset_has_its_words() {
    use Subject::{Dataset, Setting};

    assert_problems([
        (
            Recipe { epochs: 0, ..cnn() },
            library(),
            Setting(Hyperparameter::Epochs),
            "epochs must be 1 to 10000, not '0'",
        ),
        (
            Recipe { transfer: recipe(Strategy::Features).transfer, ..cnn() },
            library(),
            Subject::Recipe,
            "the network cnn takes no imported weights, and the strategy is cnn",
        ),
        (
            Recipe { fold: Some(DataFold { number: 1, count: 4, seed: 0, groups: None }), ..cnn() },
            library(),
            Subject::Recipe,
            "the class 'angry' has 3 images and cannot be divided into 4 folds: give fewer folds",
        ),
        (
            cnn(),
            TestLibrary { dataset: Entry::Missing, ..library() },
            Dataset,
            "there is no dataset 'any': import it, or choose another",
        ),
        (
            finetune(),
            TestLibrary { dataset: Entry::Missing, ..library() },
            Dataset,
            "there is no dataset 'any', on which any was trained: import it again",
        ),
        (cnn(), TestLibrary { dataset: Entry::Unreadable(unreadable()), ..library() }, Dataset, "it is cut short"),
        (
            cnn(),
            with_dataset(|facts| facts.fingerprint = "f2".into()),
            Dataset,
            "the dataset any has changed since this run was created (its fingerprint was f1 and is f2)",
        ),
        (
            finetune(),
            with_dataset(|facts| facts.fingerprint = "f2".into()),
            Dataset,
            "the dataset any has changed since any was created (its fingerprint was f1 and is f2)",
        ),
        (
            cnn(),
            with_dataset(|facts| facts.classes.iter_mut().for_each(|(_, counts)| counts.validation = 0)),
            Dataset,
            "the dataset any has no validation images: import it with a larger --validation, or with more images",
        ),
        (
            cnn(),
            with_dataset(|facts| facts.image = [3, 3, 1]),
            Dataset,
            "images of 3×3 pixels are too small for cnn: nothing is left at block2.pool",
        ),
    ]);
}

#[test]
fn every_problem_with_corrections_has_its_words() {
    use Subject::Corrections as Images;

    let leaving_out = |images: &[u32]| Recipe { left_out: LeftOutImages::new(images.to_vec(), Vec::new()), ..cnn() };
    let relabelling = |images: &[(u32, u16)]| {
        let images = images.iter().map(|(index, class)| RelabelledImage { index: *index, class: *class }).collect();
        Recipe { relabelled: RelabelledImages::new(images, Vec::new()), ..cnn() }
    };
    assert_problems([
        (
            leaving_out(&[1, 4]),
            library(),
            Images,
            "image 4 cannot be left out or relabelled: there are 4 training images, counted from 0",
        ),
        (
            leaving_out(&[1, 2, 3]),
            library(),
            Images,
            "all 2 training images of the class 'happy' would be left out or relabelled: keep some",
        ),
        (
            relabelling(&[(0, 1), (4, 0)]),
            library(),
            Images,
            "image 4 cannot be left out or relabelled: there are 4 training images, counted from 0",
        ),
        (
            relabelling(&[(0, 2)]),
            library(),
            Images,
            "training image 0 cannot get class 2: the dataset has 2 classes, counted from 0",
        ),
        (
            relabelling(&[(2, 0), (3, 0)]),
            library(),
            Images,
            "all 2 training images of the class 'happy' would be left out or relabelled: keep some",
        ),
        (
            Recipe { relabelled: relabelling(&[(2, 0)]).relabelled, ..leaving_out(&[3]) },
            library(),
            Images,
            "all 2 training images of the class 'happy' would be left out or relabelled: keep some",
        ),
        (
            Recipe { left_out: LeftOutImages { images: vec![1, 0], found_with: Vec::new() }, ..cnn() },
            with_dataset(|facts| facts.classes[0].1.train = 3),
            Images,
            "the images left out are not in ascending order, each once",
        ),
    ]);
}

#[test]
fn every_problem_with_weights_and_start_has_its_words() {
    use Subject::{Setting, Start, Weights};

    assert_problems([
        (
            recipe(Strategy::Features),
            TestLibrary { weights: Entry::Missing, ..library() },
            Weights,
            "there are no weights 'any': `mien weights fetch imagenet` downloads one, `mien weights import FILE --name NAME` \
             takes a file",
        ),
        (finetune(), TestLibrary { weights: Entry::Unreadable(unreadable()), ..library() }, Weights, "it is cut short"),
        (
            finetune(),
            TestLibrary { weights: Entry::Found("b2".into()), ..library() },
            Weights,
            "the weights any have changed since any was created (b2, then b1)",
        ),
        (
            finetune(),
            TestLibrary { start: Entry::Missing, ..library() },
            Start,
            "there is no run any to start from: choose another",
        ),
        (finetune(), TestLibrary { start: Entry::Unreadable(unreadable()), ..library() }, Start, "it is cut short"),
        (
            finetune(),
            with_start(|start| start.base = None),
            Start,
            "any is a cnn run: fine-tuning starts from a features run",
        ),
        (
            finetune(),
            with_start(|start| start.saves = false),
            Start,
            "any has saved no weights yet: let it train for at least one epoch, or start from another run",
        ),
        (
            finetune(),
            with_start(|start| start.fingerprint = "f2".into()),
            Start,
            "any was trained on another dataset than this run: start from another run",
        ),
        (
            finetune(),
            with_start(|start| start.base = Some("b2".into())),
            Start,
            "any was trained on another base than this run: start from another run",
        ),
        (
            finetune(),
            with_start(|start| start.trained = Some("block3".parse().expect("a stage"))),
            Setting(Hyperparameter::Unfreeze),
            "any has trained block3, which would be frozen here: unfreeze block3 or a lower one",
        ),
    ]);
}

#[test]
fn every_problem_of_a_recipe_is_found_at_once() {
    let wrong = Recipe { epochs: 0, ..recipe(Strategy::Finetune) };
    let nothing = TestLibrary { dataset: Entry::Missing, weights: Entry::Missing, start: Entry::Missing };
    let subjects: Vec<Subject> = check(&wrong, &nothing).iter().map(Problem::subject).collect();
    let expected = [Subject::Start, Subject::Setting(Hyperparameter::Epochs), Subject::Dataset, Subject::Weights];
    assert_eq!(subjects, expected);
    assert_eq!(check_without_start(&wrong, &nothing).len(), 3);
}
