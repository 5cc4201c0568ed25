//! One backup on a screen.

use super::super::list::tests::{listed, utc};
use super::*;
use crate::json::{ListedBackup, ListedPlace, PlaceState, ShownProgram, ShownTable};
use crate::page::sample;
use expect_test::expect;
use model::entry::{Entry, Event};
use model::inventory::ObjectKind;
use model::label::Label;

fn receipt(label: &Label) -> Entry {
    let event = Event::Backup {
        label: label.clone(),
        sha256: "ab".to_owned(),
        manifest_sha256: None,
        reason: "manual".to_owned(),
        rows: 3002,
        duration_ms: 1,
        accepted_loss: None,
    };
    let at_utc = utc("20261201_024500");
    Entry { at_utc, server_uuid: "u".to_owned(), ..sample::entry(0, event) }
}

fn document() -> ShowDocument {
    let backup = ListedBackup {
        bytes: 12_345,
        rows: 3002,
        tables: 2,
        rows_change: Some(-684_000),
        tables_change: Some(-1),
        compared_with: "mydb_backup_20261130_020000".parse().ok(),
        reason: "manual".to_owned(),
        note: Some("before the clean-up\n  proof  forged".to_owned()),
        verified_utc: Some(utc("20261201_025000")),
        pinned: Some(String::new()),
        places: vec![
            ListedPlace { name: "here".to_owned(), state: PlaceState::There },
            ListedPlace { name: "drive".to_owned(), state: PlaceState::Failed },
        ],
        ..listed("20261201_024500")
    };
    let table = |name: &str, rows, by| ShownTable {
        name: name.to_owned(),
        rows,
        rows_change: by,
        text_bytes: Some(2048),
    };
    let label = backup.label.clone();
    ShowDocument {
        version: 1,
        backup,
        schema: "mydb".to_owned(),
        server: "MySQL 9.7.4".to_owned(),
        server_uuid: "u".to_owned(),
        file: "/b/mydb_backup_20261201_024500.sql.zst".to_owned(),
        text_bytes: 65_000,
        compression: Compression::Zstd,
        encrypted: false,
        sha256: "ab12".to_owned(),
        contents: "2 tables, 1 view".to_owned(),
        duration_ms: 12,
        contains: vec![table("credit", 2, None), table("watch_history", 3000, Some(-684_000))],
        programs: vec![ShownProgram { kind: ObjectKind::View, name: "titles".to_owned() }],
        tables_gone: vec!["invoice".to_owned()],
        migrations: vec!["1_base".to_owned()],
        receipts: vec![receipt(&label)],
    }
}

#[test]
fn one_backup() {
    let local = |at: DateTime<Utc>| at.naive_utc();
    let text = show(&document(), &local, utc("20261201_030000"), Some(80));
    expect![[r#"
        mydb_backup_20261201_024500
          taken       2026-12-01 02:45:00, 15 minutes ago
          why         manual: before the clean-up⟨U+000A⟩  proof  forged
          proof       restored and compared, 2026-12-01 02:50:00, 10 minutes ago
          origin      this machine
          pinned      yes
          contents    2 tables, 1 view; 3,002 rows
          change      rows -684,000, tables -1 against mydb_backup_20261130_020000
          migrations  1, the last is 1_base
          from        `mydb` on MySQL 9.7.4
          file        /b/mydb_backup_20261201_024500.sql.zst (12 KiB, 63 KiB of SQL)
          sha-256     ab12
          places      here, drive FAILED

         table           rows    change  SQL text
         credit             2       new   2.0 KiB
         watch_history  3,000  -684,000   2.0 KiB
        Not there any more: invoice.
        Also view titles.

        Receipts:
          2026-12-01 02:45  backup  with 3,002 rows (manual)
    "#]]
    .assert_eq(&text);
}

#[test]
fn what_is_wrong_with_it_stands_near_the_top() {
    let local = |at: DateTime<Utc>| at.naive_utc();
    let mut bad = document();
    bad.backup.failed = true;
    bad.receipts.clear();
    let text = show(&bad, &local, utc("20261201_030000"), Some(80));
    assert!(text.contains("FAILED its last verification"), "{text}");
    assert!(text.contains("The ledger has no entry about it."), "{text}");
}
