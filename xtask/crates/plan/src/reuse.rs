//! Whether a backup need not be taken again: what the ledger says before the server's log
//! is asked.

use chrono::{DateTime, TimeDelta, Utc};

use model::check::Check;
use model::entry::{Entry, Event, Level};
use model::label::Label;
use model::wrong_clock::SLACK;

/// A proof that is older is not used again, whatever the log says: disks age, too.
pub const PROOF_HOURS: i64 = 24;

/// The newest backup that was proven by restoring it, when nothing in the ledger speaks
/// against using it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reusable {
    /// The backup.
    pub label: Label,
    /// When it was proven.
    pub verified_utc: DateTime<Utc>,
    /// The GTIDs of what this tool itself did on the server since: a set each.
    pub own: Vec<String>,
    /// The schema with the restored copy, where that was kept.
    pub kept: Option<String>,
    /// What the proof checked.
    pub checks: Vec<Check>,
}

/// Walks back from the newest entry to the backup that was proven last. `None`: a change
/// in between, an entry that is not proven, or a proof that is too old.
pub fn newest(entries: &[Entry], now: DateTime<Utc>) -> Option<Reusable> {
    let mut own: Vec<String> = Vec::new();
    let mut found: Option<Reusable> = None;
    for entry in entries.iter().rev() {
        // A line that is not proven may hide what was written, or who wrote it.
        if !entry.trust.is_proven() {
            return None;
        }
        match &entry.event {
            Event::Verify {
                subject,
                level: Level::Restore,
                passed: true,
                own_gtids,
                place,
                kept,
                checks,
                ..
            } => {
                own.extend(own_gtids.clone());
                // A copy elsewhere proves nothing about the file here.
                if found.is_none() && place.is_none() {
                    found = subject.parse().ok().map(|label| Reusable {
                        label,
                        verified_utc: entry.at_utc,
                        own: Vec::new(),
                        kept: kept.clone(),
                        checks: checks.clone(),
                    });
                }
            }
            Event::Verify { level: Level::File, .. } | Event::Live { .. } => {}
            // Ledger entries about backups; dropping a schema is among the GTIDs.
            Event::Pin { .. }
            | Event::Prune { .. }
            | Event::Copy { .. }
            | Event::Scheduled { .. } => {}
            Event::Gate { own_gtids: Some(gtids), .. } => own.push(gtids.clone()),
            // Only its drill wrote between a backup and now.
            Event::Backup { label, .. } => {
                if found.as_ref().is_some_and(|known| known.label == *label) {
                    break;
                }
            }
            _ => return None,
        }
    }
    // One that is yet to come is of an unknown age.
    let recent = |age: TimeDelta| age <= TimeDelta::hours(PROOF_HOURS) && age >= -SLACK;
    let found = found.filter(|found| recent(now - found.verified_utc))?;
    Some(Reusable { own, ..found })
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::history::testing::{Log, label};
    use model::copy::CopyOutcome;
    use model::entry::GateOutcome;
    use model::gate::GateTimes;
    use model::trust::Trust;

    fn now() -> DateTime<Utc> {
        "2026-11-22T12:00:00Z".parse().expect("a time")
    }

    fn ago(minutes: i64) -> DateTime<Utc> {
        now() - Duration::minutes(minutes)
    }

    const OLD: &str = "20261122_090000";
    const NEW: &str = "20261122_100000";

    /// A backup and its drill, whose own work is `gtids`.
    fn proven(log: &mut Log, minutes: i64, stamp: &str, gtids: &str) {
        log.backup(ago(minutes), &label(stamp)).add(
            ago(minutes - 1),
            Event::Verify {
                subject: label(stamp).to_string(),
                sha256: String::new(),
                level: Level::Restore,
                passed: true,
                checks: Vec::new(),
                duration_ms: 1,
                own_gtids: Some(gtids.to_owned()),
                kept: Some("mydb__proof_20261122_100000".to_owned()),
                place: None,
            },
        );
    }

    fn gate(outcome: GateOutcome, own_gtids: Option<&str>) -> Event {
        Event::Gate {
            changes: Vec::new(),
            outcome,
            detail: String::new(),
            backup: None,
            strategy: None,
            previous_schema: None,
            statements: Vec::new(),
            times: GateTimes::default(),
            own_gtids: own_gtids.map(str::to_owned),
        }
    }

    fn found(log: &Log) -> Option<Reusable> {
        newest(log.entries(), now())
    }

    #[test]
    fn an_empty_ledger_holds_nothing_to_use_again() {
        assert_eq!(found(&Log::default()), None);
        let mut log = Log::default();
        log.backup(ago(5), &label(NEW));
        assert_eq!(found(&log), None, "it was not proven");
        log.drill(ago(4), &label(NEW), false);
        assert_eq!(found(&log), None, "its proof failed");
    }

    #[test]
    fn the_newest_proof_counts_with_its_copy() {
        let mut log = Log::default();
        proven(&mut log, 60, OLD, "a:1");
        proven(&mut log, 30, NEW, "a:2");
        let it = found(&log).expect("one to use again");
        assert_eq!((it.label, it.verified_utc), (label(NEW), ago(29)));
        assert_eq!(it.kept.as_deref(), Some("mydb__proof_20261122_100000"));
        assert_eq!(it.own, ["a:2"], "what was done before the backup is in it");
    }

    #[test]
    fn an_older_backup_may_be_proven_last() {
        let mut log = Log::default();
        log.backup(ago(60), &label(OLD));
        proven(&mut log, 30, NEW, "a:2");
        log.drill(ago(10), &label(OLD), true);
        let it = found(&log).expect("one to use again");
        assert_eq!(it.label, label(OLD));
        assert_eq!(it.own, ["a:2"], "the other one's drill is the tool's own work, too");
    }

    #[test]
    fn what_is_only_said_about_backups_does_not_stand_in_the_way() {
        let mut log = Log::default();
        proven(&mut log, 30, NEW, "a:2");
        log.copy(ago(20), "s3", &label(NEW), CopyOutcome::Copied)
            .verify(ago(15), &label(NEW), Level::File, true)
            .add(ago(10), Event::Pin { label: label(NEW), pinned: true, note: String::new() });
        assert_eq!(found(&log).map(|it| it.label), Some(label(NEW)));
    }

    #[test]
    fn a_refused_gate_adds_what_it_did_and_any_other_ends_it() {
        let mut log = Log::default();
        proven(&mut log, 30, NEW, "a:2");
        log.add(ago(20), gate(GateOutcome::Refused, Some("a:3")));
        assert_eq!(found(&log).expect("one to use again").own, ["a:3", "a:2"]);
        log.add(ago(10), gate(GateOutcome::Applied, None));
        assert_eq!(found(&log), None);
    }

    #[test]
    fn a_restore_or_a_recovered_run_ends_it() {
        for event in [
            Event::Recovered { how: "finished".to_owned(), subject: String::new(), purpose: None },
            Event::Undone {
                changes: Vec::new(),
                backup: label(OLD),
                previous_schema: "mydb__before_20261122_110000".to_owned(),
                again: Vec::new(),
                followed: false,
            },
        ] {
            let mut log = Log::default();
            proven(&mut log, 30, NEW, "a:2");
            log.add(ago(10), event);
            assert_eq!(found(&log), None);
        }
    }

    #[test]
    fn a_failed_drill_ends_it_even_of_another_backup() {
        let mut log = Log::default();
        log.backup(ago(60), &label(OLD));
        proven(&mut log, 30, NEW, "a:2");
        log.drill(ago(10), &label(OLD), false);
        assert_eq!(found(&log), None);
    }

    #[test]
    fn a_copy_elsewhere_proves_nothing_about_the_file_here() {
        let mut log = Log::default();
        log.backup(ago(30), &label(NEW)).drill(ago(20), &label(NEW), true).at_place("s3");
        assert_eq!(found(&log), None);
    }

    #[test]
    fn an_entry_that_is_not_proven_ends_it() {
        let mut log = Log::default();
        proven(&mut log, 30, NEW, "a:2");
        log.copy(ago(20), "s3", &label(NEW), CopyOutcome::Copied);
        let mut entries = log.entries().to_vec();
        entries[2].trust = Trust::Unsigned;
        assert_eq!(newest(&entries, now()), None);
    }

    #[test]
    fn a_proof_ages() {
        let day = PROOF_HOURS * 60;
        // One that is yet to come was written down by a wrong clock.
        for (minutes, usable) in [(day + 1, true), (day + 2, false), (1, true), (-9, false)] {
            let mut log = Log::default();
            proven(&mut log, minutes, NEW, "a:2");
            assert_eq!(found(&log).is_some(), usable, "{minutes} minutes");
        }
    }
}
