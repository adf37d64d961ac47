//! What the Compare screen reads: the predictions of two runs for the same images.

use super::Backend;
use crate::domain::Split;
use crate::runs::comparison::{Candidate, Comparison, NotComparable, Verdict};
use crate::runs::inspection::{InspectionError, load};
use crate::runs::{Inspection, Summary};
use crate::tui::messages::{CompareEffect, CompareEvent};
use crate::tui::state::Pair;

impl Backend {
    /// The verdict on a run against the baseline.
    fn verdict(&self, baseline: &Summary, run: &Summary) -> Result<Verdict, NotComparable> {
        let read = |run: &Summary| -> Result<Inspection, InspectionError> {
            load(&self.store.folder(&run.id), &run.id, &run.classes, Split::Test, 0)
        };
        let (theirs, mine) = (read(baseline), read(run));
        let candidates = [
            Candidate { run: baseline, test: theirs.as_ref().map_err(Clone::clone) },
            Candidate { run, test: mine.as_ref().map_err(Clone::clone) },
        ];
        let against = Comparison::new(&candidates, 0).ok().and_then(|mut comparison| comparison.verdicts.pop());
        against.map_or(Err(NotComparable::Nothing), |against| against.verdict)
    }
}

/// Runs an effect of the Compare screen and returns its answer.
pub(super) fn run(backend: &Backend, effect: CompareEffect) -> CompareEvent {
    let CompareEffect::Judge { baseline, run } = effect;
    let verdict = backend.verdict(&baseline, &run);
    CompareEvent::Judged(Pair::of(&baseline, &run), verdict)
}
