//! The runs that ended since somebody last looked, and the time of that look.

use serde::{Deserialize, Serialize};

use super::facts::RunFacts;
use super::layout::Home;
use crate::domain::number_text::{count, span};
use crate::domain::text::printable;
use crate::domain::{RunId, RunState};
use crate::durable::versioned::{FileError, FileKind};
use crate::runs::summary::Summary;

/// The end of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The run.
    pub id: RunId,
    /// The state in which it ended.
    pub state: RunState,
    /// The time of its end, in milliseconds since 1970; of a lost run that of its last event.
    pub at: u64,
    /// The end in words, safe to print.
    pub text: String,
}

impl Ending {
    /// Returns the end of a run in this state; `None` for an active run.
    #[must_use]
    pub fn of(run: &Summary, state: RunState) -> Option<Self> {
        if state.is_active() {
            return None;
        }
        let at = run.ended_at.or(run.updated_at).unwrap_or(run.recipe.created_at);
        Some(Self { id: run.id.clone(), state, at, text: describe(run, state) })
    }

    /// Returns the end of a listed run; `None` for an active run.
    #[must_use]
    pub fn of_facts(run: &RunFacts) -> Option<Self> {
        Self::of(run.summary(), run.state())
    }
}

/// Returns the end of a run as a sentence.
fn describe(run: &Summary, state: RunState) -> String {
    let id = &run.id;
    let words = match state {
        RunState::Finished => {
            let mut parts = vec![run.ending().to_owned()];
            parts.extend(run.test.as_ref().map(|test| format!("macro F1 {:.4}", test.confusion.scores().f1)));
            parts.push(format!("trained for {}", span(run.trained_seconds())));
            format!("finished: {}", parts.join(", "))
        }
        RunState::Failed => format!("failed: {}", run.cause().unwrap_or_else(|| run.ending())),
        RunState::Lost => "lost its worker".into(),
        state => match run.saved {
            Some(saved) => format!("was {state} {saved}"),
            None => format!("was {state} before its first step"),
        },
    };
    printable(&format!("{id} {words}"))
}

/// Returns `3 finished, 1 failed`, in the order of states.
#[must_use]
pub fn describe_counts(endings: &[Ending]) -> String {
    let states = [RunState::Finished, RunState::Stopped, RunState::Interrupted, RunState::Failed, RunState::Lost];
    let of = |state: RunState| endings.iter().filter(|ending| ending.state == state).count();
    let counts = states.into_iter().map(|state| (of(state), state.name())).filter(|(number, _)| *number > 0);
    counts.map(|(number, name)| count(number, name, name)).collect::<Vec<_>>().join(", ")
}

/// The content of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct LastLook {
    /// Milliseconds since 1970.
    at: u64,
}

/// `last-look.json`.
static KIND: FileKind =
    FileKind { name: "last look", newest: 1, pretty: true, damaged: "is damaged", advice: "; remove it" };

impl Home {
    /// Returns the time at which somebody last looked at the runs, in milliseconds since 1970; `None` before the first
    /// look.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or has a newer format.
    pub fn last_look(&self) -> Result<Option<u64>, FileError> {
        Ok(KIND.read::<LastLook>(&self.last_look_file())?.map(|look| look.at))
    }

    /// Records that somebody looked at the runs at this time, in milliseconds since 1970.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn record_look(&self, at: u64) -> Result<(), FileError> {
        KIND.write(&self.last_look_file(), &LastLook { at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FailureKind, Outcome, Recipe, Strategy};
    use crate::events::{Event, Record};

    fn ended(id: &str, outcome: Outcome, saved: Option<(u32, u32)>) -> Summary {
        let mut run = Summary::new(RunId::new(id).expect("an id"), Recipe::sample(Strategy::Cnn));
        if let Some((epoch, step)) = saved {
            run.apply(&Record { at: 5, event: Event::CheckpointSaved { epoch, step, best: false } });
        }
        run.apply(&Record { at: 7, event: Event::Ended { outcome } });
        run
    }

    #[test]
    fn an_ending_says_what_is_kept_and_what_went_wrong() {
        let failed = Outcome::Failed { cause: "no space".into(), kind: FailureKind::Disk };
        let table = [
            (Outcome::Stopped, Some((2, 24)), RunState::Stopped, "a was stopped after step 24 of epoch 3"),
            (Outcome::Stopped, Some((2, 0)), RunState::Stopped, "a was stopped after epoch 2"),
            (Outcome::Stopped, None, RunState::Stopped, "a was stopped before its first step"),
            (failed, Some((2, 0)), RunState::Failed, "a failed: no space"),
        ];
        for (outcome, saved, state, expected) in table {
            let run = ended("a", outcome, saved);
            let ending = Ending::of(&run, run.state(false, 99_999)).expect("it has ended");
            assert_eq!((ending.text.as_str(), ending.state, ending.at), (expected, state, 7));
        }
        let run = ended("a", Outcome::Stopped, None);
        assert_eq!(Ending::of(&run, RunState::Running), None);
    }

    #[test]
    fn endings_are_counted_by_state() {
        let ending = |state| Ending { id: RunId::new("a").expect("an id"), state, at: 1, text: String::new() };
        let endings = [RunState::Failed, RunState::Finished, RunState::Finished].map(ending);
        assert_eq!(describe_counts(&endings), "2 finished, 1 failed");
        assert_eq!(describe_counts(&[]), "");
    }

    #[test]
    fn the_last_look_is_remembered_for_each_home() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::new(folder.path());
        assert_eq!(home.last_look().expect("no file"), None);
        home.record_look(42).expect("written");
        assert_eq!(home.last_look().expect("read"), Some(42));
        std::fs::write(home.last_look_file(), "{\"version\":9}").expect("written");
        assert!(home.last_look().expect_err("newer").to_string().contains("use a newer mien"));
    }
}
