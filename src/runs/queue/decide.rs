//! The decision which runs may begin: a pure function of the order and of the slots in use.

use crate::domain::RunId;

/// The decision for a run that could begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The run takes a slot.
    Take,
    /// The run continues to wait.
    Wait {
        /// The number of runs ahead: running, or waiting at earlier positions.
        ahead: usize,
    },
}

/// Decides for the run `me`. `waiting` has position and id, in any order, of every run with a live worker that could
/// begin on this device. Runs that wait for another run are not in it and block no run. `held` is the number of slots
/// in use, and `slots` the number of all slots. As many runs may begin as slots are free, from the first one on, so
/// that a slow run blocks no run behind it.
#[must_use]
pub fn decide(me: (u64, &RunId), waiting: &[(u64, RunId)], held: usize, slots: usize) -> Decision {
    let before = waiting.iter().filter(|(position, run)| (*position, run) < me).count();
    let ahead = held + before;
    if ahead < slots { Decision::Take } else { Decision::Wait { ahead } }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(name: &str) -> RunId {
        RunId::new(name).expect("an id")
    }

    #[test]
    fn the_first_of_those_that_could_begin_take_what_is_free() {
        /// The case's name, the run's position, the others' positions, slots in use, slots, and the runs ahead or
        /// `None` if the run begins.
        type Case = (&'static str, u64, &'static [u64], usize, usize, Option<usize>);
        let table: [Case; 9] = [
            ("alone", 5, &[], 0, 1, None),
            ("the device is taken", 5, &[], 1, 1, Some(1)),
            ("another is before me", 5, &[3], 0, 1, Some(1)),
            ("another is behind me", 5, &[7], 0, 1, None),
            ("two slots, one before me", 5, &[3, 7], 0, 2, None),
            ("two slots, one taken, one before me", 5, &[3], 1, 2, Some(2)),
            ("two slots, two before me", 5, &[1, 2], 0, 2, Some(2)),
            ("fewer slots than are taken", 5, &[], 3, 1, Some(3)),
            ("no slots: a device that is closed", 5, &[], 0, 0, Some(0)),
        ];
        for (case, position, others, held, slots, expected) in table {
            let me = id("me");
            let waiting: Vec<(u64, RunId)> = others.iter().map(|position| (*position, id("other"))).collect();
            let expected = expected.map_or(Decision::Take, |ahead| Decision::Wait { ahead });
            assert_eq!(decide((position, &me), &waiting, held, slots), expected, "{case}");
        }
        let (me, waiting) = (id("b"), [(5, id("a")), (5, id("b")), (5, id("c"))]);
        assert_eq!(decide((5, &me), &waiting, 0, 1), Decision::Wait { ahead: 1 }, "a tie goes by the id");
    }

    /// An event on a device: a run arrives, a waiting run polls, a running one ends, a run dies, or the number of slots
    /// changes.
    #[derive(Debug, Clone)]
    enum SchedulerEvent {
        Arrives(u64),
        Polls(usize),
        Ends,
        Dies(usize),
        Slots(usize),
    }

    fn scheduler_event() -> impl Strategy<Value = SchedulerEvent> {
        prop_oneof![
            3 => (0_u64..20).prop_map(SchedulerEvent::Arrives),
            6 => (0_usize..20).prop_map(SchedulerEvent::Polls),
            2 => Just(SchedulerEvent::Ends),
            1 => (0_usize..20).prop_map(SchedulerEvent::Dies),
            1 => (1_usize..4).prop_map(SchedulerEvent::Slots),
        ]
    }

    proptest! {
        #[test]
        fn never_more_than_slots_in_order_and_nobody_starves(happenings in prop::collection::vec(scheduler_event(), 1..200)) {
            let (mut waiting, mut held, mut slots) = (Vec::<(u64, RunId)>::new(), 0_usize, 1_usize);
            let mut count = 0;
            let polls = |waiting: &mut Vec<(u64, RunId)>, held: &mut usize, slots: usize, index: usize| {
                let (position, me) = waiting[index].clone();
                let taken = decide((position, &me), waiting, *held, slots) == Decision::Take;
                if taken {
                    assert!(*held < slots, "more holders than slots");
                    let before = waiting.iter().filter(|(other, run)| (*other, run) < (position, &me)).count();
                    assert!(before < slots - *held, "it took the slot of one before it");
                    waiting.remove(index);
                    *held += 1;
                }
                taken
            };
            for scheduler_event in happenings {
                match scheduler_event {
                    SchedulerEvent::Arrives(position) => {
                        count += 1;
                        waiting.push((position, id(&format!("run-{count}"))));
                    }
                    SchedulerEvent::Polls(index) if index < waiting.len() => {
                        polls(&mut waiting, &mut held, slots, index);
                    }
                    SchedulerEvent::Ends if held > 0 => held -= 1,
                    SchedulerEvent::Dies(index) if index < waiting.len() => drop(waiting.remove(index)),
                    SchedulerEvent::Slots(number) => slots = number,
                    _ => {}
                }
                // If every run polls once, as many begin as slots are free.
                let (mut all, mut taken) = (waiting.clone(), held);
                let free = slots.saturating_sub(held).min(all.len());
                let names: Vec<RunId> = all.iter().rev().map(|(_, run)| run.clone()).collect();
                for name in names {
                    let index = all.iter().position(|(_, run)| *run == name).expect("it waits");
                    polls(&mut all, &mut taken, slots, index);
                }
                // The order of polls decides how many runs begin in the first round; a second round leaves no slot
                // free.
                while let Some(index) = (0..all.len()).find(|index| {
                    let (position, me) = &all[*index];
                    decide((*position, me), &all, taken, slots) == Decision::Take
                }) {
                    polls(&mut all, &mut taken, slots, index);
                }
                prop_assert_eq!(taken - held, free, "somebody starves while slots are free");
            }
        }
    }
}
