//! What gets in the way of an online swap and goes away again, or does not.

use std::time::Duration;

use mysql::prelude::Queryable as _;

use super::held::{Held, demand_refused, demand_swapped, demand_untouched, migrate, world};
use super::writers::Writers;
use crate::faults::demand_stop;
use crate::support::Server;

#[test]
fn interrupted_it_leaves_all_as_it_is() {
    let Some(world) = world(Server::Mysql, "live_ctrl_c") else { return };
    for point in ["gate.caught_up", "gate.followed"] {
        let held = Held::at(&world, point, &[]);
        let live = world.live();
        let run = held.interrupt();
        let finished = run.join();
        assert_eq!(finished.code, Some(130), "{point}: {}", finished.stderr);
        demand_untouched(&world, &live);
    }
    assert_eq!(migrate(&world, &[]).code, Some(0));
}

/// A transaction that is open when the swap wants its lock: the writers behind it go on between
/// its tries, and the swap is done when it ends.
#[test]
fn a_transaction_that_is_open_is_waited_for() {
    let Some(world) = world(Server::Mysql, "live_open") else { return };
    let held = Held::at(&world, "gate.followed", &["--json"]);
    let writers = Writers::start(2, &|| world.sandbox.root());
    let mut other = world.sandbox.root();
    other.query_drop("BEGIN").unwrap();
    other.query_drop("INSERT INTO m1 VALUES (70, 70)").unwrap();
    let run = held.release();
    world.wait_for_lock("restore");
    // Not all of the time is waiting behind the lock.
    writers.wait_for(20);
    other.query_drop("COMMIT").unwrap();
    demand_swapped(&run.join());
    writers.wait_for(20);
    let done = writers.end();
    for one in &done {
        assert!(one.longest < Duration::from_secs(12), "{:?}", one.longest);
    }
    let kept = "SELECT v FROM m1 WHERE id = 70";
    assert_eq!(world.sandbox.root().query_first(kept).unwrap(), Some(70));
    world.demand_clean();
}

/// One that does not end: the swap is given up, and nothing was touched.
#[test]
fn a_transaction_that_does_not_end_is_left_alone() {
    let Some(world) = world(Server::Mysql, "live_open_long") else { return };
    let held = Held::at(&world, "gate.followed", &[]);
    let mut other = world.sandbox.root();
    other.query_drop("BEGIN").unwrap();
    other.query_drop("INSERT INTO m1 VALUES (70, 70)").unwrap();
    let live = world.live();
    let finished = held.go();
    demand_stop(&finished, 40, &["as it was before", "root"]);
    demand_untouched(&world, &live);
    other.query_drop("COMMIT").unwrap();
    assert_eq!(migrate(&world, &[]).code, Some(0));
}

/// The connections that work on both sides are cut off.
#[test]
fn a_session_that_is_cut_off_leaves_the_live_schema_as_it_is() {
    for point in ["gate.caught_up", "gate.followed"] {
        let Some(world) = world(Server::Mysql, "live_session") else { return };
        let held = Held::at(&world, point, &[]);
        let live = world.live();
        let name = world.sandbox.schema.trim_start_matches("t_").to_owned();
        let mut root = world.server.root();
        let sql = format!(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE USER LIKE '%\\_{name}' \
             AND USER NOT LIKE 'log%'"
        );
        let sessions: Vec<u64> = root.query(sql).unwrap();
        assert!(!sessions.is_empty());
        for id in sessions {
            root.query_drop(format!("KILL {id}")).ok();
        }
        let finished = held.go();
        assert!(![Some(0), Some(31)].contains(&finished.code), "{point}: {:?}", finished.code);
        world.demand_live(&live, point);
        let next = migrate(&world, &["--json"]);
        assert_eq!(next.code, Some(0), "{point}: {}", next.stderr);
        world.demand_clean();
    }
}

/// What was prepared before the backup is in no event that is read.
#[test]
fn a_transaction_that_was_prepared_before_the_backup_is_refused() {
    let Some(world) = super::held::alone(Server::Mysql, "live_xa_before") else { return };
    let id = format!("'{} before'", world.sandbox.schema);
    let mut other = world.sandbox.root();
    for sql in [
        &format!("XA START {id}"),
        "INSERT INTO m3 VALUES (9, 9)",
        &format!("XA END {id}"),
        &format!("XA PREPARE {id}"),
    ] {
        other.query_drop(sql).unwrap();
    }
    let held = Held::quiet(&world, "gate.rehearsed", &[]);
    world.sandbox.sql(&format!("INSERT INTO busy (note) VALUES ('x'); XA COMMIT {id}"));
    let live = world.live();
    demand_refused(
        &world,
        &held.go(),
        &["`m3` differs from the copy's", "prepared (XA) before the backup"],
        &live,
    );
    assert_eq!(migrate(&world, &[]).code, Some(0));
    let kept = "SELECT v FROM m3 WHERE id = 9";
    assert_eq!(world.sandbox.root().query_first(kept).unwrap(), Some(9));
}
