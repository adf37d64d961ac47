//! The effect of the Compare screen: computing the verdict on two runs from their predictions for the same images.

use crate::domain::Split;
use crate::runs::comparison::{Candidate, Comparison, NotComparable, Verdict};
use crate::runs::inspection::{InspectionError, load};
use crate::runs::{Inspection, Summary};
use crate::tui::backend::Backend;
use crate::tui::messages::compare::RunPair;
use crate::tui::messages::{CompareEffect, CompareEvent};

impl Backend {
    /// Computes the verdict on a run against the baseline.
    fn verdict(&self, baseline: &Summary, run: &Summary) -> Result<Verdict, NotComparable> {
        let read = |run: &Summary| -> Result<Inspection, InspectionError> {
            load(&self.store.folder(&run.id), &run.id, &run.classes, Split::Test, 0)
        };
        let (baseline_test, run_test) = (read(baseline), read(run));
        let candidates = [
            Candidate { run: baseline, test: baseline_test.as_ref().map_err(Clone::clone) },
            Candidate { run, test: run_test.as_ref().map_err(Clone::clone) },
        ];
        let against = Comparison::new(&candidates, 0).ok().and_then(|mut comparison| comparison.verdicts.pop());
        against.map_or(Err(NotComparable::Nothing), |against| against.verdict.map(|(verdict, _)| verdict))
    }
}

/// Runs an effect of the Compare screen and returns its answer.
pub(in crate::tui) fn run_effect(backend: &Backend, effect: CompareEffect) -> CompareEvent {
    let CompareEffect::ComputeVerdict { baseline, run } = effect;
    let verdict = backend.verdict(&baseline, &run);
    CompareEvent::VerdictComputed(RunPair::of(&baseline, &run), verdict)
}
