//! The Windows Task Scheduler, through `schtasks`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::fs;
use crate::proc::Cmd;

const DEADLINE: Duration = Duration::from_secs(60);

/// Registers a task; `scratch` is a file that is written and removed again.
pub fn install(name: &str, xml: &str, scratch: &Path) -> Result<()> {
    // `schtasks` reads what the XML says of itself: UTF-16, with its mark.
    let mut bytes = vec![0xFF, 0xFE];
    xml.encode_utf16().for_each(|unit| bytes.extend(unit.to_le_bytes()));
    fs::write_durably(scratch, &bytes)?;
    let done = Cmd::new("schtasks")
        .args(["/Create", "/F", "/TN", name, "/XML"])
        .arg(scratch)
        .run(DEADLINE);
    fs::remove_if_exists(scratch)?;
    let done = done?;
    if !done.ok() {
        bail!("`schtasks /Create` {}", done.why());
    }
    Ok(())
}

/// Removes it; says whether it was there.
pub fn uninstall(name: &str) -> Result<bool> {
    if !is_installed(name)? {
        return Ok(false);
    }
    let done = Cmd::new("schtasks").args(["/Delete", "/F", "/TN", name]).run(DEADLINE)?;
    if !done.ok() {
        bail!("`schtasks /Delete` {}", done.why());
    }
    Ok(true)
}

pub fn is_installed(name: &str) -> Result<bool> {
    Ok(Cmd::new("schtasks").args(["/Query", "/TN", name]).run(DEADLINE)?.ok())
}
