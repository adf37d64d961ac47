//! Many runs that differ in their settings, launched one after the other and found by one tag.

use std::collections::BTreeSet;

use crate::domain::name::MAX_LENGTH;
use crate::domain::{Recipe, RunId, Tag};
use crate::runs::RunStore;
use crate::runs::annotations::AnnotationChange;

use super::all_strategies::LaunchSeriesError;
use super::launch::{LaunchError, LaunchTarget, launch};

/// Launches these runs in order, each with the tag, and returns their ids.
///
/// # Errors
/// If one cannot be launched; the earlier ones continue.
pub fn launch_sweep<'a>(
    store: &RunStore,
    runs: impl Iterator<Item = (&'a RunId, &'a Recipe)>,
    tag: &Tag,
    target: &LaunchTarget,
) -> Result<Vec<RunId>, LaunchSeriesError> {
    let mut launched = Vec::new();
    for (id, recipe) in runs {
        // Each run has its own creation time: the first may have been launched a while ago.
        let recipe = Recipe { created_at: super::now(), ..recipe.clone() };
        let next = launch(store, id, &recipe, target.clone()).and_then(|id| {
            launched.push(id.clone());
            super::tag(store, &id, Some(tag))
        });
        if let Err(error) = next {
            return Err(LaunchSeriesError { launched, error });
        }
    }
    Ok(launched)
}

/// Adds a tag, if there is one, to a run that was just launched.
///
/// # Errors
/// If the tag cannot be written; the run continues.
pub fn tag(store: &RunStore, id: &RunId, tag: Option<&Tag>) -> Result<(), LaunchError> {
    let Some(tag) = tag else { return Ok(()) };
    let change = vec![AnnotationChange::Tag(tag.clone())];
    store.folder(id).change_annotations(|about| about.apply(change)).map(|_| ()).map_err(LaunchError::Tag)
}

/// Returns the names of `count` runs, made from one and in alphabetical order: `calm-heron-01`, `calm-heron-02`.
#[must_use]
pub fn sweep_names(stem: &RunId, count: usize) -> Vec<RunId> {
    let digits = count.to_string().len();
    let name = |number: usize| {
        let name = format!("{}-{number:0digits$}", truncate_stem(stem.as_str(), digits + 1));
        // Plain characters with such an ending are always a name.
        RunId::new(name).unwrap_or_else(|error| unreachable!("{error}"))
    };
    (1..=count).map(name).collect()
}

/// Returns a tag for runs of this name that no run has: `sweep-calm-heron`.
#[must_use]
pub fn sweep_tag(store: &RunStore, stem: &RunId) -> Tag {
    // An unlistable folder has no tags; creating the runs there will report the error.
    let ids = store.ids().unwrap_or_default();
    let taken: BTreeSet<Tag> =
        ids.iter().filter_map(|id| store.folder(id).annotations().ok()).flat_map(|about| about.tags).collect();
    let tag = |ending: String| {
        let stem = truncate_stem(stem.as_str(), "sweep-".len() + ending.len());
        Tag::new(format!("sweep-{stem}{ending}")).unwrap_or_else(|error| unreachable!("{error}"))
    };
    let numbered = (2_usize..).map(|number| tag(format!("-{number}")));
    std::iter::once(tag(String::new()))
        .chain(numbered)
        .find(|tag| !taken.contains(tag))
        .unwrap_or_else(|| unreachable!())
}

/// Returns the first part of a name that leaves `space` characters.
fn truncate_stem(stem: &str, space: usize) -> &str {
    // Names are ASCII.
    &stem[..stem.len().min(MAX_LENGTH - space)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Strategy;
    use crate::runs::Home;

    fn id(name: &str) -> RunId {
        RunId::new(name).expect("an id")
    }

    #[test]
    fn names_are_numbered_and_stay_names_however_long_the_stem() {
        let names =
            |stem: &str, count| sweep_names(&id(stem), count).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names("calm-heron", 3), ["calm-heron-1", "calm-heron-2", "calm-heron-3"]);
        let many = names(&"a".repeat(64), 120);
        assert!(many.iter().all(|name| name.len() == 64) && many.is_sorted(), "{many:?}");
        assert!(many[9].ends_with("a-010"));
    }

    #[test]
    fn a_tag_is_one_that_no_run_has() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(folder.path()));
        let run = store.create(&id("heron"), &Recipe::sample(Strategy::Cnn)).expect("a run");
        for expected in ["sweep-heron", "sweep-heron-2", "sweep-heron-3"] {
            let made = sweep_tag(&store, &run);
            assert_eq!(made.as_str(), expected);
            tag(&store, &run, Some(&made)).expect("tagged");
        }
        assert_eq!(sweep_tag(&store, &id(&"a".repeat(64))).as_str().len(), 64);
    }
}
