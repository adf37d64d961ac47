//! The networks and the devices that they run on.
//!
//! May know: `domain` and burn.

pub mod cnn;
pub mod device;
pub mod initializer;
pub mod kernels;
pub mod parameters;
pub mod vgg16;
