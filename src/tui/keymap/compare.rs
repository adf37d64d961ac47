//! The keys of the Compare screen.

use super::Binding;

pub(super) static TABLE: &[Binding] = &[];
