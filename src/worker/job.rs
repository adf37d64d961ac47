//! The jobs: train to the end, or test the best weights.

use std::path::Path;
use std::sync::Arc;

use burn::module::AutodiffModule;
use burn::tensor::backend::AutodiffBackend;

use crate::data::store::Dataset;
use crate::domain::{Outcome, Recipe, Split};
use crate::events::Event;
use crate::model::cnn::{self, Cnn};
use crate::model::device::{self, Device};
use crate::model::kernels::ConvBlockBackend;
use crate::model::parameters;
use crate::runs::layout::RunFolder;
use crate::runs::predictions::Predictions;
use crate::train::Reporter;
use crate::train::checkpoint::{Checkpoint, CheckpointError, CheckpointFiles};
use crate::train::fit::{Fit, FitEnd, fit};

use super::backend::{DeviceJob, on_device};
use super::journal::Journal;

/// Trains from where the folder stands to the run's end, and tests the best weights.
pub(super) fn train(folder: &RunFolder, recipe: &Recipe, journal: &mut Journal) -> Result<Outcome, String> {
    let files = files(folder);
    // Before anything is told: a run that cannot go on keeps the history it has.
    let (checkpoint, warning) = where_to_go_on(&files)?.unzip();
    let from = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.state.epoch);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    journal.report(Event::WorkerStarted { pid: std::process::id(), host, resumed_from: from });
    warning.flatten().into_iter().for_each(|message| journal.report(Event::Warning { message }));

    let (device, dataset) = open(folder, recipe, journal)?;
    check_fingerprint(checkpoint.as_ref(), recipe)?;
    on_device(device.kind, Train { recipe, dataset: &dataset, files: &files, folder, checkpoint, journal })
}

/// Tests the best weights again and changes nothing else.
pub(super) fn evaluate(folder: &RunFolder, recipe: &Recipe, journal: &mut Journal) -> Result<(), String> {
    let files = files(folder);
    let (device, dataset) = open_quietly(folder, recipe)?;
    on_device(device.kind, Evaluate { recipe, dataset: &dataset, files: &files, folder, journal })
}

struct Train<'a> {
    recipe: &'a Recipe,
    dataset: &'a Arc<Dataset>,
    files: &'a CheckpointFiles,
    folder: &'a RunFolder,
    checkpoint: Option<Checkpoint>,
    journal: &'a mut Journal,
}

impl DeviceJob for Train<'_> {
    type Output = Result<Outcome, String>;

    fn run<B>(mut self, device: &B::Device, readback: u32) -> Self::Output
    where
        B: AutodiffBackend + ConvBlockBackend,
        B::InnerBackend: ConvBlockBackend,
    {
        let plan = Fit { recipe: self.recipe, dataset: self.dataset, files: self.files, readback };
        let network = network::<B>(&plan, device);
        let total = burn::module::Module::num_params(&network);
        self.journal.report(Event::ModelBuilt { total, trainable: total });
        let end = fit(&plan, network, self.checkpoint.as_ref(), device, self.journal).map_err(|e| e.to_string())?;
        let outcome = match end {
            FitEnd::Stopped => return Ok(Outcome::Stopped),
            FitEnd::Finished(reason) => Outcome::Finished { reason },
            FitEnd::Diverged(cause) => {
                if self.files.best.exists() {
                    self.test_what_is_left::<B>(&plan, device);
                }
                return Ok(Outcome::Diverged { cause });
            }
        };
        if self.dataset.is_empty(Split::Test) {
            self.journal.report(Event::Warning { message: nothing_to_score(self.recipe) });
            return Ok(outcome);
        }
        let tested = test_best::<B>(&plan, self.folder, device, self.journal)?;
        Ok(if tested { outcome } else { Outcome::Stopped })
    }
}

impl Train<'_> {
    /// Tests the best weights of a run that diverged; a failure of that must not hide why the run ended.
    fn test_what_is_left<B>(&mut self, plan: &Fit<'_>, device: &B::Device)
    where
        B: AutodiffBackend + ConvBlockBackend,
        B::InnerBackend: ConvBlockBackend,
    {
        if let Err(cause) = test_best::<B>(plan, self.folder, device, self.journal) {
            self.journal.report(Event::EvaluationFailed { cause });
        }
    }
}

