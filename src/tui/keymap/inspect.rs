//! The keys of the Inspect screen.

use super::Binding;

pub(super) static TABLE: &[Binding] = &[];
