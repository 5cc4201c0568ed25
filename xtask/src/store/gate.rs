//! What the gate remembers from one run to the next: the journal of migrations that
//! run in place, and the way back from the last one by swap.

use anyhow::Result;

use super::{Store, StoreLock, names};
use crate::model::state::{InPlaceJournal, UndoState};

/// What a person can do about a file that is not followed.
const BY_HAND: &[&str] =
    &["Compare the live schema with the newest backup by hand, then move the file away."];

impl Store {
    /// Remembers that migrations are about to run in place.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_in_place(&self, lock: &StoreLock, journal: &InPlaceJournal) -> Result<()> {
        self.write_state(lock, names::IN_PLACE, journal)
    }

    /// The migrations in place that a run did not see the end of.
    ///
    /// # Errors
    /// It is damaged, of another format or not signed (exit code 40).
    pub fn read_in_place(&self) -> Result<Option<InPlaceJournal>> {
        self.read_state(names::IN_PLACE, BY_HAND)
    }

    /// Forgets them: it is known how they ended.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove_in_place(&self, lock: &StoreLock) -> Result<()> {
        self.remove_state(lock, names::IN_PLACE)
    }

    /// Keeps the way back from a migration by swap; an older one is replaced.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_undo(&self, lock: &StoreLock, undo: &UndoState) -> Result<()> {
        self.write_state(lock, names::UNDO, undo)
    }

    /// The way back from the last migration by swap.
    ///
    /// # Errors
    /// It is damaged, of another format or not signed (exit code 40).
    pub fn read_undo(&self) -> Result<Option<UndoState>> {
        self.read_state(names::UNDO, BY_HAND)
    }

    /// Forgets it: the schema went on since.
    ///
    /// # Errors
    /// It cannot be removed.
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
        let lock = store.lock(Duration::ZERO).unwrap();
        assert_eq!(store.read_in_place().unwrap(), None);
        let journal = InPlaceJournal {
            version: 1,
            server: "uuid".to_owned(),
            schema: "mydb".to_owned(),
            backup: None,
            migrations: vec!["1_x".to_owned()],
            fingerprint: "f".to_owned(),
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
}
