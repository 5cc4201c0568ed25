//! A restore over what no backup can hold, as the user reads it;
//! `UPDATE_EXPECT=1 cargo test --profile xtask -p plan --test unsaved` writes it anew.

use expect_test::{Expect, expect};
use model::exit::Stop;
use model::inventory::ObjectKind;
use model::left_out::LeftOut;
use plan::restore::{RestorePlan, Scope};
use plan::unsaved::{Of, Said, demand_agreed};

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&format!("{text}\n"));
}

fn check_stop(stop: &Stop, expected: Expect) {
    let mut text = format!("{}: {}\n", stop.code as u8, stop.message);
    for hint in &stop.hints {
        text.push_str(&format!("hint: {hint}\n"));
    }
    expected.assert_eq(&text);
}

fn restore() -> RestorePlan {
    RestorePlan {
        source: "mydb_backup_20261122_101112".to_owned(),
        contents: "19 tables, 2 views, 1,234 rows".to_owned(),
        origin: "this machine".to_owned(),
        taken_utc: None,
        age: "taken 3 hours ago".to_owned(),
        server: "127.0.0.1:3306".to_owned(),
        target: "mydb".to_owned(),
        target_contents: "20 tables".to_owned(),
        changes: None,
        scope: Scope::Replace,
        staging: "mydb__staging_20261122_120000".to_owned(),
        before: "mydb__before_20261122_120000".to_owned(),
        drop_old: false,
        safety_backup: true,
        unsaved: Vec::new(),
        accepts_unsaved: false,
        events: false,
        proven: true,
        brings: Vec::new(),
        enable_events: false,
    }
}

#[test]
fn a_restore_over_what_no_backup_can_hold() {
    let out = |kind, name: &str, rows, why: &str| LeftOut {
        kind,
        name: name.to_owned(),
        rows,
        why: why.to_owned(),
    };
    let unsaved = vec![
        out(ObjectKind::Table, "audit", None, "it has the storage engine BLACKHOLE"),
        out(ObjectKind::View, "v", None, "it needs table `audit`"),
        out(ObjectKind::Table, "price", Some(3), "it is a system-versioned table"),
    ];
    check(
        &RestorePlan { unsaved: unsaved.clone(), ..restore() }.to_string(),
        expect![[r#"
        Restore mydb_backup_20261122_101112 (taken 3 hours ago):
          backup   19 tables, 2 views, 1,234 rows
          origin   this machine
          server   127.0.0.1:3306
          replaces `mydb`, which has 20 tables
          first    a partial safety backup of `mydb`; it cannot hold
                     table `audit`: it has the storage engine BLACKHOLE
                     view `v`: it needs table `audit`
                     table `price` (3 rows): it is a system-versioned table
                   That is then in no backup, and only in `mydb__before_20261122_120000`
                   With --yes this needs --accept-unsaved
          then     load into `mydb__staging_20261122_120000`, compare, and swap
          the old tables go to `mydb__before_20261122_120000` and are kept
    "#]],
    );
    let of = Of { source: "latest", target: "mydb", tables: &[] };
    let said = Said { yes: true, ..Said::default() };
    check_stop(
        &demand_agreed(&unsaved, said, of).expect_err("a refusal"),
        expect![[r#"
        40: the safety backup of `mydb` cannot hold all of it; nothing was changed: table `audit`: it has the storage engine BLACKHOLE; view `v`: it needs table `audit`; table `price` (3 rows): it is a system-versioned table
        hint: `cargo xtask db-restore latest --yes --accept-unsaved` restores all the same: the old tables are kept in `mydb__before_…`, the only place with what is named above.
        hint: `cargo xtask db-restore latest --into mydb__look` restores it beside `mydb`, which stays as it is.
    "#]],
    );
    let said = Said { drop_old: true, ..said };
    check_stop(
        &demand_agreed(&unsaved, said, of).expect_err("a refusal"),
        expect![[r#"
        2: --drop-old would destroy the only copy of what the safety backup cannot hold; nothing was changed: table `audit`: it has the storage engine BLACKHOLE; view `v`: it needs table `audit`; table `price` (3 rows): it is a system-versioned table
        hint: Leave --drop-old out: the old tables are then kept beside.
        hint: `cargo xtask db-restore latest --into mydb__look` restores it beside `mydb`, which stays as it is.
    "#]],
    );
    let (tables, said) =
        (vec!["price".to_owned()], Said { yes: true, accepts: true, drop_old: false });
    let of = Of { tables: &tables, ..of };
    check_stop(
        &demand_agreed(&unsaved, said, of).expect_err("a refusal"),
        expect![[r#"
        40: the safety backup cannot hold table `price`, whose rows would be overwritten; nothing was changed: it is a system-versioned table
        hint: Restore the whole schema: without --table the old tables are kept beside.
        hint: `cargo xtask db-restore latest --into mydb__look` restores it beside `mydb`, which stays as it is.
    "#]],
    );
}
