//! The whole promise at once: backups, copies, a copy that somebody alters, and a machine
//! that is gone.

use std::time::{Duration, SystemTime};

use sys::proc::Finished;
use sys::{clock, fs};

use super::world::{World, alter, object};
use crate::faults::live;
use crate::support::object_store::{ObjectStore, require_s3};
use crate::support::{Server, TestServer, require};

const DEADLINE: Duration = Duration::from_secs(600);

#[track_caller]
fn demand(finished: &Finished, code: i32, words: &[&str]) {
    assert_eq!(finished.code, Some(code), "{}", finished.stderr);
    for word in words {
        assert!(finished.stderr.contains(word), "`{word}` is not in: {}", finished.stderr);
    }
}

/// Three backups, each of another state; the last one is proven.
fn three(world: &World) -> Vec<String> {
    let labels = (0..3).map(|at| {
        world.sandbox.sql(&format!("INSERT INTO genre (name) VALUES ('of backup {at}')"));
        let made = world.run(&["db-backup", "--json", "--compress", "zstd"]);
        demand(&made, 0, &[]);
        let document: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
        document["label"].as_str().unwrap().to_owned()
    });
    let labels = labels.collect();
    demand(&world.run(&["db-verify"]), 0, &[]);
    labels
}

/// Somebody writes over the object, some time after it was copied.
fn alter_later(store: &ObjectStore, label: &str) {
    let path = object(store, "s3", label);
    alter(&path);
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_modified(SystemTime::from(clock::now()) + Duration::from_secs(30)).unwrap();
}

fn from_backup_to_new_machine(server: &TestServer, store: &ObjectStore) {
    let mut world = World::new(server, "three_two_one");
    world.with_key();
    world.with_bucket("s3", store.port, "");
    let labels = three(&world);
    let mut root = world.sandbox.root();
    let before = live::read(&mut root, &world.sandbox.schema);
    demand(&world.run(&["db-status", "--check"]), 0, &[]);

    // It is told by the list alone, and by reading it again for certain.
    alter_later(store, &labels[1]);
    let words = ["copy_flawed:s3", &labels[1], "rewritten"];
    demand(&world.run(&["db-status", "--check"]), 21, &words);
    demand(&world.run(&["db-copy", "--check"]), 41, &[&labels[1]]);
    demand(&world.run(&["db-status", "--check"]), 21, &["copy_flawed:s3", &labels[1]]);

    // The machine is gone, and with it the database. A new one has the checkout, `.env`
    // and the key.
    let fresh = tempfile::tempdir().unwrap();
    for name in ["Cargo.toml", ".env", "xtask.toml"] {
        let text = fs::read_bytes(&world.sandbox.path().join(name)).unwrap();
        fs::write_durably(&fresh.path().join(name), &text).unwrap();
    }
    fs::remove_dir_if_exists(&world.sandbox.backups()).unwrap();
    fs::remove_dir_if_exists(&world.sandbox.path().join(".local")).unwrap();
    let schema = &world.sandbox.schema;
    world.sandbox.sql(&format!("DROP DATABASE `{schema}`; CREATE DATABASE `{schema}`"));
    let run = |args: &[&str]| world.sandbox.in_checkout(fresh.path(), args).run(DEADLINE).unwrap();
    let spoiled = run(&["db-restore", &labels[1], "--from", "s3", "--yes"]);
    demand(&spoiled, 40, &[&labels[1]]);
    demand(&run(&["db-restore", "latest", "--from", "s3", "--yes"]), 0, &[]);
    let after = live::read(&mut world.sandbox.root(), schema);
    assert!(before == after, "{}", live::differences(&before, &after));
    demand(&run(&["db-verify", &labels[2]]), 0, &[]);
}

#[test]
fn three_backups_one_altered_copy_and_a_new_machine() {
    for kind in Server::ALL {
        let (Some(server), Some(store)) = (require(kind), require_s3()) else { continue };
        from_backup_to_new_machine(&server, &store);
    }
}
