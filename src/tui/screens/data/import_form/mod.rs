//! The import form: the source, the name, every option of the importer's table, and a preview of the dataset.

mod draw;
mod preview;
mod state;
pub(super) mod update;

pub(super) use draw::render;
pub use state::{ImportField, ImportForm, PreviewStatus};
