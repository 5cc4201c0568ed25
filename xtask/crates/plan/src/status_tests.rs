//! Tests of the verdict: each rule, and that nothing unseen is taken for good.

use super::*;
use model::entry::Level;
use model::label::Label;
use model::status::{
    BackupFacts, Copies, Disk, Drill, Flaw, Forecast, LedgerFacts, Rpo, Rto, ScheduleFacts,
    ScheduledRun, Written,
};
use model::trust::Unproven;

fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().expect("a time")
}

fn label() -> Label {
    "mydb_backup_20261122_080000".parse().expect("a label")
}

fn backup() -> BackupFacts {
    BackupFacts {
        label: label(),
        created_utc: now() - TimeDelta::hours(2),
        reason: "manual".to_owned(),
        bytes: 1000,
        rows: 10,
        duration_ms: 5,
        verified: Some(Level::Restore),
        verified_utc: Some(now()),
        wrong_clock: None,
    }
}

fn place(name: &str, storage: Storage) -> Place {
    Place {
        name: name.to_owned(),
        storage: Answer::Known(storage),
        off_site: storage == Storage::ObjectStore,
        usable: Answer::Known(3),
        bytes: Some(3000),
        newest: Some(label()),
        has_newest_verified: Answer::Known(true),
        read_back: None,
        flaws: Vec::new(),
        insecure: Vec::new(),
    }
}

/// Facts that are as they should be.
pub(crate) fn good() -> Facts {
    let drill = Drill {
        subject: label().to_string(),
        at_utc: now() - TimeDelta::days(1),
        passed: true,
        duration_ms: 61_000,
    };
    Facts {
        schema: "mydb".to_owned(),
        at_utc: now(),
        offline: false,
        last_backup: Some(backup()),
        definitions: Answer::Known(Vec::new()),
        rpo: Rpo {
            newest_verified: Some(backup()),
            age_s: Answer::Known(7200),
            objective_s: 26 * 3600,
            written: Answer::Known(Written { transactions: 3 }),
        },
        rto: Rto { measured_ms: Answer::Known(61_000), objective_ms: 600_000, drills: vec![drill] },
        copies: Copies {
            places: vec![place(LOCAL, Storage::ThisDisk), place("s3", Storage::ObjectStore)],
            copies: 2,
            kinds: 2,
            off_site: true,
            complete: true,
            wanted: 2,
        },
        disk: Disk {
            free_bytes: Answer::Known(1 << 40),
            used_bytes: 3000,
            newest_bytes: Some(1000),
            forecast: Answer::unknown("why"),
        },
        ledger: LedgerFacts { entries: Answer::Known(7), problem: None, unproven: None },
        unproven: Vec::new(),
        suspects: Vec::new(),
        wrong_clocks: Vec::new(),
        schedule: ScheduleFacts {
            installed: Answer::Known(None),
            every: "6h".to_owned(),
            last: None,
            next_due_utc: None,
            prunes: true,
            pruned_utc: None,
        },
    }
}

/// The verdict on facts that someone spoilt, and the findings' names.
fn judged(spoil: impl FnOnce(&mut Facts)) -> (State, Vec<String>) {
    let mut facts = good();
    spoil(&mut facts);
    let status = judge(facts, &MonitorPolicy::default());
    (status.state, status.findings.into_iter().map(|finding| finding.id).collect())
}

#[track_caller]
fn demand(state: State, ids: &[&str], spoil: impl FnOnce(&mut Facts)) {
    let (is, found) = judged(spoil);
    assert_eq!(
        (is, found.as_slice()),
        (state, ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>().as_slice())
    );
}

#[test]
fn every_rule_that_is_broken_is_at_risk() {
    let risk = |id: &str, spoil: fn(&mut Facts)| demand(State::AtRisk, &[id], spoil);
    demand(State::Safe, &[], |_| {});
    risk("backup_age", |it| it.rpo.age_s = Answer::Known(26 * 3600 + 1));
    risk("no_verified_backup", |it| it.rpo.newest_verified = None);
    risk("no_backup", |it| it.last_backup = None);
    risk("ledger_damaged", |it| it.ledger.problem = Some("line 3 is no entry".to_owned()));
    risk("no_drill", |it| it.rto.drills.clear());
    risk("drill_age", |it| it.rto.drills[0].at_utc = now() - TimeDelta::days(9));
    risk("drill_failed", |it| {
        let failed = Drill { passed: false, at_utc: now(), ..it.rto.drills[0].clone() };
        it.rto.drills.push(failed);
    });
    risk("copy_missing:s3", |it| it.copies.places[1].has_newest_verified = Answer::Known(false));
    risk("destination:s3", |it| it.copies.places[1].usable = Answer::unknown("no route"));
    risk("copies_few", |it| it.copies.wanted = 3);
    let flaw = || vec![Flaw { label: label(), problem: "is damaged".to_owned() }];
    let (here, there) =
        (format!("backup_flawed:{}", label()), format!("copy_flawed:s3:{}", label()));
    demand(State::AtRisk, &[&here], |it| it.copies.places[0].flaws = flaw());
    demand(State::AtRisk, &[&there], |it| it.copies.places[1].flaws = flaw());
}

