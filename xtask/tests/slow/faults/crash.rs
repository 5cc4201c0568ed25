//! Killed at every fault point: the state is the old one or the new one, and the
//! next run says which and cleans up.

use mysql::prelude::Queryable as _;
use sys::fault::{POINTS, VARIABLE};
use sys::proc::Finished;

use super::live::{self, Live};
use super::world::World;
use crate::support::Server;

/// From here on the tables are the new ones.
const NEW: [&str; 5] =
    ["swap.renamed", "swap.finished", "restore.swapped", "restore.recorded", "restore.enabled"];
/// Passed only where an earlier run left half a line in the ledger.
const NEVER: [&str; 1] = ["ledger.torn_kept"];

#[test]
fn a_killed_restore_is_old_or_new_on_mysql() {
    killed_restore(Server::Mysql);
}

#[test]
fn a_killed_restore_is_old_or_new_on_mariadb() {
    killed_restore(Server::Mariadb);
}

fn killed(world: &World, args: &[&str], point: &str) -> Finished {
    let command = world.sandbox.command(args).env(VARIABLE, format!("kill:{point}"));
    command.run(std::time::Duration::from_secs(120)).unwrap()
}

fn killed_restore(kind: Server) {
    let Some(world) = World::new(kind, "killed_restore") else { return };
    let label = world.backup();
    let (new, files) = (world.live(), world.files());
    world.change();
    let old = world.live();
    // The points of `--table`, the gate and retention have tests of their own.
    let passed = |point: &&&str| {
        !NEVER.contains(*point)
            && !["tables.", "gate.", "copy.", "fetch.", "prune."]
                .iter()
                .any(|own| point.starts_with(own))
    };
    for point in POINTS.iter().filter(passed) {
        let dead = killed(&world, &["db-restore", &label, "--yes"], point);
        assert_eq!(dead.code, None, "{point} was not passed: {}", dead.stderr);
        between(&world, point, &old, &new);
        let next = world.sandbox.xtask(&["db-backup"]);
        assert_eq!(next.code, Some(0), "after {point}: {}", next.stderr);
        told(point, &next);
        let expected = if NEW.contains(point) { &new } else { &old };
        world.demand_live(expected, &format!("after {point} and the next run"));
        world.demand_files(&files);
        world.demand_clean();
        kept_old_tables(&world, point, &old);
        if NEW.contains(point) {
            world.change();
            world.demand_live(&old, "the test itself");
        }
    }
    let done = world.sandbox.xtask(&["db-restore", &label, "--yes", "--drop-old"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    world.demand_live(&new, "after a restore that nobody killed");
    assert!(world.companions("before").is_empty());
}

/// Before the next run: nothing moved, or the tables with their rows all did. Their triggers
/// come right after the RENAME, each by a statement of its own.
fn between(world: &World, point: &str, old: &Live, new: &Live) {
    match point {
        "swap.renamed" => {
            let without = |live: Live| -> Live {
                live.into_iter().filter(|(key, _)| !key.starts_with("trigger ")).collect()
            };
            let (now, new) = (without(live::tables(&world.live())), without(live::tables(new)));
            let differ = live::differences(&new, &now);
            assert!(now == new, "at {point} the tables are not the new ones:\n{differ}");
        }
        "swap.finished" | "restore.swapped" | "restore.recorded" => {
            // All but its events, which wait until the entry is written.
            let without = |live: &Live| {
                let kept = live.iter().filter(|(key, _)| !key.starts_with("event "));
                kept.map(|(key, value)| (key.clone(), value.clone())).collect::<Live>()
            };
            let (now, new) = (without(&world.live()), without(new));
            let differ = live::differences(&new, &now);
            assert!(now == new, "at {point} it is not the new state:\n{differ}");
        }
        "restore.enabled" => world.demand_live(new, point),
        _ => world.demand_live(old, point),
    }
}

/// The next run says what it found and what it did.
fn told(point: &str, next: &Finished) {
    let word = match point {
        "swap.journal" | "swap.prepared" => "is as it was before",
        "swap.renamed" | "swap.finished" => "is finished now",
        "restore.swapped" | "restore.recorded" | "restore.enabled" => "enabled the events",
        "staging.created" | "load.rows" | "load.keys" | "staging.loaded" | "staging.compared" => {
            "left behind"
        }
        "backup.created" | "backup.written" | "backup.synced" | "backup.marked" => "left behind",
        _ => return,
    };
    assert!(next.stderr.contains(word), "after {point}: no `{word}` in {}", next.stderr);
}

/// What was live is kept beside it when the new state won, and nothing is when the old one did.
fn kept_old_tables(world: &World, point: &str, old: &Live) {
    let before = world.companions("before");
    if !NEW.contains(&point) {
        assert!(before.is_empty(), "after {point}: {before:?}");
        return;
    }
    assert_eq!(before.len(), 1, "after {point}");
    let mut root = world.server.root();
    let kept = live::read(&mut root, &before[0]);
    let rows = |live: &Live| -> Live {
        live.iter()
            .filter(|(k, _)| k.starts_with("rows "))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    };
    assert_eq!(rows(&kept), rows(old), "after {point}");
    root.query_drop("SET foreign_key_checks = 0").unwrap();
    root.query_drop(format!("DROP DATABASE `{}`", before[0])).unwrap();
}

#[test]
fn a_killed_backup_is_there_or_not() {
    let Some(world) = World::new(Server::Mariadb, "killed_backup") else { return };
    world.backup();
    let state = world.state();
    let in_backup = |point: &&&str| point.starts_with("backup.") || point.starts_with("ledger.");
    for point in POINTS.iter().filter(in_backup).filter(|point| !NEVER.contains(point)) {
        let known = world.files().keys().filter(|name| name.ends_with(".json")).count();
        let dead = killed(&world, &["db-backup"], point);
        assert_eq!(dead.code, None, "{point} was not passed: {}", dead.stderr);
        world.demand(&state);
        let there = world.files().keys().filter(|name| name.ends_with(".json")).count() > known;
        let exists =
            ["backup.manifest_written", "backup.committed", "ledger.written", "ledger.headed"];
        assert_eq!(there, exists.contains(point), "{point}");
        let read = world.sandbox.xtask(&["db-verify", "--level", "file", "latest"]);
        assert_eq!(read.code, Some(0), "after {point}: {}", read.stderr);
        world.demand_clean();
    }
    world.demand_next_run(&state);
    let proven = world.sandbox.xtask(&["db-verify", "--level", "restore", "latest"]);
    assert_eq!(proven.code, Some(0), "{}", proven.stderr);
    world.demand(&state);
    world.demand_clean();
}
