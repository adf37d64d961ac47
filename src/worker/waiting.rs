//! Waits for other runs to end, and then for a slot on the device.
//!
//! A waiting worker holds its own run's lock, and has opened no dataset and touched no device. It reads a few small
//! files once a second, or less often where many runs are before it.

use std::thread;
use std::time::Duration;

use crate::domain::RunId;
use crate::events::Event;
use crate::model::device::{self, Device};
use crate::runs::layout::{Home, RunFolder};
use crate::runs::queue::{DeviceKey, Queue, Slot, SlotPoll, Ticket};
use crate::train::Reporter;

use super::run_reporter::{ControlRequest, RunReporter, now};

/// Time between two polls of the queue or of another run: a number of parts, after each of which requests are read.
const POLL_INTERVAL: (usize, Duration) = (2, Duration::from_millis(500));

/// The longest time between two polls, in these parts: ten seconds.
const MOST_PARTS: usize = 20;

/// Whether a worker queues for its device, and the slot that it then holds until its last event is logged.
#[derive(Debug)]
pub(super) struct SlotClaim {
    pub(super) queued: bool,
    pub(super) slot: Option<Slot>,
}

impl SlotClaim {
    /// Returns the conditions under which a worker on `device` may start.
    pub(super) fn conditions<'a>(
        &'a mut self,
        home: &'a Home,
        folder: &'a RunFolder,
        others: Vec<RunId>,
        device: &Device,
    ) -> StartConditions<'a> {
        let key = || DeviceKey::here(&device.kind.to_string(), device::pci_slot(device.kind).as_deref());
        StartConditions { home, folder, others, device: self.queued.then(key), slot: &mut self.slot }
    }
}

/// The conditions under which a worker may start.
pub(super) struct StartConditions<'a> {
    home: &'a Home,
    folder: &'a RunFolder,
    /// The runs that have to end first.
    others: Vec<RunId>,
    /// The device on which it needs a slot; `None` to start without one.
    device: Option<DeviceKey>,
    /// The claim's slot, set when the slot is taken.
    slot: &'a mut Option<Slot>,
}

impl StartConditions<'_> {
    /// Waits until the run may start. Returns false if a stop was requested first.
    pub(super) fn wait(self, reporter: &mut RunReporter) -> bool {
        if let Some(device) = &self.device
            && let Err(error) = Queue::of(self.home).record_device(self.folder, device)
        {
            // A warning suffices: only listings of the queue lack the device.
            let message = format!("cannot record the device in {}: {error}", self.folder.queue_file().display());
            reporter.report(Event::Warning { message });
        }
        if !self.wait_for_runs(reporter) {
            return false;
        }
        if let Some(device) = &self.device {
            *self.slot = self.wait_for_slot(device, reporter);
            return self.slot.is_some();
        }
        true
    }

    /// Waits until no worker runs the other runs. Returns false if a stop was requested first.
    fn wait_for_runs(&self, reporter: &mut RunReporter) -> bool {
        for run in &self.others {
            let other = self.home.run(run);
            let mut logged = false;
            while is_active(&other) {
                if !logged {
                    reporter.report(Event::Waiting { run: run.clone() });
                    logged = true;
                }
                if !sleep_until_poll(reporter, POLL_INTERVAL.0, None) {
                    return false;
                }
            }
        }
        true
    }

    /// Waits for a slot of the device. Returns `None` if a stop was requested first.
    fn wait_for_slot(&self, device: &DeviceKey, reporter: &mut RunReporter) -> Option<Slot> {
        let queue = Queue::of(self.home);
        let (mut ticket, mut logged, mut warning): (_, Option<usize>, _) = (None, None, None);
        loop {
            match queue.poll(self.folder, device, &mut ticket) {
                Ok(SlotPoll::Granted(slot)) => return Some(slot),
                Ok(SlotPoll::Wait { ahead }) => {
                    if logged.replace(ahead) != Some(ahead) {
                        reporter.report(Event::Queued { device: device.name.clone(), ahead });
                    }
                }
                Ok(SlotPoll::Busy) if logged.is_none() => {
                    // Several workers were started together, and each holds the queue's lock for a moment.
                    thread::sleep(Duration::from_millis(20));
                    if matches!(reporter.poll_requests(), ControlRequest::None) {
                        continue;
                    }
                }
                Ok(SlotPoll::Busy) => {}
                // The worker waits on. Otherwise two runs would share the device; and a full disk may have space later.
                Err(error) => {
                    let message = format!(
                        "cannot take a slot on {device}: {error}; mien keeps trying; `mien resume --now` starts without a slot"
                    );
                    if warning.as_ref() != Some(&message) {
                        warning = Some(message.clone());
                        reporter.report(Event::Warning { message });
                    }
                }
            }
            if !sleep_until_poll(reporter, parts_before(logged), Some(&mut ticket)) {
                return None;
            }
        }
    }
}

