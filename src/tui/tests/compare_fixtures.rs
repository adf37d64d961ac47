//! Tested runs with different predictions, and their verdicts as the backend computes them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use super::fixtures::{Logbook, NOW, id, with_data};
use crate::domain::{FinishReason, Outcome, RunId, Split, Strategy};
use crate::events::Event as Logged;
use crate::runs::comparison::{Candidate, Comparison, NotComparable, Verdict};
use crate::runs::predictions::Predictions;
use crate::runs::{Inspection, Summary};
use crate::tui::library::RunView;
use crate::tui::messages::compare::RunPair;
use crate::tui::messages::{Action, CompareEffect, CompareEvent, Effect, Event};
use crate::tui::screen::Screen;
use crate::tui::state::State;
use crate::tui::update::{apply, update};

/// The number of test images of each class: a tenth of FER-2013's, because drawing verdicts is slow without
/// optimization.
const COUNTS: [u16; 7] = [96, 11, 102, 177, 123, 125, 83];

/// Returns predictions for the test images, of which about `skill` of 1,000 are right. Which ones also depends on the
/// name.
pub(super) fn predictions(name: &str, skill: u32) -> Predictions {
    let salt = name.bytes().fold(7_u32, |salt, byte| salt.wrapping_mul(31).wrapping_add(byte.into()));
    let mut truth = Vec::new();
    let mut probabilities = Vec::new();
    for (label, count) in (0_u16..).zip(COUNTS) {
        for image in 0..u32::from(count) {
            let mixed = |salt: u32| {
                let mut x = (image * 7 + u32::from(label)).wrapping_add(salt).wrapping_mul(0x9e37_79b1);
                x ^= x >> 15;
                x = x.wrapping_mul(0x85eb_ca77);
                x ^ (x >> 13)
            };
            // Images are hard or easy for every run.
            let draw = (mixed(1) % 1000 * 3 + mixed(salt) % 1000) / 4;
            let class = usize::from(label);
            let answer = if draw < skill { class } else { (class + 1 + (mixed(salt + 3) % 6) as usize) % 7 };
            truth.push(label);
            probabilities.extend((0..7).map(|class| if class == answer { 0.7_f32 } else { 0.05 }));
        }
    }
    Predictions { classes: 7, probabilities, truth }
}

fn classes() -> Vec<String> {
    ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"].map(str::to_owned).to_vec()
}

fn inspection(name: &str, skill: u32) -> Inspection {
    Inspection::new(predictions(name, skill), &classes()).expect("predictions")
}

/// A run without events, created this many hours before [`NOW`].
pub(super) fn untested(name: &str, hours_ago: u64) -> Logbook {
    Logbook::new(name, hours_ago * 3600).with(|recipe| recipe.fingerprint = "9f2c".into())
}

/// Adds epochs and a test with this skill.
pub(super) fn tested(book: Logbook, name: &str, skill: u32, epochs: u32, best: u32) -> RunView {
    let confusion = inspection(name, skill).confusion();
    let loss = 2.0 - f64::from(skill) / 1000.0;
    book.started()
        .epochs(epochs, best)
        .log(Logged::EvaluationStarted { split: Split::Test, images: 717 })
        .log(Logged::Evaluated { split: Split::Test, epoch: best, loss, confusion })
        .log(Logged::Ended { outcome: Outcome::Finished { reason: FinishReason::EarlyStop } })
        .view(false)
}

/// The skill of the run of each name.
const SKILLS: [(&str, u32); 6] = [
    ("quiet-lynx", 560),
    ("calm-heron", 610),
    ("brisk-otter", 565),
    ("early-swan", 480),
    ("lone-wolf", 590),
    ("dark-crane", 520),
];

fn skill(name: &str) -> u32 {
    SKILLS.iter().find(|(known, _)| *known == name).map_or(500, |(_, skill)| *skill)
}

