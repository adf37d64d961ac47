//! Downloads with a progress bar, which Ctrl-C interrupts.

use std::path::{Path, PathBuf};

use super::exit::CommandError;
use super::progress::{Progress, Templates};
use crate::download::{self, Digest, Limits, Request};
use crate::supervise::ImportProgress;

const TEMPLATES: Templates = Templates {
    known: "{msg} {wide_bar} {decimal_bytes} of {decimal_total_bytes} {decimal_bytes_per_sec} {eta}",
    unknown: "{msg} {decimal_bytes}",
};

/// The hidden folder among the datasets or weights that holds downloads until they are imported.
const FOLDER: &str = ".downloads";

/// A downloaded file, which is deleted on drop, because the import has copied its content.
#[derive(Debug)]
pub(super) struct DownloadedFile(PathBuf);

impl DownloadedFile {
    /// Returns the path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for DownloadedFile {
    fn drop(&mut self) {
        // An unfinished download next to it stays: it may belong to another process.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Downloads the file at `url` into a hidden folder inside `folder`.
///
/// # Errors
/// If the download fails. Without a network, the message ends with `instead`.
pub(super) fn fetch(
    url: &str,
    folder: &Path,
    expected: Option<&Digest>,
    progress: &Progress,
    instead: String,
) -> Result<DownloadedFile, CommandError> {
    let destination = folder.join(FOLDER).join(file_name(url));
    let request = Request { url, destination: &destination, expected, limits: Limits::default() };
    let result = download::download(&request, &mut |download::Progress { done, total }| {
        progress.show(ImportProgress { stage: "downloading".into(), done, total, classes: None }, &TEMPLATES)
    });
    progress.finish();
    result.map_err(|error| CommandError::Download { error, instead })?;
    Ok(DownloadedFile(destination))
}

/// Returns a file name from a hash of the address and its last part. The hash separates addresses, and the ending of
/// the last part names the format.
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
