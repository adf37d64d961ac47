//! All four strategies in order: `cnn`, `deep`, `features`, then `finetune` from its best weights, each after the
//! previous one.

use crate::domain::{Recipe, RunId, Strategy};
use crate::runs::RunStore;

use super::launch::{LaunchError, LaunchTarget, launch};

/// The reason why not all of several runs were launched.
#[derive(Debug, thiserror::Error)]
#[error("{error}{}", launched_words(launched))]
pub struct LaunchSeriesError {
    /// The launched runs.
    pub launched: Vec<RunId>,
    /// The error of the next one.
    #[source]
    pub error: LaunchError,
}

fn launched_words(launched: &[RunId]) -> String {
    let names: Vec<&str> = launched.iter().map(RunId::as_str).collect();
    if names.is_empty() { String::new() } else { format!("; launched before that: {}", names.join(", ")) }
}

/// Launches the four runs. The second and the third wait for the previous one's end, in any state. The last starts from
/// the best weights of the third.
///
/// # Errors
/// If one cannot be launched; the earlier ones continue.
pub fn launch_all_strategies(
    store: &RunStore,
    ids: [RunId; 4],
    recipes: [Recipe; 4],
    target: impl Into<LaunchTarget>,
) -> Result<[RunId; 4], LaunchSeriesError> {
    let (target, mut launched): (LaunchTarget, Vec<RunId>) = (target.into(), Vec::new());
    let mut taken = ids.clone();
    for ((id, mut recipe), slot) in ids.into_iter().zip(recipes).zip(&mut taken) {
        match recipe.transfer.as_mut().and_then(|transfer| transfer.fine_tuning.as_mut()) {
            // A run waits for the run that it starts from.
            Some(fine_tuning) => fine_tuning.from = launched.last().unwrap_or(&fine_tuning.from).clone(),
            None => recipe.after = launched.last().cloned().or(recipe.after),
        }
        match launch(store, &id, &recipe, target.clone()) {
            Ok(found) => *slot = found,
            Err(error) => return Err(LaunchSeriesError { launched, error }),
        }
        launched.push(slot.clone());
    }
    Ok(taken)
}

/// Returns the names of the four strategies' runs: `stem` with the name of each strategy.
#[must_use]
pub fn strategy_run_names(stem: &RunId) -> [RunId; 4] {
    Strategy::ALL.map(Strategy::name).map(|strategy| {
        // A long name is cut; plain characters with such an ending are always a name.
        let space = crate::domain::name::MAX_LENGTH - strategy.len() - 1;
        let stem: String = stem.as_str().chars().take(space).collect();
        RunId::new(format!("{stem}-{strategy}")).unwrap_or_else(|error| unreachable!("{error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_one_however_long() {
        let names = |stem: &str| strategy_run_names(&RunId::new(stem).expect("an id")).map(|id| id.to_string());
        assert_eq!(
            names("calm-heron"),
            ["calm-heron-cnn", "calm-heron-deep", "calm-heron-features", "calm-heron-finetune"]
        );
        assert!(names(&"a".repeat(64)).iter().all(|name| name.len() <= 64));
    }
}
