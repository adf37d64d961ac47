//! Several runs as one: the mean of their probabilities for the same test images.
//!
//! Uses no network, only the predictions that runs have saved.

use super::comparison::{Candidate, Metric};
use super::inspection::{Fault, Inspection, InspectionError};
use super::predictions::Predictions;
use super::summary::Summary;
use crate::domain::{RunId, Scores, mean_probabilities};

/// The reason why runs cannot be averaged. Every text is safe to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnsembleError {
    /// Fewer than two runs are given.
    #[error("a mean needs at least two runs, not {0}")]
    Few(usize),
    /// A run is given twice.
    #[error("{0} is given twice: give each run of the mean once")]
    Twice(RunId),
    /// A run has no usable predictions.
    #[error(transparent)]
    Predictions(#[from] InspectionError),
    /// The runs have different datasets.
    #[error("{one} was trained on {dataset} and {other} on another dataset, {others}: a mean needs the same images")]
    OtherDataset {
        /// The first run.
        one: RunId,
        /// The first run's dataset.
        dataset: String,
        /// The other run.
        other: RunId,
        /// The other run's dataset.
        others: String,
    },
    /// The runs have the same dataset with other images, or with its classes in another order.
    #[error("{one} and {other} have different {what}: a mean needs the same classes and images")]
    Other {
        /// The first run.
        one: RunId,
        /// The other run.
        other: RunId,
        /// The difference.
        what: &'static str,
    },
    /// The mean is no valid set of predictions.
    #[error("the mean cannot be used: {0}")]
    Mean(#[from] Fault),
}

/// The mean of several runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    /// The runs, in the order in which they were given.
    pub runs: Vec<RunId>,
    /// The mean of their probabilities.
    pub mean: Inspection,
    scores: Scores,
}

impl Ensemble {
    /// Averages the members' probabilities, `[images, classes]`.
    ///
    /// # Errors
    /// An [`EnsembleError`] if there are fewer than two members, one is given twice, has no predictions, or has
    /// predictions for other images.
    pub fn of(members: &[Candidate<'_>]) -> Result<Self, EnsembleError> {
        let [first, others @ ..] = members else { return Err(EnsembleError::Few(0)) };
        if others.is_empty() {
            return Err(EnsembleError::Few(1));
        }
        let again = |at: &usize| members[..*at].iter().any(|earlier| earlier.run.id == members[*at].run.id);
        if let Some(at) = (0..members.len()).find(again) {
            return Err(EnsembleError::Twice(members[at].run.id.clone()));
        }
        others.iter().try_for_each(|other| same_dataset(first.run, other.run))?;
        let tests: Vec<&Inspection> =
            members.iter().map(|member| member.test.clone()).collect::<Result<_, InspectionError>>()?;
        for (member, test) in members.iter().zip(&tests) {
            let what = match () {
                () if test.classes() != tests[0].classes() => "classes",
                () if test.truth() != tests[0].truth() => "test images",
                () => continue,
            };
            return Err(EnsembleError::Other { one: first.run.id.clone(), other: member.run.id.clone(), what });
        }
        let mean = Inspection::new(mean(&tests), tests[0].classes())?;
        let runs = members.iter().map(|member| member.run.id.clone()).collect();
        Ok(Self { runs, scores: mean.scores(), mean })
    }

    /// Returns accuracy, and precision, recall and F1 of each class.
    #[must_use]
    pub fn scores(&self) -> &Scores {
        &self.scores
    }

    /// Returns the value of a metric; `None` for metrics of training.
    #[must_use]
    pub fn metric(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Accuracy => Some(self.scores.accuracy),
            Metric::Precision => Some(self.scores.precision),
            Metric::Recall => Some(self.scores.recall),
            Metric::F1 => Some(self.scores.f1),
            Metric::TestLoss => self.mean.mean_loss(),
            _ => None,
        }
    }

    /// Returns the ensemble's heading for people: `ensemble of 3`. Its metrics are no means of the metrics.
    #[must_use]
    pub fn heading(&self) -> String {
        format!("ensemble of {}", self.runs.len())
    }

    /// Returns the ensemble's name for scripts: `mean of 3`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("mean of {}", self.runs.len())
    }
}

fn same_dataset(one: &Summary, other: &Summary) -> Result<(), EnsembleError> {
    if one.recipe.same_images(&other.recipe) {
        return Ok(());
    }
    let named = |run: &Summary| {
        let fingerprint: String = run.recipe.fingerprint.chars().take(8).collect();
        let fold = run.recipe.fold.map_or_else(String::new, |fold| format!(", fold {fold}"));
        crate::domain::text::printable(&format!("{} ({fingerprint}{fold})", run.recipe.dataset))
    };
    Err(EnsembleError::OtherDataset {
        one: one.id.clone(),
        dataset: named(one),
        other: other.id.clone(),
        others: named(other),
    })
}

