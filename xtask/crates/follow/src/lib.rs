//! Makes a copy of tables (the target) equal to the tables that others write to (the source),
//! while they write.
//!
//! The server's log says which rows were touched since the copy was equal, by their primary
//! keys, and nothing else is read from it: the rows themselves are read from the source. So a key
//! that was touched twice is read once, a key too many does no harm, and what is half done can
//! be done again. What the log cannot say (another session's `sql_log_bin = 0`, a filter) is found
//! by comparing all rows while the writers go on.
//!
//! Nothing here locks anything. Who puts the target in the source's place holds a lock on
//! both for [`Follow::finish`].

mod apply;
pub mod columns;
mod gather;
mod literal;
mod pairs;
mod pending;
mod present;
mod progress;
mod prove;
mod statements;

use std::time::Duration;

use anyhow::Result;
use binlog::Group;
use binlog::gtid::mysql::GtidSet;

use gather::{Gatherer, Source};
use model::exit::{ExitCode, Stop};
use model::facts::Flavour;
use model::ident::quote;
use pending::Pending;
use present::Present;
use server::Session;
use server::log::{Keys, LogState, Options, Position};
use statements::{Place, Statements};
use sys::signal;

pub use columns::Tables;
pub use pairs::{Pair, Pairs, Shared, SourceOf, by_primary_key, pair_up};
pub use progress::Progress;

/// Keys that are applied in one transaction.
const BATCH: usize = 2_000;
/// With so few keys left, a round is as short as it gets.
const FEW: usize = 1_000;
/// Rounds after which a copy that does not come nearer will not come nearer.
const ROUNDS: usize = 60;
/// How long the last transactions may take to come, while the tables are locked.
const LAST: Duration = Duration::from_secs(3);

/// What follows what, from where.
#[derive(Debug)]
pub struct Task<'a> {
    /// The schema that others write to.
    pub source: &'a str,
    /// The schema that is made equal.
    pub target: &'a str,
    pub pairs: Pairs,
    /// What to read of the source's tables.
    pub keys: Keys,
    /// All that is not in the target is behind it.
    pub from: Position,
    /// Transactions of this tool that define tables of the source and are expected.
    pub own: GtidSet,
    pub state: LogState,
}

/// A target that follows.
#[derive(Debug)]
pub struct Follow {
    source: String,
    target: String,
    flavour: Flavour,
    /// Whether rows that a foreign key changes are in the log.
    logs_cascades: bool,
    pairs: Pairs,
    statements: Vec<Statements>,
    gatherer: Gatherer,
    pending: Pending,
    /// What was gathered since the last comparison began.
    since: Pending,
    progress: Progress,
    equal_at: Option<Position>,
}

/// The refusal of a change that could not follow; the live schema was not touched.
pub fn refused(why: impl std::fmt::Display) -> Stop {
    Stop::new(
        ExitCode::GateRefused,
        format!("the copy cannot follow the live schema, which was not touched: {why}"),
    )
}

impl Follow {
    /// Begins to read the log with `reader`, an account that may; `session` is the one that reads
    /// the source and writes to the target.
    ///
    /// # Errors
    /// The log cannot be read from there; foreign keys change rows without a trace in it, and
    /// their children cannot be found.
    pub fn begin(
        session: &mut Session,
        reader: Session,
        task: Task<'_>,
        options: Options,
    ) -> Result<Self> {
        let Task { source, target, pairs, keys, from, own, state } = task;
        let statements: Vec<Statements> = pairs
            .pairs
            .iter()
            .enumerate()
            .map(|(number, pair)| Statements::of(pair, Place { source, target, number }))
            .collect();
        let read = Source { schema: source.to_owned(), keys, own };
        let gatherer = Gatherer::start(reader, &from, read, options)?;
        let count = pairs.pairs.len();
        let mut follow = Self {
            source: source.to_owned(),
            target: target.to_owned(),
            flavour: state.flavour,
            logs_cascades: state.logs_cascades,
            pairs,
            statements,
            gatherer,
            pending: Pending::of(count),
            since: Pending::of(count),
            progress: Progress::default(),
            equal_at: None,
        };
        follow.prepare(session)?;
        Ok(follow)
    }

    fn prepare(&mut self, session: &mut Session) -> Result<()> {
        for sql in apply::SETTINGS {
            session.run(sql)?;
        }
        // A DELETE by an alias wants one, although it names its own.
        session.run(&format!("USE {}", quote(&self.target)))?;
        self.statements.iter().flat_map(|it| &it.prepare).try_for_each(|sql| session.run(sql))
    }

    /// Removes what following needs on the server, and gives the session its settings back.
    ///
    /// # Errors
    /// The session is gone.
    pub fn end(self, session: &mut Session) -> Result<()> {
        session.run("UNLOCK TABLES")?;
        for sql in self.statements.iter().flat_map(|it| &it.drop) {
            session.run(sql)?;
        }
        for sql in apply::SETTINGS_BACK {
            session.run(sql)?;
        }
        Ok(())
    }

