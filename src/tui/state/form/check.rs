//! What is wrong with the form, line by line and in words.

use super::{Field, Form, Ground};
use crate::domain::{Hyperparameter, Practice, RunId, Split, Transfer};
use crate::runs::Summary;
use crate::weights::ADVICE;

impl Form {
    /// What is wrong with a line, if anything.
    #[must_use]
    pub fn error(&self, field: Field, ground: &Ground<'_>) -> Option<String> {
        match field {
            Field::Dataset => self.check_dataset(ground).err(),
            Field::Weights => self.check_weights(ground).err(),
            Field::From => self.check_start(ground).err(),
            Field::Without => self.check_without(ground).err(),
            Field::Setting(setting) => self.check_setting(setting, ground).err(),
            Field::Name => RunId::of_new_run(self.name.text()).err().map(|error| error.to_string()),
            Field::Strategy | Field::Launch => None,
        }
    }

    /// The first line that is wrong, and what is wrong with it.
    #[must_use]
    pub fn first_error(&self, ground: &Ground<'_>) -> Option<(Field, String)> {
        self.fields().into_iter().find_map(|field| Some((field, self.error(field, ground)?)))
    }

    fn check_dataset(&self, ground: &Ground<'_>) -> Result<(), String> {
        let Some(name) = &self.dataset else {
            return Err("there is no dataset yet: see screen 1".into());
        };
        let Some(dataset) = ground.data.find(name) else {
            return Err(format!("there is no dataset '{name}': choose another with ← →"));
        };
        for split in [Split::Train, Split::Validation] {
            if dataset.counts().get(split) == 0 {
                let advice = "import it with a larger --validation, or with more images";
                return Err(format!("the dataset {name} has no {split} images: {advice}"));
            }
        }
        let image = [dataset.height, dataset.width, dataset.channels].map(|side| side as usize);
        let mut drafts = self.practice.strategies().filter_map(|strategy| self.draft(strategy, ground));
        drafts.try_for_each(|recipe| recipe.resolve(image, dataset.classes.len()).map(drop)).map_err(|e| e.to_string())
    }

    fn check_without(&self, ground: &Ground<'_>) -> Result<(), String> {
        let (left_out, dataset) = (self.left_out(ground), self.dataset(ground));
        let unknown = dataset.and_then(|dataset| dataset.marks_error.as_ref());
        if let Some(error) = unknown.filter(|_| self.without.is_none()) {
            return Err(format!("{error}; or choose none with ← →"));
        }
        // Training images lie class by class.
        let mut first = 0;
        for (name, counts) in dataset.iter().flat_map(|dataset| &dataset.classes) {
            let last = first + counts.train;
            let taken = (first..last).filter(|image| u32::try_from(*image).is_ok_and(|image| left_out.contains(image)));
            if counts.train > 0 && taken.count() == counts.train {
                let advice = "take marks off on Inspect (5), or choose none";
                return Err(format!("that leaves no training image of the class {name}: {advice}"));
            }
            first = last;
        }
        Ok(())
    }

    fn check_weights(&self, ground: &Ground<'_>) -> Result<(), String> {
        let weights = ground.weights;
        if let Some(error) = &weights.error {
            return Err(error.clone());
        }
        let Some(name) = self.weights(ground) else {
            let none = format!("there are no pretrained weights yet: {ADVICE}");
            return Err(if weights.loaded { none } else { "the weights are not read yet".into() });
        };
        match weights.find(name) {
            Some(Ok(_)) => Ok(()),
            Some(Err(reason)) => Err(reason.clone()),
            None if weights.entries.is_empty() => Err(format!("there are no weights '{name}': {ADVICE}")),
            None => Err(format!("there are no weights '{name}': choose others with ← →")),
        }
    }

    fn check_start(&self, ground: &Ground<'_>) -> Result<(), String> {
        let Some(run) = self.start(ground) else {
            return Err(match &self.from {
                Some(name) => format!("there is no run {name}: choose another with ← →"),
                None => "there is no features run to start from yet: train one first, strategy features".into(),
            });
        };
        let summary = run.summary.as_ref().map_err(|error| format!("{} cannot be read: {error}", run.id))?;
        let Some(transfer) = &summary.recipe.transfer else {
            let strategy = summary.recipe.strategy;
            return Err(format!("{} is a {strategy} run: fine-tuning starts from a features run", run.id));
        };
        if !run.saved && !ground.is_active(run) {
            let advice = "let it train for an epoch at least, or start from another run";
            return Err(format!("{} has saved no weights yet: {advice}", run.id));
        }
        same_dataset(summary, ground)?;
        same_base(summary, transfer, ground)
    }

    fn check_setting(&self, setting: Hyperparameter, ground: &Ground<'_>) -> Result<(), String> {
        let value = self.value(setting, ground);
        if value.text().trim().is_empty() && self.default_of(setting, ground).is_none() {
            return Ok(());
        }
        let mut recipe = self.practice.sample();
        setting.set(&mut recipe, value.text()).map_err(|error| error.to_string())?;
        if setting != Hyperparameter::Unfreeze || self.practice == Practice::All {
            return Ok(());
        }
        let Some(run) = self.start(ground) else { return Ok(()) };
        let start = run.summary.as_ref().ok().and_then(|summary| summary.recipe.transfer.as_ref());
        match (&recipe.transfer, start) {
            (Some(wanted), Some(start)) => wanted.check_start(&run.id, start, &recipe.architecture()),
            _ => Ok(()),
        }
    }
}

/// Whether the dataset that a run was trained on is still there.
fn same_dataset(run: &Summary, ground: &Ground<'_>) -> Result<(), String> {
    let (id, name) = (&run.id, &run.recipe.dataset);
    match ground.data.find(name) {
        Some(dataset) if dataset.fingerprint == run.recipe.fingerprint => Ok(()),
        Some(_) => Err(format!("the dataset {name} is another one than {id} was trained on")),
        None => Err(format!("the dataset {name}, on which {id} was trained, is not there: import it again")),
    }
}

/// Whether the base that a run was built on is still there.
fn same_base(run: &Summary, transfer: &Transfer, ground: &Ground<'_>) -> Result<(), String> {
    let (id, name) = (&run.id, &transfer.weights);
    match ground.weights.find(name) {
        Some(Ok(base)) if base.identity() == transfer.base => Ok(()),
        Some(Ok(_)) => Err(format!("the weights {name} are others than {id} was trained on")),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err(format!("the weights {name}, on which {id} is built, are not there: {ADVICE}")),
    }
}
