//! The hostile schema: tests/data/hostile/*.sql, and what text cannot hold.

use mysql::prelude::Queryable as _;

use super::is_mysql;
use crate::support::Sandbox;

const COMMON: &str = include_str!("../../data/hostile/common.sql");
const MYSQL: &str = include_str!("../../data/hostile/mysql.sql");
const MARIADB: &str = include_str!("../../data/hostile/mariadb.sql");

/// Creates everything in the sandbox's schema.
pub fn create(sandbox: &Sandbox) {
    run(sandbox, COMMON);
    run(sandbox, if is_mysql(sandbox) { MYSQL } else { MARIADB });
    // Every byte value, and more than the buffers and packets on the way.
    let all: Vec<u8> = (0..=255).collect();
    let mut root = sandbox.root();
    root.exec_drop("INSERT INTO big VALUES (1, ?)", (&all,)).unwrap();
    // As hexadecimal it has to fit into a packet: 64 MiB on MySQL, 16 MiB on MariaDB.
    let times = if is_mysql(sandbox) { 65_537 } else { 28_673 };
    root.query_drop(format!("INSERT INTO big SELECT 2, repeat(b, {times}) FROM big WHERE id = 1"))
        .unwrap();
    root.query_drop("INSERT INTO big VALUES (3, ''), (4, NULL), (5, repeat('\\'', 100000))")
        .unwrap();
}

/// Runs statements separated by lines of two percent signs, in one session.
pub fn run(sandbox: &Sandbox, text: &str) {
    let mut root = sandbox.root();
    for statement in text.split("\n%%\n") {
        root.query_drop(statement).unwrap_or_else(|error| {
            panic!("{}: {error}: {statement}", sandbox.server().flavour);
        });
    }
}
