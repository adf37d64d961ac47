//! The jobs: train to the end and test the best weights, or only the latter.

use std::sync::Arc;

use crate::checkpoint::{Checkpoint, CheckpointFiles, Identity};
use crate::data::manifest;
use crate::data::store::Dataset;
use crate::domain::preflight::{self, Entry};
use crate::domain::{Outcome, Recipe, Split, SplitCounts};
use crate::events::Event;
use crate::model::device::{self, Device};
use crate::model::kernels::{KernelBackend, TrainBackend};
use crate::runs::layout::{Home, RunFolder};
use crate::train::Reporter;
use crate::train::feed::Feed;
use crate::train::fit::{Fit, FitEnd, fit};

use super::backend::{DeviceJob, Habits, on_device};
use super::checkpoints::{files, interval, where_to_go_on};
use super::error::WorkerError;
use super::journal::Journal;
use super::kernels::{self, Place, Told};
use super::load::LoadMeter;
use super::residence;
use super::setup::{Ground, Setup, take_start};
use super::waiting::Turn;

/// Trains from where the folder stands to the run's end, and tests the best weights.
/// `turn` says whether it waits for its turn on its device, and keeps the slot that it then gets.
pub(super) fn train(
    folder: &RunFolder,
    recipe: &Recipe,
    turn: &mut Turn,
    journal: &mut Journal,
) -> Result<Outcome, WorkerError> {
    let files = files(folder);
    // Before anything is told: a run that cannot go on keeps the history it has.
    let place = where_to_go_on(&files)?;
    let told = place.as_ref().map_or_else(Vec::new, |place| place.mend(&files));
    let (from, resumed_step) = place.as_ref().map_or((0, 0), |place| place.state.position());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    journal.report(Event::WorkerStarted { pid: std::process::id(), host, resumed_from: from, resumed_step });
    told.into_iter().chain(interval().1).for_each(|message| journal.report(Event::Warning { message }));
    journal.look_at_limits();
    if let Err(error) = folder.forget_validation_after(from) {
        let message = format!("cannot remove predictions of epochs that are trained again: {error}");
        journal.report(Event::Warning { message });
    }

    let device = device::choose(recipe.device)?;
    let home = folder.home().ok_or(WorkerError::NoHome)?;
    let others = recipe.awaited(folder.start_checkpoint().exists());
    let wait = turn.of(&home, folder, others, &device);
    if !wait.wait(journal) {
        return Ok(journal.early_end());
    }
    // Not before its turn: moments of a large network are gigabytes.
    let checkpoint = place.map(|place| Checkpoint::read(&place.file)).transpose()?;
    let ground = open(folder, recipe, &device)?;
    tell(&ground, device, journal);
    journal.measure(LoadMeter::start(ground.device));
    if let Some(transfer) = &recipe.transfer {
        take_start(&ground, transfer)?;
    }
    let work = Training { checkpoint };
    let resident = before_device(&ground, journal);
    on_device(ground.device, resident, Job { ground: &ground, files: &files, journal, work })
}

/// Tests the best weights again, on the training images too, and changes nothing else. Returns how it ended before its
/// end, if it did.
pub(super) fn evaluate(
    folder: &RunFolder,
    recipe: &Recipe,
    turn: &mut Turn,
    journal: &mut Journal,
) -> Result<Option<Outcome>, WorkerError> {
    let files = files(folder);
    let device = device::choose(recipe.device)?;
    let home = folder.home().ok_or(WorkerError::NoHome)?;
    let wait = turn.of(&home, folder, Vec::new(), &device);
    if !wait.wait(journal) {
        return Ok(Some(journal.early_end()));
    }
    let ground = open(folder, recipe, &device)?;
    let resident = before_device(&ground, journal);
    on_device(ground.device, resident, Job { ground: &ground, files: &files, journal, work: Testing })
}

/// What there is to settle before a device is touched: where its kernels are kept, and the bytes that images may take.
fn before_device(ground: &Ground, journal: &mut Journal) -> u64 {
    let (bytes, wrong) = residence::bound(ground.device);
    let (mut unkept, device) = (None, ground.device.to_string());
    if let Some(Place { folder, told }) = kernels::keep(ground.device) {
        match told {
            Some(Told::FirstStart) => journal.report(Event::CompilingKernels { device: device.clone() }),
            Some(Told::NotKept(why)) => unkept = Some(why),
            None => {}
        }
        folder.into_iter().for_each(|folder| journal.watch_kernels(device.clone(), &folder));
    }
    unkept.into_iter().chain(wrong).for_each(|message| journal.report(Event::Warning { message }));
    bytes
}

/// Work on a run that has found its data and its device.
struct Job<'a, W> {
    ground: &'a Ground,
    files: &'a CheckpointFiles,
    journal: &'a mut Journal,
    work: W,
}

/// Work that is the same for every strategy.
trait Work {
    type Output;

    fn run<B>(self, desk: &mut Desk<'_, B>) -> Result<Self::Output, WorkerError>
    where
        B: TrainBackend;
}

impl<W: Work> DeviceJob for Job<'_, W> {
    type Output = Result<W::Output, WorkerError>;

