//! From an effect to what came of it: which call to the backend does it, and what is said if that ends with a bug.

use super::backend::Disk;
use super::effect::CompareEffect;
use super::effect::Effect;
use super::event::{ActionError, CompareEvent, Event};
use super::state::Pair;
use crate::runs::comparison::NotComparable;

/// Does a deed; what came of it is the answer.
pub(super) fn deed(backend: &Disk, effect: Effect) -> Event {
    match effect {
        Effect::CreateDemo => Event::DemoFinished(backend.create_demo()),
        Effect::SuggestName => Event::NameSuggested(backend.suggest_name()),
        Effect::Launch { id, recipe } => Event::LaunchFinished(backend.launch(&id, &recipe)),
        Effect::LaunchAll { ids, recipes } => Event::PracticeFinished(backend.launch_all(&ids, &recipes)),
        Effect::Resume(id) => {
            let result = backend.resume(&id);
            Event::ResumeFinished(id, result)
        }
        Effect::Stop(id) => {
            let result = backend.stop(&id);
            Event::StopFinished(id, result)
        }
        Effect::MeasureFeatures(dataset) => {
            let usage = backend.features(&dataset);
            Event::FeaturesMeasured(dataset, usage)
        }
        // The terminal's affair: the runtime has done it.
        Effect::Copy(_) | Effect::Suspend => Event::Tick,
        Effect::Data(effect) => backend.on_data(effect),
        Effect::Runs(effect) => backend.on_runs(effect),
        Effect::Compare(effect) => backend.on_compare(effect),
        Effect::Inspect(effect) => backend.on_inspect(effect),
    }
}

/// The answer where the deed ended with a bug.
pub(super) fn failure(effect: &Effect) -> Event {
    const WORDS: &str = "a bug in mien; please report it";
    match effect {
        Effect::CreateDemo => Event::DemoFinished(Err(WORDS.into())),
        Effect::SuggestName | Effect::Copy(_) | Effect::Suspend => Event::Tick,
        Effect::Launch { .. } => Event::LaunchFinished(Err(ActionError::Fault(WORDS))),
        Effect::LaunchAll { .. } => Event::PracticeFinished(Err(ActionError::Fault(WORDS))),
        Effect::Resume(id) => Event::ResumeFinished(id.clone(), Err(ActionError::Fault(WORDS))),
        Effect::Stop(id) => Event::StopFinished(id.clone(), Err(ActionError::Fault(WORDS))),
        Effect::MeasureFeatures(dataset) => Event::FeaturesMeasured(dataset.clone(), Vec::new()),
        Effect::Compare(CompareEffect::Judge { baseline, run }) => {
            Event::Compare(CompareEvent::Judged(Pair::of(baseline, run), Err(NotComparable::Fault(WORDS))))
        }
        Effect::Data(_) | Effect::Runs(_) | Effect::Inspect(_) => Event::Failed(WORDS.into()),
    }
}
