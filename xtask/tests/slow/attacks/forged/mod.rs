//! Somebody who can write to the backups folder, or to a destination, and has no key:
//! backups that were changed with every hash computed anew, entries that were made up,
//! and machines that do not know each other.

mod world;

use std::path::{Path, PathBuf};

use model::hash;
use model::manifest::Manifest;
use serde_json::{Value, json};
use sys::fs;
use sys::proc::Finished;
use world::{
    PATIENCE, Signature, World, append, document, done, finding, lines, made_up, tamper, unsigned,
    verified, write_ledger, write_manifest,
};

use crate::faults::demand_stop;
use crate::support::Server;

#[test]
fn a_changed_backup_is_refused_everywhere_on_mysql() {
    changed_backup(Server::Mysql, "forged_my");
}

#[test]
fn a_changed_backup_is_refused_everywhere_on_mariadb() {
    changed_backup(Server::Mariadb, "forged_ma");
}

fn changed_backup(kind: Server, name: &str) {
    let Some(world) = World::new(kind, name) else { return };
    let label = world.backup();
    done(world.run(&["db-verify", &label]));
    assert_eq!(world.newest_proof(), Value::String(label.clone()));
    assert_eq!(world.state()["state"], "safe");
    let manifest = world.file(&format!("{label}.json"));
    let good = [&manifest, &world.file(&format!("{label}.sql"))]
        .map(|path| (path.clone(), fs::read_bytes(path).unwrap()));
    let path = good[1].0.display().to_string();
    for (signature, words) in
        [(Signature::TakenOut, "the ledger records"), (Signature::Kept, "its signature is wrong")]
    {
        for (path, bytes) in &good {
            fs::write_durably(path, bytes).unwrap();
        }
        tamper(&world.sandbox.backups(), &label, signature);
        for subject in [label.as_str(), path.as_str()] {
            for level in ["file", "restore"] {
                let refused = world.run(&["db-verify", subject, "--level", level]);
                demand_stop(&refused, 40, &[words]);
            }
            demand_stop(&world.run(&["db-restore", subject, "--yes"]), 40, &[words]);
        }
        let into = format!("{}__look", world.sandbox.schema);
        demand_stop(&world.run(&["db-restore", &label, "--into", &into]), 40, &[words]);
        assert_eq!(world.listed(), json!([]));
        let list = done(world.run(&["db-list"]));
        assert!(
            list.stdout.contains("NOT USABLE") && list.stdout.contains(words),
            "{}",
            list.stdout
        );
        let doctor = world.run(&["doctor"]);
        assert_ne!(doctor.code, Some(0));
        assert!(doctor.stdout.contains(words), "{}", doctor.stdout);
        let status = world.state();
        assert_eq!(status["state"], "at_risk", "{status}");
        assert!(status.to_string().contains(words), "{status}");
        assert_eq!(world.newest_proof(), Value::Null);
        let prune = document(world.run(&["db-prune", "--json"]));
        let fate = |it: &&Value| it["subject"] == label.as_str();
        let entry = prune["entries"].as_array().unwrap().iter().find(fate).unwrap();
        assert_eq!(entry["fate"], "look", "{prune}");
    }
    // The file without its manifest is not taken for a stranger's either.
    fs::remove_if_exists(&manifest).unwrap();
    demand_stop(&world.run(&["db-restore", &label, "--yes"]), 40, &["lost its manifest"]);
    demand_stop(&world.run(&["db-verify", &path]), 40, &["lost its manifest"]);
    // As it was made it is good again.
    for (path, bytes) in &good {
        fs::write_durably(path, bytes).unwrap();
    }
    done(world.run(&["db-verify", &label]));
    assert_eq!(world.newest_proof(), Value::String(label));
}

