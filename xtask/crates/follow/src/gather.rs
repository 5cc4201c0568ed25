//! A thread that reads the log, and what it read and is not taken yet.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use binlog::gtid::mysql::GtidSet;
use binlog::{Ending, Group, Id};

use server::Session;
use server::log::{self, Ended, Keys, LogError, Next, Options, Position, Reader};

/// Transactions that wait to be taken: with more, the reader waits.
const ROOM: usize = 20_000;
/// How often a lost connection is opened again in a row.
const AGAIN: u32 = 5;

#[derive(Debug)]
struct State {
    queue: VecDeque<Group>,
    /// All before it was read.
    position: Position,
    /// When the last transaction that was read was committed, in microseconds of Unix time.
    committed: u64,
    ended: Option<LogError>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads from its making until it is dropped.
#[derive(Debug)]
pub(crate) struct Gatherer {
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What is read of the log.
#[derive(Debug)]
pub(crate) struct Source {
    /// The schema whose changes count.
    pub schema: String,
    pub keys: Keys,
    /// Transactions whose statements are expected and change no row that is followed.
    pub own: GtidSet,
}

impl Gatherer {
    /// Begins to read with the account of `session`.
    ///
    /// # Errors
    /// The log cannot be read from there.
    pub(crate) fn start(
        session: Session,
        from: &Position,
        source: Source,
        options: Options,
    ) -> Result<Self> {
        let reader = Reader::open(&session, from, &options)?;
        let state =
            State { queue: VecDeque::new(), position: from.clone(), committed: 0, ended: None };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let stop = Arc::clone(&options.stop);
        let theirs = Arc::clone(&shared);
        let work = move || run(&theirs, session, reader, &source, &options);
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(work);
        let thread = Some(thread.context("start a thread for the server's log")?);
        Ok(Self { shared, stop, thread })
    }

    /// Waits until all before `upto` was read; `false` at the deadline.
    ///
    /// # Errors
    /// Reading ended.
    pub(crate) fn reach(&self, upto: &Position, deadline: Duration) -> Result<bool> {
        let begun = Instant::now();
        let mut state = self.shared.state();
        loop {
            if let Some(ended) = &state.ended {
                return Err(ended.clone().into());
            }
            if state.position.covers(upto) {
                return Ok(true);
            }
            // The queue may be full: whoever waits here has to take first.
            let left = deadline.saturating_sub(begun.elapsed());
            if left.is_zero() || state.queue.len() >= ROOM {
                return Ok(false);
            }
            let waited =
                self.shared.changed.wait_timeout(state, left.min(Duration::from_millis(50)));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes what was read first, as far as `may` says.
    ///
    /// # Errors
    /// Reading ended, and everything before its end was taken.
    pub(crate) fn take(&self, mut may: impl FnMut(&Group) -> bool) -> Result<Vec<Group>> {
        let mut state = self.shared.state();
        let mut taken = Vec::new();
        while state.queue.front().is_some_and(&mut may) {
            taken.extend(state.queue.pop_front());
        }
        if taken.is_empty()
            && let Some(ended) = &state.ended
        {
            return Err(ended.clone().into());
        }
        drop(state);
        self.shared.changed.notify_all();
        Ok(taken)
    }

    /// How many transactions wait to be taken, and when the last one that was read was committed.
    pub(crate) fn waiting(&self) -> (usize, u64) {
        let state = self.shared.state();
        (state.queue.len(), state.committed)
    }
}

impl Drop for Gatherer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, was reported where it happened.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, session: Session, mut reader: Reader, source: &Source, options: &Options) {
    let mut lost = 0;
    let ended = loop {
        match read(shared, &mut reader, source, options, &mut lost) {
            Err(error) if may_go_on(&error) && lost < AGAIN => {
                lost += 1;
                match Reader::open(&session, reader.position(), options) {
                    Ok(again) => reader = again,
                    Err(error) => break error,
                }
            }
            Err(error) => break error,
            Ok(()) => return,
        }
    };
    shared.state().ended = Some(ended);
    shared.changed.notify_all();
}

fn may_go_on(error: &LogError) -> bool {
    matches!(error.ended, Ended::Gone | Ended::Silent)
}

/// Reads until it ends, or is stopped (`Ok`).
fn read(
    shared: &Shared,
    reader: &mut Reader,
    source: &Source,
    options: &Options,
    lost: &mut u32,
) -> Result<(), LogError> {
    let stopped = || options.stop.load(Ordering::Relaxed);
    loop {
        let next = reader.next(&mut |table| source.keys.want(table));
        if stopped() {
            return Ok(());
        }
        let next = next?;
        *lost = 0;
        let mut state = shared.state();
        match next {
            Next::Group(group) => {
                state.committed = group.committed;
                if !matches!(&group.id, Id::Mysql(gtid) if source.own.contains(gtid)) {
                    log::demand_rows(&group, &source.schema)?;
                }
                if concerns(&group) {
                    while state.queue.len() >= ROOM && !stopped() {
                        let wait = shared.changed.wait_timeout(state, Duration::from_millis(200));
                        state = wait.unwrap_or_else(PoisonError::into_inner).0;
                    }
                    state.queue.push_back(*group);
                }
            }
            Next::Beat => {}
            Next::End => return Ok(()),
        }
        state.position = reader.position().clone();
        drop(state);
        shared.changed.notify_all();
    }
}

/// Whether there is anything to be done about it.
fn concerns(group: &Group) -> bool {
    !group.tables.is_empty() || !matches!(group.ending, Ending::Committed | Ending::RolledBack)
}
