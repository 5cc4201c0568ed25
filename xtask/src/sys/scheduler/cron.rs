//! This user's crontab, through `crontab`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::sys::fs;
use crate::sys::proc::{Cmd, find};

const DEADLINE: Duration = Duration::from_secs(30);

/// Whether there is a crontab to write to.
pub fn is_there() -> bool {
    find("crontab").is_some()
}

/// The crontab; empty where there is none.
///
/// # Errors
/// It cannot be read.
pub fn read() -> Result<String> {
    // What "there is none" is called depends on the language.
    let done = Cmd::new("crontab").arg("-l").env("LC_ALL", "C").run(DEADLINE)?;
    if done.ok() {
        return Ok(done.stdout);
    }
    if done.stderr.contains("no crontab for") || done.stderr.contains("can't open") {
        return Ok(String::new());
    }
    bail!("`crontab -l` {}", done.why());
}

/// Replaces it; an empty text removes it.
///
/// # Errors
/// cron does not take it; the older one is still there.
pub fn write(text: &str) -> Result<()> {
    let done = if text.is_empty() {
        Cmd::new("crontab").arg("-r").run(DEADLINE)?
    } else {
        Cmd::new("crontab").arg("-").stdin(text).run(DEADLINE)?
    };
    if !done.ok() {
        bail!("`crontab` {}", done.why());
    }
    Ok(())
}

/// Whether a cron daemon runs: a crontab alone starts nothing. `None` where the system
/// does not tell.
pub fn daemon_runs() -> Option<bool> {
    let processes = fs::names(Path::new("/proc")).ok().filter(|names| !names.is_empty())?;
    let is_cron = |pid: &String| {
        fs::read_text(&Path::new("/proc").join(pid).join("comm"))
            .is_ok_and(|name| ["cron", "crond", "cronie", "fcron"].contains(&name.trim()))
    };
    let numbers = |name: &&String| name.bytes().all(|b| b.is_ascii_digit());
    Some(processes.iter().filter(numbers).any(is_cron))
}
