//! `queue`: prints and changes the order in which runs use each device.

mod listing;

use clap::{ArgGroup, Args, Subcommand};

use crate::cli::exit::{CommandError, Exit};
use crate::cli::expected_time::seconds_left;
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArgument, whole_number};
use crate::cli::run_list::read_runs;
use crate::cli::{gpu, output};
use crate::domain::text::printable;
use crate::domain::{DeviceRequest, RunId, RunState};
use crate::runs::queue::{DeviceKey, Listing, MAX_SLOTS, QueueMove};
use crate::runs::{Queue as RunQueue, RunStore, Summary, forecast};
use crate::supervise;

/// Show which runs use each device and which wait; change their order, restart runs that have lost their workers
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, visible_alias = "ps")]
pub(in crate::cli) struct Queue {
    #[command(subcommand)]
    command: Option<QueueCommand>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// Move a waiting run among the runs that wait for the same device
    Move(Move),
    /// Set how many runs use a device at once, or print the number
    ///
    /// A smaller number ends no run: the next one starts when fewer than N runs use the device.
    Slots {
        /// cpu, cuda:0, …: a device of this machine
        device: String,
        /// The number of runs (1 to 64)
        #[arg(value_name = "N", value_parser = whole_number::<usize>(1, MAX_SLOTS as u64), allow_negative_numbers = true)]
        slots: Option<usize>,
        #[command(flatten)]
        output: Output,
    },
    /// Start new workers, in order, for all runs of the queue that have lost their workers, or for the named ones
    ///
    /// After a crash or a power cut, runs that were training resume from their last checkpoint, and waiting ones wait
    /// again.
    Restart {
        /// Ids, beginnings of ids, or `latest` [default: all that have lost their workers]
        runs: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Remove a run that has lost its worker from the queue; `resume` can still continue it
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
    /// After all others
    #[arg(long, group = "to")]
    last: bool,
    /// Forward by one position
    #[arg(long, group = "to")]
    up: bool,
    /// Back by one position
    #[arg(long, group = "to")]
    down: bool,
    /// Right before this run
    #[arg(long, group = "to", value_name = "RUN")]
    before: Option<String>,
    /// Right after this run
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
    if let Some(problem) = supervise::slurm::refresh(store) {
        output::print_error(&problem);
    }
    let listing = RunQueue::of(store.home())
        .list(supervise::now())
        .map_err(|source| CommandError::List { folder: store.home().checkpoints(), source })?;
    let forecasts = forecasts(store, &listing)?;
    if json {
        output::json(&listing::json(&listing, &forecasts))?;
    } else if listing.devices.is_empty() {
        output::note("no run uses a device or waits for one");
    } else {
        output::print(&listing::text(&listing, &forecasts))?;
    }
    listing.complaints.iter().for_each(|complaint| output::print_error(complaint));
    Ok(Exit::Done)
}

/// Returns the expected times of the runs in the queue.
fn forecasts(store: &RunStore, listing: &Listing) -> Result<listing::Forecasts, CommandError> {
    let (runs, _) = read_runs(store)?;
    let earlier: Vec<&Summary> = runs.iter().map(|run| run.summary.as_ref()).collect();
    let queued = listing.devices.iter().flat_map(|group| &group.runs);
    let active: Vec<(&Summary, RunState)> = queued
        .filter_map(|queued| runs.iter().find(|run| run.summary.id == queued.id))
        .map(|run| (run.summary.as_ref(), run.state(supervise::now())))
        .filter(|(_, state)| state.is_active())
        .collect();
    Ok(forecast(&active, |run| seconds_left(store, &earlier, run), supervise::now()))
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
    let (position, of) = RunQueue::of(store.home()).move_run(&id, &to)?;
    if arguments.output.json {
        return list(store, arguments.output);
    }
    output::line(&format!("{id} is number {position} of {of} waiting runs"))?;
    Ok(Exit::Done)
}

/// Sets the number of runs that use a device at once, if `wanted` gives one, and prints the number.
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

/// Returns the device of this machine with this name.
fn device(queue: &RunQueue, name: &str) -> Result<DeviceKey, CommandError> {
    let request = name.parse().unwrap_or(DeviceRequest::Auto);
    let given = printable(name);
    let name = request.to_string();
    match request {
        DeviceRequest::Auto => Err(CommandError::Usage(format!(
            "'{given}' is not a device of the queue: give cpu, or a GPU by its number, such as cuda:0"
        ))),
        DeviceRequest::Cpu => Ok(DeviceKey::here(&name, None)),
        DeviceRequest::Cuda(ordinal) => {
            // A device that this build cannot use may still be known from runs that used it.
            let listing = queue.list(supervise::now()).unwrap_or_default();
            let mut known = listing.devices.into_iter().filter_map(|group| group.device);
            gpu::queue_key(ordinal).or_else(|reason| {
                let known = known.find(|device| device.is_local() && device.name == name);
                known.ok_or_else(|| CommandError::Failure(format!("cannot find the device {name}: {reason}")))
            })
        }
    }
}

fn restart(store: &RunStore, queries: &[String], Output { json }: Output) -> Result<Exit, CommandError> {
    let only = queries.iter().map(|query| store.find(query)).collect::<Result<Vec<RunId>, _>>()?;
    let restarted = supervise::restart(store, &only)?;
    let mut exit = Exit::Done;
    for run in &restarted {
        match &run.result {
            Ok(()) if !json => output::line(&format!("restarted {}", run.id))?,
            Ok(()) => {}
            Err(error) => {
                output::print_error(&format!("{}: {error}", run.id));
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
    output::line(&format!("removed {id} from the queue: `mien resume {id}` continues it"))?;
    Ok(Exit::Done)
}
