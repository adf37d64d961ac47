//! `bench`: checks the results of a device and measures its speed, on made-up inputs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::{Args, Subcommand};

use crate::bench::{BenchError, Finding, agree, ceilings, layers, step};
use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::Output;
use crate::cli::output;
use crate::domain::{DeviceRequest, NetworkName, Precision, StageName, Strategy, WeightsName};
use crate::model::device::{self, Device};
use crate::model::parameters::Arrays;
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
    /// Hold a device against the processor: the same weights, batch and seed on both. Exit code 1 if a check fails
    ///
    /// Forward pass, loss and every gradient of each strategy's networks, ten training steps, augmentation, and what is
    /// read back. With `--device cpu` the processor's own kernels are held against burn's operations.
    Agree {
        #[command(flatten)]
        on: On,
        /// Images in a batch
        #[arg(long, value_name = "N")]
        batch: Option<usize>,
        /// Pixels along a side, for the strategies on a pretrained base
        #[arg(long, value_name = "N")]
        size: Option<usize>,
        /// Imported weights of VGG16; without them made-up ones
        #[arg(long, value_name = "NAME")]
        weights: Option<WeightsName>,
        /// Decides weights, inputs and labels
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
        /// What the device's convolutions compute in, f32 or bf16; the processor's do in f32
        #[arg(long, value_parser = precision, default_value = "f32")]
        precision: Precision,
    },
    /// Measure training steps
    Step {
        #[command(flatten)]
        on: On,
        /// cnn, features or finetune
        #[arg(long, value_parser = strategy)]
        strategy: Strategy,
        /// The network of cnn: one whose weights are drawn
        #[arg(long, value_name = "NAME", value_parser = |text: &str| NetworkName::try_from(text.to_owned()))]
        network: Option<NetworkName>,
        /// Images in a batch
        #[arg(long, value_name = "N", default_value_t = 64)]
        batch: usize,
        /// Pixels along a side; by default 48 for cnn, else 224
        #[arg(long, value_name = "N")]
        size: Option<usize>,
        /// Steps to measure
        #[arg(long, value_name = "N", default_value_t = 50)]
        steps: u32,
        /// Steps before those, behind the first
        #[arg(long, value_name = "N", default_value_t = 5)]
        warm_up: u32,
        /// The lowest stage that fine-tuning trains
        #[arg(long, value_name = "STAGE", default_value = "block5")]
        unfreeze: StageName,
        /// What convolutions compute in, f32 or bf16
        #[arg(long, value_parser = precision, default_value = "f32")]
        precision: Precision,
    },
    /// Measure each convolution of VGG16, forward and with its gradients
    Layers {
        #[command(flatten)]
        on: On,
        /// Images in a batch; by default 64 on a GPU, 4 on the processor
        #[arg(long, value_name = "N")]
        batch: Option<usize>,
        /// Pixels along a side; by default 224 on a GPU, 64 on the processor
        #[arg(long, value_name = "N")]
        size: Option<usize>,
        /// What they compute in, f32 or bf16
        #[arg(long, value_parser = precision, default_value = "f32")]
        precision: Precision,
        /// Passes in each of five parts that are measured
        #[arg(long, value_name = "N", default_value_t = 5)]
        repeats: u32,
    },
    /// Measure how fast products of matrices and memory are
    Ceilings {
        #[command(flatten)]
        on: On,
        /// Rows and columns of the matrices
        #[arg(long, value_name = "N")]
        size: Option<usize>,
        /// Mebibytes to read and write
        #[arg(long, value_name = "N")]
        mebibytes: Option<usize>,
    },
}

#[derive(Debug, Args)]
struct On {
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
                let holds = on.print_findings(batch, |device, tell| agree::agree(device, &options, tell))?;
                Ok(Exit::done_if(holds))
            }
            BenchCommand::Step { on, strategy, network, batch, size, steps, warm_up, unfreeze, precision } => {
                let size = size.unwrap_or(if strategy.is_from_scratch() { 48 } else { 224 });
                let options = step::Options { strategy, network, batch, size, steps, warm_up, unfreeze, precision };
                on.print_findings(Some(batch), |device, tell| step::step(device, &options, tell)).map(|()| Exit::Done)
            }
            BenchCommand::Layers { on, batch, size, precision, repeats } => {
                let options = layers::Options { batch, size, precision, repeats };
                on.print_findings(batch, |device, tell| layers::layers(device, options, tell)).map(|()| Exit::Done)
            }
            BenchCommand::Ceilings { on, size, mebibytes } => {
                let options = ceilings::Options { size, mebibytes };
                on.print_findings(None, |device, tell| ceilings::ceilings(device, options, tell)).map(|()| Exit::Done)
            }
        }
    }
}

impl On {
    /// Acts on the device with batches of this size, and prints each finding as it comes.
    fn print_findings<T>(
        &self,
        batch: Option<usize>,
        act: impl FnOnce(&Device, &mut dyn FnMut(Finding)) -> Result<T, BenchError>,
    ) -> Result<T, CommandError> {
        let device = device::choose(self.device)?;
        device.note.iter().for_each(|note| output::note(&format!("mien: on the processor: {note}")));
        match kernels::open_cache(device.kind).and_then(|cache| cache.status) {
            Some(KernelCacheStatus::FirstStart) => {
                let of = device.kind;
                output::note(&format!("mien: compiling and tuning kernels for {of}: the first start takes a while"));
            }
            Some(KernelCacheStatus::Unavailable(why)) => output::note(&format!("mien: {why}")),
            None => {}
        }
        let mut printed = Ok(());
        let mut tell = |finding: Finding| {
            if printed.is_ok() {
                printed = if self.output.json { output::record(&finding) } else { output::line(&finding.to_string()) };
            }
        };
        fault::record_panics(PanicOutput::Nothing);
        let attempt = catch_unwind(AssertUnwindSafe(|| act(&device, &mut tell)));
        device::take_refusal().iter().for_each(|message| output::note(&format!("mien: {message}")));
        let done = match attempt {
            Ok(done) => done.map_err(CommandError::from),
            Err(panic) => Err(CommandError::Failure(fault::explain(fault::message(&*panic), batch).to_string())),
        };
        // A reader that is gone ends it quietly, once there is something to say.
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
    Precision::named(text).ok_or_else(|| "use f32 or bf16".into())
}

fn base(home: &Home, name: &WeightsName) -> Result<Arrays, CommandError> {
    let path = home.weights_file(name);
    if !path.exists() {
        let folder = path.parent().unwrap_or(&path).to_owned();
        return Err(CommandError::NoWeights { name: name.clone(), folder });
    }
    let weights = Weights::open(&path)?;
    Ok(crate::worker::imported_arrays(&weights, NetworkName::VGG16))
}
