//! The output: lines, records or rows for each group, and totals at the end.

mod metrics;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::picture::Face;
use super::predictors::Probabilities;
use super::reader::CroppedPicture;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::Format;
use crate::cli::output;
use crate::data::ImageShape;
use crate::domain::picture_counts::{NO_FACE, PictureCounts};
use crate::domain::text::printable;
use crate::supervise::prediction::FacePixels;
use metrics::{Metrics, argmax};

/// The printed output so far, counted.
pub(super) struct Report<'a> {
    runs: Vec<String>,
    classes: &'a [String],
    format: Format,
    /// The number of classes that a line of text lists.
    top: usize,
    /// The shape of the faces whose pixels are part of their records.
    pixels: Option<ImageShape>,
    counts: PictureCounts,
    metrics: Metrics<'a>,
}

/// A face, for scripts. Keys are stable: none is ever renamed.
#[derive(Serialize)]
struct Record<'a> {
    source: &'a str,
    #[serde(rename = "box")]
    area: Option<[u32; 4]>,
    #[serde(flatten)]
    prediction: Prediction<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<RunPrediction<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pixels: Option<FacePixels>,
}

/// The likeliest class of a face, and the probability of each class.
#[derive(Serialize)]
struct Prediction<'a> {
    class: &'a str,
    probabilities: ClassProbabilities<'a>,
}

#[derive(Serialize)]
struct RunPrediction<'a> {
    run: &'a str,
    #[serde(flatten)]
    prediction: Prediction<'a>,
}

/// A picture without a prediction. Keys are stable: none is ever renamed.
#[derive(Serialize)]
struct Unpredicted<'a> {
    source: &'a str,
    error: &'a str,
}

/// Classes and their probabilities, in the dataset's order.
struct ClassProbabilities<'a> {
    classes: &'a [String],
    values: &'a [f32],
}

impl Serialize for ClassProbabilities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        self.classes.iter().zip(self.values).try_for_each(|(class, value)| map.serialize_entry(class, value))?;
        map.end()
    }
}

/// A face with the probabilities of its classes.
struct PredictedFace<'a> {
    source: &'a str,
    face: &'a Face,
    /// The probabilities by the run, or the mean of several runs.
    probabilities: &'a [f32],
    /// The probabilities by each run; empty if there is only one run.
    by_run: Vec<&'a [f32]>,
}

impl<'a> Report<'a> {
    /// Returns the report of these runs. Prints the headings of a table.
    pub(super) fn new(
        runs: Vec<String>,
        classes: &'a [String],
        format: Format,
        top: usize,
    ) -> Result<Self, CommandError> {
        let metrics = Metrics::new(classes, runs.len());
        let report = Self { runs, classes, format, top, pixels: None, counts: PictureCounts::default(), metrics };
        if format.csv {
            let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
            let run = if report.runs.len() > 1 { names(&["run"]) } else { Vec::new() };
            let area = names(&["source", "x", "y", "width", "height"]);
            output::csv(&[[area, run, names(&["class"]), classes.to_vec(), names(&["error"])].concat()])?;
        }
        Ok(report)
    }

    /// Adds the pixels of faces, which have this shape, to their records.
    pub(super) fn add_pixels(&mut self, shape: ImageShape) {
        self.pixels = Some(shape);
    }

