//! `db-prune` and `db-pin`: only what the rules let go is deleted, wherever it lies and
//! whenever a run dies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mysql::prelude::Queryable as _;
use serde_json::Value;
use xtask::model::copy::{CopyNote, NOTE_VERSION};
use xtask::model::label::Label;
use xtask::sys::fault::{POINTS, VARIABLE};
use xtask::sys::hash::sha256_hex;
use xtask::sys::proc::Finished;
use xtask::sys::{clock, fs};

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
    let made: Value =
        serde_json::from_str(&done(sandbox, &["db-backup", "--json"]).stdout).unwrap();
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

fn companions(sandbox: &Sandbox, kind: &str) -> Vec<String> {
    let like = format!("{}\\_\\_{kind}%", sandbox.schema.replace('_', "\\_"));
    let sql = format!(
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '{like}' ORDER BY 1"
    );
    sandbox.root().query(sql).unwrap()
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
    // A person's own dump, and one that is damaged.
    let stranger = format!("{}_backup_20200101_000000.sql", sandbox.schema);
    sandbox.write(&format!("backups/{stranger}"), "-- made by hand\n");
    done(&sandbox, &["db-pin", &pinned, "--note", "before the merger"]);
    let unproven = document(&done(&sandbox, &["db-prune", "--json"]));
    assert_eq!(fate(&unproven, &first, "here").1, "not verified by anything newer");
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
    demand_stop(&unknown, 40, &["there is no backup"]);
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

/// Puts a copy into a folder, as `db-copy` does.
fn send(sandbox: &Sandbox, label: &str, to: &Path) {
    fs::create_private_dir(to).unwrap();
    let read =
        |ending: &str| fs::read_bytes(&sandbox.backups().join(format!("{label}{ending}"))).unwrap();
    let (data, manifest) = (read(".sql"), read(".json"));
    let note = CopyNote {
        version: NOTE_VERSION,
        label: label.parse().unwrap(),
        object: format!("{label}.sql"),
        bytes: data.len() as u64,
        sha256: sha256_hex(&data),
        manifest_sha256: sha256_hex(&manifest),
        encryption: None,
        copied_utc: clock::now(),
    };
    let note = serde_json::to_vec(&note).unwrap();
    for (ending, bytes) in [(".sql", data), (".copy.json", note), (".json", manifest)] {
        fs::write_durably(&to.join(format!("{label}{ending}")), &bytes).unwrap();
    }
}

const NAS: &str = "[[destination]]\nname = \"nas\"\nurl = \"nas\"\n";

fn nas(sandbox: &Sandbox) -> PathBuf {
    sandbox.path().join("nas")
}

#[test]
fn copies_go_with_their_backup_and_the_last_one_stays() {
    let Some(sandbox) = sandbox(Server::Mariadb, "prune_copies", 1, NAS) else { return };
    let (folder, nas) = (sandbox.backups(), nas(&sandbox));
    let [lost, first, second, newest] = [0; 4].map(|_| backup(&sandbox));
    verify(&sandbox, &newest);
    for label in [&lost, &first, &second] {
        send(&sandbox, label, &nas);
    }
    fs::write_durably(&nas.join("holiday.jpg"), b"a person's").unwrap();
    // The newest proof never came to the nas: nothing that lies there goes, nor here.
    done(&sandbox, &["db-prune", "--yes"]);
    assert_eq!(labels_in(&nas), set(&[&lost, &first, &second]));
    assert_eq!(labels_in(&folder), set(&[&lost, &first, &second, &newest]));
    send(&sandbox, &newest, &nas);
    // Somebody deleted a file here: its copy is all that is left.
    for ending in [".json", ".sql"] {
        fs::remove_if_exists(&folder.join(format!("{lost}{ending}"))).unwrap();
    }
    // What a copy whose deletion was interrupted leaves, and a copy that is on its way.
    let pruned = document(&done(&sandbox, &["db-prune", "--yes", "--json"]));
    assert_eq!(fate(&pruned, &lost, "nas").1, "the last copy: it is missing or damaged here");
    assert_eq!(fate(&pruned, &first, "nas").0, "deleted");
    assert_eq!(labels_in(&nas), set(&[&lost, &newest]));
    assert_eq!(labels_in(&folder), set(&[&newest]));
    assert!(nas.join("holiday.jpg").exists());

    let [third, last] = [0; 2].map(|_| backup(&sandbox));
    for label in [&third, &last] {
        send(&sandbox, label, &nas);
    }
    verify(&sandbox, &last);
    let away = sandbox.path().join("unmounted");
    fs::rename_durably(&nas, &away).unwrap();
    let failed = sandbox.xtask(&["db-prune", "--yes"]);
    demand_stop(&failed, 41, &["nas could not be pruned"]);
    // `newest` was restored in the last hour: a receipt may still name it.
    assert_eq!(labels_in(&folder), set(&[&newest, &last]), "what is here went all the same");
    fs::rename_durably(&away, &nas).unwrap();
    let object = nas.join(format!("{first}.sql"));
    fs::write_durably(&object, b"left of a deletion that died").unwrap();
    done(&sandbox, &["db-prune", "--yes", "--only-here"]);
    assert!(labels_in(&nas).contains(&third));
    done(&sandbox, &["db-prune", "--yes"]);
    assert_eq!(labels_in(&nas), set(&[&lost, &newest, &last]));
    assert!(!object.exists());
    let again = done(&sandbox, &["db-prune", "--yes"]);
    assert!(again.stdout.contains("Deleted: 0"), "{}", again.stdout);
}

#[test]
fn old_tables_go_when_a_proven_backup_holds_them_on_mysql() {
    old_tables(Server::Mysql);
}

#[test]
fn old_tables_go_when_a_proven_backup_holds_them_on_mariadb() {
    old_tables(Server::Mariadb);
}

fn old_tables(kind: Server) {
    let Some(sandbox) = sandbox(kind, "prune_schemas", 9, "") else { return };
    let label = backup(&sandbox);
    let mut safety = Vec::new();
    for title in ["Cube", "Dune"] {
        sandbox.sql(&format!("INSERT INTO film VALUES (3, '{title}')"));
        let restored = document(&done(&sandbox, &["db-restore", &label, "--yes", "--json"]));
        safety.push(restored["safety_backup"].as_str().unwrap().to_owned());
    }
    let old = companions(&sandbox, "before");
    assert_eq!(old.len(), 2);
    let fates = |args: &[&str]| {
        let document = document(&done(&sandbox, args));
        [fate(&document, &old[0], "server"), fate(&document, &old[1], "server")]
    };
    let [one, two] = fates(&["db-prune", "--yes", "--json"]);
    assert!(one.0 == "look" && one.1.contains("was not proven by a restore"), "{one:?}");
    assert_eq!(two.0, "look");
    for label in &safety {
        verify(&sandbox, label);
    }
    // Somebody wrote into old tables: that row is nowhere else.
    sandbox.sql(&format!("INSERT INTO `{}`.film VALUES (9, 'Nosferatu')", old[0]));
    let [one, two] = fates(&["db-prune", "--json"]);
    assert_eq!([one.0, two.0], ["delete", "delete"]);
    assert_eq!(companions(&sandbox, "before"), old, "a plan changes nothing");
    let live = rows(&sandbox);
    let [one, two] = fates(&["db-prune", "--yes", "--json"]);
    assert!(one.0 == "look" && one.1.contains("does not hold what is in film"), "{one:?}");
    assert_eq!(two.0, "deleted");
    assert_eq!(companions(&sandbox, "before"), old[..1]);
    assert_eq!(rows(&sandbox), live);
    // Its safety backup stays for as long as the old tables are there.
    let plan = document(&done(&sandbox, &["db-prune", "--json"]));
    let (keep, why) = fate(&plan, &safety[0], "here");
    assert!(keep == "keep" && why.contains("are there"), "{why}");
}

#[test]
fn killed_anywhere_the_next_run_finishes() {
    let Some(sandbox) = sandbox(Server::Mariadb, "prune_killed", 1, NAS) else { return };
    let (folder, nas) = (sandbox.backups(), nas(&sandbox));
    let mut expected = BTreeSet::new();
    let mut old_tables = 0;
    for point in POINTS.iter().filter(|point| point.starts_with("prune.")) {
        let goes = backup(&sandbox);
        let newest = backup(&sandbox);
        if *point == "prune.schema_dropped" {
            let args = ["db-restore", &goes, "--yes", "--json"];
            let safety = document(&done(&sandbox, &args))["safety_backup"].clone();
            verify(&sandbox, safety.as_str().unwrap());
            expected.insert(safety.as_str().unwrap().to_owned());
            old_tables = companions(&sandbox, "before").len();
            assert_eq!(old_tables, 1);
        }
        verify(&sandbox, &newest);
        for label in [&goes, &newest] {
            send(&sandbox, label, &nas);
        }
        expected.insert(newest.clone());
        let command =
            sandbox.command(&["db-prune", "--yes"]).env(VARIABLE, format!("kill:{point}"));
        let dead = command.run(Duration::from_secs(120)).unwrap();
        assert_eq!(dead.code, None, "{point} was not passed: {}", dead.stderr);
        // Whatever is there is whole.
        let listed = done(&sandbox, &["db-list"]);
        assert!(!listed.stdout.contains("NOT USABLE"), "{point}: {}", listed.stdout);
        done(&sandbox, &["db-prune", "--yes"]);
        assert!(!labels_in(&folder).contains(&goes), "{point}");
        assert!(labels_in(&folder).is_superset(&expected), "{point}");
        let left = |folder: &Path| {
            fs::names(folder)
                .unwrap()
                .into_iter()
                .filter(|it| it.contains(&goes))
                .collect::<Vec<_>>()
        };
        done(&sandbox, &["db-prune", "--yes"]);
        assert_eq!((left(&folder), left(&nas)), (Vec::new(), Vec::new()), "{point}");
        assert_eq!(companions(&sandbox, "before").len(), 0, "{point}");
        let again = done(&sandbox, &["db-prune", "--yes"]);
        assert!(again.stdout.contains("Deleted: 0"), "{point}: {}", again.stdout);
    }
    assert_eq!(old_tables, 1, "the drop of a schema was passed");
}
