//! Where the servers are, and a project folder for each test.
//!
//! The contract with `cargo xtask ci`:
//! - `XTASK_TEST_MYSQL`, `XTASK_TEST_MARIADB`: `host:port:file`, where the file
//!   holds root's password and nothing else;
//! - `XTASK_TEST_MYSQL_CONTAINER`: the container MySQL runs in;
//! - `XTASK_TEST_MYSQL_SOCKET`, `XTASK_TEST_MARIADB_SOCKET`: the socket, where
//!   this machine can reach one;
//! - `XTASK_TEST_S3`: an `rclone` with `serve s3`.

mod browser;
mod checkout;
pub mod five;
mod listener;
pub mod object_store;
mod own_server;
pub mod proxy;
mod repository;
pub mod runbook;
mod sandbox;
mod times;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::secret::Secret;
use mysql::{Conn, OptsBuilder};
use sys::{env, fs};

pub use browser::Browser;
pub use checkout::{
    Checkout, Removed, Turn, alone, copy_checkout, copy_files, free_port, image_of, target_dir,
    together,
};
pub use listener::Listener;
pub use own_server::{own_mariadb, own_mariadb_with, own_mysql, own_mysql_with};
pub use repository::Repository;
pub use sandbox::Sandbox;
pub use writer::Writer;

/// A server that a test needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// MySQL 9.7 in a container.
    Mysql,
    /// MariaDB on this machine.
    Mariadb,
}

impl Server {
    /// What the product promises to work with.
    pub const ALL: [Self; 2] = [Self::Mysql, Self::Mariadb];

    /// A name of its own on each server: a checkout that works with both expects a schema
    /// where it was.
    pub fn own(self, name: &str) -> String {
        let ending = match self {
            Self::Mysql => "y",
            Self::Mariadb => "a",
        };
        format!("{name}_{ending}")
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Mysql => "XTASK_TEST_MYSQL",
            Self::Mariadb => "XTASK_TEST_MARIADB",
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
        })
    }
}

/// A running server.
#[derive(Debug, Clone)]
pub struct TestServer {
    /// Which one.
    pub flavour: Server,
    /// Its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its socket, where this machine can reach one.
    pub socket: Option<PathBuf>,
    /// Root's password.
    pub root_password: Secret,
    /// Its container, where it runs in one.
    pub container: Option<String>,
}

/// The server, or `None` with a line that says what is skipped.
///
/// # Panics
/// In CI, where nothing may be skipped, and where the variable makes no sense.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn require(server: Server) -> Option<TestServer> {
    times::begun();
    let variable = server.variable();
    if let Some(place) = env::var(variable) {
        return Some(read(server, &place));
    }
    assert!(!env::is_ci(), "CI runs need {server}: {variable} is not set");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("SKIPPED: {test} needs {server} ({variable} is not set); use `cargo xtask ci`");
    None
}

/// Says what is left out of a test that this machine cannot do.
///
/// # Panics
/// In CI, where nothing may be skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn skipped(why: &str) {
    assert!(!env::is_ci(), "{why}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("SKIPPED: {test}: {why}");
}

fn read(flavour: Server, place: &str) -> TestServer {
    let variable = flavour.variable();
    let parts: Vec<&str> = place.splitn(3, ':').collect();
    let [host, port, file] = parts[..] else {
        panic!("{variable} is `{place}`, which is not host:port:password-file");
    };
    TestServer {
        flavour,
        host: host.to_owned(),
        port: port.parse().unwrap_or_else(|_| panic!("{variable} has no port: `{place}`")),
        socket: env::var_os(&format!("{variable}_SOCKET")).map(PathBuf::from),
        root_password: Secret::new(fs::read_text(Path::new(file)).unwrap().trim_end()),
        container: env::var(&format!("{variable}_CONTAINER")),
    }
}

impl TestServer {
    /// A connection as root, for setting up and for assertions.
    pub fn root(&self) -> Conn {
        self.login("root", &self.root_password, None)
    }

    /// Whether root can log in; for servers that have just been started.
    pub fn answers(&self) -> bool {
        let options = self.options("root", &self.root_password, None);
        Conn::new(options).is_ok()
    }

    /// A connection as somebody else.
    pub fn login(&self, user: &str, password: &Secret, schema: Option<&str>) -> Conn {
        Conn::new(self.options(user, password, schema))
            .unwrap_or_else(|error| panic!("log in to {} as {user}: {error}", self.flavour))
    }

    fn options(&self, user: &str, password: &Secret, schema: Option<&str>) -> OptsBuilder {
        OptsBuilder::new()
            .ip_or_hostname(Some(self.host.clone()))
            .tcp_port(self.port)
            .prefer_socket(false)
            .user(Some(user))
            .pass(Some(password.reveal()))
            .db_name(schema)
            .tcp_connect_timeout(Some(Duration::from_secs(10)))
            .read_timeout(Some(Duration::from_secs(120)))
    }
}
