//! The worker's side of the run folder: events out, stop requests in.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::events::{Event, EventWriter};
use crate::runs::layout::RunFolder;
use crate::train::Reporter;

/// How often the folder is looked at for a request.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Records what training reports, and hears what others ask.
pub(super) struct Journal {
    log: EventWriter,
    folder: RunFolder,
    signalled: Arc<AtomicBool>,
    stopping: bool,
    looked: Instant,
    lost: usize,
}

impl Journal {
    pub(super) fn new(log: EventWriter, folder: RunFolder, signalled: Arc<AtomicBool>) -> Self {
        Self { log, folder, signalled, stopping: false, looked: Instant::now(), lost: 0 }
    }

    fn append(&mut self, event: Event) -> io::Result<()> {
        if self.lost > 0 {
            let message = format!("{} events before this could not be recorded", self.lost);
            self.log.append(now(), Event::Warning { message })?;
            self.lost = 0;
        }
        let durable = matches!(event, Event::EpochFinished { .. } | Event::Evaluated { .. } | Event::Ended { .. });
        self.log.append(now(), event)?;
        if durable { self.log.sync() } else { Ok(()) }
    }
}

impl Reporter for Journal {
    /// A full disk must not end a training: what cannot be recorded is counted, and told once it can be again.
    fn report(&mut self, event: Event) {
        if let Err(error) = self.append(event) {
            if self.lost == 0 {
                let _ = writeln!(io::stderr(), "mien worker: cannot write the event log: {error}");
            }
            self.lost += 1;
        }
    }

    fn stop_requested(&mut self) -> bool {
        if self.stopping {
            return true;
        }
        let look = self.looked.elapsed() >= LOOK_INTERVAL;
        if look {
            self.looked = Instant::now();
        }
        if self.signalled.load(Ordering::Relaxed) || (look && self.folder.stop_requested()) {
            self.stopping = true;
            self.report(Event::StopRequested);
        }
        self.stopping
    }
}
