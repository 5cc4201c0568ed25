//! Retention at a destination, and runs that die.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::Store;
use sys::fault::{POINTS, VARIABLE};
use sys::fs;

use super::schemas::companions;
use super::{backup, document, done, fate, labels_in, sandbox, set, verify};
use crate::faults::demand_stop;
use crate::support::{Sandbox, Server};

fn send(sandbox: &Sandbox, label: &str) {
    done(sandbox, &["db-copy", label, "--to", "nas"]);
}

const NAS: &str = "[[destination]]\nname = \"nas\"\nurl = \"nas\"\nencrypt = false\n";

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
        send(&sandbox, label);
    }
    // `db-backup` copied it at once; here it did not arrive.
    for ending in [".json", ".copy.json", ".sql"] {
        fs::remove_if_exists(&nas.join(format!("{newest}{ending}"))).unwrap();
    }
    fs::write_durably(&nas.join("holiday.jpg"), b"a person's").unwrap();
    // The newest proof never came to the nas: nothing that lies there goes, nor here.
    done(&sandbox, &["db-prune", "--yes"]);
    assert_eq!(labels_in(&nas), set(&[&lost, &first, &second]));
    assert_eq!(labels_in(&folder), set(&[&lost, &first, &second, &newest]));
    send(&sandbox, &newest);
    // Somebody deleted a file here: its copy is all that is left.
    for ending in [".json", ".sql"] {
        fs::remove_if_exists(&folder.join(format!("{lost}{ending}"))).unwrap();
    }
    let plan = done(&sandbox, &["db-prune"]).stdout;
    assert!(plan.contains("Keep: 3. Delete: 4, freeing "), "{plan}");
    let pruned = document(&done(&sandbox, &["db-prune", "--yes", "--json"]));
    assert_eq!(fate(&pruned, &lost, "nas").1, "the last copy: it is missing or damaged here");
    assert_eq!(fate(&pruned, &first, "nas").0, "deleted");
    assert_eq!(labels_in(&nas), set(&[&lost, &newest]));
    assert_eq!(labels_in(&folder), set(&[&newest]));
    assert!(nas.join("holiday.jpg").exists());

    let [third, last] = [0; 2].map(|_| backup(&sandbox));
    for label in [&third, &last] {
        send(&sandbox, label);
    }
    verify(&sandbox, &last);
    let away = sandbox.path().join("unmounted");
    fs::rename_durably(&nas, &away).unwrap();
    let failed = sandbox.xtask(&["db-prune", "--yes"]);
    demand_stop(&failed, 41, &["nas could not be pruned"]);
    // `newest` was restored in the last hour: an entry may still name it.
    assert_eq!(labels_in(&folder), set(&[&newest, &last]), "what is here went all the same");
    fs::rename_durably(&away, &nas).unwrap();
    // What is being sent has no manifest yet, and is not there to be swept.
    let sending = Store::open(&folder).unwrap().lock_copies_within(Duration::ZERO).unwrap();
    demand_stop(&sandbox.xtask(&["db-prune", "--yes"]), 12, &["another run is sending copies"]);
    assert!(labels_in(&nas).contains(&third));
    done(&sandbox, &["db-prune", "--yes", "--only-here"]);
    assert!(labels_in(&nas).contains(&third));
    drop(sending);
    done(&sandbox, &["db-prune", "--yes"]);
    assert_eq!(labels_in(&nas), set(&[&lost, &newest, &last]));
    let again = done(&sandbox, &["db-prune", "--yes"]);
    assert!(again.stdout.contains("Deleted: 0"), "{}", again.stdout);
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
            send(&sandbox, label);
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

#[test]
fn a_machine_that_fetched_a_copy_does_not_delete_it_at_its_destination() {
    let Some(sandbox) = sandbox(Server::Mariadb, "prune_theirs", 1, NAS) else { return };
    let (folder, nas) = (sandbox.backups(), nas(&sandbox));
    let theirs = backup(&sandbox);
    send(&sandbox, &theirs);
    // The other machine: the same files here, and none of the entries.
    for name in ["ledger.jsonl", "ledger.head"] {
        fs::remove_if_exists(&folder.join(name)).unwrap();
    }
    done(&sandbox, &["db-copy", &theirs, "--to", "nas", "--check"]);
    // A ledger before this one may have pinned it: a person says that it is not.
    let older = document(&done(&sandbox, &["db-prune", "--json"]));
    assert!(fate(&older, &theirs, "here").1.contains("the ledger does not record it"));
    done(&sandbox, &["db-pin", &theirs, "--remove"]);
    let newest = backup(&sandbox);
    verify(&sandbox, &newest);
    send(&sandbox, &newest);
    let pruned = document(&done(&sandbox, &["db-prune", "--yes", "--json"]));
    let (keep, why) = fate(&pruned, &theirs, "nas");
    assert!(keep == "keep" && why.contains("another machine's"), "{keep}: {why}");
    assert_eq!(labels_in(&nas), set(&[&theirs, &newest]));
    assert_eq!(labels_in(&folder), set(&[&newest]));
}
