//! What is refused before anything happens.

use mysql::prelude::Queryable as _;
use sys::clock;

use super::running::Running;
use super::world::{World, demand_stop};
use crate::support::Server;

#[test]
fn a_wrong_password_is_named_and_not_shown() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "wrong_password") else { continue };
        world.backup();
        let state = world.state();
        world.set_env("DB_BACKUP_PASSWORD", "mistyped-secret");
        let finished = world.sandbox.xtask(&["db-backup", "--verbose"]);
        demand_stop(&finished, 11, &[&world.user("backup"), "DB_BACKUP_PASSWORD"]);
        assert!(!finished.stderr.contains("mistyped-secret"), "{}", finished.stderr);
        world.demand(&state);
    }
}

#[test]
fn a_missing_right_comes_with_its_grant() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "missing_right") else { continue };
        world.backup();
        let state = world.state();
        let user = format!("'{}'@'%'", world.user("backup"));
        let schema = format!("`{}`.*", world.sandbox.schema.replace('_', "\\_"));
        let body = match kind {
            Server::Mysql => "SHOW_ROUTINE ON *.*",
            Server::Mariadb => "SELECT ON mysql.proc",
        };
        for right in
            [format!("TRIGGER ON {schema}"), format!("SELECT ON {schema}"), body.to_owned()]
        {
            world.run_sql(&[&format!("REVOKE {right} FROM {user}")]);
            let finished = world.sandbox.xtask(&["db-backup"]);
            let word = right.split(' ').next().unwrap();
            demand_stop(&finished, 10, &[&world.user("backup"), &format!("GRANT {word}")]);
            world.demand(&state);
            // What it says is what helps.
            let grant = finished.stderr.split("Run as root: ").nth(1).unwrap();
            let grant = grant.lines().next().unwrap().trim_end_matches(';');
            world.server.root().query_drop(grant).unwrap();
        }
        world.demand_next_run(&state);
    }
}

#[test]
fn an_unknown_database_is_named() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "unknown_database") else { continue };
        world.backup();
        let files = world.files();
        world.server.root().query_drop(format!("DROP DATABASE {}", world.sandbox.schema)).unwrap();
        let finished = world.sandbox.xtask(&["db-backup"]);
        demand_stop(&finished, 11, &["unknown database", &world.sandbox.schema, "DB_NAME"]);
        world.demand_files(&files);
    }
}

#[test]
fn only_one_run_at_a_time() {
    let Some(world) = World::new(Server::Mariadb, "two_runs") else { return };
    let label = world.backup();
    let state = world.state();
    let holder = world.hold("zz_last", "WRITE");
    let run = Running::start(&world, &["db-backup"]);
    let pid = format!("process id {}", run.pid);
    for args in [&["db-backup"][..], &["db-restore", &label, "--yes"]] {
        let second = world.sandbox.xtask(args);
        demand_stop(&second, 12, &["`db-backup`", &pid]);
    }
    let list = world.sandbox.xtask(&["db-list"]);
    assert_eq!(list.code, Some(0), "a list needs no lock: {}", list.stderr);
    drop(holder);
    assert_eq!(run.join().code, Some(0));
    world.demand_next_run(&state);
}

#[test]
fn a_restore_asks_before_it_overwrites() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "not_confirmed") else { continue };
        let label = world.backup();
        let new = world.live();
        world.change();
        let state = world.state();
        let finished = world.sandbox.xtask(&["db-restore", &label]);
        demand_stop(&finished, 2, &[&format!("overwrites `{}`", world.sandbox.schema), "--yes"]);
        world.demand(&state);
        assert_eq!(world.files().len(), 2, "there is no safety backup yet");
        let finished = world.sandbox.xtask(&["db-restore", &label, "--yes"]);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        // What was added since is gone from the schema, and not from the server.
        world.demand_live(&new, "a restore makes exactly what was backed up");
        world.demand_files(&world.files());
        assert_eq!(world.companions("before").len(), 1);
        world.demand_clean();
    }
}

#[test]
fn ctrl_c_ends_a_load() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "stopped_load") else { continue };
        // Many rows, so that the load takes a while and the dump does not.
        world.run_sql(&[
            "CREATE TABLE many (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(250))",
            "INSERT INTO many (text) SELECT REPEAT('x', 250) FROM account, (SELECT 1 FROM account LIMIT 150) AS more",
        ]);
        let label = world.backup();
        world.change();
        let state = world.state();
        let run = Running::start(&world, &["db-restore", &label, "--yes"]);
        let staged = clock::poll(std::time::Duration::from_secs(60), || {
            Ok::<_, ()>((!world.companions("staging").is_empty()).then_some(()))
        });
        assert!(staged.unwrap().is_some());
        run.signal("INT");
        let finished = run.join();
        assert_eq!(finished.code, Some(130), "{}", finished.stderr);
        world.demand(&state);
        world.demand_next_run(&state);
    }
}
