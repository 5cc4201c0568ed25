//! What the ledger proves, and which signers are trusted: anyone who can write to the folder can
//! append lines with correct hashes, but not with a trusted signature.
//!
//! What makes something good counts only from lines that are proven. What speaks against
//! something counts from any line: it costs a new backup at worst.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::ledger::Ledger;
use model::check::Outcome;
use model::entry::{Entry, Event, Failures, Level};
use model::label::Label;
use model::manifest::Manifest;
use model::trust::Trust;

/// Who signed the lines of a ledger, as far as it matters to a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signed {
    /// How many lines prove something.
    pub proven: u64,
    /// How many have no signature and stand before the first one that has: an older
    /// version of this tool wrote them.
    pub older: u64,
    /// How many have no signature although one before them has.
    pub unsigned: u64,
    /// How many have a signature of a key that is not trusted.
    pub unknown: u64,
    pub strangers: BTreeSet<String>,
}

impl Signed {
    /// What of the ledger proves nothing although it should, in words.
    pub fn unproven(&self) -> Option<String> {
        let lines = |n: u64| if n == 1 { "1 entry".to_owned() } else { format!("{n} entries") };
        let mut parts = Vec::new();
        if self.unsigned > 0 {
            let n = lines(self.unsigned);
            parts.push(format!("{n} after the first signed one unsigned"));
        }
        if self.unknown > 0 {
            let who: Vec<&str> = self.strangers.iter().map(String::as_str).collect();
            let n = lines(self.unknown);
            parts.push(format!("{n} of origin unknown (signer {})", who.join(", ")));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

impl Ledger {
    /// The lines that are proven, the oldest first.
    pub fn proven(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.trust.is_proven())
    }

    pub fn signed(&self) -> Signed {
        let mut signed = Signed::default();
        for entry in &self.entries {
            match &entry.trust {
                Trust::Own | Trust::Named(_) => signed.proven += 1,
                Trust::Unsigned if signed.proven == 0 => signed.older += 1,
                Trust::Unsigned => signed.unsigned += 1,
                Trust::Unknown(fingerprint) => {
                    signed.unknown += 1;
                    signed.strangers.insert(fingerprint.clone());
                }
            }
        }
        signed
    }

    /// The highest level at which a backup was proven, and when it last was. Only proven entries
    /// about a file with this hash count. A failed verification revokes what earlier ones proved,
    /// until one of its level passes ([`Failures`]).
    pub fn highest_verification(
        &self,
        label: &Label,
        sha256: &str,
    ) -> Option<(Level, DateTime<Utc>)> {
        self.verification(label, sha256, Trust::is_proven)
    }

    /// The same by all lines, of whatever origin: for saying that a proof is claimed, and
    /// for nothing else.
    pub fn claimed_verification(&self, label: &Label, sha256: &str) -> Option<Level> {
        self.verification(label, sha256, |_| true).map(|(level, _)| level)
    }

    fn verification(
        &self,
        label: &Label,
        sha256: &str,
        counts: impl Fn(&Trust) -> bool,
    ) -> Option<(Level, DateTime<Utc>)> {
        let label = label.to_string();
        let mut best: Option<(Level, DateTime<Utc>)> = None;
        let mut failures = Failures::default();
        for entry in &self.entries {
            let Event::Verify { subject, sha256: read, level, passed, checks, place: None, .. } =
                &entry.event
            else {
                continue;
            };
            if *subject != label {
                continue;
            }
            let passed = *passed && !checks.iter().any(|it| it.outcome == Outcome::Failed);
            failures = failures.after(*level, passed, &entry.trust);
            if failures.standing().is_some() {
                best = None;
            } else if passed
                && counts(&entry.trust)
                && read == sha256
                && best.is_none_or(|(highest, _)| highest <= *level)
            {
                best = Some((*level, entry.at_utc));
            }
        }
        best
    }

    /// Whether a verification failed and none of its level has passed since.
    pub fn last_failed(&self, label: &Label) -> bool {
        let label = label.to_string();
        let stand =
            self.entries.iter().fold(Failures::default(), |stand, entry| match &entry.event {
                Event::Verify { subject, level, passed, checks, place: None, .. }
                    if *subject == label =>
                {
                    let failed = checks.iter().any(|check| check.outcome == Outcome::Failed);
                    stand.after(*level, *passed && !failed, &entry.trust)
                }
                _ => stand,
            });
        stand.standing().is_some()
    }

    /// What the ledger tells of how a backup was made. Where a proven line does, the others
    /// are not asked.
    pub fn made(&self, wanted: &Label) -> Vec<Made<'_>> {
        let made = self.entries.iter().filter_map(|entry| match &entry.event {
            Event::Backup { label, sha256, manifest_sha256, .. } if label == wanted => Some(Made {
                sha256,
                manifest_sha256: manifest_sha256.as_deref(),
                trust: &entry.trust,
            }),
            _ => None,
        });
        let mut made: Vec<Made<'_>> = made.collect();
        if made.iter().any(|one| one.trust.is_proven()) {
            made.retain(|one| one.trust.is_proven());
        }
        made
    }

    /// What the ledger has against a manifest, as a fragment: that the backup of that name
    /// was made with other bytes.
    pub fn contradicts(&self, manifest: &Manifest) -> Option<String> {
        let label = &manifest.label;
        self.made(label).into_iter().find_map(|made| {
            if made.sha256 != manifest.sha256 {
                let made = made.sha256;
                return Some(format!(
                    "the ledger records {label} with SHA-256 {made}; this is a different file"
                ));
            }
            let known = made.manifest_sha256.filter(|known| *known != manifest.manifest_sha256)?;
            Some(format!(
                "the ledger records the manifest of {label} with SHA-256 {known}; this is a \
                different manifest"
            ))
        })
    }

    /// Who vouches for a backup: who signed its manifest, or who signed the line that says
    /// that exactly this one was made here.
    pub fn origin(&self, manifest: &Manifest, signed: Trust) -> Trust {
        self.made(&manifest.label)
            .into_iter()
            .filter(|made| {
                made.sha256 == manifest.sha256
                    && made.manifest_sha256 == Some(manifest.manifest_sha256.as_str())
            })
            .fold(signed, |trust, made| trust.or(made.trust))
    }
}

/// What a line says of a backup that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made<'a> {
    /// SHA-256 of its file.
    pub sha256: &'a str,
    /// The hash that its manifest carries; older lines do not say.
    pub manifest_sha256: Option<&'a str>,
    pub trust: &'a Trust,
}

#[cfg(test)]
#[path = "believed_tests.rs"]
mod tests;
