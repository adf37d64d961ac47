//! Pieces that screens are made of. Each is drawn from plain values and knows neither state nor keys.
//!
//! May know: the domain, the theme.

pub mod bars;
pub mod confusion;
pub mod curve;
pub mod faces;
pub mod figures;
pub mod fuzzy;
pub mod paint;
pub mod progress;
pub mod scale;
pub mod shade;
mod shades;
pub mod spark;
pub mod table;
