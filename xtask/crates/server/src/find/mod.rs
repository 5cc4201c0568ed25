//! Finding the server: looks at what is there, tries each way in the order of
//! docs/configuration.md, and says exactly what is wrong when none works.

mod decide;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::endpoint::{Endpoint, Near, Reach, Server};
use super::greeting::{self, Answer, Greeting};
use super::local;
use super::tunnel::DockerExec;
use config::{ReachChoice, Settings, checkout};
pub(crate) use decide::of_another;
use decide::{Facts, Trouble};
use model::exit::{ExitCode, Stop};
use sys::clock;
use sys::docker::{self, Container, Engine};
use ui::Ui;

/// A forwarder accepts at once; only an address that leads nowhere takes longer.
const CONNECT: Duration = Duration::from_secs(3);

/// A server, and how it introduced itself.
#[derive(Debug)]
pub struct Found {
    pub server: Server,
    /// What it said before the login.
    pub greeting: Greeting,
}

pub fn find(settings: &Settings, ui: &Ui) -> Result<Server> {
    Ok(greeted(settings, ui)?.server)
}

/// Finds the server and keeps its greeting. Waits while a container is starting.
///
/// # Errors
/// A [`Stop`] with exit code 11 that names what is wrong and how to fix it; exit code 10 if the
/// settings contradict each other.
pub fn greeted(settings: &Settings, ui: &Ui) -> Result<Found> {
    if let Some(endpoint) = explicit(settings)? {
        return at_address(settings, endpoint, ui);
    }
    let deadline = Duration::from_secs(settings.policy.server.start_deadline_s);
    let mut last = None;
    let found = clock::poll(deadline, || match attempt(settings, ui)? {
        Ok(found) => Ok(Some(found)),
        Err(Trouble { stop, starting: true }) => {
            if last.is_none() {
                ui.say(format!("{} …", stop.message));
            }
            last = Some(stop);
            Ok(None)
        }
        Err(Trouble { stop, .. }) => Err(anyhow::Error::new(stop)),
    })?;
    let waited = || {
        let seconds = settings.policy.server.start_deadline_s;
        let message = last.map_or_else(|| "no server was found".to_owned(), |stop| stop.message);
        Stop::new(ExitCode::Server, format!("{message}, after waiting {seconds} s"))
            .hint(format!("`docker logs {}` shows what it is doing.", settings.container))
            .hint("`start_deadline_s` in [server] of xtask.toml sets how long to wait.")
    };
    found.ok_or_else(|| waited().into())
}

/// The address that the settings demand. `DB_PORT` alone is not one: it is the
/// port that compose publishes, and the container is found by its name.
fn explicit(settings: &Settings) -> Result<Option<Endpoint>, Stop> {
    let asked = matches!(settings.reach, ReachChoice::Auto | ReachChoice::Tcp);
    match (&settings.socket, &settings.host) {
        _ if !asked => Ok(None),
        (Some(_), Some(_)) => {
            Err(Stop::new(ExitCode::Configuration, "both DB_SOCKET and DB_HOST are set")
                .hint("Keep the correct one and remove the other from .env."))
        }
        (Some(socket), None) => Ok(Some(Endpoint::Socket(socket.clone()))),
        (None, Some(host)) => Ok(Some(tcp(host, settings.port))),
        (None, None) if settings.reach == ReachChoice::Tcp => {
            Ok(Some(tcp("127.0.0.1", settings.port)))
        }
        (None, None) => Ok(None),
    }
}

fn tcp(host: &str, port: Option<u16>) -> Endpoint {
    Endpoint::Tcp { host: host.to_owned(), port: port.unwrap_or(3306) }
}

/// Explicit means only that one: another server that happens to run must not
/// be changed in its place.
fn at_address(settings: &Settings, endpoint: Endpoint, ui: &Ui) -> Result<Found> {
    let limit = Duration::from_secs(settings.policy.server.connect_timeout_s);
    match greeting::ask(&endpoint, limit, limit) {
        Answer::Greets(greeting) => {
            greeting.new_enough(&endpoint.to_string())?;
            let server = Server::guarded(endpoint, Reach::Explicit, &settings.tls);
            ui.detail(format!("server: {server}; nothing else was tried"));
            Ok(Found { server, greeting })
        }
        answer => Err(decide::nothing_explicit(&endpoint, &answer).into()),
    }
}

