//! Loads a dump into a schema through the protocol: no client program is involved,
//! so no client command can be.
//!
//! One session makes the tables, without their keys; several send rows and build the
//! keys as soon as a table's rows are complete (`pool`); then foreign keys are made,
//! and last the programs, in the dump's order (`held`). The result is that of the
//! statements one after the other, and so is every setting that they run under.

mod adapt;
mod cut;
mod held;
mod pool;
mod reader;
mod rows;
mod settings;
mod statement;
mod tsv;

use std::collections::BTreeSet;
use std::io::BufRead;
use std::time::Duration;

use anyhow::{Context, Result};

use pool::{Shared, StopOnDrop, Worker};
use reader::Reader;
use server::Session;
use server::session::{code, has_no_room};
use settings::InForce;
use sql::{Progress, Reading, Seen};
use statement::{Keys, refused};
use sys::{clock, signal};

/// Which part of a dump is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Everything,
    /// These tables with their triggers.
    Tables(BTreeSet<String>),
}

#[derive(Debug)]
pub struct Loaded {
    /// What the dump holds (all of it, also when only a part was loaded).
    pub seen: Seen,
    /// Events that were enabled in the dump. In the loaded schema every event is
    /// disabled: a copy must not act.
    pub enabled_events: BTreeSet<String>,
    /// Events whose time has passed since the dump. The server does not create
    /// them; where they ran they are gone as well.
    pub past_events: BTreeSet<String>,
    /// What the user should know about how it was loaded, as full sentences.
    pub notes: Vec<String>,
}

/// What was made apart from tables.
#[derive(Debug, Default)]
struct Made {
    enabled_events: BTreeSet<String>,
    past_events: BTreeSet<String>,
    /// What became something else than the dump has it.
    notes: Vec<String>,
}

/// Memory that the server may use for sorting keys, in all, in bytes.
const SORT_MEMORY: u64 = 128 << 20;

/// For how long sessions are told to stop.
const STOPPED: Duration = Duration::from_secs(60);

