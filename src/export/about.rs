//! The description of an exported network, from its run and checkpoint.

use super::graph::Graph;
use crate::checkpoint::State;
use crate::domain::ExportDescription;
use crate::domain::exported::TestMetrics;
use crate::runs::Summary;
use crate::weights;

/// Returns the description of the network whose weights belong to `state`.
#[must_use]
pub fn about(summary: &Summary, state: &State, graph: &Graph, base: Option<weights::Manifest>) -> ExportDescription {
    let (recipe, [channels, height, width]) = (&summary.recipe, graph.image());
    let colours = if channels == 1 { "gray" } else { "red, green, blue" };
    let tested = summary.test.as_ref().filter(|test| test.epoch == state.epoch && state.partial.is_none());
    ExportDescription {
        program: format!("mien {}", env!("CARGO_PKG_VERSION")),
        run: summary.id.to_string(),
        network: recipe.network_name().to_string(),
        classes: state.identity.classes.clone(),
        width,
        height,
        channels,
        input: format!("pixels from 0 to 255, {colours}, {width}×{height}; all scaling is inside"),
        dataset: recipe.dataset.to_string(),
        fingerprint: state.identity.fingerprint.clone(),
        epoch: state.epoch,
        precision: recipe.precision,
        preprocessing: base.as_ref().map(|base| base.preprocessing),
        licence: base.map(|base| base.licence),
        temperature: None,
        test: tested.map(|test| {
            let scores = test.confusion.scores();
            TestMetrics {
                accuracy: scores.accuracy,
                macro_f1: scores.f1,
                loss: test.loss,
                images: test.confusion.total(),
            }
        }),
    }
}
