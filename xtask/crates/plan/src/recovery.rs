//! What the run after a dead one does about what that left, decided from what is found.

use std::collections::BTreeSet;

use model::exit::{ExitCode, Stop};
use model::facts::Flavour;
use model::swap::{Purpose, SwapJournal};

/// What has to be done first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// Bring the swap in the journal to its end.
    EndSwap,
    /// A journal, and no server to follow it on: what only reads files goes on.
    SayOnly,
    /// The swap is over, and its events do not run yet.
    EnableEvents,
    /// Remove staging schemas that nobody uses.
    Sweep,
    /// Nothing.
    Nothing,
}

/// Chooses by what was left, and by whether a server is at hand.
pub fn first(journal: bool, events: bool, server: bool) -> First {
    match (journal, server) {
        (true, true) => First::EndSwap,
        (true, false) => First::SayOnly,
        (false, true) if events => First::EnableEvents,
        (false, true) => First::Sweep,
        (false, false) => First::Nothing,
    }
}

/// A journal is followed for the schema of this run, or for one that was made beside it.
///
/// # Errors
/// Exit code 40: it is about another schema.
pub fn demand_schema(journal: &SwapJournal, schema: &str, prefix: &str) -> Result<(), Stop> {
    let beside = journal.beside && journal.target.starts_with(prefix);
    if journal.target == schema || beside {
        return Ok(());
    }
    let message = format!("{} did not finish; this run is about `{schema}`", journal.what());
    Err(Stop::new(ExitCode::Store, message)
        .hint(format!("Run `cargo xtask doctor --fix` with DB_NAME={} first.", journal.target)))
}

/// Whether the journal was written for this server. One that does not say who it is
/// (`known` is false) cannot be told from another by its uuid; then it must at least hold
/// what the journal names.
pub fn is_its_server(journal: &SwapJournal, uuid: &str, known: bool, holds_named: bool) -> bool {
    uuid == journal.server && (known || holds_named)
}

/// The tables of the schemas that a journal names.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Of the live one.
    pub live: BTreeSet<String>,
    /// Of the one for old tables.
    pub before: BTreeSet<String>,
    /// Of the staged one.
    pub staging: BTreeSet<String>,
}

/// Which of the two pictures there is, as a RENAME is all or nothing: `true` where every
/// table is where the swap takes it, `false` where every table is where it was.
///
/// # Errors
/// Exit code 40: neither. Somebody else was there since, and it is left alone.
pub fn moved(journal: &SwapJournal, places: &Places) -> Result<bool, Stop> {
    let Places { live, before, staging } = places;
    let all = |names: &[String], there: &BTreeSet<String>| names.iter().all(|n| there.contains(n));
    if journal.tables_out.is_empty() && journal.tables_in.is_empty() {
        // No tables on either side: making the programs again does no harm.
        return Ok(true);
    }
    // Without old tables the new ones are told by their not being in staging any more.
    let out_of_staging = journal.tables_in.iter().all(|name| !staging.contains(name));
    if all(&journal.tables_in, live) && all(&journal.tables_out, before) && out_of_staging {
        return Ok(true);
    }
    let staged = all(&journal.tables_in, staging);
    if all(&journal.tables_out, live) && before.is_empty() && staged {
        return Ok(false);
    }
    let (target, old, new) = (&journal.target, &journal.before, &journal.staging);
    Err(Stop::new(
        ExitCode::Store,
        format!("{} did not finish, and the tables are not where it left them: `{target}`, `{old}` and `{new}` were changed since", journal.what()),
    )
    .hint("Someone else restored or migrated meanwhile, perhaps from another backups folder. This \
    run changed nothing.")
    .hint("If the live schema is correct, `cargo xtask doctor --forget-restore` moves the journal \
    away once its server is gone; otherwise move .swap.json out of the backups folder by hand."))
}

/// What else is done once a swap came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// The way back of a migration is not one any more.
    pub forget_undo: bool,
    /// Look for rows that came in between: this server ends the lock before the RENAME.
    pub look_between: bool,
}

/// By what the swap was for, and whether its tables had moved.
pub fn after(purpose: Purpose, moved: bool, flavour: Flavour) -> After {
    After {
        // A migration that did not happen has no way back; one that was taken back neither.
        forget_undo: matches!((purpose, moved), (Purpose::Migrate, false) | (Purpose::Undo, true)),
        look_between: moved && purpose == Purpose::Migrate && flavour == Flavour::Mariadb,
    }
}

