//! What `torch.save` writes: a pickle of a `state_dict`, and its numbers beside it.
//!
//! A pickle is a program, and unpickling runs it. Nothing is run here: `pickle` reads the few instructions that a
//! dictionary of tensors needs, knows the few names that such a dictionary asks for, and refuses everything else. The
//! numbers lie in a zip archive (`archive`) or, in files from before 2020, behind the pickle (`legacy`).

pub(super) mod archive;
mod globals;
pub(super) mod legacy;
pub(super) mod pickle;
mod state;
