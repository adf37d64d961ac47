//! The progress of an import or download: a bar on a terminal, records for a program.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};

use super::exit::CommandError;
use super::interrupt::Interrupts;
use super::output;
use crate::domain::ascii::has_unicode;
use crate::supervise::{ImportLine, ImportProgress};

/// The templates of a bar.
pub(super) struct Templates {
    /// For a known total.
    pub(super) known: &'static str,
    /// For an unknown total.
    pub(super) unknown: &'static str,
}

/// The bar of bytes that come over a line.
pub(super) const BYTES: Templates = Templates {
    known: "{msg} {wide_bar} {decimal_bytes} of {decimal_total_bytes} {decimal_bytes_per_sec} {eta}",
    unknown: "{msg} {decimal_bytes}",
};

/// A progress display that ends an import or download after Ctrl-C.
#[derive(Debug)]
pub(super) struct Progress {
    records: bool,
    /// Without it Ctrl-C ends the process.
    interrupts: Option<Interrupts>,
    /// Only where stderr is a terminal and no records are written.
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Returns a display as JSON records on stdout, one a line, or as a bar on stderr.
    pub(super) fn new(records: bool) -> Result<Self, CommandError> {
        let interrupts = Some(Interrupts::listen()?);
        Ok(if records { Self { records, interrupts, bar: None } } else { Self { interrupts, ..Self::bar() } })
    }

    /// Returns a display as a bar on stderr for work that Ctrl-C may end with the process.
    pub(super) fn bar() -> Self {
        let bar = io::stderr().is_terminal().then(|| ProgressBar::new(0));
        Self { records: false, interrupts: None, bar }
    }

    /// Shows the progress of a stage. Returns `Break` after Ctrl-C.
    pub(super) fn show(&self, progress: ImportProgress, templates: &Templates) -> ControlFlow<()> {
        if let Some(bar) = &self.bar {
            draw(bar, &progress, templates);
        }
        if self.records {
            // A closed stdout is ignored, because the import continues without a reader.
            let _ = output::record(&ImportLine::Progress(progress));
        }
        if self.interrupts.as_ref().is_some_and(Interrupts::pending) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// Returns the style of a bar by a template; in ASCII where the locale has no Unicode.
pub(super) fn bar_style(template: &str) -> ProgressStyle {
    // The templates are constants; the default bar replaces an invalid one.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    if has_unicode(|name| std::env::var(name).ok()) { style } else { style.progress_chars("#>-") }
}

fn draw(bar: &ProgressBar, progress: &ImportProgress, templates: &Templates) {
    let has_new_total = progress.total.is_some() && bar.length() == Some(0);
    if bar.message() != progress.stage || has_new_total {
        let template = if progress.total.is_some() { templates.known } else { templates.unknown };
        // Otherwise bytes of an earlier, interrupted download would count as downloaded at once.
        bar.reset();
        bar.set_style(bar_style(template));
        bar.set_message(progress.stage.clone());
    }
    if let Some(total) = progress.total {
        bar.set_length(total);
    }
    bar.set_position(progress.done);
}
