//! What the Compare screen reads.

use super::Disk;
use crate::tui::effect::CompareEffect;
use crate::tui::event::Event;

impl Disk {
    /// Does what the Compare screen wants done.
    pub fn on_compare(&self, effect: CompareEffect) -> Event {
        match effect {}
    }
}
