//! The best weights of one or several runs, which predict the same faces.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::reader::CroppedPicture;
use crate::cli::exit::CommandError;
use crate::cli::output;
use crate::cli::scores::temperature;
use crate::data::ImageShape;
use crate::data::import::Fit;
use crate::domain::text::printable;
use crate::domain::{DeviceRequest, RunId, Views, mean_probabilities};
use crate::model::device;
use crate::runs::{RunStore, probabilities};
use crate::worker::fault::{self, PanicOutput};
use crate::worker::kernels::{self, KernelCacheStatus};
use crate::worker::predictor::{self, Predict};

/// Runs with the same classes, on one device.
pub(super) struct Predictors {
    runs: Vec<(RunId, Box<dyn Predict>)>,
    /// The temperature of each run, by which its probabilities are scaled; empty where they are left as they are.
    temperatures: Vec<f64>,
    views: Views,
}

/// The probabilities of the classes of some faces, each list row-major `[faces, classes]`.
pub(super) struct Probabilities {
    /// The mean of all runs.
    pub(super) mean: Vec<f32>,
    /// The probabilities by each run, in the order of the runs.
    pub(super) by_run: Vec<Vec<f32>>,
}

impl Predictors {
    /// Finds the runs and reads their best weights.
    pub(super) fn open(
        store: &RunStore,
        queries: &[&str],
        request: DeviceRequest,
        views: Views,
        calibrated: bool,
    ) -> Result<Self, CommandError> {
        let device = device::choose(request)?;
        device.note.iter().for_each(|note| output::print_error(&format!("using the CPU: {note}")));
        match kernels::open_cache(device.kind).and_then(|cache| cache.status) {
            Some(KernelCacheStatus::FirstStart) => {
                output::print_error("compiling and tuning kernels: the first start takes a while");
            }
            Some(KernelCacheStatus::Unavailable(reason)) => output::print_error(&reason),
            None => {}
        }
        fault::record_panics(PanicOutput::Nothing);
        let mut runs: Vec<(RunId, Box<dyn Predict>)> = Vec::new();
        for query in queries {
            let id = store.find(query)?;
            if runs.iter().any(|(other, _)| *other == id) {
                return Err(CommandError::Usage(format!("{id} is given twice: give each run of the mean once")));
            }
            let opened = catch_panics(|| predictor::open(&store.folder(&id), device.kind))?;
            let opened = opened.map_err(|error| CommandError::Failure(format!("{id}: {error}")))?;
            runs.push((id, opened));
        }
        let temperatures = runs
            .iter()
            .filter(|_| calibrated)
            .map(|(id, _)| temperature(store, id, "without --calibrated it can predict"));
        let predictors = Self { temperatures: temperatures.collect::<Result<_, _>>()?, runs, views };
        match predictors.runs.iter().find(|(_, run)| run.classes() != predictors.classes()) {
            Some((other, run)) => Err(CommandError::Failure(format!(
                "{} and {other} have different classes ({}; {}): a mean needs the same classes in the same order",
                predictors.runs[0].0,
                list(predictors.classes()),
                list(run.classes())
            ))),
            None => Ok(predictors),
        }
    }

    /// Returns the classes of all runs.
    pub(super) fn classes(&self) -> &[String] {
        self.runs[0].1.classes()
    }

    /// Returns the names of the runs.
    pub(super) fn names(&self) -> Vec<String> {
        self.runs.iter().map(|(id, _)| id.to_string()).collect()
    }

    /// Returns the shape of the stored images of each run, and the way in which pictures come to it.
    pub(super) fn shapes(&self) -> Vec<(ImageShape, Fit)> {
        self.runs.iter().map(|(_, run)| (run.image(), run.fit())).collect()
    }

    /// Returns the probabilities of every face of a group, in its order.
    pub(super) fn predict(&self, group: &[CroppedPicture]) -> Result<Probabilities, CommandError> {
        let faces = || group.iter().filter_map(|picture| picture.faces.as_ref().ok()).flatten();
        let by_run = |(number, (_, run)): (usize, &(RunId, Box<dyn Predict>))| {
            let pixels: Vec<Vec<u8>> = faces().map(|face| face.pixels[number].clone()).collect();
            let mut predicted = catch_panics(|| run.predict(&pixels, self.views))?;
            if let Some(temperature) = self.temperatures.get(number) {
                probabilities::scale(&mut predicted, self.classes().len(), *temperature);
            }
            Ok::<_, CommandError>(predicted)
        };
        let by_run = self.runs.iter().enumerate().map(by_run).collect::<Result<Vec<_>, _>>()?;
        Ok(Probabilities { mean: mean_probabilities(&by_run.iter().map(Vec::as_slice).collect::<Vec<_>>()), by_run })
    }
}

/// Acts on a device, whose failures are panics, and returns these as errors.
fn catch_panics<T>(act: impl FnOnce() -> T) -> Result<T, CommandError> {
    let done = catch_unwind(AssertUnwindSafe(act));
    device::take_refusal().iter().for_each(|message| output::print_error(message));
    done.map_err(|panic| CommandError::Failure(fault::explain(fault::message(&*panic), None).to_string()))
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| printable(name)).collect::<Vec<_>>().join(", ")
}
