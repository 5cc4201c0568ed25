//! What others do to a schema while a migration is on its way, other than writing rows that the
//! log has.

use mysql::prelude::Queryable as _;

use super::held::{Held, demand_refused, demand_swapped, migrate, world};
use crate::support::Server;

#[test]
fn a_write_past_the_log_is_found() {
    for point in ["gate.rehearsed", "gate.caught_up"] {
        let Some(world) = world(Server::Mysql, "live_past") else { return };
        for write in [
            "UPDATE m5 SET v = 7 WHERE id = 1",
            "DELETE FROM m1 WHERE id = 2",
            "INSERT INTO m1 VALUES (50, 50)",
        ] {
            let held = Held::at(&world, point, &[]);
            let mut root = world.sandbox.root();
            root.query_drop("SET sql_log_bin = 0").unwrap();
            root.query_drop(write).unwrap();
            let live = world.live();
            let table = if write.contains("m5") { "`m5`" } else { "`m1`" };
            let words = ["was not touched", table, "knows of no write to it"];
            demand_refused(&world, &held.go(), &words, &live);
        }
        // The next backup has all of it.
        demand_swapped(&Held::at(&world, "gate.followed", &["--json"]).go());
        world.demand_clean();
    }
}

#[test]
fn a_definition_that_changes_beside_is_refused() {
    let Some(world) = world(Server::Mysql, "live_ddl") else { return };
    world.sandbox.sql("INSERT INTO word VALUES ('a', NULL, 1)");
    for point in ["gate.rehearsed", "gate.caught_up", "gate.followed"] {
        for (number, change) in [
            "ALTER TABLE busy ADD COLUMN x INT",
            "ALTER TABLE busy DROP COLUMN x",
            "TRUNCATE child",
            "TRUNCATE word",
            "CREATE TABLE beside (id INT PRIMARY KEY)",
            "DROP TABLE beside",
            "CREATE INDEX m3_v ON m3 (v)",
            "DROP INDEX m3_v ON m3",
        ]
        .into_iter()
        .enumerate()
        {
            // Not everything at each point.
            if point != "gate.caught_up" && number > 3 {
                continue;
            }
            let held = Held::at(&world, point, &[]);
            world.sandbox.sql(change);
            let live = world.live();
            demand_refused(&world, &held.go(), &["was not touched"], &live);
        }
    }
    let done = migrate(&world, &["--json"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
}

/// The format is each session's own: what comes as text has no rows in it.
#[test]
fn a_statement_without_rows_is_refused() {
    let Some(world) = world(Server::Mysql, "live_statement") else { return };
    for point in ["gate.rehearsed", "gate.followed"] {
        let held = Held::at(&world, point, &[]);
        let mut root = world.sandbox.root();
        root.query_drop("SET SESSION binlog_format = STATEMENT").unwrap();
        root.query_drop("UPDATE m1 SET v = v + 100").unwrap();
        let live = world.live();
        let words = ["was not touched", "does not say which", "UPDATE m1 SET v = v + 100"];
        demand_refused(&world, &held.go(), &words, &live);
    }
}

/// What is about other schemas, accounts, and nobody's rows disturbs nothing.
#[test]
fn what_changes_no_rows_here_disturbs_nothing() {
    for point in ["gate.rehearsed", "gate.followed"] {
        let Some(world) = world(Server::Mysql, "live_elsewhere") else { return };
        let held = Held::at(&world, point, &["--json"]);
        let other = format!("{}_other", world.sandbox.schema);
        world.sandbox.sql(&format!(
            "DROP DATABASE IF EXISTS {other};
             CREATE DATABASE {other};
             CREATE TABLE {other}.busy (id INT PRIMARY KEY);
             INSERT INTO {other}.busy VALUES (1);
             CREATE TEMPORARY TABLE mine (id INT);
             INSERT INTO mine VALUES (1);
             DROP TEMPORARY TABLE mine;
             ANALYZE TABLE busy;
             FLUSH TABLES busy;
             CREATE USER '{other}'@'%';
             GRANT SELECT ON `{}`.* TO '{other}'@'%';
             DROP USER '{other}'@'%';
             DROP DATABASE {other};
             INSERT INTO busy (note) VALUES ('last')",
            world.sandbox.schema
        ));
        // In a session with the schema of its own, or none: else it could be about this one.
        let mut root = world.server.root();
        for sql in [
            format!("CREATE DATABASE {other}"),
            format!("CREATE TABLE {other}.copied AS SELECT 1 AS one"),
            format!("TRUNCATE {other}.copied"),
            format!("DROP DATABASE {other}"),
        ] {
            root.query_drop(sql).unwrap();
        }
        demand_swapped(&held.go());
        let last = "SELECT COUNT(*) FROM busy WHERE note = 'last'";
        assert_eq!(world.sandbox.root().query_first(last).unwrap(), Some(1));
        world.demand_clean();
    }
}
