//! The reasons why weights cannot be read, imported or stored.

use std::io;
use std::path::{Path, PathBuf};

use super::manifest::FORMAT_VERSION;
use crate::domain::WeightsName;
use crate::domain::text::printable;

/// The reason why weights cannot be used; its message names the file. A failed import changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// A file operation failed.
    #[error("{}: {error}{}", shown(.path), advice(.error))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The weights were stored by a newer version of this program.
    #[error("{}: the weights have format {version}, this mien knows up to {FORMAT_VERSION}; update mien", shown(.path))]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        version: u32,
    },
    /// The stored file was changed since it was written.
    #[error("{}: damaged: {reason}; import the weights again, with --replace", shown(.path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The damage.
        reason: String,
    },
    /// A file among the weights was not written by an import.
    #[error("{}: was not written by an import; move it elsewhere and import it with `mien weights import`", shown(.path))]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Other weights have the name.
    #[error("there are other weights '{name}' already ({difference}); choose another name, or add --replace")]
    Exists {
        /// The requested name.
        name: WeightsName,
        /// The difference.
        difference: String,
    },
    /// The file to import is of an unknown kind.
    #[error(
        "{}: {reason}; weights come as Keras's .h5, .weights.h5 or .keras, PyTorch's .pth, .pt or .bin, .safetensors, or .npz",
        shown(.path)
    )]
    UnknownKind {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The file to import is truncated or contradicts itself.
    #[error("{}: damaged or cut short ({reason}); copy or download it again", shown(.path))]
    Broken {
        /// The file.
        path: PathBuf,
        /// The reader's reason.
        reason: String,
    },
    /// The file to import has unsupported content, such as a pickle with code.
    #[error("{}: {reason}", shown(.path))]
    Refused {
        /// The file.
        path: PathBuf,
        /// The reason and the remedy.
        reason: String,
    },
    /// The file to import holds another network.
    #[error("{}: these are not the weights of VGG16: {reason}", shown(.path))]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The layer, the expected and the found shape.
        reason: String,
    },
}

impl WeightsError {
    /// Returns the error for a failed operation on `path`.
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }
}

/// Returns a path that is safe to print.
fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// Returns the advice for an I/O error, empty if there is none.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and try again",
        io::ErrorKind::PermissionDenied => "; check the permissions",
        io::ErrorKind::IsADirectory => "; name a file",
        _ => "",
    }
}
