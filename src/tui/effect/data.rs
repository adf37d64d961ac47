//! What the Data screen wants done in the world.

use crate::domain::DatasetName;
use crate::tui::state::{Pick, Variants};

/// One deed.
#[derive(Debug, Clone, PartialEq)]
pub enum DataEffect {
    /// Read faces; answered by `Faces`.
    LoadFaces(Pick),
    /// Make variants of a training image; answered by `Variants`.
    MakeVariants(Variants),
    /// Complete a path as far as it is certain; answered by `Completed`.
    Complete(String),
    /// Start an import; answered by `Import`.
    StartImport {
        /// A path or an address.
        source: String,
        /// What to call the dataset.
        name: DatasetName,
    },
    /// Wait for news of the import; answered by `Import`.
    WatchImport,
    /// Ask the import to end without a trace; answered by `Import`.
    CancelImport,
    /// Look what a dataset takes on the disk; answered by `Measured`.
    Measure(DatasetName),
    /// Remove a dataset; answered by `Deleted`.
    Delete(DatasetName),
}
