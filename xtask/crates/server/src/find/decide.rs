//! What the observed facts mean: which ways to try, and what the trouble is.
//! Pure, so that every trouble has a test.

use std::net::IpAddr;
use std::time::Duration;

use crate::endpoint::{Endpoint, Reach};
use crate::greeting::Answer;
use crate::local::Status;
use config::ReachChoice;
use model::exit::{ExitCode, Stop};
use sys::docker::{Container, Engine};

/// What was seen on this machine.
#[derive(Debug)]
pub(super) struct Facts {
    pub engine: Engine,
    pub engine_is_here: bool,
    /// The one of that name, if it is this checkout's.
    pub container: Option<Container>,
    /// There is one of that name, and it belongs to the checkout in this folder.
    pub elsewhere: Option<String>,
    /// The address of this machine that a connection to the container's address begins at.
    pub source: Option<IpAddr>,
    /// The end of the container's log, where it has no health check.
    pub log: String,
    pub local: Status,
    /// How long the container has been running, and how long a start may take.
    pub up: Option<Duration>,
    pub start_may_take: Duration,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            engine: Engine::NotInstalled,
            engine_is_here: true,
            container: None,
            elsewhere: None,
            source: None,
            log: String::new(),
            local: Status::Absent,
            up: None,
            start_may_take: Duration::ZERO,
        }
    }
}

/// Why there is no server, and whether waiting may help.
#[derive(Debug)]
pub(super) struct Trouble {
    pub stop: Stop,
    pub starting: bool,
}

/// The container's own address. Not on Linux, containers live in a virtual machine whose
/// network is not ours.
pub(super) fn near(facts: &Facts) -> Option<Endpoint> {
    let container = facts.container.as_ref().filter(|c| c.status == "running")?;
    let here = cfg!(target_os = "linux") && facts.engine_is_here;
    let host = container.address.clone().filter(|_| here)?;
    Some(Endpoint::Tcp { host, port: 3306 })
}

/// This machine's address on the container's network: the gateway there, if connections to the
/// container begin at it. Otherwise the network is in a namespace or a machine of its own (an
/// engine without root, in a virtual machine or behind SSH), and the container's address leads
/// to whoever has it in this machine's network.
pub(super) fn bridge(facts: &Facts) -> Option<IpAddr> {
    let gateway: IpAddr = facts.container.as_ref()?.gateway.as_ref()?.parse().ok()?;
    facts.source.filter(|source| source.to_canonical() == gateway.to_canonical())
}

/// The ways to try, best first; one without an endpoint is the tunnel.
pub(super) fn candidates(
    choice: ReachChoice,
    name: &str,
    facts: &Facts,
) -> Vec<(Reach, Option<Endpoint>)> {
    let mut ways = Vec::new();
    let auto = choice == ReachChoice::Auto;
    let container = facts.container.as_ref().filter(|container| container.status == "running");
    if let Some(container) = container {
        let named = || name.to_owned();
        let bridge = bridge(facts);
        let own = || {
            let reach = Reach::ContainerAddress { container: named(), bridge };
            near(facts).map(|endpoint| (reach, Some(endpoint)))
        };
        if (auto || choice == ReachChoice::Docker) && facts.engine_is_here {
            if let Some((host, port)) = container.published.clone() {
                let reach = Reach::Published { container: named() };
                ways.push((reach, Some(Endpoint::Tcp { host, port })));
            }
            ways.extend(own().filter(|_| bridge.is_some()));
        }
        if auto || choice == ReachChoice::DockerExec {
            ways.push((Reach::DockerExec { container: named() }, None));
        }
        // The server there must prove its identity, so every other way is better.
        if (auto || choice == ReachChoice::Docker) && facts.engine_is_here {
            ways.extend(own().filter(|_| bridge.is_none()));
        }
    }
    if let (true, Status::Running(state)) = (auto || choice == ReachChoice::Local, &facts.local) {
        ways.push((Reach::Local, Some(state.endpoint())));
    }
    ways
}

/// Whether the container runs and its server, which does not answer, is still on
/// the way up. Without a health check a fresh start or the log tells.
pub(super) fn starting(facts: &Facts) -> bool {
    facts.container.as_ref().is_some_and(|container| match container.health.as_deref() {
        _ if container.status != "running" => false,
        Some(health) => health == "starting",
        None => {
            let is_server = container.exposes || names_a_server(&container.image);
            let fresh = facts.up.is_some_and(|up| up < facts.start_may_take);
            is_server && (fresh || log_says_starting(&facts.log))
        }
    })
}

