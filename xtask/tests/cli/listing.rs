//! `db-list` and `db-show`: what they show, how much of it, and that nothing wraps.

use expect_test::expect;
use model::label::Label;
use std::time::Duration;

use crate::backups::{backup_of, proven};
use crate::project::Project;
use crate::shape::shape;

/// Three backups, the newest first: of 1, 3 and 12 days ago.
fn three() -> (Project, [Label; 3]) {
    let project = Project::new();
    let labels = [12, 3, 1].map(|days| backup_of(&project, days));
    proven(&project, &labels[1]);
    let [oldest, middle, newest] = labels;
    (project, [newest, middle, oldest])
}

fn labels(project: &Project, args: &[&str]) -> Vec<String> {
    let json = project.json(&[&["db-list"], args].concat());
    let backups = json["backups"].as_array().expect("a list");
    backups.iter().map(|it| it["label"].as_str().expect("a label").to_owned()).collect()
}

#[test]
fn a_list_can_be_shortened() {
    let (project, [newest, middle, oldest]) = three();
    let all = [&newest, &middle, &oldest].map(ToString::to_string);
    assert_eq!(labels(&project, &[]), all);
    assert_eq!(labels(&project, &["--limit", "2"]), all[..2]);
    assert_eq!(labels(&project, &["--since", "4d"]), all[..2]);
    assert_eq!(labels(&project, &["--since", "2w", "--limit", "1"]), all[..1]);
    let day = middle.time().format("%Y-%m-%d").to_string();
    assert_eq!(labels(&project, &["--since", &day]), all[..2]);
    let shortened = project.json(&["db-list", "--limit", "1"]);
    assert_eq!(shortened["left_off"], 2);
    // What is left off is compared with all the same.
    assert_eq!(shortened["backups"][0]["compared_with"], all[1].as_str());
    let said = project.said(&["db-list", "--limit", "1"]);
    assert!(said.contains("2 older backups are not shown."), "{said}");
    expect![[r#"
        exit code 2
        --- stderr
        error: --since: `soon` is not a time

        hint: Write 2026-11-30T14:00, 2026-11-30 (its beginning), 14:00 (the last time the clock showed it), or an age such as 90min, 36h, 7d; with Z or +01:00 it is not local time.
    "#]].assert_eq(&project.said(&["db-list", "--since", "soon"]));
}

#[test]
fn no_line_is_longer_than_the_terminal() {
    let (project, _) = three();
    for width in [60_usize, 80, 120] {
        let command = project.command(&["db-list"]).env("COLUMNS", width.to_string());
        let done = command.run(Duration::from_secs(60)).expect("the program runs");
        let longest = done.stdout.lines().map(|line| line.chars().count()).max();
        assert!(longest.is_some_and(|it| it <= width), "{width}: {}", done.stdout);
        assert!(done.stdout.contains("before the price change"), "{}", done.stdout);
    }
}

#[test]
fn one_backup_is_shown_whole() {
    let (project, [newest, middle, _]) = three();
    let text = project.said(&["db-show", "latest~1"]);
    for part in [
        middle.to_string().as_str(),
        "3 days ago",
        "manual: before the price change",
        "restored and compared",
        "1 table; 2 rows",
        "rows =, tables = against mydb_backup_",
        "film",
        "drill",
        "places      here",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let said = project.said(&["db-show", "lates"]);
    let said =
        said.replace(&newest.to_string(), "<newest>").replace(&middle.to_string(), "<middle>");
    expect![[r#"
        exit code 2
        --- stderr
        error: there is no backup `lates`

        hint: The nearest are `latest`, `<newest>`, `<middle>`.
        hint: `cargo xtask db-list` lists them all; `latest`, `latest~1` (the one before it), or `before:2026-11-30T14:00` work, too.
    "#]]
    .assert_eq(&said);
}

#[test]
fn a_shown_backup_as_data() {
    let (project, [newest, ..]) = three();
    let json = project.json(&["db-show", &newest.to_string()]);
    assert_eq!(json["contains"][0]["name"], "film");
    expect![[r#"
        .bytes: number
        .compared_with: string
        .compression: string
        .contains[].name: string
        .contains[].rows: number
        .contains[].rows_change: number
        .contains[].text_bytes: number
        .contents: string
        .created_local: string
        .created_utc: string
        .duration_ms: number
        .encrypted: bool
        .file: string
        .label: string
        .migrations: []
        .note: string
        .origin: string
        .places[].name: string
        .places[].state: string
        .programs: []
        .reason: string
        .receipts[].at_utc: string
        .receipts[].duration_ms: number
        .receipts[].event: string
        .receipts[].hash: string
        .receipts[].label: string
        .receipts[].manifest_sha256: string
        .receipts[].previous: string
        .receipts[].reason: string
        .receipts[].rows: number
        .receipts[].schema: string
        .receipts[].sequence: number
        .receipts[].server_uuid: string
        .receipts[].sha256: string
        .receipts[].signature: string
        .receipts[].signer: string
        .receipts[].tool_version: string
        .receipts[].version: number
        .rows: number
        .rows_change: number
        .schema: string
        .server: string
        .server_uuid: string
        .sha256: string
        .tables: number
        .tables_change: number
        .tables_gone: []
        .text_bytes: number
        .verified: null
        .verified_utc: null
        .version: number
    "#]]
    .assert_eq(&shape(&json));
}

#[test]
fn a_new_migration_is_a_pair_of_files_after_all_others() {
    let project = Project::new();
    project.write("api/migrations/20991231235959_last.up.sql", "SELECT 1;\n");
    let json = project.json(&["migrate", "new", "Add prices"]);
    for (key, end) in [("up", "up.sql"), ("down", "down.sql")] {
        let path = json[key].as_str().expect("a path");
        assert!(path.ends_with(&format!("20991231235960_add_prices.{end}")), "{path}");
        assert!(sys::fs::read_text(path.as_ref()).expect("the file").starts_with("-- "));
    }
    expect![[r#"
        exit code 2
        --- stderr
        error: `../etc` cannot name a migration

        hint: Use a letter, then letters, digits and `_`, at most 60: `cargo xtask migrate new add_prices`.
    "#]].assert_eq(&project.said(&["migrate", "new", "../etc"]));
}
