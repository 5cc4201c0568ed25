//! `db-list`, `db-status` and `db-verify` on folders with good, damaged, foreign and no
//! backups.

use expect_test::expect;
use model::label::Label;
use sys::fs;

use crate::backups::{backup_of, proven};
use crate::project::Project;
use crate::shape::shape;

/// What a run said, with the names of these backups in place of their times.
fn said(project: &Project, args: &[&str], labels: &[&Label]) -> String {
    let mut text = project.said(args);
    for (at, label) in labels.iter().enumerate() {
        let name = format!("mydb_backup_{}", ["<newer>--------", "<older>--------"][at]);
        text = text.replace(&label.to_string(), &name);
        text = text.replace(&label.time().format("%d %b %H:%M").to_string(), "<its time>--");
    }
    text
}

/// Cuts the last bytes of a backup's file off.
fn cut(project: &Project, label: &Label) {
    let path = project.backups().join(format!("{label}.sql"));
    let bytes = fs::read_bytes(&path).expect("the file");
    fs::remove_if_exists(&path).expect("it goes");
    fs::write_durably(&path, &bytes[..bytes.len() - 9]).expect("it is shorter");
}

/// Changes one byte of a backup's file and leaves its size.
fn spoil(project: &Project, label: &Label) {
    let path = project.backups().join(format!("{label}.sql"));
    let text = fs::read_text(&path).expect("the file");
    fs::remove_if_exists(&path).expect("it goes");
    fs::write_durably(&path, text.replace("Brazil", "Brasil").as_bytes()).expect("it is other");
}