#[test]
fn a_new_machine_knows_a_changed_copy_or_says_that_it_does_not_know_its_origin() {
    let Some(world) = World::new(Server::Mariadb, "forged_new") else { return };
    let label = world.backup();
    let drive = world.outside.path().join("drive");
    let policy = format!(
        "[[destination]]\nname = \"drive\"\nurl = \"{}\"\nencrypt = false\n",
        drive.display()
    );
    world.sandbox.write("xtask.toml", &policy);
    done(world.run(&["db-copy", &label, "--to", "drive"]));
    let signer = document(world.run(&["db-keys", "signer", "--json"]));
    let fingerprint = signer["fingerprint"].as_str().unwrap();
    let verify = |world: &World| {
        world.elsewhere(&["db-verify", &label, "--from", "drive", "--level", "file"])
    };
    let unknown = format!("origin unknown (signer {fingerprint})");
    let read = done(verify(&world));
    assert!(read.stderr.contains(&unknown) && read.stdout.contains(&unknown), "{}", read.stderr);
    assert!(!read.stderr.contains("equal to what was sent"), "{}", read.stderr);
    let plan = ["db-restore", &label, "--from", "drive", "--dry-run"];
    let plan = done(world.elsewhere(&plan));
    assert!(plan.stdout.contains(&unknown), "{}", plan.stdout);
    let list = done(world.elsewhere(&["db-list", "--from", "drive"]));
    assert!(list.stdout.contains(&unknown), "{}", list.stdout);
    // Its key is named: it is that machine's.
    let trusted =
        format!("{policy}[trust]\nsigners = [\"laptop {}\"]\n", signer["key"].as_str().unwrap());
    world.sandbox.write("xtask.toml", &trusted);
    let read = done(verify(&world));
    assert!(read.stderr.contains("equal to what was sent, signed by laptop"), "{}", read.stderr);
    // Changed, with every hash in manifest and note computed anew.
    let good: Vec<(PathBuf, Vec<u8>)> = fs::names(&drive)
        .unwrap()
        .iter()
        .map(|name| (drive.join(name), fs::read_bytes(&drive.join(name)).unwrap()))
        .collect();
    for signature in [Signature::Kept, Signature::TakenOut] {
        for (path, bytes) in &good {
            fs::write_durably(path, bytes).unwrap();
        }
        tamper(&drive, &label, signature);
        let manifest = fs::read_bytes(&drive.join(format!("{label}.json"))).unwrap();
        let read: Manifest = serde_json::from_slice(&manifest).unwrap();
        let note = drive.join(format!("{label}.copy.json"));
        let mut text: Value = serde_json::from_slice(&fs::read_bytes(&note).unwrap()).unwrap();
        text["bytes"] = read.bytes.into();
        text["sha256"] = read.sha256.into();
        text["manifest_sha256"] = hash::sha256_hex(&manifest).into();
        fs::write_durably(&note, text.to_string().as_bytes()).unwrap();
        let there = verify(&world);
        if signature == Signature::Kept {
            demand_stop(&there, 40, &["its signature is wrong"]);
        } else {
            let there = done(there);
            assert!(there.stderr.contains("is unsigned"), "{}", there.stderr);
            assert!(!there.stderr.contains("equal to what was sent"), "{}", there.stderr);
        }
        // The machine that made it is not deceived at all.
        let here = world.run(&["db-verify", &label, "--from", "drive", "--level", "file"]);
        assert_eq!(here.code, Some(40), "{}", here.stderr);
    }
}

#[test]
fn receipts_that_somebody_made_up_prove_nothing() {
    let Some(world) = World::new(Server::Mariadb, "forged_line") else { return };
    let folder = world.sandbox.backups();
    let label = world.backup();
    let first = lines(&folder).remove(0);
    let forged = made_up(&first, verified(&label, &first["sha256"]));
    append(&folder, forged);
    let listed = world.listed();
    assert_eq!((&listed[0]["verified"], &listed[0]["claimed"]), (&Value::Null, &"restore".into()));
    assert_eq!(world.newest_proof(), Value::Null);
    let status = world.state();
    assert_eq!(status["state"], "at_risk", "{status}");
    assert!(finding(&status, "no_verified_backup") && finding(&status, "receipts_unproven"));
    let doctor = world.run(&["doctor"]);
    assert!(doctor.stdout.contains("1 entry after the first signed one"), "{}", doctor.stdout);
    // A push takes a proof of its own.
    world.repository.migration("20260102000000_second");
    done(world.repository.xtask(&["hooks", "install"]));
    let pushed = world.repository.try_git(&["push", "origin", "main"]);
    assert!(pushed.ok() && pushed.stderr.contains("taking one"), "{}", pushed.stderr);
    assert!(pushed.stderr.contains("has no trusted signature"), "{}", pushed.stderr);
    assert_eq!(world.listed().as_array().unwrap().len(), 2);
    // A signed entry at another place, or of another folder, is damage.
    let good = lines(&folder);
    let kept = ["ledger.jsonl", "ledger.head"]
        .map(|name| (folder.join(name), fs::read_bytes(&folder.join(name)).unwrap()));
    let proof = good.iter().rev().find(|line| line["event"] == "verify").unwrap().clone();
    append(&folder, proof);
    demand_stop(&world.run(&["db-backup"]), 40, &["its signature is wrong"]);
    demand_stop(&world.run(&["db-list"]), 40, &["its signature is wrong"]);
    let mut shorter = good.clone();
    shorter.remove(1);
    write_ledger(&folder, shorter);
    demand_stop(&world.run(&["db-list"]), 40, &["its signature is wrong"]);
    for (path, bytes) in kept {
        fs::write_durably(&path, &bytes).unwrap();
    }
    // Nor does one that is made up let retention delete a copy, or take a pin away.
    done(world.run(&["db-pin", &label]));
    let unpin = json!({"event": "pin", "label": label, "pinned": false, "note": ""});
    append(&folder, made_up(&first, unpin));
    let gone = json!({
        "event": "prune", "destination": null, "subject": label, "reason": "", "bytes": 1,
    });
    append(&folder, made_up(&first, gone));
    let listed = world.listed();
    let pinned = listed.as_array().unwrap().iter().find(|it| it["label"] == label.as_str());
    assert_eq!(pinned.unwrap()["pinned"], "", "{listed}");
}

