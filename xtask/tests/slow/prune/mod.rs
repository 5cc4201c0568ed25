//! `db-prune` and `db-pin`: only what the rules let go is deleted, wherever it lies and
//! whenever a run dies.

mod copies;
mod schemas;

use std::collections::BTreeSet;
use std::path::Path;

use model::label::Label;
use model::state::InPlaceJournal;
use mysql::prelude::Queryable as _;
use serde_json::Value;
use sys::fs;
use sys::proc::Finished;

use crate::faults::demand_stop;
use crate::support::{Sandbox, Server, require};

const SCHEMA: &str = "CREATE TABLE film (id INT PRIMARY KEY, title VARCHAR(40)); \
     INSERT INTO film VALUES (1, 'Alien'), (2, 'Brazil')";
const RULES: &str = "hourly = 0\ndaily = 0\nweekly = 0\nmonthly = 0\nyearly = 0\n\
     safety_days = 0\nbefore_days = 0\n";

/// A sandbox that keeps the last `last` backups and nothing by age.
fn sandbox(kind: Server, name: &str, last: u32, more: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::new(&require(kind)?, name);
    sandbox.sql(SCHEMA);
    sandbox.write("xtask.toml", &format!("[retention]\nlast = {last}\n{RULES}{more}"));
    Some(sandbox)
}

fn done(sandbox: &Sandbox, args: &[&str]) -> Finished {
    let finished = sandbox.xtask(args);
    assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
    finished
}

fn backup(sandbox: &Sandbox) -> String {
    // Copies are the tests' own to send; with `--out` a backup is not copied.
    let folder = sandbox.backups().display().to_string();
    let args = ["db-backup", "--json", "--out", &folder];
    let made: Value = serde_json::from_str(&done(sandbox, &args).stdout).unwrap();
    made["label"].as_str().unwrap().to_owned()
}

fn verify(sandbox: &Sandbox, label: &str) {
    done(sandbox, &["db-verify", label, "--level", "restore"]);
}

fn document(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| {
        panic!("{error} in {} {}", finished.stdout, finished.stderr);
    })
}

/// Fate and reason of a backup or schema in a place.
fn fate(document: &Value, subject: &str, place: &str) -> (String, String) {
    let entries = document["entries"].as_array().unwrap();
    let one = entries.iter().find(|it| it["subject"] == subject && it["place"] == place);
    let one = one.unwrap_or_else(|| panic!("{subject} at {place} is not in {document}"));
    (one["fate"].as_str().unwrap().to_owned(), one["reason"].as_str().unwrap().to_owned())
}

fn labels_in(folder: &Path) -> BTreeSet<String> {
    let names = fs::names(folder).unwrap().into_iter();
    names
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .filter(|name| name.parse::<Label>().is_ok())
        .collect()
}

fn set(labels: &[&String]) -> BTreeSet<String> {
    labels.iter().map(|label| (*label).clone()).collect()
}

fn files(folder: &Path) -> Vec<(String, u64)> {
    let size = |name: &String| std::fs::metadata(folder.join(name)).unwrap().len();
    let names = fs::names(folder).unwrap().into_iter().filter(|name| name != ".lock");
    names.map(|name| (name.clone(), size(&name))).collect()
}

fn rows(sandbox: &Sandbox) -> Vec<(u32, String)> {
    sandbox.root().query("SELECT id, title FROM film ORDER BY id").unwrap()
}

#[test]
fn only_what_a_newer_proof_covers_goes_on_mysql() {
    only_what_a_newer_proof_covers_goes(Server::Mysql);
}

#[test]
fn only_what_a_newer_proof_covers_goes_on_mariadb() {
    only_what_a_newer_proof_covers_goes(Server::Mariadb);
}

