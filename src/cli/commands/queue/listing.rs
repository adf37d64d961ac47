//! The queue as a table and as JSON. Keys are stable: none is ever renamed.

use serde::Serialize;

use crate::cli::table::{Side, Table};
use crate::runs::Job;
use crate::runs::queue::{DeviceListing, Listing, QueuePosition, QueuedRun};

#[derive(Debug, Serialize)]
pub(super) struct Whole<'a> {
    devices: Vec<Device<'a>>,
}

#[derive(Debug, Serialize)]
struct Device<'a> {
    #[serde(rename = "device")]
    name: Option<&'a str>,
    host: Option<&'a str>,
    /// The place of a cluster, which has no device and no slots here.
    place: Option<&'a str>,
    slots: usize,
    in_use: usize,
    runs: Vec<Run<'a>>,
}

#[derive(Debug, Serialize)]
struct Run<'a> {
    id: &'a str,
    job: &'a str,
    /// `at_work`, `beside`, `waiting`, `paused`, `starting`, `lost`, `placed`.
    state: &'a str,
    /// The number of runs before it, if it waits for a slot.
    ahead: Option<usize>,
    /// The run for whose end it waits.
    after: Option<&'a str>,
    /// Whether it had begun, if it is lost.
    begun: Option<bool>,
}

/// Returns the queue as JSON.
pub(super) fn json(listing: &Listing) -> Whole<'_> {
    Whole { devices: listing.devices.iter().map(device_json).collect() }
}

fn device_json(group: &DeviceListing) -> Device<'_> {
    Device {
        name: group.device.as_ref().map(|device| device.name.as_str()),
        host: group.device.as_ref().map(|device| device.host.as_str()),
        place: group.place.as_deref(),
        slots: group.slots,
        in_use: group.in_use,
        runs: group.runs.iter().map(run_json).collect(),
    }
}

fn run_json(run: &QueuedRun) -> Run<'_> {
    let (mut ahead, mut after, mut begun) = (None, None, None);
    let state = match &run.position {
        QueuePosition::Running => "at_work",
        QueuePosition::Unqueued => "beside",
        QueuePosition::Waiting { ahead: runs } => {
            ahead = Some(*runs);
            "waiting"
        }
        QueuePosition::WaitsFor(other) => {
            after = Some(other.as_str());
            "waiting"
        }
        QueuePosition::Paused => "paused",
        QueuePosition::Starting => "starting",
        QueuePosition::Placed(_) => "placed",
        QueuePosition::Lost { begun: was } => {
            begun = Some(*was);
            "lost"
        }
    };
    Run { id: run.id.as_str(), job: run.job.name(), state, ahead, after, begun }
}

/// Returns a line and a table for each device.
pub(super) fn text(listing: &Listing) -> String {
    let mut parts: Vec<String> = listing.devices.iter().map(device_text).collect();
    if !listing.lost().is_empty() {
        parts.push("`mien queue restart` starts a new worker for each run that has lost its worker\n".into());
    }
    parts.join("\n")
}

fn device_text(group: &DeviceListing) -> String {
    let head = match &group.device {
        Some(device) => format!("{device}: {} of {} slots in use", group.in_use, group.slots),
        None if group.place.is_some() => {
            format!("{}, a place of a cluster", group.place.as_deref().unwrap_or_default())
        }
        None => "device not known yet".into(),
    };
    let mut table = Table::new([("", Side::Right), ("RUN", Side::Left), ("JOB", Side::Left), ("STATE", Side::Left)]);
    let mut number = 0;
    for run in &group.runs {
        let waits =
            !matches!(run.position, QueuePosition::Running | QueuePosition::Unqueued | QueuePosition::Lost { .. });
        number += usize::from(waits);
        let number = if waits { number.to_string() } else { String::new() };
        table.row(&[number, run.id.to_string(), run.job.to_string(), position_text(&run.position, run.job)]);
    }
    format!("{head}\n{}", table.render())
}

/// Returns a run's position in words.
fn position_text(position: &QueuePosition, job: Job) -> String {
    match (position, job) {
        (QueuePosition::Running, Job::Train) => "running".into(),
        (QueuePosition::Running, Job::Evaluate) => "being tested".into(),
        (QueuePosition::Unqueued, _) => "running outside the queue".into(),
        (QueuePosition::Waiting { ahead: 0 }, _) => "waits for a slot".into(),
        (QueuePosition::Waiting { ahead }, _) => format!("waits, {ahead} ahead"),
        (QueuePosition::WaitsFor(other), _) => format!("waits for {other} to end"),
        (QueuePosition::Paused, _) => "paused".into(),
        (QueuePosition::Starting, _) => "starting".into(),
        (QueuePosition::Placed(words), _) => words.clone(),
        (QueuePosition::Lost { begun: true }, _) => "was running, has lost its worker".into(),
        (QueuePosition::Lost { begun: false }, _) => "was waiting, has lost its worker".into(),
    }
}
