//! What a user can ask for on the Inspect screen alone.

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InspectAction {}