/// The folder of the checkout whose container it is, if that is neither this one nor another
/// working tree of its repository, and the settings do not name the container.
pub fn elsewhere(settings: &Settings, container: &Container) -> Option<String> {
    let folder = container.project.as_ref().filter(|_| !settings.chosen_container)?;
    (!checkout::is_same(&settings.root, Path::new(folder))).then(|| folder.clone())
}

/// One round over everything that may lead to the server.
fn attempt(settings: &Settings, ui: &Ui) -> Result<Result<Found, Trouble>> {
    let facts = observe(settings)?;
    let limit = Duration::from_secs(settings.policy.server.connect_timeout_s);
    let mut tried: Vec<(Reach, Answer)> = Vec::new();
    for (reach, endpoint) in decide::candidates(settings.reach, &settings.container, &facts) {
        // A container that is about to be usable is waited for: falling through
        // to the private server would be to work on another database. Nor is it
        // worth a `docker exec` a round.
        let wait = match reach {
            Reach::Local => settings.reach == ReachChoice::Auto && decide::starting(&facts),
            Reach::DockerExec { .. } => decide::not_healthy_yet(&facts),
            _ => false,
        };
        if wait {
            break;
        }
        let (answer, tunnel) = match endpoint {
            Some(ref endpoint) => (greeting::ask(endpoint, CONNECT.min(limit), limit), None),
            None => through_tunnel(settings, limit),
        };
        if let Answer::Greets(greeting) = answer {
            let port = tunnel.as_ref().map(DockerExec::port);
            let endpoint = endpoint.unwrap_or_else(|| tcp("127.0.0.1", port));
            let published = matches!(reach, Reach::Published { .. });
            let mut server = Server::guarded(endpoint, reach, &settings.tls);
            let bridge = decide::bridge(&facts).filter(|_| published);
            server.near = bridge
                .and_then(|bridge| Some(Near::new(decide::near(&facts)?, bridge, &settings.tls)));
            server.tunnel =
                tunnel.map(|tunnel| Box::new(tunnel) as Box<dyn super::endpoint::Tunnel>);
            for (reach, answer) in &tried {
                ui.detail(format!("not {reach}: {}", decide::said(answer)));
            }
            ui.detail(format!("server: {server}, {} {}", greeting.flavour, greeting.version_text));
            return Ok(match greeting.new_enough(&server.to_string()) {
                Ok(()) => Ok(Found { server, greeting }),
                Err(stop) => Err(Trouble { stop, starting: false }),
            });
        }
        tried.push((reach, answer));
    }
    Ok(Err(decide::trouble(settings.reach, &settings.container, &facts, &tried)))
}

fn through_tunnel(settings: &Settings, limit: Duration) -> (Answer, Option<DockerExec>) {
    match DockerExec::open(&settings.container) {
        Ok(tunnel) => {
            let endpoint = tcp("127.0.0.1", Some(tunnel.port()));
            (greeting::ask(&endpoint, CONNECT, limit), Some(tunnel))
        }
        Err(error) => (Answer::Silent(format!("{error:#}")), None),
    }
}

/// The address of this machine that a connection to `host` would begin at; nothing is sent.
fn source(host: &str) -> Option<IpAddr> {
    let host: IpAddr = host.parse().ok()?;
    let any: IpAddr =
        if host.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((host, 3306)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn observe(settings: &Settings) -> Result<Facts> {
    let mut facts = Facts {
        local: local::status(settings)?,
        start_may_take: Duration::from_secs(settings.policy.server.start_deadline_s),
        ..Facts::default()
    };
    if settings.reach == ReachChoice::Local {
        return Ok(facts);
    }
    // Side by side: each is a program that has to start.
    let (container, here) = std::thread::scope(|scope| {
        let container = scope.spawn(|| docker::inspect(&settings.container));
        let here = scope.spawn(docker::engine_is_here);
        facts.engine = docker::engine();
        (container.join(), here.join())
    });
    let died = |_| anyhow::anyhow!("a thread querying docker panicked");
    if let Engine::Running(_) = facts.engine {
        let container = container.map_err(died)??;
        facts.elsewhere = container.as_ref().and_then(|container| elsewhere(settings, container));
        facts.container = container.filter(|_| facts.elsewhere.is_none());
    }
    if let Some(container) = facts.container.as_ref().filter(|c| c.status == "running") {
        facts.engine_is_here = here.map_err(died)?;
        facts.source = container.address.as_deref().and_then(source);
        facts.up = container.started.and_then(|started| (clock::now() - started).to_std().ok());
        if container.health.is_none() {
            facts.log = docker::log_tail(&settings.container, 200);
        }
    }
    Ok(facts)
}
