//! What the Inspect screen wants done in the world.

/// One deed.
#[derive(Debug, Clone, PartialEq)]
pub enum InspectEffect {}
