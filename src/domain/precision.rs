//! The numbers that convolutions are computed in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a network's convolutions compute in. Weights, optimizer, head and loss are in f32 whatever is chosen, as with
/// `PyTorch`'s autocast and Keras's `mixed_bfloat16`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits; on a GPU products may be rounded as TF32 does it.
    #[default]
    F32,
    /// bfloat16: the range of f32 with 8 bits of precision, so that no scaling of the loss is needed.
    Bf16,
}

impl Precision {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// The word used in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|precision| precision.name() == name)
    }

    /// Whether it is f32, which files leave out.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref)] // what serde calls
    pub fn is_f32(&self) -> bool {
        *self == Self::F32
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
