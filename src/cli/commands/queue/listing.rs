//! The queue as a table and as JSON. Keys are stable: none is ever renamed.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::expected_time::clock_in;
use crate::cli::table::{Side, Table};
use crate::domain::RunId;
use crate::domain::number_text::ready_at;
use crate::runs::queue::{DeviceListing, Listing, QueuePosition, QueuedRun};
use crate::runs::{Forecast, Job};
use crate::supervise::now;

#[derive(Debug, Serialize)]
pub(super) struct QueueJson<'a> {
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
    /// The expected beginning, in milliseconds since 1970.
    begins_at: Option<u64>,
    /// The latest expected end, in milliseconds since 1970.
    ends_at: Option<u64>,
}

/// The expected times of the runs, in seconds from now.
pub(super) type Forecasts = BTreeMap<RunId, Forecast>;

/// Returns the queue as JSON.
pub(super) fn json<'a>(listing: &'a Listing, forecasts: &Forecasts) -> QueueJson<'a> {
    QueueJson { devices: listing.devices.iter().map(|group| device_json(group, forecasts)).collect() }
}

fn device_json<'a>(group: &'a DeviceListing, forecasts: &Forecasts) -> Device<'a> {
    Device {
        name: group.device.as_ref().map(|device| device.name.as_str()),
        host: group.device.as_ref().map(|device| device.host.as_str()),
        place: group.place.as_deref(),
        slots: group.slots,
        in_use: group.in_use,
        runs: group.runs.iter().map(|run| run_json(run, forecasts)).collect(),
    }
}

fn run_json<'a>(run: &'a QueuedRun, forecasts: &Forecasts) -> Run<'a> {
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
        QueuePosition::Paused | QueuePosition::PausedInSlot => "paused",
        QueuePosition::Starting => "starting",
        QueuePosition::Placed(_) => "placed",
        QueuePosition::Lost { begun: was } => {
            begun = Some(*was);
            "lost"
        }
    };
    let times = forecasts.get(&run.id);
    let begins_at = times.and_then(|of| ready_at(now(), of.begins));
    let ends_at = times.and_then(|of| ready_at(now(), of.ends));
    Run { id: run.id.as_str(), job: run.job.name(), state, ahead, after, begun, begins_at, ends_at }
}

/// Returns a line and a table for each device.
pub(super) fn text(listing: &Listing, forecasts: &Forecasts) -> String {
    let mut parts: Vec<String> = listing.devices.iter().map(|group| device_text(group, forecasts)).collect();
    parts.extend(done_by(listing, forecasts));
    if !listing.lost().is_empty() {
        parts.push("`mien queue restart` starts a new worker for each run that has lost its worker\n".into());
    }
    parts.join("\n")
}

/// Returns the time at which the last run has ended; `None` if none waits or one of all has no known end.
fn done_by(listing: &Listing, forecasts: &Forecasts) -> Option<String> {
    let waits = |run: &&QueuedRun| matches!(run.position, QueuePosition::Waiting { .. } | QueuePosition::WaitsFor(_));
    let runs = || listing.devices.iter().flat_map(|group| &group.runs);
    runs().find(waits)?;
    let ends: Option<Vec<f64>> = runs().map(|run| Some(forecasts.get(&run.id)?.ends)).collect();
    let last = ends?.into_iter().max_by(f64::total_cmp)?;
    Some(format!("all are done by {}, judging by earlier runs\n", clock_in(last)?))
}

fn device_text(group: &DeviceListing, forecasts: &Forecasts) -> String {
    let head = match &group.device {
        Some(device) => format!("{device}: {} of {} slots in use", group.in_use, group.slots),
        None if group.place.is_some() => {
            format!("{}, a place of a cluster", group.place.as_deref().unwrap_or_default())
        }
        None => "device not known yet".into(),
    };
    let mut table = Table::new([
        ("", Side::Right),
        ("RUN", Side::Left),
        ("JOB", Side::Left),
        ("STATE", Side::Left),
        ("BEGINS", Side::Left),
        ("ENDS BY", Side::Left),
    ]);
    let mut number = 0;
    for run in &group.runs {
        let waits = !matches!(
            run.position,
            QueuePosition::Running | QueuePosition::PausedInSlot | QueuePosition::Unqueued | QueuePosition::Lost { .. }
        );
        number += usize::from(waits);
        let number = if waits { number.to_string() } else { String::new() };
        let times = forecasts.get(&run.id);
        let clock = |seconds: Option<f64>| seconds.and_then(clock_in).unwrap_or_else(|| "–".into());
        let begins = times.map(|of| of.begins).filter(|begins| *begins > 0.0);
        let position = position_text(&run.position, run.job);
        let cells = [run.id.to_string(), run.job.to_string(), position, clock(begins), clock(times.map(|of| of.ends))];
        let [id, job, position, begins, ends] = cells;
        table.row(&[number, id, job, position, begins, ends]);
    }
    format!("{head}\n{}", table.render())
}

/// Returns a run's position in words.
fn position_text(position: &QueuePosition, job: Job) -> String {
    match (position, job) {
        (QueuePosition::Running, Job::Train) => "running".into(),
        (QueuePosition::Running, Job::Evaluate) => "being tested".into(),
        (QueuePosition::PausedInSlot, _) => "paused, keeps its slot".into(),
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
