//! The place on which the runs of a home start where none is named.

use serde::{Deserialize, Serialize};

use super::layout::Home;
use crate::durable::versioned::{FileError, FileKind};

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
struct DefaultPlace {
    place: Option<String>,
}

/// `default-place.json`.
static KIND: FileKind =
    FileKind { name: "default place", newest: 1, pretty: true, damaged: "is damaged", advice: "; remove it" };

impl Home {
    /// Returns the name of the default place, which may be gone from the config file; `None` for this machine.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or has a newer format.
    pub fn default_place(&self) -> Result<Option<String>, FileError> {
        Ok(KIND.read::<DefaultPlace>(&self.default_place_file())?.and_then(|saved| saved.place))
    }

    /// Sets the default place; `None` is this machine.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn set_default_place(&self, place: Option<&str>) -> Result<(), FileError> {
        KIND.write(&self.default_place_file(), &DefaultPlace { place: place.map(str::to_owned) })
    }
}
