//! The values of one run that lists show, filter and sort by.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

use super::annotations::Annotations;
use super::summary::Summary;
use crate::domain::{Hyperparameter, RunState};

/// The endings by which a state is filtered too, as lists show them. A query writes `-` for a space.
pub(super) const ENDINGS: [&str; 5] = ["early stop", "all epochs", "on request", "signalled", "diverged"];

/// The names of states in the order of a sorted list: active ones first.
pub(super) const STATES: [&str; 9] =
    ["running", "starting", "queued", "paused", "finished", "stopped", "interrupted", "failed", "lost"];

/// A field of a run in queries and sort orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The state, such as `running`.
    State,
    /// The strategy.
    Strategy,
    /// The dataset.
    Dataset,
    /// The id.
    Name,
    /// The tags.
    Tag,
    /// The device that the run got.
    Device,
    /// The note.
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
    /// Seconds of all epochs, and of computing features.
    Duration,
    /// Seconds since it was created.
    Age,
    /// The kind of error that ended the run, such as `out_of_memory`.
    Failure,
    /// The number of training images that the run leaves out or relabels.
    Corrected,
    /// The name of the home in a list of several homes.
    Home,
    /// A setting of the recipe in force, by the name of its option.
    Setting(Hyperparameter),
}

impl Field {
    /// All fields but the settings.
    pub const ALL: [Self; 19] = [
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
        Self::Duration,
        Self::Home,
        Self::Corrected,
    ];

    /// Returns the fields of all settings. The device that a run got is a field of its own.
    pub fn settings() -> impl Iterator<Item = Self> {
        Hyperparameter::ALL.into_iter().filter(|setting| *setting != Hyperparameter::Device).map(Self::Setting)
    }

    /// Returns the name in queries.
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
            Self::Duration => "duration",
            Self::Failure => "failure",
            Self::Corrected => "corrected",
            Self::Home => "home",
            Self::Setting(setting) => setting.name(),
        }
    }

    /// Returns whether the values are text.
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
                | Self::Home
        )
    }

    /// Returns whether the values are fractions, which queries may give in percent.
    #[must_use]
    pub(super) fn is_share(self) -> bool {
        matches!(self, Self::ValAcc | Self::TestAcc | Self::F1)
    }

    /// Returns an example query.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Epoch => "epoch>=10",
            Self::Best => "best>5",
            Self::Rate => "rate>1000",
            _ => "val_loss<1.2",
        }
    }
}

/// The names of fields in JSON and in the headings of lists, where they are others.
const OTHER_NAMES: [(&str, Field); 10] = [
    ("id", Field::Name),
    ("run", Field::Name),
    ("tags", Field::Tag),
    ("val_accuracy", Field::ValAcc),
    ("test_accuracy", Field::TestAcc),
    ("macro_f1", Field::F1),
    ("images_per_second", Field::Rate),
    ("images/s", Field::Rate),
    ("time", Field::Duration),
    ("lr", Field::Setting(Hyperparameter::LearningRate)),
];

impl FromStr for Field {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.to_lowercase();
        let (name, option) = (text.replace('-', "_"), text.replace('_', "-"));
        let mut fields = Self::ALL.into_iter();
        fields
            .find(|field| field.name() == name)
            .or_else(|| Self::settings().find(|field| field.name() == option))
            .or_else(|| OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, field)| *field))
            .ok_or(())
    }
}

/// The value of a field of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Any number of texts.
    Words(Vec<Cow<'a, str>>),
    /// A number; ages in seconds.
    Number(f64),
    /// No value (yet).
    None,
}

/// The values of a run in lists. Cheap to make: only numbers are copied.
#[derive(Debug, Clone)]
pub struct RunFacts {
    summary: Arc<Summary>,
    annotations: Arc<Annotations>,
    state: RunState,
    /// Test accuracy and macro F1.
    test: Option<(f64, f64)>,
    /// The age in milliseconds.
    age: u64,
    /// The name of the home, in a list of several.
    home: Option<Arc<str>>,
}

impl RunFacts {
    /// Returns the values of a run in this state at `now`, in milliseconds since 1970.
    #[must_use]
    pub fn new(summary: Arc<Summary>, annotations: Arc<Annotations>, state: RunState, now: u64) -> Self {
        let scores = summary.test.as_ref().map(|test| test.confusion.scores());
        let test = scores.map(|scores| (scores.accuracy, scores.f1));
        let age = now.saturating_sub(summary.recipe.created_at);
        Self { summary, annotations, state, test, age, home: None }
    }

    /// Returns the values with the name of the run's home.
    #[must_use]
    pub fn in_home(self, name: &Arc<str>) -> Self {
        Self { home: Some(Arc::clone(name)), ..self }
    }

