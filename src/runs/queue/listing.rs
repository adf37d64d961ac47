//! The queue for people: by device, the running runs, the waiting ones in order with reasons, and the lost ones.

use std::io;

use rayon::prelude::*;

use super::Queue;
use super::device::{DeviceKey, this_host};
use super::entry::Entry;
use crate::domain::{DeviceRequest, RunId};
use crate::runs::followed::FollowedRun;
use crate::runs::job::Job;
use crate::runs::job_report::PlacedJob;
use crate::runs::placement::Liveness;
use crate::runs::store::RunStore;
use crate::runs::summary::Summary;

/// The position of a run in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueuePosition {
    /// The run has a slot.
    Running,
    /// The run has a slot, and keeps it while it is paused.
    PausedInSlot,
    /// The run is running without a slot, by `--now`.
    Unqueued,
    /// The run waits for a slot.
    Waiting {
        /// The number of runs ahead: running, or waiting at earlier positions.
        ahead: usize,
    },
    /// The run waits for another run to end and blocks no run.
    WaitsFor(RunId),
    /// The run is paused and blocks no run.
    Paused,
    /// Its worker has not started yet.
    Starting,
    /// The run was handed to a cluster, with the words on its job.
    Placed(String),
    /// Its worker is gone.
    Lost {
        /// Whether it was running; otherwise it was waiting.
        begun: bool,
    },
}

impl QueuePosition {
    /// Returns the rank in a list: running, waiting, lost.
    fn rank(&self) -> u8 {
        match self {
            Self::Running | Self::PausedInSlot => 0,
            Self::Unqueued => 1,
            Self::Lost { .. } => 3,
            _ => 2,
        }
    }
}

/// A run in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedRun {
    /// The run.
    pub id: RunId,
    /// The job of its worker.
    pub job: Job,
    /// Its position.
    pub position: QueuePosition,
}

/// A device with its running and waiting runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceListing {
    /// The device; `None` for runs whose workers have not chosen one yet.
    pub device: Option<DeviceKey>,
    /// The place of a cluster that is meant instead of a device.
    pub place: Option<String>,
    /// The number of runs that may use it at once.
    pub slots: usize,
    /// The number of slots in use.
    pub in_use: usize,
    /// Its runs: running ones, waiting ones in order, lost ones in order.
    pub runs: Vec<QueuedRun>,
}

/// The whole queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The runs by device.
    pub devices: Vec<DeviceListing>,
    /// Errors of reading, as messages.
    pub complaints: Vec<String>,
}

impl Queue {
    /// Reads the queue at `now`, in milliseconds since 1970. Takes no lock and writes nothing.
    ///
    /// # Errors
    /// If the folder of runs cannot be listed.
    pub fn list(&self, now: u64) -> io::Result<Listing> {
        let store = RunStore::new(self.home.clone());
        let entries = self.entries()?;
        let mut ids = store.ids()?;
        ids.sort();
        let mut listing = Listing::default();
        for id in &ids {
            if let Err(error) = store.folder(id).queue_entry() {
                listing.complaints.push(format!("{id}: {error}"));
            }
        }
        let queued: Vec<(Option<DeviceKey>, QueuedRun)> =
            entries.par_iter().filter_map(|(id, entry)| queued(&store, id, entry, now)).collect();
        let listed = |id: &RunId| entries.iter().any(|(other, _)| other == id);
        let unqueued: Vec<_> = ids.par_iter().filter(|id| !listed(id)).filter_map(|id| unqueued(&store, id)).collect();
        for (device, run) in queued {
            match store.folder(&run.id).placed_job() {
                Some(job) => listing.put_on_place(&job, run),
                None => listing.put(device, run),
            }
        }
        for (name, run) in unqueued {
            let named = |device: &&DeviceKey| device.is_local() && Some(&device.name) == name.as_ref();
            let known = listing.devices.iter().filter_map(|group| group.device.as_ref()).find(named).cloned();
            listing.put(known.or_else(|| Some(DeviceKey::here(name.as_ref()?, None))), run);
        }
        for group in &mut listing.devices {
            group.runs.sort_by_key(|run| run.position.rank());
            if let Some(device) = &group.device {
                group.in_use = self.in_use(device);
                group.slots = self.slots(device).unwrap_or_else(|error| {
                    listing.complaints.push(error.to_string());
                    1
                });
                self.count_ahead(device, group.in_use, &mut group.runs);
            }
        }
        listing.devices.sort_by(|one, other| one.device.cmp(&other.device));
        Ok(listing)
    }