/// Whether the health check itself says so.
pub(super) fn not_healthy_yet(facts: &Facts) -> bool {
    let health = facts.container.as_ref().and_then(|container| container.health.as_deref());
    health == Some("starting")
}

/// The log tells: a start, or the preparation of
/// a new data folder, after the last time the server was ready on its port.
fn log_says_starting(log: &str) -> bool {
    let mut starting = false;
    for line in log.lines() {
        // While it prepares a data folder the server is ready on "port: 0".
        if line.contains("ready for connections") && !line.contains("port: 0") {
            starting = false;
        } else if ["starting as process", "Starting MariaDB", "[Entrypoint]"]
            .iter()
            .any(|mark| line.contains(mark))
        {
            starting = true;
        }
    }
    starting
}

/// Names the one thing that is wrong.
pub(super) fn trouble(
    choice: ReachChoice,
    name: &str,
    facts: &Facts,
    tried: &[(Reach, Answer)],
) -> Trouble {
    let starting = choice != ReachChoice::Local && starting(facts);
    let stop = if choice == ReachChoice::Local {
        no_local(&facts.local, tried)
    } else {
        match (&facts.engine, &facts.container) {
            (Engine::NotInstalled, _) => no_docker(&facts.local),
            (Engine::NotRunning(said), _) => no_engine(said),
            (Engine::Running(_), None) => match &facts.elsewhere {
                Some(folder) => of_another(name, folder),
                None => no_container(name, &facts.local),
            },
            (Engine::Running(_), Some(container)) => in_container(name, container, facts, tried),
        }
    };
    Trouble { stop, starting }
}

fn refusal(message: impl Into<String>) -> Stop {
    Stop::new(ExitCode::Server, message)
}

fn no_local(local: &Status, tried: &[(Reach, Answer)]) -> Stop {
    let message = match (local, tried.first()) {
        (Status::Running(_), Some((_, answer))) => {
            format!("the private local server is running but does not answer: {}", said(answer))
        }
        (Status::Stopped(_), _) => "the private local server is not running".to_owned(),
        _ => "there is no private local server yet".to_owned(),
    };
    refusal(message).hint("`cargo xtask db-up --on local` starts one; its data stays in .local/.")
}

fn no_docker(local: &Status) -> Stop {
    let local = match local {
        Status::Stopped(_) => "the private local server is not running",
        _ => "there is no private local server yet",
    };
    refusal(format!("no database is running: Docker is not installed, and {local}"))
        .hint("`cargo xtask db-up --yes` starts a private local server; it needs no Docker.")
        .hint("For a server elsewhere, set DB_HOST and DB_PORT in .env.")
}

fn no_engine(said: &str) -> Stop {
    let said = said.lines().last().unwrap_or("").trim();
    if said.contains("permission denied") {
        return refusal("this user is not allowed to use the Docker engine")
            .hint("`sudo usermod -aG docker \"$USER\"`, then log in again.")
            .hint("`cargo xtask db-up --on local` needs no Docker.");
    }
    let start = if cfg!(target_os = "macos") {
        "`open -a Docker` starts it."
    } else if cfg!(windows) {
        "Start Docker Desktop from the Start menu."
    } else {
        "`sudo systemctl start docker` starts it (`sudo service docker start` without systemd)."
    };
    refusal("Docker is installed, but its engine is not running")
        .hint(start)
        .hint("`cargo xtask db-up --on local` needs no Docker.")
}

/// A container of another checkout. Only its name is right: the data may be anything.
pub(crate) fn of_another(name: &str, folder: &str) -> Stop {
    refusal(format!("the container `{name}` belongs to another checkout, {folder}"))
        .hint(format!("If it is the database you mean, put DB_CONTAINER={name} into .env."))
        .hint(
            "For a database of this checkout: `cargo xtask db-up --on local`, or another \
             DB_CONTAINER, COMPOSE_PROJECT_NAME and DB_PORT in .env and `cargo xtask db-up`.",
        )
}

