//! Results as the user reads them. A change of words shows here in review;
//! `UPDATE_EXPECT=1 cargo test --profile xtask -p report --test texts` writes them anew.

use chrono::{DateTime, Utc};
use expect_test::expect;
use model::check::Check;
use model::copy::CopyOutcome;
use model::gate::{Effect, GateTimes, StatementReport};
use model::trust::Trust;
use report::copies::{self, CopyLine};
use report::json::VerifyDocument;
use report::keys::{KeysDocument, NewKeyDocument};
use report::{gate, human, text};

const LABEL: &str = "mydb_backup_20261122_101112";

#[test]
fn what_a_verification_found() {
    let passed = vec![
        Check::passed("file size", "2048 bytes"),
        Check::passed("statements", "1234 rows in 19 tables, 2 other objects"),
        Check::not_run("manifest", "there is none; what it would prove is unknown"),
    ];
    let document = VerifyDocument::new(LABEL, "file", passed, 1200).vouched(&Trust::Own);
    expect![[r#"
         passed   file size   2048 bytes
         passed   statements  1234 rows in 19 tables, 2 other objects
         not run  manifest    there is none; what it would prove is unknown
        Origin: signed on this machine.
        mydb_backup_20261122_101112 is verified at level `file`: 2 checks passed, 1 not run, in 1.2 s.
    "#]].assert_eq(&text::verify(&document));
    let failed = vec![
        Check::passed("load", "1234 rows"),
        Check::failed("rows", "`rating` has 3 rows, 2 in the manifest"),
    ];
    let document = VerifyDocument::new(LABEL, "restore", failed, 61_000).vouched(&Trust::Unsigned);
    expect![[r#"
         passed  load  1234 rows
         failed  rows  `rating` has 3 rows, 2 in the manifest
        Origin: unsigned.
        mydb_backup_20261122_101112 FAILED verification at level `restore`: 1 of 2 checks, in 1 min 01 s.
    "#]].assert_eq(&text::verify(&document));
    let nothing = VerifyDocument::new(LABEL, "live", Vec::new(), 1);
    expect![[r#"
        mydb_backup_20261122_101112 is NOT verified at level `live`: no check could be run.
    "#]]
    .assert_eq(&text::verify(&nothing));
}

#[test]
fn what_became_of_copies() {
    let line = |outcome, detail: &str| CopyLine {
        label: LABEL.parse().expect("a label"),
        destination: "s3".to_owned(),
        outcome,
        bytes: 2048,
        sha256: "abc".to_owned(),
        detail: detail.to_owned(),
        duration_ms: 2100,
    };
    let all = [
        line(CopyOutcome::Copied, ""),
        line(CopyOutcome::Checked, ""),
        line(CopyOutcome::Failed, "the bucket does not exist"),
    ];
    expect![[r#"
        mydb_backup_20261122_101112 is copied to `s3`, and reads back identical (2.0 KiB, 2.1 s)
        mydb_backup_20261122_101112 at `s3` was re-read and is intact (2.0 KiB, 2.1 s)
        mydb_backup_20261122_101112 at `s3`: FAILED: the bucket does not exist
    "#]]
    .assert_eq(&copies::text(&all));
    expect![[r#"
        There are no copies.
    "#]]
    .assert_eq(&copies::text(&[]));
}

#[test]
fn what_a_rehearsal_saw() {
    let statement = |number, effect, statement: &str| StatementReport {
        migration: "2_stars".to_owned(),
        number,
        of: 3,
        statement: statement.to_owned(),
        duration_ms: 41_000 / number as u64,
        rows: 0,
        effect,
        table_rows: Some(3_000_000),
    };
    let all = [
        statement(1, Effect::Copy, "ALTER TABLE rating MODIFY stars BIGINT"),
        statement(2, Effect::Instant, "ALTER TABLE rating ADD COLUMN note TEXT"),
        statement(3, Effect::New, "CREATE TABLE award (id INT)"),
    ];
    expect![[r#"
        rehearsed on the copy in 41 s: 3 statements
          1/3  41 s  copies the table, writes wait  3,000,000 rows in the table  ALTER TABLE rating MODIFY stars BIGINT
          2/3  21 s  instant                        3,000,000 rows in the table  ALTER TABLE rating ADD COLUMN note TEXT
          3/3  14 s  touches no table               3,000,000 rows in the table  CREATE TABLE award (id INT)
    "#]].assert_eq(&(gate::rehearsal(&all, 41_200) + "\n"));
    let times =
        GateTimes { backup_ms: 1200, proof_ms: 2400, total_ms: 5000, ..GateTimes::default() };
    expect![[r#"
        the last passage took 5.0 s (backup 1.2 s, proof 2.4 s)
    "#]]
    .assert_eq(&(gate::prediction(&times) + "\n"));
}

#[test]
fn keys() {
    let made = NewKeyDocument {
        version: 1,
        file: "/home/me/backup.key".to_owned(),
        recipient: "age1qqqq".to_owned(),
        fingerprint: "ab12-cd34".to_owned(),
        policy_line: "recipients = [\"age1qqqq\"]".to_owned(),
        env_line: "BACKUP_AGE_IDENTITY=/home/me/backup.key".to_owned(),
    };
    expect![[r#"
        The private key is in /home/me/backup.key, readable only by you.

        public key   age1qqqq
        fingerprint  ab12-cd34

        Add to xtask.toml, under [encryption]:
          recipients = ["age1qqqq"]
        Add to .env on each machine that reads encrypted backups (restore, verify, migrate):
          BACKUP_AGE_IDENTITY=/home/me/backup.key

        Losing this file means losing every backup encrypted for it alone. It cannot be
        recreated. Store it in two places, one of them off-line, and not beside the backups.
        docs/keys.md explains more.
    "#]]
    .assert_eq(&made.text());
    let mut found = KeysDocument::new(true, None);
    found.checks = vec![
        Check::passed("recipients", "1 key"),
        Check::failed("identity", "opens none of them"),
        Check::not_run("files", "no file is encrypted"),
    ];
    expect![[r#"
        ok       recipients  1 key
        FAILED   identity    opens none of them
        not run  files       no file is encrypted
    "#]]
    .assert_eq(&found.text());
}

#[test]
fn ages_and_sizes() {
    let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().expect("a time");
    let ages = [0, 59, 3600, 7200, 86_400, 40 * 86_400, 800 * 86_400];
    let ages = ages.map(|seconds| human::age(now - chrono::Duration::seconds(seconds), now));
    let sizes = [0, 900, 2048, 300 << 20, 5 << 40].map(human::bytes);
    let spans = [0, 1240, 61_000, 7_200_000].map(human::duration);
    expect![[r#"
        just now, just now, 1 hour ago, 2 hours ago, 24 hours ago, 40 days ago, 800 days ago
        0 B, 900 B, 2.0 KiB, 300 MiB, 5.0 TiB
        0 ms, 1.2 s, 1 min 01 s, 2 h 00 min
    "#]]
    .assert_eq(&format!("{}\n{}\n{}\n", ages.join(", "), sizes.join(", "), spans.join(", ")));
}
