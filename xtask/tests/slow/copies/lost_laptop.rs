//! A fresh machine: the checkout, `.env` with the credentials, the key, and nothing else.

use sys::fs;

use super::world::World;
use crate::support::object_store::require_s3;
use crate::support::{Server, TestServer, require};

fn lose_and_restore(mut world: World, from: &str) {
    world.grow(1);
    let before = world.content();
    let made = world.run(&["db-backup", "--compress", "zstd"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    // The laptop is gone: no backups, no ledger, no database.
    fs::remove_dir_if_exists(&world.sandbox.backups()).unwrap();
    fs::remove_dir_if_exists(&world.sandbox.path().join(".local")).unwrap();
    let schema = world.sandbox.schema.clone();
    world.sandbox.sql(&format!("DROP DATABASE `{schema}`; CREATE DATABASE `{schema}`"));
    let planned = world.run(&["db-restore", "latest", "--from", from, "--dry-run"]);
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
    let restored = world.run(&["db-restore", "latest", "--from", from, "--yes"]);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    assert!(world.content() == before, "the content is another than before");
    // What came back is a backup like any other.
    let drilled = world.run(&["db-verify"]);
    assert_eq!(drilled.code, Some(0), "{}", drilled.stderr);
    // Without the key it is worth nothing, and that is said.
    fs::remove_dir_if_exists(&world.sandbox.backups()).unwrap();
    world.set_env("BACKUP_AGE_IDENTITY", "");
    let locked = world.run(&["db-restore", "latest", "--from", from, "--yes"]);
    assert_eq!(locked.code, Some(10), "{}", locked.stderr);
    assert!(locked.stderr.contains("is encrypted for"), "{}", locked.stderr);
    let backups = fs::names(&world.sandbox.backups()).unwrap();
    assert!(backups.iter().all(|name| name.starts_with('.')), "{backups:?}");
}

fn with_folder(server: &TestServer, name: &str) {
    let mut world = World::new(server, name);
    world.with_key();
    world.with_folder("drive", "");
    lose_and_restore(world, "drive");
}

#[test]
fn a_lost_laptop_is_restored_from_a_drive() {
    for server in Server::ALL {
        let Some(server) = require(server) else { continue };
        with_folder(&server, "lost_drive");
    }
}

#[test]
fn a_lost_laptop_is_restored_from_a_bucket() {
    for server in Server::ALL {
        let (Some(server), Some(store)) = (require(server), require_s3()) else { continue };
        let mut world = World::new(&server, "lost_bucket");
        world.with_key();
        world.with_bucket("s3", store.port, "");
        lose_and_restore(world, "s3");
    }
}
