//! `predict`: what runs say of pictures from outside.
//!
//! One thread reads, decodes and crops groups of pictures with all processors ([`group`], [`picture`]) while this one
//! asks the networks ([`asked`]) and prints ([`told`]). No more than a few groups are in memory.

mod asked;
mod group;
mod picture;
mod source;
mod told;
mod watched;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use clap::Args;

use super::arguments::Format;
use super::exit::{CommandError, Exit};
use super::interrupt::Interrupts;
use crate::detect::MARGIN;
use crate::domain::{DeviceRequest, Views};
use crate::runs::RunStore;
use asked::Panel;
use group::Job;
use picture::{Cutting, Faces};
use told::Report;

pub(super) const HELP: &str = "\
SOURCE is a file, a folder (with all folders in it), a pattern such as '*.jpg', an address (https://…), or `-` for a
list of these on stdin, one a line. A folder whose folders are named as the run's classes also gives accuracy, macro F1
and the confusion matrix; a picture counts by its largest face.

--json prints one record a line: {\"source\", \"box\": [x, y, width, height] or null, \"class\", \"probabilities\":
{class: p, …}}, or {\"source\", \"error\"}. `box` is null where the whole picture was taken. With --with, class and
probabilities are those of the mean, and `runs` lists those of each run. A folder of classes ends with {\"metrics\"}.

Exit codes:
  0    every picture could be read; whether a face was found in it does not matter
  1    a picture could not be read, which ended nothing; or there is no such run, or no picture
  2    wrong usage: an unknown option, or a value that is not accepted
  130  left with Ctrl-C, as --watch is";

/// How often Ctrl-C is looked for while pictures are read.
const GLANCE: Duration = Duration::from_millis(100);

/// Groups that wait for the networks.
const WAITING_GROUPS: usize = 2;

#[derive(Debug, Args)]
pub(super) struct Predict {
    /// Id, beginning of an id, or `latest`
    run: String,
    /// Files, folders, patterns, addresses, or `-` for a list on stdin
    #[arg(required_unless_present = "watch", value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Ask these runs too: each is told, behind the mean of all
    #[arg(long, value_name = "RUN", value_delimiter = ',')]
    with: Vec<String>,
    /// Which faces: auto (all that are found; a small, nearly square picture without one is taken whole), all, largest,
    /// or none (every picture is a face already and taken whole)
    #[arg(long, value_enum, default_value_t = Faces::Auto)]
    faces: Faces,
    /// How high the part around a face is, by the longer side of its box; the default is that of FER-2013's pictures
    #[arg(long, value_name = "FACTOR", default_value_t = MARGIN, value_parser = margin)]
    margin: f32,
    /// Views of each face whose probabilities are averaged: 1, 2 (mirrored) or 10 (corners too)
    #[arg(long, value_name = "N", default_value = "1", value_parser = views)]
    views: Views,
    /// How many classes a line of text tells, the likeliest first; JSON and CSV tell all
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// auto, cpu, cuda or cuda:N. The start of a GPU takes longer than a few hundred pictures on the processor
    #[arg(long, default_value = "cpu")]
    device: DeviceRequest,
    /// After the sources, wait for pictures that come into this folder or change in it, until Ctrl-C
    #[arg(long, value_name = "FOLDER")]
    watch: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// `predict`.
pub(super) fn run(store: &RunStore, predict: &Predict) -> Result<Exit, CommandError> {
    let queries: Vec<&str> = std::iter::once(&predict.run).chain(&predict.with).map(String::as_str).collect();
    let panel = Panel::open(store, &queries, predict.device, predict.views)?;
    let interrupts = Interrupts::listen()?;
    let stop = Arc::new(AtomicBool::new(false));
    let watched = predict.watch.as_deref().map(watched::Watched::open).transpose()?;
    let cutting = Cutting { faces: predict.faces, margin: predict.margin, shapes: panel.shapes() };
    let job = Job {
        sources: predict.sources.clone(),
        watched,
        classes: panel.classes().to_vec(),
        cutting,
        stop: Arc::clone(&stop),
    };
    let groups = job.start(WAITING_GROUPS)?;
    let mut report = Report::new(panel.names(), panel.classes(), predict.format, usize::from(predict.top))?;
    loop {
        match groups.recv_timeout(GLANCE) {
            Ok(group) => {
                let answers = panel.ask(&group)?;
                report.tell(&group, &answers)?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return report.finish(),
        }
        if interrupts.pending() {
            stop.store(true, Ordering::Relaxed);
            report.finish()?;
            return Ok(Exit::Stopped);
        }
    }
}

fn views(text: &str) -> Result<Views, String> {
    let count = text.parse::<u32>().map_err(|_| "use 1, 2 or 10".to_owned())?;
    Views::try_from(count).map_err(|error| error.to_string())
}

fn margin(text: &str) -> Result<f32, String> {
    let factor = text.parse().ok().filter(|factor: &f32| (0.5..=4.0).contains(factor));
    factor.ok_or_else(|| "a factor is from 0.5 to 4, such as 1.3".into())
}
