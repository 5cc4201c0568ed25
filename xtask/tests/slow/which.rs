//! Every command that takes a label takes `latest~1` and `before:…`, and a mistyped label is a
//! mistake on the command line that names what is near.

use std::time::Duration;

use serde_json::Value;
use sys::clock;

use crate::faults::demand_stop;
use crate::support::{Sandbox, Server, require};

fn each(name: &str, test: impl Fn(&Sandbox)) {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, name);
        sandbox.sql("CREATE TABLE film (id INT PRIMARY KEY); INSERT INTO film VALUES (1), (2)");
        test(&sandbox);
    }
}

#[track_caller]
fn ok(sandbox: &Sandbox, args: &[&str]) -> Value {
    let all: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let done = sandbox.xtask(&all);
    assert_eq!(done.code, Some(0), "{args:?}: {}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
}

fn backup(sandbox: &Sandbox) -> String {
    ok(sandbox, &["db-backup"])["label"].as_str().unwrap().to_owned()
}

fn with_drive(sandbox: &Sandbox) {
    let drive = sandbox.path().join("drive").display().to_string();
    let toml = format!("[[destination]]\nname = \"drive\"\nurl = \"{drive}\"\nencrypt = false\n");
    sandbox.write("xtask.toml", &toml);
}

/// The first backup, a moment, and the second, taken in a later second.
fn two(sandbox: &Sandbox) -> (String, String, String) {
    let first = backup(sandbox);
    let seconds = || clock::now_local().format("%Y-%m-%dT%H:%M:%S").to_string();
    let was = seconds();
    let turned = || Ok::<_, ()>(Some(seconds()).filter(|now| *now != was));
    let between = clock::poll(Duration::from_secs(5), turned).unwrap().unwrap();
    sandbox.sql("INSERT INTO film VALUES (3)");
    (first, between, backup(sandbox))
}

#[test]
fn one_word_means_the_same_backup_everywhere() {
    each("which_words", |sandbox| {
        let (first, between, second) = two(sandbox);
        with_drive(sandbox);
        let before = format!("before:{between}");
        for (word, label) in [
            ("latest", &second),
            ("latest~1", &first),
            (before.as_str(), &first),
            (first.as_str(), &first),
        ] {
            let same = |json: Value| assert_eq!(json["label"], **label, "{word}: {json}");
            same(ok(sandbox, &["db-restore", word, "--dry-run"]));
            same(ok(sandbox, &["db-verify", word, "--level", "file"]));
            same(ok(sandbox, &["db-show", word]));
            same(ok(sandbox, &["db-pin", word, "--note", "kept"]));
            let copied = ok(sandbox, &["db-copy", word]);
            assert_eq!(copied["copies"][0]["label"], **label, "{word}: {copied}");
            let checked = ok(sandbox, &["db-copy", word, "--check"]);
            assert_eq!(checked["copies"][0]["label"], **label, "{word}: {checked}");
        }
        // The same at a destination.
        for (word, label) in [("latest", &second), ("latest~1", &first), (before.as_str(), &first)]
        {
            for command in [&["db-restore", "--dry-run"][..], &["db-show"]] {
                let there = ok(sandbox, &[command, &[word, "--from", "drive"]].concat());
                assert_eq!(there["label"], **label, "{word}: {there}");
            }
        }
    });
}

#[test]
fn a_mistyped_label_is_no_damaged_store() {
    each("which_typo", |sandbox| {
        let label = backup(sandbox);
        with_drive(sandbox);
        let typo = format!("{label}0");
        for command in ["db-restore", "db-verify", "db-pin", "db-copy", "db-show"] {
            demand_stop(&sandbox.xtask(&[command, &typo]), 2, &[&typo, "The nearest are", &label]);
            demand_stop(&sandbox.xtask(&[command, "lates"]), 2, &["`latest`"]);
            demand_stop(&sandbox.xtask(&[command, "before:noon"]), 2, &["`noon` is not a time"]);
            demand_stop(&sandbox.xtask(&[command, "latest~4"]), 40, &["`~4` needs more"]);
        }
    });
}

#[test]
fn the_list_says_why_what_changed_and_where() {
    each("which_list", |sandbox| {
        let (first, between, second) = two(sandbox);
        sandbox.sql("CREATE TABLE genre (id INT PRIMARY KEY); INSERT INTO genre VALUES (1)");
        with_drive(sandbox);
        ok(sandbox, &["db-copy", &first]);
        let third = ok(sandbox, &["db-backup", "--reason", "before the price change"]);
        let third = third["label"].as_str().unwrap();
        let list = ok(sandbox, &["db-list"]);
        let [newest, middle, oldest] = [0, 1, 2].map(|at| &list["backups"][at]);
        assert_eq!(
            (&newest["label"], &newest["note"]),
            (&Value::from(third), &Value::from("before the price change"))
        );
        assert_eq!(
            (&newest["rows_change"], &newest["tables_change"]),
            (&Value::from(1), &Value::from(1))
        );
        assert_eq!(newest["compared_with"], second.as_str());
        // A backup goes to every destination by itself.
        for backup in [newest, oldest] {
            assert_eq!(backup["places"][1]["name"], "drive", "{backup}");
        }
        assert!(middle["places"][1].is_null() && oldest["rows_change"].is_null(), "{list}");
        let young = ok(sandbox, &["db-list", "--since", &between]);
        assert_eq!(young["backups"].as_array().unwrap().len(), 2, "{young}");
        assert_eq!(young["left_off"], 1);
        let text = sandbox.xtask(&["db-list", "--limit", "1"]).stdout;
        for part in ["“before the price change”", "2 (+1)", "here, drive", "2 older backups"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let shown = ok(sandbox, &["db-show", third]);
        assert_eq!(shown["contains"][1]["name"], "genre");
        assert_eq!(shown["contains"][0]["rows_change"], 0);
        let receipts = shown["receipts"].as_array().unwrap();
        assert!(receipts.iter().any(|it| it["event"] == "copy"), "{receipts:?}");
    });
}
