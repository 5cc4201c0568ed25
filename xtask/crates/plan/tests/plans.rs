//! Plans and refusals as the user reads them. A change of words shows here in review;
//! `UPDATE_EXPECT=1 cargo test --profile xtask -p plan --test plans` writes them anew.

use std::path::PathBuf;

use config::gate::StrategyChoice;
use expect_test::{Expect, expect};
use model::exit::Stop;
use model::label::Label;
use model::manifest::{AppliedMigration, Compression};
use plan::backup::{BackupPlan, Mover};
use plan::deploy::{DeployPlan, Step};
use plan::failed::{self, PutBack};
use plan::migrate::{MigratePlan, MigrationFile, MigrationState};
use plan::restore::{RestorePlan, Scope};
use plan::undo::{Exchanged, known, refused};

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&format!("{text}\n"));
}

/// A refusal as the program prints it, with its exit code in front.
fn check_stop(stop: &Stop, expected: Expect) {
    let mut text = format!("{}: {}\n", stop.code as u8, stop.message);
    for hint in &stop.hints {
        text.push_str(&format!("hint: {hint}\n"));
    }
    expected.assert_eq(&text);
}

fn label() -> Label {
    "mydb_backup_20261122_101112".parse().expect("a label")
}

fn owned(all: &[&str]) -> Vec<String> {
    all.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn a_backup() {
    let plan = BackupPlan {
        server: "127.0.0.1:3306".to_owned(),
        schema: "mydb".to_owned(),
        folder: PathBuf::from("backups"),
        mover: Mover::Native { threads: 4 },
        compression: Compression::Zstd,
        encrypted_for: owned(&["age1-aaaa"]),
        contents: "19 tables, 2 views".to_owned(),
        bytes_estimate: 300 << 20,
        non_transactional: owned(&["log"]),
        broken_views: owned(&["old_view"]),
    };
    check(
        &plan.to_string(),
        expect![[r#"
        Back up `mydb` on 127.0.0.1:3306:
          contents     19 tables, 2 views, about 300 MiB
          engine       native, 4 connections
          compression  zstd
          encrypted    for age1-aaaa
          locks        all tables, because these have no transactions: log
          left out     broken views: old_view
          folder       backups
    "#]],
    );
}

fn restore(scope: Scope) -> RestorePlan {
    RestorePlan {
        source: label().to_string(),
        contents: "19 tables, 2 views, 1,234 rows".to_owned(),
        origin: "this machine".to_owned(),
        taken_utc: None,
        age: "taken 3 hours ago".to_owned(),
        server: "127.0.0.1:3306".to_owned(),
        target: "mydb".to_owned(),
        target_contents: "19 tables".to_owned(),
        changes: None,
        scope,
        staging: "mydb__staging_20261122_120000".to_owned(),
        before: "mydb__before_20261122_120000".to_owned(),
        drop_old: false,
        safety_backup: true,
        unsaved: Vec::new(),
        accepts_unsaved: false,
        events: true,
        proven: true,
        brings: Vec::new(),
        enable_events: false,
    }
}

#[test]
fn a_restore_in_place_of_the_live_schema() {
    check(
        &restore(Scope::Replace).to_string(),
        expect![[r#"
        Restore mydb_backup_20261122_101112 (taken 3 hours ago):
          backup   19 tables, 2 views, 1,234 rows
          origin   this machine
          server   127.0.0.1:3306
          replaces `mydb`, which has 19 tables
          first    a safety backup of `mydb`
          then     load into `mydb__staging_20261122_120000`, compare, and swap
          the old tables go to `mydb__before_20261122_120000` and are kept
    "#]],
    );
    let dropped = RestorePlan { drop_old: true, ..restore(Scope::Replace) };
    check(
        &dropped.to_string(),
        expect![[r#"
        Restore mydb_backup_20261122_101112 (taken 3 hours ago):
          backup   19 tables, 2 views, 1,234 rows
          origin   this machine
          server   127.0.0.1:3306
          replaces `mydb`, which has 19 tables
          first    a safety backup of `mydb`
          then     load into `mydb__staging_20261122_120000`, compare, and swap
          the old tables go to `mydb__before_20261122_120000` and are dropped
    "#]],
    );
}

#[test]
fn a_restore_of_a_file_of_unknown_origin() {
    let unknown =
        RestorePlan { proven: false, origin: "unsigned".to_owned(), ..restore(Scope::Replace) };
    check(
        &unknown.to_string(),
        expect![[r#"
        Restore mydb_backup_20261122_101112 (taken 3 hours ago):
          backup   19 tables, 2 views, 1,234 rows
          origin   unsigned
          server   127.0.0.1:3306
          replaces `mydb`, which has 19 tables
          first    a safety backup of `mydb`
          origin   unknown: no ledger entry on this machine records this file
          events   stay disabled, even one that runs now for another account; --enable-events enables them
          then     load into `mydb__staging_20261122_120000`, compare, and swap
          the old tables go to `mydb__before_20261122_120000` and are kept
    "#]],
    );
}

#[test]
fn a_restore_beside_the_live_schema() {
    let beside = RestorePlan {
        target: "mydb__look".to_owned(),
        target_contents: "nothing".to_owned(),
        safety_backup: false,
        ..restore(Scope::Beside)
    };
    check(
        &beside.to_string(),
        expect![[r#"
            Restore mydb_backup_20261122_101112 (taken 3 hours ago):
              backup   19 tables, 2 views, 1,234 rows
              origin   this machine
              server   127.0.0.1:3306
              creates  `mydb__look`; nothing else is touched
              events   stay disabled: nothing acts in a copy
              then     load it into `mydb__staging_20261122_120000`, compare, and move it into place
        "#]],
    );
}

#[test]
fn a_restore_of_single_tables() {
    check(
        &restore(Scope::Tables(owned(&["rating", "watchlist"]))).to_string(),
        expect![[r#"
        Restore mydb_backup_20261122_101112 (taken 3 hours ago):
          backup   19 tables, 2 views, 1,234 rows
          origin   this machine
          server   127.0.0.1:3306
          replaces the rows of rating, watchlist in `mydb`
          first    a safety backup of `mydb`
          then     load them into `mydb__staging_20261122_120000`, compare, and copy the rows in one transaction
    "#]],
    );
}

fn state() -> MigrationState {
    let file = |version: i64| MigrationFile {
        version,
        description: "add_column".to_owned(),
        checksum: "aa".to_owned(),
    };
    let applied = AppliedMigration {
        version: 1,
        description: "add_column".to_owned(),
        success: true,
        checksum: "aa".to_owned(),
    };
    MigrationState::of(vec![file(1), file(2), file(3)], vec![applied])
}

fn migrating(choice: StrategyChoice, last: Option<&str>, state: MigrationState) -> MigratePlan {
    MigratePlan {
        schema: "mydb".to_owned(),
        server: "127.0.0.1:3306".to_owned(),
        state,
        choice,
        follows: Err("no account reads the server's log".to_owned()),
        last: last.map(str::to_owned),
    }
}

#[test]
fn a_migration() {
    check(
        &migrating(StrategyChoice::Auto, Some("the last passage took 41 s"), state()).to_string(),
        expect![[r#"
            Migrate `mydb` on 127.0.0.1:3306:
              applied  1 add_column
              pending  2 add_column
              pending  3 add_column
            1 applied, 2 pending
              first  a backup, restored beside the live schema and compared
              then   the pending migrations run on that copy
              then   the copy takes the place of the live schema
                     if others write meanwhile, they run on the live schema: no account reads the server's log
              time   the last passage took 41 s
        "#]],
    );
    check(
        &migrating(StrategyChoice::Swap, None, state()).to_string(),
        expect![[r#"
            Migrate `mydb` on 127.0.0.1:3306:
              applied  1 add_column
              pending  2 add_column
              pending  3 add_column
            1 applied, 2 pending
              first  a backup, restored beside the live schema and compared
              then   the pending migrations run on that copy
              then   the copy takes the place of the live schema
                     if others write meanwhile, nothing happens: no account reads the server's log
        "#]],
    );
    check(
        &migrating(StrategyChoice::InPlace, None, state()).to_string(),
        expect![[r#"
        Migrate `mydb` on 127.0.0.1:3306:
          applied  1 add_column
          pending  2 add_column
          pending  3 add_column
        1 applied, 2 pending
          first  a backup, restored beside the live schema and compared
          then   the pending migrations run on that copy
          then   they run on the live schema
    "#]],
    );
    let done = MigrationState { pending: Vec::new(), ..state() };
    check(
        &migrating(StrategyChoice::Auto, None, done).to_string(),
        expect![[r#"
        Nothing is pending for `mydb` on 127.0.0.1:3306; nothing would be done.
    "#]],
    );
}

#[test]
fn a_migration_that_can_follow() {
    let follows = MigratePlan { follows: Ok(()), ..migrating(StrategyChoice::Auto, None, state()) };
    check(
        &follows.to_string(),
        expect![[r#"
        Migrate `mydb` on 127.0.0.1:3306:
          applied  1 add_column
          pending  2 add_column
          pending  3 add_column
        1 applied, 2 pending
          first  a backup, restored beside the live schema and compared
          then   the pending migrations run on that copy
          then   the copy takes the place of the live schema
                 if others write meanwhile, it follows them first, and they wait for about a second at the end
    "#]],
    );
}

#[test]
fn migrations_that_are_not_in_order() {
    let mut dirty = state();
    dirty.applied[0].success = false;
    let files = vec![dirty.pending[0].clone()];
    let stop = MigrationState::of(files, dirty.applied).demand_sound().expect_err("a trouble");
    check_stop(
        &stop,
        expect![[r#"
        20: the migrations are not in order: 1 add_column is dirty: it started but did not finish
        hint: `cargo xtask migrate --status` shows each. The database was not touched.
        hint: The backup taken before a dirty migration has the previous state: `cargo xtask db-list`.
    "#]],
    );
}

#[test]
fn a_deploy() {
    let plan = DeployPlan {
        target: "local".to_owned(),
        kind: "process",
        url: "http://127.0.0.1:3000".to_owned(),
        release: "abc1234".to_owned(),
        current: "nothing".to_owned(),
        database: "`mydb` on 127.0.0.1:3306".to_owned(),
        steps: vec![
            Step::new("Build.", Some(1800), "nothing to undo"),
            Step::new("Migrate.", None, "by the gate"),
        ],
    };
    check(
        &plan.to_string(),
        expect![[r#"
        Deploy abc1234 to `local` (process, http://127.0.0.1:3000):
          database  `mydb` on 127.0.0.1:3306
          runs now  nothing
          1. Build. (at most 1800 s)
             undo: nothing to undo
          2. Migrate.
             undo: by the gate
    "#]],
    );
}

#[test]
fn a_migration_that_failed() {
    let stop = |ended: &PutBack| failed::stop("mydb", &label(), "no such column", ended);
    check_stop(
        &stop(&PutBack::Nothing),
        expect![[r#"
            30: a migration failed on `mydb` and left nothing behind; the schema is as it was:
              no such column
            hint: Its rehearsal on the copy had passed: look for what differs on the live schema, such as locks held by others. Then run `cargo xtask migrate` again.
        "#]],
    );
    let restored = |slipped: &[&str]| PutBack::Restored {
        previous: "mydb__before_20261122_120000".to_owned(),
        slipped: owned(slipped),
    };
    check_stop(
        &stop(&restored(&[])),
        expect![[r#"
        30: a migration failed on `mydb`; the previous state is restored from mydb_backup_20261122_101112:
          no such column
        hint: It was proven that no one else had written. The half-migrated tables are in `mydb__before_20261122_120000`.
    "#]],
    );
    check_stop(
        &stop(&restored(&["`rating` has 3 rows, 2 before"])),
        expect![[r#"
        31: a migration failed on `mydb`; the previous state IS restored from mydb_backup_20261122_101112, but something was written during the swap: `rating` has 3 rows, 2 before
          no such column
        hint: Those rows are in `mydb__before_20261122_120000` and nowhere else. Copy them over before it is dropped.
        hint: Do not restore again.
    "#]],
    );
    let not = PutBack::Not {
        why: "someone else wrote to it since the backup".to_owned(),
        differences: owned(&["`rating` has 3 rows, 2 before"]),
    };
    check_stop(
        &stop(&not),
        expect![[r#"
            31: a migration failed on `mydb`, and the previous state is NOT restored:
              no such column
            hint: It was not restored automatically: someone else wrote to it since the backup.
            hint: Compared with mydb_backup_20261122_101112: `rating` has 3 rows, 2 before.
            hint: To go back, losing what was written since: cargo xtask db-restore mydb_backup_20261122_101112
            hint: To go forward, fix the schema by hand and see `cargo xtask migrate --status`; docs/gate.md has both, step by step.
        "#]],
    );
}

#[test]
fn a_migration_that_cannot_be_taken_back() {
    check_stop(
        &known(None, "mydb").expect_err("a refusal"),
        expect![[r#"
        20: there is no migration by swap to undo
        hint: A migration in place has no old tables. Its backup is in `cargo xtask db-list`; `cargo xtask db-restore LABEL` restores that state and loses what was written since.
    "#]],
    );
    check_stop(
        &refused("it was made on another server"),
        expect![[r#"
            20: the migration cannot be undone; the database was not touched: it was made on another server
        "#]],
    );
    let exchanged = Exchanged {
        before: "mydb__before_20261122_120000".to_owned(),
        slipped: owned(&["`rating` has 3 rows, 2 before"]),
    };
    check_stop(
        &exchanged.lost_between("mydb").expect("a failure"),
        expect![[r#"
        31: `mydb` is as it was before the migration, but something wrote to the migrated tables during the undo: `rating` has 3 rows, 2 before
        hint: Those rows are in `mydb__before_20261122_120000`, which is kept, and nowhere else. Copy them over before it is dropped.
    "#]],
    );
}
