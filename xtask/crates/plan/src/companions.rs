//! Which schemas beside the live one stay: the old tables of swaps (`mydb__before_…`),
//! the copies that drills kept (`mydb__proof_…`), and what dead runs left
//! (`mydb__staging_…`).

use chrono::{NaiveDateTime, TimeDelta};

use super::retention::{Fate, Moment, Verdict};
use config::keeping::RetentionPolicy;
use model::label::Label;

/// For how long a kept copy may serve the next migration.
const PROOF_HOURS: i64 = 24;

/// What a schema is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompanionKind {
    /// The old tables of a swap.
    Before,
    /// The copy of a drill.
    Proof,
    /// Where a run was loading a backup.
    Staging,
}

impl CompanionKind {
    pub const ALL: [Self; 3] = [Self::Before, Self::Proof, Self::Staging];

    /// The word in the name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Proof => "proof",
            Self::Staging => "staging",
        }
    }
}

/// A schema beside the live one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Companion {
    pub name: String,
    pub kind: CompanionKind,
    /// The time in its name.
    pub made: NaiveDateTime,
    /// What it takes up, by the server's statistics.
    pub bytes: u64,
    /// Who needs it: "`migrate --undo` needs it".
    pub needed: Option<String>,
    /// Whether the newest drill kept it; what an older one kept is useless.
    pub newest_proof: bool,
    /// The backup that holds the same rows, by the ledger.
    pub backup: Option<Label>,
    /// Whether that backup can be used and was proven by a restore.
    pub backup_is_proven: bool,
}

/// Decides about every schema; the verdicts are in the order of `all`.
pub fn plan(all: &[Companion], policy: &RetentionPolicy, now: Moment) -> Vec<Verdict> {
    let old = all.iter().filter(|it| it.kind == CompanionKind::Before);
    let newest = old.max_by_key(|it| (it.made, &it.name)).map(|it| &it.name);
    let verdict = |it: &Companion| match it.kind {
        _ if it.needed.is_some() => Verdict::new(Fate::Keep, it.needed.clone().unwrap_or_default()),
        CompanionKind::Staging => Verdict::new(Fate::Go, "left behind by a crashed run"),
        CompanionKind::Proof
            if it.newest_proof && age(it, now) <= TimeDelta::hours(PROOF_HOURS) =>
        {
            Verdict::new(Fate::Keep, "the next migration may use it")
        }
        CompanionKind::Proof => Verdict::new(Fate::Go, "a drill's copy no longer in use"),
        CompanionKind::Before => before(it, newest == Some(&it.name), policy, now),
    };
    all.iter().map(verdict).collect()
}

fn age(it: &Companion, now: Moment) -> TimeDelta {
    now.local - it.made
}

fn before(it: &Companion, newest: bool, policy: &RetentionPolicy, now: Moment) -> Verdict {
    let days = policy.before_days;
    if days > 0 && newest {
        return Verdict::new(Fate::Keep, "the newest old tables");
    }
    // A timestamp in the future comes from a wrong clock; the real age is unknown.
    if age(it, now) < TimeDelta::minutes(-65) {
        return Verdict::new(Fate::Look, "its timestamp is in the future; check it");
    }
    if days > 0 && age(it, now) <= TimeDelta::days(i64::from(days)) {
        return Verdict::new(Fate::Keep, format!("old tables of the last {days} days"));
    }
    match &it.backup {
        None => Verdict::new(Fate::Look, "no ledger entry names a backup of its rows; check it"),
        Some(label) if !it.backup_is_proven => Verdict::new(
            Fate::Look,
            format!(
                "{label} is missing or was not proven by a restore; its rows may exist nowhere else"
            ),
        ),
        Some(label) => {
            Verdict::new(Fate::Go, format!("{label} contains its rows; they are compared first"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Moment {
        let local = NaiveDateTime::parse_from_str("20261122_120000", "%Y%m%d_%H%M%S").unwrap();
        Moment { utc: local.and_utc(), local }
    }

    fn companion(kind: CompanionKind, hours: i64) -> Companion {
        let made = now().local - TimeDelta::hours(hours);
        Companion {
            name: format!("mydb__{}_{}", kind.word(), made.format("%Y%m%d_%H%M%S")),
            kind,
            made,
            bytes: 1,
            needed: None,
            newest_proof: true,
            backup: Some("mydb_backup_20261101_000000".parse().unwrap()),
            backup_is_proven: true,
        }
    }

    fn fates(all: &[Companion], policy: &RetentionPolicy) -> Vec<Fate> {
        plan(all, policy, now()).into_iter().map(|it| it.fate).collect()
    }

    #[test]
    fn old_tables_go_when_a_proven_backup_has_them() {
        use Fate::{Go, Keep, Look};
        let of = |hours| companion(CompanionKind::Before, hours);
        let policy = RetentionPolicy::default();
        let all = [
            of(24 * 30),
            Companion { needed: Some("needed".to_owned()), ..of(24 * 31) },
            Companion { backup: None, ..of(24 * 32) },
            Companion { backup_is_proven: false, ..of(24 * 33) },
            of(24 * 7),
            of(24 * 7 + 1),
        ];
        assert_eq!(fates(&all, &policy), [Go, Keep, Look, Look, Keep, Go]);
        assert_eq!(fates(&all[..1], &policy), [Keep], "the newest stays");
        let none = RetentionPolicy { before_days: 0, ..policy.clone() };
        assert_eq!(fates(&all, &none), [Go, Keep, Look, Look, Go, Go]);
        assert_eq!(fates(&[of(-48)], &none), [Look], "in the future");
    }

    #[test]
    fn copies_that_serve_nobody_go() {
        let of = companion;
        let all = [
            of(CompanionKind::Staging, 0),
            of(CompanionKind::Proof, 23),
            of(CompanionKind::Proof, 25),
            Companion { newest_proof: false, ..of(CompanionKind::Proof, 2) },
        ];
        let policy = RetentionPolicy::default();
        assert_eq!(fates(&all, &policy), [Fate::Go, Fate::Keep, Fate::Go, Fate::Go]);
    }
}
