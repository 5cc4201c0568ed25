//! Backups that are not what was written.

use std::path::PathBuf;

use model::hash::sha256_hex;
use sys::fs;
use sys::proc::Finished;

use super::world::{World, demand_stop, put};
use crate::support::Server;

/// How many bytes of each file are flipped, one at a time.
const FLIPS: usize = 24;
/// What stands before the manifest's hash of itself.
const SEAL: &str = "\"manifest_sha256\": \"";

fn paths(world: &World, label: &str) -> (PathBuf, PathBuf) {
    let folder = world.sandbox.backups();
    (folder.join(format!("{label}.sql")), folder.join(format!("{label}.json")))
}

fn verify(world: &World, what: &str) -> Finished {
    world.sandbox.xtask(&["db-verify", "--level", "file", what])
}

/// It is refused as damaged, or it fails the verification; never does it pass.
#[track_caller]
fn demand_refused(finished: &Finished, what: &str) {
    let code = finished.code;
    assert!(code == Some(21) || code == Some(40), "{what}: {code:?} {}", finished.stderr);
    assert!(finished.stderr.contains("hint:"), "{what}: {}", finished.stderr);
}

/// The manifest with its hash made right again, as a forger would.
fn seal(text: &str) -> String {
    let at = text.rfind(SEAL).unwrap() + SEAL.len();
    let end = at + text[at..].find('"').unwrap();
    let empty = format!("{}{}", &text[..at], &text[end..]);
    let hash = sha256_hex(empty.as_bytes());
    format!("{}{hash}{}", &text[..at], &text[end..])
}

#[test]
fn every_flipped_byte_is_found() {
    let Some(world) = World::new(Server::Mariadb, "flipped") else { return };
    let label = world.backup();
    let state = world.state();
    let (data, manifest) = paths(&world, &label);
    for path in [&data, &manifest] {
        let good = fs::read_bytes(path).unwrap();
        for n in 0..FLIPS {
            // Spread over the file, the first and the last byte among them.
            let at = n * (good.len() - 1) / (FLIPS - 1);
            let mut bad = good.clone();
            bad[at] ^= 1 << (n % 8);
            put(path, &bad);
            let name = path.file_name().unwrap().to_string_lossy();
            demand_refused(&verify(&world, &label), &format!("byte {at} of {name}"));
            if n % 8 == 3 {
                let drill = world.sandbox.xtask(&["db-verify", "--level", "restore", &label]);
                demand_refused(&drill, &format!("byte {at} of {name}"));
                let restore = world.sandbox.xtask(&["db-restore", &label, "--yes"]);
                demand_stop(&restore, 40, &[&label]);
            }
        }
        put(path, &good);
    }
    world.demand(&state);
    // Failed entries do not stick to a file that is good again.
    assert_eq!(verify(&world, &label).code, Some(0));
    world.demand_next_run(&state);
}

#[test]
fn what_is_missing_cut_or_swapped_is_found() {
    let Some(world) = World::new(Server::Mariadb, "cut") else { return };
    let one = world.backup();
    // As long as before, so that only the hash can tell.
    world.run_sql(&["UPDATE account SET email = 'A1@example.org' WHERE id = 1"]);
    let two = world.backup();
    let state = world.state();
    let ((data, manifest), (data_two, manifest_two)) = (paths(&world, &one), paths(&world, &two));
    let text = fs::read_text(&data).unwrap();
    let about = fs::read_text(&manifest).unwrap();
    let broken = |data_text: &str, manifest_text: &str, words: &[&str]| {
        put(&data, data_text.as_bytes());
        put(&manifest, manifest_text.as_bytes());
        for args in [
            &["db-verify", "--level", "file", &one][..],
            &["db-verify", "--level", "restore", &one],
            &["db-restore", &one, "--yes"],
        ] {
            demand_stop(&world.sandbox.xtask(args), 40, words);
        }
        put(&data, text.as_bytes());
        put(&manifest, about.as_bytes());
    };
    broken(&text[..text.len() / 2], &about, &["damaged", "bytes instead of"]);
    broken("", &about, &["damaged", "0 bytes"]);
    // One row taken out.
    let values = text.find("'a7@example.org'").unwrap();
    let row = text[..values].rfind('(').unwrap();
    let next = row + text[row..].find("),").unwrap() + 2;
    broken(&format!("{}{}", &text[..row], &text[next..]), &about, &["damaged"]);
    let tail = text.trim_end().rfind('\n').unwrap();
    broken(&text[..=tail], &about, &["damaged"]);
    broken(&text, &about.replacen("\"version\": 1", "\"version\": 3", 1), &["newer version"]);
    broken(
        &text,
        &about.replacen("\"rows\": ", "\"rows\": 1", 1),
        &["was changed after it was written"],
    );
    broken(&text, &fs::read_text(&manifest_two).unwrap(), &["damaged", &two]);
    broken(&text, "{", &["not valid JSON"]);
    // Another backup's data under this name; both have the same objects.
    put(&data, &fs::read_bytes(&data_two).unwrap());
    demand_refused(&verify(&world, &one), "the data of another backup");
    put(&data, text.as_bytes());
    world.demand(&state);

    // Without its manifest it is no file of somebody else's: the ledger knows the label.
    fs::remove_if_exists(&manifest).unwrap();
    demand_stop(&verify(&world, &one), 40, &["has lost its manifest"]);
    put(&manifest, about.as_bytes());
    world.demand_next_run(&state);
}

