//! A thread that reads the log, and what it read and is not taken yet.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use binlog::{Ending, Group, Statement};

use server::Session;
use server::log::{self, Ended, Keys, LogError, Next, Options, Position, Reader};
use sys::clock;

/// Transactions, and keys in them, that wait to be taken: with more, the reader waits.
const ROOM: usize = 20_000;
const KEYS: usize = 500_000;
/// How often a lost connection is opened again in a row, after growing pauses.
const AGAIN: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug)]
struct State {
    queue: VecDeque<Group>,
    /// Keys in the queue.
    keys: usize,
    /// Events of any kind that came, so that a reader at rest is told from one that gets nowhere.
    read: u64,
    /// All before it was read.
    position: Position,
    /// When the last transaction that was read was committed, in microseconds of Unix time.
    committed: u64,
    ended: Option<Over>,
}

impl State {
    fn is_full(&self) -> bool {
        self.queue.len() >= ROOM || self.keys >= KEYS
    }

    fn demand_reading(&self) -> Result<()> {
        match &self.ended {
            None => Ok(()),
            Some(Over::Log(error)) => Err(error.clone().into()),
            Some(Over::Lost) => bail!("the connection that reads the server's log was lost"),
        }
    }
}

/// Why no more is read.
#[derive(Debug, Clone)]
enum Over {
    Log(LogError),
    /// The server ended the stream, again and again, without a reason; or the thread is gone.
    Lost,
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
        let state = State {
            queue: VecDeque::new(),
            keys: 0,
            read: 0,
            position: from.clone(),
            committed: 0,
            ended: None,
        };
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
            state.demand_reading()?;
            if state.position.covers(upto) {
                return Ok(true);
            }
            // The queue may be full: whoever waits here has to take first.
            let left = deadline.saturating_sub(begun.elapsed());
            if left.is_zero() || state.is_full() {
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
            let Some(group) = state.queue.pop_front() else { break };
            state.keys = state.keys.saturating_sub(keys(&group));
            taken.push(group);
        }
        if taken.is_empty() {
            state.demand_reading()?;
        }
        drop(state);
        self.shared.changed.notify_all();
        Ok(taken)
    }

    /// How much was read of whatever kind.
    pub(crate) fn read(&self) -> u64 {
        self.shared.state().read
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
    let mut last = Last { shared, over: Some(Over::Lost) };
    let mut lost = 0;
    last.over = loop {
        let over = match read(shared, &mut reader, source, options, &mut lost) {
            Ok(Read::Stopped) => break None,
            Ok(Read::Ended) => Over::Lost,
            Err(error) if may_go_on(&error) => Over::Log(error),
            Err(error) => break Some(Over::Log(error)),
        };
        if lost >= AGAIN {
            break Some(over);
        }
        // Ctrl-C ends the run, and with it this thread.
        if clock::until(Instant::now(), PAUSE.saturating_mul(1 << lost)).is_err() {
            break Some(over);
        }
        lost += 1;
        match Reader::open(&session, reader.position(), options) {
            Ok(again) => reader = again,
            Err(error) if may_go_on(&error) => {}
            Err(error) => break Some(Over::Log(error)),
        }
    };
}

/// Says at the end of the thread, however it comes, that nothing more is read.
struct Last<'s> {
    shared: &'s Shared,
    over: Option<Over>,
}

impl Drop for Last<'_> {
    fn drop(&mut self) {
        self.shared.state().ended = self.over.take();
        self.shared.changed.notify_all();
    }
}

/// How reading came to an end without an error.
enum Read {
    Stopped,
    /// The server sent the end of a stream that has none.
    Ended,
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
) -> Result<Read, LogError> {
    let stopped = || options.stop.load(Ordering::Relaxed);
    loop {
        let next = reader.next(&mut |table| source.keys.want(table));
        if stopped() {
            return Ok(Read::Stopped);
        }
        let next = next?;
        if next == Next::End {
            return Ok(Read::Ended);
        }
        *lost = 0;
        let mut state = shared.state();
        state.read += 1;
        match next {
            Next::Group(group) => {
                state.committed = group.committed;
                // Whose statement it is, is known to the one who takes it.
                let defines = log::demand_rows(&group, &source.schema).is_err();
                let here = |it: &Statement| it.schema.eq_ignore_ascii_case(&source.schema);
                if defines || concerns(&group) || group.statements.iter().any(here) {
                    while state.is_full() && !stopped() {
                        let wait = shared.changed.wait_timeout(state, Duration::from_millis(200));
                        state = wait.unwrap_or_else(PoisonError::into_inner).0;
                    }
                    state.keys += keys(&group);
                    state.queue.push_back(*group);
                }
            }
            Next::Beat | Next::End => {}
        }
        state.position = reader.position().clone();
        drop(state);
        shared.changed.notify_all();
    }
}

fn keys(group: &Group) -> usize {
    group.tables.values().map(|touched| touched.keys.len()).sum()
}

/// Whether there is anything to be done about it.
fn concerns(group: &Group) -> bool {
    !group.tables.is_empty() || !matches!(group.ending, Ending::Committed | Ending::RolledBack)
}
