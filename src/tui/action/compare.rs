//! What a user can ask for on the Compare screen alone.

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareAction {}
