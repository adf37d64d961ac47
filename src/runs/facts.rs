//! What lists of runs show, filter and sort by: one run's figures, as plain values.

use std::str::FromStr;
use std::sync::Arc;

use super::about::About;
use super::summary::Summary;
use crate::domain::RunState;

/// The words of states, in the order in which a list has them: what is going on first.
pub(super) const STATES: [&str; 9] =
    ["running", "starting", "queued", "paused", "finished", "stopped", "interrupted", "failed", "lost"];

/// A field of a run that queries and orders name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// Where it stands, such as `running`.
    State,
    /// What is trained.
    Strategy,
    /// Its dataset.
    Dataset,
    /// Its id.
    Name,
    /// Its tags.
    Tag,
    /// The device it got.
    Device,
    /// What a person says about it.
    Note,
    /// Completed epochs.
    Epoch,
    /// The best epoch.
    Best,
    /// Validation loss of the best epoch.
    ValLoss,
    /// Validation accuracy of the best epoch.
    ValAcc,
    /// Test accuracy of the best weights.
    TestAcc,
    /// Macro F1 of the best weights on the test images.
    F1,
    /// Training images per second.
    Rate,
    /// Seconds since it was created.
    Age,
    /// What kind of thing ended it, such as `out_of_memory`.
    Failure,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::State,
        Self::Strategy,
        Self::Dataset,
        Self::Name,
        Self::Tag,
        Self::Device,
        Self::Note,
        Self::Epoch,
        Self::Best,
        Self::ValLoss,
        Self::ValAcc,
        Self::TestAcc,
        Self::F1,
        Self::Rate,
        Self::Age,
        Self::Failure,
    ];

    /// The word used in queries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Strategy => "strategy",
            Self::Dataset => "dataset",
            Self::Name => "name",
            Self::Tag => "tag",
            Self::Device => "device",
            Self::Note => "note",
            Self::Epoch => "epoch",
            Self::Best => "best",
            Self::ValLoss => "val_loss",
            Self::ValAcc => "val_acc",
            Self::TestAcc => "test_acc",
            Self::F1 => "f1",
            Self::Rate => "rate",
            Self::Age => "age",
            Self::Failure => "failure",
        }
    }

    /// Whether its values are words.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(
            self,
            Self::State
                | Self::Strategy
                | Self::Dataset
                | Self::Name
                | Self::Tag
                | Self::Device
                | Self::Note
                | Self::Failure
        )
    }

    /// Whether its values are fractions, which may be asked for in percent.
    #[must_use]
    pub(super) fn is_share(self) -> bool {
        matches!(self, Self::ValAcc | Self::TestAcc | Self::F1)
    }

    /// A query with it.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Epoch => "epoch>=10",
            Self::Best => "best>5",
            Self::Rate => "rate>1000",
            _ => "val_loss<1.2",
        }
    }
}

impl FromStr for Field {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.to_lowercase();
        Self::ALL.into_iter().find(|field| field.name() == text).ok_or(())
    }
}

/// What a run has in a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Any number of words or texts.
    Words(Vec<&'a str>),
    /// A figure; ages in seconds.
    Number(f64),
    /// Nothing (yet).
    None,
}

/// What lists know of a run. Cheap to make; nothing is copied but figures.
#[derive(Debug, Clone)]
pub struct Facts {
    summary: Arc<Summary>,
    about: Arc<About>,
    state: RunState,
    /// Test accuracy and macro F1.
    test: Option<(f64, f64)>,
    /// In milliseconds.
    age: u64,
}

impl Facts {
    /// The facts of a run that is in this state, at `now`, in milliseconds since 1970.
    #[must_use]
    pub fn new(summary: Arc<Summary>, about: Arc<About>, state: RunState, now: u64) -> Self {
        let scores = summary.test.as_ref().map(|test| test.confusion.scores());
        let test = scores.map(|scores| (scores.accuracy, scores.f1));
        let age = now.saturating_sub(summary.recipe.created_at);
        Self { summary, about, state, test, age }
    }

    /// Its id.
    #[must_use]
    pub fn name(&self) -> &str {
        self.summary.id.as_str()
    }

    /// Its summary.
    #[must_use]
    pub fn summary(&self) -> &Arc<Summary> {
        &self.summary
    }

    /// What is said about it.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> RunState {
        self.state
    }

    /// What it has in a field; figures that are no numbers count as none.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // milliseconds are below 2^52
    pub fn value(&self, field: Field) -> Value<'_> {
        let best = self.summary.best();
        let number =
            |figure: Option<f64>| figure.filter(|figure| figure.is_finite()).map_or(Value::None, Value::Number);
        match field {
            Field::State => Value::Words(vec![self.state.name()]),
            Field::Strategy => Value::Words(vec![self.summary.recipe.strategy.name()]),
            Field::Dataset => Value::Words(vec![self.summary.recipe.dataset.as_str()]),
            Field::Name => Value::Words(vec![self.name()]),
            Field::Tag => Value::Words(self.about.tags.iter().map(crate::domain::Tag::as_str).collect()),
            Field::Device => {
                self.summary.device.as_ref().map_or(Value::None, |device| Value::Words(vec![&device.name]))
            }
            Field::Note => Value::Words(vec![self.about.note.as_str()]),
            Field::Epoch => Value::Number(self.summary.epoch().into()),
            Field::Best => number(best.map(|best| best.epoch.into())),
            Field::ValLoss => number(best.map(|best| best.val_loss)),
            Field::ValAcc => number(best.map(|best| best.val_accuracy)),
            Field::TestAcc => number(self.test.map(|test| test.0)),
            Field::F1 => number(self.test.map(|test| test.1)),
            Field::Rate => number(self.summary.images_per_second),
            Field::Age => Value::Number(self.age as f64 / 1_000.0),
            Field::Failure => self.summary.failure().map_or(Value::None, |kind| Value::Words(vec![kind.name()])),
        }
    }

    /// Whether a word, in small letters, is somewhere in its name, strategy, dataset, tags or note.
    pub(super) fn mentions(&self, word: &str) -> bool {
        let has = |text: &str| text.to_lowercase().contains(word);
        has(self.name())
            || has(self.summary.recipe.strategy.name())
            || has(self.summary.recipe.dataset.as_str())
            || self.about.tags.iter().any(|tag| has(tag.as_str()))
            || has(self.about.note.as_str())
    }

    /// Its state's place in an ordered list.
    pub(super) fn state_rank(&self) -> usize {
        STATES.iter().position(|state| *state == self.state.name()).unwrap_or(STATES.len())
    }
}
