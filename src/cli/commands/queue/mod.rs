//! `queue`: prints and changes the order in which runs use each device.

mod listing;

use clap::{ArgGroup, Args, Subcommand};

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArgument};
use crate::cli::{gpu, output};
use crate::domain::{DeviceRequest, RunId};
use crate::runs::queue::{DeviceKey, QueueMove};
use crate::runs::{Queue as RunQueue, RunStore};
use crate::supervise;

/// Show who uses each device and who waits for it; change the order, bring back what has lost its worker
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Queue {
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
        #[command(flatten)]
        run: RunArgument,
    },
}

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line, one of which is given")]
#[command(group = ArgGroup::new("to").required(true))]
struct Move {
    #[command(flatten)]
    run: RunArgument,
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

impl Queue {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = &invocation.open_home()?;
        match self.command {
            None => list(store, self.output),
            Some(QueueCommand::Move(arguments)) => move_run(store, &arguments),
            Some(QueueCommand::Slots { device, slots, output }) => print_slots(store, &device, slots, output),
            Some(QueueCommand::Restart { runs, output }) => restart(store, &runs, output),
            Some(QueueCommand::Forget { run }) => forget(store, &run),
        }
    }
}

fn list(store: &RunStore, Output { json }: Output) -> Result<Exit, CommandError> {
    let listing = RunQueue::of(store.home())
        .list(supervise::now())
        .map_err(|source| CommandError::List { folder: store.home().checkpoints(), source })?;
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

fn move_run(store: &RunStore, arguments: &Move) -> Result<Exit, CommandError> {
    let id = arguments.run.find(store)?;
    let to = match (&arguments.before, &arguments.after) {
        (Some(other), _) => QueueMove::Before(store.find(other)?),
        (_, Some(other)) => QueueMove::After(store.find(other)?),
        _ if arguments.first => QueueMove::First,
        _ if arguments.last => QueueMove::Last,
        _ if arguments.up => QueueMove::Up,
        _ => QueueMove::Down,
    };
    let (place, of) = RunQueue::of(store.home()).move_run(&id, &to)?;
    if arguments.output.json {
        return list(store, arguments.output);
    }
    output::line(&format!("{id} is number {place} of {of} that wait"))?;
    Ok(Exit::Done)
}

/// Sets the number of runs that use a device at once, if one is given, and prints it.
fn print_slots(store: &RunStore, name: &str, wanted: Option<usize>, output: Output) -> Result<Exit, CommandError> {
    let queue = RunQueue::of(store.home());
    let device = device(&queue, name)?;
    if let Some(slots) = wanted {
        queue.set_slots(&device, slots)?;
    }
    let slots = queue.slots(&device)?;
    let object = serde_json::json!({"device": device.name, "host": device.host, "slots": slots});
    let runs = if slots == 1 { "one run uses it".to_owned() } else { format!("{slots} runs use it") };
    output.print(&object, || format!("{device}: {runs} at a time\n"))?;
    Ok(Exit::Done)
}

/// The device of this machine with this name.
fn device(queue: &RunQueue, name: &str) -> Result<DeviceKey, CommandError> {
    let request: DeviceRequest = name.parse()?;
    let name = request.to_string();
    match request {
        DeviceRequest::Auto => Err(CommandError::Usage("auto is no device of the queue: give cpu, or cuda:N".into())),
        DeviceRequest::Cpu => Ok(DeviceKey::here(&name, None)),
        DeviceRequest::Cuda(ordinal) => {
            // One that cannot be asked, or not by this build, may still be known from the runs that used it.
            let listing = queue.list(supervise::now()).unwrap_or_default();
            let mut known = listing.devices.into_iter().filter_map(|group| group.device);
            gpu::queue_key(ordinal).or_else(|reason| {
                let known = known.find(|device| device.is_local() && device.name == name);
                known.ok_or_else(|| CommandError::Failure(format!("cannot tell which device {name} is: {reason}")))
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

fn forget(store: &RunStore, run: &RunArgument) -> Result<Exit, CommandError> {
    let id = run.find(store)?;
    supervise::forget(store, &id)?;
    output::line(&format!("{id} is out of the queue: `mien resume {id}` goes on with it"))?;
    Ok(Exit::Done)
}
