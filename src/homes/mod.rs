//! Homes on other machines over ssh: the protocol, the side of the home, the mirror here, and the link between them.
//!
//! May use: `domain`, `durable`, `runs`, `data` and `weights`. Nothing listens: the user's own `ssh` starts `mien serve
//! --stdio` on the machine of the home. The two talk over its standard input and output.

mod calls;
pub mod connection;
pub mod entries;
pub mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
pub mod install;
pub mod launch_order;
pub mod link;
pub mod mirror;
pub mod protocol;
pub mod run_copy;
pub mod server;
mod window;

pub use connection::LinkError;
pub use link::{Conversation, Link, LinkState, Reply};
pub use mirror::{Contact, Mirror, MirrorError, MirrorFolder};
pub use server::{Program, serve};
