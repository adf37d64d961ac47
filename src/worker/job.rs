//! The jobs of a worker: training followed by the test of the best weights, and only that test.

use std::sync::Arc;

use crate::checkpoint::{Checkpoint, CheckpointFiles, Identity};
use crate::data::fraction::trained_images;
use crate::data::manifest;
use crate::data::store::Dataset;
use crate::domain::preflight::{self, Entry};
use crate::domain::{Outcome, Recipe, Split, SplitCounts};
use crate::events::Event;
use crate::model::device::{self, Device};
use crate::model::kernels::{KernelBackend, TrainBackend};
use crate::runs::Holder;
use crate::runs::layout::{Home, RunFolder};
use crate::train::Reporter;
use crate::train::data_loader::DataLoader;
use crate::train::fit::{Fit, FitEnd, fit};

use super::backend::{DeviceJob, DevicePolicy, on_device};
use super::checkpoints::{files, find_resume_point, interval};
use super::device_memory;
use super::error::WorkerError;
use super::kernels::{self, KernelCache, KernelCacheStatus};
use super::load::LoadMeter;
use super::run_reporter::RunReporter;
use super::setup::{RunInputs, Setup, copy_initial_weights};
use super::waiting::SlotClaim;

/// Trains from the newest checkpoint to the run's end and tests the best weights. `claim` decides whether the run
/// queues for its device, and then holds the slot.
pub(super) fn train(
    folder: &RunFolder,
    recipe: &Recipe,
    claim: &mut SlotClaim,
    reporter: &mut RunReporter,
) -> Result<Outcome, WorkerError> {
    let files = files(folder);
    // Before the first event: a run that cannot be resumed must not lose its present state.
    let point = find_resume_point(&files)?;
    let warnings = point.as_ref().map_or_else(Vec::new, |point| point.repair(&files));
    let (from, resumed_step) = point.as_ref().map_or((0, 0), |point| point.state.position());
    let host = Holder::this_host();
    reporter.report(Event::WorkerStarted { pid: std::process::id(), host, resumed_from: from, resumed_step });
    warnings.into_iter().chain(interval().1).for_each(|message| reporter.report(Event::Warning { message }));
    reporter.update_limits();
    if let Err(error) = folder.forget_validation_after(from) {
        let message = format!("cannot remove predictions of epochs that are trained again: {error}");
        reporter.report(Event::Warning { message });
    }

    let device = device::choose(recipe.device)?;
    let home = folder.home().ok_or(WorkerError::NoHome)?;
    let others = recipe.awaited(folder.start_checkpoint().exists());
    let wait = claim.conditions(&home, folder, others, &device);
    if !wait.wait(reporter) {
        return Ok(reporter.early_outcome());
    }
    // Read only now, because the optimizer moments of a large network are gigabytes that a waiting worker would occupy.
    let checkpoint = point.map(|point| Checkpoint::read(&point.file)).transpose()?;
    let run_inputs = open_inputs(folder, recipe, &device)?;
    report_inputs(&run_inputs, device, reporter);
    reporter.measure(LoadMeter::start(run_inputs.device));
    if let Some(transfer) = &recipe.transfer {
        copy_initial_weights(&run_inputs, transfer)?;
    }
    let task = TrainJob { checkpoint };
    let resident = prepare_device(&run_inputs, reporter);
    on_device(run_inputs.device, resident, PreparedJob { run_inputs: &run_inputs, files: &files, reporter, task })
}

/// Tests the best weights again and scores the training images; changes nothing else. Returns the outcome where the job
/// ended early.
pub(super) fn evaluate(
    folder: &RunFolder,
    recipe: &Recipe,
    claim: &mut SlotClaim,
    reporter: &mut RunReporter,
) -> Result<Option<Outcome>, WorkerError> {
    let files = files(folder);
    let device = device::choose(recipe.device)?;
    let home = folder.home().ok_or(WorkerError::NoHome)?;
    let wait = claim.conditions(&home, folder, Vec::new(), &device);
    if !wait.wait(reporter) {
        return Ok(Some(reporter.early_outcome()));
    }
    let run_inputs = open_inputs(folder, recipe, &device)?;
    let resident = prepare_device(&run_inputs, reporter);
    on_device(
        run_inputs.device,
        resident,
        PreparedJob { run_inputs: &run_inputs, files: &files, reporter, task: EvaluateJob },
    )
}

