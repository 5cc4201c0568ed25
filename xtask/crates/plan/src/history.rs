//! What the ledger tells about one schema, for status and report: drills, scheduled runs,
//! what failed, what was read again, and what the folder held.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use model::copy::CopyOutcome;
use model::entry::{Entry, Event, Failures, Level};
use model::label::Label;
use model::status::{Drill, ReadBack, ScheduledRun};

/// Entries about one schema, the oldest first. What speaks for something is taken from
/// proven lines only; what speaks against it, from all.
#[derive(Debug, Clone)]
pub struct History<'a> {
    all: Vec<&'a Entry>,
    entries: Vec<&'a Entry>,
}

impl<'a> History<'a> {
    /// Those about `schema`.
    pub fn of(entries: &'a [Entry], schema: &str) -> Self {
        let all: Vec<&Entry> = entries.iter().filter(|entry| entry.schema == schema).collect();
        let entries = all.iter().copied().filter(|one| one.trust.is_proven()).collect();
        Self { all, entries }
    }

    /// The entries that are proven.
    pub fn entries(&self) -> &[&'a Entry] {
        &self.entries
    }

    /// Every drill of a backup in the backups folder.
    pub fn drills(&self) -> Vec<Drill> {
        let drill = |entry: &&Entry| match &entry.event {
            Event::Verify {
                subject,
                level: Level::Restore,
                passed,
                duration_ms,
                place: None,
                ..
            } => Some(Drill {
                subject: subject.clone(),
                at_utc: entry.at_utc,
                passed: *passed,
                duration_ms: *duration_ms,
            }),
            _ => None,
        };
        self.entries.iter().filter_map(drill).collect()
    }

    /// Backups with a failed verification that none of its level has lifted.
    pub fn failed(&self) -> BTreeMap<String, (Level, DateTime<Utc>)> {
        let mut failed: BTreeMap<String, (Failures, DateTime<Utc>)> = BTreeMap::new();
        for entry in &self.all {
            let Event::Verify { subject, level, passed, place: None, .. } = &entry.event else {
                continue;
            };
            let (stands, at) = failed.entry(subject.clone()).or_default();
            *stands = stands.after(*level, *passed, &entry.trust);
            if !passed && stands.standing() == Some(*level) {
                *at = entry.at_utc;
            }
        }
        let standing = |(subject, (stands, at)): (String, (Failures, DateTime<Utc>))| {
            Some((subject, (stands.standing()?, at)))
        };
        failed.into_iter().filter_map(standing).collect()
    }

    /// When one of `labels` was last read to its end in the backups folder, and was
    /// what it should be.
    pub fn read_back_here(&self, labels: &[Label]) -> Option<ReadBack> {
        self.entries.iter().rev().find_map(|entry| {
            let Event::Verify { subject, passed: true, place: None, .. } = &entry.event else {
                return None;
            };
            let label = labels.iter().find(|label| label.to_string() == *subject)?.clone();
            Some(ReadBack { label, at_utc: entry.at_utc })
        })
    }

    /// When each copy at a destination was last read to its end and was what it should
    /// be; copies whose last attempt failed are missing.
    pub fn read_back_at(&self, destination: &str) -> BTreeMap<Label, DateTime<Utc>> {
        let mut read = BTreeMap::new();
        for entry in &self.all {
            match &entry.event {
                Event::Copy { label, destination: at, outcome, .. } if at == destination => {
                    if *outcome == CopyOutcome::Failed {
                        read.remove(label);
                    } else if entry.trust.is_proven() {
                        read.insert(label.clone(), entry.at_utc);
                    }
                }
                _ => {}
            }
        }
        read
    }

    /// Copies at a destination whose last attempt, to write or to read them, failed.
    pub fn failed_at(&self, destination: &str) -> BTreeMap<Label, String> {
        let mut failed: BTreeMap<Label, (String, bool)> = BTreeMap::new();
        for entry in &self.all {
            let proven = entry.trust.is_proven();
            match &entry.event {
                Event::Copy { label, destination: at, outcome, detail, .. }
                    if at == destination =>
                {
                    if *outcome == CopyOutcome::Failed {
                        failed.insert(label.clone(), (detail.clone(), proven));
                    } else if proven || failed.get(label).is_some_and(|(_, by_proven)| !by_proven) {
                        failed.remove(label);
                    }
                }
                _ => {}
            }
        }
        failed.into_iter().map(|(label, (detail, _))| (label, detail)).collect()
    }

    pub fn last_run(&self) -> Option<ScheduledRun> {
        self.entries.iter().rev().find_map(|entry| match &entry.event {
            Event::Scheduled { label, passed, level, detail, duration_ms } => Some(ScheduledRun {
                at_utc: entry.at_utc,
                label: label.clone(),
                passed: *passed,
                level: *level,
                detail: detail.clone(),
                duration_ms: *duration_ms,
            }),
            _ => None,
        })
    }

    /// When something was last deleted by the rules of retention.
    pub fn pruned(&self) -> Option<DateTime<Utc>> {
        let prune = |entry: &&&Entry| matches!(entry.event, Event::Prune { .. });
        self.entries.iter().rev().find(prune).map(|entry| entry.at_utc)
    }

    /// What pruning freed in the backups folder: when, and which backup of what size.
    pub fn freed_here(&self) -> Vec<(DateTime<Utc>, &'a str, u64)> {
        let freed = |entry: &&'a Entry| match &entry.event {
            Event::Prune { destination: None, subject, bytes, .. } => {
                Some((entry.at_utc, subject.as_str(), *bytes))
            }
            _ => None,
        };
        self.entries.iter().filter_map(freed).collect()
    }

    /// When the backup of that name was made.
    pub fn made(&self, name: &str) -> Option<DateTime<Utc>> {
        self.entries.iter().find_map(|entry| match &entry.event {
            Event::Backup { label, .. } if label.to_string() == name => Some(entry.at_utc),
            _ => None,
        })
    }

    /// GTIDs of this tool's own drills and rehearsals.
    pub fn own_gtids(&self) -> Vec<&'a str> {
        let own = |entry: &&'a Entry| match &entry.event {
            Event::Verify { own_gtids, .. } | Event::Gate { own_gtids, .. } => own_gtids.as_deref(),
            _ => None,
        };
        self.entries.iter().filter_map(own).filter(|set| !set.is_empty()).collect()
    }
}

#[cfg(test)]
#[path = "history_testing.rs"]
pub(super) mod testing;
#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
