//! What the Compare screen reads: the predictions of two runs for the same images.

use super::Disk;
use crate::domain::Split;
use crate::runs::comparison::{Candidate, Comparison, NotComparable, Verdict};
use crate::runs::inspection::{InspectionError, load};
use crate::runs::{Inspection, Summary};
use crate::tui::effect::CompareEffect;
use crate::tui::event::{CompareEvent, Event};
use crate::tui::state::Pair;

impl Disk {
    /// Does what the Compare screen wants done.
    #[must_use]
    pub fn on_compare(&self, effect: CompareEffect) -> Event {
        match effect {
            CompareEffect::Judge { baseline, run } => {
                let verdict = self.settle(&baseline, &run);
                Event::Compare(CompareEvent::Judged(Pair::of(&baseline, &run), verdict))
            }
        }
    }

    /// Holds the run against the baseline.
    fn settle(&self, baseline: &Summary, run: &Summary) -> Result<Verdict, NotComparable> {
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