    /// Recounts the runs ahead of each run: the runs' own reports are up to a second old.
    fn count_ahead(&self, device: &DeviceKey, in_use: usize, runs: &mut [QueuedRun]) {
        let line = self.waiting_runs(device);
        let mut before = in_use;
        for run in runs.iter_mut().filter(|run| line.contains(&run.id)) {
            if matches!(
                run.position,
                QueuePosition::Waiting { .. } | QueuePosition::Starting | QueuePosition::WaitsFor(_)
            ) {
                run.position = QueuePosition::Waiting { ahead: before };
                before += 1;
            }
        }
    }
}

impl Listing {
    fn put(&mut self, device: Option<DeviceKey>, run: QueuedRun) {
        match self
            .devices
            .iter_mut()
            .find(|group| group.place.is_none() && same(group.device.as_ref(), device.as_ref()))
        {
            Some(group) => group.runs.push(run),
            None => self.devices.push(DeviceListing { device, place: None, slots: 1, in_use: 0, runs: vec![run] }),
        }
    }

    fn put_on_place(&mut self, job: &PlacedJob, run: QueuedRun) {
        let place = job.placement.place.clone().unwrap_or_else(|| job.placement.launcher.clone());
        if let Some(group) = self.devices.iter_mut().find(|group| group.place.as_ref() == Some(&place)) {
            group.runs.push(run);
        } else {
            let group = DeviceListing { device: None, place: Some(place), slots: 0, in_use: 0, runs: vec![run] };
            self.devices.push(group);
        }
    }

    /// Returns the number of runs that are running or will be without further action.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.devices.iter().map(|group| group.runs.len()).sum::<usize>() - self.lost().len()
    }

    /// Returns the runs with a pending job and without a worker, in their order.
    #[must_use]
    pub fn lost(&self) -> Vec<&QueuedRun> {
        let runs = self.devices.iter().flat_map(|group| &group.runs);
        runs.filter(|run| matches!(run.position, QueuePosition::Lost { .. })).collect()
    }
}

fn queued(store: &RunStore, id: &RunId, entry: &Entry, now: u64) -> Option<(Option<DeviceKey>, QueuedRun)> {
    let folder = store.folder(id);
    let alive = folder.worker_alive();
    let run = store.summary(id).ok();
    let placed = run.as_ref().and_then(FollowedRun::job_words);
    let active = run.as_ref().is_some_and(|run| run.state(now).is_active());
    let summary = run.map(|run| run.summary);
    let position = match (alive, &summary) {
        (true, _) if placed.is_some() => QueuePosition::Placed(placed.unwrap_or_default()),
        (false, _) if folder.job_is_over(entry) => return None,
        (false, Some(_)) if active => QueuePosition::Starting,
        (false, _) => QueuePosition::Lost { begun: entry.begun },
        (true, Some(summary)) if entry.begun && summary.paused => QueuePosition::PausedInSlot,
        (true, _) if entry.begun => QueuePosition::Running,
        (true, Some(summary)) => waiting(summary),
        (true, None) => QueuePosition::Starting,
    };
    let asked = || summary.as_ref().and_then(|summary| implied_device(summary.recipe.device));
    let device = entry.device.clone().or_else(asked);
    Some((device, QueuedRun { id: id.clone(), job: entry.job, position }))
}

fn same(one: Option<&DeviceKey>, other: Option<&DeviceKey>) -> bool {
    one.map(|device| (&device.host, &device.key)) == other.map(|device| (&device.host, &device.key))
}

fn waiting(summary: &Summary) -> QueuePosition {
    match (&summary.waiting_for, &summary.slot_wait) {
        _ if summary.paused => QueuePosition::Paused,
        (Some(other), _) => QueuePosition::WaitsFor(other.clone()),
        (None, Some(wait)) => QueuePosition::Waiting { ahead: wait.ahead },
        (None, None) => QueuePosition::Starting,
    }
}

/// Returns a run that is running without having been in the queue, with its device's name.
fn unqueued(store: &RunStore, id: &RunId) -> Option<(Option<String>, QueuedRun)> {
    // Runs of unknown liveness are omitted: otherwise every ended run would be listed.
    if !matches!(store.folder(id).liveness(), Liveness::Alive | Liveness::Submitted) {
        return None;
    }
    let summary = store.summary(id).ok()?.summary;
    let device = summary.device.as_ref().map(|device| device.name.clone());
    let position = match &summary.waiting_for {
        Some(other) => QueuePosition::WaitsFor(other.clone()),
        None => QueuePosition::Unqueued,
    };
    Some((device, QueuedRun { id: id.clone(), job: Job::Train, position }))
}

/// Returns the device that a request implies with certainty, before a worker has chosen it.
fn implied_device(request: DeviceRequest) -> Option<DeviceKey> {
    (request == DeviceRequest::Cpu).then(|| DeviceKey { host: this_host(), key: "cpu".into(), name: "cpu".into() })
}
