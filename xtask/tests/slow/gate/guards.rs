//! What must not be swapped, or not even rehearsed; and journals that do not fit.

use mysql::prelude::Queryable as _;
use sys::fault::VARIABLE;
use sys::fs;

use super::world::World;
use crate::faults::demand_stop;
use crate::support::Server;

/// Refused as a swap with these words; in place it passes.
#[track_caller]
fn never_swapped(world: &World, word: &str) {
    let before = world.live();
    let refused = world.run(&["migrate", "--strategy", "swap"]);
    demand_stop(&refused, 20, &["was not touched", word]);
    world.demand_live(&before, word);
    let done = world.json(&["migrate", "--json"]);
    assert_eq!(done["strategy"], "in-place", "{done}");
    world.demand_migrated();
    world.demand_clean();
}

#[test]
fn a_copy_that_is_not_exact_is_not_swapped_in() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "not_exact") else { continue };
        world.sandbox.sql("ALTER TABLE busy ADD COLUMN old VARCHAR(9) CHARACTER SET cp1251");
        // A byte that the character set leaves undefined.
        world.sandbox.sql("UPDATE busy SET old = 0x98");
        never_swapped(&world, "comes back as other bytes");
    }
}

#[test]
fn what_a_dump_program_rounded_is_not_swapped_in() {
    let Some(world) = World::new(Server::Mariadb, "rounded") else { return };
    world.sandbox.sql("ALTER TABLE busy ADD COLUMN digits FLOAT");
    world.sandbox.sql("UPDATE busy SET digits = 1.2345678");
    let before = world.live();
    let checkout = tempfile::tempdir().unwrap();
    crate::support::five::copy_five(checkout.path());
    let rules = checkout.path().join("xtask.toml");
    crate::faults::world::put(&rules, b"[backup]\nengine = \"mysqldump\"\n");
    let command = world.sandbox.in_checkout(checkout.path(), &["migrate", "--strategy", "swap"]);
    let refused = command.run(std::time::Duration::from_secs(600)).unwrap();
    demand_stop(&refused, 20, &["was not touched", "FLOAT values"]);
    world.demand_live(&before, "a rounded copy");
}

#[test]
fn tables_without_transactions_are_not_swapped() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "no_trans") else { continue };
        world.sandbox.sql("CREATE TABLE old (id INT PRIMARY KEY) ENGINE=MyISAM");
        never_swapped(&world, "`old` has no transactions");
    }
}

#[test]
fn keys_from_other_schemas_do_not_follow_the_old_tables() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "far_keys") else { continue };
        let (schema, other) = (&world.sandbox.schema, format!("{}__far", world.sandbox.schema));
        let mut root = world.server.root();
        root.query_drop(format!("CREATE DATABASE `{other}`")).unwrap();
        let key = format!("FOREIGN KEY (m1_id) REFERENCES `{schema}`.m1 (id)");
        root.query_drop(format!("CREATE TABLE `{other}`.c (id INT PRIMARY KEY, m1_id INT, {key})"))
            .unwrap();
        never_swapped(&world, "a foreign key of");
        root.query_drop(format!("DROP DATABASE `{other}`")).unwrap();
    }
}

#[test]
fn what_would_act_on_the_live_schema_from_a_copy_is_refused() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "reaches_out") else { continue };
        let schema = &world.sandbox.schema;
        world.sandbox.sql(&format!(
            "CREATE TRIGGER far BEFORE DELETE ON m1 FOR EACH ROW UPDATE {schema}.tally SET n = n + 9"
        ));
        let before = world.live();
        let refused = world.run(&["migrate"]);
        demand_stop(&refused, 20, &["trigger `far`", "names a schema", "was not touched"]);
        world.demand_live(&before, "a refused gate");
    }
}

#[test]
fn a_journal_that_fits_no_more_is_left_alone() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "stale") else { continue };
        let command = world.command(&["migrate"]).env(VARIABLE, "kill:gate.locked");
        let dead = command.run(std::time::Duration::from_secs(600)).unwrap();
        assert_eq!(dead.code, None, "{}", dead.stderr);
        // Somebody else, who knows nothing of it, clears up and goes on.
        let staging = world.companions("staging");
        world.server.root().query_drop(format!("DROP TABLE `{}`.busy", staging[0])).unwrap();
        world.sandbox.sql("DROP TRIGGER count_busy");
        let before = world.live();
        for command in [["migrate"], ["db-backup"]] {
            let next = world.run(&command);
            demand_stop(&next, 40, &["were changed since", "This run changed nothing"]);
            world.demand_live(&before, "a journal that does not fit");
        }
        // And one of another schema is not played on this one.
        let store = world.sandbox.store();
        let lock = store.lock_within(std::time::Duration::from_secs(5)).unwrap();
        let mut journal = store.read_journal().unwrap().unwrap();
        assert_eq!(journal.target, world.sandbox.schema);
        journal.target = "another".to_owned();
        store.write_journal(&lock, &journal).unwrap();
        drop(lock);
        demand_stop(&world.run(&["migrate"]), 40, &["this run is about", "DB_NAME=another"]);
        fs::remove_if_exists(&world.sandbox.backups().join(".swap.json")).unwrap();
        assert_eq!(world.run(&["migrate"]).code, Some(0));
        world.demand_migrated();
    }
}
