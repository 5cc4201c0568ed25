//! Transactions that are prepared, and end later.

use mysql::prelude::Queryable as _;

use super::held::{Held, alone, demand_refused, demand_swapped};
use crate::gate::world::World;
use crate::support::Server;

/// A session that leaves a prepared transaction behind.
fn prepare(world: &World, name: &str, sql: &str) {
    let mut other = world.sandbox.root();
    let id = format!("'{} {name}'", world.sandbox.schema);
    for statement in [
        format!("XA START {id}"),
        sql.to_owned(),
        format!("XA END {id}"),
        format!("XA PREPARE {id}"),
    ] {
        other.query_drop(&statement).unwrap();
    }
}

fn end(world: &World, name: &str, how: &str) {
    let id = format!("'{} {name}'", world.sandbox.schema);
    world.sandbox.root().query_drop(format!("XA {how} {id}")).unwrap();
}

fn values(world: &World) -> Vec<(i64, i64)> {
    world.sandbox.root().query("SELECT id, v FROM m3 ORDER BY id").unwrap()
}

/// Prepared before the copy follows; ended when the swap waits for its lock. No look before
/// the lock could have seen it.
#[test]
fn what_was_prepared_is_waited_for() {
    let Some(world) = alone(Server::Mysql, "live_xa") else { return };
    world.sandbox.sql("INSERT INTO m3 VALUES (1, 1), (2, 2), (3, 3)");
    let held = Held::at(&world, "gate.rehearsed", &["--json"]);
    prepare(&world, "kept", "INSERT INTO m3 VALUES (9, 9)");
    prepare(&world, "changed", "UPDATE m3 SET v = 20 WHERE id = 2");
    prepare(&world, "undone", "DELETE FROM m3 WHERE id = 3");
    let run = held.release();
    world.wait_for_lock("restore");
    end(&world, "kept", "COMMIT");
    end(&world, "undone", "ROLLBACK");
    end(&world, "changed", "COMMIT");
    demand_swapped(&run.join());
    assert_eq!(values(&world), [(1, 1), (2, 20), (3, 3), (9, 9)]);
    world.demand_clean();
}

/// Prepared at one point and ended at a later one, both before the lock.
#[test]
fn what_ends_before_the_lock_is_there() {
    for (point, how) in
        [("gate.caught_up", "COMMIT"), ("gate.followed", "COMMIT"), ("gate.followed", "ROLLBACK")]
    {
        let Some(world) = alone(Server::Mysql, "live_xa_ends") else { return };
        world.sandbox.sql("INSERT INTO m3 VALUES (1, 1)");
        let held = Held::at(&world, point, &["--json"]);
        prepare(&world, "late", "INSERT INTO m3 VALUES (9, 9)");
        end(&world, "late", how);
        demand_swapped(&held.go());
        let more = if how == "COMMIT" { vec![(1, 1), (9, 9)] } else { vec![(1, 1)] };
        assert_eq!(values(&world), more, "{point}");
        world.demand_clean();
    }
}

/// What it breaks is found under the lock, too.
#[test]
fn what_a_prepared_transaction_breaks_is_refused() {
    let Some(world) = alone(Server::Mysql, "live_xa_breaks") else { return };
    let held = Held::at(&world, "gate.rehearsed", &[]);
    prepare(&world, "breaks", "INSERT INTO m3 VALUES (9, 100000)");
    let run = held.release();
    world.wait_for_lock("restore");
    end(&world, "breaks", "COMMIT");
    let finished = run.join();
    let live = world.live();
    demand_refused(&world, &finished, &["`m3`", "(9)", "m3_small"], &live);
    assert_eq!(values(&world), [(9, 100_000)]);
}
