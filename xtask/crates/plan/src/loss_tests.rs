//! Tests of what counts as a loss, and of what explains one.

use chrono::{DateTime, Utc};

use super::*;
use crate::history::testing::{Log, label};
use crate::testing::manifest;
use model::gate::{Effect, GateTimes, StatementReport, Strategy};
use model::inventory::BrokenView;
use model::manifest::{ProgramEntry, TableEntry};
use model::trust::Trust;

fn at() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn backup(stamp: &str, tables: &[(&str, u64)]) -> Manifest {
    let like = manifest();
    let table = |(name, rows): &(&str, u64)| TableEntry {
        name: (*name).to_owned(),
        rows: *rows,
        ..like.tables[0].clone()
    };
    let tables = tables.iter().map(table).collect();
    Manifest { label: label(stamp), sha256: stamp.to_owned(), tables, ..like }
}

/// The backups, one after the other, with what happened before the last one.
fn suspects(backups: &[&Manifest], before_last: Option<Event>) -> Vec<(String, String)> {
    let mut log = Log::default();
    for (number, one) in backups.iter().enumerate() {
        if number + 1 == backups.len()
            && let Some(event) = before_last.clone()
        {
            log.add(at(), event);
        }
        log.add(at(), made(one, None));
    }
    watch(backups, &log)
}

fn made(one: &Manifest, accepted_loss: Option<Loss>) -> Event {
    Event::Backup {
        label: one.label.clone(),
        sha256: one.sha256.clone(),
        manifest_sha256: None,
        reason: "manual".to_owned(),
        rows: 0,
        duration_ms: 1,
        accepted_loss,
    }
}

fn watch(backups: &[&Manifest], log: &Log) -> Vec<(String, String)> {
    let mut entries = log.entries().to_vec();
    entries.iter_mut().for_each(|entry| entry.server_uuid = "here".to_owned());
    let policy = LossPolicy::default();
    let watch = Watch::new("mydb", backups, &entries, &policy);
    let said = |(label, loss): (&Label, &Loss)| {
        (
            label.time().format("%S").to_string(),
            format!("{}: {loss}", loss.against.time().format("%S")),
        )
    };
    watch.suspects().iter().map(said).collect()
}

fn found(stamp: &str, text: &str) -> Vec<(String, String)> {
    vec![(stamp.to_owned(), text.to_owned())]
}

const FULL: [(&str, u64); 3] = [("credit", 40), ("movie", 1000), ("session", 12)];

#[test]
fn what_is_gone_or_much_less_is_a_loss_and_what_comes_and_goes_is_not() {
    let one = backup("20261101_000001", &FULL);
    let next = |tables: &[(&str, u64)]| suspects(&[&one, &backup("20261101_000002", tables)], None);
    assert!(next(&FULL).is_empty());
    assert!(next(&[("credit", 40), ("movie", 801), ("session", 3), ("new", 1)]).is_empty());
    assert_eq!(
        next(&[("movie", 800), ("session", 0)]),
        found(
            "02",
            "01: `credit` is gone (40 rows), `movie` has 800 of 1,000 rows, `session` is empty \
             (12 rows before)"
        )
    );
}

#[test]
fn the_thresholds_are_the_policys() {
    let one = backup("20261101_000001", &FULL);
    let now = backup("20261101_000002", &[("credit", 39), ("movie", 990), ("session", 0)]);
    let lost =
        |policy: &LossPolicy| between(&one, &Holdings::of(&now), policy).map(|it| it.to_string());
    let ignore = vec!["session".to_owned()];
    assert_eq!(lost(&LossPolicy { ignore: ignore.clone(), ..LossPolicy::default() }), None);
    let strict = LossPolicy { percent: 1, rows: 1, ignore };
    assert_eq!(lost(&strict).unwrap(), "`credit` has 39 of 40 rows, `movie` has 990 of 1,000 rows");
    let none = backup("20261101_000002", &[("credit", 40), ("movie", 1000)]);
    let gone = between(&one, &Holdings::of(&none), &strict).unwrap();
    assert_eq!(gone.to_string(), "`session` is gone (12 rows)", "its rows may go, it may not");
    assert!(LossPolicy { percent: 0, ..LossPolicy::default() }.demand_sound().is_err());
}

#[test]
fn programs_count_and_a_broken_view_is_not_gone() {
    let entry = |kind, name: &str| ProgramEntry {
        kind,
        name: name.to_owned(),
        definer: String::new(),
        ddl_sha256: String::new(),
    };
    let programs = vec![entry(ObjectKind::View, "v"), entry(ObjectKind::Trigger, "t")];
    let one = Manifest { programs, ..backup("20261101_000001", &FULL) };
    let broken = BrokenView { name: "v".to_owned(), ddl: String::new(), why: String::new() };
    let two = Manifest { broken_views: vec![broken], ..backup("20261101_000002", &FULL) };
    assert_eq!(suspects(&[&one, &two], None), found("02", "01: trigger `t` is gone"));
}

