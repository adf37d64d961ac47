//! The trained network of a run: graph, tensors and description.

use super::about::about;
use super::error::ExportError;
use super::graph::Graph;
use crate::checkpoint::{self, Checkpoint};
use crate::data::Manifest;
use crate::domain::arrays::find;
use crate::domain::network::ResolvedNetwork;
use crate::domain::{Arrays, ExportDescription, Recipe, RunId};
use crate::runs::{Home, RunStore};
use crate::weights;

/// The saved weights of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SavedWeights {
    /// The weights of the best epoch.
    Best,
    /// The weights of the newest checkpoint.
    Last,
}

/// A trained network, independent of its run and its base.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedNetwork {
    /// The operations from pixels to logits.
    pub graph: Graph,
    /// The tensors of all layers by name.
    pub arrays: Arrays,
    /// The description that every file contains.
    pub about: ExportDescription,
}

impl TrainedNetwork {
    /// Reads the trained network of a run: graph, tensors and description. Averaged weights replace the others where
    /// the run has them.
    ///
    /// # Errors
    /// If the run has no such weights, a file is damaged, or the base is missing or not the run's.
    pub fn read(store: &RunStore, id: &RunId, which: SavedWeights) -> Result<Self, ExportError> {
        let folder = store.folder(id);
        let file = match which {
            SavedWeights::Best => folder.best_checkpoint(),
            SavedWeights::Last => folder.last_checkpoint(),
        };
        if !file.exists() {
            return Err(ExportError::Unsaved { run: id.clone(), which });
        }
        let (recipe, summary) = (folder.recipe()?, store.summary(id)?);
        let Checkpoint { state, arrays } = Checkpoint::read(&file)?;
        let identity = &state.identity;
        let resolved = recipe.resolve(identity.image, identity.classes.len())?;
        let mut arrays = checkpoint::evaluated_arrays(arrays);
        let base = add_base(store.home(), &recipe, &mut arrays)?;
        let arrays = of_network(&resolved, &arrays)?;
        let image = stored_image(store.home(), &recipe);
        let graph =
            Graph::new(&resolved, image.unwrap_or(resolved.input), base.as_ref().map(|base| base.preprocessing));
        let about = about(&summary.summary, &state, &graph, base);
        Ok(Self { graph, arrays, about })
    }

    /// Divides the logits by this temperature, in weights and bias of the last layer, so that every kind of file has
    /// calibrated probabilities.
    pub fn calibrate(&mut self, temperature: f64) {
        let tensors = self.graph.layers().last().map(|layer| layer.tensors.clone()).unwrap_or_default();
        for tensor in tensors {
            let values = self.arrays.get_mut(&tensor.name).map(|array| array.values.iter_mut());
            values.into_iter().flatten().for_each(|value| *value = divided(*value, temperature));
        }
        self.about.temperature = Some(temperature);
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a weight is f32")]
fn divided(value: f32, by: f64) -> f32 {
    (f64::from(value) / by) as f32
}

/// Returns channels, height and width of the images of a run; `None` where its dataset was deleted or has another
/// fingerprint.
fn stored_image(home: &Home, recipe: &Recipe) -> Option<[usize; 3]> {
    let manifest = Manifest::read(&home.dataset(&recipe.dataset)).ok()?;
    let image = manifest.image;
    let sides = [image.channels, image.height, image.width].map(|side| side as usize);
    (manifest.fingerprint == recipe.fingerprint).then_some(sides)
}

/// Adds the imported tensors that the run did not train. Returns the manifest of the base.
fn add_base(home: &Home, recipe: &Recipe, arrays: &mut Arrays) -> Result<Option<weights::Manifest>, ExportError> {
    let (Some(transfer), Some(pretrained)) = (&recipe.transfer, recipe.architecture().pretrained) else {
        return Ok(None);
    };
    let base = weights::of_recipe(&home.weights_file(&transfer.weights), recipe, transfer)?;
    for (name, array) in base.arrays_of(recipe.network_name()) {
        arrays.entry(format!("{}{name}", pretrained.prefix)).or_insert(array);
    }
    Ok(Some(base.manifest().clone()))
}

/// Returns only the tensors of the network's layers.
fn of_network(resolved: &ResolvedNetwork, arrays: &Arrays) -> Result<Arrays, ExportError> {
    let tensors = resolved.layers().flat_map(|layer| &layer.tensors);
    tensors.map(|tensor| Ok((tensor.name.clone(), find(arrays, &tensor.name, &tensor.shape)?.clone()))).collect()
}
