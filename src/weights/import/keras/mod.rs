//! Keras's files: HDF5 of old and new, and the archive around the new one.

pub(super) mod archive;
pub(super) mod legacy;
pub(super) mod three;
