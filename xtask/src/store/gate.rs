//! What the gate remembers from one run to the next: the journal of migrations that
//! run in place, and the way back from the last one by swap.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Store, StoreLock, names};
use crate::model::exit::{ExitCode, Stop};
use crate::model::state::{InPlaceJournal, UndoState};
use crate::sys::fs;

/// The format version this tool writes, and the newest it reads.
const VERSION: u32 = 1;

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
    /// It is damaged or of a newer format ([`ExitCode::Store`]).
    pub fn read_in_place(&self) -> Result<Option<InPlaceJournal>> {
        self.read_state(names::IN_PLACE)
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
    /// It is damaged or of a newer format ([`ExitCode::Store`]).
    pub fn read_undo(&self) -> Result<Option<UndoState>> {
        self.read_state(names::UNDO)
    }

    /// Forgets it: the schema went on since.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove_undo(&self, lock: &StoreLock) -> Result<()> {
        self.remove_state(lock, names::UNDO)
    }

    /// One way for every small file that a run leaves for the next one.
    pub(super) fn write_state<T: Serialize>(
        &self,
        lock: &StoreLock,
        name: &str,
        value: &T,
    ) -> Result<()> {
        self.demand(lock)?;
        let text = serde_json::to_vec_pretty(value).with_context(|| format!("write {name}"))?;
        fs::write_durably(&self.path(name), &text)
    }

    pub(super) fn read_state<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let path = self.path(name);
        if !fs::exists(&path)? {
            return Ok(None);
        }
        let text = fs::read_bytes(&path)?;
        let damaged = |error: serde_json::Error| {
            Stop::new(ExitCode::Store, format!("{} is damaged: {error}", path.display())).hint(
                "Compare the live schema with the newest backup by hand, then move the file away.",
            )
        };
        let head: Head = serde_json::from_slice(&text).map_err(damaged)?;
        if head.version != VERSION {
            let message = format!(
                "{} has format {}, this tool reads {VERSION}",
                path.display(),
                head.version
            );
            return Err(Stop::new(ExitCode::Store, message)
                .hint("Use the version of the tool that wrote it.")
                .into());
        }
        Ok(Some(serde_json::from_slice(&text).map_err(damaged)?))
    }

    pub(super) fn remove_state(&self, lock: &StoreLock, name: &str) -> Result<()> {
        self.demand(lock)?;
        fs::remove_if_exists(&self.path(name))?;
        fs::sync_dir(self.dir())
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
            version: VERSION,
            server: "uuid".to_owned(),
            schema: "mydb".to_owned(),
            backup: None,
            migrations: vec!["1_x".to_owned()],
            fingerprint: "f".to_owned(),
        };
        store.write_in_place(&lock, &journal).unwrap();
        assert_eq!(store.read_in_place().unwrap(), Some(journal));
        put(&store.path(names::IN_PLACE), b"{\"version\":2}");
        assert!(stop_of(store.read_in_place()).message.contains("format 2"));
        put(&store.path(names::IN_PLACE), b"{");
        assert!(stop_of(store.read_in_place()).message.contains("is damaged"));
        store.remove_in_place(&lock).unwrap();
        assert_eq!(store.read_in_place().unwrap(), None);
    }
}