/// Loads a dump into `schema`, which exists and is empty: over `threads` sessions beside
/// this one or, with 1, statement by statement over the one there is.
///
/// # Errors
/// The dump holds a statement that is not on the allow-list, is damaged, or the
/// server refuses a statement; the message has the line in the dump.
pub fn load(
    (input, reading): (impl BufRead, Reading),
    session: &mut Session,
    schema: &str,
    part: &Part,
    threads: usize,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Loaded> {
    let begun = InForce::begin(session, schema)?;
    let rules = begun.rules().clone();
    let mut notes = Vec::new();
    let helpers =
        if threads > 1 { helpers(session, schema, threads, &mut notes)? } else { Vec::new() };
    let shared = Shared::default();
    let to = (schema, part, reading);
    let (outcome, helpers) = side_by_side(input, (session, begun), to, helpers, &shared, progress);
    // Also after a failure: what was committed is this run's own.
    helpers.iter().for_each(|(helper, _)| session.own(helper));
    let (mut seen, made) = outcome.map_err(|error| rules.explain(error))?;
    for (table, digest) in shared.take_sums() {
        let Some(table) = seen.tables.get_mut(&table) else { continue };
        table.digest.add(&digest);
        seen.rows += digest.rows;
    }
    session.run("COMMIT")?;
    reset(session).context("put the session's settings back")?;
    let Made { enabled_events, past_events, notes: made } = made;
    notes.extend(made);
    Ok(Loaded { seen, enabled_events, past_events, notes })
}

/// Opens the other sessions, with one more for what comes last; none where the server
/// gives too few.
fn helpers(
    session: &mut Session,
    schema: &str,
    threads: usize,
    notes: &mut Vec<String>,
) -> Result<Vec<Helper>> {
    let lock_wait_s = session.value("SELECT @@lock_wait_timeout")?;
    let unlogged = !session.value::<bool>("SELECT @@sql_log_bin")?;
    let mut all = Vec::new();
    while all.len() <= threads {
        let mut helper = match session.sibling() {
            Ok(helper) => helper,
            Err(error) if has_no_room(&error) => {
                let got = all.len().saturating_sub(1).max(1);
                notes.push(format!(
                    "The server refuses more connections: loading over {got} instead of {threads}."
                ));
                if got == 1 {
                    all.clear();
                }
                break;
            }
            Err(error) => return Err(error),
        };
        let begun = InForce::begin_helper(&mut helper, schema, lock_wait_s)?;
        if unlogged {
            helper.run("SET SESSION sql_log_bin = 0")?;
        }
        settings::sort_memory(&mut helper, SORT_MEMORY / threads as u64)?;
        all.push((helper, begun));
    }
    Ok(all)
}

type Outcome = Result<(Seen, Made)>;

/// A session beside the first one, and its settings.
type Helper = (Session, InForce);

/// Reads in this thread while the helpers work in theirs; gives them back.
fn side_by_side(
    input: impl BufRead,
    (session, begun): (&mut Session, InForce),
    to: (&str, &Part, Reading),
    mut helpers: Vec<Helper>,
    shared: &Shared,
    progress: &mut dyn FnMut(Progress<'_>),
) -> (Outcome, Vec<Helper>) {
    let mut last = helpers.pop();
    let ids: Vec<u32> = helpers.iter().map(|(helper, _)| helper.id()).collect();
    let (outcome, mut helpers) = std::thread::scope(|scope| {
        let stop = StopOnDrop(shared);
        let mut threads = Vec::new();
        let outcome = (|| {
            let load_data = last.is_some() && load_data_allowed(session)?;
            for (mut helper, begun) in helpers {
                let worker = Worker::new(shared, &mut helper, begun, load_data)?;
                threads.push(scope.spawn(move || worker.work(helper)));
            }
            let first = (&mut *session, begun);
            Reader::new(first, last.as_mut(), to, load_data, shared, progress)?.read(input)
        })();
        drop(stop);
        if outcome.is_err() {
            end(session, &ids, || threads.iter().all(|thread| thread.is_finished()));
        }
        let helpers = threads.into_iter().filter_map(|thread| thread.join().ok());
        (outcome, helpers.collect::<Vec<Helper>>())
    });
    helpers.extend(last);
    (outcome, helpers)
}

/// Ends what the server is at for other sessions: it could take long.
fn end(session: &mut Session, ids: &[u32], ended: impl Fn() -> bool) {
    // A second Ctrl-C still ends the process at once.
    let _deferred = signal::defer();
    let all: Result<Option<()>> = clock::poll(STOPPED, || {
        if ended() {
            return Ok(Some(()));
        }
        // One that was between two statements is asked again.
        for id in ids {
            session.run(&format!("KILL QUERY {id}")).ok();
        }
        Ok(None)
    });
    drop(all);
}

/// Whether the server takes rows by LOAD DATA, and logs them as rows: a log of
/// statements would hold the text for every replica to read. In another character set of
/// files the server would ask for its file by another name.
fn load_data_allowed(session: &mut Session) -> Result<bool> {
    match session.value(
        "SELECT @@local_infile AND @@character_set_filesystem = 'binary' \
         AND (NOT @@log_bin OR NOT @@sql_log_bin OR @@binlog_format = 'ROW')",
    ) {
        // 1193: it logs rows, and nothing else any more.
        Err(error) if code(&error) == Some(1193) => {
            session.value("SELECT @@local_infile AND @@character_set_filesystem = 'binary'")
        }
        other => other,
    }
}

/// The settings of [`Session`] again, whatever the dump did to them.
fn reset(session: &mut Session) -> Result<()> {
    session.run(
        "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = '', foreign_key_checks = 1, \
         unique_checks = 1, autocommit = 1 /*M!100201 , check_constraint_checks = 1 */",
    )
}