/// Whether the staged schema holds nothing that is not elsewhere: the old tables of a
/// migration are not given up because they did not come back.
pub fn may_drop_staging(purpose: Purpose, moved: bool) -> bool {
    moved || purpose != Purpose::Undo
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::swap::SwapPhase;

    fn journal(tables_in: &[&str], tables_out: &[&str]) -> SwapJournal {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        SwapJournal {
            version: 1,
            server: "here".to_owned(),
            target: "mydb".to_owned(),
            staging: "mydb__staging_x".to_owned(),
            before: "mydb__before_x".to_owned(),
            source: "mydb_backup_20261122_101112".to_owned(),
            purpose: Purpose::Restore,
            phase: SwapPhase::Prepared,
            tables_in: names(tables_in),
            tables_out: names(tables_out),
            remake_triggers: false,
            undo: Vec::new(),
            finish: Vec::new(),
            rows_only: false,
            created: Vec::new(),
            counters: Vec::new(),
            enable: Vec::new(),
            beside: false,
            unsaved: Vec::new(),
        }
    }

    fn places(live: &[&str], before: &[&str], staging: &[&str]) -> Places {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        Places { live: names(live), before: names(before), staging: names(staging) }
    }

    #[test]
    fn first_things_depend_on_what_was_left() {
        for (journal, events, server, expected) in [
            (true, false, true, First::EndSwap),
            // The journal's own end enables them.
            (true, true, true, First::EndSwap),
            (true, true, false, First::SayOnly),
            (false, true, true, First::EnableEvents),
            (false, true, false, First::Nothing),
            (false, false, true, First::Sweep),
            (false, false, false, First::Nothing),
        ] {
            assert_eq!(first(journal, events, server), expected, "{journal} {events} {server}");
        }
    }

    #[test]
    fn there_are_two_pictures_and_everything_else_is_left_alone() {
        let both = journal(&["a", "new"], &["a", "old"]);
        let of = |live, before, staging| {
            moved(&both, &places(live, before, staging)).map_err(|stop| stop.code)
        };
        assert_eq!(of(&["a", "new"], &["a", "old"], &[]), Ok(true));
        assert_eq!(of(&["a", "old"], &[], &["a", "new"]), Ok(false));
        // A table that came later is in nobody's way.
        assert_eq!(of(&["a", "new", "later"], &["a", "old"], &[]), Ok(true));
        for (live, before, staging) in [
            (&["a", "new"][..], &["a"][..], &[][..]),
            (&["a", "new"], &[], &[]),
            (&["a", "new"], &["a", "old"], &["new"]),
            (&["a", "old"], &["a"], &["a", "new"]),
            (&["a", "old"], &[], &["a"]),
            (&["a"], &[], &["a", "new"]),
            (&[], &[], &[]),
        ] {
            assert_eq!(
                of(live, before, staging),
                Err(ExitCode::Store),
                "{live:?} {before:?} {staging:?}"
            );
        }
    }

    #[test]
    fn an_empty_side_is_told_from_the_other() {
        let first = journal(&["a"], &[]);
        assert_eq!(moved(&first, &places(&["a"], &[], &[])).ok(), Some(true));
        assert_eq!(moved(&first, &places(&[], &[], &["a"])).ok(), Some(false));
        // The live table is somebody else's: the staged one is still where it was.
        assert_eq!(moved(&first, &places(&["a"], &[], &["a"])).ok(), Some(false));
        let nothing = journal(&[], &[]);
        assert_eq!(moved(&nothing, &places(&["x"], &[], &[])).ok(), Some(true));
    }

    #[test]
    fn a_journal_of_another_schema_is_not_followed() {
        let mut journal = journal(&["a"], &["a"]);
        assert!(demand_schema(&journal, "mydb", "mydb__").is_ok());
        assert!(demand_schema(&journal, "other", "other__").is_err());
        journal.target = "mydb__look".to_owned();
        assert!(demand_schema(&journal, "mydb", "mydb__").is_err());
        journal.beside = true;
        assert!(demand_schema(&journal, "mydb", "mydb__").is_ok());
        assert!(demand_schema(&journal, "other", "other__").is_err());
    }

    #[test]
    fn a_server_without_a_name_is_known_by_what_it_holds() {
        let mut journal = journal(&["a"], &["a"]);
        assert!(is_its_server(&journal, "here", true, false));
        assert!(!is_its_server(&journal, "there", true, true));
        assert!(!is_its_server(&journal, "unknown", false, true));
        journal.server = "unknown".to_owned();
        assert!(is_its_server(&journal, "unknown", false, true));
        assert!(!is_its_server(&journal, "unknown", false, false));
    }

    #[test]
    fn the_way_back_outlives_what_did_not_happen_to_it() {
        use Flavour::{Mariadb, Mysql};
        let of = |purpose, moved, flavour| {
            let After { forget_undo, look_between } = after(purpose, moved, flavour);
            (forget_undo, look_between, may_drop_staging(purpose, moved))
        };
        assert_eq!(of(Purpose::Restore, true, Mariadb), (false, false, true));
        assert_eq!(of(Purpose::Restore, false, Mariadb), (false, false, true));
        assert_eq!(of(Purpose::Migrate, true, Mysql), (false, false, true));
        assert_eq!(of(Purpose::Migrate, true, Mariadb), (false, true, true));
        assert_eq!(of(Purpose::Migrate, false, Mariadb), (true, false, true));
        assert_eq!(of(Purpose::Undo, true, Mysql), (true, false, true));
        assert_eq!(of(Purpose::Undo, false, Mysql), (false, false, false));
    }
}
