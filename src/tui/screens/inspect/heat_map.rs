//! The heat map over the selected image: its request, its colours, its words.

use std::sync::Arc;

use super::run;
use super::state::HeatMapClass;
use crate::domain::{HeatMap, Split};
use crate::runs::inspection::ScoredImage;
use crate::supervise::HeatMaps;
use crate::tui::messages::inspect::{HeatMapRequest, SourcedImage};
use crate::tui::messages::{Effect, InspectEffect};
use crate::tui::state::State;
use crate::tui::widgets::faces::Face;

/// The maximum number of images with maps in memory.
const KEPT: usize = 1_024;

/// Shows the next kind of map: of the predicted class, of the true class, none.
pub(super) fn next(state: &mut State) -> Vec<Effect> {
    let wrong = state.inspect.picked().is_some_and(|picked| picked.truth != picked.predicted);
    let heat = &mut state.inspect.heat;
    heat.shown = match heat.shown {
        None => Some(HeatMapClass::Predicted),
        Some(HeatMapClass::Predicted) if wrong => Some(HeatMapClass::Truth),
        Some(_) => None,
    };
    // A failure may have passed, such as a missing file.
    heat.known.retain(|_, maps| maps.is_ok());
    request(state)
}

/// Requests the maps of the selected image, unless they are known, not wanted, or others are being computed.
pub(super) fn request(state: &mut State) -> Vec<Effect> {
    let Some(subject) = subject(state) else { return Vec::new() };
    let heat = &mut state.inspect.heat;
    if heat.shown.is_none() || heat.computing.is_some() || heat.known.contains_key(&subject) {
        return Vec::new();
    }
    heat.computing = Some(subject.clone());
    vec![Effect::Inspect(InspectEffect::ComputeHeatMaps(subject))]
}

/// Stores computed maps. Requests those of the image that is selected now.
pub(super) fn on_maps(state: &mut State, subject: HeatMapRequest, maps: Result<HeatMaps, String>) -> Vec<Effect> {
    let heat = &mut state.inspect.heat;
    heat.computing = None;
    if heat.known.len() >= KEPT {
        heat.known.clear();
    }
    heat.known.insert(subject, maps.map(Arc::new));
    request(state)
}

/// Returns the selected image as a subject of maps; `None` where the shown predictions are not of the best weights.
fn subject(state: &State) -> Option<HeatMapRequest> {
    let inspect = &state.inspect;
    let summary = run(state)?.summary.as_ref().ok()?;
    let best = summary.test.as_ref().map_or(summary.early_stopping.best_epoch, |test| test.epoch);
    let of_best = inspect.split != Split::Validation || inspect.report()?.epoch == Some(best);
    let index = inspect.picked()?.index;
    of_best.then(|| HeatMapRequest { run: summary.id.clone(), split: inspect.split, index, best })
}

fn map(maps: &HeatMaps, class: HeatMapClass) -> &HeatMap {
    match class {
        HeatMapClass::Predicted => &maps.predicted,
        HeatMapClass::Truth => &maps.truth,
    }
}

/// Returns the image with the chosen heat map over it, or unchanged.
pub(super) fn draw_over(state: &State, shown: &Arc<SourcedImage>) -> Arc<SourcedImage> {
    let heat = &state.inspect.heat;
    let known = heat.shown.zip(subject(state).and_then(|subject| heat.known.get(&subject)));
    let Some((class, Ok(maps))) = known else { return Arc::clone(shown) };
    let face = &shown.face;
    let pixels = map(maps, class).draw_over(&face.pixels, [face.height(), face.width, face.channels]);
    Arc::new(SourcedImage { face: Face::new(face.width, 3, pixels), source: shown.source.clone() })
}

/// Returns the class of the shown heat map, or the reason why there is none; empty if heat maps are off.
pub(super) fn words(state: &State, picked: &ScoredImage, classes: &[String]) -> String {
    let heat = &state.inspect.heat;
    let Some(class) = heat.shown else { return String::new() };
    let label = if class == HeatMapClass::Predicted { picked.predicted } else { picked.truth };
    let name = classes.get(label).map_or("", String::as_str);
    match subject(state).map(|subject| heat.known.get(&subject)) {
        None => "heat maps are by the best weights: show another epoch by [ and ]".into(),
        Some(None) => format!("computing the heat map of {name} …"),
        Some(Some(Err(reason))) => reason.clone(),
        Some(Some(Ok(maps))) if map(maps, class).values.iter().all(|value| *value <= 0.0) => {
            format!("no place speaks for {name}")
        }
        Some(Some(Ok(_))) => format!("heat map of {name}"),
    }
}
