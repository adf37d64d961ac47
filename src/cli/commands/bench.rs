//! `bench`: checks the results of a device and measures its speed, on made-up inputs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::{Args, Subcommand};

use crate::bench::{BenchError, Finding, agree, ceilings, layers, step};
use crate::cli::bases;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, whole_number};
use crate::cli::output;
use crate::domain::{Arrays, DeviceRequest, NetworkName, Precision, StageName, Strategy, WeightsName};
use crate::model::device::{self, Device};
use crate::runs::Home;
use crate::weights::Weights;
use crate::worker::fault::{self, PanicOutput};
use crate::worker::kernels::{self, KernelCacheStatus};

/// Check and measure a device on made-up inputs
#[derive(Debug, Args)]
pub(in crate::cli) struct Bench {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Compare a device with the CPU: the same weights, batch and seed on both. Exit code 1 if a check fails
    ///
    /// Checks the forward pass, the loss and every gradient of each strategy's networks, ten training steps,
    /// augmentation, and reading back. With `--device cpu`, mien's kernels are compared with burn's operations.
    Agree {
        #[command(flatten)]
        on: DeviceOptions,
        /// Images in a batch
        #[arg(long, value_name = "N", value_parser = whole_number::<usize>(1, u64::MAX))]
        batch: Option<usize>,
        /// Pixels along a side, for the strategies with a base
        #[arg(long, value_name = "N", value_parser = whole_number::<usize>(1, u64::MAX))]
        size: Option<usize>,
        /// Imported weights of VGG16 [default: random ones]
        #[arg(long, value_name = "NAME")]
        weights: Option<WeightsName>,
        /// Seed of weights, inputs and labels
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole_number::<u64>(0, u64::MAX))]
        seed: u64,
        /// Precision of the device's convolutions, f32 or bf16; the CPU's is f32
        #[arg(long, value_parser = precision, default_value = "f32")]
        precision: Precision,
    },
    /// Measure training steps
    Step {
        #[command(flatten)]
        on: DeviceOptions,
        /// cnn, features or finetune
        #[arg(long, value_parser = strategy)]
        strategy: Strategy,
        /// The network of cnn, which must be one that is trained from scratch
        #[arg(long, value_name = "NAME", value_parser = |text: &str| NetworkName::try_from(text.to_owned()))]
        network: Option<NetworkName>,
        /// Images in a batch
        #[arg(long, value_name = "N", default_value_t = 64, value_parser = whole_number::<usize>(1, u64::MAX))]
        batch: usize,
        /// Pixels along a side; by default 48 for cnn, else 224
        #[arg(long, value_name = "N", value_parser = whole_number::<usize>(1, u64::MAX))]
        size: Option<usize>,
        /// Steps to measure
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = whole_number::<u32>(1, u64::MAX))]
        steps: u32,
        /// Steps between the first and the measured ones
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole_number::<u32>(0, u64::MAX))]
        warm_up: u32,
        /// The lowest stage that fine-tuning trains
        #[arg(long, value_name = "STAGE", default_value = "block5")]
        unfreeze: StageName,
        /// Precision of convolutions, f32 or bf16
        #[arg(long, value_parser = precision, default_value = "f32")]
        precision: Precision,
    },
    /// Measure each convolution of VGG16, forward and with its gradients
    Layers {
        #[command(flatten)]
        on: DeviceOptions,
        /// Images in a batch; by default 64 on a GPU, 4 on the CPU
        #[arg(long, value_name = "N", value_parser = whole_number::<usize>(1, u64::MAX))]
        batch: Option<usize>,
        /// Pixels along a side; by default 224 on a GPU, 64 on the CPU
        #[arg(long, value_name = "N", value_parser = whole_number::<usize>(1, u64::MAX))]
        size: Option<usize>,
        /// Precision of the convolutions, f32 or bf16
        #[arg(long, value_parser = precision, default_value = "f32")]
        precision: Precision,
        /// Passes in each of five measurements
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole_number::<u32>(1, u64::MAX))]
        repeats: u32,
    },
    /// Measure the speed of matrix products and of memory
    Ceilings {
        #[command(flatten)]
        on: DeviceOptions,
        /// Rows and columns of the matrices
        #[arg(long, value_name = "N", value_parser = whole_number::<usize>(1, u64::MAX))]
        size: Option<usize>,
        /// Mebibytes to read and write
        #[arg(long, value_name = "N", value_parser = whole_number::<usize>(1, u64::MAX))]
        mebibytes: Option<usize>,
    },
}

