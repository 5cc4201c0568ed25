//! A browser without a window: the tests look at the report with it.

use anyhow::Result;

use server::install::{Say, apt};
use sys::proc;

/// The names that it goes by.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

pub fn find() -> Option<std::path::PathBuf> {
    PROGRAMS.iter().find_map(|program| proc::find(program))
}

/// Makes sure that it is installed.
pub fn ensure(say: &mut Say<'_>) -> Result<()> {
    if find().is_some() {
        say("a Chromium is there");
        return Ok(());
    }
    apt::install(&["chromium"], say)?;
    say("Chromium is installed");
    Ok(())
}
