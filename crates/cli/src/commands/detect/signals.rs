//! What signals ask for while a log is followed.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Signals that have come.
pub(super) struct Signals {
    end: Arc<AtomicBool>,
    reopen: Arc<AtomicBool>,
}

impl Signals {
    /// From now on, signals to end are noted instead of obeyed; the second one is obeyed.
    pub(super) fn watch() -> io::Result<Self> {
        let signals = Self { end: Arc::default(), reopen: Arc::default() };
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register_conditional_default(signal, Arc::clone(&signals.end))?;
            flag::register(signal, Arc::clone(&signals.end))?;
        }
        flag::register(SIGUSR1, Arc::clone(&signals.reopen))?;
        Ok(signals)
    }

    /// Whether it is time to end.
    pub(super) fn ended(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }

    /// Whether files and connections should be opened again, as Falco does on SIGUSR1; once for each time that it was asked.
    pub(super) fn reopens(&self) -> bool {
        self.reopen.swap(false, Ordering::Relaxed)
    }
}
