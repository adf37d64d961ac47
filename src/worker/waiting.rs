//! Waiting for other runs to end.

use std::thread;
use std::time::Duration;

use crate::domain::{Recipe, RunId};
use crate::events::Event;
use crate::runs::layout::{Home, RunFolder};
use crate::train::Reporter;

use super::journal::{Journal, now};

/// Between two looks at the other run: often enough that nobody waits for it, rarely enough to cost nothing.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// A run that was created this recently may not have its worker yet, in milliseconds.
const SPAWN_GRACE: u64 = 10_000;

/// The runs that have to end before this one begins, each once. One that has taken its start needs no other any more.
fn awaited(recipe: &Recipe, started: bool) -> Vec<&RunId> {
    let fine_tuning = recipe.transfer.as_ref().and_then(|transfer| transfer.fine_tuning.as_ref());
    let fine_tuning = fine_tuning.filter(|_| !started);
    let mut runs: Vec<&RunId> = recipe.after.iter().chain(fine_tuning.map(|fine_tuning| &fine_tuning.from)).collect();
    runs.dedup();
    runs
}

/// Waits until nobody works on the runs that the recipe names. False if a stop was asked for first.
pub(super) fn wait_for_others(home: &Home, folder: &RunFolder, recipe: &Recipe, journal: &mut Journal) -> bool {
    for run in awaited(recipe, folder.start_checkpoint().exists()) {
        let other = home.run(run);
        let mut told = false;
        while is_active(&other) {
            if !told {
                journal.report(Event::Waiting { run: run.clone() });
                told = true;
            }
            if journal.stop_requested() {
                return false;
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }
    true
}

/// Whether a worker is at the run or about to be. The lock alone decides once there was a worker: a run whose worker died
/// is not waited for.
fn is_active(folder: &RunFolder) -> bool {
    if folder.worker_alive() {
        return true;
    }
    let created = folder.recipe().map_or(0, |recipe| recipe.created_at);
    !folder.events_file().exists() && now().saturating_sub(created) < SPAWN_GRACE && created > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Strategy;

    #[test]
    fn a_run_waits_for_the_one_before_it_and_the_one_it_starts_from() {
        let id = |text| RunId::new(text).expect("an id");
        let mut recipe = Recipe::sample(Strategy::Finetune);
        assert_eq!(awaited(&recipe, false), [&id("any")]);
        assert!(awaited(&recipe, true).is_empty(), "it has what it starts from");
        recipe.after = Some(id("other"));
        assert_eq!(awaited(&recipe, false), [&id("other"), &id("any")]);
        recipe.after = Some(id("any"));
        assert_eq!(awaited(&recipe, false), [&id("any")]);
        assert!(awaited(&Recipe::sample(Strategy::Cnn), false).is_empty());
    }

    #[test]
    fn a_run_without_a_worker_is_waited_for_only_while_one_may_be_on_its_way() {
        let home = tempfile::tempdir().expect("a folder");
        let home = Home::new(home.path());
        let folder = home.run(&RunId::new("other").expect("an id"));
        assert!(!is_active(&folder), "there is no such run");
        std::fs::create_dir_all(folder.path()).expect("a folder");
        let created = |created_at| Recipe { created_at, ..Recipe::sample(Strategy::Cnn) };
        folder.write_recipe(&created(now())).expect("written");
        assert!(is_active(&folder));
        folder.write_recipe(&created(now() - 2 * SPAWN_GRACE)).expect("written");
        assert!(!is_active(&folder));
        let lock = folder.lock().expect("locked").expect("free");
        assert!(is_active(&folder));
        drop(lock);
        assert!(!is_active(&folder));
    }
}
