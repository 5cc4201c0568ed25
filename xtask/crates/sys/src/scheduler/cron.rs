//! This user's crontab, through `crontab`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::fs;
use crate::proc::{Cmd, find};

const DEADLINE: Duration = Duration::from_secs(30);

/// Whether there is a crontab to write to.
pub fn is_there() -> bool {
    find("crontab").is_some()
}

/// The crontab; empty where there is none.
pub fn read() -> Result<String> {
    // The message for "no crontab" depends on the language.
    let done = Cmd::new("crontab").arg("-l").env("LC_ALL", "C").run(DEADLINE)?;
    if done.ok() {
        // It is written back whole: anything lost here would be lost permanently.
        if done.stdout.contains(char::REPLACEMENT_CHARACTER) {
            bail!("the crontab holds text that is not UTF-8; add the line of `--dry-run` by hand");
        }
        return Ok(done.stdout);
    }
    if is_none(&done.stderr) {
        return Ok(String::new());
    }
    bail!("`crontab -l` {}", done.why());
}

/// Whether these words mean that there is no crontab, and not that it cannot be read.
fn is_none(said: &str) -> bool {
    // The second is what busybox says.
    said.contains("no crontab for")
        || (said.contains("can't open") && said.contains("No such file"))
}

/// Replaces it; an empty text removes it.
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

#[cfg(test)]
mod tests {
    use super::is_none;

    #[test]
    fn a_crontab_that_cannot_be_read_is_not_taken_for_none() {
        assert!(is_none("no crontab for anna"));
        assert!(is_none("crontab: can't open 'anna': No such file or directory"));
        assert!(!is_none("crontab: can't open 'anna': Permission denied"));
        assert!(!is_none("crontab: can't open 'anna': Input/output error"));
    }
}
