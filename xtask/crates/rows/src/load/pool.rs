//! Sessions that send rows and build keys side by side.
//!
//! The reader puts batches into a queue of bounded size. A table's keys are built as
//! soon as all of its rows are committed, while rows of the next tables are sent.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::rows::{Batch, Sender};
use super::settings::{InForce, Settings};
use super::{Keys, refused};
use model::digest::ContentDigest;
use server::Session;
use sql::charset::UTF8MB4;
use sys::signal;

/// Bytes of rows that wait, in all.
const QUEUE: usize = 8 << 20;

/// After this many bytes a session commits: each commit waits for the disk, and a
/// transaction that is too large spills the server's caches to it.
const COMMIT_EVERY: usize = 2 << 20;

/// How often a waiting thread checks for Ctrl-C.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug)]
enum Job {
    Rows(Batch),
    Keys { table: usize, keys: Keys },
}

/// How far a table is.
#[derive(Debug, Default)]
struct Table {
    /// Batches that wait, are being sent, or are not committed.
    open: usize,
    /// What to build once there are none.
    keys: Option<Keys>,
    /// Its keys wait to be built, or are being built.
    building: bool,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Job>,
    bytes: usize,
    tables: HashMap<usize, Table>,
    sums: BTreeMap<String, ContentDigest>,
    failure: Option<anyhow::Error>,
    building: Vec<String>,
    end: bool,
    stop: bool,
}

impl State {
    fn idle(&self, table: usize) -> bool {
        self.tables.get(&table).is_none_or(|t| t.open == 0 && t.keys.is_none() && !t.building)
    }

    /// Queues a table's keys in front of everything, so that they are built while
    /// rows of others are sent.
    fn build_if_complete(&mut self, table: usize) {
        let Some(found) = self.tables.get_mut(&table) else { return };
        if found.open == 0
            && let Some(keys) = found.keys.take()
        {
            found.building = true;
            self.queue.push_front(Job::Keys { table, keys });
        }
    }
}

/// What the reader and the sessions share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// The settings that statements so far need.
    pub settings: RwLock<Settings>,
    rows: AtomicU64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A session that panicked has said so in `failure`.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, state: MutexGuard<'g, State>) -> MutexGuard<'g, State> {
        self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits, as the reader, until `done` gives something.
    fn until<T>(
        &self,
        on_wait: &mut dyn FnMut(&str),
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T> {
        let mut state = self.lock();
        loop {
            if let Some(failure) = state.failure.take() {
                return Err(failure);
            }
            if let Some(found) = done(&mut state) {
                drop(state);
                self.changed.notify_all();
                return Ok(found);
            }
            signal::check()?;
            let building = state.building.first().cloned().unwrap_or_default();
            drop(state);
            on_wait(&building);
            state = self.wait(self.lock());
        }
    }

    /// Puts a batch into the queue as soon as there is room.
    pub(super) fn push(&self, batch: Batch, on_wait: &mut dyn FnMut(&str)) -> Result<()> {
        let mut batch = Some(batch);
        self.until(on_wait, |state| {
            let size = batch.as_ref().map_or(0, |batch| batch.text.len());
            if state.bytes > 0 && state.bytes + size > QUEUE {
                return None;
            }
            let batch = batch.take()?;
            state.bytes += size;
            state.tables.entry(batch.target.id).or_default().open += 1;
            state.queue.push_back(Job::Rows(batch));
            Some(())
        })
    }

    /// A table's rows are complete: its keys can be built.
    pub(super) fn close(&self, table: usize, keys: Keys) {
        let mut state = self.lock();
        state.tables.entry(table).or_default().keys = Some(keys);
        state.build_if_complete(table);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until a table's rows are committed and its keys built.
    pub(super) fn settle(&self, table: usize, on_wait: &mut dyn FnMut(&str)) -> Result<()> {
        self.until(on_wait, |state| state.idle(table).then_some(()))
    }

    /// Waits until everything is on the server.
    pub(super) fn settle_all(&self, on_wait: &mut dyn FnMut(&str)) -> Result<()> {
        self.until(on_wait, |state| {
            let tables: Vec<usize> = state.tables.keys().copied().collect();
            tables.into_iter().all(|table| state.idle(table)).then_some(())
        })
    }

    /// Lets the sessions end once the queue is empty.
    pub(super) fn end(&self) {
        self.lock().end = true;
        self.changed.notify_all();
    }

    /// Lets the sessions end at once.
    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// Adds rows of a table, by its name in the dump.
    pub(super) fn count(&self, table: &str, digest: &ContentDigest) {
        self.rows.fetch_add(digest.rows, Ordering::Relaxed);
        self.lock().sums.entry(table.to_owned()).or_default().add(digest);
    }

    /// Rows that were sent so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    pub(super) fn forget(&self, table: &str) {
        self.lock().sums.remove(table);
    }

    pub(super) fn take_sums(&self) -> BTreeMap<String, ContentDigest> {
        std::mem::take(&mut self.lock().sums)
    }

    fn stopped(&self) -> Result<()> {
        let state = self.lock();
        if state.stop || state.failure.is_some() {
            return Err(anyhow!("another session failed"));
        }
        Ok(())
    }
}

/// Ends the sessions if the reader does not: a thread that waits would never be joined.
#[derive(Debug)]
pub(super) struct StopOnDrop<'a>(pub &'a Shared);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Rows of one table that a session has not committed.
#[derive(Debug, Clone, Copy)]
struct Open {
    table: usize,
    batches: usize,
    bytes: usize,
    /// Line of the dump on which the last of them begin.
    line: u64,
}

