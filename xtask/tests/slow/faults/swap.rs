//! The swap against other sessions: a lock that is held too long, and a process
//! that dies while the server waits.

use super::running::Running;
use super::world::{World, demand_stop};
use crate::support::Server;

#[test]
fn a_lock_held_too_long_leaves_everything() {
    for (kind, table) in [
        (Server::Mysql, "rating"),
        // Where the lock cannot span the RENAME: with a trigger and without.
        (Server::Mariadb, "rating"),
        (Server::Mariadb, "zz_last"),
    ] {
        let Some(world) = World::new(kind, "long_lock") else { continue };
        world.sandbox.write("xtask.toml", "[restore]\nlock_retries = 0\n");
        let label = world.backup();
        let new = world.live();
        world.change();
        let state = world.state();
        let holder = world.hold(table, "READ");
        let finished = world.sandbox.xtask(&["db-restore", &label, "--yes"]);
        demand_stop(&finished, 40, &["is as it was before", "restore.lock_retries"]);
        world.demand(&state);
        world.demand_clean();
        assert!(world.companions("before").is_empty());
        drop(holder);
        let again = world.sandbox.xtask(&["db-restore", &label, "--yes"]);
        assert_eq!(again.code, Some(0), "{}", again.stderr);
        world.demand_live(&new, "the restore after the lock was gone");
    }
}

#[test]
fn killed_while_the_server_waits_for_a_lock() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "killed_in_swap") else { continue };
        let label = world.backup();
        let (new, files) = (world.live(), world.files());
        world.change();
        let old = world.live();
        let holder = world.hold("rating", "READ");
        let run = Running::start(&world, &["db-restore", &label, "--yes"]);
        world.wait_until_held("restore");
        run.signal("KILL");
        assert_eq!(run.join().code, None);
        drop(holder);
        let next = world.sandbox.xtask(&["db-backup"]);
        assert_eq!(next.code, Some(0), "{}", next.stderr);
        let finished = next.stderr.contains("is finished now");
        assert!(finished || next.stderr.contains("is as it was before"), "{}", next.stderr);
        world.demand_live(if finished { &new } else { &old }, "after the next run");
        world.demand_files(&files);
        world.demand_clean();
        assert_eq!(world.companions("before").len(), usize::from(finished));
    }
}
