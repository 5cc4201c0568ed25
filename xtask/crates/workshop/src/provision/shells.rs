//! The shells that the tests of the completions run.

use anyhow::Result;

use server::install::{Say, apt};
use sys::proc;

/// Makes sure that they are installed.
pub fn ensure(say: &mut Say<'_>) -> Result<()> {
    let missing: Vec<&str> =
        ["zsh", "fish"].into_iter().filter(|shell| proc::find(shell).is_none()).collect();
    // Windows has neither, and the tests do not ask for them there.
    if missing.is_empty() || !cfg!(unix) {
        return Ok(());
    }
    apt::install(&missing, say)?;
    say(&format!("{} can be run", missing.join(" and ")));
    Ok(())
}