/// Opens the kernel cache, which burn reads once when it first touches the device; returns the bytes that resident
/// images may take.
fn prepare_device(run_inputs: &RunInputs, reporter: &mut RunReporter) -> u64 {
    let (bytes, wrong) = device_memory::resident_limit(run_inputs.device);
    let (mut unkept, device) = (None, run_inputs.device.to_string());
    if let Some(KernelCache { folder, status }) = kernels::open_cache(run_inputs.device) {
        match status {
            Some(KernelCacheStatus::FirstStart) => reporter.report(Event::CompilingKernels { device: device.clone() }),
            Some(KernelCacheStatus::Unavailable(why)) => unkept = Some(why),
            None => {}
        }
        folder.into_iter().for_each(|folder| reporter.watch_kernels(device.clone(), &folder));
    }
    unkept.into_iter().chain(wrong).for_each(|message| reporter.report(Event::Warning { message }));
    bytes
}

/// A task with the run's data and device.
struct PreparedJob<'a, T> {
    run_inputs: &'a RunInputs,
    files: &'a CheckpointFiles,
    reporter: &'a mut RunReporter,
    task: T,
}

/// A task with the network on its device.
trait Task {
    type Output;

    fn run<B>(self, context: &mut JobContext<'_, B>) -> Result<Self::Output, WorkerError>
    where
        B: TrainBackend;
}

impl<T: Task> DeviceJob for PreparedJob<'_, T> {
    type Output = Result<T::Output, WorkerError>;

    fn run<B>(self, device: &B::Device, policy: DevicePolicy) -> Self::Output
    where
        B: TrainBackend,
    {
        let Self { run_inputs, files, reporter, task } = self;
        let setup = Setup::<B>::new(run_inputs, device, policy)?;
        task.run(&mut JobContext { run_inputs, files, reporter, setup, device, readback: policy.readback })
    }
}

/// The state of a task: the run's network on its device, and its files.
pub(super) struct JobContext<'a, B: TrainBackend>
where
    B::InnerBackend: KernelBackend,
{
    pub(super) run_inputs: &'a RunInputs,
    pub(super) files: &'a CheckpointFiles,
    pub(super) reporter: &'a mut RunReporter,
    pub(super) setup: Setup<'a, B>,
    pub(super) device: &'a B::Device,
    pub(super) readback: u32,
}

/// Trains, tests the best weights and scores the training images.
struct TrainJob {
    checkpoint: Option<Checkpoint>,
}

impl Task for TrainJob {
    type Output = Outcome;

    fn run<B>(self, context: &mut JobContext<'_, B>) -> Result<Outcome, WorkerError>
    where
        B: TrainBackend,
    {
        check_identity(self.checkpoint.as_ref(), context.setup.identity())?;
        let network = context.setup.network()?;
        let (total, trainable) = (context.setup.parameters(), context.setup.trained_parameters());
        context.reporter.report(Event::NetworkBuilt { total, trainable });
        let Some(loader) = context.setup.inputs(&[Split::Train, Split::Validation], context.reporter) else {
            return Ok(context.reporter.early_outcome());
        };
        let plan = plan::<B>(context.run_inputs, context.files, context.setup.identity(), loader, context.readback);
        let end = fit(&plan, network, self.checkpoint.as_ref(), context.device, context.reporter);
        drop(plan);
        let outcome = match end? {
            FitEnd::Stopped => return Ok(context.reporter.early_outcome()),
            FitEnd::Finished(reason) => Outcome::Finished { reason },
            FitEnd::Diverged(cause) => {
                if context.files.best.exists() {
                    // A failed test is logged and not returned. Otherwise it would hide the divergence.
                    if let Err(error) = context.test_best() {
                        context.reporter.report(Event::EvaluationFailed { cause: error.to_string() });
                    }
                }
                return Ok(Outcome::Diverged { cause });
            }
        };
        if context.run_inputs.dataset.is_empty(Split::Test) {
            context
                .reporter
                .report(Event::Warning { message: nothing_to_score(&context.run_inputs.recipe).to_string() });
        } else if !context.test_best()? {
            return Ok(context.reporter.early_outcome());
        }
        Ok(context.score_training().unwrap_or(outcome))
    }
}

/// Tests the best weights and scores the training images.
struct EvaluateJob;

impl Task for EvaluateJob {
    type Output = Option<Outcome>;

