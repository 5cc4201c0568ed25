//! After a migration failed in place: what was found, and what follows. Exit code 30 means the
//! schema is exactly as before; everything else is 31.

use model::entry::GateOutcome;
use model::exit::{ExitCode, Stop};
use model::inventory::Inventory;
use model::label::Label;
use model::manifest::{AppliedMigration, Manifest};
use model::state::InPlaceJournal;

use crate::migrate::{MigrationFile, MigrationState};

/// How the rollback ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutBack {
    /// Nothing had been committed.
    Nothing,
    /// The old state is back; the half-migrated tables are here.
    Restored {
        /// The schema.
        previous: String,
        /// What another session wrote to it during the swap.
        slipped: Vec<String>,
    },
    /// Nothing was done.
    Not {
        /// Why not.
        why: String,
        /// How the live schema differs from the backup.
        differences: Vec<String>,
    },
}

impl PutBack {
    /// 30 if the schema is as before and nothing is lost, else 31.
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Nothing => ExitCode::MigrationRestored,
            Self::Restored { slipped, .. } if slipped.is_empty() => ExitCode::MigrationRestored,
            Self::Restored { .. } | Self::Not { .. } => ExitCode::MigrationNotRestored,
        }
    }

    /// The word for the ledger.
    pub fn outcome(&self) -> GateOutcome {
        match self.code() {
            ExitCode::MigrationRestored => GateOutcome::Restored,
            _ => GateOutcome::NotRestored,
        }
    }
}

/// Whether a failed migration left nothing behind: definitions, what is booked as applied,
/// and no table whose rows stay whatever became of the rest.
pub fn left_nothing(
    manifest: &Manifest,
    live: &Inventory,
    fingerprint: &str,
    booked: &[AppliedMigration],
) -> bool {
    fingerprint == manifest.schema_fingerprint
        && booked == manifest.migrations
        && live.non_transactional().is_empty()
}

/// Where migrations stopped whose run died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// All of them are applied.
    Completed,
    /// The schema is as before.
    NothingCommitted,
    /// Anything else.
    HalfWay,
}

/// Tells by what is booked, the definitions, and whether rows can have stayed.
pub fn stopped(
    journal: &InPlaceJournal,
    now: &MigrationState,
    live: &Inventory,
    fingerprint: &str,
) -> Stopped {
    let pending: Vec<String> = now.pending.iter().map(MigrationFile::name).collect();
    let left = journal.migrations.iter().filter(|name| pending.contains(name)).count();
    if !now.troubles.is_empty() {
        return Stopped::HalfWay;
    }
    if left == 0 {
        return Stopped::Completed;
    }
    // Rows of a table without transactions stay whatever became of the rest.
    let untouched = left == journal.migrations.len()
        && live.non_transactional().is_empty()
        && fingerprint == journal.fingerprint;
    if untouched { Stopped::NothingCommitted } else { Stopped::HalfWay }
}

