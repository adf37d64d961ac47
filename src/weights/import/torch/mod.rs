//! The files of `torch.save`: a pickle of a `state_dict`, and its numbers.
//!
//! A pickle is a program, and unpickling runs it. This reader runs nothing: `pickle` reads the few instructions and
//! names that a dictionary of tensors needs, and rejects all others. The numbers are in a zip archive (`archive`) or,
//! before 2020, after the pickle (`legacy`).

pub(super) mod archive;
mod globals;
pub(super) mod legacy;
pub(super) mod pickle;
mod state;
