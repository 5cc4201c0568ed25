//! Compares source and target, while others write and under the lock.
//!
//! Each comparison is one SELECT over both sides, so it sees both at one moment. What differs
//! then was touched between the moment up to which the target had everything and this one, or
//! the log did not say everything.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::apply::listed;
use crate::pending::{Keys, Pending};
use crate::progress::Progress;
use crate::related::{Orphans, children};
use crate::{BATCH, FEW, Follow, refused};
use model::excerpt::shorten;
use model::exit::Stop;
use model::ident::qualified;
use server::Session;

/// Differing rows of a table of which a comparison keeps the keys; with more something is wrong
/// that no list explains.
const MOST: usize = 200_000;
/// Rows that one statement compares.
const PIECE: usize = 50_000;
/// How often all rows are compared, at most.
const PROOFS: usize = 3;
/// How often rows are looked at that differ for no reason that the log has.
const LOOKS: usize = 5;

impl Follow {
    /// Compares every row of both sides while others write, and catches up again, until
    /// comparing the rest takes no time.
    ///
    /// # Errors
    /// A refusal: rows differ that the log does not know of, or a new foreign key does not hold;
    /// as [`Follow::catch_up`].
    pub fn prove(
        &mut self,
        session: &mut Session,
        report: &mut dyn FnMut(&Progress),
    ) -> Result<()> {
        self.settings(session)?;
        for _ in 0..PROOFS {
            let done = self.compare(session, report);
            done.map_err(|error| self.cause(session, error))?;
            // A transaction that had been prepared before may have come behind a table that was
            // compared already.
            if !self.pending.is_blind() {
                return Ok(());
            }
        }
        Err(refused(
            "transactions that had been prepared (XA) before the backup ended all the time",
        )
        .into())
    }

    fn compare(&mut self, session: &mut Session, report: &mut dyn FnMut(&Progress)) -> Result<()> {
        self.since = Some(self.pending_alone());
        self.pending.look();
        let mut differing: Vec<Keys> = Vec::new();
        for number in 0..self.statements.len() {
            differing.push(self.all_differing(session, number, Some(report))?);
        }
        self.catch_up(session, report)?;
        self.demand_known(session, &differing, report)?;
        self.compare_touched(session, report)
    }

    /// Catches up and compares what was touched since the last comparison, until it is little.
    ///
    /// # Errors
    /// As [`Follow::prove`].
    pub fn compare_touched(
        &mut self,
        session: &mut Session,
        report: &mut dyn FnMut(&Progress),
    ) -> Result<()> {
        self.catch_up(session, report)?;
        if self.pending.is_blind() && self.behind {
            self.behind = false;
            return self.prove(session, report);
        }
        for _ in 0..8 {
            let before = match &mut self.since {
                Some(since) if since.len() > FEW => std::mem::take(since),
                _ => break,
            };
            self.since = Some(self.pending_alone());
            let mut differing = Vec::new();
            for number in 0..self.statements.len() {
                let keys = listed(before.of_table(number));
                differing.push(self.noted_differing(session, number, &keys)?);
            }
            self.catch_up(session, report)?;
            self.demand_known(session, &differing, report)?;
        }
        // All rows: what is touched from now on is looked at under the lock.
        self.orphans(session, None)
    }

    /// Compares every row under the lock.
    pub(crate) fn compare_all(&mut self, session: &mut Session) -> Result<()> {
        for number in 0..self.statements.len() {
            let keys = self.all_differing(session, number, None)?;
            if let Some(key) = keys.first() {
                return Err(self.differs(number, key).into());
            }
        }
        Ok(())
    }

    /// The keys of a table whose rows differ, looked for piece by piece: a long statement would
    /// hold up definitions, and whoever waits behind them.
    fn all_differing(
        &mut self,
        session: &mut Session,
        number: usize,
        mut follow: Option<&mut dyn FnMut(&Progress)>,
    ) -> Result<Keys> {
        let (statements, range) =
            (self.statements[number].all_differ.clone(), self.statements[number].range.clone());
        let Some(range) = range else { return self.keys_of(session, number, &statements) };
        let (mut all, mut low) = (Keys::new(), None);
        loop {
            sys::signal::check()?;
            let high: Option<(String,)> = session.first(&range.next(low.as_deref(), PIECE))?;
            let high = high.map(|(high,)| high);
            let conditions = range.conditions(low.as_deref(), high.as_deref());
            let pieces: Vec<String> = statements
                .iter()
                .zip(&conditions)
                .map(|(sql, and)| format!("{sql}{and}"))
                .collect();
            all.extend(self.keys_of(session, number, &pieces)?);
            if all.len() >= MOST {
                return Err(self.too_many(number).into());
            }
            if let Some(report) = follow.as_mut() {
                self.tell(report);
                if self.gatherer.waiting().0 > BATCH {
                    self.catch_up(session, report)?;
                }
            }
            if high.is_none() {
                return Ok(all);
            }
            low = high;
        }
    }

