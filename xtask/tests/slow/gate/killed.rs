//! Killed at every point of the gate: the schema is the old one or the new one, and
//! the next run says which and goes on.

use std::time::Duration;

use mysql::Conn;
use mysql::prelude::Queryable as _;
use sys::fault::VARIABLE;

use super::world::World;
use crate::faults::demand_stop;
use crate::faults::live;
use crate::faults::running::{Running, processes};
use crate::faults::world::system;
use crate::support::{Server, five};

/// Points of a passage by swap; from the second list on the tables are the new ones.
const SWAP_OLD: [&str; 9] = [
    "backup.committed",
    "staging.created",
    "staging.compared",
    "gate.proved",
    "gate.rehearsed",
    "gate.remembered",
    "swap.journal",
    "swap.prepared",
    "gate.locked",
];
const SWAP_NEW: [&str; 3] = ["swap.renamed", "swap.finished", "gate.applied"];

#[test]
fn a_killed_swap_is_old_or_new_on_mysql() {
    killed_swap(Server::Mysql, "killsw_my");
}

#[test]
fn a_killed_swap_is_old_or_new_on_mariadb() {
    killed_swap(Server::Mariadb, "killsw_maria");
}

fn killed_swap(kind: Server, name: &str) {
    let points = SWAP_OLD.iter().map(|p| (p, false)).chain(SWAP_NEW.iter().map(|p| (p, true)));
    for (point, new) in points {
        let Some(world) = World::new(kind, name) else { return };
        let old = world.live();
        kill_at(&world, point, &["migrate"]);
        if new {
            let tables = live::tables(&world.live());
            assert!(tables.contains_key("table m3") && tables != live::tables(&old), "{point}");
        } else {
            let (then, now) = (live::tables(&old), live::tables(&world.live()));
            assert!(then == now, "at {point}:\n{}", live::differences(&then, &now));
        }
        let next = world.run(&["migrate"]);
        assert_eq!(next.code, Some(0), "after {point}: {}", next.stderr);
        if point.starts_with("swap.") || *point == "gate.locked" {
            assert!(next.stderr.contains("did not finish"), "after {point}: {}", next.stderr);
        }
        world.demand_migrated();
        world.demand_clean();
    }
}

#[track_caller]
fn kill_at(world: &World, point: &str, args: &[&str]) {
    let command = world.command(args).env(VARIABLE, format!("kill:{point}"));
    let dead = command.run(Duration::from_secs(600)).unwrap();
    assert_eq!(dead.code, None, "{point} was not passed: {}", dead.stderr);
}

#[test]
fn a_killed_passage_in_place_is_told_by_the_next_run() {
    for kind in Server::ALL {
        for (point, word) in [
            ("gate.announced", "none of them was committed"),
            ("gate.applied", "they had completed"),
        ] {
            let Some(world) = World::new(kind, "killplace") else { continue };
            kill_at(&world, point, &["migrate", "--strategy", "in-place"]);
            let next = world.run(&["migrate"]);
            assert_eq!(next.code, Some(0), "after {point}: {}", next.stderr);
            assert!(next.stderr.contains(word), "after {point}: {}", next.stderr);
            world.demand_migrated();
            world.demand_clean();
        }
    }
}

/// A run in place whose third statement waits: who holds the table, the run, and the
/// process id of its API.
fn waiting_at_the_third(world: &World) -> (Conn, Running, u32) {
    let mut holder = world.sandbox.root();
    holder.query_drop("LOCK TABLES m3 READ").unwrap();
    let args = ["migrate", "--strategy", "in-place"];
    // Where a migration waits longer for a lock than a test needs.
    let command = world.sandbox.in_checkout(five::patient(), &args);
    let run = Running::start_in(command, &world.sandbox.backups());
    world.wait_for_lock("migrate");
    let api = processes().into_iter().find(|(_, parent)| *parent == run.pid).unwrap().0;
    (holder, run, api)
}

/// The tool and the API killed while the third statement waits: the worst there is.
#[test]
fn killed_with_its_api_in_the_middle() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "killboth") else { continue };
        let old = world.live();
        let (holder, run, api) = waiting_at_the_third(&world);
        system("kill", &["-KILL", &run.pid.to_string(), &api.to_string()]);
        assert_eq!(run.join().code, None);
        drop(holder);
        let next = world.run(&["migrate"]);
        demand_stop(&next, 30, &["how they ended is unknown"]);
        world.demand_live(&old, "after the next run");
        assert_eq!(world.run(&["migrate"]).code, Some(0));
        world.demand_migrated();
        world.demand_clean();
    }
}

/// Only the API is killed: its server goes on with what it was sent, and the state
/// before must not come back under that.
#[test]
fn the_api_alone_is_killed() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "killapi") else { continue };
        let old = world.live();
        let (holder, run, api) = waiting_at_the_third(&world);
        system("kill", &["-KILL", &api.to_string()]);
        drop(holder);
        let finished = run.join();
        demand_stop(&finished, 30, &["the previous state is restored"]);
        world.demand_live(&old, "after the API was killed");
        world.demand_clean();
        assert_eq!(world.run(&["migrate"]).code, Some(0));
        world.demand_migrated();
    }
}