/// Returns the parts between two polls of a run with `ahead` runs before it. Each poll locks the queue and reads all
/// waiting entries: two hundred polls a second took a fifth of a core.
fn parts_before(ahead: Option<usize>) -> usize {
    (POLL_INTERVAL.0 + ahead.unwrap_or(0) / 2).min(MOST_PARTS)
}

/// Sleeps for `parts`, or through a pause. Returns false if a stop was requested. A paused run drops its ticket, so
/// that the runs behind it do not wait; its position in the queue stays.
fn sleep_until_poll(reporter: &mut RunReporter, parts: usize, ticket: Option<&mut Option<Ticket>>) -> bool {
    let (_, part) = POLL_INTERVAL;
    for _ in 0..parts {
        match reporter.poll_requests() {
            ControlRequest::None => thread::sleep(part),
            ControlRequest::Stop => return false,
            ControlRequest::Pause => {
                if let Some(ticket) = ticket {
                    *ticket = None;
                }
                reporter.pause();
                return !matches!(reporter.poll_requests(), ControlRequest::Stop);
            }
        }
    }
    true
}

/// Returns whether a worker runs the run, or is about to start. After a worker has started, only the lock decides, so
/// a run whose worker died is not waited for.
fn is_active(folder: &RunFolder) -> bool {
    folder.worker_alive() || folder.is_starting(now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Recipe, Strategy};

    /// More milliseconds than a worker may take to start.
    const GRACE: u64 = 60_000;

    #[test]
    fn a_run_waits_for_the_one_before_it_and_the_one_it_starts_from() {
        let id = |text| RunId::new(text).expect("an id");
        let mut recipe = Recipe::sample(Strategy::Finetune);
        assert_eq!(recipe.awaited(false), [id("any")]);
        assert!(recipe.awaited(true).is_empty(), "it has what it starts from");
        recipe.after = Some(id("other"));
        assert_eq!(recipe.awaited(false), [id("other"), id("any")]);
        recipe.after = Some(id("any"));
        assert_eq!(recipe.awaited(false), [id("any")]);
        assert!(Recipe::sample(Strategy::Cnn).awaited(false).is_empty());
    }

    #[test]
    fn the_next_run_polls_once_a_second_and_the_last_of_many_every_ten() {
        let table = [(None, 2), (Some(1), 2), (Some(2), 3), (Some(10), 7), (Some(36), 20), (Some(1_000), 20)];
        for (ahead, parts) in table {
            assert_eq!(parts_before(ahead), parts, "{ahead:?}");
        }
    }

    #[test]
    fn a_run_without_a_worker_is_waited_for_only_while_one_may_start() {
        let home = tempfile::tempdir().expect("a folder");
        let home = Home::new(home.path());
        let folder = home.run(&RunId::new("other").expect("an id"));
        assert!(!is_active(&folder), "there is no such run");
        std::fs::create_dir_all(folder.path()).expect("a folder");
        let created = |created_at| Recipe { created_at, ..Recipe::sample(Strategy::Cnn) };
        folder.write_recipe(&created(now())).expect("written");
        assert!(is_active(&folder));
        folder.write_recipe(&created(now() - GRACE)).expect("written");
        assert!(!is_active(&folder));
        folder.write_recipe(&created(now() + GRACE)).expect("written");
        assert!(!is_active(&folder), "the clock was set back since");
        let lock = folder.lock().expect("locked").expect("free");
        assert!(is_active(&folder));
        drop(lock);
        assert!(!is_active(&folder));
    }
}
