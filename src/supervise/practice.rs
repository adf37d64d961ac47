//! The whole practice in order: `cnn`, then `features`, then `finetune` from its best weights, each waiting for the one
//! before.

use crate::domain::{Recipe, RunId};
use crate::runs::RunStore;

use super::launch::{LaunchError, When, launch};

/// Why not all of several runs are on their way.
#[derive(Debug, thiserror::Error)]
#[error("{error}{}", launched_words(launched))]
pub struct PracticeError {
    /// Those that are.
    pub launched: Vec<RunId>,
    /// What stopped the next one.
    #[source]
    pub error: LaunchError,
}

fn launched_words(launched: &[RunId]) -> String {
    let names: Vec<&str> = launched.iter().map(RunId::as_str).collect();
    if names.is_empty() { String::new() } else { format!("; launched before that: {}", names.join(", ")) }
}

/// Launches the three runs. The second waits for the first, whatever becomes of it; the third starts from the best
/// weights of the second.
///
/// # Errors
/// When one cannot be launched; those before it go on.
pub fn launch_practice(
    store: &RunStore,
    ids: [RunId; 3],
    [cnn, mut features, mut finetune]: [Recipe; 3],
    when: When,
) -> Result<[RunId; 3], PracticeError> {
    let [cnn_id, features_id, finetune_id] = ids;
    let first = launch(store, &cnn_id, &cnn, when).map_err(|error| PracticeError { launched: Vec::new(), error })?;
    features.after = Some(first.clone());
    let second = launch(store, &features_id, &features, when)
        .map_err(|error| PracticeError { launched: vec![first.clone()], error })?;
    if let Some(fine_tuning) = finetune.transfer.as_mut().and_then(|transfer| transfer.fine_tuning.as_mut()) {
        fine_tuning.from = second.clone();
    }
    let third = launch(store, &finetune_id, &finetune, when)
        .map_err(|error| PracticeError { launched: vec![first.clone(), second.clone()], error })?;
    Ok([first, second, third])
}

/// The names of the three runs, made from one.
#[must_use]
pub fn practice_names(stem: &RunId) -> [RunId; 3] {
    ["cnn", "features", "finetune"].map(|strategy| {
        // A name that becomes too long is cut, and a stem of plain characters with such an ending is always a name.
        let room = crate::domain::name::MAX_LENGTH - strategy.len() - 1;
        let stem: String = stem.as_str().chars().take(room).collect();
        RunId::new(format!("{stem}-{strategy}")).unwrap_or_else(|error| unreachable!("{error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_names_from_one_however_long() {
        let names = |stem: &str| practice_names(&RunId::new(stem).expect("an id")).map(|id| id.to_string());
        assert_eq!(names("calm-heron"), ["calm-heron-cnn", "calm-heron-features", "calm-heron-finetune"]);
        assert!(names(&"a".repeat(64)).iter().all(|name| name.len() <= 64));
    }
}
