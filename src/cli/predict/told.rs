//! What is printed: lines, records or rows as they come, and at the end what it amounts to.

mod measured;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::asked::Answers;
use super::group::Ready;
use super::picture::Face;
use crate::cli::arguments::Format;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::output;
use crate::cli::table::thousands;
use crate::domain::text::printable;
use measured::Measured;

/// What a picture without a face is told as.
const NO_FACE: &str = "no face was found; --faces none takes pictures whole";

/// What has been told so far.
pub(super) struct Report<'a> {
    runs: Vec<String>,
    classes: &'a [String],
    format: Format,
    /// How many classes a line of text tells.
    top: usize,
    counts: Counts,
    measured: Measured<'a>,
}

#[derive(Debug, Default)]
struct Counts {
    pictures: usize,
    faces: usize,
    /// Pictures that were taken whole.
    whole: usize,
    without: usize,
    unread: usize,
}

/// One face, for scripts. Keys are a promise: add, never rename.
#[derive(Serialize)]
struct Record<'a> {
    source: &'a str,
    #[serde(rename = "box")]
    area: Option<[u32; 4]>,
    #[serde(flatten)]
    said: Said<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<OfRun<'a>>,
}

/// What is said of a face: the likeliest class, and the probability of each.
#[derive(Serialize)]
struct Said<'a> {
    class: &'a str,
    probabilities: Probabilities<'a>,
}

#[derive(Serialize)]
struct OfRun<'a> {
    run: &'a str,
    #[serde(flatten)]
    said: Said<'a>,
}

/// A picture of which nothing can be said.
#[derive(Serialize)]
struct Unread<'a> {
    source: &'a str,
    error: &'a str,
}

/// Classes and their probabilities, in the dataset's order.
struct Probabilities<'a> {
    classes: &'a [String],
    values: &'a [f32],
}

impl Serialize for Probabilities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        self.classes.iter().zip(self.values).try_for_each(|(class, value)| map.serialize_entry(class, value))?;
        map.end()
    }
}

/// A face with what is said of it.
struct Told<'a> {
    source: &'a str,
    face: &'a Face,
    mean: &'a [f32],
    /// Of each run; empty where there is one.
    each: Vec<&'a [f32]>,
}

impl<'a> Report<'a> {
    /// Begins; the headings of a table are printed at once.
    pub(super) fn new(
        runs: Vec<String>,
        classes: &'a [String],
        format: Format,
        top: usize,
    ) -> Result<Self, CommandError> {
        let measured = Measured::new(classes, runs.len());
        let report = Self { runs, classes, format, top, counts: Counts::default(), measured };
        if format.csv {
            let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
            let run = if report.runs.len() > 1 { names(&["run"]) } else { Vec::new() };
            let place = names(&["source", "x", "y", "width", "height"]);
            output::csv(&[[place, run, names(&["class"]), classes.to_vec(), names(&["error"])].concat()])?;
        }
        Ok(report)
    }

