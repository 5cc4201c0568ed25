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
mod finish;
mod gather;
mod literal;
mod pairs;
mod pending;
mod present;
mod progress;
mod prove;
mod related;
mod statements;

use std::time::{Duration, Instant};

use anyhow::Result;
use binlog::gtid::mysql::GtidSet;
use binlog::{Group, Id, Statement};

use gather::{Gatherer, Source};
use model::exit::{ExitCode, Stop};
use model::facts::Flavour;
use model::ident::quote;
use pending::Pending;
use present::Present;
use server::Session;
use server::log::{self, Keys, LogState, Options, Position};
use server::session::code;
use statements::{Place, Statements};
use sys::signal;

pub use columns::Tables;
pub use finish::GivenUp;
pub use pairs::{Lineage, Pair, Pairs, Shared, demand_cascades, pair_up};
pub use progress::Progress;

/// Keys that are applied in one transaction.
const BATCH: usize = 2_000;
/// With so few keys left, a round is as short as it gets.
const FEW: usize = 1_000;
/// Rounds after which a copy that does not come nearer will not come nearer.
const ROUNDS: usize = 60;
/// How long the last transactions may take to come, while the tables are locked.
const LAST: Duration = Duration::from_secs(2);
/// How long the log may stand still although the server says that there is more.
const STILL: Duration = Duration::from_secs(60);

/// What follows what, from where.
#[derive(Debug)]
pub struct Task<'a> {
    /// The schema that others write to.
    pub source: &'a str,
    /// The schema that is made equal.
    pub target: &'a str,
    /// Both as they were when the pairs were made.
    pub sides: [Tables; 2],
    pub pairs: Pairs,
    /// What to read of the source's tables.
    pub keys: Keys,
    /// All that is not in the target is behind it.
    pub from: Position,
    /// Transactions of this tool that define tables of the source and are expected; those of
    /// `session`, which tells its own, are.
    pub own: GtidSet,
    pub state: LogState,
}