#[test]
fn what_was_not_looked_at_is_not_safe() {
    demand(State::Unknown, &["destination:s3"], |it| {
        it.offline = true;
        it.copies.places[1].usable = Answer::unknown("not asked");
        it.copies.places[1].has_newest_verified = Answer::unknown("not asked");
    });
    demand(State::Unknown, &["backup_age"], |it| it.rpo.age_s = Answer::unknown("a clock"));
    demand(State::Unknown, &["drill_age"], |it| {
        it.rto.drills[0].at_utc = now() + TimeDelta::days(1);
    });
    // A broken rule weighs more than one that was not checked.
    let (state, ids) = judged(|it| {
        it.rpo.age_s = Answer::unknown("a clock");
        it.rto.drills.clear();
    });
    assert_eq!(
        (state, ids.as_slice()),
        (State::AtRisk, ["no_drill".to_owned(), "backup_age".to_owned()].as_slice())
    );
}

fn unproven(stranger: bool) -> Unproven {
    Unproven { label: label(), origin: "unsigned".to_owned(), stranger }
}

#[test]
fn a_warning_breaks_nothing() {
    let warned = |id: &str, spoil: fn(&mut Facts)| demand(State::Safe, &[id], spoil);
    warned("rto", |it| it.rto.drills[0].duration_ms = 600_001);
    warned("receipts_unproven", |it| it.ledger.unproven = Some("1 entry unsigned".to_owned()));
    warned("origin_unknown", |it| it.unproven = vec![unproven(true)]);
    // Those of before signatures are no news.
    demand(State::Safe, &[], |it| it.unproven = vec![unproven(false)]);
    warned("definitions_differ", |it| {
        it.definitions = Answer::Known(vec!["trigger `audit` is missing".to_owned()]);
    });
    warned("disk_low", |it| it.disk.free_bytes = Answer::Known(1999));
    warned("disk_forecast", |it| {
        it.disk.forecast = Answer::Known(Forecast { bytes_per_day: 1, days_until_full: Some(13) });
    });
    warned("same_disk:s3", |it| it.copies.places[1].storage = Answer::Known(Storage::ThisDisk));
    warned("insecure:s3", |it| it.copies.places[1].insecure = vec!["allow_http".to_owned()]);
    warned(SERVER, |it| it.rpo.written = Answer::unknown(format!("{NOT_REACHED}: refused")));
    demand(State::Safe, &[], |it| it.rpo.written = Answer::unknown("MariaDB"));
    let other = |it: &mut Facts| it.rpo.written = Answer::unknown(OTHER_SERVER);
    demand(State::AtRisk, &["other_server"], other);
    warned("scheduled_run_failed", |it| {
        it.schedule.last = Some(ScheduledRun {
            at_utc: now(),
            label: None,
            passed: false,
            level: None,
            detail: "the server was gone".to_owned(),
            duration_ms: 1,
        });
    });
    warned("schedule_late", |it| {
        it.schedule.installed = Answer::Known(Some("cron".to_owned()));
        it.schedule.next_due_utc = Some(now() - TimeDelta::hours(1));
    });
    let mut facts = good();
    facts.rto.drills[0].duration_ms = 600_001;
    let strict = MonitorPolicy { rto_is_rule: true, ..MonitorPolicy::default() };
    assert_eq!(judge(facts, &strict).state, State::AtRisk);
}

#[test]
fn the_summary_says_what_it_is_about() {
    assert_eq!(
        judge(good(), &MonitorPolicy::default()).summary,
        "Safe against mistakes and against losing this machine, not for what was written since: \
        the newest verified backup is 2 hours old and in 2 places."
    );
    let mut here = good();
    here.copies.off_site = false;
    let said = judge(here, &MonitorPolicy::default()).summary;
    assert!(said.contains("NOT against losing this machine"), "{said}");
    let mut facts = good();
    facts.rpo.age_s = Answer::Known(3 * 86_400);
    facts.rto.drills.clear();
    assert_eq!(
        judge(facts, &MonitorPolicy::default()).summary,
        "At risk: the newest verified backup is 3 days old, the rule allows 26 hours, and 1 more."
    );
}
