//! Rows that others write while a migration is on its way, and that it does not allow.

use super::held::{Held, demand_refused, demand_swapped, world};
use crate::support::Server;

/// When the row is written: before the copy follows, before it is compared, and after that.
const POINTS: [&str; 3] = ["gate.rehearsed", "gate.caught_up", "gate.followed"];

/// A write and its correction, at each point; then the migration goes live.
fn refused(name: &str, before: &str, write: &str, correct: &str, words: &[&str]) {
    let Some(world) = world(Server::Mysql, name) else { return };
    world.sandbox.sql(before);
    for point in POINTS {
        let held = Held::at(&world, point, &[]);
        world.sandbox.sql(write);
        let live = world.live();
        let finished = held.go();
        demand_refused(&world, &finished, words, &live);
        world.sandbox.sql(correct);
    }
    let held = Held::at(&world, "gate.followed", &["--json"]);
    demand_swapped(&held.go());
    world.demand_clean();
}

#[test]
fn a_value_that_is_there_twice_is_refused() {
    refused(
        "live_unique",
        "",
        "INSERT INTO m1 (v) VALUES (1)",
        "DELETE FROM m1 WHERE id > 3",
        &["was not touched", "written to `m1`", "Duplicate entry '1'", "m1_v"],
    );
}

#[test]
fn a_value_that_becomes_one_that_is_there_is_refused() {
    refused(
        "live_unique_upd",
        "",
        "UPDATE m1 SET v = 1 WHERE id = 3",
        "UPDATE m1 SET v = 3 WHERE id = 3",
        &["was not touched", "written to `m1`", "Duplicate entry '1'", "m1_v"],
    );
}

#[test]
fn a_value_that_a_check_forbids_is_refused() {
    refused(
        "live_check",
        "",
        "INSERT INTO m3 VALUES (8, 99999), (9, 100000)",
        "DELETE FROM m3",
        &["was not touched", "written to `m3`", "(9)", "m3_small"],
    );
}

#[test]
fn a_row_without_its_new_parent_is_refused() {
    refused(
        "live_orphan",
        "",
        "INSERT INTO m2 VALUES (1, 1), (77, 1)",
        "DELETE FROM m2",
        &["was not touched", "written to `m2`", "(77)", "foreign key to `m5`"],
    );
}

#[test]
fn a_parent_that_goes_is_refused() {
    refused(
        "live_gone",
        "INSERT INTO m2 VALUES (2, 1)",
        "DELETE FROM m5 WHERE id = 2",
        "INSERT INTO m5 VALUES (2, 2)",
        &["was not touched", "`m2`", "(2)", "foreign key to `m5`"],
    );
}