/// One session of the pool.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    shared: &'a Shared,
    sender: Sender,
    load_data: bool,
    force: InForce,
    /// Rows that are not committed.
    open: Option<Open>,
}

impl<'a> Worker<'a> {
    /// For a session with the load's settings.
    pub(super) fn new(
        shared: &'a Shared,
        session: &mut Session,
        force: InForce,
        load_data: bool,
    ) -> Result<Self> {
        let mut sender = Sender::new(session)?;
        sender.load_data = load_data;
        Ok(Self { shared, sender, load_data, force, open: None })
    }

    /// Works until the end; the session is given back whatever happened.
    pub(super) fn work(mut self, mut session: Session) -> (Session, InForce) {
        let shared = self.shared;
        // A panic must not leave the reader waiting for this session's batches.
        let panicking = OnPanic(shared);
        if let Err(error) = self.jobs(&mut session) {
            let mut state = shared.lock();
            // The first failure is reported; the others follow from it.
            if !state.stop && state.failure.is_none() {
                state.failure = Some(error);
            }
            state.stop = true;
            drop(state);
            shared.changed.notify_all();
            // So that dropping the schema need not wait for this session.
            session.run("ROLLBACK").ok();
        }
        drop(panicking);
        (session, self.force)
    }

    fn jobs(&mut self, session: &mut Session) -> Result<()> {
        while let Some(job) = self.next(session)? {
            match job {
                Job::Rows(batch) => self.rows(session, &batch)?,
                Job::Keys { table, keys } => self.keys(session, table, &keys)?,
            }
        }
        Ok(())
    }

    /// The next job; what is not committed is, before another table's job or a pause.
    fn next(&mut self, session: &mut Session) -> Result<Option<Job>> {
        let mut state = self.shared.lock();
        loop {
            if state.stop {
                return Ok(None);
            }
            let same = match (state.queue.front(), self.open) {
                (Some(Job::Rows(batch)), Some(open)) => batch.target.id == open.table,
                (Some(_), None) => true,
                _ => false,
            };
            if same && let Some(job) = state.queue.pop_front() {
                if let Job::Rows(batch) = &job {
                    state.bytes -= batch.text.len();
                }
                drop(state);
                self.shared.changed.notify_all();
                return Ok(Some(job));
            }
            if self.open.is_some() {
                drop(state);
                self.commit(session)?;
                state = self.shared.lock();
            } else if state.end && state.queue.is_empty() {
                return Ok(None);
            } else {
                state = self.shared.wait(state);
            }
        }
    }

    fn rows(&mut self, session: &mut Session, batch: &Batch) -> Result<()> {
        self.settings(session, batch.settings)?;
        let shared = self.shared;
        let turn = batch.target.turn.as_ref();
        let turn = turn.map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        let digest = self.sender.send(session, batch, &|| shared.stopped())?;
        shared.count(&batch.target.name, &digest);
        let (table, line) = (batch.target.id, batch.line());
        let open = self.open.get_or_insert(Open { table, batches: 0, bytes: 0, line });
        open.batches += 1;
        open.bytes += batch.text.len();
        open.line = line;
        let enough = open.bytes >= COMMIT_EVERY || turn.is_some();
        if enough { self.commit(session) } else { Ok(()) }
    }

    fn commit(&mut self, session: &mut Session) -> Result<()> {
        let Some(Open { table, batches, line, .. }) = self.open.take() else { return Ok(()) };
        // MariaDB finds some duplicates only here.
        session.run("COMMIT").map_err(|error| refused(error, line))?;
        let mut state = self.shared.lock();
        if let Some(found) = state.tables.get_mut(&table) {
            found.open -= batches;
        }
        state.build_if_complete(table);
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn keys(&mut self, session: &mut Session, table: usize, keys: &Keys) -> Result<()> {
        self.shared.lock().building.push(keys.table.clone());
        self.shared.stopped()?;
        keys.build(session, &mut self.force)?;
        let mut state = self.shared.lock();
        state.building.retain(|name| *name != keys.table);
        if let Some(found) = state.tables.get_mut(&table) {
            found.building = false;
        }
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Gives the session the settings that a batch needs, so that it means what it meant
    /// where it stands.
    fn settings(&mut self, session: &mut Session, number: usize) -> Result<()> {
        let wanted = {
            let all = self.shared.settings.read().unwrap_or_else(PoisonError::into_inner);
            all.at(number).side_by_side()
        };
        self.force.become_state(session, &wanted)?;
        // The text of LOAD DATA has escapes, and is UTF-8.
        let mode = wanted.sql_mode.text();
        let plain = mode.replace(",ALLOW_INVALID_DATES", "") == "NO_AUTO_VALUE_ON_ZERO";
        self.sender.load_data = self.load_data && plain && wanted.client == UTF8MB4;
        Ok(())
    }
}

struct OnPanic<'a>(&'a Shared);

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.lock();
            state.failure = Some(anyhow!("a session of the load panicked"));
            state.stop = true;
        }
    }
}
