//! What a user can ask for on the Data screen alone.

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataAction {}
