//! `predict`: a run's predictions for pictures from outside.
//!
//! A second thread reads, decodes and crops groups of pictures on all cores ([`reader`], [`picture`]). Meanwhile the
//! first runs the networks ([`predictors`]) and prints ([`report`]). No more than a few groups are in memory.

mod picture;
mod predictors;
mod reader;
mod report;
mod source;
mod watched_folder;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::interrupt::Interrupts;
use crate::cli::invocation::Invocation;
use crate::cli::options::{Format, whole_number};
use crate::cli::output;
use crate::detect::MARGIN;
use crate::domain::{DeviceRequest, Views};
use picture::{FaceChoice, FaceCropper};
use predictors::Predictors;
use reader::ReaderInput;
use report::Report;
use watched_folder::WatchedFolder;

const HELP: &str = "\
SOURCE is a file, a folder (with all folders in it), a pattern such as '*.jpg', an address
(https://…), or `-` for a list of these on stdin, one a line. A folder whose subfolders are named
as the run's classes also gives accuracy, macro F1 and the confusion matrix. Of each picture, the
largest face counts.

--json prints one record a line: {\"source\", \"box\": [x, y, width, height] or null, \"class\",
\"probabilities\": {class: p, …}}, or {\"source\", \"error\"}. `box` is null where the whole picture
was taken. With --with, class and probabilities are those of the mean, and `runs` lists those of
each run. A folder of classes ends with {\"metrics\"}.

Exit codes:
  0    every picture could be read; whether a face was found in it does not matter
  1    a picture could not be read, though all others were; or there is no such run, or no picture
  2    wrong usage: an unknown option, or a value that is not accepted
  130  ended by Ctrl-C, as --watch always is";

/// Time between two checks for Ctrl-C while pictures are read.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Groups that wait for the networks.
const WAITING_GROUPS: usize = 2;

/// Predict the classes of pictures: of photographs, in which faces are found, or of faces that were cut out
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Predict {
    /// Id, beginning of an id, or `latest`
    run: String,
    /// Files, folders, patterns, addresses, or `-` for a list on stdin
    #[arg(required_unless_present = "watch", value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Predict with these runs too: the mean of all is printed, then each run's prediction
    #[arg(long, value_name = "RUN", value_delimiter = ',')]
    with: Vec<String>,
    /// The faces to predict; `auto` takes a small, nearly square picture without a face whole
    #[arg(long, value_enum, default_value_t = FaceChoice::Auto)]
    faces: FaceChoice,
    /// The height of the part around a face, in longer sides of its box; the default fits FER-2013's pictures
    #[arg(long, value_name = "FACTOR", default_value_t = MARGIN, value_parser = margin)]
    margin: f32,
    /// Views of each face whose probabilities are averaged: 1, 2 (mirrored) or 10 (corners too)
    #[arg(long, value_name = "N", default_value = "1", value_parser = views)]
    views: Views,
    /// Scale the probabilities by the temperature that `show` and `inspect` print, so that they agree with frequencies
    #[arg(long)]
    calibrated: bool,
    /// How many classes a line of text lists, the likeliest first; JSON and CSV list all
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = whole_number::<u16>(1, u16::MAX.into()))]
    top: u16,
    /// auto, cpu, cuda or cuda:N. The start of a GPU takes longer than a few hundred pictures on the CPU
    #[arg(long, default_value = "cpu")]
    device: DeviceRequest,
    /// After the sources, wait for pictures that come into this folder or change in it, until Ctrl-C
    #[arg(long, value_name = "FOLDER")]
    watch: Option<PathBuf>,
    /// Add the pixels of each face to its record, for the dashboard
    #[arg(long, hide = true, requires = "json")]
    pixels: bool,
    #[command(flatten)]
    format: Format,
}

impl Predict {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        if self.calibrated && self.views.count() > 1 {
            let message =
                "--calibrated is for one view of a face: the temperature is fitted to plain validation images";
            return Err(CommandError::Usage(message.into()));
        }
        let queries: Vec<&str> = std::iter::once(&self.run).chain(&self.with).map(String::as_str).collect();
        let predictors = Predictors::open(&store, &queries, self.device, self.views, self.calibrated)?;
        let interrupts = Interrupts::listen()?;
        let stop = Arc::new(AtomicBool::new(false));
        let watched = self.watch.as_deref().map(WatchedFolder::open).transpose()?;
        let input = ReaderInput {
            sources: self.sources,
            watched,
            classes: predictors.classes().to_vec(),
            cropper: FaceCropper { choice: self.faces, margin: self.margin, shapes: predictors.shapes() },
            stop: Arc::clone(&stop),
        };
        let groups = input.start(WAITING_GROUPS)?;
        let shape = predictors.shapes()[0].0;
        let mut report = Report::new(predictors.names(), predictors.classes(), self.format, usize::from(self.top))?;
        if self.pixels {
            report.add_pixels(shape);
        }
        loop {
            match groups.recv_timeout(POLL_INTERVAL) {
                Ok(group) => {
                    let probabilities = predictors.predict(&group)?;
                    report.print_group(&group, &probabilities)?;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return report.finish(),
            }
            if interrupts.pending() || output::is_closed() {
                stop.store(true, Ordering::Relaxed);
                report.finish()?;
                return Ok(Exit::Stopped);
            }
        }
    }
}

fn views(text: &str) -> Result<Views, String> {
    let count = text.parse::<u32>().map_err(|_| "use 1, 2 or 10".to_owned())?;
    Views::try_from(count).map_err(|error| error.to_string())
}

fn margin(text: &str) -> Result<f32, String> {
    let factor = text.parse().ok().filter(|factor: &f32| (0.5..=4.0).contains(factor));
    factor.ok_or_else(|| "must be a factor from 0.5 to 4, such as 1.3".into())
}
