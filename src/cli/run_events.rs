//! Prints the events of a followed run as lines with a progress bar, or as raw records.

use std::io::{self, IsTerminal};

use indicatif::ProgressBar;

use super::exit::CommandError;
use super::expected_time::clock_in;
use super::options::Output;
use super::output;
use super::progress::bar_style;
use crate::events::{Event, Record};
use crate::runs::estimate::run_left;
use crate::runs::{Summary, event_text};
use crate::supervise::now;

/// The prefix of the bar while features are computed.
const FEATURES: &str = "features";

/// The stream and the format of printed events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventFormat {
    /// Lines on stdout.
    Stdout,
    /// Lines on stderr, so that stdout holds only JSON.
    Stderr,
    /// The log's records on stdout, one JSON object a line.
    Records,
}

/// Prints the events of a run as they come.
#[derive(Debug)]
pub(super) struct EventPrinter {
    format: EventFormat,
    /// Only where stderr is a terminal.
    bar: Option<ProgressBar>,
}

impl EventPrinter {
    /// Returns a printer; it has a bar if stderr is a terminal and events are lines.
    pub(super) fn new(format: EventFormat) -> Self {
        let has_bar = format != EventFormat::Records && io::stderr().is_terminal();
        Self { format, bar: has_bar.then(bar) }
    }

    /// Returns a printer for a command that prints its result after the events. With `--json`, events are printed on
    /// stderr, so that stdout holds only the result.
    pub(super) fn before_result(Output { json }: Output) -> Self {
        Self::new(if json { EventFormat::Stderr } else { EventFormat::Stdout })
    }

    /// Prints one event.
    pub(super) fn event(&self, record: &Record) -> Result<(), CommandError> {
        if self.format == EventFormat::Records {
            let line = serde_json::to_string(record).map_err(|error| CommandError::Output(error.into()))?;
            return output::line(&line);
        }
        // Every epoch saves a checkpoint. Above a bar these lines would push more useful ones off the screen.
        if self.bar.is_some() && matches!(record.event, Event::CheckpointSaved { .. }) {
            return Ok(());
        }
        event_text::describe_event(&record.event).map_or(Ok(()), |line| self.line(&line))
    }

    /// Prints a line above the bar.
    fn line(&self, line: &str) -> Result<(), CommandError> {
        self.above_bar(|| match self.format {
            EventFormat::Stdout => output::line(line),
            EventFormat::Stderr | EventFormat::Records => {
                output::note(line);
                Ok(())
            }
        })
    }

    /// Prints a remark that is no event, on stderr.
    pub(super) fn note(&self, text: &str) {
        self.above_bar(|| output::note(text));
    }

    /// Sets the bar to the run's progress.
    pub(super) fn progress(&self, run: &Summary) {
        let Some(bar) = &self.bar else { return };
        if let Some(features) = run.features {
            if bar.is_finished() || bar.prefix() != FEATURES {
                bar.set_prefix(FEATURES);
                bar.reset();
            }
            bar.set_length(features.total as u64);
            bar.set_position(features.done as u64);
            bar.set_message(format!(
                "{} of {} · {:.0} images/s",
                features.done, features.total, features.images_per_second
            ));
            return;
        }
        let Some(progress) = run.progress else {
            // No epoch is in progress: between epochs, during the test, and at the end.
            self.finish();
            return;
        };
        let epoch = format!("epoch {}", progress.epoch);
        if bar.is_finished() || bar.prefix() != epoch {
            bar.set_prefix(epoch);
            bar.reset();
        }
        bar.set_length(u64::from(progress.steps));
        bar.set_position(u64::from(progress.step));
        bar.set_message(match run.kernels {
            Some(count) => format!("compiling kernels, {count} so far"),
            None => message(run),
        });
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn above_bar<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

fn message(run: &Summary) -> String {
    let (_, left) = run_left(run, now());
    let ready = match clock_in(left).filter(|_| !run.paused) {
        Some(clock) => format!(", ready {clock}"),
        None => String::new(),
    };
    let of = format!("of {}{ready}", run.last_epoch());
    match (run.latest, run.images_per_second) {
        (Some(point), Some(speed)) => {
            format!("{of} · loss {:.4} acc {:.4} · {speed:.0} images/s", point.loss, point.accuracy)
        }
        _ => of,
    }
}

fn bar() -> ProgressBar {
    ProgressBar::new(0).with_style(bar_style("{prefix} {msg} {wide_bar} {percent}%"))
}
