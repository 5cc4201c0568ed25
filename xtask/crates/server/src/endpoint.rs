//! Where a server answers and how it was found.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::wire::guard::Guard;
use config::tls::Tls;

/// An address that the protocol can be spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Tcp {
        host: String,
        port: u16,
    },
    /// A Unix socket (a named pipe is not supported).
    Socket(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How the server was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// `DB_HOST`/`DB_PORT` or `DB_SOCKET` said so.
    Explicit,
    /// The port that the container publishes.
    Published {
        container: String,
    },
    ContainerAddress {
        container: String,
        /// This machine's address on the container's network. Without one, the address may
        /// lead to another machine.
        bridge: Option<IpAddr>,
    },
    /// `docker exec` into the container.
    DockerExec {
        container: String,
    },
    Local,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit => f.write_str("the address in DB_HOST/DB_PORT/DB_SOCKET"),
            Self::Published { container } => write!(f, "the port of container {container}"),
            Self::ContainerAddress { container, .. } => {
                write!(f, "the address of container {container}")
            }
            Self::DockerExec { container } => write!(f, "docker exec into {container}"),
            Self::Local => f.write_str("the private local server"),
        }
    }
}

/// A server that was found. Logging in is [`super::Session::open`]'s work.
#[derive(Debug)]
pub struct Server {
    pub endpoint: Endpoint,
    pub reach: Reach,
    /// The address behind the published port, where this machine is on its network.
    pub near: Option<Near>,
    /// What protects the connections to it.
    pub guard: Arc<Guard>,
    /// Keeps a tunnel open for as long as the server is used.
    pub tunnel: Option<Box<dyn Tunnel>>,
}

/// A container's own address: without the engine's proxy between, rows come faster.
#[derive(Debug, Clone)]
pub struct Near {
    pub endpoint: Endpoint,
    /// What protects the connections to it.
    pub(super) guard: Arc<Guard>,
}

impl Near {
    /// The address of a container on a network where this machine has the address `bridge`.
    pub fn new(endpoint: Endpoint, bridge: IpAddr, tls: &Tls) -> Self {
        let guard = Arc::new(Guard::near(&endpoint, bridge, tls));
        Self { endpoint, guard }
    }
}

/// Something that carries connections while it lives.
pub trait Tunnel: fmt::Debug + Send + Sync {}

impl Server {
    /// A server at an address, found without a tunnel, with nothing set about TLS.
    pub fn new(endpoint: Endpoint, reach: Reach) -> Self {
        Self::guarded(endpoint, reach, &Tls::default())
    }

    /// As [`Server::new`], protected as the settings say.
    pub fn guarded(endpoint: Endpoint, reach: Reach, tls: &Tls) -> Self {
        let guard = Arc::new(Guard::new(&endpoint, &reach, tls));
        Self { endpoint, reach, near: None, guard, tunnel: None }
    }

    /// The container that the server runs in, when it does.
    pub fn container(&self) -> Option<&str> {
        match &self.reach {
            Reach::Published { container }
            | Reach::ContainerAddress { container, .. }
            | Reach::DockerExec { container } => Some(container),
            Reach::Explicit | Reach::Local => None,
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reach {
            Reach::DockerExec { .. } => write!(f, "{}", self.reach),
            _ => write!(f, "{} ({})", self.endpoint, self.reach),
        }
    }
}
