//! The number type of convolutions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number type in which a network's convolutions compute. Weights, optimizer, head and loss are always f32, as with
/// `PyTorch`'s autocast and Keras's `mixed_bfloat16`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits; a GPU may round products as TF32 does.
    #[default]
    F32,
    /// bfloat16: the range of f32 with 8 bits of precision, so that the loss needs no scaling.
    Bf16,
}

impl Precision {
    /// All precisions, the default first.
    pub const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// Returns the name in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }

    /// Returns the precision of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|precision| precision.name() == name)
    }

    /// Returns whether the precision is f32, which files omit.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde requires this signature
    pub fn is_f32(&self) -> bool {
        *self == Self::F32
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
