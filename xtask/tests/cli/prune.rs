//! `db-prune` and `db-pin` on a folder.

use expect_test::expect;

use crate::backups::{backup_of, proven};
use crate::project::Project;
use crate::shape::shape;

const RULES: &str = "[retention]\nlast = 1\nhourly = 0\ndaily = 0\nweekly = 0\nmonthly = 0\n\
                     yearly = 0\nsafety_days = 0\nbefore_days = 0\n";

#[test]
fn the_plan_says_why_and_deletes_nothing() {
    let project = Project::new();
    project.write("xtask.toml", RULES);
    let older = backup_of(&project, 9);
    proven(&project, &older);
    let newer = backup_of(&project, 1);
    proven(&project, &newer);
    let text = project.said(&["db-prune", "--only-here"]);
    let text = text.replace(&older.to_string(), "mydb_backup_<older>--------");
    expect![[r#"
        exit code 0
        --- stdout
         what                         where  age              size          why
         mydb_backup_<newer>--------  here   24 hours ago  2.1 KiB  KEEP    newest restored, newest verified, last 1
         mydb_backup_<older>--------  here   9 days ago    2.1 KiB  DELETE  no rule keeps it; mydb_backup_<newer>-------- is newer and verified
        Not checked: server (no MySQL server answers at 127.0.0.1:1: Connection refused (os error <number>)).
        Keep: 1. Delete: 1, freeing 2.1 KiB. Delete them with `cargo xtask db-prune --yes`.
    "#]].assert_eq(&text.replace(&newer.to_string(), "mydb_backup_<newer>--------"));
    let plan = project.json(&["db-prune", "--only-here"]);
    expect![[r#"
        .dry_run: bool
        .entries[].bytes: number
        .entries[].fate: string
        .entries[].place: string
        .entries[].reason: string
        .entries[].subject: string
        .entries[].taken_utc: string
        .entries[].what: string
        .freed_bytes: number
        .not_reached[].place: string
        .not_reached[].why: string
        .version: number
    "#]]
    .assert_eq(&shape(&plan));
    assert!(project.backups().join(format!("{older}.sql")).exists());
}

#[test]
fn what_the_plan_lets_go_goes() {
    let project = Project::new();
    project.write("xtask.toml", RULES);
    let older = backup_of(&project, 9);
    let newer = backup_of(&project, 1);
    proven(&project, &newer);
    let done = project.xtask(&["db-prune", "--only-here", "--yes"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(!project.backups().join(format!("{older}.sql")).exists(), "{}", done.stdout);
    assert!(project.backups().join(format!("{newer}.sql")).exists(), "{}", done.stdout);
}

#[test]
fn what_is_pinned_stays() {
    let project = Project::new();
    project.write("xtask.toml", RULES);
    let older = backup_of(&project, 9);
    let newer = backup_of(&project, 1);
    proven(&project, &newer);
    let label = older.to_string();
    let pinned = project.said(&["db-pin", &label, "--note", "the merger"]);
    expect![[r#"
        exit code 0
        --- stdout
        <label> is pinned until `db-pin <label> --remove`.
    "#]]
    .assert_eq(&pinned.replace(&label, "<label>"));
    let done = project.xtask(&["db-prune", "--only-here", "--yes"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(project.backups().join(format!("{older}.sql")).exists(), "{}", done.stdout);
    expect![[r#"
        .label: string
        .note: string
        .pinned: bool
        .version: number
    "#]]
    .assert_eq(&shape(&project.json(&["db-pin", &label, "--remove"])));
}

#[test]
fn a_pin_needs_a_backup() {
    let project = Project::new();
    expect![[r#"
        exit code 2
        --- stderr
        error: there is no backup `mydb_backup_20261122_101112`

        hint: There are no backups in <project>/backups yet.
    "#]]
    .assert_eq(&project.said(&["db-pin", "mydb_backup_20261122_101112"]));
}
