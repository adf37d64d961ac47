//! Predictions made by a rule, and a dashboard that has read them.

use std::sync::Arc;

use super::fixtures::{self, Logbook, NOW, id};
use super::screens::at;
use crate::domain::{FinishReason, RunId, Split};
use crate::runs::inspection::Inspection;
use crate::runs::predictions::Predictions;
use crate::runs::probabilities::Temperature;
use crate::tui::library::RunView;
use crate::tui::messages::inspect::{OtherResults, PredictionReport, PredictionRequest, SourcedImage};
use crate::tui::messages::{Effect, Event, InspectEffect, InspectEvent};
use crate::tui::screen::Screen;
use crate::tui::state::State;
use crate::tui::update::update;
use crate::tui::widgets::faces::Face;

/// A tenth of the number of FER-2013's images.
pub(super) const COUNTS: [usize; 7] = [95, 11, 102, 177, 123, 124, 83];

/// Returns predictions of a run of this skill for so many images of each class: deterministic, and often wrong.
pub(super) fn predictions(counts: &[usize], skill: f32) -> Predictions {
    let classes = counts.len();
    let mut made = Predictions { classes, probabilities: Vec::new(), truth: Vec::new() };
    let mut seed = 7_u32;
    for (truth, count) in counts.iter().enumerate() {
        for _ in 0..*count {
            let mut row: Vec<f32> = Vec::new();
            for class in 0..classes {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = f32::from(u16::try_from(seed >> 20).expect("12 bits")) / 1_365.0;
                // Neighbouring classes look alike.
                let near = if truth.abs_diff(class) == 1 { 0.5 } else { 0.0 };
                row.push((noise + near + if class == truth { skill } else { 0.0 }).exp());
            }
            let sum: f32 = row.iter().sum();
            made.probabilities.extend(row.iter().map(|value| value / sum));
            made.truth.push(u16::try_from(truth).expect("few classes"));
        }
    }
    made
}

pub(super) fn inspection(counts: &[usize], names: &[String], skill: f32) -> Inspection {
    Inspection::new(predictions(counts, skill), names).expect("predictions")
}

pub(super) fn names() -> Vec<String> {
    fixtures::fer2013().classes.into_iter().map(|(name, _)| name).collect()
}

/// Two tested runs and one that has just started.
pub(super) fn runs() -> Vec<RunView> {
    let other = Logbook::new("quiet-lynx", 9 * 3600).started().epochs(12, 12).tested(12, FinishReason::MaxEpochs);
    let young = Logbook::new("new-wren", 2);
    let with_print = |book: Logbook| book.with(|recipe| recipe.fingerprint = fixtures::fer2013().fingerprint);
    let own = Logbook::new("brisk-otter", 3 * 3600).started().epochs(15, 9).tested(9, FinishReason::EarlyStop);
    vec![with_print(own).view(false), with_print(other).view(false), with_print(young).view(true)]
}

/// Answers the requests of the screen as the backend would.
pub(super) fn answer(state: &mut State, effects: Vec<Effect>, counts: &[usize], names: &[String]) {
    for effect in effects {
        let event = match effect {
            Effect::Inspect(InspectEffect::LoadPredictions { subject, .. }) => {
                let judged = Ok(Arc::new(judgement(&subject, counts, names)));
                InspectEvent::PredictionsLoaded(subject, judged)
            }
            Effect::Inspect(InspectEffect::LoadFaces { dataset, fingerprint, fold, split, indices }) => {
                let shown =
                    |index| (index, SourcedImage { face: face(index), source: format!("{split}/{index:05}.png") });
                InspectEvent::Faces {
                    dataset,
                    fingerprint,
                    fold,
                    split,
                    faces: Ok(indices.into_iter().map(shown).collect()),
                }
            }
            _ => continue,
        };
        let more = update(state, NOW, Event::Inspect(event));
        answer(state, more, counts, names);
    }
}

/// Returns the answer to a request; predictions improve with every epoch and are better on training images.
fn judgement(subject: &PredictionRequest, counts: &[usize], names: &[String]) -> PredictionReport {
    let epochs: Vec<u32> = if subject.split == Split::Validation { (1..=15).collect() } else { Vec::new() };
    let epoch = epochs.last().map(|last| subject.epoch.unwrap_or(*last));
    let skill = match (subject.split, epoch) {
        (Split::Train, _) => 3.0,
        (_, Some(epoch)) => 2.0 - 1.5 / f32::from(u16::try_from(epoch).expect("few")),
        _ => 1.8,
    };
    let own = inspection(counts, names, skill);
    let against = subject.against.as_ref().map(|_| OtherResults::new(&own, &inspection(counts, names, 1.2), epoch));
    let temperature = Temperature::fit(&inspection(counts, names, skill - 0.1), epoch.unwrap_or(9));
    PredictionReport::new(own, temperature, epoch, epochs, against)
}

/// A head in front of a gradient, whose gray shows its index.
fn face(seed: usize) -> Face {
    let pixel = |at: usize| {
        let (x, y) = (at % 48, at / 48);
        let inside = x.abs_diff(24).pow(2) + y.abs_diff(24).pow(2) < 400;
        u8::try_from(if inside { 120 + (seed * 17) % 100 } else { y * 2 }).unwrap_or(0)
    };
    Face::gray(48, (0..48 * 48).map(pixel).collect::<Vec<u8>>())
}

/// The Inspect screen with `brisk-otter` read.
pub(super) fn inspected() -> State {
    let mut state = fixtures::with_data(runs());
    state.runs.selected = Some(id("brisk-otter"));
    open(&mut state, &COUNTS, &names());
    state
}

/// Opens the Inspect screen and answers its requests.
pub(super) fn open(state: &mut State, counts: &[usize], names: &[String]) {
    *state = at(Screen::Runs, state.clone());
    let effects = update(state, NOW, Event::Key(crate::tui::key::Key::char('5')));
    answer(state, effects, counts, names);
}

/// Presses keys and answers the requests that they cause.
pub(super) fn press(state: &mut State, keys: &str) {
    let effects = super::update::press(state, keys);
    answer(state, effects, &COUNTS, &names());
}

pub(super) fn run_ids(ids: &[&str]) -> Vec<RunId> {
    ids.iter().map(|name| id(name)).collect()
}