    /// Rows that were made equal so far, counted each time.
    pub fn applied(&self) -> u64 {
        self.progress.rows
    }

    /// Rounds of gathering and applying, until little is left.
    ///
    /// # Errors
    /// A refusal ([`ExitCode::GateRefused`]): the target does not come nearer, it cannot hold a
    /// row, or reading ended; someone pressed Ctrl-C.
    pub fn catch_up(
        &mut self,
        session: &mut Session,
        report: &mut dyn FnMut(&Progress),
    ) -> Result<()> {
        let mut least = usize::MAX;
        let mut rounds = 0;
        loop {
            let present = Present::read(session, self.flavour)?;
            let mut applied = 0;
            // All that is there now, in as many bites as it takes.
            while !self.has_read(&present)? {
                signal::check()?;
                self.gather(session, &present)?;
                if self.pending.len() >= BATCH {
                    applied += self.apply(session, report)?;
                }
                self.tell(report);
            }
            self.gather(session, &present)?;
            let last = self.pending.len();
            applied += self.apply(session, report)?;
            if applied <= FEW {
                return Ok(());
            }
            // Stuck rows stay; they do not count as progress.
            rounds = if last < least { 0 } else { rounds + 1 };
            least = least.min(last);
            if rounds >= ROUNDS {
                return Err(refused(format!(
                    "others write faster than it can follow ({last} rows behind in each of \
                     {ROUNDS} rounds)"
                ))
                .hint("Run the migration when less is written.")
                .into());
            }
        }
    }

    /// Whether the target can hold all that was written since, and how many rows that are: each
    /// batch is applied and taken back. The target is as it was.
    ///
    /// # Errors
    /// As [`Follow::catch_up`].
    pub fn try_out(&mut self, session: &mut Session) -> Result<u64> {
        let present = Present::read(session, self.flavour)?;
        while !self.has_read(&present)? {
            signal::check()?;
            self.gather(session, &present)?;
        }
        self.gather(session, &present)?;
        let rows = self.pending.len() as u64;
        self.try_pending(session)?;
        Ok(rows)
    }

    fn has_read(&self, present: &Present) -> Result<bool> {
        self.gatherer.reach(&present.position, Duration::from_millis(200))
    }

    /// Takes what is visible and notes its keys.
    fn gather(&mut self, session: &mut Session, present: &Present) -> Result<()> {
        self.take(session, |group| pending::may_take(group, &present.visible))
    }

    fn take(&mut self, session: &mut Session, may: impl FnMut(&Group) -> bool) -> Result<()> {
        for group in self.gatherer.take(may)? {
            self.progress.transactions += 1;
            let touched = self.pending.touched(&self.pairs, &self.source, group)?;
            let touched = self.with_children(session, touched)?;
            self.since.add(&touched);
            self.pending.add(&touched);
        }
        Ok(())
    }

    fn tell(&mut self, report: &mut dyn FnMut(&Progress)) {
        let (waiting, committed) = self.gatherer.waiting();
        self.progress.behind = waiting as u64;
        self.progress.committed = committed;
        report(&self.progress);
    }

    /// The rest, while `session` holds a lock on the tables of both sides: from here on both
    /// are equal, and that was compared.
    ///
    /// # Errors
    /// A refusal: the last transactions did not come in time, the target cannot hold a row, or
    /// rows differ.
    pub fn finish(&mut self, session: &mut Session) -> Result<()> {
        for sql in apply::SETTINGS {
            session.run(sql)?;
        }
        let finished = self.rest(session);
        // Whoever holds the lock goes on with its own.
        session.run(apply::KEYS_CHECKED)?;
        finished
    }

    fn rest(&mut self, session: &mut Session) -> Result<()> {
        let position = present::written(session, self.flavour)?;
        if !self.gatherer.reach(&position, LAST)? {
            return Err(refused("the last transactions did not come while it was locked")
                .hint("Nothing was changed. Run the command again.")
                .into());
        }
        self.take(session, |_| true)?;
        self.apply(session, &mut |_| ())?;
        if self.pending.len() > 0 {
            return Err(self.stuck(session)?.into());
        }
        self.compare_since(session)?;
        self.counters(session)?;
        // Behind what was just applied: under LOCK TABLES the server names every locked table in
        // that transaction, in the shape that it has before the swap.
        self.equal_at = Some(present::written(session, self.flavour)?);
        Ok(())
    }

    /// The position at which both sides were equal, once [`Follow::finish`] found them so.
    pub fn equal_at(&self) -> Option<&Position> {
        self.equal_at.as_ref()
    }
}