fn no_container(name: &str, local: &Status) -> Stop {
    let stop = refusal(format!("there is no container `{name}`"));
    let stop = match local {
        Status::Stopped(_) => {
            stop.hint("`cargo xtask db-up` starts the private local server again.")
        }
        _ => stop.hint("`cargo xtask db-up --yes` (or `docker compose up -d mysql`) starts it."),
    };
    stop.hint("If the database runs in another container, set DB_CONTAINER in .env.")
}

fn in_container(
    name: &str,
    container: &Container,
    facts: &Facts,
    tried: &[(Reach, Answer)],
) -> Stop {
    let status = container.status.as_str();
    match status {
        "running" => {}
        "paused" => {
            return refusal(format!("container `{name}` is paused"))
                .hint(format!("`docker unpause {name}` resumes it."));
        }
        "restarting" => {
            return refusal(format!("container `{name}` keeps restarting"))
                .hint(format!("`docker logs --tail 30 {name}` shows why."));
        }
        _ => {
            return refusal(format!("container `{name}` is not running ({status})"))
                .hint("`docker compose up -d mysql` or `cargo xtask db-up --yes` starts it.");
        }
    }
    if let Some((1129, text)) = tried.iter().find_map(|(_, answer)| refused(answer)) {
        return refusal(format!("the server in container `{name}` blocks this host: {text}"))
            .hint(format!("`docker restart {name}`, or FLUSH HOSTS as root, lifts the block."));
    }
    if let Some((code, text)) = tried.iter().find_map(|(_, answer)| refused(answer)) {
        let message = format!("the server in container `{name}` refuses logins: {text} ({code})");
        return refusal(message);
    }
    let spoke = tried.iter().find_map(|(_, answer)| match answer {
        Answer::NotMysql(how) => Some(how.as_str()),
        _ => None,
    });
    let image = &container.image;
    if spoke.is_some() || !(container.exposes || names_a_server(image)) {
        let how = spoke.map_or_else(
            || "it has no port 3306".to_owned(),
            |how| format!("its answer is not the MySQL protocol: {how}"),
        );
        return refusal(format!(
            "the container named `{name}` (image {image}) is not a MySQL or MariaDB server: {how}"
        ))
        .hint(format!(
            "Rename it (`docker rename {name} something_else`), then `cargo xtask db-up`."
        ))
        .hint("Or set DB_CONTAINER in .env to the database's container.");
    }
    if starting(facts) {
        return refusal(format!("the server in container `{name}` is still starting"));
    }
    let why = tried.iter().map(|(reach, answer)| format!("{reach}: {}", said(answer)));
    let why: Vec<String> = why.collect();
    let why = if why.is_empty() { "its port is not published".to_owned() } else { why.join("; ") };
    refusal(format!(
        "container `{name}` is running, but no server answers in it \
    ({why})"
    ))
    .hint(format!("`docker logs --tail 30 {name}` shows why; `docker restart {name}` restarts it."))
}

fn names_a_server(image: &str) -> bool {
    ["mysql", "mariadb", "percona"].iter().any(|name| image.to_lowercase().contains(name))
}

fn refused(answer: &Answer) -> Option<(u16, &str)> {
    match answer {
        Answer::Refuses(code, text) => Some((*code, text)),
        _ => None,
    }
}

/// Nothing usable at the address that the settings demand.
pub(super) fn nothing_explicit(endpoint: &Endpoint, answer: &Answer) -> Stop {
    let names = match endpoint {
        Endpoint::Tcp { .. } => "DB_HOST and DB_PORT",
        Endpoint::Socket(_) => "DB_SOCKET",
    };
    let why = said(answer);
    refusal(format!("no MySQL server answers at {endpoint}: {why}"))
        .hint(format!(
            "The address comes from {names} in .env or the environment; nothing else was tried."
        ))
        .hint("Remove them to search for the server: the container first, then the private server.")
}

/// An answer that is not a greeting, in words.
pub(super) fn said(answer: &Answer) -> String {
    match answer {
        Answer::Greets(greeting) => format!("{} {}", greeting.flavour, greeting.version_text),
        Answer::Refuses(code, text) => format!("{text} ({code})"),
        Answer::NotMysql(how) => format!("not a MySQL server: {how}"),
        Answer::Silent(why) => why.clone(),
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
