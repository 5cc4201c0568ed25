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
            same(ok(sandbox, &["db-pin", word, "--note", "kept"]));
            let copied = ok(sandbox, &["db-copy", word]);
            assert_eq!(copied["copies"][0]["label"], **label, "{word}: {copied}");
            let checked = ok(sandbox, &["db-copy", word, "--check"]);
            assert_eq!(checked["copies"][0]["label"], **label, "{word}: {checked}");
        }
        // The same at a destination.
        for (word, label) in [("latest", &second), ("latest~1", &first), (before.as_str(), &first)]
        {
            let plan = ok(sandbox, &["db-restore", word, "--from", "drive", "--dry-run"]);
            assert_eq!(plan["label"], **label, "{word}: {plan}");
        }
    });
}

#[test]
fn a_mistyped_label_is_no_damaged_store() {
    each("which_typo", |sandbox| {
        let label = backup(sandbox);
        with_drive(sandbox);
        let typo = format!("{label}0");
        for command in ["db-restore", "db-verify", "db-pin", "db-copy"] {
            demand_stop(&sandbox.xtask(&[command, &typo]), 2, &[&typo, "The nearest are", &label]);
            demand_stop(&sandbox.xtask(&[command, "lates"]), 2, &["`latest`"]);
            demand_stop(&sandbox.xtask(&[command, "before:noon"]), 2, &["`noon` is not a time"]);
            demand_stop(&sandbox.xtask(&[command, "latest~4"]), 40, &["`~4` needs more"]);
        }
    });
}