/// Returns the mean of the probabilities of tests of equal shape.
fn mean(tests: &[&Inspection]) -> Predictions {
    let of = |test: &&Inspection| -> Vec<f32> {
        (0..test.images()).filter_map(|image| test.probabilities(image)).flatten().copied().collect()
    };
    let each: Vec<Vec<f32>> = tests.iter().map(of).collect();
    let probabilities = mean_probabilities(&each.iter().map(Vec::as_slice).collect::<Vec<_>>());
    Predictions { classes: tests[0].classes().len(), probabilities, truth: tests[0].truth().to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Recipe, Split, Strategy};

    fn member(id: &str, probabilities: &[f32], truth: &[u16]) -> (Summary, Inspection) {
        let classes = ["happy".to_owned(), "sad".to_owned()];
        let predictions = Predictions { classes: 2, probabilities: probabilities.to_vec(), truth: truth.to_vec() };
        let mut run = Summary::new(RunId::new(id).expect("an id"), Recipe::sample(Strategy::Cnn));
        run.classes = classes.to_vec();
        (run, Inspection::new(predictions, &classes).expect("sound"))
    }

    fn average(members: &[&(Summary, Inspection)]) -> Result<Ensemble, EnsembleError> {
        let members: Vec<Candidate<'_>> = members.iter().map(|(run, test)| Candidate { run, test: Ok(test) }).collect();
        Ensemble::of(&members)
    }

    #[test]
    fn the_surer_of_two_runs_decides() {
        // Each member is wrong about one image, with less confidence than the other member.
        let one = member("one", &[0.9, 0.1, 0.75, 0.25, 0.25, 0.75], &[0, 1, 1]);
        let other = member("other", &[0.4, 0.6, 0.125, 0.875, 0.25, 0.75], &[0, 1, 1]);
        let both = average(&[&one, &other]).expect("a mean");
        assert_eq!(both.mean.probabilities(1), Some(&[0.4375, 0.5625][..]));
        assert_eq!(both.mean.predicted(), [0, 1, 1]);
        assert_eq!((both.metric(Metric::Accuracy), both.metric(Metric::F1)), (Some(1.0), Some(1.0)));
        assert_eq!((both.metric(Metric::ValLoss), both.name()), (None, "mean of 2".into()));
        assert!(one.1.scores().accuracy < 1.0 && other.1.scores().accuracy < 1.0);
    }

    #[test]
    fn runs_without_a_mean_are_refused() {
        let one = member("one", &[0.9, 0.1], &[0]);
        let (mut other_dataset, mut renamed) = (member("two", &[0.9, 0.1], &[0]), member("two", &[0.9, 0.1], &[0]));
        other_dataset.0.recipe.fingerprint = "\u{1b}another".into();
        let swapped = ["sad".to_owned(), "happy".to_owned()];
        renamed.1 =
            Inspection::new(Predictions { classes: 2, probabilities: vec![0.9, 0.1], truth: vec![0] }, &swapped)
                .expect("sound");
        let table = [
            (average(&[]), "at least two runs, not 0"),
            (average(&[&one]), "at least two runs, not 1"),
            (average(&[&one, &one]), "one is given twice"),
            (average(&[&one, &other_dataset]), "two on another dataset, any (·another)"),
            (average(&[&one, &renamed]), "one and two have different classes"),
            (average(&[&one, &member("two", &[0.9, 0.1], &[1])]), "one and two have different test images"),
            (
                average(&[&one, &member("two", &[0.9, 0.1, 0.5, 0.5], &[0, 1])]),
                "one and two have different test images",
            ),
        ];
        for (refused, expected) in table {
            let words = refused.expect_err(expected).to_string();
            assert!(words.contains(expected), "{words}");
        }
        let id = one.0.id.clone();
        let lacking = Candidate { run: &one.0, test: Err(InspectionError::Missing { id, split: Split::Test }) };
        let with = Candidate { run: &other_dataset.0, test: Ok(&other_dataset.1) };
        let mut same = other_dataset.0.clone();
        same.recipe = one.0.recipe.clone();
        let words = Ensemble::of(&[lacking, Candidate { run: &same, ..with }]).expect_err("none").to_string();
        assert!(
            words.contains("one has no predictions for its test images: `mien evaluate one` makes them"),
            "{words}"
        );
    }
}
