//! A MariaDB of one test's own, whose settings nobody else sees.

use model::secret::Secret;
use tempfile::TempDir;
use workshop::provision::private_mariadb::{self, PrivateMariadb};

use super::{Server, TestServer};

/// It stops when this is dropped.
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
