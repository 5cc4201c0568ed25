//! What the tests of schedule and status ask: cron, systemd's judge of unit files, and
//! a reader of metrics.

use anyhow::Result;

use server::install::{Say, apt};
use sys::proc;

/// Makes sure that they are installed.
pub fn ensure(say: &mut Say<'_>) -> Result<()> {
    let mut missing = vec!["python3-prometheus-client"];
    if proc::find("crontab").is_none() {
        missing.push("cron");
    }
    if proc::find("systemd-analyze").is_none() {
        missing.push("systemd");
    }
    apt::install(&missing, say)?;
    say("cron, systemd-analyze and a reader of metrics are there");
    Ok(())
}