#[derive(Debug, Args)]
struct DeviceOptions {
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: DeviceRequest,
    #[command(flatten)]
    output: Output,
}

impl Bench {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        match self.command {
            BenchCommand::Agree { on, batch, size, weights, seed, precision } => {
                let weights = weights.map(|name| base(store.home(), &name)).transpose()?;
                let options = agree::Options { batch, size, weights, seed, precision };
                let holds = on.print_findings(batch, |device, print| agree::agree(device, &options, print))?;
                Ok(Exit::done_if(holds))
            }
            BenchCommand::Step { on, strategy, network, batch, size, steps, warm_up, unfreeze, precision } => {
                let size = size.unwrap_or(if strategy.is_from_scratch() { 48 } else { 224 });
                let options = step::Options { strategy, network, batch, size, steps, warm_up, unfreeze, precision };
                on.print_findings(Some(batch), |device, print| step::step(device, &options, print)).map(|()| Exit::Done)
            }
            BenchCommand::Layers { on, batch, size, precision, repeats } => {
                let options = layers::Options { batch, size, precision, repeats };
                on.print_findings(batch, |device, print| layers::layers(device, options, print)).map(|()| Exit::Done)
            }
            BenchCommand::Ceilings { on, size, mebibytes } => {
                let options = ceilings::Options { size, mebibytes };
                on.print_findings(None, |device, print| ceilings::ceilings(device, options, print)).map(|()| Exit::Done)
            }
        }
    }
}

impl DeviceOptions {
    /// Acts on the device with batches of `batch` images, and prints each finding at once.
    fn print_findings<T>(
        &self,
        batch: Option<usize>,
        act: impl FnOnce(&Device, &mut dyn FnMut(Finding)) -> Result<T, BenchError>,
    ) -> Result<T, CommandError> {
        let device = device::choose(self.device)?;
        device.note.iter().for_each(|note| output::note(&format!("mien: using the CPU: {note}")));
        match kernels::open_cache(device.kind).and_then(|cache| cache.status) {
            Some(KernelCacheStatus::FirstStart) => {
                let of = device.kind;
                output::note(&format!("mien: compiling and tuning kernels for {of}: the first start takes a while"));
            }
            Some(KernelCacheStatus::Unavailable(reason)) => output::note(&format!("mien: {reason}")),
            None => {}
        }
        let mut printed = Ok(());
        let mut print = |finding: Finding| {
            if printed.is_ok() {
                printed = if self.output.json { output::record(&finding) } else { output::line(&finding.to_string()) };
            }
        };
        fault::record_panics(PanicOutput::Nothing);
        let attempt = catch_unwind(AssertUnwindSafe(|| act(&device, &mut print)));
        device::take_refusal().iter().for_each(|message| output::note(&format!("mien: {message}")));
        let done = match attempt {
            Ok(done) => done.map_err(CommandError::from),
            Err(panic) => Err(CommandError::Failure(fault::explain(fault::message(&*panic), batch).to_string())),
        };
        // A closed output comes first, because it ends the command without a message.
        printed.and(done)
    }
}

fn strategy(text: &str) -> Result<Strategy, String> {
    Strategy::ALL
        .into_iter()
        .find(|strategy| strategy.name() == text)
        .ok_or_else(|| "use cnn, deep, features or finetune".into())
}

fn precision(text: &str) -> Result<Precision, String> {
    Precision::parse(text).ok_or_else(|| "use f32 or bf16".into())
}

fn base(home: &Home, name: &WeightsName) -> Result<Arrays, CommandError> {
    let path = home.weights_file(name);
    if !path.exists() {
        return Err(bases::missing(home, name));
    }
    let weights = Weights::open(&path)?;
    Ok(weights.arrays_of(NetworkName::VGG16))
}