struct Evaluate<'a> {
    recipe: &'a Recipe,
    dataset: &'a Arc<Dataset>,
    files: &'a CheckpointFiles,
    folder: &'a RunFolder,
    journal: &'a mut Journal,
}

impl DeviceJob for Evaluate<'_> {
    type Output = Result<(), String>;

    fn run<B>(self, device: &B::Device, readback: u32) -> Self::Output
    where
        B: AutodiffBackend + ConvBlockBackend,
        B::InnerBackend: ConvBlockBackend,
    {
        let plan = Fit { recipe: self.recipe, dataset: self.dataset, files: self.files, readback };
        let tested = test_best::<B>(&plan, self.folder, device, self.journal)?;
        if tested { Ok(()) } else { Err("it was asked to stop".into()) }
    }
}

fn network<B: ConvBlockBackend>(plan: &Fit<'_>, device: &B::Device) -> Cnn<B> {
    Cnn::new(plan.shape().image, plan.shape().classes, plan.recipe.seed, device)
}

/// Tests the best weights and keeps every prediction. False if a stop was asked for before the end.
fn test_best<B>(plan: &Fit<'_>, folder: &RunFolder, device: &B::Device, journal: &mut Journal) -> Result<bool, String>
where
    B: AutodiffBackend + ConvBlockBackend,
    B::InnerBackend: ConvBlockBackend,
{
    let images = plan.dataset.len(Split::Test);
    if images == 0 {
        return Err(nothing_to_score(plan.recipe));
    }
    let best = Checkpoint::read(&plan.files.best).map_err(|error| error.to_string())?;
    check_fingerprint(Some(&best), plan.recipe)?;
    let network = parameters::load(network::<B>(plan, device).valid(), &best.arrays).map_err(|e| e.to_string())?;
    journal.report(Event::EvaluationStarted { split: Split::Test, images });
    let evaluation = plan.evaluate::<B::InnerBackend>(&network, Split::Test, device, journal);
    let Some(evaluation) = evaluation.map_err(|error| error.to_string())? else { return Ok(false) };
    let path = folder.test_predictions();
    let predictions =
        Predictions { classes: plan.shape().classes, probabilities: evaluation.probabilities, truth: evaluation.truth };
    predictions.write(&path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    journal.report(Event::Evaluated {
        split: Split::Test,
        epoch: best.state.epoch,
        loss: evaluation.loss,
        confusion: evaluation.confusion,
    });
    Ok(true)
}

fn nothing_to_score(recipe: &Recipe) -> String {
    format!("the dataset '{}' has no test images: there is nothing to score", recipe.dataset)
}

fn files(folder: &RunFolder) -> CheckpointFiles {
    CheckpointFiles { last: folder.last_checkpoint(), best: folder.best_checkpoint() }
}

/// The checkpoint to go on from, with a warning if the one that should be there is damaged; `None` at the start.
fn where_to_go_on(files: &CheckpointFiles) -> Result<Option<(Checkpoint, Option<String>)>, String> {
    let missing = |path: &Path| !path.exists();
    if missing(&files.last) && missing(&files.best) {
        return Ok(None);
    }
    match (Checkpoint::read(&files.last), Checkpoint::read(&files.best)) {
        // Written first: a worker killed before `last` became its second name.
        (Ok(last), Ok(best)) if best.state.epoch > last.state.epoch => Ok(Some((best, None))),
        (Err(CheckpointError::Io { .. }), Ok(best)) if missing(&files.last) => Ok(Some((best, None))),
        (Ok(last), _) => Ok(Some((last, None))),
        (Err(newer @ CheckpointError::Newer { .. }), _) => Err(newer.to_string()),
        (Err(error), Ok(best)) => {
            let message = format!("{error}; going on from the best one, of epoch {}", best.state.epoch);
            Ok(Some((best, Some(message))))
        }
        (Err(last), Err(best)) => Err(format!("{last}; {best}; `mien train cnn` begins anew")),
    }
}

fn check_fingerprint(checkpoint: Option<&Checkpoint>, recipe: &Recipe) -> Result<(), String> {
    match checkpoint {
        Some(checkpoint) if checkpoint.state.fingerprint != recipe.fingerprint => {
            Err("the checkpoint was trained on another dataset than the recipe names".into())
        }
        _ => Ok(()),
    }
}

fn open(folder: &RunFolder, recipe: &Recipe, journal: &mut Journal) -> Result<(Device, Arc<Dataset>), String> {
    let (device, dataset) = open_quietly(folder, recipe)?;
    let Device { kind, description, note } = device.clone();
    journal.report(Event::DeviceChosen { device: kind.to_string(), description, note });
    let manifest = dataset.manifest();
    let classes = manifest.class_names().into_iter().map(str::to_owned).collect();
    journal.report(Event::DataOpened { images: manifest.counts(), classes });
    Ok((device, dataset))
}

fn open_quietly(folder: &RunFolder, recipe: &Recipe) -> Result<(Device, Arc<Dataset>), String> {
    let device = device::choose(recipe.device).map_err(|error| error.to_string())?;
    let home = folder.home().ok_or("the run folder lies in no home")?;
    let dataset = Dataset::open(&home.dataset(&recipe.dataset)).map_err(|error| error.to_string())?;
    if dataset.fingerprint() != recipe.fingerprint {
        return Err(format!(
            "the dataset '{}' is another one than when this run was created (fingerprint {}, then {})",
            recipe.dataset,
            dataset.fingerprint(),
            recipe.fingerprint
        ));
    }
    let image = dataset.image();
    if (image.height.min(image.width) as usize) < cnn::MIN_SIDE {
        return Err(format!("images of {}×{} are too small for the network", image.width, image.height));
    }
    for split in [Split::Train, Split::Validation] {
        if dataset.is_empty(split) {
            return Err(format!("the dataset '{}' has no {split} images", recipe.dataset));
        }
    }
    Ok((device, Arc::new(dataset)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EarlyStoppingStatus, Strategy};
    use crate::model::parameters::Arrays;
    use crate::train::checkpoint::{CHECKPOINT_VERSION, State};

    fn write(path: &Path, epoch: u32) {
        let state = State {
            version: CHECKPOINT_VERSION,
            strategy: Strategy::Cnn,
            fingerprint: String::new(),
            classes: Vec::new(),
            image: [48, 48, 1],
            epoch,
            optimizer_steps: 0,
            learning_rate: 1e-3,
            early_stopping: EarlyStoppingStatus::default(),
        };
        Checkpoint { state, arrays: Arrays::new() }.write(path).expect("written");
    }

    #[test]
    fn a_run_goes_on_from_the_newest_checkpoint_that_is_whole() {
        const DAMAGED: u32 = 0;
        // (what happened, epoch of last, epoch of best, epoch to go on from or none, whether a warning is due)
        let table = [
            ("killed in the first epoch", None, None, None, false),
            ("the usual case", Some(5), Some(3), Some(5), false),
            ("killed between the two files of epoch 6", Some(5), Some(6), Some(6), false),
            ("killed between the two files of epoch 1", None, Some(1), Some(1), false),
            ("last damaged", Some(DAMAGED), Some(3), Some(3), true),
            ("best damaged", Some(5), Some(DAMAGED), Some(5), false),
        ];
        for (case, last, best, expected, warned) in table {
            let folder = tempfile::tempdir().expect("a folder");
            let files = CheckpointFiles { last: folder.path().join("last"), best: folder.path().join("best") };
            for (path, epoch) in [(&files.last, last), (&files.best, best)] {
                match epoch {
                    Some(DAMAGED) => std::fs::write(path, "cut").expect("written"),
                    Some(epoch) => write(path, epoch),
                    None => {}
                }
            }
            let found = where_to_go_on(&files).expect("a place");
            let epoch = found.as_ref().map(|(checkpoint, _)| checkpoint.state.epoch);
            let warning = found.and_then(|(_, warning)| warning);
            assert_eq!((epoch, warning.is_some()), (expected, warned), "{case}");
        }
    }
}
