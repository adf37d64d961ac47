//! How far an import is: a bar for a person, lines for a program, nothing for a file.

use std::io::{self, IsTerminal};

use indicatif::ProgressBar;

use super::output;
use crate::supervise::{ImportLine, ImportProgress};

/// Where progress goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    /// A record a line on stdout instead of a bar on stderr.
    pub(super) lines: bool,
}

impl Meter {
    /// The bar, if one is to be drawn.
    pub(super) fn bar(self) -> Option<ProgressBar> {
        (!self.lines && io::stderr().is_terminal()).then(|| ProgressBar::new(0))
    }

    /// Writes a line, if lines are asked for. A reader that is gone misses it.
    pub(super) fn tell(self, stage: &str, done: u64, total: Option<u64>, classes: Option<usize>) {
        if self.lines {
            let progress = ImportProgress { stage: stage.into(), done, total, classes };
            let _ = output::record(&ImportLine::Progress(progress));
        }
    }
}
