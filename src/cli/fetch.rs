//! Downloading for a command: where to, with a bar, until Ctrl-C.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::exit::CommandError;
use super::interrupt::Interrupts;
use super::meter::Meter;
use crate::download::{self, Digest, Limits, Progress, Request};

/// The folder, inside of the one that what is fetched ends up in, that downloads lie in until they are imported.
const FOLDER: &str = ".downloads";

/// A file that was fetched. It is deleted when this is dropped: what was imported is kept elsewhere, and what could not
/// be imported is nothing to go on with.
#[derive(Debug)]
pub(super) struct Fetched(PathBuf);

impl Fetched {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        // Not what is coming beside it: that may be another process's by now.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Downloads the file at `url` into a folder inside `folder`. `instead` says what to do where there is no network.
pub(super) fn fetch(
    url: &str,
    folder: &Path,
    expected: Option<&Digest>,
    interrupts: &Interrupts,
    meter: Meter,
    instead: String,
) -> Result<Fetched, CommandError> {
    let destination = folder.join(FOLDER).join(file_name(url));
    let request = Request { url, destination: &destination, expected, limits: Limits::default() };
    let bar = meter.bar();
    let result = download::download(&request, &mut |progress| {
        if let Some(bar) = &bar {
            draw(bar, progress);
        }
        meter.tell("downloading", progress.done, progress.total, None);
        if interrupts.pending() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    result.map_err(|error| CommandError::Download { error, instead })?;
    Ok(Fetched(destination))
}

fn draw(bar: &ProgressBar, progress: Progress) {
    let known = progress.total.is_some();
    if bar.message().is_empty() || (known && bar.length() == Some(0)) {
        let template = if known {
            "{msg} {wide_bar} {decimal_bytes} of {decimal_total_bytes} {decimal_bytes_per_sec} {eta}"
        } else {
            "{msg} {decimal_bytes}"
        };
        // The templates are constants; were one refused, the default bar would do.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message("downloading");
        // What an earlier download brought took no time now.
        bar.reset_elapsed();
    }
    if let Some(total) = progress.total {
        bar.set_length(total);
    }
    bar.set_position(progress.done);
}

/// The name of a download: the last part of the address, made plain, behind a hash of all of it, so that no two
/// addresses share a file and the ending still tells what it is.
fn file_name(url: &str) -> String {
    const LONGEST: usize = 80;
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let last = path.rsplit('/').next().unwrap_or_default();
    let plain: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect();
    let tail = &plain[plain.len().saturating_sub(LONGEST)..];
    format!("{}-{tail}", &blake3::hash(url.as_bytes()).to_hex()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_has_a_plain_name_of_its_own() {
        let name = file_name("https://example.org/a/vgg16.h5?token=x/../y");
        assert!(name.ends_with("-vgg16.h5") && name.len() == 8 + 1 + 8, "{name}");
        assert_ne!(name, file_name("https://example.org/b/vgg16.h5"));
        assert!(file_name("https://example.org/").ends_with('-'));
        let odd = file_name("https://example.org/ä b\u{1b}.zip");
        assert!(odd.ends_with("---b-.zip") || odd.ends_with("--b-.zip"), "{odd}");
        assert!(file_name(&format!("https://x/{}", "y".repeat(500))).len() < 100);
    }
}
