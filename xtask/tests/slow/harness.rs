//! The harness itself: the servers are what they are said to be, and a sandbox
//! leaves nothing behind.

use mysql::prelude::Queryable as _;

use crate::support::{Sandbox, Server, require};

#[test]
fn mysql_answers() {
    let Some(server) = require(Server::Mysql) else { return };
    let version: String = server.root().query_first("SELECT VERSION()").unwrap().unwrap();
    assert!(version.starts_with("9.7."), "{version}");
    assert!(server.container.is_some(), "the tests reach MySQL in a container");
}

#[test]
fn mariadb_answers() {
    let Some(server) = require(Server::Mariadb) else { return };
    let version: String = server.root().query_first("SELECT VERSION()").unwrap().unwrap();
    assert!(version.contains("MariaDB"), "{version}");
    assert!(server.socket.as_ref().is_some_and(|socket| socket.exists()));
}

#[test]
fn a_sandbox_has_its_own_schema_and_leaves_nothing() {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let count = "SELECT COUNT(*) FROM information_schema.schemata \
                     WHERE schema_name = 't_harness' OR schema_name LIKE 't\\_harness\\_\\_%'";
        let sandbox = Sandbox::new(&server, "harness");
        sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY); INSERT INTO film VALUES (1), (2)");
        sandbox.root().query_drop("CREATE DATABASE t_harness__staging_1").unwrap();
        let rows: Option<u32> = sandbox.root().query_first("SELECT COUNT(*) FROM film").unwrap();
        assert_eq!(rows, Some(2));
        // The reading account reads, and cannot do more.
        let mut reader = sandbox.login("backup_harness");
        assert_eq!(reader.query_first("SELECT COUNT(*) FROM film").unwrap(), Some(2));
        assert!(reader.query_drop("INSERT INTO film VALUES (3)").is_err());
        let mut restorer = sandbox.login("restore_harness");
        restorer.query_drop("CREATE DATABASE t_harness__staging_2").unwrap();
        assert!(restorer.query_drop("CREATE DATABASE elsewhere").is_err());
        drop(sandbox);
        let left: Option<u32> = server.root().query_first(count).unwrap();
        assert_eq!(left, Some(0), "{}", server.flavour);
    }
}

#[test]
fn the_binary_runs_in_a_sandbox() {
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = Sandbox::new(&server, "binary");
    let finished = sandbox.xtask(&["--version"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(sandbox.path().join(".env").is_file());
    assert!(!sandbox.backups().exists(), "asking for the version made a backups folder");
}
