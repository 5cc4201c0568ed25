//! A backup that cannot come to its end.

use std::path::Path;

use mysql::prelude::Queryable as _;
use sys::{disk, fs};

use super::running::{Running, kill_dump};
use super::world::{World, demand_stop, system};
use crate::support::Server;

#[test]
fn the_dump_program_is_killed() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "killed_dump") else { continue };
        world.backup();
        let state = world.state();
        let holder = world.hold("zz_last", "WRITE");
        let run = Running::start(&world, &["db-backup", "--engine", "mysqldump"]);
        world.wait_until_held("backup");
        kill_dump(&world, &run);
        let finished = run.join();
        drop(holder);
        demand_stop(&finished, 1, &["dump", "No backup was made"]);
        world.demand(&state);
        world.demand_next_run(&state);
    }
}

/// The native engine has no program to kill: its connections are.
#[test]
fn the_connections_of_a_dump_are_killed() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "killed_wire") else { continue };
        world.backup();
        let state = world.state();
        let holder = world.hold("zz_last", "WRITE");
        let run = Running::start(&world, &["db-backup", "--threads", "1"]);
        world.wait_until_held("backup");
        let mut root = world.server.root();
        let waiting: Vec<u64> = root
            .query(format!(
                "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{}' AND USER LIKE 'backup%' AND COMMAND = 'Query'",
                world.sandbox.schema
            ))
            .unwrap();
        assert!(!waiting.is_empty(), "nobody reads");
        for id in waiting {
            root.query_drop(format!("KILL {id}")).unwrap();
        }
        let finished = run.join();
        drop(holder);
        assert_ne!(finished.code, Some(0), "{}", finished.stdout);
        assert!(!finished.stderr.is_empty());
        world.demand(&state);
        world.demand_next_run(&state);
    }
}

#[test]
fn the_schema_changes_during_the_dump() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "moving_schema") else { continue };
        world.backup();
        let holder = world.hold("zz_last", "WRITE");
        let run = Running::start(&world, &["db-backup"]);
        world.wait_until_held("backup");
        world.run_sql(&["CREATE VIEW aa_new AS SELECT 1 AS one"]);
        drop(holder);
        let finished = run.join();
        let state = world.state();
        demand_stop(&finished, 1, &["changed while it was being dumped"]);
        world.demand(&state);
        world.demand_next_run(&state);
    }
}

#[test]
fn ctrl_c_ends_a_dump_that_waits() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "stopped_dump") else { continue };
        world.backup();
        let state = world.state();
        let holder = world.hold("zz_last", "WRITE");
        let run = Running::start(&world, &["db-backup"]);
        world.wait_until_held("backup");
        run.signal("INT");
        // The lock is still held: it must not be what ends the run.
        let finished = run.join();
        assert_eq!(finished.code, Some(130), "{}", finished.stderr);
        assert!(finished.stderr.contains("interrupted"), "{}", finished.stderr);
        drop(holder);
        world.demand_next_run(&state);
    }
}

#[test]
fn a_dump_that_hangs_is_given_up() {
    let Some(world) = World::new(Server::Mariadb, "hanging_dump") else { return };
    world.backup();
    let state = world.state();
    world.sandbox.write("xtask.toml", "[backup]\nstall_s = 1\n");
    let holder = world.hold("zz_last", "WRITE");
    let finished = world.sandbox.xtask(&["db-backup"]);
    drop(holder);
    demand_stop(&finished, 1, &["it sent nothing for 1 s", "lock"]);
    world.demand_next_run(&state);
}

/// A small disk of its own; unmounted when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        fs::create_private_dir(at).unwrap();
        let mount = sys::proc::Cmd::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(at);
        let mounted =
            disk::is_root() && mount.run(std::time::Duration::from_secs(20)).is_ok_and(|m| m.ok());
        if !mounted {
            assert!(!sys::env::is_ci(), "CI runs need root to mount a small disk");
            eprintln!("SKIPPED: a full disk needs root to mount a small one");
        }
        mounted.then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        system("umount", &["--lazy", self.0.to_str().unwrap()]);
    }
}

#[test]
fn the_disk_is_too_small_or_fills_up() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "full_disk") else { continue };
        let folder = world.sandbox.path().join("small");
        let at = folder.to_str().unwrap();
        {
            let Some(_disk) = SmallDisk::mount(&folder, "1m") else { return };
            let finished = world.sandbox.xtask(&["db-backup", "--out", at]);
            demand_stop(&finished, 40, &[at, "MiB are needed"]);
            assert!(!fs::names(&folder).unwrap().iter().any(|name| name.ends_with(".partial")));
        }
        let _disk = SmallDisk::mount(&folder, "80m").unwrap();
        let first = world.sandbox.xtask(&["db-backup", "--out", at]);
        assert_eq!(first.code, Some(0), "{}", first.stderr);
        let (live, before) = (world.live(), fs::names(&folder).unwrap());
        let holder = world.hold("account", "WRITE");
        let run = Running::start_in(world.sandbox.command(&["db-backup", "--out", at]), &folder);
        world.wait_until_held("backup");
        let filler = folder.join("filler");
        system("sh", &["-c", &format!("! cat /dev/zero 2>/dev/null > '{}'", filler.display())]);
        drop(holder);
        demand_stop(&run.join(), 40, &[at, "is full"]);
        fs::remove_if_exists(&filler).unwrap();
        assert_eq!(fs::names(&folder).unwrap(), before);
        world.demand_live(&live, "a full disk");
        let next = world.sandbox.xtask(&["db-backup", "--out", at]);
        assert_eq!(next.code, Some(0), "{}", next.stderr);
    }
}