    /// Tells what is said of a group.
    pub(super) fn tell(&mut self, group: &[Ready], answers: &Answers) -> Result<(), CommandError> {
        let classes = self.classes.len();
        let mut next = 0;
        for Ready { source, faces } in group {
            self.counts.pictures += 1;
            let faces = match faces {
                Ok(faces) => faces,
                Err(error) => {
                    self.counts.unread += 1;
                    self.tell_nothing(&source.name, error)?;
                    continue;
                }
            };
            if faces.is_empty() {
                self.counts.without += 1;
                self.tell_nothing(&source.name, NO_FACE)?;
            }
            let rows: Vec<Told<'_>> = faces
                .iter()
                .enumerate()
                .map(|(number, face)| {
                    let row = (next + number) * classes..(next + number + 1) * classes;
                    let each = answers.each.iter().filter(|_| answers.each.len() > 1);
                    let each = each.map(|of| &of[row.clone()]).collect();
                    Told { source: &source.name, face, mean: &answers.mean[row], each }
                })
                .collect();
            next += faces.len();
            rows.iter().try_for_each(|told| self.tell_face(told))?;
            self.counts.faces += faces.iter().filter(|face| face.area.is_some()).count();
            self.counts.whole += faces.iter().filter(|face| face.area.is_none()).count();
            let size = |told: &&Told<'_>| {
                told.face.area.map_or(0, |[_, _, width, height]| u64::from(width) * u64::from(height))
            };
            match (source.truth, rows.iter().max_by_key(size)) {
                (Some(truth), Some(told)) => self.measured.add(truth, told.mean, &told.each),
                (Some(_), None) => self.measured.miss(),
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// Tells why nothing can be said of a picture.
    fn tell_nothing(&self, source: &str, error: &str) -> Result<(), CommandError> {
        match self.format {
            Format { json: true, .. } => output::record(&Unread { source, error }),
            Format { csv: true, .. } => {
                let blank = 4 + usize::from(self.runs.len() > 1) + 1 + self.classes.len();
                let blanks = vec![String::new(); blank];
                output::csv(&[[vec![source.to_owned()], blanks, vec![error.to_owned()]].concat()])
            }
            Format { .. } if error == NO_FACE => output::line(&format!("{}  {NO_FACE}", printable(source))),
            Format { .. } => {
                output::complain(&format!("{}: {}", printable(source), printable(error)));
                Ok(())
            }
        }
    }

    fn tell_face(&self, told: &Told<'_>) -> Result<(), CommandError> {
        match self.format {
            Format { json: true, .. } => {
                let each = self.runs.iter().zip(&told.each);
                let runs = each.map(|(run, values)| OfRun { run, said: self.said(values) }).collect();
                let said = self.said(told.mean);
                output::record(&Record { source: told.source, area: told.face.area, said, runs })
            }
            Format { csv: true, .. } => output::csv(&self.rows(told)),
            Format { .. } => output::line(&self.text(told)),
        }
    }

    fn said<'b>(&'b self, values: &'b [f32]) -> Said<'b> {
        let probabilities = Probabilities { classes: self.classes, values };
        Said { class: &self.classes[likeliest(values)], probabilities }
    }

    /// A row for the run; of several, one for the mean and one for each.
    fn rows(&self, told: &Told<'_>) -> Vec<Vec<String>> {
        let area = match told.face.area {
            Some(area) => area.map(|side| side.to_string()).to_vec(),
            None => vec![String::new(); 4],
        };
        let row = |run: Option<&str>, values: &[f32]| {
            let run = run.map(str::to_owned).into_iter().collect();
            let numbers = values.iter().map(ToString::to_string).collect();
            let class = self.classes[likeliest(values)].clone();
            [vec![told.source.to_owned()], area.clone(), run, vec![class], numbers, vec![String::new()]].concat()
        };
        if told.each.is_empty() {
            return vec![row(None, told.mean)];
        }
        let each = self.runs.iter().zip(&told.each).map(|(run, values)| row(Some(run), values));
        std::iter::once(row(Some("mean"), told.mean)).chain(each).collect()
    }

    /// The source, the box, and the likeliest classes; of several runs, what each takes for the likeliest.
    fn text(&self, told: &Told<'_>) -> String {
        let place = match told.face.area {
            Some([x, y, width, height]) => format!("{width}×{height} at {x},{y}"),
            None => "whole".into(),
        };
        let mean = self.ranked(told.mean, self.top);
        let each = self.runs.iter().zip(&told.each);
        let runs: Vec<String> = each.map(|(run, values)| format!("  | {run} {}", self.ranked(values, 1))).collect();
        let runs = runs.concat();
        printable(&format!("{}  {place}  {mean}{runs}", told.source))
    }

    fn ranked(&self, values: &[f32], top: usize) -> String {
        let mut order: Vec<usize> = (0..values.len()).collect();
        // Stable: of equals the first class comes first.
        order.sort_by(|one, other| values[*other].total_cmp(&values[*one]));
        let told = order.into_iter().take(top).map(|class| format!("{} {:.3}", self.classes[class], values[class]));
        told.collect::<Vec<_>>().join(", ")
    }

    /// Tells what it amounts to.
    pub(super) fn finish(&self) -> Result<Exit, CommandError> {
        match self.format {
            Format { json: true, .. } => self.measured.record()?,
            // The rows are not to be followed by anything else.
            Format { csv: true, .. } => {
                output::note(&format!("{}{}", self.measured.text(&self.runs), self.counts.text()));
            }
            Format { .. } => {
                output::print(&self.measured.text(&self.runs))?;
                output::note(&self.counts.text());
            }
        }
        Ok(if self.counts.unread > 0 { Exit::Failed } else { Exit::Done })
    }
}

impl Counts {
    fn text(&self) -> String {
        let some = |count: usize, words: &str| (count > 0).then(|| format!("{} {words}", thousands(count)));
        let parts = [
            some(self.faces, if self.faces == 1 { "face" } else { "faces" }),
            some(self.whole, "taken whole"),
            some(self.without, "without a face"),
            some(self.unread, "that could not be read"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let pictures = if self.pictures == 1 { "picture" } else { "pictures" };
        let pictures = format!("{} {pictures}", thousands(self.pictures));
        if parts.is_empty() { pictures } else { format!("{pictures}: {}", parts.join(", ")) }
    }
}

/// The class with the largest probability; of equals the first, as in evaluations.
fn likeliest(values: &[f32]) -> usize {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    values.iter().position(|value| *value >= largest).unwrap_or(0)
}
