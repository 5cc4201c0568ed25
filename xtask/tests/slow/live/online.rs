//! An online swap: the migrated copy follows what others write and takes their tables' place.

use mysql::prelude::Queryable as _;

use super::writers::{TABLES, Writers, demand_all};
use crate::faults::demand_stop;
use crate::faults::running::Running;
use crate::faults::world::until;
use crate::gate::world::World;
use crate::support::Server;
use crate::support::five::{SHAPE_NAME, shape};
use std::time::Duration;
use sys::fs;

const DEADLINE: Duration = Duration::from_secs(600);

fn world(kind: Server, name: &str) -> Option<World> {
    let world = World::shaped(kind, name)?;
    world.sandbox.with_log();
    world.sandbox.sql(TABLES);
    Some(world)
}

fn migrate(world: &World, args: &[&str]) -> sys::proc::Finished {
    let all: Vec<&str> = ["migrate"].iter().chain(args).copied().collect();
    world.sandbox.in_checkout(shape(), &all).run(DEADLINE).unwrap()
}

#[test]
fn a_migration_goes_live_while_others_write_and_is_undone_and_done_again() {
    let Some(world) = world(Server::Mysql, "online") else { return };
    world.sandbox.sql("UPDATE busy SET gone = 7 WHERE id = 1");
    let writers = Writers::start(3, &|| world.sandbox.root());
    writers.wait_for(300);
    let finished = migrate(&world, &["--json"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    writers.wait_for(100);
    let document: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(document["strategy"], "swap", "{document}");
    assert_eq!(document["followed"], true, "{document}");
    assert_eq!(document["applied"], serde_json::json!([SHAPE_NAME]));
    world.demand_clean();
    let mut root = world.sandbox.root();
    let twice: Option<u64> =
        root.query_first("SELECT COUNT(*) FROM m5 WHERE twice <> worth * 2").unwrap();
    assert_eq!(twice, Some(0));

    // A value that only the migrated table can hold.
    world.sandbox.sql("INSERT INTO m5 (id, worth) VALUES (9, 9); INSERT INTO m2 VALUES (9, 300)");
    let looked = migrate(&world, &["--undo", "--dry-run"]);
    demand_stop(
        &looked,
        20,
        &["`m2` that the copy cannot hold", "(9)", "Out of range", "was not touched"],
    );
    let refused = migrate(&world, &["--undo"]);
    demand_stop(&refused, 20, &["`m2` that the copy cannot hold", "was not touched"]);
    world.sandbox.sql("INSERT INTO brand_new VALUES (1); DELETE FROM m2; UPDATE busy SET note = 'other' WHERE id = 1");
    let looked = migrate(&world, &["--undo", "--dry-run"]);
    assert_eq!(looked.code, Some(0), "{}", looked.stderr);
    assert!(looked.stdout.contains("and all of them fit"), "{}", looked.stdout);
    assert!(looked.stdout.contains("left behind  what was written to `brand_new`:"));
    assert!(!looked.stdout.contains("added"), "nobody wrote to that column: {}", looked.stdout);

    let undone = migrate(&world, &["--undo", "--json"]);
    assert_eq!(undone.code, Some(0), "{}", undone.stderr);
    let document: serde_json::Value = serde_json::from_str(&undone.stdout).unwrap();
    assert_eq!(document["undone"], serde_json::json!([SHAPE_NAME]));
    assert_eq!(document["later_writes"], "kept");
    assert_eq!(document["left_behind"], serde_json::json!(["`brand_new`"]));
    writers.wait_for(100);
    // What only the old table had came back, with what was written since.
    let kept: Option<(String, Option<i64>)> =
        root.query_first("SELECT note, gone FROM busy WHERE id = 1").unwrap();
    assert_eq!(kept, Some(("other".to_owned(), Some(7))));
    let left: Option<u64> = root.query_first("SELECT COUNT(*) FROM _sqlx_migrations").unwrap();
    assert_eq!(left, Some(1));

    let again = migrate(&world, &["--undo", "--json"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let document: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(document["applied_again"], serde_json::json!([SHAPE_NAME]));
    writers.wait_for(100);
    let done = writers.end();
    demand_all(&mut root, &done, "worth");
    assert_eq!(migrate(&world, &["--json"]).code, Some(0));
    world.demand_clean();
}

/// Nothing wrote when it was asked, and then something did, before the lock: the copy that was to
/// be swapped in as it is follows.
#[test]
fn a_write_just_before_the_lock_is_followed() {
    let Some(world) = world(Server::Mysql, "late") else { return };
    let folder = tempfile::tempdir().unwrap();
    let held = folder.path().join("held");
    fs::write_durably(&held, b"").unwrap();
    let command = world
        .sandbox
        .in_checkout(shape(), &["migrate", "--json"])
        .env("XTASK_FAULT", "hold:gate.remembered")
        .env("XTASK_FAULT_FILE", held.to_str().unwrap());
    let run = Running::start_in(command, &world.sandbox.backups());
    until("it is there", || held.with_extension("reached").exists());
    world.sandbox.sql("INSERT INTO busy (note) VALUES ('late')");
    fs::remove_if_exists(&held).unwrap();
    let finished = run.join();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let document: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(document["followed"], true, "{document}");
    let mut root = world.sandbox.root();
    let found: Option<(u64, u64)> =
        root.query_first("SELECT COUNT(*), (SELECT n FROM tally) FROM busy").unwrap();
    assert_eq!(found, Some((2, 1)));
    // The trigger came along.
    world.sandbox.sql("INSERT INTO busy (note) VALUES ('after')");
    let counted: Option<u64> = root.query_first("SELECT n FROM tally").unwrap();
    assert_eq!(counted, Some(2));
    world.demand_clean();
}
