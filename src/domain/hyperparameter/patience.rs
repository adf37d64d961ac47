//! The patience of early stopping as a setting.

use std::fmt;

/// A number of epochs without improvement, as settings write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience(pub u32);

impl Patience {
    /// The largest number of epochs of a run: early stopping never ends it.
    pub const OFF: u32 = 10_000;

    /// Returns whether early stopping never ends the run.
    #[must_use]
    pub fn is_off(self) -> bool {
        self.0 >= Self::OFF
    }

    /// Returns the patience as text: `10 epochs`, `off`.
    #[must_use]
    pub fn in_epochs(self) -> String {
        match self.0 {
            _ if self.is_off() => "off".into(),
            1 => "1 epoch".into(),
            epochs => format!("{epochs} epochs"),
        }
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_off() { f.pad("off") } else { self.0.fmt(f) }
    }
}