    fn run<B>(self, device: &B::Device, habits: Habits) -> Self::Output
    where
        B: TrainBackend,
    {
        let Self { ground, files, journal, work } = self;
        let setup = Setup::<B>::new(ground, device, habits)?;
        work.run(&mut Desk { ground, files, journal, setup, device, readback: habits.readback })
    }
}

/// Everything at hand: a run's network set up on a device.
pub(super) struct Desk<'a, B: TrainBackend>
where
    B::InnerBackend: KernelBackend,
{
    pub(super) ground: &'a Ground,
    pub(super) files: &'a CheckpointFiles,
    pub(super) journal: &'a mut Journal,
    pub(super) setup: Setup<'a, B>,
    pub(super) device: &'a B::Device,
    pub(super) readback: u32,
}

/// Trains and tests.
struct Training {
    checkpoint: Option<Checkpoint>,
}

impl Work for Training {
    type Output = Outcome;

    fn run<B>(self, desk: &mut Desk<'_, B>) -> Result<Outcome, WorkerError>
    where
        B: TrainBackend,
    {
        check_identity(self.checkpoint.as_ref(), desk.setup.identity())?;
        let network = desk.setup.network()?;
        let (total, trainable) = (desk.setup.parameters(), desk.setup.trained_parameters());
        desk.journal.report(Event::ModelBuilt { total, trainable });
        let Some(feed) = desk.setup.inputs(&[Split::Train, Split::Validation], desk.journal) else {
            return Ok(desk.journal.early_end());
        };
        let plan = plan::<B>(desk.ground, desk.files, desk.setup.identity(), feed, desk.readback);
        let end = fit(&plan, network, self.checkpoint.as_ref(), desk.device, desk.journal);
        drop(plan);
        let outcome = match end? {
            FitEnd::Stopped => return Ok(desk.journal.early_end()),
            FitEnd::Finished(reason) => Outcome::Finished { reason },
            FitEnd::Diverged(cause) => {
                if desk.files.best.exists() {
                    // A failure of that must not hide why the run ended.
                    if let Err(error) = desk.test_best() {
                        desk.journal.report(Event::EvaluationFailed { cause: error.to_string() });
                    }
                }
                return Ok(Outcome::Diverged { cause });
            }
        };
        if desk.ground.dataset.is_empty(Split::Test) {
            desk.journal.report(Event::Warning { message: nothing_to_score(&desk.ground.recipe).to_string() });
        } else if !desk.test_best()? {
            return Ok(desk.journal.early_end());
        }
        desk.score_training();
        Ok(outcome)
    }
}

/// Tests.
struct Testing;

impl Work for Testing {
    type Output = Option<Outcome>;

    fn run<B>(self, desk: &mut Desk<'_, B>) -> Result<Option<Outcome>, WorkerError>
    where
        B: TrainBackend,
    {
        if !desk.test_best()? {
            return Ok(Some(desk.journal.early_end()));
        }
        desk.score_training();
        Ok(None)
    }
}

pub(super) fn plan<'a, B: TrainBackend>(
    ground: &'a Ground,
    files: &'a CheckpointFiles,
    identity: &'a Identity,
    feed: Feed<'a, B::InnerBackend>,
    readback: u32,
) -> Fit<'a, B>
where
    B::InnerBackend: KernelBackend,
{
    let feed = feed.evenly(ground.device.tunes_by_shape()).in_precision(ground.recipe.trained_precision());
    Fit { recipe: &ground.recipe, feed, identity, files, readback, interval: interval().0 }
}

pub(super) fn nothing_to_score(recipe: &Recipe) -> WorkerError {
    WorkerError::NothingToScore(recipe.dataset.clone())
}

pub(super) fn check_identity(checkpoint: Option<&Checkpoint>, identity: &Identity) -> Result<(), WorkerError> {
    match checkpoint.map(|checkpoint| &checkpoint.state.identity) {
        Some(found) if found.fingerprint != identity.fingerprint => Err(WorkerError::OtherRun("dataset")),
        Some(found) if found.base != identity.base => Err(WorkerError::OtherRun("pretrained base")),
        _ => Ok(()),
    }
}

fn tell(ground: &Ground, Device { kind, description, note }: Device, journal: &mut Journal) {
    journal.report(Event::DeviceChosen { device: kind.to_string(), description, note });
    let manifest = ground.dataset.manifest();
    let classes = manifest.class_names().into_iter().map(str::to_owned).collect();
    // Of the training images those that are trained on.
    let counts = manifest.counts();
    let images = SplitCounts { train: counts.train - ground.recipe.left_out.len(), ..counts };
    journal.report(Event::DataOpened { images, classes });
}

/// Refuses a run whose dataset is not the one that it was made for, or has nothing to train on.
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
    Ok(dataset)
}

/// Finds the run's dataset.
fn open(folder: &RunFolder, recipe: &Recipe, device: &Device) -> Result<Ground, WorkerError> {
    let home = folder.home().ok_or(WorkerError::NoHome)?;
    let dataset = Arc::new(dataset(&home, recipe)?);
    let (folder, recipe) = (folder.clone(), recipe.clone());
    Ok(Ground { folder, home, recipe, dataset, device: device.kind })
}
