//! Passwords are nowhere but in `.env` and on the wire.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::account::Role;
use sys::{clock, disk, fs};

use super::running::{Running, processes};
use super::world::World;
use crate::support::Server;

/// Part of the sandboxes' password that no way of quoting changes.
const WORD: &str = "sandbox 'quoted'";

#[test]
fn no_password_is_where_others_look() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "secrets") else { continue };
        let label = world.backup();
        // The native engine has no child that could tell a password.
        world.sandbox.write("xtask.toml", "[backup]\nengine = \"mysqldump\"\n");
        for args in [&["db-backup", "--verbose"][..], &["db-restore", &label, "--yes", "--verbose"]]
        {
            // As a developer may have them, instead of in `.env`.
            let mut command = world.sandbox.command(args);
            for role in Role::CREATED {
                command = command.env(role.password_var(), world.sandbox.password().reveal());
            }
            let holder = world.hold("zz_last", "WRITE");
            let run = Running::start_in(command, &world.sandbox.backups());
            world.wait_until_held("backup");
            demand_nothing_in_processes(&world, run.pid);
            drop(holder);
            let finished = run.join();
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            for text in [&finished.stdout, &finished.stderr] {
                demand_none(text, &world, "the output");
            }
        }
        demand_nothing_in_files(&world);
    }
}

#[track_caller]
fn demand_none(text: &str, world: &World, place: &str) {
    assert!(!text.contains(WORD), "a password is in {place}");
    // A short one is a word that a file's name can hold.
    let root = world.server.root_password.reveal();
    assert!(root.len() < 16 || !text.contains(root), "root's password is in {place}");
}

fn demand_nothing_in_processes(world: &World, run: u32) {
    let read = |pid: u32, what: &str| {
        let bytes = fs::read_bytes(&PathBuf::from(format!("/proc/{pid}/{what}")));
        bytes.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " ")).unwrap_or_default()
    };
    // A restore's plan looks at the table, too, before the program dumps it.
    let children = clock::poll(Duration::from_secs(60), || {
        let all = processes().into_iter().filter(|(_, parent)| *parent == run);
        let all: Vec<u32> = all.map(|(pid, _)| pid).collect();
        Ok::<_, ()>((!all.is_empty()).then_some(all))
    });
    let children = children.unwrap().expect("a program that dumps");
    for (pid, _) in &processes() {
        demand_none(&read(*pid, "cmdline"), world, &format!("the arguments of {pid}"));
    }
    for pid in children {
        demand_none(
            &read(pid, "environ"),
            world,
            &format!("the environment of {}", read(pid, "cmdline")),
        );
    }
}

fn demand_nothing_in_files(world: &World) {
    let folder = world.sandbox.backups();
    assert_eq!(disk::mode(&folder), Some(0o700));
    let names = fs::names(&folder).unwrap();
    assert!(names.len() > 4, "{names:?}");
    for name in names {
        let path: &Path = &folder.join(&name);
        assert_eq!(disk::mode(path), Some(0o600), "{name}");
        let text = String::from_utf8_lossy(&fs::read_bytes(path).unwrap()).into_owned();
        demand_none(&text, world, &name);
    }
}

#[test]
fn a_password_in_the_environment_is_enough() {
    let Some(world) = World::new(Server::Mariadb, "env_password") else { return };
    world.set_env("DB_BACKUP_PASSWORD", "wrong");
    let command = world
        .sandbox
        .command(&["db-backup"])
        .env("DB_BACKUP_PASSWORD", world.sandbox.password().reveal());
    let finished = command.run(Duration::from_secs(60)).unwrap();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}