#[test]
fn a_folder_from_before_signatures_stays_usable_and_is_called_unsigned() {
    let Some(world) = World::new(Server::Mariadb, "forged_old") else { return };
    let folder = world.sandbox.backups();
    let label = world.backup();
    done(world.run(&["db-verify", &label]));
    // As an older version would have written all of it.
    let path = world.file(&format!("{label}.json"));
    let manifest: Manifest = serde_json::from_slice(&fs::read_bytes(&path).unwrap()).unwrap();
    write_manifest(&path, manifest, Signature::TakenOut);
    let old = lines(&folder).into_iter().map(unsigned).map(|mut line| {
        line.as_object_mut().unwrap().remove("manifest_sha256");
        line
    });
    write_ledger(&folder, old.collect());
    let listed = world.listed();
    assert_eq!((&listed[0]["origin"], &listed[0]["verified"]), (&"unsigned".into(), &Value::Null));
    assert_eq!(listed[0]["claimed"], "restore");
    assert_eq!(world.newest_proof(), Value::Null);
    let status = world.state();
    assert!(finding(&status, "no_verified_backup") && !finding(&status, "receipts_unproven"));
    let restored = done(world.run(&["db-restore", &label, "--yes"]));
    assert!(restored.stderr.contains(&format!("{label} is unsigned")), "{}", restored.stderr);
    let verified = done(world.run(&["db-verify", &label]));
    assert!(verified.stdout.contains("Origin: unsigned."), "{}", verified.stdout);
    // The new entry proves that it restores, and not where it is from.
    let listed = world.listed();
    let old = listed.as_array().unwrap().iter().find(|it| it["label"] == label.as_str()).unwrap();
    assert_eq!((&old["verified"], &old["origin"]), (&"restore".into(), &"unsigned".into()));
    assert_eq!(world.newest_proof(), Value::Null);
    let hooks = done(world.repository.xtask(&["hooks", "status"]));
    assert!(hooks.stdout.contains("its origin is not proven: unsigned"), "{}", hooks.stdout);
    let new = world.backup();
    done(world.run(&["db-verify", &new]));
    assert_eq!(world.newest_proof(), Value::String(new));
    assert_eq!(world.state()["state"], "safe");
}

#[test]
fn installations_believe_each_other_when_each_names_the_other() {
    let Some(world) = World::new(Server::Mariadb, "forged_two") else { return };
    let label = world.backup();
    done(world.run(&["db-verify", &label]));
    let key = |finished: Finished| document(finished)["key"].as_str().unwrap().to_owned();
    let one = key(world.run(&["db-keys", "signer", "--json"]));
    let two = key(world.with_other_key(&["db-keys", "signer", "--json"]));
    assert_ne!(one, two);
    let listed = |finished: Finished| document(finished)["backups"][0].clone();
    let seen = listed(world.with_other_key(&["db-list", "--json"]));
    assert_eq!((&seen["origin"], &seen["verified"]), (&"unknown".into(), &Value::Null));
    let status = document(world.with_other_key(&["db-status", "--json"]));
    assert!(finding(&status, "origin_unknown"), "{status}");
    // It can be verified, and that is the other's proof alone.
    done(world.with_other_key(&["db-verify", &label]));
    let seen = listed(world.with_other_key(&["db-list", "--json"]));
    assert_eq!((&seen["origin"], &seen["verified"]), (&"unknown".into(), &"restore".into()));
    world
        .sandbox
        .write("xtask.toml", &format!("[trust]\nsigners = [\"one {one}\", \"two {two}\"]\n"));
    let seen = listed(world.with_other_key(&["db-list", "--json"]));
    assert_eq!((&seen["origin"], &seen["signer"]), (&"trusted".into(), &"one".into()));
    assert_eq!(document(world.with_other_key(&["db-status", "--json"]))["state"], "safe");
    assert_eq!(world.state()["state"], "safe");
    world.sandbox.write("xtask.toml", "[trust]\nsigners = [\"one\"]\n");
    demand_stop(&world.run(&["db-list"]), 10, &["trust.signers"]);
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_or_that_lies_in_the_project_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let Some(world) = World::new(Server::Mariadb, "forged_key") else { return };
    let made = world.run(&["db-backup"]);
    let key = world.sandbox.signing_key();
    assert!(made.stderr.contains("made this machine's signing key"), "{}", made.stderr);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&key), mode(key.parent().unwrap())), (0o600, 0o700));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    demand_stop(&world.run(&["db-list"]), 10, &["others can read", "644"]);
    let doctor = world.run(&["doctor"]);
    assert_ne!(doctor.code, Some(0));
    let said = format!("{}{}", doctor.stdout, doctor.stderr);
    assert!(said.contains("others can read"), "{said}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    done(world.run(&["db-list"]));
    for inside in [world.sandbox.path().join("signing.pk8"), world.file("signing.pk8")] {
        let command = world.sandbox.command(&["db-backup"]);
        let refused = command.env("SIGNING_KEY", inside.to_str().unwrap()).run(PATIENCE).unwrap();
        demand_stop(&refused, 10, &["the signing key", "is in the"]);
        assert!(!inside.exists());
    }
}
