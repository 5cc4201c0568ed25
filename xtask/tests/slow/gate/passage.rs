//! What passes, and what is caught on the copy.

use mysql::prelude::Queryable as _;
use sys::fault::VARIABLE;
use sys::fs;

use super::world::{SABOTAGE, World};
use crate::faults::demand_stop;
use crate::faults::live;
use crate::faults::running::Running;
use crate::support::five::FIVE_NAME;
use crate::support::{Sandbox, Server, alone, require};

#[test]
fn each_statement_that_fails_is_caught_on_the_copy() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "caught") else { continue };
        for (at, sabotage) in SABOTAGE.iter().enumerate() {
            world.sandbox.sql(sabotage);
            let before = world.live();
            let finished = world.run(&["migrate"]);
            let statement = format!("{} of 5", at + 1);
            let words = ["the rehearsal failed", "was not touched", FIVE_NAME, &statement];
            demand_stop(&finished, 20, &words);
            world.demand_live(&before, "a rehearsal that failed");
            world.demand_clean();
            world
                .sandbox
                .sql(&format!("DELETE FROM m{} WHERE v IN (1, 200, 11) AND id >= 3", at + 1));
            world.sandbox.sql("DELETE FROM m1 WHERE id > 3");
        }
        assert_eq!(world.run(&["migrate"]).code, Some(0));
        world.demand_migrated();
    }
}

#[test]
fn nobody_writes_so_the_copy_goes_live_and_back() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "swapped") else { continue };
        let old = world.live();
        let done = world.json(&["migrate", "--json"]);
        assert_eq!(done["strategy"], "swap", "{done}");
        assert_eq!(done["applied"], serde_json::json!([FIVE_NAME]));
        assert_eq!(done["statements"].as_array().unwrap().len(), 5, "{done}");
        assert_eq!(done["statements"][2]["table_rows"], 2, "{done}");
        world.demand_migrated();
        world.demand_clean();
        let new = world.live();
        let previous = done["previous_schema"].as_str().unwrap();
        assert_eq!(world.companions("before"), [previous]);

        // The trigger went along, and belongs to the new table.
        world.sandbox.sql("INSERT INTO busy (note) VALUES ('after')");
        let refused = world.run(&["migrate", "--undo"]);
        demand_stop(&refused, 20, &["would be lost", "`busy` has 2 rows, 1 before", "`tally`"]);
        world.sandbox.sql("DELETE FROM busy WHERE note = 'after'; UPDATE tally SET n = 0");
        world.sandbox.sql("ALTER TABLE busy AUTO_INCREMENT = 2");
        world.demand_live(&new, "an undo that was refused");

        let undone = world.json(&["migrate", "--undo", "--json"]);
        assert_eq!(undone["undone"], serde_json::json!([FIVE_NAME]));
        world.demand_live(&old, "the migration taken back");
        world.demand_clean();
        let again = world.run(&["migrate", "--undo"]);
        demand_stop(&again, 20, &["no migration by swap"]);
        assert_eq!(world.json(&["migrate", "--json"])["strategy"], "swap");
        world.demand_migrated();
        assert_eq!(world.json(&["migrate", "--json"])["applied"], serde_json::json!([]));
    }
}

/// A foreign key on a key that is not unique, which MySQL takes from old servers only: the
/// migrated tables go live with it, and come back.
#[test]
fn a_foreign_key_on_a_key_that_is_not_unique_goes_along() {
    let Some(world) = World::new(Server::Mysql, "loose") else { return };
    world.sandbox.sql(
        "SET SESSION restrict_fk_on_non_standard_key = OFF;
         CREATE TABLE parent (id INT PRIMARY KEY, code INT, KEY (code));
         CREATE TABLE child (id INT PRIMARY KEY, code INT,
           CONSTRAINT loose FOREIGN KEY (code) REFERENCES parent (code));
         INSERT INTO parent VALUES (1, 7), (2, 7);
         INSERT INTO child VALUES (1, 7)",
    );
    let old = world.live();
    assert_eq!(world.json(&["migrate", "--json"])["strategy"], "swap");
    world.demand_clean();
    let keys = "SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS \
                WHERE CONSTRAINT_SCHEMA = DATABASE() AND CONSTRAINT_NAME = 'loose'";
    let count: Option<u32> = world.sandbox.root().query_first(keys).unwrap();
    assert_eq!(count, Some(1));
    world.json(&["migrate", "--undo", "--json"]);
    world.demand_live(&old, "the migration taken back");
}

