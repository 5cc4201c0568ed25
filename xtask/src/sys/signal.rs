//! Ctrl-C and termination: noted here, acted on between steps.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::model::exit::{ExitCode, Stop};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Notes the first signal; a second one ends the process at once, which is safe
/// because every step survives being killed.
///
/// # Errors
/// The handler cannot be installed.
pub fn install() -> Result<()> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(ExitCode::Interrupted as u8));
        }
    })
    .context("install the Ctrl-C handler")
}

/// Whether a signal came.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
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
