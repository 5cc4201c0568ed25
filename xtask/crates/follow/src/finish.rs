//! The last rows, under the lock that the swap needs.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::pending::Pending;
use crate::{Follow, LAST, apply, columns, present, refused};
use server::Session;
use server::log::Position;

/// Keys that may be left to apply and to compare while the tables are locked.
const MOST_LOCKED: usize = 20_000;

impl Follow {
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
        let begun = Instant::now();
        self.behind = false;
        while !self.gatherer.reach(&position, Duration::from_millis(20))? {
            self.take(session, |_| true)?;
            if begun.elapsed() > LAST {
                return Err(self.too_much("the last transactions did not come in time"));
            }
        }
        self.take(session, |_| true)?;
        let left = self.pending.len() + self.since.as_ref().map_or(0, Pending::len);
        if left > MOST_LOCKED {
            return Err(self.too_much("too much was written at once"));
        }
        if self.pending.is_blind() {
            return Err(self.too_much("a transaction (XA) ended whose rows are not known"));
        }
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

    /// Whether the log had anything of the source: else a filter may keep it out.
    pub fn has_seen(&self) -> bool {
        self.progress.seen
    }

    /// What was written since that the target has no place for: tables, and columns of tables.
    pub fn given_up(&self) -> Vec<String> {
        let tables = self.pending.dropped.iter().map(|table| format!("`{table}`"));
        let columns = self.pairs.pairs.iter().enumerate().filter_map(|(number, pair)| {
            let touched = self.pending.wrote.contains(&number) && !pair.source_only.is_empty();
            let columns = pair.source_only.iter().map(|it| format!("`{it}`"));
            touched
                .then(|| format!("`{}` ({})", pair.table, columns.collect::<Vec<_>>().join(", ")))
        });
        tables.chain(columns).collect()
    }

    fn too_much(&mut self, why: &str) -> anyhow::Error {
        self.behind = true;
        let hint = "Run the command again when less is written at once.";
        refused(format!("{why} while the tables were locked")).hint(hint).into()
    }

    /// Whether the last try under the lock ended because too much was left: after another
    /// [`Follow::catch_up`], one may succeed.
    pub fn was_behind(&self) -> bool {
        self.behind
    }

    /// Both sides are defined as they were when they were paired up. Asked by a session that
    /// holds no lock.
    ///
    /// # Errors
    /// A refusal: they are not.
    pub fn demand_same_shape(&self, session: &mut Session) -> Result<()> {
        for (schema, then) in [&self.source, &self.target].into_iter().zip(&self.sides) {
            if !columns::read(session, schema)?.same_shape(then) {
                return Err(refused(format!("the tables of `{schema}` were changed")).into());
            }
        }
        Ok(())
    }

    /// The position at which both sides were equal, once [`Follow::finish`] found them so.
    pub fn equal_at(&self) -> Option<&Position> {
        self.equal_at.as_ref()
    }
}