/// A target that follows.
#[derive(Debug)]
pub struct Follow {
    source: String,
    target: String,
    /// Transactions of this tool that define tables of the source.
    own: GtidSet,
    flavour: Flavour,
    /// Whether rows that a foreign key changes are in the log.
    logs_cascades: bool,
    pairs: Pairs,
    statements: Vec<Statements>,
    gatherer: Gatherer,
    pending: Pending,
    /// What was gathered since the last comparison began; `None` before the first.
    since: Option<Pending>,
    /// Both sides as they were paired up.
    sides: [Tables; 2],
    /// Whether the last try under the lock was given up because too much was left.
    behind: bool,
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
        let Task { source, target, sides, pairs, keys, from, own, state } = task;
        let statements: Vec<Statements> = pairs
            .pairs
            .iter()
            .enumerate()
            .map(|(number, pair)| Statements::of(pair, Place { source, target, number }))
            .collect();
        let read = Source { schema: source.to_owned(), keys };
        let gatherer = Gatherer::start(reader, &from, read, options)?;
        let count = pairs.pairs.len();
        let mut follow = Self {
            source: source.to_owned(),
            target: target.to_owned(),
            own,
            flavour: state.flavour,
            logs_cascades: state.logs_cascades,
            pairs,
            statements,
            gatherer,
            pending: Pending::of(count),
            since: None,
            sides,
            behind: false,
            progress: Progress::default(),
            equal_at: None,
        };
        match follow.prepare(session) {
            Ok(()) => Ok(follow),
            Err(error) => {
                // The session may be what failed.
                follow.end(session).ok();
                Err(error)
            }
        }
    }

    fn prepare(&mut self, session: &mut Session) -> Result<()> {
        self.settings(session)?;
        self.statements.iter().flat_map(|it| &it.prepare).try_for_each(|sql| session.run(sql))
    }

    /// Whoever tries the lock in between leaves the session with settings of its own, under which
    /// applying would cascade, and change values that do not fit.
    pub(crate) fn settings(&self, session: &mut Session) -> Result<()> {
        for sql in apply::SETTINGS {
            session.run(sql)?;
        }
        // A DELETE from one of several tables wants one.
        session.run(&format!("USE {}", quote(&self.target)))
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
        self.settings(session)?;
        let done = self.rounds(session, report);
        done.map_err(|error| self.cause(session, error))
    }

    fn rounds(&mut self, session: &mut Session, report: &mut dyn FnMut(&Progress)) -> Result<()> {
        let mut least = usize::MAX;
        let mut rounds = 0;
        loop {
            let applied = self.approach(session, true, report)?;
            let last = self.pending.len();
            let applied = applied + self.apply(session, report)?;
            if applied <= FEW {
                return Ok(());
            }
            // Rows that are in each other's way stay; they do not count as progress.
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

    /// Gathers all that is there now, in as many bites as it takes; with `apply`, what is too much
    /// to keep is applied on the way. Gives how many rows that were.
    fn approach(
        &mut self,
        session: &mut Session,
        apply: bool,
        report: &mut dyn FnMut(&Progress),
    ) -> Result<usize> {
        let present = Present::read(session, self.flavour)?;
        let (mut applied, mut read, mut moved) = (0, self.gatherer.read(), Instant::now());
        while !self.gatherer.reach(&present.position, Duration::from_millis(200))? {
            signal::check()?;
            self.take(session, |group| pending::may_take(group, &present.visible))?;
            if apply && self.pending.len() >= BATCH {
                applied += self.apply(session, report)?;
            }
            self.tell(report);
            if self.gatherer.read() != read {
                (read, moved) = (self.gatherer.read(), Instant::now());
            } else if moved.elapsed() > STILL {
                return Err(refused(
                    "the server's log does not come to the transactions that the server has",
                )
                .into());
            }
        }
        self.take(session, |group| pending::may_take(group, &present.visible))?;
        Ok(applied)
    }

    /// Whether the target can hold all that was written since, and how many rows that are: each
    /// batch is applied and taken back. The target is as it was.
    ///
    /// # Errors
    /// As [`Follow::catch_up`].
    pub fn try_out(&mut self, session: &mut Session) -> Result<u64> {
        self.settings(session)?;
        self.approach(session, false, &mut |_| ())?;
        let rows = self.pending.len() as u64;
        self.try_pending(session)?;
        Ok(rows)
    }

    /// Takes what was read and notes its keys.
    fn take(&mut self, session: &mut Session, may: impl FnMut(&Group) -> bool) -> Result<()> {
        for group in self.gatherer.take(may)? {
            self.progress.transactions += 1;
            if let Err(other) = log::demand_rows(&group, &self.source)
                && !self.is_own(session, &group.id)
            {
                return Err(other.into());
            }
            let here = |it: &Statement| it.schema.eq_ignore_ascii_case(&self.source);
            self.progress.seen |= group.statements.iter().any(here);
            let touched = self.pending.touched(&self.pairs, &self.source, group)?;
            self.progress.seen |= !touched.is_empty();
            let touched = self.with_children(session, touched)?;
            if let Some(since) = &mut self.since {
                since.add(&touched);
            }
            self.pending.add(&touched);
        }
        Ok(())
    }

    /// Whether this tool did it. A session tells the GTID of what it did with the answer, so by
    /// the time that it asks, it knows.
    fn is_own(&mut self, session: &Session, id: &Id) -> bool {
        for text in session.own_gtids().unwrap_or_default() {
            if let Some(set) = GtidSet::parse(&text) {
                self.own.merge(&set);
            }
        }
        matches!(id, Id::Mysql(gtid) if self.own.contains(gtid))
    }

    /// A statement failed because the definitions are others than they were: the log says who
    /// changed them.
    pub(crate) fn cause(&mut self, session: &mut Session, error: anyhow::Error) -> anyhow::Error {
        // A column or table that is gone, or is not what it was.
        if !code(&error).is_some_and(|code| [1054, 1136, 1146, 1412].contains(&code)) {
            return error;
        }
        let read = present::written(session, self.flavour).and_then(|position| {
            self.gatherer.reach(&position, LAST)?;
            self.take(session, |_| true)
        });
        read.err().unwrap_or(error)
    }

    fn tell(&mut self, report: &mut dyn FnMut(&Progress)) {
        let (waiting, committed) = self.gatherer.waiting();
        self.progress.behind = waiting as u64;
        self.progress.committed = committed;
        report(&self.progress);
    }
}
