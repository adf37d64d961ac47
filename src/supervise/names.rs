//! Names for runs that people can pronounce and remember: an adjective and an animal.

use std::collections::HashSet;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::domain::RunId;
use crate::runs::RunStore;

const ADJECTIVES: [&str; 64] = [
    "agile", "amber", "bold", "brave", "bright", "brisk", "calm", "clear", "clever", "cool", "crisp", "dapper",
    "daring", "deft", "eager", "early", "fair", "fleet", "fond", "frank", "fresh", "gentle", "glad", "golden", "grand",
    "happy", "hardy", "honest", "jolly", "keen", "kind", "late", "light", "lively", "loyal", "lucid", "lucky",
    "mellow", "merry", "mild", "neat", "nimble", "noble", "odd", "patient", "plain", "proud", "quick", "quiet",
    "rapid", "ready", "rosy", "shy", "silent", "sleek", "smart", "steady", "still", "sunny", "swift", "tidy", "vivid",
    "warm", "wise",
];

const ANIMALS: [&str; 64] = [
    "adder", "ant", "badger", "bat", "bear", "beaver", "bee", "bison", "boar", "carp", "cat", "crane", "cricket",
    "crow", "deer", "dolphin", "dove", "duck", "eagle", "eel", "egret", "elk", "falcon", "finch", "fox", "frog",
    "gecko", "goat", "goose", "gull", "hare", "hawk", "heron", "horse", "ibis", "ibex", "jay", "kite", "koala", "lark",
    "lemur", "lion", "lynx", "marten", "mole", "moose", "moth", "newt", "orca", "otter", "owl", "panda", "pony",
    "puffin", "raven", "robin", "seal", "stork", "swan", "tiger", "toad", "trout", "wolf", "wren",
];

/// The number of draws with a taken name before such a name is returned, which [`RunStore::create`] then numbers.
const DRAWS: usize = 100;

/// Returns a name such as `calm-heron` that no run of the store has.
///
/// # Panics
/// If the operating system has no random bytes.
#[must_use]
pub fn suggest_name(store: &RunStore) -> RunId {
    // An unlistable folder counts as empty; creating the run there will report the error.
    let taken: HashSet<String> = store.ids().unwrap_or_default().iter().map(ToString::to_string).collect();
    let mut random: StdRng = rand::make_rng();
    let mut name = draw(&mut random);
    for _ in 0..DRAWS {
        if !taken.contains(&name) {
            break;
        }
        name = draw(&mut random);
    }
    // Cannot fail: both words are ASCII letters, which a test below checks.
    RunId::new(name).expect("two plain words")
}

fn draw(random: &mut StdRng) -> String {
    let word = |words: &[&'static str], random: &mut StdRng| words.choose(random).copied().unwrap_or("run");
    format!("{}-{}", word(&ADJECTIVES, random), word(&ANIMALS, random))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DatasetName, Recipe};
    use crate::runs::Home;

    #[test]
    fn the_words_are_plain_short_and_listed_once() {
        for words in [ADJECTIVES, ANIMALS] {
            assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len());
            assert!(words.iter().all(|word| word.len() <= 8 && word.bytes().all(|byte| byte.is_ascii_lowercase())));
        }
    }

    #[test]
    fn a_taken_name_is_not_suggested() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(folder.path()));
        let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
        for _ in 0..30 {
            let name = suggest_name(&store);
            assert_eq!(store.create(&name, &recipe).expect("a run"), name);
        }
    }
}
