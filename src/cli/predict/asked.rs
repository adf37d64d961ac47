//! The runs that are asked, side by side.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::group::Ready;
use crate::cli::exit::CommandError;
use crate::cli::output;
use crate::data::ImageShape;
use crate::domain::text::printable;
use crate::domain::{DeviceRequest, RunId, Views, mean_probabilities};
use crate::model::device;
use crate::runs::RunStore;
use crate::worker::fault::{self, Print};
use crate::worker::kernels::{self, Told};
use crate::worker::predictor::{self, Predict};

/// Runs with the same classes, on one device.
pub(super) struct Panel {
    members: Vec<(RunId, Box<dyn Predict>)>,
    views: Views,
}

/// What the runs say of some faces: the probability of each class, row-major `[faces, classes]`.
pub(super) struct Answers {
    /// The mean of all runs.
    pub(super) mean: Vec<f32>,
    /// Of each run, in their order.
    pub(super) each: Vec<Vec<f32>>,
}

impl Panel {
    /// Finds the runs and reads their best weights.
    pub(super) fn open(
        store: &RunStore,
        queries: &[&str],
        request: DeviceRequest,
        views: Views,
    ) -> Result<Self, CommandError> {
        let device = device::choose(request).map_err(|error| CommandError::Words(error.to_string()))?;
        device.note.iter().for_each(|note| output::note(&format!("mien: on the processor: {note}")));
        match kernels::keep(device.kind).and_then(|place| place.told) {
            Some(Told::FirstStart) => output::complain("compiling and tuning kernels: the first start takes a while"),
            Some(Told::NotKept(why)) => output::complain(&why),
            None => {}
        }
        fault::listen(Print::Nothing);
        let mut members: Vec<(RunId, Box<dyn Predict>)> = Vec::new();
        for query in queries {
            let id = store.find(query)?;
            if members.iter().any(|(other, _)| *other == id) {
                return Err(CommandError::Usage(format!("{id} is given twice: it would count double in the mean")));
            }
            let opened = guarded(|| predictor::open(&store.folder(&id), device.kind))?;
            let opened = opened.map_err(|error| CommandError::Words(format!("{id}: {error}")))?;
            members.push((id, opened));
        }
        let panel = Self { members, views };
        match panel.members.iter().find(|(_, member)| member.classes() != panel.classes()) {
            Some((other, member)) => Err(CommandError::Words(format!(
                "{} and {other} have other classes ({}; {}): a mean is of the same classes in the same order",
                panel.members[0].0,
                list(panel.classes()),
                list(member.classes())
            ))),
            None => Ok(panel),
        }
    }

    /// The classes of all runs.
    pub(super) fn classes(&self) -> &[String] {
        self.members[0].1.classes()
    }

    /// The names of the runs.
    pub(super) fn names(&self) -> Vec<String> {
        self.members.iter().map(|(id, _)| id.to_string()).collect()
    }

    /// The shape that each run's pictures have to be brought to.
    pub(super) fn shapes(&self) -> Vec<ImageShape> {
        self.members.iter().map(|(_, member)| member.image()).collect()
    }

    /// What each run says of every face of a group, in its order.
    pub(super) fn ask(&self, group: &[Ready]) -> Result<Answers, CommandError> {
        let faces = || group.iter().filter_map(|ready| ready.faces.as_ref().ok()).flatten();
        let of = |(number, (_, member)): (usize, &(RunId, Box<dyn Predict>))| {
            let pixels: Vec<Vec<u8>> = faces().map(|face| face.pixels[number].clone()).collect();
            guarded(|| member.predict(&pixels, self.views))
        };
        let each = self.members.iter().enumerate().map(of).collect::<Result<Vec<_>, _>>()?;
        Ok(Answers { mean: mean_probabilities(&each.iter().map(Vec::as_slice).collect::<Vec<_>>()), each })
    }
}

/// Does something on a device, whose failures are panics.
fn guarded<T>(act: impl FnOnce() -> T) -> Result<T, CommandError> {
    let done = catch_unwind(AssertUnwindSafe(act));
    device::take_refusal().iter().for_each(|message| output::complain(message));
    done.map_err(|panic| CommandError::Words(fault::explain(fault::message(&*panic), None).to_string()))
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| printable(name)).collect::<Vec<_>>().join(", ")
}
