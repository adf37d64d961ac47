//! Why weights cannot be read, imported or kept.

use std::io;
use std::path::{Path, PathBuf};

use super::manifest::FORMAT_VERSION;
use crate::domain::WeightsName;
use crate::domain::text::printable;

/// Why there are no weights to work with. Each names the file; an import that fails changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The system refused.
    #[error("{}: {error}{}", shown(.path), advice(.error))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Kept by a newer version of this program.
    #[error("{}: the weights have format {version}, this mien knows up to {FORMAT_VERSION}; update mien", shown(.path))]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version it claims.
        version: u32,
    },
    /// The kept file is not what was written.
    #[error("{}: damaged: {reason}; import the weights again, with --replace", shown(.path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file among the weights that no import wrote.
    #[error("{}: was not written by an import; move it elsewhere and bring it in with `mien weights import`", shown(.path))]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Other weights have the name already.
    #[error("other weights are called '{name}' already ({difference}); choose another name, or say --replace")]
    Exists {
        /// The name asked for.
        name: WeightsName,
        /// In what they differ.
        difference: String,
    },
    /// The file to import is of no kind that is known.
    #[error(
        "{}: {reason}; weights come as Keras's .h5, .weights.h5 or .keras, as torchvision's .pth, or as .safetensors",
        shown(.path)
    )]
    UnknownKind {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// The file to import ends early or contradicts itself.
    #[error("{}: damaged or cut short ({reason}); copy or download it again", shown(.path))]
    Broken {
        /// The file.
        path: PathBuf,
        /// What was met.
        reason: String,
    },
    /// The file to import holds something that is not taken on, such as a pickle with code in it.
    #[error("{}: {reason}", shown(.path))]
    Refused {
        /// The file.
        path: PathBuf,
        /// What, and what to do about it.
        reason: String,
    },
    /// The file to import holds another network.
    #[error("{}: these are not the weights of VGG16: {reason}", shown(.path))]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// Which layer, what was expected, what was found.
        reason: String,
    },
}

impl WeightsError {
    /// An I/O error at `path`.
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }
}

/// A path as a message may show it.
fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// What to do about an I/O error, where there is something.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and try again",
        io::ErrorKind::PermissionDenied => "; check the permissions",
        io::ErrorKind::IsADirectory => "; name a file",
        _ => "",
    }
}