    fn noted_differing(
        &self,
        session: &mut Session,
        number: usize,
        keys: &[String],
    ) -> Result<Keys> {
        if keys.is_empty() {
            return Ok(Keys::new());
        }
        self.note(session, number, keys)?;
        self.keys_of(session, number, &self.statements[number].noted_differ)
    }

    /// What is pending was touched before, but is not equal yet.
    fn pending_alone(&self) -> Pending {
        let mut alone = Pending::of(self.statements.len());
        for number in 0..self.statements.len() {
            alone.put(number, listed(self.pending.of_table(number)));
        }
        alone
    }

    /// What was touched since the last comparison is compared, under the lock.
    pub(crate) fn compare_since(&mut self, session: &mut Session) -> Result<()> {
        let Some(since) = self.since.take() else {
            return self.compare_all(session);
        };
        let compared = self.compare_keys(session, &since);
        self.since = Some(since);
        compared
    }

    fn compare_keys(&self, session: &mut Session, since: &Pending) -> Result<()> {
        let mut touched = BTreeSet::new();
        for number in 0..self.statements.len() {
            let keys = listed(since.of_table(number));
            if let Some(key) = self.noted_differing(session, number, &keys)?.first() {
                return Err(self.differs(number, key).into());
            }
            if !keys.is_empty() {
                touched.insert(number);
            }
        }
        self.orphans(session, Some(&touched))
    }

    fn keys_of(&self, session: &mut Session, number: usize, statements: &[String]) -> Result<Keys> {
        let mut keys = Keys::new();
        for sql in statements {
            let found: Vec<(String,)> = session.rows(&format!("{sql} LIMIT {MOST}"))?;
            if found.len() == MOST {
                return Err(self.too_many(number).into());
            }
            keys.extend(found.into_iter().map(|(key,)| key));
        }
        Ok(keys)
    }

    /// Each row that differed was touched by a transaction that was read since.
    fn demand_known(
        &mut self,
        session: &mut Session,
        differing: &[Keys],
        report: &mut dyn FnMut(&Progress),
    ) -> Result<()> {
        for (number, keys) in differing.iter().enumerate() {
            let mut unknown = self.unknown(number, keys);
            // The server can write a key otherwise than the log. What is left is looked at again,
            // now that all was applied; a row that is written just then is in the log by the next
            // time.
            for _ in 0..LOOKS {
                if unknown.is_empty() {
                    break;
                }
                let still = self.noted_differing(session, number, &unknown)?;
                self.catch_up(session, report)?;
                unknown = self.unknown(number, &still);
            }
            if let Some(key) = unknown.first() {
                return Err(self.differs(number, key).into());
            }
        }
        Ok(())
    }

    fn unknown(&self, number: usize, keys: &Keys) -> Vec<String> {
        let known = self.since.as_ref().map(|since| since.of_table(number));
        keys.iter()
            .filter(|key| !known.is_some_and(|known| known.contains(*key)))
            .cloned()
            .collect()
    }

    fn too_many(&self, number: usize) -> Stop {
        let table = &self.pairs.pairs[number].table;
        refused(format!("more than {MOST} rows of `{table}` differ from the copy's"))
            .hint("The migration changes values, something writes past the log, or others write a lot: --strategy in-place runs it on the live schema.")
    }

    fn differs(&self, number: usize, key: &str) -> Stop {
        let table = &self.pairs.pairs[number].table;
        refused(format!(
            "a row of `{table}` differs from the copy's, and the server's log knows of no write \
             to it:\n  primary key  {}",
            shorten(key)
        ))
        .hint(
            "Something writes past the log (`sql_log_bin = 0`), a transaction ended that had been \
             prepared (XA) before the backup, or the migration changes values. `--strategy in-place` runs it on the live schema.",
        )
    }

