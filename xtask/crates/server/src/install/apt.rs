//! Packages of a Debian-like machine, installed without a question.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

use super::Say;
use model::exit::{ExitCode, Stop};
use sys::proc::{self, Cmd};

/// How long one download and unpacking may take on a slow line.
const INSTALL_DEADLINE: Duration = Duration::from_secs(20 * 60);
const UPDATE_DEADLINE: Duration = Duration::from_secs(5 * 60);
const QUERY_DEADLINE: Duration = Duration::from_secs(60);

/// The lists are fetched once a run, and only when something is to be installed. Another thread
/// waits for them.
static UPDATED: Mutex<bool> = Mutex::new(false);

/// One installs at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Installs packages; does nothing for those that are there.
pub fn install(packages: &[&str], say: &mut Say<'_>) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    check_possible(&missing)?;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    update(say)?;
    say(&format!("installing {}", missing.join(", ")));
    let finished = as_root("apt-get")
        .args(["-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends"])
        .args(missing.iter().copied())
        .run(INSTALL_DEADLINE)?;
    if !finished.ok() {
        return Err(by_hand(
            format!("apt-get could not install {}: it {}", missing.join(", "), finished.why()),
            &missing,
        )
        .into());
    }
    Ok(())
}

/// Whether a package is installed and configured.
pub fn installed(package: &str) -> bool {
    Cmd::new("dpkg-query")
        .args(["-W", "-f=${db:Status-Status}", package])
        .run(QUERY_DEADLINE)
        .is_ok_and(|finished| finished.ok() && finished.stdout.trim() == "installed")
}

/// Whether the machine's own package sources offer a package.
pub fn known(package: &str) -> bool {
    candidate(package).is_some()
}

/// The version that would be installed.
pub fn candidate(package: &str) -> Option<String> {
    let finished =
        Cmd::new("apt-cache").args(["policy", package]).env("LC_ALL", "C").run(QUERY_DEADLINE);
    let policy = finished.ok().filter(proc::Finished::ok)?.stdout;
    let line = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate:"))?;
    let version = line.trim();
    (version != "(none)").then(|| version.to_owned())
}

/// Fetches the package lists, once a run. A failing source is not an error here: the package may
/// come from another one, and the install will show.
pub fn update(say: &mut Say<'_>) -> Result<()> {
    let mut updated = UPDATED.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::replace(&mut *updated, true) {
        return Ok(());
    }
    say("fetching the package lists");
    let finished = as_root("apt-get")
        .args(["-o", "DPkg::Lock::Timeout=300", "update", "-q"])
        .run(UPDATE_DEADLINE)?;
    if !finished.ok() {
        say(&format!("some package lists could not be fetched: apt-get update {}", finished.why()));
    }
    Ok(())
}

/// Fails clearly where this tool cannot install anything.
pub fn check_possible(what: &[&str]) -> Result<(), Stop> {
    if !cfg!(target_os = "linux") || proc::find("apt-get").is_none() {
        let reason = "this machine has no apt, so the tool cannot install anything";
        return Err(by_hand(reason.to_owned(), what));
    }
    if !is_root() && !sudo_works() {
        let reason = "installing needs root, and sudo asks for a password";
        return Err(by_hand(reason.to_owned(), what));
    }
    Ok(())
}

fn by_hand(message: String, what: &[&str]) -> Stop {
    let stop = Stop::new(ExitCode::Configuration, message);
    if proc::find("apt-get").is_some() {
        stop.hint(format!(
            "Install it by hand and run this again: `sudo apt-get install {}`.",
            what.join(" ")
        ))
    } else {
        stop.hint(format!("Install {} with your system's own tools.", what.join(", ")))
            .hint("On macOS and Windows, Docker Desktop includes the engine and `docker compose`.")
    }
}

/// A command that runs as root: itself, or through `sudo -n`, which never asks.
pub fn as_root(program: &str) -> Cmd {
    // `env` sets the variable on sudo's other side, where sudo would drop it.
    let env = ["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"];
    if is_root() {
        Cmd::new(env[0]).args(&env[1..]).arg(program)
    } else {
        Cmd::new("sudo").arg("-n").args(env).arg(program)
    }
}

/// Whether this process is root.
pub fn is_root() -> bool {
    Cmd::new("id").arg("-u").run(QUERY_DEADLINE).is_ok_and(|it| it.stdout.trim() == "0")
}

fn sudo_works() -> bool {
    proc::find("sudo").is_some()
        && Cmd::new("sudo").args(["-n", "true"]).run(QUERY_DEADLINE).is_ok_and(|it| it.ok())
}

/// The machine's processor as Debian names it, such as `amd64`.
pub fn architecture() -> Result<String> {
    Ok(Cmd::new("dpkg").arg("--print-architecture").read(QUERY_DEADLINE)?.trim().to_owned())
}

/// The machine's HTTP proxy for packages, where apt is told to use one.
pub fn proxy() -> Option<String> {
    let finished = Cmd::new("apt-config")
        .args(["shell", "PROXY", "Acquire::http::Proxy"])
        .run(QUERY_DEADLINE)
        .ok()?;
    // It prints `PROXY='http://…'`, or nothing.
    let value = finished.stdout.trim().strip_prefix("PROXY=")?.trim_matches('\'').to_owned();
    (!value.is_empty() && value != "DIRECT").then_some(value)
}

/// Debian's own keyring, which every Debian machine carries.
pub fn debian_keyring(say: &mut Say<'_>) -> Result<&'static Path> {
    let path = Path::new("/usr/share/keyrings/debian-archive-keyring.gpg");
    if !path.is_file() {
        install(&["debian-archive-keyring"], say)?;
    }
    Ok(path)
}
