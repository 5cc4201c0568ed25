//! The status as it is read. A change of words shows here in review;
//! `UPDATE_EXPECT=1 cargo test --profile xtask -p report status` writes it anew.

use chrono::TimeDelta;
use expect_test::expect;
use model::entry::Level;
use model::label::Label;
use model::status::{
    Copies, Finding, Forecast, LedgerFacts, ReadBack, ScheduledRun, State, Storage, Written,
};

use super::*;
use model::status::ScheduleFacts;

fn hours_ago(hours: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap() - TimeDelta::hours(hours)
}

fn label(hours: i64) -> Label {
    Label::next("mydb", hours_ago(hours).naive_utc(), &std::collections::BTreeSet::new())
}

fn drill(hours: i64, passed: bool, duration_ms: u64) -> Drill {
    Drill { subject: label(hours).to_string(), at_utc: hours_ago(hours), passed, duration_ms }
}

fn place(name: &str, storage: Storage) -> Place {
    Place {
        name: name.to_owned(),
        storage: Answer::Known(storage),
        off_site: storage == Storage::ObjectStore,
        usable: Answer::Known(1_234),
        bytes: Some(5 << 30),
        newest: Some(label(3)),
        has_newest_verified: Answer::Known(true),
        read_back: Some(ReadBack { label: label(3), at_utc: hours_ago(2) }),
        flaws: Vec::new(),
        insecure: Vec::new(),
    }
}

fn backup() -> BackupFacts {
    BackupFacts {
        label: label(3),
        created_utc: hours_ago(3),
        reason: "scheduled".to_owned(),
        bytes: 70 << 20,
        rows: 1_000_000,
        duration_ms: 2_300,
        verified: Some(Level::Restore),
        verified_utc: Some(hours_ago(2)),
        wrong_clock: None,
    }
}

fn safe() -> Status {
    let run = ScheduledRun {
        at_utc: hours_ago(3),
        label: Some(label(3)),
        passed: true,
        level: Some(Level::Restore),
        detail: String::new(),
        duration_ms: 9_000,
    };
    Status {
        version: 1,
        state: State::Safe,
        summary: "Safe: every rule was checked and holds.".to_owned(),
        findings: Vec::new(),
        facts: Facts {
            schema: "mydb".to_owned(),
            at_utc: hours_ago(0),
            offline: false,
            last_backup: Some(backup()),
            definitions: Answer::Known(Vec::new()),
            rpo: Rpo {
                newest_verified: Some(backup()),
                age_s: Answer::Known(3 * 3600),
                objective_s: 26 * 3600,
                written: Answer::Known(Written { transactions: 1_234 }),
            },
            rto: Rto {
                measured_ms: Answer::Known(61_000),
                objective_ms: 1_800_000,
                drills: vec![drill(50, true, 58_000), drill(26, false, 9), drill(2, true, 61_000)],
            },
            copies: Copies {
                places: vec![
                    place("local", Storage::ThisDisk),
                    place("drive", Storage::OtherDisk),
                    place("s3", Storage::ObjectStore),
                ],
                copies: 3,
                kinds: 3,
                off_site: true,
                complete: true,
                wanted: 2,
            },
            disk: Disk {
                free_bytes: Answer::Known(80 << 30),
                used_bytes: 5 << 30,
                newest_bytes: Some(70 << 20),
                forecast: Answer::Known(Forecast {
                    bytes_per_day: 100 << 20,
                    days_until_full: Some(819),
                }),
            },
            ledger: LedgerFacts { entries: Answer::Known(96), problem: None, unproven: None },
            unproven: Vec::new(),
            suspects: Vec::new(),
            wrong_clocks: Vec::new(),
            schedule: ScheduleFacts {
                installed: Answer::Known(Some("systemd timer".to_owned())),
                every: "6h".to_owned(),
                last: Some(run),
                next_due_utc: Some(hours_ago(-3)),
                prunes: true,
                pruned_utc: Some(hours_ago(24)),
            },
        },
    }
}

