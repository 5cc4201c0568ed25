//! A schema that nothing writes to, on a server that others use.

use mysql::prelude::Queryable as _;
use sys::fault::VARIABLE;
use sys::fs;

use super::held::demand_swapped;
use super::writers::TABLES;
use crate::faults::running::Running;
use crate::faults::world::until;
use crate::support::five::{BASE, BASE_NAME, SHAPE, SHAPE_NAME, add};
use crate::support::{Sandbox, Server, alone, copy_files, require};

/// With more rows than may be compared under a lock, the log is asked; it holds nothing of this
/// schema, and it has to be shown that it would.
#[test]
fn a_log_without_a_word_of_the_schema_is_tried() {
    let Some(server) = require(Server::Mysql) else { return };
    let _alone = alone();
    let checkout = tempfile::tempdir().unwrap();
    copy_files(checkout.path(), &|name| !name.starts_with("api/migrations/"));
    add(checkout.path(), BASE_NAME, BASE);
    add(checkout.path(), SHAPE_NAME, SHAPE);
    let policy = checkout.path().join("xtask.toml");
    fs::write_durably(&policy, b"[gate]\ncompare_rows = 1\n").unwrap();
    let sandbox = Sandbox::new(&server, "live_quiet");
    sandbox.base();
    sandbox.with_log();
    sandbox.sql(TABLES);
    let file = sandbox.path().join("hold");
    fs::write_durably(&file, b"").unwrap();
    let command = sandbox
        .in_checkout(checkout.path(), &["migrate", "--json"])
        .env(VARIABLE, "hold:gate.rehearsed")
        .env("XTASK_FAULT_FILE", file.to_str().unwrap());
    let run = Running::start_in(command, &sandbox.backups());
    until("it is there", || file.with_extension("reached").exists());
    let mut root = server.root();
    for sql in ["CREATE DATABASE t_live_quiet_beside", "DROP DATABASE t_live_quiet_beside"] {
        root.query_drop(sql).unwrap();
    }
    fs::remove_if_exists(&file).unwrap();
    let finished = run.join();
    let document = demand_swapped(&finished);
    assert_eq!(document["followed"], true, "{document}");
    assert!(finished.stderr.contains("is unknown"), "{}", finished.stderr);
}
