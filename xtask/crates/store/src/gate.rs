//! What the gate remembers from one run to the next: the journal of migrations in place, and the
//! undo state of the last one by swap.

use anyhow::Result;

use super::handover::{FORGET, Found};
use super::{Store, StoreLock, names};
use model::exit::Stop;
use model::label::Label;
use model::state::{InPlaceJournal, UndoState};
use sys::fs;

/// What to do about an untrusted journal.
const BY_HAND: &[&str] = &[
    "Compare the live schema with the newest backup by hand, and restore what is missing.",
    FORGET,
];

/// What to do about an untrusted undo state.
const UNDO_BY_HAND: &[&str] =
    &["The next migration by swap replaces the file. If you do not need it, move it out of the \
    backups folder."];

/// The undo state of the last migration by swap.
#[derive(Debug)]
pub enum WayBack {
    Nothing,
    Known(Box<UndoState>),
    /// An untrusted file: undo is impossible.
    Refused(Refused),
}

/// An untrusted undo state. Anyone may have written it; what it names is only kept.
#[derive(Debug)]
pub struct Refused {
    pub stop: Stop,
    /// The backup that it names, where that can be read.
    pub backup: Option<Label>,
    /// The schema with old tables that it names, where that can be read.
    pub previous_schema: Option<String>,
}

impl Refused {
    /// For people: what it is, and what that means.
    pub fn warning(&self) -> String {
        format!("{}: it cannot be undone, `migrate --undo` refuses it", self.stop.message)
    }
}

impl WayBack {
    /// What must be kept for it, the backup and the schema with old tables, and what there
    /// is to warn about.
    ///
    /// # Errors
    /// It is not known what it needs: the file cannot be read for that (exit code 40).
    pub fn needs(self) -> Result<Needs> {
        match self {
            Self::Nothing => Ok(Needs::default()),
            Self::Known(undo) => Ok(Needs {
                backup: Some(undo.backup),
                previous_schema: Some(undo.previous_schema),
                warning: None,
                reason: "`migrate --undo` needs it",
            }),
            Self::Refused(refused) if refused.backup.is_none() => Err(refused.stop.into()),
            Self::Refused(refused) => Ok(Needs {
                warning: Some(refused.warning()),
                backup: refused.backup,
                previous_schema: refused.previous_schema,
                reason: "`.undo.json` names it",
            }),
        }
    }
}

/// What undo needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The backup in front of the migration.
    pub backup: Option<Label>,
    /// The schema with the old tables.
    pub previous_schema: Option<String>,
    pub warning: Option<String>,
    /// Why they are kept, for people.
    pub reason: &'static str,
}

impl Store {
    /// Remembers that migrations are about to run in place.
    pub fn write_in_place(&self, lock: &StoreLock, journal: &InPlaceJournal) -> Result<()> {
        self.write_state(lock, names::IN_PLACE, journal)
    }

    /// The migrations in place that a run did not see the end of.
    ///
    /// # Errors
    /// It is damaged, of another format or not signed (exit code 40).
    pub fn read_in_place(&self) -> Result<Option<InPlaceJournal>> {
        self.find_in_place()?.followed()
    }

    pub(super) fn find_in_place(&self) -> Result<Found<InPlaceJournal>> {
        self.find_state(names::IN_PLACE, BY_HAND)
    }

    /// Forgets them: it is known how they ended.
    pub fn remove_in_place(&self, lock: &StoreLock) -> Result<()> {
        self.remove_state(lock, names::IN_PLACE)
    }

    /// Stores the undo state of a migration by swap, replacing an older one.
    pub fn write_undo(&self, lock: &StoreLock, undo: &UndoState) -> Result<()> {
        self.write_state(lock, names::UNDO, undo)
    }

    /// The undo state of the last migration by swap, if there is a trusted one.
    pub fn way_back(&self) -> Result<WayBack> {
        Ok(match self.find_state(names::UNDO, UNDO_BY_HAND)? {
            Found::Nothing => WayBack::Nothing,
            Found::Followed(undo) => WayBack::Known(Box::new(undo)),
            Found::Refused { stop, claims } => {
                let claims = claims.as_ref();
                let named = |key| claims?.get(key)?.as_str();
                WayBack::Refused(Refused {
                    backup: named("backup").and_then(|label| label.parse().ok()),
                    previous_schema: named("previous_schema").map(str::to_owned),
                    stop,
                })
            }
        })
    }

