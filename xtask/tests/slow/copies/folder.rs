//! A folder as a destination.

use serde_json::Value;
use sys::fs;
use sys::proc::Cmd;

use super::world::{World, alter, files_of};
use crate::support::{Server, require};

#[test]
fn a_backup_is_copied_read_back_and_not_sent_twice() {
    let Some(server) = require(Server::Mariadb) else { return };
    let mut world = World::new(&server, "copy_folder");
    world.with_key();
    let folder = world.with_folder("drive", "");
    let made = world.run(&["db-backup", "--json"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    // The document is all there is on standard output.
    let document: Value = serde_json::from_str(&made.stdout).unwrap();
    let label = document["label"].as_str().unwrap();
    let names = [".copy.json", ".json", ".sql.age"].map(|ending| format!("{label}{ending}"));
    assert_eq!(files_of(&folder, label), names);
    let object = fs::read_bytes(&folder.join(&names[2])).unwrap();
    assert!(object.starts_with(b"age-encryption.org/v1"));
    assert_eq!(world.copies_in_ledger()[0]["outcome"], "copied");
    let facts = |name: &str| {
        use std::os::unix::fs::MetadataExt;
        let facts = std::fs::metadata(folder.join(name)).unwrap();
        (facts.ino(), facts.mode() & 0o777)
    };
    assert_eq!(facts(&names[2]).1, 0o600);
    let before = facts(&names[2]).0;
    let again = world.run(&["db-copy", "--json"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let document: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(document["copies"][0]["outcome"], "checked");
    assert_eq!(facts(&names[2]).0, before, "it was sent again");
    let listed = world.run(&["db-list", "--from", "drive", "--json"]);
    let document: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(document["backups"][0]["label"], label);
    let verified = world.run(&["db-verify", "--from", "drive", "--level", "file"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    // It was about the copy: the file here is as unproven as it was.
    let ledger = fs::read_text(&world.sandbox.backups().join("ledger.jsonl")).unwrap();
    let lines = ledger.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let places: Vec<Value> =
        lines.filter(|it| it["event"] == "verify").map(|it| it["place"].clone()).collect();
    assert_eq!(places, ["drive"]);
    assert_eq!(world.copies_in_ledger().last().unwrap()["outcome"], "checked");
    let listed = world.run(&["db-list", "--json"]);
    let document: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(document["backups"][0]["verified"], Value::Null, "{document}");
    // Nothing of it stays where it was looked at.
    let left = fs::names(&world.sandbox.path().join(".local")).unwrap();
    assert_eq!(left, ["servers.json", "servers.lock"]);
}

#[test]
fn clear_text_is_never_sent_where_it_is_to_be_encrypted() {
    let Some(server) = require(Server::Mariadb) else { return };
    let mut world = World::new(&server, "copy_clear");
    let folder = world.with_folder("drive", "");
    let made = world.run(&["db-backup"]);
    // The backup is done; what failed since is the copy.
    assert_eq!(made.code, Some(41), "{}", made.stderr);
    assert_eq!(world.run(&["db-copy"]).code, Some(10));
    assert!(made.stderr.contains("db-keys new") && made.stderr.contains("encrypt = false"));
    assert!(made.stdout.contains("t_copy_clear_backup_"), "{}", made.stdout);
    assert!(!folder.exists());
    // One that lies there in clear text is replaced once it is to be encrypted.
    let mut world = World::new(&server, "copy_clear_2");
    let folder = world.with_folder("drive", "encrypt = false");
    let label = world.backup();
    assert_eq!(world.run(&["db-copy"]).code, Some(0));
    assert!(folder.join(format!("{label}.sql")).is_file());
    let mut world = world.without_destinations();
    world.with_key();
    world.with_folder("drive", "");
    let copied = world.run(&["db-copy"]);
    assert_eq!(copied.code, Some(0), "{}", copied.stderr);
    assert_eq!(files_of(&folder, &format!("{label}.sql")), [format!("{label}.sql.age")]);
}

#[test]
fn a_file_that_is_encrypted_already_goes_as_it_is_and_comes_back() {
    let Some(server) = require(Server::Mariadb) else { return };
    let mut world = World::new(&server, "copy_local_age");
    let folder = world.with_folder("drive", "");
    world.with_key();
    world.encrypt_here();
    let before = world.content();
    let made = world.run(&["db-backup"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let label = world.copies_in_ledger()[0]["label"].as_str().unwrap().to_owned();
    let name = format!("{label}.sql.age");
    let here = fs::read_bytes(&world.sandbox.backups().join(&name)).unwrap();
    assert!(fs::read_bytes(&folder.join(&name)).unwrap() == here, "it was encrypted twice");
    let verified = world.run(&["db-verify", "--from", "drive", "--level", "file"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    fs::remove_dir_if_exists(&world.sandbox.backups()).unwrap();
    world.sandbox.sql("DELETE FROM film");
    let restored = world.run(&["db-restore", "latest", "--from", "drive", "--yes"]);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    assert!(world.content() == before, "the content is another than before");
}

#[test]
fn what_was_altered_or_cut_there_is_found_and_replaced() {
    let Some(server) = require(Server::Mariadb) else { return };
    let mut world = World::new(&server, "copy_altered");
    let folder = world.with_folder("drive", "encrypt = false");
    let label = world.backup();
    assert_eq!(world.run(&["db-copy"]).code, Some(0));
    let object = folder.join(format!("{label}.sql"));
    let whole = fs::read_bytes(&object).unwrap();
    alter(&object);
    let checked = world.run(&["db-copy", "--check"]);
    world.demand_failed(&checked, &label, "drive", &["read back altered", "sends it again"]);
    fs::write_durably(&object, &whole[..whole.len() - 1]).unwrap();
    let checked = world.run(&["db-copy", "--check", &label]);
    world.demand_failed(&checked, &label, "drive", &["instead of"]);
    alter(&object);
    fs::write_durably(&object, &whole).unwrap();
    alter(&object);
    let before = fs::names(&world.sandbox.backups()).unwrap();
    let moved = world.outside.path().join("moved");
    fs::create_private_dir(&moved).unwrap();
    for name in files_of(&world.sandbox.backups(), &label) {
        fs::rename_durably(&world.sandbox.backups().join(&name), &moved.join(&name)).unwrap();
    }
    let restored = world.run(&["db-restore", &label, "--from", "drive", "--yes"]);
    assert_eq!(restored.code, Some(40), "{}", restored.stderr);
    assert!(restored.stderr.contains("is damaged"), "{}", restored.stderr);
    assert!(files_of(&world.sandbox.backups(), &label).is_empty());
    for name in files_of(&moved, &label) {
        fs::rename_durably(&moved.join(&name), &world.sandbox.backups().join(&name)).unwrap();
    }
    assert_eq!(fs::names(&world.sandbox.backups()).unwrap(), before);
    let again = world.run(&["db-copy"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stderr.contains("replacing it"), "{}", again.stderr);
    assert_eq!(fs::read_bytes(&object).unwrap(), whole);
    assert_eq!(world.run(&["db-copy", "--check"]).code, Some(0));
}

#[test]
fn a_drive_that_is_not_mounted_gets_no_folder() {
    let Some(server) = require(Server::Mariadb) else { return };
    let mut world = World::new(&server, "copy_unmounted");
    let gone = world.with_folder("gone", "encrypt = false");
    let there = world.with_folder("there", "encrypt = false");
    let label = world.backup();
    assert_eq!(world.run(&["db-copy"]).code, Some(0));
    fs::remove_dir_if_exists(&gone).unwrap();
    fs::remove_dir_if_exists(&there).unwrap();
    fs::create_private_dir(&there).unwrap();
    let copied = world.run(&["db-copy"]);
    world.demand_failed(&copied, &label, "gone", &["is the drive mounted?", "1 of 2 copies"]);
    assert!(!gone.exists());
    // The other one was served all the same.
    assert_eq!(files_of(&there, &label).len(), 3);
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_full_destination_is_told_as_such() {
    let Some(server) = require(Server::Mariadb) else { return };
    let mut world = World::new(&server, "copy_full");
    let folder = world.with_folder("drive", "encrypt = false");
    fs::create_private_dir(&folder).unwrap();
    let mount = Cmd::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&folder);
    if !mount.run(std::time::Duration::from_secs(10)).is_ok_and(|it| it.ok()) {
        eprintln!("SKIPPED: a full destination needs the right to mount a small disk");
        return;
    }
    world.grow(4);
    let label = world.backup();
    let copied = world.run(&["db-copy"]);
    let left = fs::names(&folder).unwrap();
    Cmd::new("umount").arg(&folder).read(std::time::Duration::from_secs(10)).unwrap();
    world.demand_failed(&copied, &label, "drive", &["MiB are free", "Free space"]);
    assert!(left.is_empty(), "{left:?}");
}
