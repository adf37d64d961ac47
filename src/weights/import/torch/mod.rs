//! The files of `torch.save`: a pickle of a `state_dict`, of a checkpoint around one or of a whole module, and its
//! numbers.
//!
//! A pickle is a program, and unpickling runs it. This reader runs nothing: `pickle` reads the instructions that
//! `torch.save` writes and rejects all others. Objects of unknown classes are read past. The numbers are in a zip
//! archive (`archive`) or, before 2020, after the pickle (`legacy`).

pub(super) mod archive;
mod globals;
pub(super) mod legacy;
pub(super) mod pickle;
mod state;