fn only_what_a_newer_proof_covers_goes(kind: Server) {
    let Some(sandbox) = sandbox(kind, "prune_rules", 1, "") else { return };
    let folder = sandbox.backups();
    let [pinned, first, second, newest] = [0; 4].map(|_| backup(&sandbox));
    // A person's own dump.
    let stranger = format!("{}_backup_20200101_000000.sql", sandbox.schema);
    sandbox.write(&format!("backups/{stranger}"), "-- made by hand\n");
    done(&sandbox, &["db-pin", &pinned, "--note", "before the merger"]);
    let unproven = document(&done(&sandbox, &["db-prune", "--json"]));
    assert_eq!(fate(&unproven, &first, "here").1, "nothing newer is verified");
    done(&sandbox, &["db-prune", "--yes"]);
    assert_eq!(labels_in(&folder), set(&[&pinned, &first, &second, &newest]));

    verify(&sandbox, &newest);
    let before = files(&folder);
    let plan = document(&done(&sandbox, &["db-prune", "--json"]));
    assert_eq!(files(&folder), before, "a plan changes nothing");
    assert_eq!(fate(&plan, &pinned, "here"), ("keep".into(), "pinned: before the merger".into()));
    assert_eq!(fate(&plan, &first, "here").0, "delete");
    assert!(fate(&plan, &first, "here").1.contains(&format!("{newest} is newer and verified")));
    assert!(fate(&plan, &newest, "here").1.contains("newest restored"));
    let freed = plan["freed_bytes"].as_u64().unwrap();

    let live = rows(&sandbox);
    let pruned = document(&done(&sandbox, &["db-prune", "--yes", "--json"]));
    assert_eq!(pruned["freed_bytes"].as_u64(), Some(freed));
    assert_eq!(fate(&pruned, &second, "here").0, "deleted");
    assert_eq!(labels_in(&folder), set(&[&pinned, &newest]));
    assert!(folder.join(&stranger).exists());
    assert_eq!(rows(&sandbox), live);
    let gone: u64 = before
        .iter()
        .filter(|(name, _)| name.contains(&first) || name.contains(&second))
        .map(|(_, bytes)| bytes)
        .sum();
    assert_eq!(gone, freed);

    let again = done(&sandbox, &["db-prune", "--yes"]);
    assert!(again.stdout.contains("Deleted: 0"), "{}", again.stdout);
    let listed = done(&sandbox, &["db-list"]);
    assert!(listed.stdout.contains("manual, pinned"), "{}", listed.stdout);
    done(&sandbox, &["db-pin", &pinned, "--remove"]);
    done(&sandbox, &["db-prune", "--yes"]);
    assert_eq!(labels_in(&folder), set(&[&newest]));
    let unknown = sandbox.xtask(&["db-pin", &first.replace("_backup_20", "_backup_19")]);
    demand_stop(&unknown, 2, &["there is no backup", "The nearest are"]);
    verify(&sandbox, &newest);
}

#[test]
fn a_ledger_that_cannot_be_believed_deletes_nothing() {
    let Some(sandbox) = sandbox(Server::Mariadb, "prune_ledger", 1, "") else { return };
    let folder = sandbox.backups();
    let [first, newest] = [0; 2].map(|_| backup(&sandbox));
    verify(&sandbox, &newest);
    let ledger = fs::read_bytes(&folder.join("ledger.jsonl")).unwrap();
    let mut forged = ledger.clone();
    forged[ledger.len() / 2] ^= 1;
    fs::write_durably(&folder.join("ledger.jsonl"), &forged).unwrap();
    for args in [&["db-prune"][..], &["db-prune", "--yes"]] {
        demand_stop(&sandbox.xtask(args), 40, &["the ledger", "damaged"]);
    }
    // Without a ledger, as on a new machine, nothing is known to be good.
    for name in ["ledger.jsonl", "ledger.head"] {
        fs::remove_if_exists(&folder.join(name)).unwrap();
    }
    done(&sandbox, &["db-prune", "--yes"]);
    assert_eq!(labels_in(&folder), set(&[&first, &newest]));
    // A policy that keeps nothing is a mistake, whoever makes it.
    sandbox.write("xtask.toml", &format!("[retention]\nlast = 0\n{RULES}"));
    demand_stop(&sandbox.xtask(&["db-prune", "--yes"]), 10, &["every rule of [retention] is 0"]);
    assert_eq!(labels_in(&folder), set(&[&first, &newest]));
}

