//! What the Inspect screen reads.

use super::Disk;
use crate::tui::effect::InspectEffect;
use crate::tui::event::Event;

impl Disk {
    /// Does what the Inspect screen wants done.
    pub fn on_inspect(&self, effect: InspectEffect) -> Event {
        match effect {}
    }
}
