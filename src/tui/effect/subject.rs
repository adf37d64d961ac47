//! What effects change: two that change the same thing must happen one after the other.

use super::{DataEffect, Effect, InspectEffect, RunsEffect};
use crate::data::demo;
use crate::domain::{DatasetName, RunId};

/// What an effect changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A run.
    Run(RunId),
    /// A dataset.
    Dataset(DatasetName),
    /// The order of the queue.
    Queue,
}

impl Subject {
    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Run(id) => id.as_str(),
            Self::Dataset(name) => name.as_str(),
            Self::Queue => "the queue",
        }
    }
}

impl Effect {
    /// What it changes; nothing for one that only reads, or changes nothing that another effect does.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        let run = |id: &RunId| Subject::Run(id.clone());
        match self {
            Self::Launch { id, .. }
            | Self::Resume(id)
            | Self::Stop(id)
            | Self::Inspect(InspectEffect::Evaluate(id)) => vec![run(id)],
            Self::CreateDemo => DatasetName::new(demo::NAME).map(Subject::Dataset).into_iter().collect(),
            Self::LaunchAll { ids, .. } => ids.iter().map(run).collect(),
            Self::Data(DataEffect::Delete(name) | DataEffect::StartImport { name, .. })
            | Self::Inspect(InspectEffect::Mark { dataset: name, .. }) => vec![Subject::Dataset(name.clone())],
            Self::Runs(effect) => match effect {
                RunsEffect::Pause(id)
                | RunsEffect::Kill(id)
                | RunsEffect::Continue(id)
                | RunsEffect::Limits { id, .. }
                | RunsEffect::Extend { id, .. }
                | RunsEffect::Evaluate(id)
                | RunsEffect::Describe(id, _) => vec![run(id)],
                RunsEffect::Move(id, _) => vec![run(id), Subject::Queue],
                RunsEffect::RestartQueue => vec![Subject::Queue],
                RunsEffect::Rename { from, to } => vec![run(from), run(to)],
                RunsEffect::Delete(ids) => ids.iter().map(run).collect(),
                RunsEffect::LookAtQueue | RunsEffect::Weigh(_) => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}