#[test]
fn everything_holds() {
    expect![[r#"
        Safe: every rule was checked and holds.
          last backup  mydb_backup_20261118_080640, 3 hours ago, 70 MiB, scheduled; verified (restore) 2 hours ago
          last drill   mydb_backup_20261118_090640, 2 hours ago, passed
          RPO          the newest verified backup is 3 hours old, the rule allows 26 hours; written since: 1,234 transactions on the server
          RTO          1 min 01 s in the last drill, the objective is 30 min 00 s; before: 58 s
          3-2-1        3 copies besides the database on 3 kinds of storage, one off-site; the rule is 2
          disk         80 GiB free, backups take 5.0 GiB; full: in about 2 years
          ledger       96 entries, the chain holds
          schedule     systemd timer, every 6h; last run 3 hours ago, passed

         place  storage         off-site  usable  newest verified  last read back
         local  this disk       no        1,234   there            2 hours ago
         drive  another disk    no        1,234   there            2 hours ago
         s3     object storage  yes       1,234   there            2 hours ago
    "#]].assert_eq(&text(&safe()));
}

#[test]
fn what_is_broken_and_what_is_unknown() {
    let mut status = safe();
    let finding = |id: &str, severity, message: &str, todo: &str| Finding {
        id: id.to_owned(),
        severity,
        message: message.to_owned(),
        todo: todo.to_owned(),
    };
    status.state = State::AtRisk;
    status.summary = "At risk: 1 rule is broken.".to_owned();
    status.findings = vec![
        finding("no_drill", Severity::Broken, "no backup was restored", "Run a drill."),
        finding("s3_not_reached", Severity::NotLookedAt, "s3 did not answer", "Look why."),
        finding("prune_off", Severity::Warning, "nothing is deleted", "Turn it on."),
    ];
    let facts = &mut status.facts;
    facts.rpo.written = Answer::unknown("the server was not reached");
    facts.rto.measured_ms = Answer::unknown("no drill passed");
    facts.rto.drills = vec![drill(26, false, 9)];
    facts.copies.places[1].has_newest_verified = Answer::Known(false);
    facts.copies.places[1].read_back = None;
    facts.copies.places[2].usable = Answer::unknown("s3 did not answer");
    facts.copies.places[2].has_newest_verified = Answer::unknown("s3 did not answer");
    facts.copies =
        Copies { copies: 1, kinds: 1, off_site: false, complete: false, ..facts.copies.clone() };
    facts.disk.forecast = Answer::unknown("there are too few backups");
    facts.ledger.problem = Some("entry 7 was altered".to_owned());
    facts.schedule.installed = Answer::Known(None);
    facts.schedule.last = None;
    expect![[r#"
        At risk: 1 rule is broken.
          last backup  mydb_backup_20261118_080640, 3 hours ago, 70 MiB, scheduled; verified (restore) 2 hours ago
          last drill   mydb_backup_20261117_090640, 26 hours ago, FAILED
          RPO          the newest verified backup is 3 hours old, the rule allows 26 hours; written since: unknown: the server was not reached
          RTO          unknown: no drill passed
          3-2-1        at least 1 copy besides the database on 1 kind of storage, off-site unknown; the rule is 2
          disk         80 GiB free, backups take 5.0 GiB; full: unknown: there are too few backups
          ledger       DAMAGED: entry 7 was altered
          schedule     not installed; it never ran

         place  storage         off-site  usable   newest verified  last read back
         local  this disk       no        1,234    there            2 hours ago
         drive  another disk    no        1,234    MISSING          never
         s3     object storage  yes       unknown  unknown          unknown

        BROKEN: no backup was restored (no_drill)
          Run a drill.

        NOT CHECKED: s3 did not answer (s3_not_reached)
          Look why.

        warning: nothing is deleted (prune_off)
          Turn it on.
    "#]].assert_eq(&text(&status));
}

#[test]
fn there_is_nothing_yet() {
    let mut status = safe();
    status.summary = "At risk: there is no backup.".to_owned();
    let facts = &mut status.facts;
    facts.last_backup = None;
    facts.rpo.newest_verified = None;
    facts.rpo.age_s = Answer::unknown("there is no verified backup");
    facts.rto.measured_ms = Answer::unknown("there was no drill");
    facts.rto.drills = Vec::new();
    facts.copies.places.truncate(1);
    facts.ledger.entries = Answer::Known(0);
    expect![[r#"
        At risk: there is no backup.
          last backup  none usable
          last drill   never
          RPO          unknown: there is no verified backup
          RTO          unknown: there was no drill
          3-2-1        there is no verified backup to count copies of
          disk         80 GiB free, backups take 5.0 GiB; full: in about 2 years
          ledger       no entries yet
          schedule     systemd timer, every 6h; last run 3 hours ago, passed

         place  storage    off-site  usable  newest verified  last read back
         local  this disk  no        1,234   there            2 hours ago
    "#]]
    .assert_eq(&text(&status));
}
