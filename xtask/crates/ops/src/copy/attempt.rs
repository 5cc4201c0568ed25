//! Trying again where that can help, a bounded number of times.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::ctx::Ctx;
use model::exit::find_stop;
use store::remote::fault::Fault;
use sys::{clock, signal};

/// Pauses between attempts; so many and one attempts are made.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// Does it up to three times; a fault that repeating cannot fix comes back at once.
///
/// # Errors
/// What is no fault of the destination: a refusal, or Ctrl-C.
pub(super) fn repeated<T>(
    ctx: &Ctx,
    name: &str,
    mut action: impl FnMut() -> Result<T>,
) -> Result<Result<T, Fault>> {
    let mut pauses = PAUSES.iter();
    loop {
        let error = match action() {
            Ok(value) => return Ok(Ok(value)),
            Err(error) => error,
        };
        signal::check()?;
        if find_stop(&error).is_some() {
            return Err(error);
        }
        let fault = Fault::of(&error);
        let Some(pause) = pauses.next().filter(|_| fault.kind.may_pass()) else {
            return Ok(Err(fault));
        };
        let shown = ctx.settings.redact(&fault.message);
        ctx.ui.note(format!("`{name}`: {shown}; trying again in {} s", pause.as_secs()));
        clock::until(Instant::now(), *pause)?;
    }
}
