//! `queue`: who uses each device, who waits for it and in which order; `--now`, by which a run does not queue.

mod listing;

use clap::{ArgGroup, Args, Subcommand};

use super::arguments::Output;
use super::exit::{CommandError, Exit};
use super::{gpu, output};
use crate::domain::{DeviceRequest, RunId, UnknownName};
use crate::runs::queue::{DeviceKey, QueueMove};
use crate::runs::{Queue, RunStore};
use crate::supervise::{self, LaunchTime};

/// Whether a run queues.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Turn {
    /// Begin at once instead of in turn, whoever is at work on the device; runs that it depends on are still waited for
    #[arg(long)]
    now: bool,
}

impl Turn {
    pub(super) fn when(self) -> LaunchTime {
        if self.now { LaunchTime::Now } else { LaunchTime::Queued }
    }
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct QueueArguments {
    #[command(subcommand)]
    command: Option<QueueCommand>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// Move a waiting run among those that wait for the same device
    Move(Move),
    /// Let N runs use a device at once, or print how many may
    ///
    /// Fewer than are at work end none of them: the next one begins when there is room.
    Slots {
        /// cpu, cuda:0, …: a device of this machine
        device: String,
        /// How many (1 to 64)
        #[arg(value_name = "N")]
        slots: Option<usize>,
        #[command(flatten)]
        output: Output,
    },
    /// Start a worker for each run of the queue that has lost its own, in order, or for those named
    ///
    /// After a crash or a power cut: what was at work goes on from its last checkpoint, what was waiting waits on.
    Restart {
        /// Ids, beginnings of ids, or `latest` [default: all that have lost their workers]
        runs: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Take a run out of the queue that has lost its worker; `resume` still goes on with it
    Forget {
        /// Id, beginning of an id, or `latest`
        run: String,
    },
}

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line, one of which is given")]
#[command(group = ArgGroup::new("to").required(true))]
struct Move {
    /// Id, beginning of an id, or `latest`
    run: String,
    /// Before all others
    #[arg(long, group = "to")]
    first: bool,
    /// Behind all others
    #[arg(long, group = "to")]
    last: bool,
    /// One place forward
    #[arg(long, group = "to")]
    up: bool,
    /// One place back
    #[arg(long, group = "to")]
    down: bool,
    /// Right before this run
    #[arg(long, group = "to", value_name = "RUN")]
    before: Option<String>,
    /// Right behind this run
    #[arg(long, group = "to", value_name = "RUN")]
    after: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// `queue`.
pub(super) fn run(store: &RunStore, arguments: &QueueArguments) -> Result<Exit, CommandError> {
    match &arguments.command {
        None => list(store, arguments.output),
        Some(QueueCommand::Move(wanted)) => change_order(store, wanted),
        Some(QueueCommand::Slots { device, slots, output }) => self::slots(store, device, *slots, *output),
        Some(QueueCommand::Restart { runs, output }) => restart(store, runs, *output),
        Some(QueueCommand::Forget { run }) => forget(store, run),
    }
}

fn list(store: &RunStore, Output { json }: Output) -> Result<Exit, CommandError> {
    let folder = || store.home().checkpoints();
    let listing = Queue::of(store.home())
        .list(supervise::now())
        .map_err(|source| CommandError::List { folder: folder(), source })?;
    if json {
        output::json(&listing::json(&listing))?;
    } else if listing.devices.is_empty() {
        output::note("nothing is at work and nothing waits");
    } else {
        output::print(&listing::text(&listing))?;
    }
    listing.complaints.iter().for_each(|complaint| output::complain(complaint));
    Ok(Exit::Done)
}

fn change_order(store: &RunStore, wanted: &Move) -> Result<Exit, CommandError> {
    let id = store.find(&wanted.run)?;
    let to = match (&wanted.before, &wanted.after) {
        (Some(other), _) => QueueMove::Before(store.find(other)?),
        (_, Some(other)) => QueueMove::After(store.find(other)?),
        _ if wanted.first => QueueMove::First,
        _ if wanted.last => QueueMove::Last,
        _ if wanted.up => QueueMove::Up,
        _ => QueueMove::Down,
    };
    let (place, of) = Queue::of(store.home()).move_run(&id, &to)?;
    if wanted.output.json {
        return list(store, wanted.output);
    }
    output::line(&format!("{id} is number {place} of {of} that wait"))?;
    Ok(Exit::Done)
}

fn slots(store: &RunStore, name: &str, wanted: Option<usize>, output: Output) -> Result<Exit, CommandError> {
    let queue = Queue::of(store.home());
    let device = device(&queue, name)?;
    if let Some(slots) = wanted {
        queue.set_slots(&device, slots)?;
    }
    let slots = queue.slots(&device)?;
    if output.json {
        output::json(&serde_json::json!({"device": device.name, "host": device.host, "slots": slots}))?;
    } else {
        let runs = if slots == 1 { "one run uses it".to_owned() } else { format!("{slots} runs use it") };
        output::line(&format!("{device}: {runs} at a time"))?;
    }
    Ok(Exit::Done)
}

/// The device of this machine that is called so.
fn device(queue: &Queue, name: &str) -> Result<DeviceKey, CommandError> {
    let request: DeviceRequest = name.parse().map_err(|error: UnknownName| CommandError::Usage(error.to_string()))?;
    let name = request.to_string();
    match request {
        DeviceRequest::Auto => Err(CommandError::Usage("which device: cpu, or cuda:0?".into())),
        DeviceRequest::Cpu => Ok(DeviceKey::here(&name, None)),
        DeviceRequest::Cuda(ordinal) => {
            // One that cannot be asked, or not by this build, may still be known from the runs that used it.
            let listing = queue.list(supervise::now()).unwrap_or_default();
            let mut known = listing.devices.into_iter().filter_map(|group| group.device);
            gpu::queue_key(ordinal).or_else(|reason| {
                let known = known.find(|device| device.is_local() && device.name == name);
                known.ok_or_else(|| CommandError::Words(format!("cannot tell which device {name} is: {reason}")))
            })
        }
    }
}

fn restart(store: &RunStore, queries: &[String], Output { json }: Output) -> Result<Exit, CommandError> {
    if !supervise::can_train() {
        return Err(supervise::LaunchError::NoTrainer.into());
    }
    let only = queries.iter().map(|query| store.find(query)).collect::<Result<Vec<RunId>, _>>()?;
    let restarted = supervise::restart(store, &only)?;
    let mut exit = Exit::Done;
    for run in &restarted {
        match &run.result {
            Ok(()) if !json => output::line(&format!("{} has a worker again", run.id))?,
            Ok(()) => {}
            Err(error) => {
                output::complain(&format!("{}: {error}", run.id));
                exit = Exit::Failed;
            }
        }
    }
    if json {
        let ids: Vec<&str> = restarted.iter().filter(|run| run.result.is_ok()).map(|run| run.id.as_str()).collect();
        output::json(&serde_json::json!({ "restarted": ids }))?;
    } else if restarted.is_empty() {
        output::note("no run of the queue has lost its worker");
    }
    Ok(exit)
}

fn forget(store: &RunStore, query: &str) -> Result<Exit, CommandError> {
    let id = store.find(query)?;
    supervise::forget(store, &id)?;
    output::line(&format!("{id} is out of the queue: `mien resume {id}` goes on with it"))?;
    Ok(Exit::Done)
}
