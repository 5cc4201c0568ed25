//! Starting and stopping the team's container: through compose where it does
//! not exist yet, and only ever stopping what was started here.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::endpoint::Server;
use super::{accounts, find};
use config::Settings;
use model::account::Role;
use model::exit::{ExitCode, Stop};
use sys::docker::{self, Engine};
use sys::proc::Cmd;
use ui::Ui;

/// A pull of the image over a slow line is the longest part.
const UP: Duration = Duration::from_secs(1800);
/// InnoDB writes its pages on the way down; compose.yaml grants the same time.
const STOP_SECONDS: &str = "60";

/// `.local/started.json`: what db-up started, and db-down may stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Started {
    container: String,
    id: String,
}

fn state_file(settings: &Settings) -> PathBuf {
    settings.local.join("started.json")
}

/// Starts the container, making it through compose where there is none, and
/// waits until its server answers. Says whether it had to be started.
pub fn start(settings: &mut Settings, ui: &Ui) -> Result<(Server, bool)> {
    if !matches!(docker::engine(), Engine::Running(_)) {
        // Finding says which of the several reasons it is.
        return find::find(settings, ui).map(|server| (server, false));
    }
    let name = settings.container.clone();
    let before = docker::inspect(&name)?;
    if let Some(folder) = before.as_ref().and_then(|it| find::elsewhere(settings, it)) {
        return Err(find::of_another(&name, &folder).into());
    }
    let status = before.as_ref().map(|container| container.status.as_str());
    match status {
        Some("running" | "restarting" | "paused") => {
            return Ok((find::find(settings, ui)?, false));
        }
        Some("exited") => {
            ui.say(format!("Starting container {name} …"));
            let started = docker::docker(["start", &name]).run(Duration::from_secs(120))?;
            if !started.ok() {
                return Err(refused(&started.stderr, &settings.container, settings.port).into());
            }
        }
        // One that was only created may have been made for a port that was
        // taken; compose makes it again with what `.env` says now.
        _ => up(settings, ui)?,
    }
    let container = docker::inspect(&name)?
        .with_context(|| format!("compose started, but container {name} does not exist"))?;
    sys::fs::create_private_dir(&settings.local)?;
    let started = Started { container: name, id: container.id };
    let text = serde_json::to_vec_pretty(&started).context("write the state as JSON")?;
    sys::fs::write_durably(&state_file(settings), &text)?;
    Ok((find::find(settings, ui)?, true))
}

/// Stops the container if db-up started it; gives its name when it did.
///
/// Stops it by its id and not through `docker compose stop`: with another
/// DB_CONTAINER in `.env` since, compose would stop whatever is its service now.
pub fn stop(settings: &Settings) -> Result<Option<String>> {
    let path = state_file(settings);
    if !path.exists() {
        return Ok(None);
    }
    let started: Started =
        serde_json::from_str(&sys::fs::read_text(&path)?).context("read started.json")?;
    let running = docker::inspect(&started.id)?.is_some_and(|c| c.status == "running");
    if running {
        docker::docker(["stop", "--time", STOP_SECONDS, &started.id])
            .read(Duration::from_secs(120))?;
    }
    sys::fs::remove_if_exists(&path)?;
    Ok(running.then_some(started.container))
}

fn compose(settings: &Settings, args: &[&str]) -> Cmd {
    let compose = docker::docker(["compose", "-f", "compose.yaml"])
        .args(args.iter().copied())
        .dir(&settings.root);
    // Children inherit no password; the compose file needs this one, wherever it was set.
    match &settings.account(Role::Root).password {
        Some(password) => compose.env(Role::Root.password_var(), password.reveal()),
        None => compose,
    }
}

fn up(settings: &mut Settings, ui: &Ui) -> Result<()> {
    if !settings.root.join("compose.yaml").is_file() {
        return Err(Stop::new(
            ExitCode::Configuration,
            format!("there is no compose.yaml in {}", settings.root.display()),
        )
        .hint("Run this inside the StreamFlix checkout.")
        .into());
    }
    if !compose(settings, &["version"]).run(Duration::from_secs(30))?.ok() {
        return Err(Stop::new(ExitCode::Server, "`docker compose` is not installed")
            .hint("Debian, Ubuntu: `sudo apt-get install docker-compose-plugin` (or docker-compose-v2).")
            .hint("`cargo xtask db-up --on local` needs no Docker.")
            .into());
    }
    // The image takes root's password at its first start, and only then.
    if accounts::password_for(settings, Role::Root)? {
        ui.say("Wrote a new DB_ROOT_PASSWORD to .env");
    }
    other_name(settings)?;
    ui.say(format!("Starting container {} through compose …", settings.container));
    let finished = compose(settings, &["up", "-d", "mysql"]).run(UP)?;
    if finished.ok() {
        Ok(())
    } else {
        Err(refused(&finished.stderr, &settings.container, settings.port).into())
    }
}