/// A foreign key that the change itself brings, to a table that stays as it is.
#[test]
fn a_foreign_key_that_a_change_brings_goes_live_and_back() {
    // Its migrations are others than those of the other tests.
    let _alone = alone();
    let checkout = tempfile::tempdir().unwrap();
    crate::support::five::copy_five(checkout.path());
    crate::support::five::add(
        checkout.path(),
        "20260103000000_keys",
        "ALTER TABLE tally ADD COLUMN busy_id INT, ADD CONSTRAINT tally_busy FOREIGN KEY (busy_id) \
         REFERENCES busy (id);\n",
    );
    for (kind, name) in [(Server::Mysql, "brought_y"), (Server::Mariadb, "brought_a")] {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        sandbox.base();
        let before = live::read(&mut server.root(), &sandbox.schema);
        let run = |args: &[&str]| {
            let command = sandbox.in_checkout(checkout.path(), args);
            let done = command.run(std::time::Duration::from_secs(600)).unwrap();
            assert_eq!(done.code, Some(0), "{args:?}: {}", done.stderr);
            done.stdout
        };
        let done: serde_json::Value = serde_json::from_str(&run(&["migrate", "--json"])).unwrap();
        assert_eq!(done["strategy"], "swap", "{done}");
        assert!(sandbox.root().query_drop("INSERT INTO tally VALUES (9, 9, 999)").is_err());
        run(&["migrate", "--undo"]);
        assert!(before == live::read(&mut server.root(), &sandbox.schema), "it is not as before");
    }
}

/// An installation from before signatures has a plain file from its last migration.
#[test]
fn an_old_way_back_does_not_stop_the_next_migration() {
    let Some(world) = World::new(Server::Mariadb, "old_undo") else { return };
    let (schema, path) = (&world.sandbox.schema, world.sandbox.backups().join(".undo.json"));
    let label = format!("{schema}_backup_20261122_101112");
    let old = serde_json::json!({ "version": 1, "schema": schema, "backup": label,
        "previous_schema": format!("{schema}__before_20261122_101112") });
    world.sandbox.write("backups/.undo.json", &old.to_string());
    let hint = format!("cargo xtask db-restore {label}");
    demand_stop(&world.run(&["migrate", "--undo"]), 40, &["format 1", "not touched", &hint]);
    let done = world.run(&["migrate", "--json"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("replaces it"), "{}", done.stderr);
    assert!(fs::read_text(&path).unwrap().contains("\"signature\""));
    world.demand_migrated();
    assert_eq!(world.run(&["migrate", "--undo"]).code, Some(0));
}

#[test]
fn both_ways_end_in_the_same_schema() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "same") else { continue };
        assert_eq!(world.json(&["migrate", "--json"])["strategy"], "swap");
        let mut swapped = world.live();
        drop(world);
        let Some(world) = World::new(kind, "same") else { continue };
        let done = world.json(&["migrate", "--strategy", "in-place", "--json"]);
        assert_eq!(done["strategy"], "in-place");
        assert!(done["backup"].is_string() && done["previous_schema"].is_null(), "{done}");
        world.demand_migrated();
        world.demand_clean();
        let mut in_place = world.live();
        // When it was booked, and how long it took.
        for live in [&mut swapped, &mut in_place] {
            live.remove("rows _sqlx_migrations").unwrap();
        }
        assert!(swapped == in_place, "{}", live::differences(&swapped, &in_place));
        let no_undo = world.run(&["migrate", "--undo"]);
        demand_stop(&no_undo, 20, &["no migration by swap"]);
    }
}

#[test]
fn somebody_writes_so_it_runs_in_place() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "written_to") else { continue };
        let writer = world.writer();
        let swap = world.run(&["migrate", "--strategy", "swap"]);
        demand_stop(&swap, 20, &["was not touched", "`busy` has"]);
        let done = world.json(&["migrate", "--json"]);
        assert_eq!(done["strategy"], "in-place", "{done}");
        let written = writer.end();
        assert!(written > 0);
        world.demand_migrated();
        world.demand_written(written);
        world.demand_clean();
    }
}

/// The row is written before the backup and committed when the swap waits for its
/// lock: no look before the lock could have seen it.
#[test]
fn what_comes_in_under_the_lock_is_seen() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "under_lock") else { continue };
        for (strategy, code) in [("swap", 20), ("auto", 0)] {
            let mut other = world.sandbox.root();
            other.query_drop("BEGIN").unwrap();
            other.query_drop("INSERT INTO busy (note) VALUES ('late')").unwrap();
            let file = world.sandbox.path().join(format!("hold-{strategy}"));
            crate::faults::world::put(&file, b"");
            let command = world
                .command(&["migrate", "--strategy", strategy])
                .env(VARIABLE, "hold:swap.prepared")
                .env("XTASK_FAULT_FILE", file.to_str().unwrap());
            let run = Running::start_in(command, &world.sandbox.backups());
            // Every look before the lock is over now: only the one under it can see the row.
            let reached = file.with_extension("reached");
            let long = std::time::Duration::from_secs(600);
            let held = sys::clock::poll(long, || Ok::<_, ()>(reached.exists().then_some(())));
            assert_eq!(held, Ok(Some(())), "the swap was not prepared");
            fs::remove_if_exists(&file).unwrap();
            world.wait_for_lock("restore");
            other.query_drop("COMMIT").unwrap();
            let finished = run.join();
            assert_eq!(finished.code, Some(code), "{}", finished.stderr);
            assert!(finished.stderr.contains("nothing was swapped"), "{}", finished.stderr);
            // Told before the lock was asked for; its statement is nobody's business.
            let told = "of root is in a transaction for";
            assert!(finished.stderr.contains(told), "{}", finished.stderr);
            assert!(!finished.stderr.contains("'late'"), "{}", finished.stderr);
            assert!(finished.stderr.contains("`busy` has"), "{}", finished.stderr);
        }
        world.demand_migrated();
        world.demand_clean();
        let rows = "SELECT COUNT(*) FROM busy WHERE note = 'late'";
        assert_eq!(world.sandbox.root().query_first(rows).unwrap(), Some(2));
    }
}

