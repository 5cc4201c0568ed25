//! What a destination holds of the backups here.

use super::*;
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
        let here = Here { usable: &[&own], newest: Some(&own.label) };
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