#[test]
fn a_loss_does_not_become_normal_by_being_backed_up_twice() {
    let one = backup("20261101_000001", &FULL);
    let two = backup("20261101_000002", &FULL[1..]);
    let three = backup("20261101_000003", &FULL[1..]);
    let both = suspects(&[&one, &two, &three], None);
    assert_eq!(both.len(), 2);
    assert_eq!(both[1].1, "01: `credit` is gone (40 rows)");
    // Accepted once, it is how things are; but only by an entry that is proven.
    let mut log = Log::default();
    let loss = between(&one, &Holdings::of(&two), &LossPolicy::default());
    log.add(at(), made(&one, None)).add(at(), made(&two, loss)).add(at(), made(&three, None));
    assert!(watch(&[&one, &two, &three], &log).is_empty());
    let mut forged = log.entries().to_vec();
    forged[1..].iter_mut().for_each(|it| it.trust = Trust::Unsigned);
    let policy = LossPolicy::default();
    let watch = Watch::new("mydb", &[], &forged, &policy);
    assert!(watch.suspects().is_empty(), "without manifests nothing is known");
    let watch = Watch::new("mydb", &[&one, &two, &three], &forged, &policy);
    assert_eq!(watch.suspects().len(), 2);
}

#[test]
fn a_forged_backup_makes_no_honest_one_suspect() {
    let one = backup("20261101_000001", &FULL);
    let forged = backup("20261101_000002", &[&FULL[..], &[("more", 9)]].concat());
    let three = backup("20261101_000003", &FULL);
    let all = [&one, &forged, &three];
    let mut log = Log::default();
    for it in all {
        log.add(at(), made(it, None));
    }
    assert_eq!(watch(&all, &log).len(), 1, "if it were proven");
    let mut entries = log.entries().to_vec();
    entries[1].trust = Trust::Unsigned;
    let policy = LossPolicy::default();
    assert!(Watch::new("mydb", &all, &entries, &policy).suspects().is_empty());
}

fn gate(outcome: GateOutcome, statements: &[&str]) -> Event {
    let report = |text: &&str| StatementReport {
        migration: "7_x".to_owned(),
        number: 1,
        of: 1,
        statement: (*text).to_owned(),
        duration_ms: 1,
        rows: 0,
        effect: Effect::Rows,
        table_rows: None,
    };
    Event::Gate {
        changes: vec!["7_x".to_owned()],
        outcome,
        detail: String::new(),
        backup: None,
        strategy: Some(Strategy::Swap),
        previous_schema: None,
        statements: statements.iter().map(report).collect(),
        times: GateTimes::default(),
        own_gtids: None,
    }
}

#[test]
fn a_change_through_the_gate_explains_what_its_statements_name() {
    let one = backup("20261101_000001", &FULL);
    let two = backup("20261101_000002", &[("movie", 1000)]);
    let after = |event| suspects(&[&one, &two], Some(event));
    let all = gate(GateOutcome::Applied, &["DROP TABLE `credit`", "DELETE FROM Session WHERE 1"]);
    assert!(after(all).is_empty());
    let part = gate(GateOutcome::Applied, &["DROP TABLE credit", "ALTER TABLE sessions ADD x INT"]);
    assert_eq!(after(part), found("02", "01: `session` is gone (12 rows)"));
    // An import has no statements to ask.
    assert!(after(gate(GateOutcome::Applied, &[])).is_empty());
    assert_eq!(after(gate(GateOutcome::Refused, &["DROP TABLE credit"])).len(), 1);
}

#[test]
fn what_a_restore_brought_back_is_a_state_to_compare_with() {
    let one = backup("20261101_000001", &[("movie", 100)]);
    let two = backup("20261101_000002", &[("movie", 100), ("credit", 40)]);
    let three = backup("20261101_000003", &[("movie", 100)]);
    assert_eq!(suspects(&[&one, &two, &three], None).len(), 1);
    let restore = |sha256: &str, target: &str| Event::Restore {
        subject: "x".to_owned(),
        sha256: sha256.to_owned(),
        target: target.to_owned(),
        safety_backup: None,
        previous_schema: None,
        unsaved: Vec::new(),
        rows: 1,
        duration_ms: 1,
    };
    let back = |event| suspects(&[&one, &two, &three], Some(event));
    assert!(back(restore(&one.sha256, "mydb")).is_empty());
    assert_eq!(back(restore(&one.sha256, "mydb__look")).len(), 1, "that one is beside");
    assert!(back(restore("a file", "mydb")).is_empty(), "what it held is not known");
    // A restore that a later run finished is one, too.
    let finished = |of: &Manifest, purpose| Event::Recovered {
        how: "finished".to_owned(),
        subject: of.label.to_string(),
        purpose,
    };
    assert!(back(finished(&one, Some(Purpose::Restore))).is_empty());
    assert_eq!(back(finished(&two, Some(Purpose::Restore))).len(), 1, "it held more");
    assert!(back(finished(&two, Some(Purpose::Migrate))).is_empty(), "what it made is not known");
    assert!(back(finished(&two, None)).is_empty());
    let less = backup("20261101_000003", &[("movie", 1)]);
    let lost = suspects(&[&one, &two, &less], Some(restore(&one.sha256, "mydb")));
    assert_eq!(lost.len(), 1, "it is less than either");
}

#[test]
fn another_server_is_another_database() {
    let one = backup("20261101_000001", &FULL);
    let mut two = backup("20261101_000002", &[("movie", 1)]);
    two.server.uuid = "elsewhere".to_owned();
    assert!(suspects(&[&one, &two], None).is_empty());
}