    /// The undo file, byte for byte, to restore with [`Self::put_undo`].
    pub fn undo_as_it_is(&self) -> Result<Option<Vec<u8>>> {
        let path = self.path(names::UNDO);
        if fs::exists(&path)? { fs::read_bytes(&path).map(Some) } else { Ok(None) }
    }

    /// Restores the file from before it was replaced.
    pub fn put_undo(&self, lock: &StoreLock, text: Option<&[u8]>) -> Result<()> {
        self.demand(lock)?;
        match text {
            Some(text) => fs::write_durably(&self.path(names::UNDO), text),
            None => self.remove_undo(lock),
        }
    }

    /// Forgets it: the schema went on since.
    pub fn remove_undo(&self, lock: &StoreLock) -> Result<()> {
        self.remove_state(lock, names::UNDO)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{put, scratch, stop_of};
    use super::*;

    #[test]
    fn comes_back_as_it_was_written() {
        let (_dir, store) = scratch();
        let lock = store.lock_within(Duration::ZERO).unwrap();
        assert_eq!(store.read_in_place().unwrap(), None);
        let journal = InPlaceJournal {
            version: 1,
            server: "uuid".to_owned(),
            schema: "mydb".to_owned(),
            backup: None,
            migrations: vec!["1_x".to_owned()],
            fingerprint: "f".to_owned(),
            failed: None,
        };
        store.write_in_place(&lock, &journal).unwrap();
        assert_eq!(store.read_in_place().unwrap(), Some(journal));
        put(&store.path(names::IN_PLACE), b"{\"version\":3}");
        assert!(stop_of(store.read_in_place()).message.contains("format 3"));
        put(&store.path(names::IN_PLACE), b"{");
        assert!(stop_of(store.read_in_place()).message.contains("is damaged"));
        store.remove_in_place(&lock).unwrap();
        assert_eq!(store.read_in_place().unwrap(), None);
    }
    /// An installation from before signatures has such a file from its last migration by swap.
    #[test]
    fn an_old_way_back_is_none_and_keeps_what_it_names() {
        let (_dir, store) = scratch();
        let lock = store.lock_within(Duration::ZERO).unwrap();
        assert!(matches!(store.way_back().unwrap(), WayBack::Nothing));
        let old = br#"{"version":1,"schema":"mydb","previous_schema":"mydb__before_1","backup":"mydb_backup_20261122_101112"}"#;
        put(&store.path(names::UNDO), old);
        let WayBack::Refused(refused) = store.way_back().unwrap() else { panic!("followed") };
        assert!(refused.warning().contains("format 1"), "{refused:?}");
        let needs = WayBack::Refused(refused).needs().unwrap();
        assert_eq!(needs.backup.unwrap().to_string(), "mydb_backup_20261122_101112");
        assert_eq!(needs.previous_schema.unwrap(), "mydb__before_1");
        let kept = store.undo_as_it_is().unwrap();
        store.remove_undo(&lock).unwrap();
        store.put_undo(&lock, kept.as_deref()).unwrap();
        assert_eq!(fs::read_bytes(&store.path(names::UNDO)).unwrap(), old);
        // One with an unknown signer counts the same.
        let state = r#"{\"backup\":\"mydb_backup_20261122_101112\"}"#;
        put(
            &store.path(names::UNDO),
            format!("{{\"version\":2,\"state\":\"{state}\"}}").as_bytes(),
        );
        let needs = store.way_back().unwrap().needs().unwrap();
        assert!(needs.warning.unwrap().contains("unsigned"));
        assert!(needs.backup.is_some() && needs.previous_schema.is_none());
        // What it needs is not known: nothing may be deleted.
        put(&store.path(names::UNDO), b"{");
        assert!(stop_of(store.way_back().unwrap().needs()).message.contains("is damaged"));
        put(&store.path(names::UNDO), br#"{"version":3}"#);
        assert!(stop_of(store.way_back().unwrap().needs()).message.contains("format 3"));
        store.put_undo(&lock, None).unwrap();
        assert!(matches!(store.way_back().unwrap(), WayBack::Nothing));
    }
}
