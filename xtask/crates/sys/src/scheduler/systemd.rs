//! systemd: unit files in its folder, and `systemctl` to tell it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::System;
use crate::proc::{Cmd, find};
use crate::{env, fs};

const DEADLINE: Duration = Duration::from_secs(60);

fn systemctl(system: System, args: &[&str]) -> Cmd {
    let user = (system == System::SystemdUser).then_some("--user");
    Cmd::new("systemctl").args(user).args(args.iter().copied())
}

/// Whether it runs here: the program alone is there in many containers, too.
pub fn answers(system: System) -> bool {
    find("systemctl").is_some()
        && systemctl(system, &["is-system-running"]).run(DEADLINE).is_ok_and(|done| {
            // `degraded`, too: some other unit failed.
            ["running", "degraded", "starting", "initializing"].contains(&done.stdout.trim())
        })
}

/// The folder of unit files.
pub fn folder(system: System) -> Result<PathBuf> {
    if system == System::Systemd {
        return Ok(PathBuf::from("/etc/systemd/system"));
    }
    let configuration = match env::var_os("XDG_CONFIG_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&env::var_os("HOME").context("HOME is not set")?).join(".config"),
    };
    Ok(configuration.join("systemd/user"))
}

/// Writes the units (names and texts) and starts the timer.
pub fn install(system: System, units: &[(String, String)], timer: &str) -> Result<()> {
    let folder = folder(system)?;
    fs::create_shared_dir(&folder)?;
    for (name, text) in units {
        fs::write_shared_whole(&folder.join(name), text.as_bytes())?;
    }
    tell(system, &["daemon-reload"])?;
    tell(system, &["enable", "--now", timer])?;
    // A timer that ran already goes on with its old times otherwise.
    tell(system, &["restart", timer])
}

/// Stops the timer and removes the units; fine when they are not there. Says whether
/// they were.
pub fn uninstall(system: System, names: &[String], timer: &str) -> Result<bool> {
    let folder = folder(system)?;
    if !fs::exists(&folder.join(timer))? {
        return Ok(false);
    }
    tell(system, &["disable", "--now", timer])?;
    for name in names {
        fs::remove_if_exists(&folder.join(name))?;
    }
    tell(system, &["daemon-reload"])?;
    Ok(true)
}

/// Whether the timer is waiting for its next moment.
pub fn is_active(system: System, timer: &str) -> Result<bool> {
    let done = systemctl(system, &["is-active", timer]).run(DEADLINE)?;
    match done.stdout.trim() {
        "active" => Ok(true),
        "inactive" | "failed" | "unknown" | "deactivating" => Ok(false),
        other => bail!("systemd does not answer: {other} {}", done.why()),
    }
}

/// Whether this user's units run while the user is logged out.
pub fn lingers() -> bool {
    Cmd::new("loginctl")
        .args(["show-user", "--property=Linger", "--value"])
        .args(env::var("USER"))
        .run(DEADLINE)
        .is_ok_and(|done| done.ok() && done.stdout.trim() == "yes")
}

fn tell(system: System, args: &[&str]) -> Result<()> {
    let done = systemctl(system, args).run(DEADLINE)?;
    if !done.ok() {
        bail!("`systemctl {}` {}", args.join(" "), done.why());
    }
    Ok(())
}
