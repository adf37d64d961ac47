//! What a watched run shows while it goes on: lines, a bar on a terminal, or raw records.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

use super::exit::CommandError;
use super::output;
use crate::events::{Event, Record};
use crate::runs::{Summary, event_text};

/// What the bar is called while features are computed.
const FEATURES: &str = "features";

/// Where the story of a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// Lines on stdout.
    Stdout,
    /// Lines on stderr: stdout is kept for JSON.
    Stderr,
    /// The log's records on stdout, one JSON object a line.
    Records,
}

/// Tells a run's events as they come.
#[derive(Debug)]
pub(super) struct Reporter {
    story: Story,
    /// Only where stderr is a terminal.
    bar: Option<ProgressBar>,
}

impl Reporter {
    pub(super) fn new(story: Story) -> Self {
        let wanted = story != Story::Records && io::stderr().is_terminal();
        Self { story, bar: wanted.then(bar) }
    }

    /// Tells one event.
    pub(super) fn event(&self, record: &Record) -> Result<(), CommandError> {
        if self.story == Story::Records {
            let line = serde_json::to_string(record).map_err(|error| CommandError::Output(error.into()))?;
            return output::line(&line);
        }
        // The bar shows what goes on; between its epochs a terminal need not tell of each saved file.
        if self.bar.is_some() && matches!(record.event, Event::CheckpointSaved { .. }) {
            return Ok(());
        }
        event_text::describe_event(&record.event).map_or(Ok(()), |line| self.line(&line))
    }

    /// Says a line above the bar.
    pub(super) fn line(&self, line: &str) -> Result<(), CommandError> {
        self.above_bar(|| match self.story {
            Story::Stdout => output::line(line),
            Story::Stderr | Story::Records => {
                output::note(line);
                Ok(())
            }
        })
    }

    /// Says something that is no part of the run's story, on stderr.
    pub(super) fn note(&self, text: &str) {
        self.above_bar(|| output::note(text));
    }

    /// Brings the bar to where the run stands.
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
            // Between epochs, while testing, and at the end.
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

    /// Takes the bar away.
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
    let of = format!("of {}", run.limits.epochs);
    match (run.latest, run.images_per_second) {
        (Some(point), Some(speed)) => {
            format!("{of} · loss {:.4} acc {:.4} · {speed:.0} images/s", point.loss, point.accuracy)
        }
        _ => of,
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {msg} {wide_bar} {percent}% {eta}");
    let bar = ProgressBar::new(0);
    // The template is a constant; were it refused, the default bar would do.
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
