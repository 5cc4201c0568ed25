//! What a destination holds of the backups here.

use super::*;
use chrono::{DateTime, TimeDelta, Utc};
use model::copy::CopyOutcome;
use model::entry::{Entry, Event};
use model::manifest::MANIFEST_VERSION;
use store::remote::RemoteCopy;

fn manifest(sha256: &str) -> Manifest {
    let text = format!(
        r#"{{
            "version": {MANIFEST_VERSION}, "tool_version": "0.1.0", "git_commit": null,
            "label": "mydb_backup_20261122_101112", "created_utc": "2026-11-22T10:11:12Z",
            "reason": "manual", "note": null,
            "server": {{
                "flavour": "mysql", "version": [9, 7, 4], "version_text": "9.7.4",
                "uuid": "unknown", "sql_mode": "", "time_zone": "+00:00",
                "max_allowed_packet": 1, "lower_case_table_names": 0
            }},
            "schema": "mydb", "charset": "utf8mb4", "collation": "utf8mb4_0900_ai_ci",
            "log_position": {{"kind": "unknown", "reason": "a test"}},
            "migrations": [], "engine": "native", "engine_version": "0.1.0",
            "definer_policy": "current_user", "compression": "none", "encryption": null,
            "file": "mydb_backup_20261122_101112.sql", "bytes": 1, "text_bytes": 1,
            "sha256": "{sha256}", "rows": 0, "tables": [], "programs": [], "broken_views": [],
            "schema_fingerprint": "", "sections": [], "duration_ms": 1, "manifest_sha256": ""
        }}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn copy_of(manifest: Manifest) -> RemoteCopy {
    RemoteCopy {
        label: manifest.label.clone(),
        manifest: Some(manifest),
        note: None,
        problem: None,
        bytes: 1,
        rewritten: None,
    }
}

#[test]
fn another_backup_of_the_same_name_is_no_copy() {
    let policy: DestinationPolicy = toml::from_str("name = \"drive\"\nurl = \"drive\"").unwrap();
    let own = manifest("aa");
    let place = |there: Manifest| {
        let here = Here { usable: &[&own], newest: Some(&own.label), timeline: None };
        let history = History::of(&[], "mydb");
        listed(&policy, Answer::Known(Storage::OtherDisk), &[copy_of(there)], &here, &history)
    };
    let good = place(own.clone());
    assert_eq!(good.has_newest_verified, Answer::Known(true));
    assert!(good.flaws.is_empty());
    let other = place(manifest("bb"));
    assert_eq!(other.has_newest_verified, Answer::Known(false));
    assert_eq!(other.usable, Answer::Known(0));
    assert_eq!(other.flaws[0].problem, "is another backup of the same name");
}

/// A check of the copy, written down at that time between backups.
fn read_at(at_utc: DateTime<Utc>, outcome: CopyOutcome) -> Entry {
    entry(
        at_utc,
        Event::Copy {
            label: manifest("aa").label,
            destination: "drive".to_owned(),
            outcome,
            bytes: 1,
            sha256: String::new(),
            detail: String::new(),
            duration_ms: 1,
        },
    )
}

fn entry(at_utc: DateTime<Utc>, event: Event) -> Entry {
    Entry {
        version: 1,
        sequence: 1,
        at_utc,
        server_uuid: "unknown".to_owned(),
        schema: "mydb".to_owned(),
        tool_version: String::new(),
        event,
        previous: String::new(),
        signer: None,
        signature: None,
        hash: String::new(),
        trust: model::trust::Trust::Own,
    }
}

fn made(at_utc: DateTime<Utc>, stamp: &str) -> Entry {
    entry(
        at_utc,
        Event::Backup {
            label: format!("mydb_backup_{stamp}").parse().unwrap(),
            sha256: String::new(),
            manifest_sha256: None,
            reason: "manual".to_owned(),
            rows: 0,
            duration_ms: 1,
            accepted_loss: None,
        },
    )
}

#[test]
fn a_check_by_a_wrong_clock_hides_no_copy_that_was_rewritten() {
    let policy: DestinationPolicy = toml::from_str("name = \"drive\"\nurl = \"drive\"").unwrap();
    let own = manifest("aa");
    let now = clock::now();
    let days = |n| now - TimeDelta::days(n);
    let flawed = |entries: Vec<Entry>| {
        let entries = Timeline::of(&entries, now).earliest(entries);
        let here = Here { usable: &[&own], newest: Some(&own.label), timeline: None };
        let history = History::of(&entries, "mydb");
        let there = RemoteCopy { rewritten: Some(days(5)), ..copy_of(own.clone()) };
        !listed(&policy, Answer::Known(Storage::OtherDisk), &[there], &here, &history)
            .flaws
            .is_empty()
    };
    let around = |read: DateTime<Utc>| {
        vec![
            made(days(10), "20261101_000000"),
            made(days(8), "20261102_000000"),
            read_at(read, CopyOutcome::Checked),
            made(days(6), "20261103_000000"),
            made(days(4), "20261104_000000"),
        ]
    };
    // Read before it was rewritten, whatever the clock said then.
    for said in [days(7), days(1), days(-300)] {
        assert!(flawed(around(said)), "{said}");
    }
    let mut later = around(days(7));
    later.push(read_at(days(3), CopyOutcome::Checked));
    assert!(!flawed(later));
    // Nothing else in the ledger: by a clock that ran ahead.
    assert!(flawed(vec![read_at(days(-300), CopyOutcome::Checked)]));
}
