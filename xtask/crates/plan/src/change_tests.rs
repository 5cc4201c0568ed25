//! What a restore changes, side by side.

use super::*;

fn side(tables: &[(&str, Option<u64>)], programs: &[(ObjectKind, &str)], versions: &[i64]) -> Side {
    let migration = |version: &i64| AppliedMigration {
        version: *version,
        description: "add prices".to_owned(),
        success: true,
        checksum: String::new(),
    };
    Side {
        tables: tables.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect(),
        programs: programs.iter().map(|(kind, name)| (*kind, (*name).to_owned())).collect(),
        migrations: Some(versions.iter().map(migration).collect()),
    }
}

fn live() -> Side {
    let tables = [
        ("invoices_2026", Some(1200)),
        ("movie", Some(859)),
        ("rating", None),
        ("title", Some(5)),
        ("watch_history", Some(687_000)),
    ];
    side(&tables, &[(ObjectKind::View, "titles"), (ObjectKind::Event, "e")], &[1, 2])
}

fn backup() -> Side {
    let tables = [
        ("credit", Some(2)),
        ("movie", Some(859)),
        ("rating", Some(7)),
        ("title", Some(6)),
        ("watch_history", Some(3000)),
    ];
    side(&tables, &[(ObjectKind::Event, "e")], &[1])
}

#[test]
fn what_is_lost_comes_first() {
    let changes = between(&live(), &backup(), None, false);
    assert_eq!(
        lines(&changes),
        [
            "  rows     now -> then, where they differ (5 of 6 tables):\n",
            "             invoices_2026     1,200 -> the table goes\n",
            "             watch_history   687,000 -> 3,000\n",
            "             rating          unknown -> 7\n",
            "             credit         no table -> 2\n",
            "             title                 5 -> 6\n",
            "  loses    1 table and 685,200 rows of what is live now, by count\n",
            "  goes     view `titles`\n",
            "  pending  again, because the backup is older: 2_add_prices\n",
        ]
        .concat()
    );
}

#[test]
fn equal_counts_are_no_proof() {
    let text = lines(&between(&backup(), &backup(), None, false));
    assert_eq!(
        text,
        "  rows     each table has as many now as in the backup; which ones is not compared\n"
    );
}

#[test]
fn chosen_tables_alone_are_compared() {
    let only = ["title".to_owned()];
    let changes = between(&live(), &backup(), Some(&only), false);
    assert_eq!(changes.tables.len(), 1);
    assert!(changes.programs_gone.is_empty());
    assert_eq!(changes.pending, Some(Vec::new()));
}

#[test]
fn a_file_that_does_not_say_leaves_it_open() {
    let file = Side { migrations: None, ..backup() };
    assert_eq!(between(&live(), &file, None, false).pending, None);
    // Nothing is applied, so nothing can become pending.
    let bare = Side { migrations: Some(Vec::new()), ..live() };
    assert_eq!(between(&bare, &file, None, false).pending, Some(Vec::new()));
}

#[test]
fn a_server_that_folds_names_has_one_table() {
    let (now, then) =
        (side(&[("Movie", Some(1))], &[], &[]), side(&[("movie", Some(1))], &[], &[]));
    assert_eq!(between(&now, &then, None, true).tables[0].fate, TableFate::Same);
    assert_eq!(between(&now, &then, None, false).tables.len(), 2);
}

#[test]
fn names_stay_on_their_line_and_many_are_counted() {
    let names: Vec<String> = (0..20).map(|it| format!("t{it}\n  first    nothing")).collect();
    let tables: Vec<(&str, Option<u64>)> = names.iter().map(|it| (it.as_str(), Some(1))).collect();
    let text = lines(&between(&side(&tables, &[], &[]), &Side::default(), None, false));
    assert_eq!(text.lines().count(), 1 + NAMED + 2, "{text}");
    assert!(text.contains("and 8 more; --dry-run --json has all"), "{text}");
}
