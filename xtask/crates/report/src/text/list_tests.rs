//! The list of a bad night, at each width.

use super::*;
use crate::json::ListedPlace;
use chrono::{NaiveDateTime, TimeDelta};
use expect_test::{Expect, expect};
use model::entry::Level;
use model::loss::{Loss, TableLoss};
use model::wrong_clock::WrongClock;

pub(in crate::text) fn utc(stamp: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(stamp, "%Y%m%d_%H%M%S").unwrap().and_utc()
}

pub(in crate::text) fn listed(stamp: &str) -> ListedBackup {
    let here = ListedPlace { name: "here".to_owned(), state: PlaceState::There };
    ListedBackup {
        label: format!("mydb_backup_{stamp}").parse().unwrap(),
        created_utc: utc(stamp),
        created_local: utc(stamp).naive_utc(),
        bytes: 12_345_678,
        rows: 1_027_534,
        tables: 21,
        rows_change: Some(0),
        tables_change: Some(0),
        compared_with: None,
        reason: "scheduled".to_owned(),
        note: None,
        verified: Some(Level::Restore),
        verified_utc: Some(utc(stamp)),
        pinned: None,
        origin: "own".to_owned(),
        signer: None,
        claimed: None,
        suspect: None,
        wrong_clock: None,
        failed: false,
        partial: false,
        places: vec![here],
    }
}

/// A bad night.
fn night() -> Vec<ListRow> {
    let loss = Loss {
        against: "mydb_backup_20261130_020000".parse().unwrap(),
        tables: vec![TableLoss {
            name: "watch_history".to_owned(),
            before: 687_000,
            now: Some(3000),
        }],
        programs: Vec::new(),
    };
    let drive = |state| ListedPlace { name: "drive".to_owned(), state };
    let with = |backup: ListedBackup, state| {
        let places = backup.places.iter().cloned().chain([drive(state)]).collect();
        backup.at(places)
    };
    let suspect = ListedBackup {
        suspect: Some(Box::new(loss)),
        rows: 343_534,
        rows_change: Some(-684_000),
        tables_change: Some(-1),
        tables: 20,
        verified: None,
        verified_utc: None,
        reason: "manual".to_owned(),
        note: Some("before the clean-up that Ada asked for, ticket 4711, see the wiki".to_owned()),
        ..listed("20261201_024500")
    };
    let safety = ListedBackup {
        reason: "safety".to_owned(),
        partial: true,
        rows_change: None,
        tables_change: None,
        ..listed("20261201_010000")
    };
    let unusable = ListRow::Unusable {
        label: "mydb_backup_20261130_140000".parse().unwrap(),
        problem: "is damaged: its data file mydb_backup_20261130_140000.sql.zst is missing"
            .to_owned(),
    };
    let pinned = ListedBackup { pinned: Some(String::new()), ..listed("20261130_020000") };
    let first =
        ListedBackup { rows_change: None, tables_change: None, ..listed("20261029_020000") };
    [
        ListRow::Usable(Box::new(suspect)),
        ListRow::Usable(Box::new(safety)),
        unusable,
        ListRow::Usable(Box::new(with(pinned, PlaceState::There))),
        ListRow::Usable(Box::new(with(first, PlaceState::Failed))),
    ]
    .into()
}

fn check(width: Option<usize>, expected: Expect) {
    let text = list(&night(), 12, utc("20261201_030000"), width);
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(width.is_none_or(|width| longest <= width), "{longest}: {text}");
    expected.assert_eq(&text);
    if let Some(columns) = width {
        let name = format!("db-list-{columns}.svg");
        crate::text::picture_tests::check(&name, "cargo xtask db-list --limit 5", &text, columns);
    }
}

