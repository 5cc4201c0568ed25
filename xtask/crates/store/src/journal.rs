//! The journal of a swap, `.swap.json`: there while a restore swaps tables, so
//! that the next run can finish or undo what a dead one began.

use anyhow::Result;

use super::handover::{FORGET, Found};
use super::{Store, StoreLock, names};
use model::exit::Stop;
use model::swap::{EventsState, SwapJournal};
use sys::fs;

/// The form of the states themselves.
const VERSION: u32 = 1;

impl Store {
    /// Writes the journal durably; an older one is replaced in one step.
    ///
    /// # Errors
    /// It cannot be written; an older one is then still there.
    pub fn write_journal(&self, lock: &StoreLock, journal: &SwapJournal) -> Result<()> {
        self.write_state(lock, names::JOURNAL, journal)
    }

    /// The journal of a swap that has not ended, or that is going on right now in
    /// the run that holds the lock.
    ///
    /// # Errors
    /// It cannot be read, is damaged, of another format or not signed (exit code 40).
    pub fn read_journal(&self) -> Result<Option<SwapJournal>> {
        self.find_journal()?.followed()
    }

    fn find_journal(&self) -> Result<Found<SwapJournal>> {
        self.find_state(
            names::JOURNAL,
            &[
                "A restore ended in the middle of its swap, and how far it got is unknown.",
                "Compare the live schema with the `__before_` and `__staging_` schemas by hand, \
                and restore what is missing.",
                FORGET,
            ],
        )
    }

    /// The journals that are not followed, each with the refusal: every command that changes
    /// something refuses because of them.
    pub fn refused_journals(&self) -> Result<Vec<(&'static str, Stop)>> {
        let all = [
            (names::JOURNAL, self.find_journal()?.refusal()),
            (names::EVENTS, self.find_events()?.refusal()),
            (names::IN_PLACE, self.find_in_place()?.refusal()),
        ];
        Ok(all.into_iter().filter_map(|(name, stop)| Some((name, stop?))).collect())
    }

    /// Permanently moves an untrusted journal away, under another name.
    pub fn put_aside(&self, lock: &StoreLock, name: &str, stamp: &str) -> Result<String> {
        self.demand(lock)?;
        let aside = format!("{name}.abandoned-{stamp}");
        fs::rename_durably(&self.path(name), &self.path(&aside))?;
        Ok(aside)
    }

    /// Permanently moves the journal away, under another name: its server is gone.
    pub fn abandon_journal(&self, lock: &StoreLock, stamp: &str) -> Result<String> {
        self.put_aside(lock, names::JOURNAL, stamp)
    }

    /// The swap has come to its end on the new side: what is left is to enable its events,
    /// which is written down before the journal goes.
    pub fn close_journal(&self, lock: &StoreLock, journal: &SwapJournal) -> Result<()> {
        if !journal.enable.is_empty() {
            let events = EventsState {
                version: VERSION,
                server: journal.server.clone(),
                target: journal.target.clone(),
                source: journal.source.clone(),
                enable: journal.enable.clone(),
            };
            self.write_state(lock, names::EVENTS, &events)?;
        }
        self.remove_journal(lock)
    }

    /// Events of a restored schema that may run and do not yet.
    ///
    /// # Errors
    /// It is damaged, of another format or not signed (exit code 40).
    pub fn read_events(&self) -> Result<Option<EventsState>> {
        self.find_events()?.followed()
    }

    fn find_events(&self) -> Result<Found<EventsState>> {
        self.find_state(
            names::EVENTS,
            &["Enable the events of the restored schema by hand.", FORGET],
        )
    }

    /// Forgets them: they run, or are not to.
    pub fn remove_events(&self, lock: &StoreLock) -> Result<()> {
        self.remove_state(lock, names::EVENTS)
    }

    /// Removes the journal durably: the swap has come to its end.
    pub fn remove_journal(&self, lock: &StoreLock) -> Result<()> {
        self.remove_state(lock, names::JOURNAL)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{put, scratch, stop_of};
    use super::*;
    use model::swap::SwapPhase;

    #[test]
    fn comes_back_as_it_was_written() {
        let (_dir, store) = scratch();
        let lock = store.lock_within(Duration::ZERO).unwrap();
        assert_eq!(store.read_journal().unwrap(), None);
        let mut journal = SwapJournal {
            version: VERSION,
            server: "uuid".to_owned(),
            target: "mydb".to_owned(),
            staging: "mydb__staging_1".to_owned(),
            before: "mydb__before_1".to_owned(),
            source: "mydb_backup_20261122_101112".to_owned(),
            purpose: model::swap::Purpose::Migrate,
            phase: SwapPhase::Prepared,
            tables_in: vec!["movie".to_owned()],
            tables_out: vec!["movie".to_owned(), "genre".to_owned()],
            remake_triggers: true,
            undo: Vec::new(),
            finish: Vec::new(),
            rows_only: true,
            created: vec![("new".to_owned(), "movie".to_owned())],
            counters: vec![("movie".to_owned(), 7)],
            enable: Vec::new(),
            beside: false,
            unsaved: Vec::new(),
        };
        store.write_journal(&lock, &journal).unwrap();
        journal.phase = SwapPhase::Renamed;
        store.write_journal(&lock, &journal).unwrap();
        assert_eq!(store.read_journal().unwrap().as_ref(), Some(&journal));
        store.remove_journal(&lock).unwrap();
        store.remove_journal(&lock).unwrap();
        assert_eq!(store.read_journal().unwrap(), None);

        put(&store.path(names::JOURNAL), b"{\"version\":3}");
        assert!(stop_of(store.read_journal()).message.contains("format 3"));
        put(&store.path(names::JOURNAL), b"{\"version\":2,\"state\":");
        assert!(stop_of(store.read_journal()).message.contains("is damaged"));

        assert_eq!(store.refused_journals().unwrap()[0].0, names::JOURNAL);
        put(&store.path(names::IN_PLACE), b"{\"version\":1,\"schema\":\"mydb\"}");
        let refused = store.refused_journals().unwrap();
        assert_eq!(refused.len(), 2);
        assert!(refused[1].1.hints.iter().any(|hint| hint.contains("--forget-restore")));
        for (name, _) in refused {
            assert_eq!(store.put_aside(&lock, name, "1").unwrap(), format!("{name}.abandoned-1"));
        }
        assert_eq!((store.read_journal().unwrap(), store.read_in_place().unwrap()), (None, None));
    }
}
