//! Widgets of the screens. Each draws plain values and knows neither the state nor keys.
//!
//! May use: the domain and the theme.

pub mod bars;
pub mod confusion;
pub mod curve;
pub mod faces;
pub mod fuzzy;
pub mod number_text;
pub mod paint;
mod pixels;
pub mod progress;
pub mod scale;
pub mod shade;
pub mod spark;
pub mod table;
pub mod text_field;