    /// A new foreign key of the migration holds for all rows, or those of the touched tables.
    fn orphans(&self, session: &mut Session, touched: Option<&BTreeSet<usize>>) -> Result<()> {
        let number = |name: &str| self.pairs.pairs.iter().position(|pair| pair.table == name);
        for key in &self.pairs.new_keys {
            let Some(parent) = number(&key.parent) else { continue };
            let child = number(&key.child);
            let pair = |number: usize| &self.pairs.pairs[number];
            let orphans = Orphans::of(&self.target, key, child.map(pair));
            let statements = match (touched, child) {
                (None, _) => vec![orphans.all()],
                (Some(touched), None) => match touched.contains(&parent) {
                    true => vec![orphans.all()],
                    false => Vec::new(),
                },
                (Some(touched), Some(child)) => {
                    let of_child = orphans.of_child(&self.target, pair(child), child);
                    let of_parent = orphans.of_parent(&self.target, key, pair(parent), parent);
                    let ask = [(child, of_child), (parent, of_parent)];
                    ask.into_iter()
                        .filter(|(number, _)| touched.contains(number))
                        .map(|(_, sql)| sql)
                        .collect()
                }
            };
            for sql in statements {
                if let Some((row,)) = session.first::<(String,)>(&sql)? {
                    return Err(refused(format!(
                        "a row was meanwhile written to `{}` or `{}` that the new foreign \
                         key to `{}` does not allow:\n  primary key in `{}`  {}",
                        key.child,
                        key.parent,
                        key.parent,
                        key.child,
                        shorten(&row)
                    ))
                    .hint("Correct the row, or the migration, and run the command again.")
                    .into());
                }
            }
        }
        Ok(())
    }

    /// Adds the children of touched rows, where the server changes them without saying so.
    pub(crate) fn with_children(
        &self,
        session: &mut Session,
        mut touched: BTreeMap<usize, Keys>,
    ) -> Result<BTreeMap<usize, Keys>> {
        if self.logs_cascades || self.pairs.acting.is_empty() {
            return Ok(touched);
        }
        let number = |name: &str| self.pairs.pairs.iter().position(|pair| pair.table == name);
        let mut new = touched.clone();
        while !new.is_empty() {
            let mut found: BTreeMap<usize, Keys> = BTreeMap::new();
            for key in &self.pairs.acting {
                let (Some(child), Some(parent)) = (number(&key.child), number(&key.parent)) else {
                    continue;
                };
                let Some(keys) = new.get(&parent) else { continue };
                self.note(session, parent, &listed(keys))?;
                for schema in [&self.source, &self.target] {
                    let of = (&self.pairs.pairs[parent], parent);
                    let sql = children(schema, key, of, (&self.pairs.pairs[child], &self.target));
                    let rows: Vec<(String,)> = session.rows(&sql)?;
                    let known = touched.entry(child).or_default();
                    let rows =
                        rows.into_iter().map(|(row,)| row).filter(|row| known.insert(row.clone()));
                    found.entry(child).or_default().extend(rows);
                }
            }
            found.retain(|_, keys| !keys.is_empty());
            new = found;
        }
        touched.retain(|_, keys| !keys.is_empty());
        Ok(touched)
    }

    /// The target gives out no id that the source gave out before. Done before the lock, there is
    /// little left to do under it.
    ///
    /// # Errors
    /// The server refuses.
    pub fn raise_counters(&self, session: &mut Session) -> Result<()> {
        for pair in self.pairs.pairs.iter().filter(|pair| pair.numbered) {
            let next = |session: &mut Session, schema: &str| -> Result<u64> {
                let sql = format!("SHOW CREATE TABLE {}", qualified(schema, &pair.table));
                let row: Option<(String, String)> = session.first(&sql)?;
                Ok(row.and_then(|(_, ddl)| counter(&ddl)).unwrap_or(1))
            };
            let wanted = next(session, &self.source)?;
            if next(session, &self.target)? < wanted {
                let table = qualified(&self.target, &pair.table);
                session.run(&format!("ALTER TABLE {table} AUTO_INCREMENT = {wanted}"))?;
            }
        }
        Ok(())
    }
}

/// The next id, by a table's definition.
fn counter(ddl: &str) -> Option<u64> {
    // Behind the columns: a comment of one of them may say anything.
    let options = ddl.rsplit_once("\n)")?.1;
    let rest = options.split_once(" AUTO_INCREMENT=")?.1;
    rest.split(' ').next()?.parse().ok()
}
