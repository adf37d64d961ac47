//! The predictions of several runs for their test images.

use crate::domain::Split;
use crate::runs::FollowedRun;
use crate::runs::comparison::Candidate;
use crate::runs::inspection::{self, Inspection, InspectionError};

/// Each run's predictions, or the reason why it has none.
pub(super) type TestPredictions = Vec<Result<Inspection, InspectionError>>;

/// Reads each run's predictions for its test images.
pub(super) fn read_test_predictions(runs: &[FollowedRun]) -> TestPredictions {
    let load =
        |run: &FollowedRun| inspection::load(run.folder(), &run.summary.id, &run.summary.classes, Split::Test, 0);
    runs.iter().map(load).collect()
}

/// Returns the runs with their predictions as candidates of a comparison or an ensemble.
pub(super) fn candidates<'a>(runs: &'a [FollowedRun], predictions: &'a TestPredictions) -> Vec<Candidate<'a>> {
    let candidate = |(run, test): (&'a FollowedRun, &'a Result<Inspection, InspectionError>)| Candidate {
        run: &run.summary,
        test: test.as_ref().map_err(Clone::clone),
    };
    runs.iter().zip(predictions).map(candidate).collect()
}