#[test]
fn a_copy_that_differs_fails_the_drill() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "forged") else { continue };
        let label = world.backup();
        let (_, manifest) = paths(&world, &label);
        let good = fs::read_text(&manifest).unwrap();
        world.change();
        let state = world.state();
        let mut document: serde_json::Value = serde_json::from_str(&good).unwrap();
        let digest = document["tables"][0]["digest"].as_str().unwrap().to_owned();
        let other = if digest.starts_with('0') { "1" } else { "0" };
        let forged_digest = good.replacen(&digest, &format!("{other}{}", &digest[1..]), 1);
        let rows = document["rows"].as_u64().unwrap();
        let first = document["tables"][0]["rows"].as_u64().unwrap();
        document["rows"] = (rows + 1).into();
        document["tables"][0]["rows"] = (first + 1).into();
        let forged_rows = serde_json::to_string_pretty(&document).unwrap();
        let ledger = ["ledger.jsonl", "ledger.head"].map(|name| world.sandbox.backups().join(name));
        let known = ledger.clone().map(|path| fs::read_bytes(&path).unwrap());
        for forged in [forged_digest, with_field_order(&good, &forged_rows, rows, first)] {
            put(&manifest, seal(&forged).as_bytes());
            demand_stop(&verify(&world, &label), 40, &["its signature is wrong"]);
            // One that nobody signed, where nothing is known of it: only the drill tells.
            put(&manifest, seal(&unsigned(&forged)).as_bytes());
            demand_stop(&verify(&world, &label), 40, &["the ledger records"]);
            ledger.iter().for_each(|path| fs::remove_if_exists(path).unwrap());
            for level in ["file", "restore"] {
                let drill = world.sandbox.xtask(&["db-verify", "--level", level, &label]);
                demand_stop(&drill, 21, &[&label, "Do not rely on this backup"]);
            }
            let restore = world.sandbox.xtask(&["db-restore", &label, "--yes"]);
            demand_stop(&restore, 40, &[&label, "Nothing was changed"]);
            put(&manifest, good.as_bytes());
            ledger.iter().zip(&known).for_each(|(path, bytes)| put(path, bytes));
            world.demand(&state);
        }
        world.demand_clean();
        world.demand_next_run(&state);
    }
}

/// The manifest as an older version of this tool would have written it.
fn unsigned(text: &str) -> String {
    let signed = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("\"signer\"") || line.starts_with("\"signature\"")
    };
    text.lines().filter(|line| !signed(line)).map(|line| format!("{line}\n")).collect()
}

/// The same numbers put into the text as it was: the hash has to be its last field.
fn with_field_order(good: &str, _changed: &str, rows: u64, first: u64) -> String {
    let total =
        good.replacen(&format!("\"rows\": {rows},\n"), &format!("\"rows\": {},\n", rows + 1), 1);
    let tables = total.find("\"tables\"").unwrap();
    let (head, tail) = total.split_at(tables);
    let old = format!("\"rows\": {first},");
    format!("{head}{}", tail.replacen(&old, &format!("\"rows\": {},", first + 1), 1))
}

#[test]
fn an_edited_ledger_is_said_to_be_damaged() {
    let Some(world) = World::new(Server::Mariadb, "edited_ledger") else { return };
    let label = world.backup();
    assert_eq!(verify(&world, &label).code, Some(0));
    let state = world.state();
    let path = world.sandbox.backups().join("ledger.jsonl");
    let good = fs::read_text(&path).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let edited = good.replacen("\"rows\":", "\"rows\":1", 1);
    let without_first = format!("{}\n", lines[1..].join("\n"));
    let without_last = format!("{}\n", lines[..lines.len() - 1].join("\n"));
    for bad in [edited, without_first, without_last, String::new()] {
        put(&path, bad.as_bytes());
        demand_stop(&world.sandbox.xtask(&["db-list"]), 40, &["ledger", "damaged"]);
        let doctor = world.sandbox.xtask(&["doctor"]);
        assert_ne!(doctor.code, Some(0));
        let line = doctor.stdout.lines().find(|line| line.contains("ledger chain")).unwrap();
        assert!(line.starts_with("FAILED"), "{line}");
        // Nothing is begun that could not be recorded.
        demand_stop(&world.sandbox.xtask(&["db-backup"]), 40, &["ledger", "damaged"]);
        demand_stop(&world.sandbox.xtask(&["db-restore", &label, "--yes"]), 40, &["damaged"]);
        assert_eq!(world.files().len(), 2);
        world.demand(&state);
    }
    put(&path, good.as_bytes());
    world.demand_next_run(&state);
}
