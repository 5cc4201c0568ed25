//! Servers of one test's own, whose settings nobody else sees.

use std::time::Duration;

use model::secret::Secret;
use sys::clock;
use sys::docker::docker;
use sys::proc::Cmd;
use tempfile::TempDir;
use workshop::provision::private_mariadb::{self, PrivateMariadb};

use super::{Server, TestServer};

/// For starting one, and for removing it.
const DEADLINE: Duration = Duration::from_secs(120);

/// A MySQL in a container, which goes when this is dropped.
#[derive(Debug)]
pub struct OwnMysql {
    pub server: TestServer,
    _container: Container,
}

#[derive(Debug)]
struct Container(String);

impl Drop for Container {
    fn drop(&mut self) {
        docker(["rm", "--force", "--volumes", &self.0]).run(DEADLINE).ok();
    }
}

/// Starts one of the image of the shared one; `None` where that is not there (the test says
/// so). `name` is the test's own.
pub fn own_mysql(name: &str) -> Option<OwnMysql> {
    own_mysql_with(name, &[])
}

/// As [`own_mysql`], with more options of the server.
pub fn own_mysql_with(name: &str, options: &[&str]) -> Option<OwnMysql> {
    let shared = super::require(Server::Mysql)?;
    let image = sys::docker::inspect(shared.container.as_ref().unwrap()).unwrap().unwrap().image;
    let root_password = Secret::new("of-a-server-of-this-test");
    let name = format!("streamflix-test-{name}-{}", std::process::id());
    let container = Container(name.clone());
    let started: Cmd = docker(["run", "--detach", "--name", &name, "--publish", "127.0.0.1::3306"])
        .args(["--env", "MYSQL_ROOT_PASSWORD", &image, "mysqld"])
        .arg("--log-bin-trust-function-creators=ON")
        .args(options.iter().copied())
        .env("MYSQL_ROOT_PASSWORD", root_password.reveal());
    started.read(DEADLINE).unwrap();
    let server: anyhow::Result<_> = clock::poll(DEADLINE, || {
        let state = sys::docker::inspect(&name)?;
        let Some((host, port)) = state.and_then(|state| state.published) else { return Ok(None) };
        let server = TestServer {
            flavour: Server::Mysql,
            host,
            port,
            socket: None,
            root_password: root_password.clone(),
            container: Some(name.clone()),
        };
        Ok(server.answers().then_some(server))
    });
    Some(OwnMysql { server: server.unwrap().unwrap(), _container: container })
}

/// A MariaDB on this machine, which stops when this is dropped.
#[derive(Debug)]
pub struct OwnMariadb {
    pub server: TestServer,
    // Dropped in this order: the server first, then what it lies in.
    _running: PrivateMariadb,
    _folder: TempDir,
}

/// Starts one; `None` where MariaDB is not there (the test says so).
pub fn own_mariadb() -> Option<OwnMariadb> {
    own_mariadb_with(&[])
}

/// As [`own_mariadb`], with more of the server's options.
pub fn own_mariadb_with(options: &[String]) -> Option<OwnMariadb> {
    super::require(Server::Mariadb)?;
    let folder = tempfile::tempdir().unwrap();
    let root_password = Secret::new("of-a-server-of-this-test");
    let running = private_mariadb::start_with(folder.path(), &root_password, options).unwrap();
    let server = TestServer {
        flavour: Server::Mariadb,
        host: "127.0.0.1".to_owned(),
        port: running.port,
        socket: Some(running.socket.clone()),
        root_password,
        container: None,
    };
    Some(OwnMariadb { server, _running: running, _folder: folder })
}
