//! The program `age`: the tests let it read what the tool encrypts, and the other way round.

use anyhow::Result;

use server::install::{Say, apt};
use sys::proc;

/// Makes sure that `age` and `age-keygen` are installed.
pub fn ensure(say: &mut Say<'_>) -> Result<()> {
    if proc::find("age").is_none() || proc::find("age-keygen").is_none() {
        apt::install(&["age"], say)?;
    }
    say("the program age is there");
    Ok(())
}
