//! Sends the rows: INSERTs of many rows, in transactions, over two connections.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};

use super::random::Random;
use super::rows::{self, Source, TABLES, Table};
use super::sizes::Sizes;
use model::ident::{literal, quote};
use ops::ctx::Ctx;
use server::{Server, Session};
use sys::signal;
use ui::{Bar, Total};

/// A statement is sent when it has become this long: with the longest row it
/// stays below one megabyte.
const STATEMENT_BYTES: usize = 900_000;
/// A transaction ends after this many bytes.
const COMMIT_BYTES: usize = 16 << 20;
/// SQL text at scale 1, for the progress bar.
const BYTES_AT_ONE: f64 = 3.0e8;
/// The table that is as large as all others: it has the second connection.
const LARGEST: &str = "watch_history";
/// The last table whose rows others refer to from the second connection.
const LAST_PARENT: &str = "profile";

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub seed: u64,
    pub scale: f64,
    /// How many rows, and behind which ids.
    pub sizes: Sizes,
}

/// What both connections have sent.
struct Progress {
    bar: Bar,
    bytes: u64,
    rows: BTreeMap<String, u64>,
}

/// Writes all rows; gives their number for each table.
///
/// # Errors
/// The server refuses, or someone pressed Ctrl-C; what was committed stays.
pub(crate) fn plant(
    ctx: &Ctx,
    server: &Server,
    session: &mut Session,
    mut plan: Plan,
) -> Result<BTreeMap<String, u64>> {
    let mut second = super::open(ctx, server)?;
    // The mark comes first and alone: whoever finds it knows that the seed was used.
    mark(session, &mut plan)?;
    let bar = ctx.ui.bar("seed", Total::About((plan.scale * BYTES_AT_ONE) as u64));
    let rows = BTreeMap::from([("account".to_owned(), 1)]);
    let progress = Mutex::new(Progress { bar, bytes: 0, rows });
    let stop = AtomicBool::new(false);
    let parents = TABLES.iter().position(|table| table.name == LAST_PARENT);
    let (early, late) = TABLES.split_at(parents.map_or(0, |at| at + 1));
    let mut line = Line { session, plan, stop: &stop, progress: &progress };
    line.tables(early.iter())?;
    let mut other = Line { session: &mut second, plan: line.plan.clone(), ..line };
    let (rest, largest) = thread::scope(|scope| {
        let largest =
            scope.spawn(move || other.tables(late.iter().filter(|table| table.name == LARGEST)));
        let rest = line.tables(late.iter().filter(|table| table.name != LARGEST));
        (rest, largest.join())
    });
    rest?;
    largest.map_err(|_| anyhow::anyhow!("the thread of the second connection died"))??;
    finish(line.session, &line.plan)?;
    let progress = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
    progress.bar.done();
    Ok(progress.rows)
}

/// Writes the account that says whose rows these are.
fn mark(session: &mut Session, plan: &mut Plan) -> Result<()> {
    put_behind(session, plan, "account")?;
    let source = Source { sizes: &plan.sizes, seed: plan.seed, scale: plan.scale };
    let table = TABLES.iter().find(|table| table.name == "account").context("accounts")?;
    let mut sql = begin(table);
    write_row(&mut sql, table, &source, 0);
    session.run(&sql)
}

/// Says on the mark that nothing is missing.
fn finish(session: &mut Session, plan: &Plan) -> Result<()> {
    let text = literal(&rows::mark(plan.seed, plan.scale, true));
    let email = literal(&rows::email(plan.seed, 0));
    session.run(&format!(
        "UPDATE account SET display_name = {text}, updated_at = updated_at WHERE email = {email}"
    ))
}

/// The new rows of a table get ids behind those that it has.
fn put_behind(session: &mut Session, plan: &mut Plan, table: &'static str) -> Result<()> {
    let highest: u64 =
        session.value(&format!("SELECT COALESCE(MAX(id), 0) FROM {}", quote(table)))?;
    plan.sizes.put_behind(table, highest);
    Ok(())
}

fn begin(table: &Table) -> String {
    format!("INSERT INTO {} ({}) VALUES ", quote(table.name), table.columns)
}

fn write_row(sql: &mut String, table: &Table, source: &Source<'_>, row: u64) {
    let number = TABLES.iter().position(|other| other.name == table.name).unwrap_or(0) as u64;
    (table.row)(sql, source, row, &mut Random::of(source.seed, number, row));
}

/// One connection and what it knows.
struct Line<'a> {
    session: &'a mut Session,
    plan: Plan,
    stop: &'a AtomicBool,
    progress: &'a Mutex<Progress>,
}

impl Line<'_> {
    fn tables<'t>(&mut self, tables: impl Iterator<Item = &'t Table>) -> Result<()> {
        for table in tables {
            let done = self.table(table).with_context(|| format!("fill `{}`", table.name));
            if done.is_err() {
                self.stop.store(true, Ordering::Relaxed);
                return done;
            }
        }
        Ok(())
    }

    fn note(&self, table: &str, bytes: u64, rows: u64) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = &mut *progress;
        progress.bytes += bytes;
        *progress.rows.entry(table.to_owned()).or_insert(0) += rows;
        progress.bar.set(progress.bytes, progress.rows.values().sum(), table);
    }

    fn table(&mut self, table: &Table) -> Result<()> {
        let rows = self.plan.sizes.rows(table.name);
        // The mark is the first account, and was there before.
        let first = u64::from(table.name == "account");
        let keyed = table.columns.starts_with("id,");
        if keyed && first == 0 {
            put_behind(self.session, &mut self.plan, table.name)?;
        }
        self.session.run("SET autocommit = 0")?;
        // The last row alone, so that the counter is behind all of them at once.
        self.send(table, rows - 1..rows)?;
        self.session.run("COMMIT")?;
        self.send(table, first..rows - 1)?;
        self.session.run("SET autocommit = 1")
    }

    fn send(&mut self, table: &Table, rows: std::ops::Range<u64>) -> Result<()> {
        let head = begin(table);
        let mut sql = String::with_capacity(STATEMENT_BYTES + (64 << 10));
        sql.push_str(&head);
        let (mut in_statement, mut uncommitted) = (0, 0);
        let last = rows.end;
        for row in rows {
            let source =
                Source { sizes: &self.plan.sizes, seed: self.plan.seed, scale: self.plan.scale };
            write_row(&mut sql, table, &source, row);
            in_statement += 1;
            if sql.len() < STATEMENT_BYTES && row + 1 < last {
                sql.push(',');
                continue;
            }
            signal::check()?;
            if self.stop.load(Ordering::Relaxed) {
                // The other connection failed, and says why.
                return Ok(());
            }
            self.session.run(&sql)?;
            uncommitted += sql.len();
            self.note(table.name, sql.len() as u64, in_statement);
            sql.truncate(head.len());
            in_statement = 0;
            if uncommitted > COMMIT_BYTES {
                self.session.run("COMMIT")?;
                uncommitted = 0;
            }
        }
        Ok(())
    }
}
