//! The last rows, under the lock that the swap needs.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::pending::Pending;
use crate::{Follow, LAST, apply, columns, present, refused};
use model::ident::{qualified, quote};
use server::Session;
use server::log::Position;
use server::session::code;

/// Keys that may be left to apply and to compare while the tables are locked.
const MOST_LOCKED: usize = 20_000;

/// A table that was written to and that the target does without, or columns of one that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    pub table: String,
    /// Empty: the table itself.
    pub columns: Vec<String>,
}

impl GivenUp {
    /// Whether anything is there, in the schema that has the table: a row of a table, a value of a
    /// column that is not its default. What the server cannot say counts as there.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub fn is_there(&self, session: &mut Session, schema: &str) -> Result<bool> {
        let column = |name: &String| format!("NOT ({0} <=> DEFAULT({0}))", quote(name));
        let conditions: Vec<String> = self.columns.iter().map(column).collect();
        let condition = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" OR ")),
        };
        let sql = format!("SELECT 1 FROM {}{condition} LIMIT 1", qualified(schema, &self.table));
        match session.first::<(u8,)>(&sql) {
            Ok(found) => Ok(found.is_some()),
            // A column without a default, or with one that is computed.
            Err(error) if code(&error).is_some() => Ok(true),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", quote(&self.table))?;
        if self.columns.is_empty() {
            return Ok(());
        }
        let columns: Vec<String> = self.columns.iter().map(|name| quote(name)).collect();
        write!(f, " ({})", columns.join(", "))
    }
}

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
        self.raise_counters(session)?;
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
    pub fn given_up(&self) -> Vec<GivenUp> {
        let table = |table: &String| GivenUp { table: table.clone(), columns: Vec::new() };
        let columns = self.pairs.pairs.iter().enumerate().filter_map(|(number, pair)| {
            let touched = self.pending.wrote.contains(&number) && !pair.source_only.is_empty();
            let (table, columns) = (pair.table.clone(), pair.source_only.clone());
            touched.then_some(GivenUp { table, columns })
        });
        self.pending.dropped.iter().map(table).chain(columns).collect()
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