#[test]
fn a_schema_that_is_spelled_wrong_finds_the_backups_of_the_right_one() {
    let project = Project::new();
    backup_of(&project, 1);
    project.env("DB_NAME=mydbb\n");
    expect![[r#"
        exit code 40
        --- stderr
        error: there is no usable backup of `mydbb` in <project>/backups

        hint: This folder holds 1 backup of `mydb`; DB_NAME in .env names the schema.
    "#]]
    .assert_eq(&project.said(&["db-verify", "--level", "file"]));
    let listed = project.said(&["db-list"]);
    assert!(listed.contains("This folder holds 1 backup of `mydb`"), "{listed}");
}

#[test]
fn no_backups() {
    let project = Project::new();
    expect![[r#"
        exit code 0
        --- stdout
        There are no backups yet.
    "#]]
    .assert_eq(&project.said(&["db-list"]));
    expect![[r#"
        exit code 40
        --- stderr
        error: there is no usable backup of `mydb` in <project>/backups

        hint: `cargo xtask db-backup` takes one.
    "#]]
    .assert_eq(&project.said(&["db-verify", "--level", "file"]));
    let status = project.said(&["db-status", "--offline"]);
    // How much room there is differs from disk to disk.
    let status: Vec<&str> = status.lines().filter(|line| !line.starts_with("  disk ")).collect();
    expect![[r#"
        exit code 0
        --- stdout
        At risk: there is no usable backup.
          last backup  none usable
          last drill   never
          RPO          unknown: there is no verified backup
          RTO          unknown: there was no drill yet
          3-2-1        there is no verified backup to count copies of
          ledger       no entries yet
          schedule     not installed; it never ran

         place  storage    off-site  usable  newest verified  last read back
         local  this disk  no        0       unknown          never

        BROKEN: there is no usable backup (no_backup)
          Run `cargo xtask db-backup` and `cargo xtask db-verify --level restore`; `cargo xtask schedule install` does it regularly.

        warning: no copy is off-site: losing this machine loses the database and its backups (no_off_site)
          Five minutes: docs/off-site.md.
    "#]].assert_eq(&(status.join("\n") + "\n"));
}

#[test]
fn good_backups() {
    let project = Project::new();
    let older = backup_of(&project, 3);
    proven(&project, &older);
    let newer = backup_of(&project, 1);
    let labels = [&newer, &older];
    expect![[r#"
        exit code 0
        --- stdout
         label                        made           age  rows  change  tables   size  reason  proof        places
         mydb_backup_<newer>--------  <its time>--  24 h     2       =       1  186 B  manual  none         here
           “before the price change”
         mydb_backup_<older>--------  <its time>--   3 d     2       -       1  186 B  manual  restore 3 d  here
           “before the price change”
    "#]].assert_eq(&said(&project, &["db-list"], &labels));
    expect![[r#"
        exit code 0
        --- stdout
         passed  file size            186 bytes
         passed  sha-256              e02fead6d0f6b72a39011be2d355d9e54974486a0a3f6950ef90604641c79910
         passed  readable to the end  186 bytes of text
         passed  section index        3 sections cover the file
         passed  statements           2 rows in 1 table, 0 other objects
         passed  end marker           says 2 rows
         passed  rows in the text     2 rows in 1 table
         passed  digests of the text  1 table is equal value by value
         passed  objects in the text  all 1 exist, nothing else
        Origin: signed on this machine.
        mydb_backup_<newer>-------- is verified at level `file`: 9 checks passed, in <time>.
    "#]].assert_eq(&said(
        &project,
        &["db-verify", &newer.to_string(), "--level", "file"],
        &labels,
    ));
    expect![[r#"
        .backups[].bytes: number
        .backups[].compared_with: null
        .backups[].compared_with: string
        .backups[].created_local: string
        .backups[].created_utc: string
        .backups[].label: string
        .backups[].note: string
        .backups[].origin: string
        .backups[].places[].name: string
        .backups[].places[].state: string
        .backups[].reason: string
        .backups[].rows: number
        .backups[].rows_change: null
        .backups[].rows_change: number
        .backups[].tables: number
        .backups[].tables_change: null
        .backups[].tables_change: number
        .backups[].verified: string
        .backups[].verified_utc: string
        .left_off: number
        .version: number
    "#]]
    .assert_eq(&shape(&project.json(&["db-list"])));
    expect![[r#"
        .checks[].detail: string
        .checks[].name: string
        .checks[].outcome: string
        .duration_ms: number
        .label: string
        .level: string
        .origin: string
        .passed: bool
        .version: number
    "#]]
    .assert_eq(&shape(&project.json(&["db-verify", "--level", "file"])));
}

#[test]
fn damaged_backups() {
    let project = Project::new();
    let (older, newer) = (backup_of(&project, 3), backup_of(&project, 1));
    let labels = [&newer, &older];
    cut(&project, &older);
    spoil(&project, &newer);
    expect![[r#"
        exit code 0
        --- stdout
         label                        made           age  rows  change  tables   size  reason  proof       places
         mydb_backup_<newer>--------  <its time>--  24 h     2       -       1  186 B  manual  none        here
           “before the price change”
         mydb_backup_<older>--------  -                -     -       -       -      -  -       NOT USABLE  -
        mydb_backup_<older>-------- is damaged: mydb_backup_<older>--------.sql has 177 bytes instead of 186.
        --- stderr
        warning: mydb_backup_<older>-------- cannot be used: is damaged: mydb_backup_<older>--------.sql has 177 bytes instead of 186
    "#]].assert_eq(&said(&project, &["db-list"], &labels));
    // Only reading it to its end tells that a byte is another one.
    let spoiled = project.xtask(&["db-verify", &newer.to_string(), "--level", "file"]);
    assert_eq!(spoiled.code, Some(21), "{}", spoiled.stderr);
    expect![[r#"
        exit code 40
        --- stderr
        error: backup mydb_backup_<older>-------- is damaged: mydb_backup_<older>--------.sql has 177 bytes instead of 186

        hint: Use another backup: `cargo xtask db-list` shows them.
        hint: To use the SQL file alone, unverified, copy it to another folder and give its path.
    "#]].assert_eq(&said(
        &project,
        &["db-verify", &older.to_string(), "--level", "file"],
        &labels,
    ));
    expect![[r#"
        exit code 40
        --- stderr
        error: backup mydb_backup_<older>-------- is damaged: mydb_backup_<older>--------.sql has 177 bytes instead of 186

        hint: Use another backup: `cargo xtask db-list` shows them.
        hint: To use the SQL file alone, unverified, copy it to another folder and give its path.
    "#]].assert_eq(&said(&project, &["db-restore", &older.to_string()], &labels));
    let listed = project.json(&["db-list"]);
    assert_eq!(listed["backups"].as_array().map(Vec::len), Some(1), "{listed}");
}

#[test]
fn a_file_that_was_made_by_hand() {
    let project = Project::new();
    project.write(
        "backups/by-hand.sql",
        "CREATE TABLE `film` (`id` int);\nINSERT INTO `film` VALUES (1);\n-- Dump completed\n",
    );
    expect![[r#"
        exit code 0
        --- stdout
        There are no backups yet.
        --- stderr
        by-hand.sql was not made by this tool; it can be restored, but its contents are unknown
    "#]]
    .assert_eq(&project.said(&["db-list"]));
    expect![[r#"
        exit code 0
        --- stdout
         not run  file size            there is no manifest to compare with
         not run  sha-256              there is no manifest to compare with
         passed   readable to the end  81 bytes of text
         not run  section index        there is no manifest to compare with
         passed   statements           1 row in 1 table, 0 other objects
         passed   end marker           the dump program's end line is present
         not run  manifest             there is none; what it would prove is unknown
        Origin: unsigned.
        by-hand.sql is verified at level `file`: 3 checks passed, 4 not run, in <time>.
        --- stderr
        warning: by-hand.sql has no manifest, so this tool cannot tell whether it is complete and unchanged.
        made this machine's signing key, <home>/keys/signing.pk8; `cargo xtask db-keys signer` shows its public half
    "#]].assert_eq(&project.said(&["db-verify", "by-hand.sql", "--level", "file"]));
    project.write("backups/cut.sql", "CREATE TABLE `film` (`id` int);\nINSERT INTO `film` VAL");
    let cut = project.xtask(&["db-verify", "cut.sql", "--level", "file"]);
    assert_eq!(cut.code, Some(21), "{}", cut.stderr);
}

#[test]
fn a_ledger_that_was_changed_is_forty() {
    let project = Project::new();
    backup_of(&project, 1);
    let path = project.backups().join("ledger.jsonl");
    let text = fs::read_text(&path).expect("the ledger");
    fs::remove_if_exists(&path).expect("it goes");
    fs::write_durably(&path, text.replace("\"rows\":2", "\"rows\":3").as_bytes()).expect("other");
    for args in [&["db-list"][..], &["db-prune", "--only-here"]] {
        let finished = project.xtask(args);
        assert_eq!(finished.code, Some(40), "{args:?}: {}", finished.stderr);
    }
    let checked = project.xtask(&["db-status", "--offline", "--check"]);
    assert_eq!(checked.code, Some(40), "{}", checked.stderr);
}

#[test]
fn the_status_knows_what_is_here() {
    let project = Project::new();
    proven(&project, &backup_of(&project, 3));
    backup_of(&project, 1);
    let mut status = project.json(&["db-status", "--offline"]);
    // It is told like the last backup.
    status["rpo"]["newest_verified"].take();
    expect![[r#"
        .at_utc: string
        .copies.complete: bool
        .copies.copies: number
        .copies.kinds: number
        .copies.off_site: bool
        .copies.places[].bytes: number
        .copies.places[].flaws: []
        .copies.places[].has_newest_verified.known: bool
        .copies.places[].name: string
        .copies.places[].newest: string
        .copies.places[].off_site: bool
        .copies.places[].read_back.at_utc: string
        .copies.places[].read_back.label: string
        .copies.places[].storage.known: string
        .copies.places[].usable.known: number
        .copies.wanted: number
        .definitions.unknown: string
        .disk.forecast.unknown: string
        .disk.free_bytes.known: number
        .disk.newest_bytes: number
        .disk.used_bytes: number
        .findings[].id: string
        .findings[].message: string
        .findings[].severity: string
        .findings[].todo: string
        .last_backup.bytes: number
        .last_backup.created_utc: string
        .last_backup.duration_ms: number
        .last_backup.label: string
        .last_backup.reason: string
        .last_backup.rows: number
        .last_backup.verified: null
        .last_backup.verified_utc: null
        .ledger.problem: null
        .ledger.receipts.known: number
        .ledger.unproven: null
        .offline: bool
        .rpo.age_s.known: number
        .rpo.newest_verified: null
        .rpo.objective_s: number
        .rpo.written.unknown: string
        .rto.drills[].at_utc: string
        .rto.drills[].duration_ms: number
        .rto.drills[].passed: bool
        .rto.drills[].subject: string
        .rto.measured_ms.known: number
        .rto.objective_ms: number
        .schedule.every: string
        .schedule.installed.known: null
        .schedule.last: null
        .schedule.next_due_utc: null
        .schedule.pruned_utc: null
        .schedule.prunes: bool
        .schema: string
        .state: string
        .summary: string
        .suspects: []
        .unproven: []
        .version: number
    "#]]
    .assert_eq(&shape(&status));
}

#[test]
fn the_status_judges_by_the_newest_proof() {
    let project = Project::new();
    let older = backup_of(&project, 3);
    proven(&project, &older);
    let newer = backup_of(&project, 1);
    let text = said(&project, &["db-status", "--offline"], &[&newer, &older]);
    assert!(text.contains("last backup  mydb_backup_<newer>--------, 24 hours ago"), "{text}");
    assert!(
        text.contains("last drill   mydb_backup_<older>--------, 3 days ago, passed"),
        "{text}"
    );
    let checked = project.xtask(&["db-status", "--offline", "--check"]);
    assert_eq!(checked.code, Some(21), "a backup of yesterday is too old: {}", checked.stderr);
}

#[test]
fn a_report_is_one_page() {
    let project = Project::new();
    backup_of(&project, 1);
    let document = project.json(&["db-report", "--offline", "--out", "page.html"]);
    expect![[r#"
        .backups: number
        .bytes: number
        .file: string
        .opened: bool
        .receipts: number
        .state: string
        .unusable: number
        .version: number
    "#]]
    .assert_eq(&shape(&document));
    let page = fs::read_text(&project.path().join("page.html")).expect("the page");
    assert!(page.starts_with("<!doctype html>"), "{}", &page[..40]);
}
