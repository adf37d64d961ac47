//! What a worker makes of signals: INT and TERM ask it to stop, HUP is none of its business.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that is set once somebody asks the process to stop.
pub(super) fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&stop))?;
    }
    flag::register(SIGHUP, Arc::new(AtomicBool::new(false)))?;
    Ok(stop)
}
