//! Which way a migration goes where its copy cannot follow, and what is said about it.

use super::held::{DEADLINE, Held, demand_refused, migrate, world};
use crate::faults::demand_stop;
use crate::faults::live;
use crate::gate::world::World;
use crate::support::five::{FIVE_NAME, SHAPE_NAME, copy_five};
use crate::support::{Sandbox, Server, Writer, alone, require};

/// A swap is refused, and by itself the migration runs in place; both say why.
fn in_place(world: &World, why: &str) {
    let held = Held::at(world, "gate.rehearsed", &["--strategy", "swap"]);
    let live = world.live();
    demand_refused(world, &held.go(), &["cannot replace the live schema", why], &live);
    let done = Held::at(world, "gate.rehearsed", &["--json"]).go();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let said = done.stderr.lines().find(|line| line.starts_with("in-place: "));
    assert!(said.is_some_and(|line| line.contains(why)), "{}", done.stderr);
    let document: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(document["strategy"], "in-place", "{document}");
    assert_eq!(document["applied"], serde_json::json!([SHAPE_NAME]));
    world.demand_clean();
    assert!(world.companions("before").is_empty());
}

#[test]
fn a_table_without_a_key_is_migrated_in_place() {
    let Some(world) = world(Server::Mysql, "live_keyless") else { return };
    world.sandbox.sql("CREATE TABLE keyless (a INT)");
    in_place(&world, "the copy cannot follow: `keyless` has no primary key");
}

#[test]
fn a_key_that_is_not_read_is_migrated_in_place() {
    let Some(world) = world(Server::Mysql, "live_float") else { return };
    world.sandbox.sql("CREATE TABLE floating (a DOUBLE PRIMARY KEY)");
    in_place(&world, "the copy cannot follow: the primary key of `floating` is of a type");
}

#[test]
fn without_an_account_for_the_log_it_is_migrated_in_place() {
    let Some(world) = World::shaped(Server::Mysql, "live_no_account") else { return };
    world.sandbox.sql(super::writers::TABLES);
    in_place(&world, "the copy cannot follow: no account reads the server's log (DB_LOG_USER");
}

#[test]
fn an_account_that_may_not_read_the_log_ends_it_before_anything_is_touched() {
    let Some(world) = world(Server::Mysql, "live_refused") else { return };
    let mut root = world.server.root();
    let user = format!("log_{}", world.sandbox.schema.trim_start_matches("t_"));
    let revoke = format!("REVOKE REPLICATION SLAVE ON *.* FROM '{user}'@'%'");
    mysql::prelude::Queryable::query_drop(&mut root, revoke).unwrap();
    let held = Held::at(&world, "gate.rehearsed", &[]);
    let live = world.live();
    let finished = held.go();
    demand_stop(&finished, 20, &["not touched", "REPLICATION SLAVE", "doctor --fix"]);
    super::held::demand_untouched(&world, &live);
    let grant = format!("GRANT REPLICATION SLAVE ON *.* TO '{user}'@'%'");
    mysql::prelude::Queryable::query_drop(&mut root, grant).unwrap();
    assert_eq!(migrate(&world, &[]).code, Some(0));
}

#[test]
fn a_migration_that_changes_rows_runs_in_place() {
    let Some(server) = require(Server::Mysql) else { return };
    // Its migrations are others than those of the other tests here.
    let _alone = alone();
    let sandbox = Sandbox::new(&server, "live_dml");
    sandbox.base();
    sandbox.with_log();
    let checkout = tempfile::tempdir().unwrap();
    copy_five(checkout.path());
    let run = |args: &[&str]| sandbox.in_checkout(checkout.path(), args).run(DEADLINE).unwrap();
    let insert = |n| format!("INSERT INTO busy (note) VALUES ('writer {n}')");
    let writer = Writer::start(sandbox.root(), insert);
    let refused = run(&["migrate", "--strategy", "swap"]);
    let words = ["was not touched", FIVE_NAME, "has `UPDATE ", "which may change rows"];
    demand_stop(&refused, 20, &words);
    let done = run(&["migrate", "--json"]);
    let written = writer.end();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let document: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(document["strategy"], "in-place", "{document}");
    assert!(done.stderr.contains("which may change rows"), "{}", done.stderr);
    let rows = "SELECT COUNT(*) FROM busy WHERE note LIKE 'writer %'";
    let found: Option<u64> =
        mysql::prelude::Queryable::query_first(&mut sandbox.root(), rows).unwrap();
    assert_eq!(found, Some(written));
    assert!(live::read(&mut server.root(), &sandbox.schema)["table m3"].contains("added"));
}
