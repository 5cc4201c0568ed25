//! Failing on the live schema, at each statement: what nobody else touched comes
//! back, what somebody else wrote is never given up.

use mysql::prelude::Queryable as _;

use super::world::World;
use crate::faults::demand_stop;
use crate::support::Server;

#[test]
fn each_statement_that_fails_live_is_taken_back_on_mysql() {
    taken_back(Server::Mysql, "back_my");
}

#[test]
fn each_statement_that_fails_live_is_taken_back_on_mariadb() {
    taken_back(Server::Mariadb, "back_maria");
}

fn taken_back(kind: Server, name: &str) {
    let Some(world) = World::new(kind, name) else { return };
    let old = world.live();
    for (at, table) in ["m1", "m2", "m3", "m4", "m5"].iter().enumerate() {
        let blocker = world.block_once(table);
        let finished = world.run(&["migrate", "--strategy", "in-place"]);
        blocker.end();
        let statement = format!("failed at statement {}", at + 1);
        demand_stop(&finished, 30, &["a migration failed", &statement]);
        world.demand_live(&old, &format!("after failing at {table}"));
        world.demand_clean();
    }
    assert_eq!(world.run(&["migrate"]).code, Some(0));
    world.demand_migrated();
}

#[test]
fn what_somebody_wrote_is_not_given_up_on_mysql() {
    not_given_up(Server::Mysql, "kept_my");
}

#[test]
fn what_somebody_wrote_is_not_given_up_on_mariadb() {
    not_given_up(Server::Mariadb, "kept_maria");
}

fn not_given_up(kind: Server, name: &str) {
    for (at, table) in ["m1", "m2", "m3", "m4", "m5"].iter().enumerate().skip(1) {
        let Some(world) = World::new(kind, name) else { return };
        let old = world.live();
        let blocker = world.block_once(table);
        let writer = world.writer();
        let finished = world.run(&["migrate"]);
        let written = writer.end();
        blocker.end();
        let statement = format!("failed at statement {}", at + 1);
        let words = ["NOT restored", "`busy` has", "cargo xtask db-restore ", &statement];
        demand_stop(&finished, 31, &words);
        world.demand_written(written);
        // The next run says the same, and does nothing but what it can prove.
        let next = world.run(&["migrate"]);
        demand_stop(&next, 31, &["failed on", &statement, "cargo xtask db-restore "]);
        assert!(!next.stderr.contains("killed"), "{}", next.stderr);
        world.demand_written(written);
        // The command that it prints works, and the run after it goes on.
        let label = after(&finished.stderr, "cargo xtask db-restore ");
        let restored = world.run(&["db-restore", &label, "--yes"]);
        assert_eq!(restored.code, Some(0), "{}", restored.stderr);
        let back = world.live();
        for key in old.keys().filter(|key| !key.ends_with(" busy") && !key.ends_with(" tally")) {
            assert_eq!(back.get(key), old.get(key), "{key}");
        }
        let migrated = world.run(&["migrate"]);
        assert_eq!(migrated.code, Some(0), "{}", migrated.stderr);
        world.demand_migrated();
        world.demand_clean();
    }
}

#[test]
fn nothing_was_committed_whoever_else_wrote() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "first_fails") else { continue };
        let blocker = world.block_once("m1");
        let writer = world.writer();
        let finished = world.run(&["migrate"]);
        let written = writer.end();
        blocker.end();
        let words = ["left nothing behind", "failed at statement 1", "gate.lock_retries"];
        demand_stop(&finished, 30, &words);
        world.demand_written(written);
        // No booking is left that says it stopped half-way, and the next run just migrates.
        let booked = "SELECT COUNT(*) FROM _sqlx_migrations WHERE NOT success";
        assert_eq!(world.sandbox.root().query_first::<u64, _>(booked).unwrap(), Some(0));
        let next = world.run(&["migrate"]);
        assert_eq!(next.code, Some(0), "{}", next.stderr);
        world.demand_migrated();
        world.demand_written(written);
        world.demand_clean();
    }
}

#[test]
fn a_lock_is_asked_for_in_short_turns_at_every_statement() {
    for kind in Server::ALL {
        for table in ["m1", "m3", "m5"] {
            let Some(world) = World::new(kind, "in_turns") else { continue };
            // It goes when the migration waited for it once: in the pause after that.
            let blocker = world.block_one_turn(table);
            let finished = world.run(&["migrate", "--strategy", "in-place"]);
            blocker.end();
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            world.demand_migrated();
            world.demand_clean();
        }
    }
}

/// The word behind a text.
fn after(text: &str, start: &str) -> String {
    let at = text.find(start).unwrap() + start.len();
    text[at..].split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_lock_that_never_ends_leaves_the_restore_to_a_person() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "held_on") else { continue };
        let mut holder = world.sandbox.root();
        holder.query_drop("LOCK TABLES m3 READ").unwrap();
        let finished = world.run(&["migrate", "--strategy", "in-place"]);
        demand_stop(&finished, 31, &["NOT restored", "cargo xtask db-restore "]);
        drop(holder);
        // With the lock gone the next run proves that nobody wrote, and takes it back.
        let next = world.run(&["migrate"]);
        demand_stop(&next, 30, &["a migration failed on", "is restored"]);
        assert_eq!(world.run(&["migrate"]).code, Some(0));
        world.demand_migrated();
        world.demand_clean();
    }
}