    /// Returns the name of the home, in a list of several.
    #[must_use]
    pub fn home(&self) -> Option<&str> {
        self.home.as_deref()
    }

    /// Returns the run's id.
    #[must_use]
    pub fn name(&self) -> &str {
        self.summary.id.as_str()
    }

    /// Returns the run's summary.
    #[must_use]
    pub fn summary(&self) -> &Arc<Summary> {
        &self.summary
    }

    /// Returns the run's annotations.
    #[must_use]
    pub fn annotations(&self) -> &Annotations {
        &self.annotations
    }

    /// Returns the run's state.
    #[must_use]
    pub fn state(&self) -> RunState {
        self.state
    }

    /// Returns the value of a field; NaN and infinity count as none.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // milliseconds are below 2^52
    pub fn value(&self, field: Field) -> Value<'_> {
        let best = self.summary.best();
        let number =
            |figure: Option<f64>| figure.filter(|figure| figure.is_finite()).map_or(Value::None, Value::Number);
        let word = |text| Value::Words(vec![Cow::Borrowed(text)]);
        match field {
            Field::State if self.state.is_active() || self.summary.ending().is_empty() => word(self.state.name()),
            Field::State => Value::Words(vec![self.state.name().into(), self.summary.ending().into()]),
            Field::Strategy => word(self.summary.recipe.strategy.name()),
            Field::Dataset => word(self.summary.recipe.dataset.as_str()),
            Field::Name => word(self.name()),
            Field::Tag => Value::Words(self.annotations.tags.iter().map(|tag| tag.as_str().into()).collect()),
            Field::Device => self.summary.device.as_ref().map_or(Value::None, |device| word(&device.name)),
            Field::Note => word(self.annotations.note.as_str()),
            Field::Epoch => Value::Number(self.summary.epoch().into()),
            Field::Best => number(best.map(|best| best.epoch.into())),
            Field::ValLoss => number(best.map(|best| best.val_loss)),
            Field::ValAcc => number(best.map(|best| best.val_accuracy)),
            Field::TestAcc => number(self.test.map(|test| test.0)),
            Field::F1 => number(self.test.map(|test| test.1)),
            Field::Rate => number(self.summary.images_per_second),
            Field::Age => Value::Number(self.age as f64 / 1_000.0),
            Field::Duration => number(Some(self.summary.trained_seconds()).filter(|seconds| *seconds > 0.0)),
            Field::Home => self.home().map_or(Value::None, word),
            Field::Failure => self.summary.failure().map_or(Value::None, |kind| word(kind.name())),
            Field::Corrected => {
                let recipe = &self.summary.recipe;
                Value::Number((recipe.left_out.len() + recipe.relabelled.len()) as f64)
            }
            Field::Setting(setting) => match self.summary.setting(setting) {
                None => Value::None,
                Some(text) => match text.parse::<f64>() {
                    Ok(number) if number.is_finite() => Value::Number(number),
                    _ => Value::Words(vec![text.into()]),
                },
            },
        }
    }

    /// Returns whether a lowercase word occurs in name, strategy, dataset, tags or note, or is the state as a whole.
    pub(super) fn mentions(&self, word: &str) -> bool {
        let has = |text: &str| text.to_lowercase().contains(word);
        // As a whole: otherwise `run` would find every running run.
        self.state.name() == word
            || has(self.name())
            || has(self.summary.recipe.strategy.name())
            || has(self.summary.recipe.dataset.as_str())
            || self.annotations.tags.iter().any(|tag| has(tag.as_str()))
            || has(self.annotations.note.as_str())
    }

    /// Returns the index of the run's state in a sorted list.
    pub(super) fn state_rank(&self) -> usize {
        STATES.iter().position(|state| *state == self.state.name()).unwrap_or(STATES.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_its_name_of_queries_of_json_and_of_headings() {
        for field in Field::ALL.into_iter().chain(Field::settings()) {
            assert_eq!(field.name().parse(), Ok(field));
            assert_eq!(field.name().to_uppercase().parse(), Ok(field));
        }
        for (name, field) in OTHER_NAMES {
            assert_eq!(name.parse(), Ok(field), "{name}");
            let own = Field::ALL.into_iter().chain(Field::settings()).any(|other| other.name() == name);
            assert!(!own, "{name} is the name of a field");
        }
        assert_eq!("val-acc".parse(), Ok(Field::ValAcc));
        assert_eq!("images-per-second".parse(), Ok(Field::Rate));
        assert_eq!("nothing".parse::<Field>(), Err(()));
    }
}
