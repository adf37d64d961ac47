//! Predictions by a child process.

use std::path::Path;
use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::text::printable;
use crate::supervise::prediction::FacePixels;
use crate::supervise::{PredictionProcess, PredictionRecord, PredictionUpdate};
use crate::tui::backend::Backend;
use crate::tui::messages::runs::{
    PredictedFace, PredictedPicture, PredictionNumber, PredictionProgress, PredictionSpec,
};
use crate::tui::screens::paths;
use crate::tui::widgets::faces::Face;

impl Backend {
    /// Starts a prediction, which ends an earlier one, and returns its first news.
    pub(super) fn predict(&self, order: &PredictionSpec) -> PredictionProgress {
        let end = match self.start_prediction(order) {
            Ok(prediction) => {
                let mut slot = self.prediction.lock().unwrap_or_else(PoisonError::into_inner);
                let is_latest = slot.running.as_ref().is_none_or(|(number, _)| *number < order.number);
                if is_latest && slot.ended < order.number {
                    slot.running = Some((order.number, prediction));
                }
                None
            }
            Err(error) => Some(Err(printable(&error))),
        };
        PredictionProgress { pictures: Vec::new(), end }
    }

    fn start_prediction(&self, order: &PredictionSpec) -> Result<PredictionProcess, String> {
        let sources = paths::sources(&order.sources);
        let watched = match (&sources[..], order.watch) {
            (_, false) => None,
            ([folder], true) if folder.is_dir() => Some(folder.as_path()),
            _ => return Err(format!("only a folder can be watched, and {} is none", order.sources)),
        };
        let home: &Path = self.store.home().path();
        PredictionProcess::start(home, &order.runs, &sources, watched).map_err(|error| error.to_string())
    }

    /// Returns the next news of a prediction, after a short wait at most. A later prediction has ended this one.
    pub(super) fn poll_predictions(&self, number: PredictionNumber) -> PredictionProgress {
        let mut slot = self.prediction.lock().unwrap_or_else(PoisonError::into_inner);
        let update = match slot.running.as_mut() {
            Some((of, prediction)) if *of == number => prediction.poll(),
            _ => return PredictionProgress { pictures: Vec::new(), end: Some(Ok(())) },
        };
        if update.end.is_some() {
            slot.running = None;
        }
        news(update)
    }

    /// Ends a prediction, also one that has not begun yet.
    pub(super) fn end_prediction(&self, number: PredictionNumber) {
        let mut slot = self.prediction.lock().unwrap_or_else(PoisonError::into_inner);
        slot.ended = slot.ended.max(number);
        if slot.running.as_ref().is_some_and(|(of, _)| *of <= number) {
            slot.running = None;
        }
    }
}

fn news(PredictionUpdate { records, end }: PredictionUpdate) -> PredictionProgress {
    PredictionProgress {
        pictures: records.into_iter().filter_map(picture).collect(),
        end: end.map(|end| end.map_err(|error| printable(&error))),
    }
}

/// Returns the face or the picture of a record; `None` for metrics.
fn picture(record: PredictionRecord) -> Option<PredictedPicture> {
    match record {
        PredictionRecord::Metrics { .. } => None,
        PredictionRecord::Unpredicted { source, error } => {
            Some(PredictedPicture { source: printable(&source), face: Err(printable(&error)) })
        }
        PredictionRecord::Face { source, area, probabilities, runs, pixels } => {
            let mut ranked: Vec<(&String, f32)> = probabilities.iter().map(|(class, share)| (class, *share)).collect();
            ranked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
            let by_run = runs.iter().map(|run| {
                let shares = ranked.iter().map(|(class, _)| run.probabilities.get(*class).copied().unwrap_or(f32::NAN));
                (printable(&run.run), shares.collect())
            });
            let face = PredictedFace {
                area,
                by_run: by_run.collect(),
                classes: ranked.iter().map(|(class, share)| (printable(class), *share)).collect(),
                picture: pixels.as_ref().and_then(decoded),
            };
            Some(PredictedPicture { source: printable(&source), face: Ok(face) })
        }
    }
}

/// Returns the picture of a face; `None` if its bytes are no picture.
fn decoded(pixels: &FacePixels) -> Option<Face> {
    let bytes = STANDARD.decode(&pixels.data).ok()?;
    let (width, channels) = (usize::try_from(pixels.width).ok()?, usize::try_from(pixels.channels).ok()?);
    let row = width.checked_mul(channels).filter(|row| *row > 0 && matches!(channels, 1 | 3))?;
    (!bytes.is_empty() && bytes.len() % row == 0).then(|| Face::new(width, channels, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_becomes_a_face_with_its_classes_by_probability() {
        let text = r#"{"source":"a\u001b.jpg","box":[1,2,3,4],"class":"sad","probabilities":{"happy":0.25,"sad":0.75},
            "runs":[{"run":"x","class":"happy","probabilities":{"happy":0.5,"sad":0.5}}],
            "pixels":{"width":2,"channels":1,"data":"AAECAw=="}}"#;
        let found = picture(serde_json::from_str(text).expect("a record")).expect("a picture");
        assert_eq!(found.source, "a·.jpg");
        let face = found.face.expect("a face");
        assert_eq!(face.classes, [("sad".to_owned(), 0.75), ("happy".to_owned(), 0.25)]);
        assert_eq!(face.by_run, [("x".to_owned(), vec![0.5, 0.5])]);
        assert_eq!(face.picture, Some(Face::gray(2, vec![0, 1, 2, 3])));
        for (width, channels, data) in
            [(3, 1, "AAECAw=="), (0, 1, "AAECAw=="), (1, 2, "AAECAw=="), (2, 1, "?"), (2, 1, "")]
        {
            let pixels = FacePixels { width, channels, data: data.into() };
            assert_eq!(decoded(&pixels), None, "{pixels:?}");
        }
    }
}
