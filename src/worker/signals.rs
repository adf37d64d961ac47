//! Handles signals to a worker: INT, TERM, USR1 and USR2 interrupt it, and HUP is ignored.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::flag;

/// Signals after which a worker saves and ends. A shutdown sends TERM; schedulers often warn by USR1 or USR2.
const INTERRUPTING: [(i32, &str); 4] =
    [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT"), (SIGUSR1, "SIGUSR1"), (SIGUSR2, "SIGUSR2")];

/// The last interrupting signal that the process received.
#[derive(Debug, Clone, Default)]
pub(super) struct Interruption(Arc<AtomicUsize>);

impl Interruption {
    /// Installs the handlers, which replace the default actions.
    ///
    /// # Errors
    /// If the system refuses a handler.
    pub(super) fn listen() -> io::Result<Self> {
        let this = Self::default();
        for (number, (signal, _)) in (1..).zip(INTERRUPTING) {
            flag::register_usize(signal, Arc::clone(&this.0), number)?;
        }
        flag::register(SIGHUP, Arc::new(AtomicBool::new(false)))?;
        Ok(this)
    }

    /// Returns the signal's name, such as `SIGTERM`; `None` if there was none.
    pub(super) fn signal(&self) -> Option<&'static str> {
        let number = self.0.load(Ordering::Relaxed);
        number.checked_sub(1).and_then(|at| INTERRUPTING.get(at)).map(|(_, name)| *name)
    }
}