/// MariaDB ends the lock before the RENAME: who waited for it writes first. Then the
/// old tables come back, and the migration runs in place.
#[test]
fn what_slips_in_on_mariadb_is_not_lost() {
    let Some(world) = World::new(Server::Mariadb, "slipped") else { return };
    let file = world.sandbox.path().join("hold");
    crate::faults::world::put(&file, b"");
    let command = world
        .command(&["migrate"])
        .env(VARIABLE, "hold:gate.locked")
        .env("XTASK_FAULT_FILE", file.to_str().unwrap());
    let run = Running::start_in(command, &world.sandbox.backups());
    // A transaction that is open for a second or more is told about.
    let mut other = world.sandbox.root();
    world.wait_until_locked("busy");
    let writer = std::thread::spawn(move || {
        other.query_drop("INSERT INTO busy (note) VALUES ('slipped')").unwrap();
    });
    world.wait_for_lock("root");
    fs::remove_if_exists(&file).unwrap();
    writer.join().unwrap();
    let finished = run.join();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains("putting the old tables back"), "{}", finished.stderr);
    world.demand_migrated();
    world.demand_clean();
    let rows = "SELECT COUNT(*) FROM busy WHERE note = 'slipped'";
    assert_eq!(world.sandbox.root().query_first(rows).unwrap(), Some(1));
}

#[test]
fn an_empty_schema_needs_no_backup_and_the_rest_writes_nothing() {
    for kind in Server::ALL {
        let Some(world) = World::empty(kind, "from_empty") else { continue };
        let status = world.json(&["migrate", "--status", "--json"]);
        assert_eq!(status["pending"].as_array().unwrap().len(), 2, "{status}");
        let dry = world.run(&["migrate", "--dry-run"]);
        assert!(dry.stdout.contains("20260102000000 five"), "{}", dry.stdout);
        assert!(
            world.live().len() == 1 && !world.sandbox.backups().exists(),
            "looking made something"
        );
        let done = world.json(&["migrate", "--json"]);
        assert!(done["backup"].is_null(), "{done}");
        world.demand_migrated();
        let list = world.json(&["db-list", "--json"]);
        assert_eq!(list["backups"], serde_json::json!([]));
    }
}

#[test]
fn policy_refuses_what_copies_too_much() {
    let Some(server) = require(Server::Mysql) else { return };
    // Its migrations are others than those of the other tests.
    let _alone = alone();
    let sandbox = Sandbox::new(&server, "limits");
    sandbox.base();
    let before = live::read(&mut server.root(), &sandbox.schema);
    // A hundred thousand rows are not needed to be above a limit of one.
    let checkout = tempfile::tempdir().unwrap();
    crate::support::five::copy_five(checkout.path());
    crate::support::five::add(
        checkout.path(),
        "20260103000000_copying",
        "ALTER TABLE m2 MODIFY v BIGINT NOT NULL;\n",
    );
    crate::faults::world::put(
        &checkout.path().join("xtask.toml"),
        b"[gate]\nmax_copied_rows = 1\n",
    );
    let command = sandbox.in_checkout(checkout.path(), &["migrate"]);
    let finished = command.run(std::time::Duration::from_secs(600)).unwrap();
    demand_stop(&finished, 20, &["copies 2 rows", "max_copied_rows", "was not touched"]);
    assert!(before == live::read(&mut server.root(), &sandbox.schema), "it was touched");
}

#[test]
fn one_gate_at_a_time() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "one_gate") else { continue };
        let mut other = world.sandbox.root();
        let name = format!("xtask:{}", world.sandbox.schema);
        let got: Option<i64> = other.exec_first("SELECT GET_LOCK(?, 0)", (name,)).unwrap();
        assert_eq!(got, Some(1));
        let id: u64 = other.query_first("SELECT CONNECTION_ID()").unwrap().unwrap();
        let finished = world.run(&["migrate"]);
        demand_stop(&finished, 12, &[&format!("connection {id}")]);
        drop(other);
        assert_eq!(world.run(&["migrate"]).code, Some(0));
    }
}
