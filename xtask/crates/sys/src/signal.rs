//! Ctrl-C and termination: noted here, acted on between steps.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, Result};

use model::exit::{ExitCode, Stop};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static DEFERRED: AtomicUsize = AtomicUsize::new(0);

/// Notes the first signal; a second one ends the process at once, which is safe
/// because every step survives being killed.
pub fn install() -> Result<()> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(ExitCode::Interrupted as u8));
        }
    })
    .context("install the Ctrl-C handler")
}

/// Whether a signal came that is to be heeded now.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst) && DEFERRED.load(Ordering::SeqCst) == 0
}

/// While this lives, a signal waits: for ways back, which must be gone to their end.
#[derive(Debug)]
pub struct Deferred(());

/// Lets a signal wait until the guard is dropped. A second one still ends the
/// process at once.
#[must_use]
pub fn defer() -> Deferred {
    DEFERRED.fetch_add(1, Ordering::SeqCst);
    Deferred(())
}

impl Drop for Deferred {
    fn drop(&mut self) {
        DEFERRED.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Stops here when a signal came; call it between steps and in long loops.
///
/// # Errors
/// A [`Stop`] with exit code 130.
pub fn check() -> Result<(), Stop> {
    if interrupted() {
        Err(Stop::new(ExitCode::Interrupted, "interrupted; nothing was left half-done"))
    } else {
        Ok(())
    }
}