pub(super) fn finished(name: &str, change: impl FnOnce(&mut crate::domain::Recipe), epochs: u32, best: u32) -> RunView {
    tested(untested(name, 3).with(change), name, skill(name), epochs, best)
}

pub(super) fn lynx() -> RunView {
    finished("quiet-lynx", |_| (), 15, 9)
}

pub(super) fn heron() -> RunView {
    finished("calm-heron", |recipe| (recipe.batch_size, recipe.learning_rate) = (128, 5e-4), 24, 18)
}

/// Six runs; two of them differ from the first only in the seed.
pub(super) fn six() -> Vec<RunView> {
    vec![
        lynx(),
        heron(),
        finished("brisk-otter", |recipe| recipe.seed = 43, 17, 11),
        finished("early-swan", |recipe| recipe.epochs = 8, 8, 8),
        finished("lone-wolf", |recipe| recipe.seed = 44, 14, 10),
        finished("dark-crane", |recipe| recipe.strategy = Strategy::Cnn, 12, 6),
    ]
}

/// Returns the verdict that the backend would compute. Computed once for all tests with the same two runs.
pub(super) fn judged(baseline: &Summary, run: &Summary) -> Result<Verdict, NotComparable> {
    type Known = Mutex<HashMap<[String; 2], Result<Verdict, NotComparable>>>;
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::default);
    // Tests give one name to runs of other settings, with which a difference of the seed alone is none.
    let key = [baseline, run].map(|run| format!("{} {:?} {:?}", run.id, run.recipe, run.limits));
    let known = KNOWN.lock().expect("no test failed in here").get(&key).cloned();
    known.unwrap_or_else(|| {
        let verdict = computed(baseline, run);
        KNOWN.lock().expect("no test failed in here").insert(key, verdict.clone());
        verdict
    })
}

fn computed(baseline: &Summary, run: &Summary) -> Result<Verdict, NotComparable> {
    let of = |run: &Summary| inspection(run.id.as_str(), skill(run.id.as_str()));
    let (theirs, mine) = (of(baseline), of(run));
    let candidates = [Candidate { run: baseline, test: Ok(&theirs) }, Candidate { run, test: Ok(&mine) }];
    Comparison::new(&candidates, 0).expect("two runs").verdicts.remove(0).verdict.map(|(verdict, _)| verdict)
}

/// Answers requests until none is left. Returns the number of verdicts.
pub(super) fn answer_all(state: &mut State, mut effects: Vec<Effect>) -> usize {
    let mut count = 0;
    while let Some(Effect::Compare(CompareEffect::ComputeVerdict { baseline, run })) = effects.pop() {
        count += 1;
        let verdict = judged(&baseline, &run);
        effects.extend(update(state, NOW, answer(&baseline, &run, verdict)));
    }
    count
}

pub(super) fn answer(baseline: &Arc<Summary>, run: &Arc<Summary>, verdict: Result<Verdict, NotComparable>) -> Event {
    Event::Compare(CompareEvent::VerdictComputed(RunPair::of(baseline, run), verdict))
}

/// Returns the Compare screen with all of these runs marked, before any verdict.
pub(super) fn marked(runs: Vec<RunView>) -> (State, Vec<Effect>) {
    let run_ids: Vec<_> = runs.iter().map(|run| run.id.clone()).collect();
    let mut state = with_data(runs);
    state.runs.marked = run_ids;
    state.key_pressed = true;
    let effects = apply(&mut state, Action::GoTo(Screen::Compare));
    (state, effects)
}

/// Returns the Compare screen with all verdicts.
pub(super) fn compared(runs: Vec<RunView>) -> State {
    let (mut state, effects) = marked(runs);
    answer_all(&mut state, effects);
    state
}

/// Returns the names of the columns.
pub(super) fn columns(state: &State) -> Vec<String> {
    state.compare.runs.iter().map(|run| run.id.to_string()).collect()
}

pub(super) fn run_ids(all: &[&str]) -> Vec<RunId> {
    all.iter().map(|name| id(name)).collect()
}
