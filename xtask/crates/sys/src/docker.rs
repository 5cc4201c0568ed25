//! The Docker command line.

use std::time::Duration;

use anyhow::Result;

use super::proc::{self, Cmd};

/// How far Docker is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// No `docker` program.
    NotInstalled,
    /// The program is there, no engine answers; what it said.
    NotRunning(String),
    /// An engine answers; its version.
    Running(String),
}

pub fn engine() -> Engine {
    if proc::find("docker").is_none() {
        return Engine::NotInstalled;
    }
    let asked = docker(["version", "--format", "{{.Server.Version}}"]).run(Duration::from_secs(15));
    match asked {
        Ok(finished) if finished.ok() => Engine::Running(finished.stdout.trim().to_owned()),
        Ok(finished) => Engine::NotRunning(finished.stderr.trim().to_owned()),
        Err(error) => Engine::NotRunning(error.to_string()),
    }
}

/// A `docker …` command.
pub fn docker<'a>(args: impl IntoIterator<Item = &'a str>) -> Cmd {
    Cmd::new("docker").args(args)
}

/// A container as `docker inspect` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    /// `running`, `exited`, `created`, `paused`, …
    pub status: String,
    /// `healthy`, `unhealthy`, `starting`; `None` without a health check.
    pub health: Option<String>,
    /// The image it was made from.
    pub image: String,
    /// Host address and port that 3306 is published on.
    pub published: Option<(String, u16)>,
    /// Its own address on the first network that gives it one.
    pub address: Option<String>,
    /// The gateway of that network: with an engine on this machine, an address of its bridge.
    pub gateway: Option<String>,
    /// When it was started last.
    pub started: Option<chrono::DateTime<chrono::Utc>>,
    /// The folder of the compose project that it belongs to.
    pub project: Option<String>,
    /// Whether its image declares the port 3306.
    pub exposes: bool,
}

/// Looks a container up by name; `None` when there is none.
pub fn inspect(name: &str) -> Result<Option<Container>> {
    let finished = docker(["container", "inspect", name]).run(Duration::from_secs(15))?;
    if !finished.ok() {
        return Ok(None);
    }
    let all: serde_json::Value = serde_json::from_str(&finished.stdout)?;
    Ok(all.get(0).map(read))
}

/// Whether the engine runs on this machine, so that its ports and networks are
/// ours too. With an engine elsewhere, `127.0.0.1:3306` here is another server.
pub fn engine_is_here() -> bool {
    let asked = docker(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])
        .run(Duration::from_secs(15));
    match asked {
        Ok(finished) if finished.ok() => is_here(finished.stdout.trim()),
        // Engines older than contexts: the variable is all there is.
        _ => super::env::var("DOCKER_HOST").is_none_or(|host| is_here(&host)),
    }
}

fn is_here(host: &str) -> bool {
    let local = ["unix://", "npipe://", "fd://", "tcp://127.0.0.1", "tcp://localhost"];
    host.is_empty() || local.iter().any(|start| host.starts_with(start))
}

/// The last lines that a container wrote, both streams together.
pub fn log_tail(name: &str, lines: u32) -> String {
    let lines = lines.to_string();
    match docker(["logs", "--tail", &lines, name]).run(Duration::from_secs(15)) {
        Ok(finished) => format!("{}{}", finished.stdout, finished.stderr),
        Err(_) => String::new(),
    }
}

/// A text that is there and not empty.
fn of(json: &serde_json::Value, key: &str) -> Option<String> {
    let text = json.get(key)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn read(json: &serde_json::Value) -> Container {
    let text =
        |pointer: &str| json.pointer(pointer).and_then(|v| v.as_str()).unwrap_or("").to_owned();
    let some = |text: String| (!text.is_empty()).then_some(text);
    let published = json
        .pointer("/NetworkSettings/Ports/3306~1tcp")
        .and_then(|list| list.as_array())
        .and_then(|list| list.first())
        .and_then(|first| {
            let host = first.get("HostIp")?.as_str()?;
            let host = if host.is_empty() || host == "0.0.0.0" || host == "::" {
                "127.0.0.1"
            } else {
                host
            };
            Some((host.to_owned(), first.get("HostPort")?.as_str()?.parse().ok()?))
        });
    let network = json
        .pointer("/NetworkSettings/Networks")
        .and_then(|networks| networks.as_object())
        .and_then(|networks| networks.values().find(|it| of(it, "IPAddress").is_some()));
    Container {
        id: text("/Id"),
        status: text("/State/Status"),
        health: some(text("/State/Health/Status")),
        image: text("/Config/Image"),
        published,
        address: network.and_then(|it| of(it, "IPAddress")),
        gateway: network.and_then(|it| of(it, "Gateway")),
        started: text("/State/StartedAt").parse().ok(),
        project: some(text("/Config/Labels/com.docker.compose.project.working_dir")),
        exposes: json.pointer("/Config/ExposedPorts/3306~1tcp").is_some(),
    }
}