    /// Prints the predictions of a group and counts them.
    pub(super) fn print_group(
        &mut self,
        group: &[CroppedPicture],
        probabilities: &Probabilities,
    ) -> Result<(), CommandError> {
        let classes = self.classes.len();
        let mut next = 0;
        for CroppedPicture { source, faces } in group {
            self.counts.pictures += 1;
            let faces = match faces {
                Ok(faces) => faces,
                Err(error) => {
                    self.counts.add_unpredicted(error);
                    self.print_unpredicted(&source.name, error)?;
                    continue;
                }
            };
            if faces.is_empty() {
                self.counts.add_unpredicted(NO_FACE);
                self.print_unpredicted(&source.name, NO_FACE)?;
            }
            let predicted: Vec<PredictedFace<'_>> = faces
                .iter()
                .enumerate()
                .map(|(number, face)| {
                    let row = (next + number) * classes..(next + number + 1) * classes;
                    let by_run = probabilities.by_run.iter().filter(|_| probabilities.by_run.len() > 1);
                    let by_run = by_run.map(|values| &values[row.clone()]).collect();
                    PredictedFace { source: &source.name, face, probabilities: &probabilities.mean[row], by_run }
                })
                .collect();
            next += faces.len();
            predicted.iter().try_for_each(|face| self.print_face(face))?;
            faces.iter().for_each(|face| self.counts.add_face(face.area));
            let size = |predicted: &&PredictedFace<'_>| {
                predicted.face.area.map_or(0, |[_, _, width, height]| u64::from(width) * u64::from(height))
            };
            match (source.true_label, predicted.iter().max_by_key(size)) {
                (Some(true_label), Some(largest)) => {
                    self.metrics.add(true_label, largest.probabilities, &largest.by_run);
                }
                (Some(_), None) => self.metrics.add_unpredicted(),
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// Prints the reason why a picture has no prediction.
    fn print_unpredicted(&self, source: &str, error: &str) -> Result<(), CommandError> {
        match self.format {
            Format { json: true, .. } => output::record(&Unpredicted { source, error }),
            Format { csv: true, .. } => {
                let blank = 4 + usize::from(self.runs.len() > 1) + 1 + self.classes.len();
                let blanks = vec![String::new(); blank];
                output::csv(&[[vec![source.to_owned()], blanks, vec![error.to_owned()]].concat()])
            }
            Format { .. } if error == NO_FACE => output::line(&format!("{}  {NO_FACE}", printable(source))),
            Format { .. } => {
                output::print_error(&format!("{}: {}", printable(source), printable(error)));
                Ok(())
            }
        }
    }

    fn print_face(&self, predicted: &PredictedFace<'_>) -> Result<(), CommandError> {
        match self.format {
            Format { json: true, .. } => {
                let by_run = self.runs.iter().zip(&predicted.by_run);
                let by_run = by_run.map(|(run, values)| RunPrediction { run, prediction: self.prediction(values) });
                let (prediction, runs) = (self.prediction(predicted.probabilities), by_run.collect());
                let pixels = self.pixels.zip(predicted.face.pixels.first()).map(|(shape, bytes)| FacePixels {
                    width: shape.width,
                    channels: shape.channels,
                    data: STANDARD.encode(bytes),
                });
                let (source, area) = (predicted.source, predicted.face.area);
                output::record(&Record { source, area, prediction, runs, pixels })
            }
            Format { csv: true, .. } => output::csv(&self.rows(predicted)),
            Format { .. } => output::line(&self.text(predicted)),
        }
    }

    fn prediction<'b>(&'b self, values: &'b [f32]) -> Prediction<'b> {
        let probabilities = ClassProbabilities { classes: self.classes, values };
        Prediction { class: &self.classes[argmax(values)], probabilities }
    }

    /// Returns a row for the run; of several runs, one for the mean and one for each.
    fn rows(&self, predicted: &PredictedFace<'_>) -> Vec<Vec<String>> {
        let area = match predicted.face.area {
            Some(area) => area.map(|side| side.to_string()).to_vec(),
            None => vec![String::new(); 4],
        };
        let row = |run: Option<&str>, values: &[f32]| {
            let run = run.map(str::to_owned).into_iter().collect();
            let numbers = values.iter().map(ToString::to_string).collect();
            let class = self.classes[argmax(values)].clone();
            [vec![predicted.source.to_owned()], area.clone(), run, vec![class], numbers, vec![String::new()]].concat()
        };
        if predicted.by_run.is_empty() {
            return vec![row(None, predicted.probabilities)];
        }
        let each = self.runs.iter().zip(&predicted.by_run).map(|(run, values)| row(Some(run), values));
        std::iter::once(row(Some("mean"), predicted.probabilities)).chain(each).collect()
    }

    /// Returns source, box and the likeliest classes; of several runs, also the likeliest class by each.
    fn text(&self, predicted: &PredictedFace<'_>) -> String {
        let area = match predicted.face.area {
            Some([x, y, width, height]) => format!("{width}×{height} at {x},{y}"),
            None => "whole".into(),
        };
        let mean = self.ranked(predicted.probabilities, self.top);
        let each = self.runs.iter().zip(&predicted.by_run);
        let runs: Vec<String> = each.map(|(run, values)| format!("  | {run} {}", self.ranked(values, 1))).collect();
        let runs = runs.concat();
        printable(&format!("{}  {area}  {mean}{runs}", predicted.source))
    }

    /// Returns the likeliest `top` classes with their probabilities.
    fn ranked(&self, values: &[f32], top: usize) -> String {
        let mut order: Vec<usize> = (0..values.len()).collect();
        // Stable: of equals the first class comes first.
        order.sort_by(|one, other| values[*other].total_cmp(&values[*one]));
        let ranked = order.into_iter().take(top).map(|class| format!("{} {:.3}", self.classes[class], values[class]));
        ranked.collect::<Vec<_>>().join(", ")
    }

    /// Prints the metrics and the counts.
    pub(super) fn finish(&self) -> Result<Exit, CommandError> {
        match self.format {
            Format { json: true, .. } => self.metrics.print_record()?,
            // Otherwise a reader of the rows would take the metrics for rows.
            Format { csv: true, .. } => {
                output::note(&format!("{}{}", self.metrics.text(&self.runs), self.counts.text()));
            }
            Format { .. } => {
                output::print(&self.metrics.text(&self.runs))?;
                output::note(&self.counts.text());
            }
        }
        Ok(if self.counts.unread > 0 { Exit::Failed } else { Exit::Done })
    }
}
