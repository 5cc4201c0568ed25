//! When the last migration by swap may be undone: only if that loses nothing.

use model::exit::{ExitCode, Stop};
use model::inventory::Inventory;
use model::state::UndoState;

/// The refusal, with why.
pub fn refused(why: &str) -> Stop {
    Stop::new(
        ExitCode::GateRefused,
        format!("the migration cannot be undone; the database was not touched: {why}"),
    )
}

/// The undo state of this schema's migration.
///
/// # Errors
/// Exit code 20 if there is none.
pub fn known(kept: Option<UndoState>, schema: &str) -> Result<UndoState, Stop> {
    kept.filter(|undo| undo.schema == schema).ok_or_else(|| {
        Stop::new(ExitCode::GateRefused, "there is no migration by swap to undo").hint(
            "A migration in place has no old tables. Its backup is in `cargo xtask \
            db-list`; `cargo xtask db-restore LABEL` restores that state and loses what was \
            written since.",
        )
    })
}

/// Undo only works on the server it was made on.
///
/// # Errors
/// Exit code 20: this is another one.
pub fn demand_server(undo: &UndoState, uuid: &str) -> Result<(), Stop> {
    if undo.server == uuid {
        return Ok(());
    }
    Err(refused(&format!("it was made on another server ({})", undo.server)))
}

/// The old tables have to be there, each of them. `kept` is what their schema holds;
/// `None`: it is gone.
///
/// # Errors
/// Exit code 20, with the way that is left.
pub fn demand_tables(undo: &UndoState, kept: Option<&Inventory>) -> Result<(), Stop> {
    let Some(kept) = kept else {
        let why = format!("the old tables in `{}` are gone", undo.previous_schema);
        return Err(refused(&why).hint(by_restore(undo)));
    };
    if kept.tables.keys().eq(undo.old.tables.keys()) {
        return Ok(());
    }
    Err(changed(undo, "not every table is there"))
}

/// The old tables have to hold what they held: `different` names what they do not.
///
/// # Errors
/// Exit code 20, with the way that is left.
pub fn demand_same(undo: &UndoState, different: &[String]) -> Result<(), Stop> {
    if different.is_empty() { Ok(()) } else { Err(changed(undo, &different.join("; "))) }
}

fn changed(undo: &UndoState, what: &str) -> Stop {
    refused(&format!("the old tables were changed: {what}")).hint(by_restore(undo))
}

fn by_restore(undo: &UndoState) -> String {
    format!("`cargo xtask db-restore {}` restores that state.", undo.backup)
}

/// What was written to the migrated tables since they went live would be lost.
///
/// # Errors
/// Exit code 20, with what was written.
pub fn demand_unwritten(undo: &UndoState, written: &[String]) -> Result<(), Stop> {
    if written.is_empty() {
        return Ok(());
    }
    Err(refused(&format!(
        "something was written since it went live, and that would be lost: {}",
        written.join("; ")
    ))
    .hint(format!("To go back anyway, losing that: cargo xtask db-restore {}", undo.backup)))
}

/// The old tables are live again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// Where the migrated ones are.
    pub before: String,
    /// What another session wrote to them during the swap.
    pub slipped: Vec<String>,
}

impl Exchanged {
    /// The failure if something was written during the undo: the rows are not lost, but must be
    /// copied over by hand.
    pub fn lost_between(&self, schema: &str) -> Option<Stop> {
        let Self { before, slipped } = self;
        if slipped.is_empty() {
            return None;
        }
        let what = slipped.join("; ");
        let message = format!(
            "`{schema}` is as it was before the migration, but something wrote to the migrated \
            tables during the undo: {what}"
        );
        Some(Stop::new(ExitCode::MigrationNotRestored, message).hint(format!(
            "Those rows are in `{before}`, which is kept, and nowhere else. Copy them over before it is dropped."
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::label;
    use model::state::SchemaState;

    fn holding(tables: &[&str]) -> Inventory {
        let all: Vec<(&str, &str)> = tables.iter().map(|name| (*name, "InnoDB")).collect();
        crate::testing::holding(&all)
    }

    fn undo() -> UndoState {
        let state = SchemaState { fingerprint: String::new(), tables: Vec::new() };
        UndoState {
            version: 1,
            server: "here".to_owned(),
            schema: "mydb".to_owned(),
            previous_schema: "mydb__before_20261122_101112".to_owned(),
            backup: label("20261122_101112"),
            migrations: vec!["3_x".to_owned()],
            old: holding(&["movie", "rating"]),
            old_state: state.clone(),
            new: Inventory::default(),
            new_state: state,
            log: None,
        }
    }

    /// Every refusal states that the database was not touched.
    fn refuses(result: Result<(), Stop>, what: &str) {
        let stop = result.expect_err(what);
        assert_eq!(stop.code, ExitCode::GateRefused);
        assert!(stop.message.contains("the database was not touched"), "{}", stop.message);
        assert!(stop.message.contains(what), "{}", stop.message);
    }

    #[test]
    fn only_this_schemas_migration_on_its_server_is_taken_back() {
        assert!(known(None, "mydb").is_err());
        assert!(known(Some(undo()), "other").is_err());
        let undo = known(Some(undo()), "mydb").expect("a way back");
        assert!(demand_server(&undo, "here").is_ok());
        refuses(demand_server(&undo, "there"), "another server (here)");
    }

    #[test]
    fn every_old_table_has_to_be_there_as_it_was() {
        let undo = undo();
        assert!(demand_tables(&undo, Some(&holding(&["movie", "rating"]))).is_ok());
        refuses(demand_tables(&undo, None), "are gone");
        for tables in [&["movie"][..], &["movie", "rating", "more"], &[]] {
            refuses(demand_tables(&undo, Some(&holding(tables))), "not every table is there");
        }
        assert!(demand_same(&undo, &[]).is_ok());
        refuses(demand_same(&undo, &["`movie` has other rows".to_owned()]), "`movie` has other");
    }

    #[test]
    fn what_was_written_since_is_not_given_up() {
        let undo = undo();
        assert!(demand_unwritten(&undo, &[]).is_ok());
        let written = ["`rating` has 3 rows, 2 before".to_owned()];
        let stop = demand_unwritten(&undo, &written).expect_err("a refusal");
        assert!(stop.hints[0].ends_with("cargo xtask db-restore mydb_backup_20261122_101112"));
        refuses(Err(stop), "`rating` has 3 rows");
    }

    #[test]
    fn rows_that_came_in_between_end_it_with_thirty_one() {
        let exchanged = |slipped: &[&str]| Exchanged {
            before: "mydb__before_x".to_owned(),
            slipped: slipped.iter().map(|it| (*it).to_owned()).collect(),
        };
        assert_eq!(exchanged(&[]).lost_between("mydb"), None);
        let stop = exchanged(&["`rating` has 3 rows"]).lost_between("mydb").expect("a failure");
        assert_eq!(stop.code as u8, 31);
        assert!(stop.hints[0].contains("`mydb__before_x`"));
    }
}
