//! Downloads with a progress bar, which Ctrl-C interrupts.

use std::path::{Path, PathBuf};

use super::exit::CommandError;
use super::progress::{BYTES, Progress};
use crate::download::{self, Digest, Limits, Request};
use crate::supervise::ImportProgress;

/// The hidden folder among the datasets or weights that holds downloads until they are imported.
const FOLDER: &str = ".downloads";

/// A downloaded file, which stays until it is imported.
#[derive(Debug)]
pub(super) struct FetchOutcome {
    url: String,
    path: PathBuf,
}

impl FetchOutcome {
    /// Reads the file. An error names the address in place of the file.
    pub(super) fn open<T>(&self, read: impl FnOnce(&Path) -> Result<T, CommandError>) -> Result<T, CommandError> {
        read(&self.path).map_err(|error| {
            let kept = format!("\nThe download stays until it is imported: {}", self.path.display());
            CommandError::Of { error: Box::new(error), path: self.path.clone(), what: self.url.clone(), advice: kept }
        })
    }

    /// Imports the file, and deletes it if that succeeds, because an import copies its content.
    pub(super) fn import<T>(self, import: impl FnOnce(&Path) -> Result<T, CommandError>) -> Result<T, CommandError> {
        let imported = self.open(import)?;
        download::discard(&self.path);
        Ok(imported)
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
) -> Result<FetchOutcome, CommandError> {
    let destination = folder.join(FOLDER).join(file_name(url));
    let request = Request { url, destination: &destination, expected, limits: Limits::default() };
    let result = download::download(&request, &mut |download::Progress { done, total }| {
        progress.show(ImportProgress { stage: "downloading".into(), done, total, classes: None }, &BYTES)
    });
    progress.finish();
    result.map_err(|error| CommandError::Download { error, instead })?;
    Ok(FetchOutcome { url: url.to_owned(), path: destination })
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