/// The message for how it ended; the next run tells the same about a dead one.
pub fn stop(schema: &str, label: &Label, why: &str, ended: &PutBack) -> Stop {
    let code = ended.code();
    match ended {
        PutBack::Nothing => Stop::new(
            code,
            format!("a migration failed on `{schema}` and left nothing behind; the schema is as it was:\n  {why}"),
        )
        .hint("Its rehearsal on the copy had passed: look for what differs on the live schema, \
        such as locks held by others. Then run `cargo xtask migrate` again."),
        PutBack::Restored { previous, slipped } if !slipped.is_empty() => Stop::new(
            code,
            format!("a migration failed on `{schema}`; the previous state IS restored from \
            {label}, but something was written during the swap: {}\n  {why}", slipped.join("; ")),
        )
        .hint(format!("Those rows are in `{previous}` and nowhere else. Copy them over before it is dropped."))
        .hint("Do not restore again."),
        PutBack::Restored { previous, .. } => Stop::new(
            code,
            format!("a migration failed on `{schema}`; the previous state is restored from \
            {label}:\n  {why}"),
        )
        .hint(format!("It was proven that no one else had written. The half-migrated tables are \
        in `{previous}`.")),
        PutBack::Not { why: reason, differences } => {
            let mut stop = Stop::new(
                code,
                format!("a migration failed on `{schema}`, and the previous state is NOT \
                restored:\n  {why}"),
            )
            .hint(format!("It was not restored automatically: {reason}."));
            for line in differences {
                stop = stop.hint(format!("Compared with {label}: {line}."));
            }
            stop.hint(format!(
                "To go back, losing what was written since: cargo xtask db-restore {label}"
            ))
            .hint("To go forward, fix the schema by hand and see `cargo xtask migrate --status`; docs/gate.md has both, step by step.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::label;
    use crate::testing::{holding, manifest};

    fn journal(migrations: &[&str]) -> InPlaceJournal {
        InPlaceJournal {
            version: 1,
            server: "uuid".to_owned(),
            schema: "mydb".to_owned(),
            backup: None,
            migrations: migrations.iter().map(|name| (*name).to_owned()).collect(),
            fingerprint: "before".to_owned(),
            failed: None,
        }
    }

    fn state(pending: &[i64], dirty: bool) -> MigrationState {
        let file = |version: &i64| MigrationFile {
            version: *version,
            description: "x".to_owned(),
            checksum: String::new(),
        };
        let troubles = if dirty { vec!["3 x is dirty".to_owned()] } else { Vec::new() };
        MigrationState {
            applied: Vec::new(),
            pending: pending.iter().map(file).collect(),
            troubles,
        }
    }

    #[test]
    fn a_dead_run_is_judged_by_what_it_left() {
        let journal = journal(&["2_x", "3_x"]);
        let innodb = holding(&[("movie", "InnoDB")]);
        let myisam = holding(&[("movie", "MyISAM")]);
        for (pending, dirty, live, fingerprint, expected) in [
            (&[][..], false, &innodb, "after", Stopped::Completed),
            // A migration that came into the folder since says nothing about these.
            (&[4][..], false, &innodb, "after", Stopped::Completed),
            (&[2, 3][..], false, &innodb, "before", Stopped::NothingCommitted),
            // Its first statement is committed and not booked.
            (&[2, 3][..], false, &innodb, "between", Stopped::HalfWay),
            (&[3][..], false, &innodb, "between", Stopped::HalfWay),
            (&[][..], true, &innodb, "after", Stopped::HalfWay),
            (&[2, 3][..], true, &innodb, "before", Stopped::HalfWay),
            // Its rows stay although the definitions are the old ones.
            (&[2, 3][..], false, &myisam, "before", Stopped::HalfWay),
        ] {
            let found = stopped(&journal, &state(pending, dirty), live, fingerprint);
            assert_eq!(found, expected, "{pending:?} dirty {dirty} {fingerprint}");
        }
    }

    fn restored(slipped: &[&str]) -> PutBack {
        PutBack::Restored {
            previous: "mydb__before_20261122_101112".to_owned(),
            slipped: slipped.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    fn not() -> PutBack {
        PutBack::Not {
            why: "someone else wrote to it since the backup".to_owned(),
            differences: vec!["`rating` has 3 rows, 2 before".to_owned()],
        }
    }

    #[test]
    fn nothing_is_left_only_where_rows_cannot_have_stayed() {
        let innodb = holding(&[("movie", "InnoDB")]);
        let myisam = holding(&[("movie", "MyISAM")]);
        let done = AppliedMigration {
            version: 2,
            description: "x".to_owned(),
            success: false,
            checksum: String::new(),
        };
        let it = manifest();
        assert!(left_nothing(&it, &innodb, "before", &[]));
        assert!(!left_nothing(&it, &innodb, "after", &[]));
        assert!(!left_nothing(&it, &myisam, "before", &[]));
        assert!(!left_nothing(&it, &innodb, "before", &[done]));
    }

    #[test]
    fn only_a_schema_that_is_as_it_was_is_thirty() {
        for (ended, code, outcome) in [
            (PutBack::Nothing, 30, GateOutcome::Restored),
            (restored(&[]), 30, GateOutcome::Restored),
            (restored(&["`rating` has 3 rows, 2 before"]), 31, GateOutcome::NotRestored),
            (not(), 31, GateOutcome::NotRestored),
        ] {
            assert_eq!((ended.code() as u8, ended.outcome()), (code, outcome), "{ended:?}");
            let stop = stop("mydb", &label("20261122_101112"), "no such column", &ended);
            assert_eq!(stop.code as u8, code, "{ended:?}");
        }
    }
}
