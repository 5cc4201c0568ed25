//! Killed at every point of an online swap, while others write: the schema is the old one or the
//! new one, and no write is lost.

use mysql::prelude::Queryable as _;
use sys::fault::VARIABLE;

use super::held::{Beside, DEADLINE, migrate, world};
use super::writers::{Writers, demand_all};
use crate::faults::demand_stop;
use crate::support::Server;
use crate::support::five::shape;

/// Each with whether the new tables are live then.
const EARLY: [(&str, bool); 4] = [
    ("gate.caught_up", false),
    ("gate.followed", false),
    ("swap.journal", false),
    ("swap.prepared", false),
];
const LATE: [(&str, bool); 5] = [
    ("gate.locked", false),
    ("gate.remembered", false),
    ("swap.renamed", true),
    ("swap.finished", true),
    ("gate.applied", true),
];

#[test]
fn killed_before_its_lock_it_is_as_it_was() {
    killed("live_killed", &EARLY);
}

#[test]
fn killed_under_its_lock_it_is_old_or_new() {
    killed("live_killed_late", &LATE);
}

fn killed(name: &str, points: &[(&str, bool)]) {
    for (number, (point, new)) in points.iter().enumerate() {
        let Some(world) = world(Server::Mysql, name) else { return };
        let writers = Writers::start(2, &|| world.sandbox.root());
        writers.wait_for(100);
        let dead = world
            .sandbox
            .in_checkout(shape(), &["migrate"])
            .env(VARIABLE, format!("kill:{point}"))
            .run(DEADLINE)
            .unwrap();
        assert_eq!(dead.code, None, "{point} was not passed: {}", dead.stderr);
        writers.wait_for(20);
        assert_eq!(is_new(&world), *new, "after {point}");
        // By turns: what is left is brought to its end by itself, or by the next run.
        if number % 2 == 0 {
            let doctor = world.sandbox.in_checkout(shape(), &["doctor", "--fix"]);
            let doctor = doctor.run(DEADLINE).unwrap();
            assert_eq!(doctor.code, Some(0), "{point}: {}{}", doctor.stdout, doctor.stderr);
            assert_eq!(is_new(&world), *new, "{point}: after doctor --fix");
            writers.wait_for(20);
        }
        let next = migrate(&world, &["--json"]);
        assert_eq!(next.code, Some(0), "{point}: {}", next.stderr);
        assert!(is_new(&world), "{point}: after the next run");
        writers.wait_for(50);
        let done = writers.end();
        if *point == "swap.renamed" {
            // The server cannot move a table with its triggers: what others wrote between the
            // death of the run and the next one was not counted by this one.
            let sql = "UPDATE tally SET n = (SELECT COUNT(*) FROM busy WHERE id > 1)";
            world.sandbox.sql(sql);
        }
        demand_all(&mut world.sandbox.root(), &done, "worth");
        world.demand_clean();
        let status = world.sandbox.in_checkout(shape(), &["migrate", "--status", "--json"]);
        let status: serde_json::Value =
            serde_json::from_str(&status.run(DEADLINE).unwrap().stdout).unwrap();
        assert_eq!(status["pending"], serde_json::json!([]), "{status}");
        assert_eq!(status["troubles"], serde_json::json!([]), "{status}");
        if *new {
            let undone = migrate(&world, &["--undo", "--json"]);
            if *point != "gate.applied" {
                // What others wrote meanwhile is kept, so the way back is not taken.
                demand_stop(&undone, 20, &["was not touched", "did not see its end"]);
                continue;
            }
            assert_eq!(undone.code, Some(0), "{point}: {}", undone.stderr);
            demand_all(&mut world.sandbox.root(), &done, "v");
        }
    }
}

/// Old or new as a whole.
#[track_caller]
fn is_new(world: &Beside) -> bool {
    let sql = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() \
               AND (TABLE_NAME, COLUMN_NAME) IN \
               (('m3', 'added'), ('m5', 'worth'), ('m5', 'twice'), ('brand_new', 'id'))";
    let found: Option<u64> = world.sandbox.root().query_first(sql).unwrap();
    let books: Option<u64> =
        world.sandbox.root().query_first("SELECT COUNT(*) FROM _sqlx_migrations").unwrap();
    match (found, books) {
        (Some(0), Some(1)) => false,
        (Some(4), Some(2)) => true,
        other => panic!("neither old nor new: {other:?}"),
    }
}
