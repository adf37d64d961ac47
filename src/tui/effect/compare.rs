//! What the Compare screen wants done in the world.

/// One deed.
#[derive(Debug, Clone, PartialEq)]
pub enum CompareEffect {}