#[test]
fn a_damaged_newest_backup_pushes_nothing_out() {
    let Some(sandbox) = sandbox(Server::Mariadb, "prune_damaged", 1, "") else { return };
    let folder = sandbox.backups();
    let [first, second, newest] = [0; 3].map(|_| backup(&sandbox));
    verify(&sandbox, &second);
    fs::write_durably(&folder.join(format!("{newest}.sql")), b"").unwrap();
    let pruned = document(&done(&sandbox, &["db-prune", "--yes", "--json"]));
    assert_eq!(fate(&pruned, &newest, "here").0, "look");
    assert_eq!(fate(&pruned, &first, "here").0, "deleted");
    assert_eq!(labels_in(&folder), set(&[&second, &newest]));
}

#[test]
fn what_an_unfinished_change_needs_stays() {
    let Some(sandbox) = sandbox(Server::Mariadb, "prune_needed", 1, "") else { return };
    let folder = sandbox.backups();
    let [needed, other, newest] = [0; 3].map(|_| backup(&sandbox));
    verify(&sandbox, &newest);
    let journal = InPlaceJournal {
        version: 1,
        server: "unknown".to_owned(),
        schema: sandbox.schema.clone(),
        backup: Some(needed.parse().unwrap()),
        migrations: vec!["1_a".to_owned()],
        fingerprint: "f".to_owned(),
        failed: None,
    };
    let store = sandbox.store();
    let lock = store.lock_within(std::time::Duration::from_secs(5)).unwrap();
    store.write_in_place(&lock, &journal).unwrap();
    drop(lock);
    let pruned = document(&done(&sandbox, &["db-prune", "--yes", "--json"]));
    assert_eq!(fate(&pruned, &needed, "here").1, "an unfinished migration needs it");
    assert_eq!(fate(&pruned, &other, "here").0, "deleted");
    // Which backup it needs is not known: nothing is deleted.
    fs::remove_if_exists(&folder.join(".in-place.json")).unwrap();
    sandbox.write("backups/.undo.json", "{\"version\":1,");
    demand_stop(&sandbox.xtask(&["db-prune", "--yes"]), 40, &[".undo.json is damaged"]);
    assert_eq!(labels_in(&folder), set(&[&needed, &newest]));
    // The way back that an installation from before signatures has from its last migration:
    // no way back any more, which stops nothing, and what it names stays.
    let old = serde_json::json!({ "version": 1, "schema": sandbox.schema, "backup": needed,
        "previous_schema": format!("{}__before_20261122_101112", sandbox.schema) });
    sandbox.write("backups/.undo.json", &old.to_string());
    let pruned = done(&sandbox, &["db-prune", "--yes", "--json"]);
    assert!(pruned.stderr.contains("it cannot be undone"), "{}", pruned.stderr);
    assert_eq!(fate(&document(&pruned), &needed, "here").1, "`.undo.json` names it");
    assert_eq!(labels_in(&folder), set(&[&needed, &newest]));
    let doctor = sandbox.xtask(&["doctor"]);
    assert!(doctor.stdout.contains(".undo.json has format 1"), "{}", doctor.stdout);
    // Another run at work, too.
    fs::remove_if_exists(&folder.join(".undo.json")).unwrap();
    let mut holder = sandbox.root();
    let lock = format!("SELECT GET_LOCK('xtask:{}', 0)", sandbox.schema);
    assert_eq!(holder.query_first(lock).unwrap(), Some(1));
    demand_stop(&sandbox.xtask(&["db-prune", "--yes"]), 12, &["another run is working"]);
    assert_eq!(labels_in(&folder), set(&[&needed, &newest]));
    drop(holder);
    done(&sandbox, &["db-prune", "--yes"]);
    assert_eq!(labels_in(&folder), set(&[&newest]));
}
