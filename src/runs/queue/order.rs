//! Reordering of waiting runs.

use std::io;

use super::Queue;
use super::entry::Entry;
use crate::domain::RunId;

/// The new position of a waiting run, among those that wait for the same device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueMove {
    /// Before all others.
    First,
    /// Behind all others.
    Last,
    /// A position forward.
    Up,
    /// A position back.
    Down,
    /// Right before this run.
    Before(RunId),
    /// Right behind this run.
    After(RunId),
}

/// The reason why a run was not moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The run is not waiting.
    #[error("{id} does not wait in the queue: `mien queue` lists those that do")]
    NotWaiting {
        /// The run.
        id: RunId,
    },
    /// The run has begun.
    #[error("{id} is running already: only waiting runs can be moved")]
    Begun {
        /// The run.
        id: RunId,
    },
    /// The other run waits for another device.
    #[error("{other} does not wait for the same device as {id}")]
    Elsewhere {
        /// The run.
        id: RunId,
        /// The other run.
        other: RunId,
    },
    /// The file system returned an error.
    #[error("cannot change the order of the queue: {0}")]
    Io(#[from] io::Error),
}

impl Queue {
    /// Moves a waiting run; returns its new position, from 1, and the number of waiting runs.
    ///
    /// # Errors
    /// If the run does not wait, the other run waits for another device, or the home cannot be written.
    pub fn move_run(&self, id: &RunId, to: &QueueMove) -> Result<(usize, usize), MoveError> {
        let _lock = self.lock()?;
        let entries = self.entries()?;
        let own = entries.iter().find(|(run, _)| run == id);
        let (_, own) = own.ok_or_else(|| MoveError::NotWaiting { id: id.clone() })?;
        let is_running = |run: &RunId, entry: &Entry| entry.begun && self.home.run(run).worker_alive();
        if is_running(id, own) {
            return Err(MoveError::Begun { id: id.clone() });
        }
        let waiting = entries.iter().filter(|(run, entry)| entry.device == own.device && !is_running(run, entry));
        let waiting: Vec<(RunId, u64)> = waiting.map(|(run, entry)| (run.clone(), entry.position)).collect();
        let order: Vec<RunId> = waiting.iter().map(|(run, _)| run.clone()).collect();
        let (order, index) = moved(&order, id, to)?;
        let positions: Vec<u64> = waiting.into_iter().map(|(_, position)| position).collect();
        for (run, position) in order.iter().zip(strictly_ascending(&positions)) {
            let before = entries.iter().find(|(other, _)| other == run).map(|(_, entry)| entry);
            if let Some(entry) = before.filter(|entry| entry.position != position) {
                self.home.run(run).write_queue_entry(&Entry { position, ..entry.clone() })?;
            }
        }
        Ok((index + 1, order.len()))
    }
}

/// Returns the order with `id` moved, and its index.
fn moved(order: &[RunId], id: &RunId, to: &QueueMove) -> Result<(Vec<RunId>, usize), MoveError> {
    let rest: Vec<RunId> = order.iter().filter(|run| *run != id).cloned().collect();
    let was = order.iter().position(|run| run == id).unwrap_or(rest.len());
    let index_of = |other: &RunId| {
        let found = rest.iter().position(|run| run == other);
        found.ok_or_else(|| MoveError::Elsewhere { id: id.clone(), other: other.clone() })
    };
    let index = match to {
        QueueMove::First => 0,
        QueueMove::Last => rest.len(),
        QueueMove::Up => was.saturating_sub(1),
        QueueMove::Down => (was + 1).min(rest.len()),
        QueueMove::Before(other) | QueueMove::After(other) if other == id => was,
        QueueMove::Before(other) => index_of(other)?,
        QueueMove::After(other) => index_of(other)? + 1,
    };
    let mut order = rest;
    order.insert(index, id.clone());
    Ok((order, index))
}

/// Returns the same positions made strictly ascending, so that no two are equal.
fn strictly_ascending(positions: &[u64]) -> Vec<u64> {
    let mut last = None;
    let rise = |position: &u64| {
        let position = last.map_or(*position, |last: u64| (*position).max(last.saturating_add(1)));
        last = Some(position);
        position
    };
    positions.iter().map(rise).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &str) -> Vec<RunId> {
        names.split(' ').map(|name| RunId::new(name).expect("an id")).collect()
    }

    #[test]
    fn a_moved_run_gets_its_position_and_the_others_stay_in_order() {
        let id = |name: &str| RunId::new(name).expect("an id");
        let table = [
            ("c", QueueMove::First, "c a b d"),
            ("c", QueueMove::Last, "a b d c"),
            ("c", QueueMove::Up, "a c b d"),
            ("a", QueueMove::Up, "a b c d"),
            ("c", QueueMove::Down, "a b d c"),
            ("d", QueueMove::Down, "a b c d"),
            ("d", QueueMove::Before(id("b")), "a d b c"),
            ("a", QueueMove::After(id("c")), "b c a d"),
            ("a", QueueMove::Before(id("a")), "a b c d"),
        ];
        for (name, to, expected) in table {
            let (order, index) = moved(&ids("a b c d"), &id(name), &to).expect("moved");
            assert_eq!(order, ids(expected), "{name} {to:?}");
            assert_eq!(order[index], id(name));
        }
        let refused = moved(&ids("a b"), &id("a"), &QueueMove::Before(id("x"))).expect_err("elsewhere");
        assert!(refused.to_string().contains("x does not wait for the same device as a"));
        assert_eq!(strictly_ascending(&[1, 1, 1, 7]), [1, 2, 3, 7]);
    }
}