#[test]
fn sixty_columns() {
    check(
        Some(60),
        expect![[r#"
             label                           age    change  proof
             mydb_backup_20261201_024500  15 min  -684,000  SUSPECT
               “before the clean-up that Ada asked for, ticket 4711, se…
             mydb_backup_20261201_010000     2 h         -  partial
             mydb_backup_20261130_140000       -         -  NOT USABLE
             mydb_backup_20261130_020000    25 h         =  restore 25 h
             mydb_backup_20261029_020000    33 d         -  restore 33 d
            mydb_backup_20261201_024500 is suspect: since
                mydb_backup_20261130_020000, `watch_history` has 3,000
                of 687,000 rows.
            mydb_backup_20261130_140000 is damaged: its data file
                mydb_backup_20261130_140000.sql.zst is missing.
            mydb_backup_20261029_020000: the last attempt to copy it to
                `drive` or read it there failed.
            12 older backups are not shown.
        "#]],
    );
}

#[test]
fn eighty_columns() {
    check(
        Some(80),
        expect![[r#"
             label                           age       rows    change   tables  proof
             mydb_backup_20261201_024500  15 min    343,534  -684,000  20 (-1)  SUSPECT
               “before the clean-up that Ada asked for, ticket 4711, see the wiki”
             mydb_backup_20261201_010000     2 h  1,027,534         -       21  partial
             mydb_backup_20261130_140000       -          -         -        -  NOT USABLE
             mydb_backup_20261130_020000    25 h  1,027,534         =       21  restore 25 h
             mydb_backup_20261029_020000    33 d  1,027,534         -       21  restore 33 d
            mydb_backup_20261201_024500 is suspect: since mydb_backup_20261130_020000,
                `watch_history` has 3,000 of 687,000 rows.
            mydb_backup_20261130_140000 is damaged: its data file
                mydb_backup_20261130_140000.sql.zst is missing.
            mydb_backup_20261029_020000: the last attempt to copy it to `drive` or read it
                there failed.
            12 older backups are not shown.
        "#]],
    );
}

#[test]
fn a_hundred_and_twenty_columns() {
    check(
        Some(120),
        expect![[r#"
             label                        made             age       rows    change   tables  reason             proof
             mydb_backup_20261201_024500  01 Dec 02:45  15 min    343,534  -684,000  20 (-1)  manual             SUSPECT
               “before the clean-up that Ada asked for, ticket 4711, see the wiki”
             mydb_backup_20261201_010000  01 Dec 01:00     2 h  1,027,534         -       21  safety, partial    partial
             mydb_backup_20261130_140000  -                  -          -         -        -  -                  NOT USABLE
             mydb_backup_20261130_020000  30 Nov 02:00    25 h  1,027,534         =       21  scheduled, pinned  restore 25 h
             mydb_backup_20261029_020000  29 Oct 02:00    33 d  1,027,534         -       21  scheduled          restore 33 d
            mydb_backup_20261201_024500 is suspect: since mydb_backup_20261130_020000, `watch_history` has 3,000 of 687,000 rows.
            mydb_backup_20261130_140000 is damaged: its data file mydb_backup_20261130_140000.sql.zst is missing.
            mydb_backup_20261029_020000: the last attempt to copy it to `drive` or read it there failed.
            12 older backups are not shown.
        "#]],
    );
}

#[test]
fn a_pipe_gets_all_of_it() {
    check(
        None,
        expect![[r#"
             label                        made             age       rows    change   tables    size  reason             proof         places
             mydb_backup_20261201_024500  01 Dec 02:45  15 min    343,534  -684,000  20 (-1)  12 MiB  manual             SUSPECT       here
               “before the clean-up that Ada asked for, ticket 4711, see the wiki”
             mydb_backup_20261201_010000  01 Dec 01:00     2 h  1,027,534         -       21  12 MiB  safety, partial    partial       here
             mydb_backup_20261130_140000  -                  -          -         -        -       -  -                  NOT USABLE    -
             mydb_backup_20261130_020000  30 Nov 02:00    25 h  1,027,534         =       21  12 MiB  scheduled, pinned  restore 25 h  here, drive
             mydb_backup_20261029_020000  29 Oct 02:00    33 d  1,027,534         -       21  12 MiB  scheduled          restore 33 d  here, drive FAILED
            mydb_backup_20261201_024500 is suspect: since mydb_backup_20261130_020000, `watch_history` has 3,000 of 687,000 rows.
            mydb_backup_20261130_140000 is damaged: its data file mydb_backup_20261130_140000.sql.zst is missing.
            mydb_backup_20261029_020000: the last attempt to copy it to `drive` or read it there failed.
            12 older backups are not shown.
        "#]],
    );
}

#[test]
fn who_vouches_is_a_column_where_it_is_not_this_machine() {
    let other = ListedBackup {
        origin: "trusted".to_owned(),
        signer: Some("laptop".to_owned()),
        ..listed("20261201_020000")
    };
    let text = list(&[ListRow::Usable(Box::new(other))], 0, utc("20261201_030000"), None);
    assert!(text.contains("origin") && text.contains("laptop"), "{text}");
}

#[test]
fn nothing_is_said_as_such() {
    let now = utc("20261201_030000");
    assert_eq!(list(&[], 0, now, Some(80)), "There are no backups yet.\n");
    assert_eq!(list(&[], 1, now, Some(80)), "1 older backup is not shown.\n");
}

#[test]
fn a_note_cannot_pose_as_a_line() {
    let note = Some("x\n mydb_backup_20990101_000000  0 min".to_owned());
    let rows = [ListRow::Usable(Box::new(ListedBackup { note, ..listed("20261201_020000") }))];
    let text = list(&rows, 0, utc("20261201_030000"), None);
    assert_eq!(text.lines().count(), 3, "{text}");
    let label = "mydb_backup_20261130_140000".parse().unwrap();
    let problem = "is damaged: x\n mydb_backup_20990101_000000".to_owned();
    let text = list(&[ListRow::Unusable { label, problem }], 0, utc("20261201_030000"), None);
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn a_wrong_clock_is_named_with_what_is_known() {
    let wrong = WrongClock {
        said_utc: utc("20300101_100000"),
        from_utc: Some(utc("20261130_020000")),
        until_utc: Some(utc("20261130_080000")),
    };
    let now = utc("20261130_120000");
    let row = |wrong| {
        let listed = listed("20300101_100000").misdated(Some(wrong));
        let verified_utc = Some(now - TimeDelta::hours(6));
        ListRow::Usable(Box::new(ListedBackup { verified_utc, ..listed }))
    };
    let text = list(&[row(wrong)], 0, now, None);
    // No age but that of its proof.
    assert!(!text.contains("future") && text.contains(" ? ") && text.contains("6 h"), "{text}");
    let said = "mydb_backup_20300101_100000: its clock was wrong: taken between 2026-11-30 02:00 \
                UTC and 2026-11-30 08:00 UTC.";
    assert!(text.contains(said), "{text}");
    // By a clock that may be wrong no age is known, and that is said once.
    let doubt = |said_utc| row(WrongClock { said_utc, from_utc: None, until_utc: None });
    let text = list(&[doubt(utc("20300101_100000")), doubt(now)], 0, now, None);
    assert!(!text.contains("6 h"), "{text}");
    let said = "mydb_backup_20300101_100000: when it was taken is unknown: a clock is wrong, \
                perhaps this machine's (its own said 2030-01-01 10:00 UTC). The age of 1 more is \
                not known either.";
    assert!(text.contains(said), "{text}");
    assert_eq!(text.matches("is wrong").count(), 1, "{text}");
}
