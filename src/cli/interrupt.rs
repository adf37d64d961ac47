//! Ctrl-C while a command waits.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use signal_hook::consts::SIGINT;
use signal_hook::iterator::{Handle, Signals};

use super::exit::CommandError;

/// A receiver of Ctrl-C. Once made, Ctrl-C no longer ends the process by itself.
#[derive(Debug)]
pub(super) struct Interrupts {
    received: Receiver<()>,
    handle: Handle,
}

impl Interrupts {
    /// Starts a thread that receives Ctrl-C.
    pub(super) fn listen() -> Result<Self, CommandError> {
        let mut signals = Signals::new([SIGINT]).map_err(CommandError::Signals)?;
        let handle = signals.handle();
        let (sender, received) = channel();
        thread::spawn(move || {
            for _ in signals.forever() {
                if sender.send(()).is_err() {
                    break;
                }
            }
        });
        Ok(Self { received, handle })
    }

    /// Returns whether Ctrl-C was pressed since the last call.
    pub(super) fn pending(&self) -> bool {
        self.received.try_recv().is_ok()
    }

    /// Waits for `time` or until Ctrl-C, and returns whether Ctrl-C was pressed.
    pub(super) fn wait(&self, time: Duration) -> bool {
        match self.received.recv_timeout(time) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                // The receiving thread has ended. Without the sleep the caller would spin.
                thread::sleep(time);
                false
            }
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.handle.close();
    }
}