    fn run<B>(self, context: &mut JobContext<'_, B>) -> Result<Option<Outcome>, WorkerError>
    where
        B: TrainBackend,
    {
        if !context.test_best()? {
            return Ok(Some(context.reporter.early_outcome()));
        }
        Ok(context.score_training())
    }
}

pub(super) fn plan<'a, B: TrainBackend>(
    run_inputs: &'a RunInputs,
    files: &'a CheckpointFiles,
    identity: &'a Identity,
    loader: DataLoader<'a, B::InnerBackend>,
    readback: u32,
) -> Fit<'a, B>
where
    B::InnerBackend: KernelBackend,
{
    let loader = loader
        .padding_last_batch(run_inputs.device.tunes_by_shape())
        .in_precision(run_inputs.recipe.trained_precision());
    Fit { recipe: &run_inputs.recipe, loader, identity, files, readback, interval: interval().0 }
}

pub(super) fn nothing_to_score(recipe: &Recipe) -> WorkerError {
    WorkerError::NothingToScore(recipe.dataset.clone())
}

pub(super) fn check_identity(checkpoint: Option<&Checkpoint>, identity: &Identity) -> Result<(), WorkerError> {
    match checkpoint.map(|checkpoint| &checkpoint.state.identity) {
        Some(found) if found.fingerprint != identity.fingerprint => Err(WorkerError::OtherRun("dataset")),
        Some(found) if found.base != identity.base => Err(WorkerError::OtherRun("base")),
        _ => Ok(()),
    }
}

fn report_inputs(run_inputs: &RunInputs, Device { kind, description, note }: Device, reporter: &mut RunReporter) {
    reporter.report(Event::DeviceChosen { device: kind.to_string(), description, note });
    let manifest = run_inputs.dataset.manifest();
    let classes = manifest.class_names().into_iter().map(str::to_owned).collect();
    // Training images that the recipe leaves out do not count.
    let (counts, dataset) = (manifest.counts(), &run_inputs.dataset);
    let trained = trained_images(&run_inputs.recipe, counts.train, |index| dataset.label(Split::Train, index));
    let images = SplitCounts { train: trained.len(), ..counts };
    reporter.report(Event::DataOpened { images, classes });
}

/// Returns an error if the run's dataset has changed since the run was created, or has nothing to train on.
pub(super) fn check_data(folder: &RunFolder, recipe: &Recipe) -> Result<(), WorkerError> {
    let home = folder.home().ok_or(WorkerError::NoHome)?;
    dataset(&home, recipe).map(drop)
}

fn dataset(home: &Home, recipe: &Recipe) -> Result<Dataset, WorkerError> {
    let folder = home.dataset(&recipe.dataset);
    let refuse = |found| preflight::check_dataset(recipe, found).into_iter().next().map_or(Ok(()), Err);
    if !folder.join(manifest::FILE_NAME).exists() {
        refuse(Entry::Missing)?;
    }
    let dataset = Dataset::open(&folder)?;
    refuse(Entry::Found(dataset.manifest().facts()))?;
    Ok(dataset.in_fold(recipe.fold)?.relabelled(recipe.relabelled.clone()))
}

/// Opens the run's dataset.
fn open_inputs(folder: &RunFolder, recipe: &Recipe, device: &Device) -> Result<RunInputs, WorkerError> {
    let home = folder.home().ok_or(WorkerError::NoHome)?;
    let dataset = Arc::new(dataset(&home, recipe)?);
    let (folder, recipe) = (folder.clone(), recipe.clone());
    Ok(RunInputs { folder, home, recipe, dataset, device: device.kind })
}
