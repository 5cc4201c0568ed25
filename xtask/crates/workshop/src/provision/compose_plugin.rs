//! `docker compose`: the plugin that the machine has, its packages offer, or
//! Debian's next release offers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::mirror;
use model::exit::{ExitCode, Stop};
use server::install::{Say, apt};
use sys::docker::docker;
use sys::proc::Cmd;
use sys::{env, fs};

const ASK_DEADLINE: Duration = Duration::from_secs(15);
const FETCH_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// The first Debian release whose `docker-compose` is the plugin.
const NEXT_RELEASE: &str = "trixie";

/// Makes sure that `docker compose` works.
pub fn ensure(root: &Path, say: &mut Say<'_>) -> Result<()> {
    if let Some(version) = version() {
        say(&format!("docker compose {version} is there"));
        return Ok(());
    }
    apt::check_possible(&["docker-compose-plugin"])?;
    apt::update(say)?;
    match offered() {
        Some(package) => apt::install(&[package], say)?,
        None => from_next_release(root, say)?,
    }
    let version = version().ok_or_else(|| {
        Stop::new(ExitCode::Configuration, "`docker compose` does not work after installing it")
            .hint("Run `docker compose version` to see why.")
    })?;
    say(&format!("docker compose {version} is installed"));
    Ok(())
}

fn version() -> Option<String> {
    let finished = docker(["compose", "version", "--short"]).run(ASK_DEADLINE).ok()?;
    finished.ok().then(|| finished.stdout.trim().to_owned())
}

/// The package of this machine's own sources that holds the plugin.
fn offered() -> Option<&'static str> {
    ["docker-compose-v2", "docker-compose-plugin"]
        .into_iter()
        .find(|name| apt::known(name))
        .or_else(|| {
            // Version 1 was a program of its own, without the plugin.
            let version = apt::candidate("docker-compose")?;
            is_plugin(&version).then_some("docker-compose")
        })
}

fn is_plugin(version: &str) -> bool {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major >= 2)
}

/// Fetches the next release's package in an apt state of its own, so that the
/// machine's sources and packages stay as they are, and unpacks the one program.
/// It is a static binary that depends on nothing of that release.
fn from_next_release(root: &Path, say: &mut Say<'_>) -> Result<()> {
    let uri = mirror::debian()?;
    let keyring = apt::debian_keyring(say)?;
    say(&format!("fetching docker-compose of Debian {NEXT_RELEASE} from this machine's mirror"));
    let work = root.join(".local").join("compose-plugin");
    fs::remove_dir_if_exists(&work)?;
    for folder in ["state", "cache", "unpacked"] {
        fs::create_private_dir(&work.join(folder))?;
    }
    let source = format!(
        "deb [arch={} signed-by={}] {uri} {NEXT_RELEASE} main\n",
        apt::architecture()?,
        keyring.display()
    );
    fs::write_durably(&work.join("sources.list"), source.as_bytes())?;
    isolated(&work).args(["update", "-q"]).read(FETCH_DEADLINE)?;
    isolated(&work).args(["download", "-q", "docker-compose"]).read(FETCH_DEADLINE)?;
    let package = fs::names(&work)?
        .into_iter()
        .find(|name| name.starts_with("docker-compose_") && name.ends_with(".deb"))
        .context("apt-get download left no package")?;
    let unpacked = work.join("unpacked");
    Cmd::new("dpkg").arg("-x").arg(work.join(package)).arg(&unpacked).read(FETCH_DEADLINE)?;
    let plugin = unpacked.join("usr/libexec/docker/cli-plugins/docker-compose");
    let target = plugin_folder()?.join("docker-compose");
    Cmd::new("install")
        .args(["-D", "-m", "0755"])
        .arg(plugin)
        .arg(&target)
        .read(FETCH_DEADLINE)
        .with_context(|| format!("put the plugin at {}", target.display()))?;
    fs::remove_dir_if_exists(&work)
}

/// `apt-get` with its own sources, lists and cache below `work`.
fn isolated(work: &Path) -> Cmd {
    let option = |name: &str, value: &Path| format!("{name}={}", value.display());
    Cmd::new("apt-get")
        .args(["-o", &option("Dir::Etc::SourceList", &work.join("sources.list"))])
        .args(["-o", "Dir::Etc::SourceParts=-"])
        .args(["-o", &option("Dir::State", &work.join("state"))])
        .args(["-o", &option("Dir::Cache", &work.join("cache"))])
        // The folder is private: apt's own user could not write there.
        .args(["-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"])
        .env("LC_ALL", "C.UTF-8")
        .dir(work)
}

/// Where this user's docker looks for plugins.
fn plugin_folder() -> Result<PathBuf> {
    let config = env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker")));
    match config {
        Some(folder) => Ok(folder.join("cli-plugins")),
        None if apt::is_root() => Ok(PathBuf::from("/usr/local/lib/docker/cli-plugins")),
        None => Err(Stop::new(ExitCode::Configuration, "HOME is not set").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_docker_compose_is_no_plugin() {
        assert!(!is_plugin("1.29.2-3"));
        assert!(is_plugin("2.26.1-4"));
        assert!(is_plugin("1:2.40.0-1"));
        assert!(!is_plugin("unknown"));
    }
}
