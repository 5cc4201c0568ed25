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
            eprintln!("{point}: {change}");
            let held = Held::at(&world, point, &[]);
            world.sandbox.sql(change);
            let live = world.live();
            demand_refused(&world, &held.go(), &["was not touched"], &live);
        }
    }
    let done = migrate(&world, &["--json"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
}
