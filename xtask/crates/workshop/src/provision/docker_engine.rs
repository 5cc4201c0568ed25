//! A Docker engine: one that answers, or one that is started, or one that is
//! installed and started.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use model::exit::{ExitCode, Stop};
use server::install::{Say, apt};
use sys::docker::{self, Engine};
use sys::proc::{self, Cmd};
use sys::{clock, env, fs};

const START_DEADLINE: Duration = Duration::from_secs(60);
const SERVICE_DEADLINE: Duration = Duration::from_secs(120);
/// Plain, without packet filter rules, with the simplest storage: no more ways than these.
const ATTEMPTS_MAX: usize = 3;

/// Makes sure that an engine answers.
pub fn ensure(root: &Path, say: &mut Say<'_>) -> Result<()> {
    let before = docker::engine();
    if let Engine::Running(version) = &before {
        say(&format!("docker engine {version} answers"));
        return Ok(());
    }
    check_ours_to_start(&before)?;
    if proc::find("dockerd").is_none() || proc::find("docker").is_none() {
        let mut packages = vec!["docker.io", "iptables"];
        apt::check_possible(&packages)?;
        apt::update(say)?;
        // Debian 13 packs the client by itself; before that it is in `docker.io`.
        if apt::known("docker-cli") {
            packages.push("docker-cli");
        }
        apt::install(&packages, say)?;
    }
    start(root, say)
}

/// Whether starting an engine on this machine is the answer at all.
fn check_ours_to_start(engine: &Engine) -> Result<(), Stop> {
    if let Some(host) = env::var("DOCKER_HOST") {
        return Err(Stop::new(ExitCode::Configuration, format!("no Docker engine at {host}"))
            .hint("DOCKER_HOST points to that engine: start it, or unset the variable."));
    }
    if !cfg!(target_os = "linux") {
        return Err(Stop::new(ExitCode::Configuration, "no Docker engine answers")
            .hint("Start Docker Desktop and run this again."));
    }
    match engine {
        Engine::NotRunning(said) if said.contains("permission denied") => Err(Stop::new(
            ExitCode::Configuration,
            "a Docker engine is running, but this user is not allowed to use it",
        )
        .hint("Join its group and log in again: `sudo usermod -aG docker $USER`.")),
        _ => Ok(()),
    }
}

fn start(root: &Path, say: &mut Say<'_>) -> Result<()> {
    if Path::new("/run/systemd/system").is_dir() {
        say("starting the docker service");
        apt::as_root("systemctl").args(["start", "docker"]).read(SERVICE_DEADLINE)?;
    } else if !apt::is_root() {
        return Err(Stop::new(ExitCode::Configuration, "no Docker engine answers")
            .hint("Start one and run this again: `sudo dockerd`.")
            .into());
    } else {
        return start_daemon(root, say);
    }
    let version = clock::poll(START_DEADLINE, || Ok::<_, anyhow::Error>(running()))?;
    let version = version.context("the docker service was started but does not answer")?;
    say(&format!("docker engine {version} answers"));
    Ok(())
}

fn running() -> Option<String> {
    match docker::engine() {
        Engine::Running(version) => Some(version),
        _ => None,
    }
}

/// Starts `dockerd` where there is no service manager, as in a container. What
/// the machine's kernel refuses is left out, step by step, and said aloud.
fn start_daemon(root: &Path, say: &mut Say<'_>) -> Result<()> {
    let folder = root.join(".local");
    fs::create_private_dir(&folder)?;
    let log = folder.join("dockerd.log");
    let mut flags: Vec<&'static str> = Vec::new();
    for attempt in 1..=ATTEMPTS_MAX {
        say(format!("starting dockerd {}", flags.join(" ")).trim_end());
        fs::remove_if_exists(&log)?;
        let dockerd = proc::find("dockerd").context("dockerd is not installed")?;
        let pid =
            Cmd::new(dockerd).args(flags.iter().copied()).daemon(fs::create_private(&log)?)?;
        fs::write_durably(&folder.join("dockerd.pid"), format!("{pid}\n").as_bytes())?;
        let ready = clock::poll(START_DEADLINE, || {
            Ok::<_, anyhow::Error>(match running() {
                Some(version) => Some(Some(version)),
                None if !proc::alive(pid) => Some(None),
                None => None,
            })
        })?;
        if let Some(Some(version)) = ready {
            say(&format!("docker engine {version} answers; its log is .local/dockerd.log"));
            return Ok(());
        }
        let said = fs::read_text(&log).unwrap_or_default();
        let Some(more) = remedy(&said, &flags).filter(|_| attempt < ATTEMPTS_MAX) else {
            return Err(not_started(&said).into());
        };
        say(&format!("dockerd did not start; trying again with {}", more.join(" ")));
        flags.extend(more);
    }
    Err(not_started("").into())
}

/// What to leave out, by what the last attempt complained about.
fn remedy(log: &str, flags: &[&str]) -> Option<&'static [&'static str]> {
    let last = log.lines().rfind(|line| line.contains("failed to start daemon"))?;
    let packet_filter = ["iptables", "ip6tables", "network controller"];
    if packet_filter.iter().any(|word| last.contains(word)) {
        // Published ports still work, through the engine's own proxy.
        return (!flags.contains(&"--iptables=false"))
            .then_some(&["--iptables=false", "--ip6tables=false"]);
    }
    let storage = ["graphdriver", "overlay", "storage driver"];
    if storage.iter().any(|word| last.contains(word)) {
        return (!flags.contains(&"--storage-driver=vfs")).then_some(&["--storage-driver=vfs"]);
    }
    None
}

fn not_started(log: &str) -> Stop {
    // The log is long, and its last lines are about what was taken down again.
    let telling = |line: &&str| line.contains("failed") || line.contains("level=error");
    let lines: Vec<&str> = log.lines().filter(telling).collect();
    let tail = lines[lines.len().saturating_sub(3)..].join("\n  ");
    Stop::new(ExitCode::Configuration, format!("dockerd does not start:\n  {tail}"))
        .hint("The whole log is .local/dockerd.log.")
        .hint("A container must be privileged to run an engine inside.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_complaint_has_one_remedy() {
        let network = "x\nfailed to start daemon: Error initializing network controller: iptables";
        assert_eq!(remedy(network, &[]).unwrap()[0], "--iptables=false");
        assert_eq!(remedy(network, &["--iptables=false"]), None);
        let storage = "failed to start daemon: error initializing graphdriver: not supported";
        assert_eq!(remedy(storage, &["--iptables=false"]).unwrap(), ["--storage-driver=vfs"]);
        assert_eq!(remedy("failed to start daemon: no space left", &[]), None);
    }
}