/// One compose project has one database: under another name compose would
/// replace the existing container instead of adding one.
fn other_name(settings: &Settings) -> Result<()> {
    let config =
        compose(settings, &["config", "--format", "json"]).read(Duration::from_secs(30))?;
    let config: serde_json::Value = serde_json::from_str(&config).context("read compose's JSON")?;
    let project = config.get("name").and_then(|name| name.as_str()).unwrap_or("streamflix");
    let filter = format!("label=com.docker.compose.project={project}");
    let service = "label=com.docker.compose.service=mysql";
    let args = ["ps", "-a", "--filter", &filter, "--filter", service, "--format", "{{.Names}}"];
    let names = docker::docker(args).read(Duration::from_secs(30))?;
    match names.lines().find(|name| *name != settings.container) {
        None => Ok(()),
        Some(other) => Err(Stop::new(
            ExitCode::Configuration,
            format!(
                "compose project {project} already has the database container `{other}`, but \
                DB_CONTAINER is `{}`",
                settings.container
            ),
        )
        .hint(format!("Put DB_CONTAINER={other} into .env to use that one."))
        .hint("Or set COMPOSE_PROJECT_NAME to run a second one with its own data.")
        .into()),
    }
}

/// Why a start failed, from Docker's output.
fn refused(stderr: &str, name: &str, port: Option<u16>) -> Stop {
    let has = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
    let stop = |message: String| Stop::new(ExitCode::Server, message);
    if has(&["port is already allocated", "address already in use", "ports are not available"]) {
        let port = port.unwrap_or(3306);
        return stop(format!(
            "port {port} on this machine is taken, so `{name}` cannot publish it"
        ))
        .hint("Put another DB_PORT into .env, for example DB_PORT=3307, and run this again.")
        .hint("`docker ps` or `ss -ltnp` shows what uses it.");
    }
    if has(&["is already in use by container"]) {
        return stop(format!(
            "the name `{name}` is taken by a container that compose did not create"
        ))
        .hint(format!("Rename that one (`docker rename {name} something_else`)."))
        .hint("Or put another DB_CONTAINER into .env.");
    }
    let pull = [
        "pull access denied",
        "manifest unknown",
        "no such host",
        "No such image",
        "failed to resolve",
        "i/o timeout",
        "connection refused",
        "Client.Timeout",
        "TLS handshake timeout",
        "toomanyrequests",
    ];
    if has(&pull) {
        return stop("the database image is not on this machine and cannot be pulled".to_owned())
            .hint(format!("Docker said: {}", last_line(stderr)))
            .hint("Set MYSQL_IMAGE in .env to an image that exists locally (`docker images`).")
            .hint("`cargo xtask db-up --on local` needs no image.");
    }
    stop(format!("container `{name}` cannot be started: {}", last_line(stderr)))
        .hint("`docker compose up mysql` shows Docker's full output.")
}

fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("nothing").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_says_becomes_what_to_do() {
        let said = |text: &str| refused(text, "db", Some(3310));
        let port = said(
            "Error response from daemon: driver failed programming external connectivity on \
             endpoint db: Bind for 127.0.0.1:3310 failed: port is already allocated",
        );
        assert!(port.message.contains("port 3310"), "{port}");
        assert!(port.hints[0].contains("DB_PORT"), "{:?}", port.hints);
        let name =
            said("Conflict. The container name \"/db\" is already in use by container \"1\"");
        assert!(name.message.contains("the name `db` is taken"), "{name}");
        let image = said(
            "mysql Pulling\nError response from daemon: Get \"https://registry.example/v2/\": \
             dial tcp: lookup registry.example: no such host",
        );
        assert!(image.message.contains("cannot be pulled"), "{image}");
        assert!(said("odd\n\n").message.ends_with("odd"));
    }
}
