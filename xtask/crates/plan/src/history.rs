//! What the ledger tells about one schema, for status and report: drills, scheduled runs,
//! what failed, what was read again, and what the folder held.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use model::copy::CopyOutcome;
use model::label::Label;
use model::receipt::{Event, Failures, Level, Receipt};
use model::status::{Drill, ReadBack, ScheduledRun};

/// Receipts about one schema, the oldest first. What speaks for something is taken from
/// proven lines only; what speaks against it, from all.
#[derive(Debug, Clone)]
pub struct History<'a> {
    all: Vec<&'a Receipt>,
    receipts: Vec<&'a Receipt>,
}

impl<'a> History<'a> {
    /// Those about `schema`.
    pub fn of(receipts: &'a [Receipt], schema: &str) -> Self {
        let all: Vec<&Receipt> =
            receipts.iter().filter(|receipt| receipt.schema == schema).collect();
        let receipts = all.iter().copied().filter(|one| one.trust.is_proven()).collect();
        Self { all, receipts }
    }

    /// The receipts that are proven.
    pub fn receipts(&self) -> &[&'a Receipt] {
        &self.receipts
    }

    /// Every drill of a backup in the backups folder.
    pub fn drills(&self) -> Vec<Drill> {
        let drill = |receipt: &&Receipt| match &receipt.event {
            Event::Verify {
                subject,
                level: Level::Restore,
                passed,
                duration_ms,
                place: None,
                ..
            } => Some(Drill {
                subject: subject.clone(),
                at_utc: receipt.at_utc,
                passed: *passed,
                duration_ms: *duration_ms,
            }),
            _ => None,
        };
        self.receipts.iter().filter_map(drill).collect()
    }

    /// Backups with a failed verification that none of its level has lifted.
    pub fn failed(&self) -> BTreeMap<String, (Level, DateTime<Utc>)> {
        let mut failed: BTreeMap<String, (Failures, DateTime<Utc>)> = BTreeMap::new();
        for receipt in &self.all {
            let Event::Verify { subject, level, passed, place: None, .. } = &receipt.event else {
                continue;
            };
            let (stands, at) = failed.entry(subject.clone()).or_default();
            *stands = stands.after(*level, *passed, &receipt.trust);
            if !passed && stands.standing() == Some(*level) {
                *at = receipt.at_utc;
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
        self.receipts.iter().rev().find_map(|receipt| {
            let Event::Verify { subject, passed: true, place: None, .. } = &receipt.event else {
                return None;
            };
            let label = labels.iter().find(|label| label.to_string() == *subject)?.clone();
            Some(ReadBack { label, at_utc: receipt.at_utc })
        })
    }

    /// When each copy at a destination was last read to its end and was what it should
    /// be; copies whose last attempt failed are missing.
    pub fn read_back_at(&self, destination: &str) -> BTreeMap<Label, DateTime<Utc>> {
        let mut read = BTreeMap::new();
        for receipt in &self.all {
            match &receipt.event {
                Event::Copy { label, destination: at, outcome, .. } if at == destination => {
                    if *outcome == CopyOutcome::Failed {
                        read.remove(label);
                    } else if receipt.trust.is_proven() {
                        read.insert(label.clone(), receipt.at_utc);
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
        for receipt in &self.all {
            let proven = receipt.trust.is_proven();
            match &receipt.event {
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
        self.receipts.iter().rev().find_map(|receipt| match &receipt.event {
            Event::Scheduled { label, passed, level, detail, duration_ms } => Some(ScheduledRun {
                at_utc: receipt.at_utc,
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
        let prune = |receipt: &&&Receipt| matches!(receipt.event, Event::Prune { .. });
        self.receipts.iter().rev().find(prune).map(|receipt| receipt.at_utc)
    }

    /// What pruning freed in the backups folder: when, and which backup of what size.
    pub fn freed_here(&self) -> Vec<(DateTime<Utc>, &'a str, u64)> {
        let freed = |receipt: &&'a Receipt| match &receipt.event {
            Event::Prune { destination: None, subject, bytes, .. } => {
                Some((receipt.at_utc, subject.as_str(), *bytes))
            }
            _ => None,
        };
        self.receipts.iter().filter_map(freed).collect()
    }

    /// When the backup of that name was made.
    pub fn made(&self, name: &str) -> Option<DateTime<Utc>> {
        self.receipts.iter().find_map(|receipt| match &receipt.event {
            Event::Backup { label, .. } if label.to_string() == name => Some(receipt.at_utc),
            _ => None,
        })
    }

    /// GTIDs of this tool's own drills and rehearsals.
    pub fn own_gtids(&self) -> Vec<&'a str> {
        let own = |receipt: &&'a Receipt| match &receipt.event {
            Event::Verify { own_gtids, .. } | Event::Gate { own_gtids, .. } => own_gtids.as_deref(),
            _ => None,
        };
        self.receipts.iter().filter_map(own).filter(|set| !set.is_empty()).collect()
    }
}

#[cfg(test)]
#[path = "history_testing.rs"]
pub(super) mod testing;
#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
