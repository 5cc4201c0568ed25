//! launchd: a property list in this user's folder, and `launchctl` to tell it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::proc::Cmd;
use crate::{disk, env, fs};

const DEADLINE: Duration = Duration::from_secs(30);

fn path(name: &str) -> Result<PathBuf> {
    let file = format!("{name}.plist");
    if disk::is_root() {
        return Ok(Path::new("/Library/LaunchDaemons").join(file));
    }
    let home = env::var_os("HOME").context("HOME is not set")?;
    Ok(Path::new(&home).join("Library/LaunchAgents").join(file))
}

fn domain() -> Result<String> {
    if disk::is_root() {
        return Ok("system".to_owned());
    }
    Ok(format!("gui/{}", Cmd::new("id").arg("-u").read(DEADLINE)?.trim()))
}

/// Writes the list and loads it.
pub fn install(name: &str, plist: &str) -> Result<()> {
    uninstall(name)?;
    let path = path(name)?;
    fs::create_shared_dir(path.parent().context("a folder")?)?;
    fs::write_shared_whole(&path, plist.as_bytes())?;
    let done = Cmd::new("launchctl").args(["bootstrap", &domain()?]).arg(&path).run(DEADLINE)?;
    if !done.ok() {
        bail!("`launchctl bootstrap` {}", done.why());
    }
    Ok(())
}

/// Unloads and removes it; says whether it was there.
pub fn uninstall(name: &str) -> Result<bool> {
    let path = path(name)?;
    let was = is_installed(name)?;
    if was {
        let service = format!("{}/{name}", domain()?);
        let done = Cmd::new("launchctl").args(["bootout", &service]).run(DEADLINE)?;
        if !done.ok() {
            bail!("`launchctl bootout` {}", done.why());
        }
    }
    let file = fs::exists(&path)?;
    fs::remove_if_exists(&path)?;
    Ok(was || file)
}

pub fn is_installed(name: &str) -> Result<bool> {
    let service = format!("{}/{name}", domain()?);
    Ok(Cmd::new("launchctl").args(["print", &service]).run(DEADLINE)?.ok())
}
