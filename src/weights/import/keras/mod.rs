//! Keras's files: the old and the new HDF5 format, and the archive of the new one.

pub(super) mod archive;
pub(super) mod keras3;
pub(super) mod legacy;
