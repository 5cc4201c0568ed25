//! Which backup proves that the current state can be restored.

use chrono::{DateTime, Duration, Utc};

use model::label::Label;
use model::manifest::Manifest;
use model::receipt::Level;

/// A backup that was restored and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub label: Label,
    /// When the state was read that it holds.
    pub created_utc: DateTime<Utc>,
    /// When it was restored and compared.
    pub verified_utc: DateTime<Utc>,
}

impl Proof {
    /// How old the state is that it proves, in whole minutes.
    pub fn age_minutes(&self, now: DateTime<Utc>) -> i64 {
        (now - self.created_utc).num_minutes()
    }
}

/// A backup with what the ledger knows of it: the level and time of its verification.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// Its manifest; the file is there in the size that it names.
    pub manifest: &'a Manifest,
    /// How far it was proven.
    pub verified: Option<(Level, DateTime<Utc>)>,
}

/// The newest backup of this schema that was proven by a restore; with `uuid` only
/// of that server.
pub fn newest(backups: &[Candidate<'_>], schema: &str, uuid: Option<&str>) -> Option<Proof> {
    let proofs = backups.iter().filter_map(|backup| {
        let Manifest { label, created_utc, server, .. } = backup.manifest;
        let right = backup.manifest.schema == schema && uuid.is_none_or(|it| it == server.uuid);
        let (Level::Restore, verified_utc) = backup.verified? else { return None };
        right.then(|| Proof { label: label.clone(), created_utc: *created_utc, verified_utc })
    });
    proofs.max_by_key(|proof| proof.created_utc)
}

/// Whether the state that a proof is about is recent. A timestamp in the future is not: some clock
/// was wrong, and the real age is unknown.
pub fn is_fresh(created_utc: DateTime<Utc>, max_age_minutes: u32, now: DateTime<Utc>) -> bool {
    let age = now - created_utc;
    age >= Duration::seconds(-2) && age <= Duration::minutes(i64::from(max_age_minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_that_of_the_state() {
        let now: DateTime<Utc> = "2026-11-22T10:11:12Z".parse().expect("a time");
        let ago = |minutes: i64| is_fresh(now - Duration::minutes(minutes), 60, now);
        assert!(ago(0) && ago(60));
        assert!(!ago(61) && !ago(-5));
    }
}
